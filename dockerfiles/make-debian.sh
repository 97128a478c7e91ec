#!/bin/sh
# Makes the image debian:bookworm-slim with debootstrap, for machines that cannot pull it from a registry:
#     sudo dockerfiles/make-debian.sh [NAME]
# Uses the mirror of this machine's apt, and copies certificates that were added to this machine. Does nothing if the image exists.
set -eu
name=${1:-debian:bookworm-slim}
suite=bookworm
export PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C
fail() { echo "make-debian.sh: $1" >&2 && exit 1; }

docker version >/dev/null 2>&1 || fail "expected a running Docker engine that this user may use, found none: see docker version"
if docker image inspect "$name" >/dev/null 2>&1; then exit 0; fi
[ "$(id -u)" = 0 ] || fail "debootstrap needs root, found user $(id -un): run it with sudo"
command -v debootstrap >/dev/null || fail "expected debootstrap, found none: apt-get install debootstrap"

sources() { # one line per archive: address, suite; apt reads both formats of its source lists
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' | sort -u
}
of_debian() { grep -E "/debian(-security)?/* $suite(-updates|-security)?\$" || true; }
found=$(sources | of_debian)
if [ -z "$found" ]; then apt-get update -qq && found=$(sources | of_debian); fi
mirror=$(echo "$found" | sed -n "s/ $suite\$//p" | head -n 1)
[ -n "$mirror" ] || fail "expected an archive of Debian $suite among this machine's apt sources, found none: add one"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
logged() { # runs a command and shows its output only if it fails
    "$@" >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2 && fail "expected this command to succeed, found it failed: $*"; }
}
mkdir -p "$root/etc/dpkg/dpkg.cfg.d" "$root/etc/apt/apt.conf.d" "$root/usr/local/share/ca-certificates"
cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'END'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/groff/*
path-exclude /usr/share/lintian/*
path-exclude /usr/share/locale/*
END
echo 'Acquire::Languages "none";' >"$root/etc/apt/apt.conf.d/slim"
cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
logged debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror"
logged chroot "$root" update-ca-certificates

echo "$found" | while read -r address release; do echo "deb $address $release main"; done >"$root/etc/apt/sources.list"
logged chroot "$root" apt-get update
logged env DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get dist-upgrade -y
: >"$root/etc/resolv.conf"
: >"$root/etc/machine-id"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/* "$root"/var/log/* "$root"/tmp/* "$root"/etc/hostname
find "$root/usr/share/doc" -type f ! -name copyright -delete # debootstrap unpacked these before dpkg could exclude them
rm -rf "$root"/usr/share/man/* "$root"/usr/share/info/* "$root"/usr/share/locale/*
tar -C "$root" --numeric-owner --one-file-system -c . | docker import --change 'CMD ["bash"]' - "$name" >/dev/null
docker image inspect --format "$name: {{.Size}} bytes" "$name"
