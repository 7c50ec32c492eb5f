#!/bin/sh
# sanitize.sh address|thread   Build with the sanitizer (address: undefined behaviour too) and run the tests that need no weights.
set -eu
cd "$(dirname "$0")/.."
kind=$1
case $kind in
address)
    sanitizers=address,undefined
    # gcc takes many minutes over the instrumented plain C kernels, clang seconds.
    export CC=clang
    ;;
thread) sanitizers=thread ;;
*) echo "usage: sanitize.sh address|thread" >&2; exit 2 ;;
esac

# clang: gcc takes minutes for the kernels when their code is instrumented.
scripts/setup.sh build test sanitize
CC=clang scripts/build.sh "build-$kind" -Dbuildtype=debugoptimized -Db_sanitize="$sanitizers" -Db_lundef=false

export ASAN_OPTIONS=abort_on_error=1:allocator_may_return_null=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export TSAN_OPTIONS=halt_on_error=1
export SOTTO_TEST_KILLS=4 # of the server under load: each costs a start
# -R: the thread sanitizer cannot place its shadow memory under full address randomisation.
WEIGHTS=no exec setarch "$(uname -m)" -R scripts/test.sh "build-$kind" --timeout-multiplier 10
