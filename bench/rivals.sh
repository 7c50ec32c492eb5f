#!/bin/sh
# rivals.sh FOLDER PYTHON WEIGHTS WHICH   What sotto is measured beside, made once in FOLDER; WHICH are the keys that run.py lists, separated by
# commas, or `all`. whisper.cpp is built from the source that the package pywhispercpp carries, for this machine and with LEVEL=avx2 also held
# to AVX2, and gets sotto's weights as f16 and q8_0; OpenVINO is made by openvino.sh. faster-whisper needs nothing more than PYTHON.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd) python=$2 weights=$3 which=,$4,
here=$(cd "$(dirname "$0")" && pwd)
version=1.5.1
sha256=5df897e5dd9d9f16804fc937bd85b9f5880a0b29a55f8843585e0e03d76195e5

# build NAME OPTION...
build() {
    name=$1
    shift
    [ -x "$folder/$name/bin/whisper-cli" ] && return
    package=$folder/pywhispercpp-$version.tar.gz
    if [ ! -f "$package" ]; then
        python3 "$here/../scripts/fetch_package.py" pywhispercpp "pywhispercpp-$version.tar.gz" 9756087 "$sha256" "$package"
    fi
    echo "building whisper.cpp ($name)" >&2
    tar -xzf "$package" -C "$folder"
    if ! {
        cmake -S "$folder/pywhispercpp-$version/whisper.cpp" -B "$folder/$name" -DCMAKE_BUILD_TYPE=Release "$@" &&
            cmake --build "$folder/$name" -j"$(nproc)" --target whisper-cli whisper-quantize
    } >"$folder/$name.log" 2>&1; then
        tail -n 30 "$folder/$name.log" >&2
        exit 1
    fi
}

case $which in *wcpp* | ,all,)
    build native -DGGML_NATIVE=ON
    if [ "${LEVEL:-}" = avx2 ]; then
        build avx2 -DGGML_NATIVE=OFF -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON -DGGML_BMI2=ON -DGGML_SSE42=ON -DGGML_AVX512=OFF
    fi
    if [ ! -f "$folder/base-q8_0.bin" ]; then
        "$python" -B "$here/to_ggml.py" "$weights" "$folder/base-f16.bin"
        "$folder/native/bin/whisper-quantize" "$folder/base-f16.bin" "$folder/base-q8_0.part" q8_0 >>"$folder/native.log" 2>&1
        mv "$folder/base-q8_0.part" "$folder/base-q8_0.bin"
    fi ;;
esac
case $which in *,ov-* | ,all,) "$here/openvino.sh" "$folder" "$weights" ;; esac
