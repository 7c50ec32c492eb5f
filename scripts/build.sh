#!/bin/sh
# build.sh BUILD [MESON OPTION...]   Configure BUILD when it is new, then build what changed.
# shellcheck disable=SC2086 # an option that is not there is no argument
set -eu
build=$1
shift
cd "$(dirname "$0")/.."

if [ ! -f "$build/build.ninja" ]; then
    log=$(mktemp)
    if ! meson setup "$build" "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        exit 1
    fi
    rm -f "$log"
fi
quiet=--quiet
[ ! -t 1 ] || quiet= # on a terminal ninja keeps to one line
exec ninja -C "$build" $quiet
