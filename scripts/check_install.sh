#!/bin/sh
# check_install.sh BUILD   Install into a scratch folder, then do what a user of the library and of the program does.
set -eu
cd "$(dirname "$0")/.."
build=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

make install BUILD="$build" PREFIX=/usr DESTDIR="$root" >/dev/null
config=$(dirname "$(find "$root" -name sotto.pc)")
flags=$(PKG_CONFIG_PATH=$config PKG_CONFIG_SYSROOT_DIR=$root pkg-config --cflags --libs sotto)
for example in examples/*.c; do
    echo "$example"
    # shellcheck disable=SC2086
    cc -std=c11 -Wall -Wextra -Werror "$example" -o "$root/example" $flags
done
"$root/usr/bin/sotto" model fetch --list | grep -q '^base '
"$root/usr/bin/sotto" transcribe -q -m base assets/meeting.wav | grep -q '[a-z]'
"$root/example" "$("$root/usr/bin/sotto" model fetch base)" assets/meeting.wav | grep -q '[a-z]'
