"""The checks of ValidationBench by DuckDB and Polars, in their best form, beside `wc -l`.

    python peers.py FOLDER [RUNS]      (FOLDER as for ValidationBench)

Each measurement is a process of its own, so that its peak memory is its own; its time begins once the engine is loaded. Prints
one JSON object a line.
"""

import datetime
import json
import os
import resource
import statistics
import subprocess
import sys
import time

FOLDER = sys.argv[1]
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] != "one" else 3
CASES = ["lineitem", "lineitem+key", "flights"]


def path(name):
    return os.path.join(FOLDER, name.removesuffix("+key") + ".csv")


LINEITEM, SUPPLIER, FLIGHTS, AIRLINES, AIRPORTS = "lineitem", "supplier", "flights", "airlines", "airports"
INSTRUCTIONS = ["COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN"]
MODES = ["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"]


def duckdb(engine, threads, case):
    db = engine.connect(config={"threads": threads})
    if case == "flights":
        return db.sql(flights_sql()).fetchall()[0]
    key = case.endswith("+key")
    columns = {
        "l_orderkey": "BIGINT", "l_partkey": "BIGINT", "l_suppkey": "BIGINT", "l_linenumber": "INTEGER",
        "l_quantity": "DECIMAL(15,2)", "l_extendedprice": "DECIMAL(15,2)", "l_discount": "DECIMAL(15,2)",
        "l_tax": "DECIMAL(15,2)", "l_returnflag": "VARCHAR", "l_linestatus": "VARCHAR", "l_shipdate": "DATE",
        "l_commitdate": "DATE", "l_receiptdate": "DATE", "l_shipinstruct": "VARCHAR", "l_shipmode": "VARCHAR",
        "l_comment": "VARCHAR",
    }
    source = f"read_csv('{path(LINEITEM)}', header=true, columns={columns}, auto_detect=false, delim=',', quote='\"')"
    checks = ", ".join(f"count(*) FILTER ({c})" for c in [
        "l_orderkey < 1", "l_partkey < 1", "l_linenumber NOT BETWEEN 1 AND 7", "l_quantity NOT BETWEEN 1 AND 50",
        "l_extendedprice <= 0", "l_discount NOT BETWEEN 0 AND 0.10", "l_tax NOT BETWEEN 0 AND 0.08",
        "l_returnflag NOT IN ('A','N','R')", "l_linestatus NOT IN ('F','O')",
        "l_shipdate NOT BETWEEN DATE '1992-01-01' AND DATE '1998-12-31'",
        "l_commitdate NOT BETWEEN DATE '1992-01-01' AND DATE '1998-12-31'",
        "l_receiptdate NOT BETWEEN DATE '1992-01-01' AND DATE '1998-12-31'",
        f"l_shipinstruct NOT IN {tuple(INSTRUCTIONS)}", f"l_shipmode NOT IN {tuple(MODES)}",
        "length(l_comment) > 44", "l_shipdate >= l_receiptdate", "l_discount >= l_quantity", "s_suppkey IS NULL"])
    unique = ", count(*) - count(DISTINCT (l_orderkey << 8) | l_linenumber)" if key else ""
    return db.sql(
        f"SELECT count(*), {checks}{unique} FROM {source} LEFT JOIN "
        f"(SELECT s_suppkey FROM read_csv('{path(SUPPLIER)}')) ON l_suppkey = s_suppkey").fetchall()[0]


FLIGHT_INTEGERS = ["year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time",
                   "arr_delay", "flight", "air_time", "distance", "hour", "minute"]
FLIGHT_COLUMNS = ["year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay",
                  "carrier", "flight", "tailnum", "origin", "dest", "air_time", "distance", "hour", "minute", "time_hour"]
FLIGHT_REQUIRED = ["year", "month", "day", "sched_dep_time", "sched_arr_time", "carrier", "flight", "origin", "dest",
                   "distance", "hour", "minute", "time_hour"]
FLIGHT_RANGES = {"year": (2013, 2013), "month": (1, 12), "day": (1, 31), "dep_time": (1, 2400), "sched_dep_time": (0, 2359),
                 "arr_time": (1, 2400), "sched_arr_time": (0, 2359), "air_time": (1, 1440), "hour": (0, 23), "minute": (0, 59)}
FLIGHT_LEAST = {"dep_delay": -60, "flight": 1, "distance": 1}


def flights_sql():
    kinds = {name: "BIGINT" if name in FLIGHT_INTEGERS else "VARCHAR" for name in FLIGHT_COLUMNS}
    kinds["time_hour"] = "TIMESTAMP"
    checks = [f"{name} IS NULL" for name in FLIGHT_REQUIRED]
    checks += [f"{name} NOT BETWEEN {low} AND {high}" for name, (low, high) in FLIGHT_RANGES.items()]
    checks += [f"{name} < {low}" for name, low in FLIGHT_LEAST.items()]
    checks += ["length(carrier) <> 2", "NOT regexp_full_match(tailnum, '[A-Z0-9]{5,6}')", "origin NOT IN ('EWR','JFK','LGA')",
               "air_time >= distance", "hour > sched_dep_time",
               f"carrier NOT IN (SELECT carrier FROM read_csv('{path(AIRLINES)}'))",
               f"dest NOT IN (SELECT faa FROM read_csv('{path(AIRPORTS)}'))"]
    counts = ", ".join(f"count(*) FILTER ({check})" for check in checks)
    return (f"SELECT count(*), {counts} FROM read_csv('{path(FLIGHTS)}', header=true, columns={kinds}, "
            "auto_detect=false, delim=',', quote='\"', nullstr=['NA', ''], timestampformat='%Y-%m-%dT%H:%M:%SZ')")


def polars_flights(pl):
    kinds = {name: pl.Int64 if name in FLIGHT_INTEGERS else pl.String for name in FLIGHT_COLUMNS}
    c = pl.col
    airlines = pl.read_csv(path("airlines"))["carrier"].implode()
    airports = pl.read_csv(path("airports"), columns=["faa"])["faa"].implode()
    # A time that is none becomes null, which is a missing one.
    times = c("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False)
    checks = [c(name).is_null() for name in FLIGHT_REQUIRED if name != "time_hour"] + [times.is_null()]
    checks += [~c(name).is_between(low, high) for name, (low, high) in FLIGHT_RANGES.items()]
    checks += [c(name) < low for name, low in FLIGHT_LEAST.items()]
    checks += [c("carrier").str.len_chars() != 2, ~c("tailnum").str.contains("^[A-Z0-9]{5,6}$"),
               ~c("origin").is_in(["EWR", "JFK", "LGA"]), c("air_time") >= c("distance"),
               c("hour") > c("sched_dep_time"), ~c("carrier").is_in(airlines), ~c("dest").is_in(airports)]
    lines = pl.scan_csv(path("flights"), schema=kinds, null_values=["NA", ""])
    wanted = [pl.len().alias("rows")] + [check.sum().alias(str(n)) for n, check in enumerate(checks)]
    return lines.select(wanted).collect(engine="streaming").row(0)


def polars(pl, threads, case):
    if case == "flights":
        return polars_flights(pl)
    key = case.endswith("+key")
    names = ["l_orderkey", "l_partkey", "l_suppkey", "l_linenumber"]
    schema = dict.fromkeys(names, pl.Int64)
    schema.update(dict.fromkeys(["l_quantity", "l_extendedprice", "l_discount", "l_tax"], pl.Float64))
    schema.update(dict.fromkeys(["l_returnflag", "l_linestatus"], pl.String))
    schema.update(dict.fromkeys(["l_shipdate", "l_commitdate", "l_receiptdate"], pl.Date))
    schema.update(dict.fromkeys(["l_shipinstruct", "l_shipmode", "l_comment"], pl.String))
    c = pl.col
    low, high = datetime.date(1992, 1, 1), datetime.date(1998, 12, 31)
    suppliers = pl.read_csv(path("supplier"), columns=["s_suppkey"])["s_suppkey"]
    lines = pl.scan_csv(path("lineitem"), schema=schema)
    checks = [
        c("l_orderkey") < 1, c("l_partkey") < 1, ~c("l_linenumber").is_between(1, 7),
        ~c("l_quantity").is_between(1, 50), c("l_extendedprice") <= 0, ~c("l_discount").is_between(0, 0.1),
        ~c("l_tax").is_between(0, 0.08), ~c("l_returnflag").is_in(["A", "N", "R"]),
        ~c("l_linestatus").is_in(["F", "O"]), ~c("l_shipdate").is_between(low, high),
        ~c("l_commitdate").is_between(low, high), ~c("l_receiptdate").is_between(low, high),
        ~c("l_shipinstruct").is_in(INSTRUCTIONS), ~c("l_shipmode").is_in(MODES),
        c("l_comment").str.len_chars() > 44, c("l_shipdate") >= c("l_receiptdate"),
        c("l_discount") >= c("l_quantity"), ~c("l_suppkey").is_in(suppliers.implode()),
    ]
    wanted = [pl.len().alias("rows")] + [check.sum().alias(str(n)) for n, check in enumerate(checks)]
    if key:
        wanted.append((pl.len() - (c("l_orderkey") * 256 + c("l_linenumber")).n_unique()).alias("key"))
    return lines.select(wanted).collect(engine="streaming").row(0)


def wc(_, threads, case):
    return (int(subprocess.run(["wc", "-l", path(case)], capture_output=True).stdout.split()[0]) - 1, 0)


def one(name, threads, case):
    """Runs one measurement in this process."""
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    engine = None if name == "wc" else __import__(name)
    begin = time.perf_counter()
    result = globals()[name](engine, threads, case)
    elapsed = time.perf_counter() - begin
    print(json.dumps({"seconds": elapsed, "rows": result[0], "broken": sum(result[1:]),
                      "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


def measure(what, command):
    """The medians of several runs, each a process."""
    runs = []
    for _ in range(RUNS):
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"{what}: {run.stdout[-500:]}{run.stderr[-2000:]}")
        runs.append(json.loads(run.stdout))
    middle = sorted(runs, key=lambda run: run["seconds"])[len(runs) // 2]
    return {**middle, "peakMegabytes": max(run["peakMegabytes"] for run in runs)}


def main():
    """The table: this engine (ValidationBench at BENCH) and the peers, interleaved, with what each takes of ours."""
    bench = os.environ["BENCH"]
    print(f"{'':14}{'threads':>8}{'ours':>10}{'Polars':>10}{'DuckDB':>10}{'ratios':>16}{'peak MB':>20}")
    for case in CASES:
        for threads in [1, 2]:
            ours = measure("ValidationBench", [bench, FOLDER, "1", f"{case} {threads}"])
            peers = [measure(name, [sys.executable, __file__, FOLDER, "one", name, str(threads), case])
                     for name in ["polars", "duckdb"]]
            for name, peer in zip(["Polars", "DuckDB"], peers):
                if (peer["rows"], peer["broken"]) != (ours["rows"], ours["broken"]):
                    sys.exit(f"{case}: {name} finds {peer['broken']} faults in {peer['rows']} rows, "
                             f"Sluice {ours['broken']} in {ours['rows']}")
            times = [run["seconds"] for run in [ours, *peers]]
            print(f"{case:14}{threads:8}" + "".join(f"{t:8.3f} s" for t in times)
                  + f"{times[1] / times[0]:8.1f}{times[2] / times[0]:8.1f}   "
                  + " / ".join(str(run["peakMegabytes"]) for run in [ours, *peers]), flush=True)
    size = os.path.getsize(path("lineitem"))
    for what, command in [
            ("the bare scan", [bench, FOLDER, "1", "scan lineitem"]), ("a sum over the bytes", [bench, FOLDER, "3", "sum of bytes"]),
            ("wc -l", [sys.executable, __file__, FOLDER, "one", "wc", "1", "lineitem"])]:
        seconds = measure(what, command)["seconds"]
        print(f"{what:22}{seconds:8.3f} s{size / seconds / 1e9:8.2f} GB/s", flush=True)
    print("\nlineitem's rows, so many bytes of them, one thread")
    for power in range(2, 11, 2):
        run = measure("sweep", [bench, FOLDER, "1", f"sweep {10 ** power}"])
        print(f"{10 ** power:14,} bytes{1 / run['gigabytesASecond']:12.2f} ns a byte{run['peakMegabytes']:8} MB", flush=True)


if len(sys.argv) > 3 and sys.argv[2] == "one":
    one(sys.argv[3], int(sys.argv[4]), sys.argv[5])
else:
    main()
