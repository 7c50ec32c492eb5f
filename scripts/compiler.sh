#!/bin/sh
# compiler.sh gcc|clang   Build everything with warnings as errors, and run the tests that need no weights.
set -eu
cd "$(dirname "$0")/.."
compiler=$1

scripts/setup.sh build test
[ "$compiler" = gcc ] || scripts/setup.sh sanitize
CC=$compiler scripts/build.sh "build-$compiler" --werror
WEIGHTS=no exec scripts/test.sh "build-$compiler"
