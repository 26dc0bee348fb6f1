"""Random schemas and well-formed files through the engine, through DuckDB and through frictionless.

Values are drawn from forms on which all three agree, because each has readings of its own that are documented: DuckDB's
casts take 2013-1-1 and ' 7 ' and round 1.5 to an integer; frictionless takes 20130101 as a date, 1_000 as an integer and
NaN and INF in any case, and counts a row with a missing part of its primary key as a breach of the key. What those forms mean
here is tested value by value in TypeTests.
"""

import csv
import json
import random
from fractions import Fraction

DATES = ["2013-02-28", "2013-02-29", "2012-02-29", "1900-02-29", "2000-02-29", "2013-13-01", "2013-04-31", "1999-12-31"]


def value(r, kind):
    if r.random() < 0.06:
        return ""
    if r.random() < 0.06:
        return r.choice(["x", "1.2.3", "--1", "0x10", "one", "é"])
    if kind == "integer":
        return str(r.randrange(-50, 50)) if r.random() < 0.9 else str(r.randrange(-10**24, 10**24))
    if kind == "number":
        return r.choice(["", "-", ""]) + f"{r.randrange(0, 999)}.{r.randrange(0, 10**r.randrange(1, 9))}"
    if kind == "date":
        return r.choice(DATES) if r.random() < 0.3 else f"{r.randrange(1990, 2030)}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}"
    if kind == "boolean":
        return r.choice(["true", "false", "True", "FALSE"])
    return "".join(r.choice('ab,"é x') for _ in range(r.randrange(1, 7))).strip() or "a"


def make(r):
    fields, kinds = [], []
    for number in range(r.randrange(2, 6)):
        kind = r.choice(["integer", "number", "date", "boolean", "string", "string"])
        constraints = {}
        if r.random() < 0.4:
            constraints["required"] = True
        if kind in ("integer", "number", "date") and r.random() < 0.8:
            low, high = {"integer": (-20, 20), "number": ("-100.5", "500.25"), "date": ("1995-06-15", "2025-02-28")}[kind]
            constraints[r.choice(["minimum", "exclusiveMinimum"])] = low
            constraints[r.choice(["maximum", "exclusiveMaximum"])] = high
        if kind == "string":
            if r.random() < 0.5:
                constraints.update(minLength=2, maxLength=4)
            if r.random() < 0.3:
                constraints["pattern"] = "[ab].*"
            if r.random() < 0.3:
                constraints["enum"] = ["a", "b", 'a"b', "aé"]
        if kind != "boolean" and r.random() < 0.3:
            constraints["unique"] = True
        fields.append({"name": f"c{number}", "type": kind, "constraints": constraints})
        kinds.append(kind)
    rows = [[value(r, kind) for kind in kinds] for _ in range(r.choice([0, 1, 7, 40]))]
    # A row of nothing but missing values is a blank row to frictionless.
    rows = [row for row in rows if any(row)]
    return {"fields": fields}, rows


def write(path, schema, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field["name"] for field in schema["fields"])
        writer.writerows(rows)


def own_counts(report):
    counts = {}
    for check in report["checks"]:
        if check["count"] and check["columns"]:
            counts[check["rule"], check["columns"][0]] = check["count"]
    return counts


def frictionless_counts(path, schema):
    from frictionless import Resource, system

    with system.use_context(trusted=True, standards="v2"):
        resource = Resource.from_descriptor({
            "$schema": "https://datapackage.org/profiles/2.0/dataresource.json", "name": "t", "path": path,
            "encoding": "utf-8", "dialect": {"csv": {"delimiter": ","}},
            "schema": {"$schema": "https://datapackage.org/profiles/2.0/tableschema.json", **schema}})
        report = resource.validate(limit_errors=100000)
    counts, rows = {}, set()
    for error in report.tasks[0].errors:
        if error.type == "type-error":
            rule = "type"
        elif error.type == "unique-error":
            rule = "unique"
        elif error.type == "constraint-error":
            rule = error.note.split('constraint "')[1].split('"')[0]
        else:
            raise AssertionError(f"frictionless says {error.type}: {error.note}")
        counts[rule, error.field_name] = counts.get((rule, error.field_name), 0) + 1
        rows.add(error.row_number)
    return counts, len(rows)


def duckdb_counts(path, schema):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute(
        f"CREATE TABLE t AS SELECT * FROM read_csv('{path}', all_varchar = true, header = true, delim = ',', "
        "quote = '\"', escape = '\"', auto_detect = false, nullstr = '', allow_quoted_nulls = true, columns = {"
        + ", ".join(f"'{field['name']}': 'VARCHAR'" for field in schema["fields"]) + "})")
    counts, statistics = {}, {}
    for field in schema["fields"]:
        name, kind, rules = field["name"], field["type"], field["constraints"]
        cast = {
            "integer": f"CASE WHEN regexp_full_match({name}, '[+-]?[0-9]+') THEN TRY_CAST({name} AS HUGEINT) END",
            "number": f"CASE WHEN regexp_full_match({name}, '-?[0-9]+([.][0-9]+)?') THEN TRY_CAST({name} AS DECIMAL(38, 9)) END",
            "date": f"CASE WHEN regexp_full_match({name}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') THEN TRY_CAST({name} AS DATE) END",
            "boolean": f"CASE WHEN {name} IN ('true', 'True', 'TRUE', '1') THEN true WHEN {name} IN ('false', 'False', 'FALSE', '0') THEN false END",
            "string": name,
        }[kind]
        literal = {"integer": "{}::HUGEINT", "number": "'{}'::DECIMAL(38, 9)", "date": "'{}'::DATE"}.get(kind, "'{}'")
        conditions = {"type": f"{name} IS NOT NULL AND ({cast}) IS NULL"}
        for rule, bound in rules.items():
            comparison = {"minimum": "<", "maximum": ">", "exclusiveMinimum": "<=", "exclusiveMaximum": ">="}.get(rule)
            if comparison:
                conditions[rule] = f"({cast}) {comparison} {literal.format(bound)}"
        if rules.get("required"):
            conditions["required"] = f"{name} IS NULL"
        if "minLength" in rules:
            conditions["minLength"] = f"length({name}) < {rules['minLength']}"
            conditions["maxLength"] = f"length({name}) > {rules['maxLength']}"
        if "pattern" in rules:
            conditions["pattern"] = f"NOT regexp_full_match({name}, '{rules['pattern']}')"
        if "enum" in rules:
            conditions["enum"] = f"{name} NOT IN ({', '.join(chr(39) + text + chr(39) for text in rules['enum'])})"
        for rule, condition in conditions.items():
            counts[rule, name] = connection.execute(f"SELECT count(*) FROM t WHERE {condition}").fetchone()[0]
        if rules.get("unique"):
            counts["unique", name] = connection.execute(
                f"SELECT count({cast}) - count(DISTINCT {cast}) FROM t").fetchone()[0]
        if kind in ("integer", "date"):
            low, high, number = connection.execute(f"SELECT min({cast}), max({cast}), count({cast}) FROM t").fetchone()
            statistics[name] = (None if low is None else str(low), None if high is None else str(high), number)
    return {key: count for key, count in counts.items() if count}, statistics


def mean_of(rows, place):
    values = []
    for row in rows:
        text = row[place]
        if text.lstrip("+-").isascii() and text.lstrip("-").isdigit() and not text.startswith("--"):
            values.append(Fraction(text))
    if not values:
        return None
    mean = sum(values) / len(values)
    return int(mean * 10**9) / Fraction(10**9)


def check(seed, probe, folder):
    r = random.Random(seed)
    schema, rows = make(r)
    path = folder + "/engines.csv"
    write(path, schema, rows)
    with open(folder + "/engines.json", "w") as file:
        json.dump(schema, file)
    text = probe("schema", path, folder + "/engines.json", *r.choice([[], ["--block", "256"], ["--threads", "2", "--block", "256"]]))
    report = json.loads(text)
    wrong = []
    have = own_counts(report)
    for name, want in (("duckdb", duckdb_counts(path, schema)), ("frictionless", frictionless_counts(path, schema))):
        # A number is a binary fraction here, as its type says; DuckDB and frictionless hold decimals. The bounds and values
        # drawn have few enough digits for both to agree on every comparison.
        if want[0] != have:
            wrong.append((name, {key: (want[0].get(key), have.get(key)) for key in {*want[0], *have} if want[0].get(key) != have.get(key)}))
        if name == "frictionless" and rows and want[1] != report["rejected"]:
            wrong.append(("rejected", want[1], report["rejected"]))
        if name == "duckdb":
            for column in report["columns"]:
                if column["name"] in want[1]:
                    found = (column.get("min"), column.get("max"), column["values"])
                    if found != want[1][column["name"]]:
                        wrong.append((column["name"], want[1][column["name"]], found))
    for place, column in enumerate(report["columns"]):
        if column.get("type") == "integer":
            want = mean_of(rows, place)
            found = Fraction(column["mean"]) if "mean" in column else None
            if want != found:
                wrong.append(("mean", column["name"], want, found))
    if len(rows) != report["rows"] or report["passed"] != (not have):
        wrong.append(("rows or verdict", len(rows), report["rows"], report["passed"]))
    return wrong, json.dumps([schema, rows], ensure_ascii=False)
