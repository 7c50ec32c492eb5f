#!/bin/sh
# accuracy.sh BUILD DATA   Word error rates and parity beside faster-whisper, on the recordings of DATA/speech, and
# diarization error rates beside the same pipeline in Python, on DATA/diarization.
set -eu
cd "$(dirname "$0")/.."
build=$1 data=$2

python=$(scripts/venv.sh "$build")
ninja -C "$build" --quiet tests/accuracy/dump
int8=$("$build/sotto" model fetch base)
f32=$("$build/sotto" model fetch base --precision f32)
weights=$(python3 scripts/fetch.py base)

# The rival's threads wait asleep, so that it gets on beside other work; only its errors are measured here.
export OMP_WAIT_POLICY=passive KMP_BLOCKTIME=0
status=0
"$python" tests/accuracy/parity.py "$build/tests/accuracy/dump" "$int8" "$f32" "$weights" "$data" || status=1
"$python" tests/accuracy/wer.py "$build/sotto" "$weights" "$data" "$build/accuracy" || status=1
"$python" tests/accuracy/word_times.py "$build/sotto" "$weights" "$data" "$build/accuracy" || status=1
if [ -d "$data/diarization" ]; then
    ninja -C "$build" --quiet tests/accuracy/speakers_dump
    int8=$("$build/sotto" model fetch speakers)
    f32=$("$build/sotto" model fetch speakers --precision f32)
    tensors=$(python3 scripts/fetch.py speakers)/speakers.safetensors
    "$python" tests/accuracy/speaker_parity.py "$build/tests/accuracy/speakers_dump" "$int8" "$f32" "$tensors" "$data" || status=1
    "$python" tests/accuracy/diarization.py "$build/sotto" "$tensors" "$data" "$build/accuracy/diarization" || status=1
fi
"$python" tests/accuracy/trust.py "$build/sotto" "$weights" "$data" "$build/accuracy" || status=1
"$python" tests/accuracy/imports.py "$build/sotto" "$weights" "$data" "$build/imports" || status=1
exit $status
