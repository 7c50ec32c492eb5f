#!/bin/sh
# bench.sh BUILD [RECORDING...]   sotto and its rivals on the same recordings, in one interleaved run; see run.py.
# DATA=dir: recordings are taken from dir/speech. ROUNDS=n: repetitions (5). RIVALS=no: sotto alone.
set -eu
cd "$(dirname "$0")/.."
build=$1
shift

model=$("$build/sotto" model fetch base)
weights=$(python3 scripts/fetch.py base)
python=$(scripts/venv.sh "$build")
whisper=
if [ "${RIVALS:-yes}" != no ]; then
    whisper=$build/rivals
    bench/rivals.sh "$whisper" "$python" "$weights"
fi
exec "$python" bench/run.py --sotto "$build/sotto" --model "$model" --weights "$weights" --whisper-cpp "$whisper" \
    --data "${DATA:-}" --rounds "${ROUNDS:-5}" --work "$build/bench" "$@"
