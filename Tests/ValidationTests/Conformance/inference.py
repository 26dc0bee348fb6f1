"""Schemas inferred from random files: frictionless takes the descriptor, and both find the file that it came from valid."""

import csv
import json
import random


def cell(r, kind):
    return {
        "integer": lambda: str(r.randrange(-999, 999)),
        "code": lambda: f"{r.randrange(0, 999):05}",
        "money": lambda: f"{r.randrange(0, 9999)}.{r.randrange(100):02}",
        "boolean": lambda: r.choice(["true", "false"]),
        "date": lambda: f"{r.randrange(1990, 2030)}-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}",
        "day first": lambda: f"{r.randrange(1, 29):02}/{r.randrange(1, 13):02}/{r.randrange(1990, 2030)}",
        "datetime": lambda: f"{r.randrange(1990, 2030)}-01-{r.randrange(1, 29):02}T{r.randrange(24):02}:00:{r.randrange(60):02}Z",
        "plain datetime": lambda: f"{r.randrange(1990, 2030)}-01-{r.randrange(1, 29):02} {r.randrange(24):02}:00:{r.randrange(60):02}",
        "time": lambda: f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}",
        "status": lambda: r.choice(["open", "closed", "on hold"]),
        "uuid": lambda: "%08x-%04x-4%03x-8%03x-%012x" % tuple(r.randrange(16**n) for n in (8, 4, 3, 3, 12)),
        "text": lambda: "".join(r.choice('abc ,"é') for _ in range(r.randrange(1, 9))).strip() or "z",
        "year": lambda: str(r.randrange(1990, 2030)),
    }[kind]()


def check(seed, probe, folder):
    from frictionless import Dialect, Resource, Schema, system
    from frictionless.formats import CsvControl

    r = random.Random(seed)
    kinds = [r.choice(["integer", "code", "money", "boolean", "date", "day first", "datetime", "plain datetime", "time",
                       "status", "uuid", "text", "year"]) for _ in range(r.randrange(2, 7))]
    marker = r.choice(["", "", "NA", "NULL", "-", "n/a"])
    holes = [r.random() < 0.3 for _ in kinds]
    path = folder + "/inferred.csv"
    delimiter = r.choice([",", ",", ";", "\t"])
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n", delimiter=delimiter)
        writer.writerow(f"{kind.replace(' ', '_')}_{place}" for place, kind in enumerate(kinds))
        for _ in range(r.choice([1, 3, 30, 300])):
            row = [marker if hole and r.random() < 0.3 else cell(r, kind) for kind, hole in zip(kinds, holes)]
            if any(text not in ("", marker) for text in row):
                writer.writerow(row)
    descriptor = json.loads(probe("infer", path))
    if "error" in descriptor:
        return [descriptor], kinds
    with open(folder + "/inferred.json", "w") as file:
        json.dump({"schema": descriptor, "dialect": {"delimiter": delimiter}}, file)
    wrong = []
    report = json.loads(probe("schema", path, folder + "/inferred.json"))
    if not report.get("passed"):
        wrong.append(report)
    with system.use_context(trusted=True, standards="v2"):
        schema = Schema.from_descriptor(descriptor)
        resource = Resource(path=path, schema=schema, encoding="utf-8",
                            dialect=Dialect(controls=[CsvControl(delimiter=delimiter)]))
        verdict = resource.validate()
    if not verdict.valid:
        wrong.append([(error.type, error.note) for task in verdict.tasks for error in task.errors][:5] + verdict.errors[:5])
    return wrong, json.dumps([kinds, descriptor])
