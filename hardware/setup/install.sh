#!/bin/sh
# Installs the Debian packages of the named groups (build, run, test, aside) that are missing.
#
#   hardware/setup/install.sh build run
#
# Those of the group `aside` are servers that a plain installation would start and keep
# running on this machine: they are unpacked into target/aside and nothing else.
#
# Quick and silent about success when nothing is missing. Uses apt-get as root or through
# sudo. ORMATRIX_SKIP_INSTALL=1 leaves the host alone: for systems other than Debian and
# Ubuntu, where the packages have other names.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
list=$here/packages

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

if ! command -v cargo >/dev/null 2>&1; then
    fail "Rust is missing: there is no 'cargo' on the PATH." \
        "Get it from https://rustup.rs (one command, no root needed), open a new shell" \
        "and try again."
fi

[ "${ORMATRIX_SKIP_INSTALL:-0}" = 1 ] && exit 0
[ $# -gt 0 ] || fail "usage: $0 GROUP... with groups build, run, test, aside"

for group; do
    grep -q "^$group " "$list" || fail "$list knows no group '$group'; it has build, run, test and aside."
done

# "package<TAB>what for" of every group asked for.
packages() {
    for group; do
        sed -n "s/^$group  *\([^ ]*\)  *\(.*\)/\1\t\2/p" "$list"
    done
}
beside=$(for group; do [ "$group" != aside ] || packages aside | cut -f1; done)
wanted=$(for group; do [ "$group" = aside ] || packages "$group"; done)
names=$(printf '%s\n' "$wanted" | cut -f1)

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    system=$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null || true)
    fail "This is ${system:-not a Debian system}; packages are installed on Debian and Ubuntu only." \
        "Install what corresponds to these Debian packages, then set ORMATRIX_SKIP_INSTALL=1:" \
        "$(printf '%s\n' "$wanted" | sed 's/^/  /; s/\t/: /')"
fi

# shellcheck disable=SC2086 # package names hold no spaces
present=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $names 2>/dev/null |
    sed -n 's/^installed //p' || true)
missing=
for name in $names; do
    printf '%s\n' "$present" | grep -qxF "$name" || missing="$missing $name"
done

if [ -n "$missing" ]; then
    echo "These packages are missing and will be installed:"
    for name in $missing; do
        printf '%s\n' "$wanted" | awk -F'\t' -v name="$name" \
            '$1 == name { printf "  %-33s %s\n", $1, $2; exit }'
    done

    by_hand="apt-get install --no-install-recommends$missing"
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif ! command -v sudo >/dev/null 2>&1; then
        fail "" "That takes root, and there is no sudo here. As root, run:" "  $by_hand" \
            "and try again."
    elif [ -t 0 ]; then
        as_root=sudo
    elif sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        fail "" "That takes root: sudo asks for a password and there is no terminal to ask on." \
            "Run it once by hand:" "  sudo $by_hand" "and try again."
    fi

    # Another apt may be at work, as on a machine that has just started: wait for it.
    apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300"
    # shellcheck disable=SC2086 # two words each on purpose
    $apt update </dev/null || echo "apt-get update failed; trying with the package lists as they are." >&2
    # shellcheck disable=SC2086
    $apt install -y --no-install-recommends $missing </dev/null || fail "" \
        "apt-get could not install them; what it said stands above. Usual causes: no network," \
        "or package sources without 'main'. When it is mended, try again; or by hand, as root:" \
        "  $by_hand"
fi

aside=$here/../../${CARGO_TARGET_DIR:-target}/aside
case ${CARGO_TARGET_DIR:-} in /*) aside=$CARGO_TARGET_DIR/aside ;; esac
requirements=$here/../../control-api/tests/schemathesis/requirements.txt
wanted=$(printf '%s\n' "$beside" && cat "$requirements")
if [ -n "$beside" ] && [ "$(cat "$aside/complete" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$aside"
    mkdir -p "$aside/packages"
    download() {
        # shellcheck disable=SC2086 # package names hold no spaces
        (cd "$aside/packages" && apt-get -q download $beside)
    }
    # Without the lists of a machine that was just set up it needs root, once.
    download || { [ "$(id -u)" -eq 0 ] && apt-get -q update && download; } || fail "" \
        "apt-get could not download these packages; what it said stands above. When their list" \
        "is old, \`apt-get update\` as root mends it."
    for package in "$aside"/packages/*.deb; do
        dpkg-deb -x "$package" "$aside"
    done
    # What the API is tested with comes from PyPI, into a folder of its own too.
    python3 -m venv "$aside/python" &&
        "$aside/python/bin/pip" -q --disable-pip-version-check install -r "$requirements" ||
        fail "" "The Python programs of the tests could not be installed; what pip said stands above."
    printf '%s\n' "$wanted" >"$aside/complete"
fi

# Ubuntu 22.04 and Debian 11 carry older ones.
if pkg-config --exists gstreamer-1.0 2>/dev/null && ! pkg-config --atleast-version=1.22 gstreamer-1.0; then
    fail "GStreamer $(pkg-config --modversion gstreamer-1.0) is too old: 1.22 or newer is needed" \
        "(Debian 12, Ubuntu 23.04 or newer)."
fi
