#!/bin/sh
# install.sh BUILD PREFIX DESTDIR   Install the program, the library, its header and its pkg-config file.
set -eu
build=$1 prefix=$2 destdir=$3
cd "$(dirname "$0")/.."

meson configure "$build" -Dprefix="$prefix" >/dev/null
if [ -n "$destdir" ]; then
    mkdir -p "$destdir"
    DESTDIR=$(cd "$destdir" && pwd)
    export DESTDIR
fi
exec meson install -C "$build"
