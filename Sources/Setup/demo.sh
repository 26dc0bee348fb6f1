#!/usr/bin/env bash
# The main job, once through: a year of real flights lands in s3://raw/flights/, each file is validated, and what passes
# becomes Parquet in s3://curated/flights/ by a Spark step. Run again, it does it again. DEMO_FILES=N takes only N files.
. "$(dirname "$0")/common.sh"
cd "$here/../.."

say() { printf '\033[1mdemo\033[0m   %s\n' "$*"; }

say "building the host and its function (release; a few minutes the first time)"
for product in sluice validate-flights; do
    quietly swift build -c release --product "$product" || fail "swift build failed; see above"
done
sluice=$(swift build -c release --show-bin-path)/sluice

flights=$cache/flights-by-month
[ -e "$flights/2013-12-LGA.csv.gz" ] || "$here/flights.sh" "$flights"

mkdir -p lake/raw/reference lake/scripts lake/curated
cp "$flights/airlines.csv" "$flights/airports.csv" lake/raw/reference/
cp functions/flights-etl/flights_etl.py lake/scripts/

files=$(cd "$flights" && ls 2013-*.csv.gz | head -n "${DEMO_FILES:-36}")
say "starting the host, and dropping $(wc -l <<<"$files") files of 2013 into lake/raw/flights/"
(
    sleep 2
    mkdir -p lake/raw/flights
    for file in $files; do cp "$flights/$file" lake/raw/flights/; done
) &
"$sluice" up --until-idle || true
wait

say "one file that passed, from its landing to its step: sluice trace s3://raw/flights/2013-01-LGA.csv.gz"
"$sluice" trace s3://raw/flights/2013-01-LGA.csv.gz
say "one file that was held back, with the rows that broke a rule: sluice trace s3://raw/flights/2013-01-JFK.csv.gz"
"$sluice" trace s3://raw/flights/2013-01-JFK.csv.gz
say "what somebody should hear of: sluice alerts"
"$sluice" alerts
say "what Spark wrote: $(find lake/curated/flights -name '*.parquet' | wc -l) Parquet files, $(du -sh lake/curated/flights | cut -f1), in lake/curated/flights/"
say "look further: sluice functions, sluice logs validate-flights, sluice metrics rowsRejected --plot (in $(dirname "$sluice"))"
