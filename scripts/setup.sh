#!/bin/sh
# setup.sh GROUP...   Install the Debian packages of these groups that are missing, and nothing else.
# When nothing is missing it touches neither apt nor the network.
# shellcheck disable=SC2034,SC2086 # the groups are read by name, and lists are to be split
set -eu

build="gcc libc6-dev make meson ninja-build pkg-config python3 ca-certificates
       libavformat-dev libavcodec-dev libavutil-dev libjansson-dev libprotobuf-c-dev protobuf-c-compiler
       libxxhash-dev zlib1g-dev libmicrohttpd-dev libseccomp-dev nettle-dev libwslay-dev"
test="libcmocka-dev python3-venv strace"
page="chromium chromium-driver python3-selenium"
venv="python3-venv"
deb="dpkg-dev binutils"
fuzz="clang llvm libclang-rt-14-dev"
rivals="cmake g++"
sanitize="clang libclang-rt-14-dev"
emulate="qemu-user"
cross="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
       libjansson-dev:arm64 libprotobuf-c-dev:arm64 libxxhash-dev:arm64 zlib1g-dev:arm64 libcmocka-dev:arm64"

wanted=
for group in "$@"; do
    case $group in
    build | test | page | venv | deb | fuzz | rivals | sanitize | emulate | cross) eval "wanted=\"\$wanted \$$group\"" ;;
    *) echo "setup.sh: unknown group $group" >&2; exit 2 ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: not a Debian system, so nothing is installed; needed are the equivalents of:" $wanted >&2
    exit 0
fi

native=$(dpkg --print-architecture)
installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}:${Architecture}\n' | sed -n 's/^installed //p')
missing=
for package in $wanted; do
    printf '%s\n' "$installed" | grep -qxF -e "$package" -e "$package:$native" -e "$package:all" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

# Packages for another architecture can be had only once dpkg knows of it.
foreign=
case $missing in *:arm64*)
    dpkg --print-foreign-architectures | grep -qx arm64 || foreign="dpkg --add-architecture arm64" ;;
esac

if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null; then
    root=sudo
else
    echo "Debian packages are missing, and neither root nor sudo is at hand. As root, run:" >&2
    [ -z "$foreign" ] || echo "    $foreign" >&2
    echo "    apt-get update && apt-get install --no-install-recommends$missing" >&2
    exit 1
fi

echo "installing Debian packages:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
[ -z "$foreign" ] || $root $foreign
$root apt-get update -qq
$root apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $missing >&2
