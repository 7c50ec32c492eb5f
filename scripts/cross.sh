#!/bin/sh
# cross.sh   Build for ARM without FFmpeg and server, and run under qemu the tests that do not compute for long (scripts/emulated_tests.txt).
set -eu
cd "$(dirname "$0")/.."

scripts/setup.sh build test cross
scripts/build.sh build-aarch64 --cross-file scripts/aarch64.ini -Dffmpeg=disabled -Dserver=disabled
WEIGHTS=no exec scripts/test.sh build-aarch64 --timeout-multiplier 30 $(cat scripts/emulated_tests.txt)
