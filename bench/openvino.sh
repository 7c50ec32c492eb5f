#!/bin/sh
# openvino.sh FOLDER WEIGHTS   OpenVINO GenAI in FOLDER/openvino, an environment of its own, and Whisper as its stock exporter makes it in INT8 in
# FOLDER/openvino-int8, from the weights that sotto has. The exporter needs torch: 6 GB in FOLDER/export, removed at the end. What is there is kept.
set -eu
mkdir -p "$1"
folder=$(cd "$1" && pwd)
weights=$2
here=$(cd "$(dirname "$0")" && pwd)
export HF_HUB_OFFLINE=1

# environment FOLDER REQUIREMENTS
environment() {
    [ -e "$1/installed" ] && return
    echo "installing $(basename "$2" .txt | sed s/requirements-//)" >&2
    python3 -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2" >&2
    touch "$1/installed"
}

environment "$folder/openvino" "$here/requirements-openvino.txt"
[ -e "$folder/openvino-int8/openvino_detokenizer.xml" ] && exit
environment "$folder/export" "$here/requirements-export.txt"
echo "converting Whisper for OpenVINO" >&2
if ! {
    PYTHONPATH=$here "$folder/export/bin/python" -B "$here/to_huggingface.py" "$weights" "$folder/huggingface" &&
        "$folder/export/bin/optimum-cli" export openvino -m "$folder/huggingface" --task automatic-speech-recognition-with-past \
            --weight-format int8 "$folder/openvino-part"
} >"$folder/openvino.log" 2>&1; then
    tail -n 30 "$folder/openvino.log" >&2
    exit 1
fi
mv "$folder/openvino-part" "$folder/openvino-int8"
rm -rf "$folder/export" "$folder/huggingface"
