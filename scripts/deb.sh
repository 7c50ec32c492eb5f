#!/bin/sh
# deb.sh BUILD [DIR]   Make a Debian package of BUILD/sotto, in DIR (BUILD): the program, its unit, its user, /etc/default/sotto, documents.
set -eu
build=$1 out=${2:-$1}
cd "$(dirname "$0")/.."
version=$(sed -n "s/^project(.*, version: '\([^']*\)'.*/\1/p" meson.build)
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
package=$root/sotto
umask 022

install -D -m 755 "$build/sotto" "$package/usr/bin/sotto"
strip "$package/usr/bin/sotto"
mkdir -p "$package/usr/share/sotto/sotto_fetch" "$package/usr/share/doc/sotto" "$package/DEBIAN"
install -m 755 scripts/fetch.py "$package/usr/share/sotto/"
install -m 644 models/catalogue.json "$package/usr/share/sotto/"
install -m 644 scripts/sotto_fetch/*.py "$package/usr/share/sotto/sotto_fetch/"
install -D -m 644 docs/server/default "$package/etc/default/sotto"
install -D -m 644 docs/server/sysusers.conf "$package/usr/lib/sysusers.d/sotto.conf"
mkdir -p "$package/lib/systemd/system"
sed 's,/usr/local/,/usr/,' docs/server/sotto.service >"$package/lib/systemd/system/sotto.service"
install -m 644 docs/server.md docs/server/alerts.yml docs/server/dashboard.json docs/server/nginx.conf "$package/usr/share/doc/sotto/"
{
    printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: sotto\n\nFiles: *\nCopyright: '
    sed -n 's/^Copyright (c) //p' LICENSE
    printf 'License: Expat\n'
    sed -n '/^Permission/,$p' LICENSE | sed 's/^$/./; s/^/ /'
} >"$package/usr/share/doc/sotto/copyright"
date=$(git log -1 --format=%cD 2>/dev/null || date -R)
printf 'sotto (%s) unstable; urgency=low\n\n  * See the history of the sources.\n\n -- sotto <sotto@sotto.invalid>  %s\n' "$version" "$date" |
    gzip -9n >"$package/usr/share/doc/sotto/changelog.gz"

# What the program is linked to, as the packages that have it. dpkg-shlibdeps wants to see a source tree.
mkdir "$root/debian"
printf 'Source: sotto\n\nPackage: sotto\nArchitecture: any\n' >"$root/debian/control"
depends=$(cd "$root" && dpkg-shlibdeps -O -e sotto/usr/bin/sotto 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "deb.sh: dpkg-shlibdeps does not know what the program depends on" >&2; exit 1; }
cat >"$package/DEBIAN/control" <<END
Package: sotto
Version: $version
Architecture: $architecture
Maintainer: sotto <sotto@sotto.invalid>
Section: sound
Priority: optional
Depends: $depends, adduser
Recommends: python3, ca-certificates
Installed-Size: $(du -sk "$package/usr" | cut -f1)
Description: speech to text with speakers
 sotto turns recorded speech into text with times and speakers, by OpenAI's
 Whisper in INT8: a command, and a server with OpenAI's transcription API.
 .
 Models are fetched by "sotto model fetch NAME", which needs Python.
END
echo /etc/default/sotto >"$package/DEBIAN/conffiles"
cat >"$package/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    getent passwd sotto >/dev/null || adduser --quiet --system --group --no-create-home --home /var/lib/sotto sotto
    if [ -d /run/systemd/system ]; then
        systemctl --system daemon-reload || true
        deb-systemd-invoke try-restart sotto.service || true
    fi
fi
END
cat >"$package/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    deb-systemd-invoke stop sotto.service || true
fi
END
cat >"$package/DEBIAN/postrm" <<'END'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload || true
fi
END
chmod 755 "$package/DEBIAN/postinst" "$package/DEBIAN/prerm" "$package/DEBIAN/postrm"
(cd "$package" && find usr lib etc -type f -exec md5sum {} + >DEBIAN/md5sums)
mkdir -p "$out"
dpkg-deb --root-owner-group -b "$package" "$out/sotto_${version}_$architecture.deb" >/dev/null
echo "$out/sotto_${version}_$architecture.deb"
