"""Random keys, foreign keys over one to three columns and tolerances through the engine and through DuckDB.

Counts are DuckDB's; which rows are rejected and shown, and what a tolerance makes of a count, is worked out here, with fractions.
"""

import csv
import json
import random
from fractions import Fraction

CASTS = {
    "integer": "CASE WHEN regexp_full_match({0}, '[+-]?[0-9]+') THEN TRY_CAST({0} AS HUGEINT) END",
    "decimal": "CASE WHEN regexp_full_match({0}, '-?[0-9]+([.][0-9]+)?') THEN TRY_CAST({0} AS DECIMAL(38, 9)) END",
    "date": "TRY_CAST({0} AS DATE)",
    "string": "{0}",
}
TEXTS = ["a", "b", "ab", "abc", "abcd", "abcdef", "abcdefg", "abcdefgh", "abcdefghi", "abcdefghijkl", "abcdefghijklm", "é", "日本",
         'a"b', "a,b", "line\nline", " a", "a text that is longer than sixteen bytes", "a text that is longer than sixteen Bytes"]


def value(r, kind, few):
    if r.random() < 0.04:
        return ""
    if kind == "integer":
        if r.random() < 0.05:
            return str(r.choice([2**31, -2**31 - 1, 2**63, 10**22, 10**22 + 1])) if r.random() < 0.9 else "x"
        number = r.randrange(0, few) - few // 3
        return r.choice(["{}", "{}", "{}", "{:03}"]).format(number) if number < 0 else r.choice(["{}", "0{}", "+{}"]).format(number)
    if kind == "decimal":
        return f"{r.randrange(0, few)}{r.choice(['', '.0', '.5', '.50', '.000000001'])}"
    if kind == "date":
        return f"{r.randrange(1990, 1990 + 1 + few // 300)}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}"
    return r.choice(TEXTS) if r.random() < 0.3 else r.choice(["k", "key", "key-", "longer-key-", "a-much-longer-key-"]) + str(r.randrange(few))


def meaning(kind, text):
    """What a text stands for; None if it is missing or none of its type."""
    if text == "" or text == "x" and kind != "string":
        return None
    return int(text) if kind == "integer" else Fraction(text) if kind == "decimal" else text


def write(path, names, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def tolerance(r, rows):
    if r.random() < 0.3:
        return "0"
    if r.random() < 0.5:
        return str(r.randrange(0, 2 + rows // 4))
    return r.choice(["0", "0.57", "1", "2.5", "10", "33.3", "50", "100"]) + "%"


def allows(text, count, rows):
    return count * 100 <= Fraction(text[:-1]) * rows if text.endswith("%") else count <= int(text)


def make(r):
    kinds = [r.choice(list(CASTS)) for _ in range(r.randrange(2, 6))]
    names = [f"c{number}" for number in range(len(kinds))]
    few = r.choice([3, 20, 400])
    rows = [[value(r, kind, few) for kind in kinds] for _ in range(r.choice([0, 1, 9, 60, 600, 1500]))]
    # Rows that may stand in the table, some that can't, in another order of columns.
    others = r.sample(rows, len(rows) // 2) + [[value(r, kind, few) for kind in kinds] for _ in range(r.randrange(0, 30))]
    r.shuffle(others)
    rules = []
    for _ in range(r.randrange(1, 5)):
        some = r.sample(range(len(kinds)), r.randrange(1, min(3, len(kinds)) + 1))
        rules.append((r.choice(["unique", "foreign"]), some, tolerance(r, len(rows))))
    return kinds, names, rows, others, rules


def duckdb_counts(path, other, names, kinds, rules):
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    for table, file in [("t", path), ("o", other)]:
        columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
        casts = ", ".join(CASTS[kind].format(name) + f" AS {name}" for name, kind in zip(names, kinds))
        connection.execute(
            f"CREATE TABLE {table} AS SELECT {casts} FROM read_csv('{file}', all_varchar = true, header = true, delim = ',', "
            "quote = '\"', escape = '\"', auto_detect = false, nullstr = '', allow_quoted_nulls = true, new_line = '\\n', "
            f"columns = {{{columns}}})")
    counts = []
    for kind, some, _ in rules:
        there = " AND ".join(f"t.{names[place]} IS NOT NULL" for place in some)
        if kind == "unique":
            key = ", ".join(names[place] for place in some)
            query = f"SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM t WHERE {there} GROUP BY {key})"
        else:
            same = " AND ".join(f"t.{names[place]} = o.{names[place]}" for place in some)
            query = f"SELECT count(*) FROM t WHERE {there} AND NOT EXISTS (SELECT 1 FROM o WHERE {same})"
        counts.append(int(connection.execute(query).fetchone()[0]))
    return counts


def broken_rows(kinds, rows, others, rules):
    """By rule the rows that break it, from 1."""
    def key(row, some):
        values = tuple(meaning(kinds[place], row[place]) for place in some)
        return None if None in values else values

    every = []
    for kind, some, _ in rules:
        seen = set() if kind == "unique" else {key(row, some) for row in others}
        broken = []
        for number, row in enumerate(rows, 1):
            have = key(row, some)
            if have is None:
                continue
            if (have in seen) == (kind == "unique"):
                broken.append(number)
            if kind == "unique":
                seen.add(have)
        every.append(broken)
    return every


def check(seed, probe, folder):
    r = random.Random(seed)
    kinds, names, rows, others, rules = make(r)
    path, other = folder + "/keys.csv", folder + "/other.csv"
    write(path, names, rows)
    write(other, names, others)
    limits = [tolerance(r, len(rows) // 8) for _ in kinds]
    spec = [f"column {name} {kind} {limit}" for name, kind, limit in zip(names, kinds, limits)]
    for kind, some, limit in rules:
        columns = ",".join(names[place] for place in some)
        spec.append(f"unique {columns} {limit}" if kind == "unique" else f"foreign {columns} {columns} other.csv {limit}")
    ways = [[], ["--block", "256"], ["--threads", "2", "--block", "300"], ["--chunk", "7"], ["--threads", "2"]]
    report = json.loads(probe("rules", path, ";".join(spec), "--references", folder, *r.choice(ways)))
    checks = [check for check in report["checks"] if check["rule"] in ("unique", "reference")]
    want = duckdb_counts(path, other, names, kinds, rules)
    lists = broken_rows(kinds, rows, others, rules)
    wrong = []
    # References of a column stand with it, the other rules where they were written.
    for (kind, some, limit), count, broken in zip(rules, want, lists):
        rule = "unique" if kind == "unique" else "reference"
        columns = [names[place] for place in some]
        found = [c for c in checks if (c["rule"], c["columns"], c["count"]) == (rule, columns, count)]
        passes = allows(limit, count, len(rows))
        if len(broken) != count:
            wrong.append(("the two independent counts", rule, columns, len(broken), count))
        if not any(c["passed"] == passes and [o["row"] for o in c["offenders"]] == broken[:10] for c in found):
            wrong.append((rule, columns, limit, count, passes, broken[:10], [c for c in checks if c["columns"] == columns]))
    invalid = [[n for n, row in enumerate(rows, 1) if row[place] and meaning(kind, row[place]) is None]
               for place, kind in enumerate(kinds)]
    rejected = len(set().union(*invalid, *lists))
    types = [c for c in report["checks"] if c["rule"] == "type"]
    for broken, limit, found in zip(invalid, limits, types, strict=True):
        if (found["count"], found["passed"]) != (len(broken), allows(limit, len(broken), len(rows))):
            wrong.append(("type", len(broken), limit, found))
    if (len(rows), rejected) != (report["rows"], report["rejected"]):
        wrong.append(("rows and rejected", len(rows), rejected, report["rows"], report["rejected"]))
    if report["passed"] != all(
            allows(limit, count, len(rows))
            for limit, count in [*zip(limits, map(len, invalid)), *((rule[2], count) for rule, count in zip(rules, want))]):
        wrong.append(("verdict", report["passed"]))
    return wrong, json.dumps([spec, rows[:40], others[:40]], ensure_ascii=False)
