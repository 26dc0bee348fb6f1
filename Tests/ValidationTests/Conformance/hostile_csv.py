"""Random hostile CSV through the engine and through Python's csv module: the same rows, the same count of each rule, and
the same report whether the bytes come at once or one at a time, in small blocks or large, on one thread or two.
"""

import csv
import io
import json
import random
import re

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


WAYS = ([], ["--chunk", "1"], ["--block", "256"], ["--block", "300", "--threads", "2"],
        ["--chunk", "7", "--block", "1000", "--threads", "2"])


def check(seed, probe, folder):
    """One random file; gives what is wrong, or nothing."""
    data = make(random.Random(seed))
    schema, path = folder + "/schema.json", folder + "/data.csv"
    with open(schema, "w") as file:
        json.dump(SCHEMA, file)
    with open(path, "wb") as file:
        file.write(data)
    reports = [probe("schema", path, schema, *way) for way in WAYS]
    want, have = expected(data), found(json.loads(reports[0]))
    wrong = {k: (v, have.get(k)) for k, v in want.items() if v != have.get(k)}
    differing = [way for way, report in zip(WAYS, reports) if report != reports[0]]
    return wrong or differing, data
