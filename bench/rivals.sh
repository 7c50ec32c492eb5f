#!/bin/sh
# rivals.sh FOLDER PYTHON WEIGHTS   Build whisper.cpp in FOLDER from the source that the package pywhispercpp carries, and give it the
# same weights as q8_0. What is there already is kept.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd) python=$2 weights=$3
here=$(cd "$(dirname "$0")" && pwd)
version=1.5.1
sha256=5df897e5dd9d9f16804fc937bd85b9f5880a0b29a55f8843585e0e03d76195e5

if [ ! -x "$folder/bin/whisper-cli" ]; then
    package=$folder/pywhispercpp-$version.tar.gz
    if [ ! -f "$package" ]; then
        python3 "$here/../scripts/fetch_package.py" pywhispercpp "pywhispercpp-$version.tar.gz" 9756087 "$sha256" "$package"
    fi
    echo "building whisper.cpp" >&2
    tar -xzf "$package" -C "$folder"
    if ! {
        cmake -S "$folder/pywhispercpp-$version/whisper.cpp" -B "$folder" -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON &&
            cmake --build "$folder" -j"$(nproc)" --target whisper-cli whisper-quantize
    } >"$folder/log" 2>&1; then
        tail -n 30 "$folder/log" >&2
        exit 1
    fi
fi
if [ ! -f "$folder/base-q8_0.bin" ]; then
    "$python" "$here/to_ggml.py" "$weights" "$folder/base-f16.bin"
    "$folder/bin/whisper-quantize" "$folder/base-f16.bin" "$folder/base-q8_0.part" q8_0 >>"$folder/log" 2>&1
    mv "$folder/base-q8_0.part" "$folder/base-q8_0.bin"
fi
