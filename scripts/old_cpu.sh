#!/bin/sh
# old_cpu.sh BUILD CPU   Run the tests that need no weights on an emulated older CPU (Nehalem: before AVX; Haswell: AVX2).
# Those that compute for long are left out (scripts/emulated_tests.txt lists the others): an emulator is some fifty times slower.
# An instruction that such a CPU lacks ends a test with an illegal-instruction signal.
set -eu
cd "$(dirname "$0")/.."
build=$1 cpu=$2

scripts/setup.sh build test emulate
QEMU_CPU=$cpu WEIGHTS=no exec scripts/test.sh "$build" --wrapper qemu-x86_64 --timeout-multiplier 30 \
    $(cat scripts/emulated_tests.txt)
