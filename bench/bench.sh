#!/bin/sh
# bench.sh BUILD [RECORDING|OPTION...]   sotto and its rivals on the same recordings, in one interleaved run; see run.py, whose options these are:
# SET, DATA, RIVALS, LEVEL, ONLY, ROUNDS (5), MINUTES. Rivals are kept in BUILD-rivals, recordings, texts and results in BUILD-rivals/bench.
set -eu
cd "$(dirname "$0")/.."
build=$1
shift

model=$("$build/sotto" model fetch base)
weights=$(python3 scripts/fetch.py base)
python=$(scripts/venv.sh "$build")
rivals=${RIVALS:-}
if [ "$rivals" != no ]; then
    made=$rivals
    [ -n "$made" ] || case ${SET:-quick} in quick) made=fw-int8,wcpp-q8_0 ;; *) made=wcpp ;; esac
    LEVEL=${LEVEL:-} bench/rivals.sh "$build-rivals" "$python" "$weights" "$made"
fi
exec "$python" -B bench/run.py --sotto "$build/sotto" --model "$model" --weights "$weights" --installed "$build-rivals" --set "${SET:-quick}" \
    --data "${DATA:-}" --rivals "$rivals" --level "${LEVEL:-}" --only "${ONLY:-}" --rounds "${ROUNDS:-5}" --minutes "${MINUTES:-0}" \
    --work "$build-rivals/bench" "$@"
