#!/bin/sh
# test.sh BUILD [MESON TEST OPTION...]   Run every test; the last line counts them. WEIGHTS=no: those that need weights are skipped.
set -u
build=$1
shift
cd "$(dirname "$0")/.." || exit 1

if [ "${WEIGHTS:-yes}" = no ]; then
    # An empty cache: nothing that a test does can depend on what this machine has.
    SOTTO_MODELS=$(mktemp -d)
    export SOTTO_MODELS
    trap 'rm -rf "$SOTTO_MODELS"' EXIT
else
    for name in base tiny.en vad speakers; do
        "$build/sotto" model fetch -q "$name" || exit 1
    done
    "$build/sotto" model fetch -q speakers --precision f32 || exit 1
fi

# OpenAI's own client, which the server is tested with.
wanted=tests/server/requirements.txt
if [ "${WEIGHTS:-yes}" != no ] && ! cmp -s "$wanted" "$build/venv-client/installed.txt"; then
    python3 -m venv "$build/venv-client" && "$build/venv-client/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" >&2 &&
        cp "$wanted" "$build/venv-client/installed.txt" || exit 1
fi

rm -f "$build"/meson-logs/testlog*.json # its name has the wrapper's in it
# One more at a time than there are cores, for the longest waits more than it computes.
meson test -C "$build" --no-rebuild --print-errorlogs --num-processes $(($(nproc) + 1)) "$@"
status=$?
python3 scripts/count_tests.py "$build"/meson-logs/testlog*.json || exit 1
exit $status
