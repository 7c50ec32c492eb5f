#!/bin/sh
# venv.sh BUILD   A Python environment with faster-whisper and the scorer in BUILD/venv; prints the path of its Python.
set -eu
build=$1
wanted=$(dirname "$0")/../tests/accuracy/requirements.txt

if ! cmp -s "$wanted" "$build/venv/installed.txt"; then
    python3 -m venv "$build/venv" >&2
    "$build/venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >&2
    cp "$wanted" "$build/venv/installed.txt"
fi
echo "$build/venv/bin/python"
