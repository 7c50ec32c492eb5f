#!/bin/sh
# build.sh [FOLDER]   Build the overlay gemm.xclbin with the open AIE tools and put it where sotto looks for it.
# Needs an environment with mlir-aie and llvm-aie (Peano); see docs/npu.md. For one overlay a shape instead: stock.sh. UNTESTED ON SILICON, and so is what it builds.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-${XDG_DATA_HOME:-$HOME/.local/share}/sotto/npu}

command -v aiecc.py >/dev/null || { echo "aiecc.py is missing: activate the environment with mlir-aie (docs/npu.md)" >&2; exit 1; }
packages=$(python3 -c 'import aie, os; print(os.path.dirname(os.path.dirname(os.path.dirname(aie.__file__))))')
peano=${PEANO_INSTALL_DIR:-$(python3 -c 'import site, os; print(next((os.path.join(p, "llvm-aie") for p in site.getsitepackages() if os.path.isdir(os.path.join(p, "llvm-aie"))), ""))')}
[ -x "$peano/bin/clang++" ] || { echo "Peano is missing: set PEANO_INSTALL_DIR or install llvm-aie (docs/npu.md)" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$peano/bin/clang++" --target=aie2-none-unknown-elf -std=c++20 -O2 -DNDEBUG -I "$packages/include" -I "$here" \
    -c "$here/gemm_core.cc" -o gemm_core.o
python3 "$here/gemm.py" >gemm.mlir
# The loops' counts are known at run time only, so the object FIFOs must not be unrolled.
aiecc.py --aie-generate-xclbin --no-compile-host --no-xchesscc --no-xbridge --peano "$peano" --dynamic-objFifos \
    --xclbin-name=gemm.xclbin gemm.mlir
mkdir -p "$target"
cp gemm.xclbin "$target/gemm.xclbin.new"
mv "$target/gemm.xclbin.new" "$target/gemm.xclbin"
echo "built $target/gemm.xclbin; now run: sotto device inspect $target/gemm.xclbin && sotto device check"
