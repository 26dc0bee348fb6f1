"""The checks of ValidationBench by DuckDB and Polars, in their best form, beside `wc -l`.

    python peers.py FOLDER [RUNS]      (FOLDER holds lineitem.csv and supplier.csv of TPC-H)

Each measurement is a process of its own, so that its peak memory is its own. Prints one JSON object a line.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time

FOLDER = sys.argv[1]
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] != "one" else 3
LINEITEM = os.path.join(FOLDER, "lineitem.csv")
SUPPLIER = os.path.join(FOLDER, "supplier.csv")

INSTRUCTIONS = ["COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN"]
MODES = ["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"]


def duckdb(threads, key):
    import duckdb

    db = duckdb.connect(config={"threads": threads})
    columns = {
        "l_orderkey": "BIGINT", "l_partkey": "BIGINT", "l_suppkey": "BIGINT", "l_linenumber": "INTEGER",
        "l_quantity": "DECIMAL(15,2)", "l_extendedprice": "DECIMAL(15,2)", "l_discount": "DECIMAL(15,2)",
        "l_tax": "DECIMAL(15,2)", "l_returnflag": "VARCHAR", "l_linestatus": "VARCHAR", "l_shipdate": "DATE",
        "l_commitdate": "DATE", "l_receiptdate": "DATE", "l_shipinstruct": "VARCHAR", "l_shipmode": "VARCHAR",
        "l_comment": "VARCHAR",
    }
    source = f"read_csv('{LINEITEM}', header=true, columns={columns}, auto_detect=false, delim=',', quote='\"')"
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
        f"(SELECT s_suppkey FROM read_csv('{SUPPLIER}')) ON l_suppkey = s_suppkey").fetchall()[0]


def polars(threads, key):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import datetime

    import polars as pl

    names = ["l_orderkey", "l_partkey", "l_suppkey", "l_linenumber"]
    schema = dict.fromkeys(names, pl.Int64)
    schema.update(dict.fromkeys(["l_quantity", "l_extendedprice", "l_discount", "l_tax"], pl.Float64))
    schema.update(dict.fromkeys(["l_returnflag", "l_linestatus"], pl.String))
    schema.update(dict.fromkeys(["l_shipdate", "l_commitdate", "l_receiptdate"], pl.Date))
    schema.update(dict.fromkeys(["l_shipinstruct", "l_shipmode", "l_comment"], pl.String))
    c = pl.col
    low, high = datetime.date(1992, 1, 1), datetime.date(1998, 12, 31)
    suppliers = pl.read_csv(SUPPLIER, columns=["s_suppkey"])["s_suppkey"]
    lines = pl.scan_csv(LINEITEM, schema=schema)
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


def wc(threads, key):
    return (int(subprocess.run(["wc", "-l", LINEITEM], capture_output=True).stdout.split()[0]) - 1, 0)


def main():
    size = os.path.getsize(LINEITEM)
    for name in ["wc", "duckdb", "polars"]:
        for threads in [1] if name == "wc" else [1, 2]:
            for key in [False] if name == "wc" else [False, True]:
                seconds = []
                for _ in range(RUNS):
                    run = subprocess.run(
                        [sys.executable, __file__, FOLDER, "one", name, str(threads), str(int(key))],
                        capture_output=True, text=True)
                    if run.returncode:
                        sys.exit(run.stderr[-2000:])
                    outcome = json.loads(run.stdout)
                    seconds.append(outcome["seconds"])
                median = statistics.median(seconds)
                print(json.dumps({
                    "what": f"{name}{'+key' if key else ''} {threads}", "seconds": round(median, 3),
                    "gigabytesASecond": round(size / median / 1e9, 3), **outcome["rest"]}), flush=True)


if len(sys.argv) > 3 and sys.argv[2] == "one":
    begin = time.perf_counter()
    result = globals()[sys.argv[3]](int(sys.argv[4]), sys.argv[5] == "1")
    elapsed = time.perf_counter() - begin
    print(json.dumps({"seconds": elapsed, "rest": {
        "rows": result[0], "broken": sum(result[1:]),
        "peakMegabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}}))
else:
    main()
