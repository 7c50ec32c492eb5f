#!/bin/sh
# stock.sh MLIR_AIE [MODEL] [FOLDER]   Build one overlay for each shape of a model's encoder with the stock INT8 design of mlir-aie
# (programming_examples/basic/matrix_multiplication/whole_array), and a catalogue of them beside gemm.xclbin. sotto prefers what was
# built for a shape to what serves all. MLIR_AIE is a checkout whose environment is active. UNTESTED ON SILICON.
set -eu
[ $# -ge 1 ] || { sed -n '2,4p' "$0" >&2; exit 2; }
source=$1/programming_examples/basic/matrix_multiplication/whole_array
model=${2:-base}
target=${3:-${XDG_DATA_HOME:-$HOME/.local/share}/sotto/npu}
sotto=${SOTTO:-$(cd "$(dirname "$0")/.." && pwd)/build/sotto}
[ -f "$source/Makefile" ] || { echo "$source has no Makefile: is $1 a checkout of mlir-aie?" >&2; exit 1; }

# The most that the hardware keeps loaded side by side is 6; more take turns, which costs milliseconds each time.
shapes=$("$sotto" device plan "$model" | sed -n 's/^  shape \([0-9x]*\),.*/\1/p')
[ -n "$shapes" ] || { echo "sotto device plan $model names no shapes" >&2; exit 1; }
mkdir -p "$target"
catalogue=$(mktemp)
trap 'rm -f "$catalogue"' EXIT
echo "# KIND FILE INSTRUCTIONS SHAPE ORDER, written by npu/stock.sh for $model" >"$catalogue"
for shape in $shapes; do
    m=${shape%%x*} n=${shape##*x} k=${shape#*x}
    k=${k%x*}
    size="M=$m K=$k N=$n m=64 k=64 n=32 dtype_in=i8 dtype_out=i32 n_aie_cols=4 devicename=npu"
    # shellcheck disable=SC2086
    make -C "$source" $size "build/final_${m}x${k}x${n}_64x64x32_4c.xclbin" "build/insts_${m}x${k}x${n}_64x64x32_4c.txt"
    cp "$source/build/final_${m}x${k}x${n}_64x64x32_4c.xclbin" "$target/stock_$shape.xclbin"
    cp "$source/build/insts_${m}x${k}x${n}_64x64x32_4c.txt" "$target/stock_$shape.insts"
    echo "stock stock_$shape.xclbin stock_$shape.insts $shape ABC" >>"$catalogue"
done
cp "$catalogue" "$target/overlays.txt"
echo "built $(grep -c '^stock' "$target/overlays.txt") overlays in $target; now run: sotto device check"
