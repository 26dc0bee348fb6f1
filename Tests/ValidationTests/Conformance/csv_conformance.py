"""Random hostile CSV through the engine and through Python's csv module: the same rows, the same verdict of each rule.

    python csv_conformance.py PATH/TO/validation-probe [COUNT] [SEED]

Also: the same report whether the bytes come at once or one at a time, in small blocks or large, on one thread or two.
"""

import csv
import io
import json
import random
import re
import subprocess
import sys
import tempfile

PROBE = sys.argv[1]
COUNT = int(sys.argv[2]) if len(sys.argv) > 2 else 200
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else 13

SCHEMA = {
    "fieldsMatch": "subset",
    "missingValues": ["", "NA"],
    "fields": [
        {"name": "i", "type": "integer", "constraints": {"minimum": -5, "maximum": 70}},
        {"name": "s", "constraints": {"minLength": 2, "maxLength": 6, "required": True}},
        {"name": "e", "constraints": {"enum": ["a", "b\"c", "x,y", "longer than eight"]}},
        {"name": "d", "type": "date"},
        {"name": "p", "constraints": {"pattern": "[a-z]+\\d?", "unique": True}},
    ],
}


def value(r):
    kind = r.randrange(14)
    if kind < 4:
        return str(r.randrange(-9, 99))
    if kind == 4:
        return r.choice(["", "NA", "007", "+3", "-0", "12345678901234567890", "1.5", " 1", "1e3"])
    if kind == 5:
        return r.choice(["a", 'b"c', "x,y", "longer than eight", "line\nbreak", "cr\r\nlf", 'q""q'])
    if kind == 6:
        return r.choice(["2013-02-28", "2013-02-29", "2012-02-29", "1900-02-29", "2000-13-01", "2013-1-1", "20130101"])
    if kind == 7:
        return "é" * r.randrange(1, 5) + "日本"[: r.randrange(3)]
    return "".join(r.choice("abcxyz01 ") for _ in range(r.randrange(0, 12)))


def field(r, hostile):
    text = value(r)
    style = r.random()
    if hostile and style < 0.03 and text.strip("\r\n "):
        return text.replace("\n", " ").replace("\r", " ").replace(",", ";") + '"' + "tail"
    if hostile and style < 0.05:
        return '"' + text.replace('"', '""') + '"' + "tail"
    if style < 0.3 or any(c in text for c in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def make(r):
    hostile = r.random() < 0.5
    end = r.choice(["\n", "\n", "\r\n"])
    lines = ["i,s,e,d,p"]
    for _ in range(r.choice([0, 1, 5, 60, 400])):
        width = 5
        if hostile and r.random() < 0.02:
            width = r.choice([1, 2, 4, 6, 9])
        if hostile and r.random() < 0.02:
            lines.append("")
        lines.append(",".join(field(r, hostile) for _ in range(width)))
    text = end.join(lines)
    if r.random() < 0.8:
        text += end
    return text.encode()


INTEGER = re.compile(r"[+-]?[0-9]+")


def is_date(text):
    match = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", text, re.ASCII)
    if not match:
        return False
    import datetime

    try:
        datetime.date(*map(int, match.groups()))
        return True
    except ValueError:
        return False


def expected(data):
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))[1:]
    counts = dict.fromkeys(
        ["ragged-row", "type i", "minimum i", "maximum i", "required s", "minLength s", "maxLength s", "enum e",
         "type d", "pattern p", "unique p"], 0)
    total = rejected = 0
    seen = set()
    for row in rows:
        if not row:
            continue
        total += 1
        bad = []
        if len(row) != 5:
            counts["ragged-row"] += 1
            rejected += 1
            continue
        i, s, e, d, p = [None if v in ("", "NA") else v for v in row]
        if i is not None:
            if not INTEGER.fullmatch(i):
                bad.append("type i")
            elif int(i) < -5:
                bad.append("minimum i")
            elif int(i) > 70:
                bad.append("maximum i")
        if s is None:
            bad.append("required s")
        elif len(s) < 2:
            bad.append("minLength s")
        elif len(s) > 6:
            bad.append("maxLength s")
        if e is not None and e not in SCHEMA["fields"][2]["constraints"]["enum"]:
            bad.append("enum e")
        if d is not None and not is_date(d):
            bad.append("type d")
        if p is not None:
            if not re.fullmatch(r"[a-z]+\d?", p):
                bad.append("pattern p")
            if p in seen:
                bad.append("unique p")
            seen.add(p)
        for name in bad:
            counts[name] += 1
        rejected += bool(bad)
    return {"rows": total, "rejected": rejected, **counts}


def found(report):
    counts = {"rows": report["rows"], "rejected": report["rejected"]}
    for check in report["checks"]:
        name = " ".join([check["rule"], *check["columns"]])
        counts[name] = counts.get(name, 0) + check["count"]
    return counts


def main():
    r = random.Random(SEED)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        schema = folder + "/schema.json"
        path = folder + "/data.csv"
        with open(schema, "w") as file:
            json.dump(SCHEMA, file)
        for number in range(COUNT):
            data = make(r)
            with open(path, "wb") as file:
                file.write(data)
            reports = []
            for arguments in ([], ["--chunk", "1"], ["--block", "256"], ["--block", "300", "--threads", "2"],
                              ["--chunk", "7", "--block", "1000", "--threads", "2"]):
                run = subprocess.run([PROBE, "schema", path, schema, *arguments], capture_output=True, timeout=60)
                if run.returncode != 0:
                    print(f"case {number} {arguments}: exit {run.returncode}", run.stdout[-300:], run.stderr[-300:])
                    failed += 1
                    break
                reports.append(run.stdout)
            want = expected(data)
            have = found(json.loads(reports[0])) if reports else {}
            wrong = {k: (v, have.get(k)) for k, v in want.items() if v != have.get(k)}
            if wrong or any(report != reports[0] for report in reports):
                failed += 1
                kept = f"/tmp/csv_conformance_{number}.csv"
                with open(kept, "wb") as file:
                    file.write(data)
                print(f"case {number}, kept as {kept}: expected and found {wrong}",
                      [report == reports[0] for report in reports])
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
