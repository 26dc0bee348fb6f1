# What the set-up scripts share; sourced, not run. Everything large lands in one cache folder that all clones use.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice

say() { printf '\033[1msetup\033[0m  %s\n' "$*" >&2; }
fail() {
    printf 'setup  error: %s\n' "$*" >&2
    exit 1
}

# One builder at a time for each NAME; a second one waits and then finds the work done.
lock() {
    mkdir -p "$cache"
    exec 9>"$cache/.$1.lock"
    flock -n 9 || {
        say "waiting for another set-up of $1"
        flock 9
    }
}

# Runs a command with its output in a file; shows that output only if the command fails.
quietly() {
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        rm -f "$log"
    else
        local code=$?
        tail -n 40 "$log" >&2
        rm -f "$log"
        return $code
    fi
}

# The home of a JDK that Spark 3.5 runs on (17, else 21), with its compiler; empty if there is none.
find_java() {
    local wanted home
    for wanted in 17 21; do
        for home in "${JAVA_HOME:-}" /usr/lib/jvm/*; do
            [ -n "$home" ] && [ ! -L "$home" ] && [ -x "$home/bin/javac" ] && [ -r "$home/release" ] || continue
            if grep -q "^JAVA_VERSION=\"$wanted[.\"]" "$home/release"; then
                echo "$home"
                return
            fi
        done
    done
}

# A Python that can make virtual environments, 3.9 to 3.12; Debian's own before any other. Empty if there is none.
find_python() {
    local candidate
    for candidate in /usr/bin/python3 python3.11 python3.12 python3.10 python3; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 12))' \
            2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
}

# make_venv FOLDER REQUIREMENT...: a virtual environment, complete or not there at all. It is built in its final place
# (environments can't be moved) under a marker that only a finished one has.
make_venv() {
    local folder=$1 python
    shift
    python=$(find_python)
    [ -n "$python" ] || fail "no Python 3.9 to 3.12 with venv was found. On Debian: apt-get install python3-venv"
    rm -rf "$folder"
    "$python" -m venv "$folder"
    quietly "$folder/bin/pip" install --disable-pip-version-check --no-compile "$@" ||
        fail "pip could not install: $*. Is there a network? Run it again to go on."
    touch "$folder/.complete"
}
