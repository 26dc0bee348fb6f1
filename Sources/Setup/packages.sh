#!/usr/bin/env bash
# Installs the Debian packages that building and running need, and only those that are missing.
. "$(dirname "$0")/common.sh"

missing=()
need() { # PACKAGE REASON TEST...
    local package=$1 reason=$2
    shift 2
    "$@" >/dev/null 2>&1 || {
        missing+=("$package")
        say "$package is missing: $reason"
    }
}
have_header() { [ -e "/usr/include/$1" ] || printf '#include <%s>\n' "$1" | cc -E - ; }
have_java() { [ -n "$(find_java)" ]; }
have_python() { [ -n "$(find_python)" ]; }

need libsqlite3-dev "the one database file" have_header sqlite3.h
need zlib1g-dev "reading gzip" have_header zlib.h
need libzstd-dev "reading Zstandard" have_header zstd.h
need python3-venv "Spark and the test clients come from PyPI" have_python
jdk=openjdk-17-jdk-headless
need "$jdk" "Spark steps run on Java 17" have_java

[ ${#missing[@]} -gt 0 ] || exit 0
command -v apt-get >/dev/null || fail "this is not Debian; please install the equivalents of: ${missing[*]}"
root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "as root, run: apt-get install ${missing[*]}"
    root=(sudo)
fi
say "installing ${missing[*]}"
quietly "${root[@]}" apt-get update -q || fail "apt-get update failed"
if ! apt-cache show "$jdk" >/dev/null 2>&1; then
    missing=("${missing[@]/$jdk/openjdk-21-jdk-headless}")
fi
quietly "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install: ${missing[*]}"
