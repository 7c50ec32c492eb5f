#!/bin/sh
# speakers.sh BUILD [RECORDING]   The speaker networks and ONNX Runtime in one interleaved run on one core; see speakers.py. ROUNDS=n: 5.
set -eu
cd "$(dirname "$0")/.."
build=$1 recording=${2:-assets/meeting.wav}

ninja -C "$build" --quiet bench/bench_speakers
model=$("$build/sotto" model fetch speakers)
tensors=$(python3 scripts/fetch.py speakers)/speakers.safetensors
python=$(scripts/venv.sh "$build")
exec taskset -c "${CORE:-0}" "$python" bench/speakers.py "$build/bench/bench_speakers" "$model" "$tensors" "$recording" "${ROUNDS:-5}"
