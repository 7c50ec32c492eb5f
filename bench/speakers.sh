#!/bin/sh
# speakers.sh BUILD [RECORDING]   Who speaks, beside ONNX Runtime: the networks in one interleaved run on one core (speakers.py), then whole
# recordings, alone and together with their text (diarize.py). ROUNDS=n: 5.
set -eu
cd "$(dirname "$0")/.."
build=$1 recording=${2:-assets/meeting.wav}

ninja -C "$build" --quiet bench/bench_speakers
model=$("$build/sotto" model fetch speakers)
text=$("$build/sotto" model fetch base)
tensors=$(python3 scripts/fetch.py speakers)/speakers.safetensors
python=$(scripts/venv.sh "$build")
taskset -c "${CORE:-0}" "$python" bench/speakers.py "$build/bench/bench_speakers" "$model" "$tensors" "$recording" "${ROUNDS:-5}"
"$python" bench/diarize.py "$build/sotto" "$text" "$tensors" "$recording" "${ROUNDS:-3}"
