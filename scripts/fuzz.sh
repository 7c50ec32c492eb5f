#!/bin/sh
# fuzz.sh BUILD SECONDS   Build the fuzz targets with clang's libFuzzer and run each for SECONDS. What breaks one stays in BUILD/findings.
set -eu
build=$1 seconds=$2
cd "$(dirname "$0")/.."

CC=clang scripts/build.sh "$build" -Dfuzzers=true -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
mkdir -p "$build/findings"
failed=0 passed=0
for target in "$build"/tests/fuzz/fuzz_*; do
    [ -f "$target" ] && [ -x "$target" ] || continue
    name=$(basename "$target")
    mkdir -p "$build/corpus/$name"
    set -- "$build/corpus/$name"
    [ ! -d "tests/fuzz/corpus/$name" ] || set -- "$@" "tests/fuzz/corpus/$name"
    echo "$name, $seconds s" >&2
    if "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -verbosity=0 -print_final_stats=1 \
        -artifact_prefix="$build/findings/$name-" "$@" >"$build/$name.log" 2>&1; then
        passed=$((passed + 1))
        sed -n 's/^stat::number_of_executed_units: */    runs: /p' "$build/$name.log" >&2
    else
        failed=$((failed + 1))
        tail -40 "$build/$name.log" >&2
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
