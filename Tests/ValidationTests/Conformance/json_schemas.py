"""Random JSON Schemas and values through the engine and through Python's jsonschema: the same verdict of every value."""

import json
import random

import jsonschema

NAMES = ["a", "b", "ab", "x1"]


def instance(r, depth=0):
    kind = r.randrange(8 if depth < 3 else 5)
    if kind == 0:
        return r.choice([None, True, False])
    if kind in (1, 2):
        return r.choice([0, 1, 2, 3, 1.5, -1, 10, 2.0, 100])
    if kind in (3, 4):
        return r.choice(["", "a", "ab", "abc", "é", "a1", "x\ny"])
    if kind == 5:
        return [instance(r, depth + 1) for _ in range(r.randrange(4))]
    return {name: instance(r, depth + 1) for name in NAMES if r.random() < 0.4}


def schema(r, depth=0):
    if r.random() < 0.06:
        return r.random() < 0.6
    made = {}
    for _ in range(r.randrange(1, 4)):
        key = r.choice(KEYS if depth < 3 else LEAVES)
        made[key] = PARTS[key](r, depth + 1)
    return made


def many(r, depth):
    return [schema(r, depth) for _ in range(r.randrange(1, 3))]


def table(r, depth):
    return {name: schema(r, depth) for name in r.sample(NAMES, r.randrange(1, 3))}


TYPES = ["array", "boolean", "integer", "null", "number", "object", "string"]
PARTS = {
    "type": lambda r, d: r.choice(TYPES) if r.random() < 0.5 else r.sample(TYPES, 3),
    "enum": lambda r, d: [instance(r, 2) for _ in range(r.randrange(1, 5))],
    "const": lambda r, d: instance(r, 2),
    "multipleOf": lambda r, d: r.choice([1, 2, 0.5, 3]),
    "minimum": lambda r, d: r.choice([0, 1, 1.5]), "maximum": lambda r, d: r.choice([1, 2, 10]),
    "exclusiveMinimum": lambda r, d: r.choice([0, 1, 1.5]), "exclusiveMaximum": lambda r, d: r.choice([1, 2, 10]),
    "minLength": lambda r, d: r.randrange(3), "maxLength": lambda r, d: 2 + r.randrange(2),
    "pattern": lambda r, d: r.choice(["a", "^a", "b$", "^[a-z]+$", "[0-9]"]),
    "minItems": lambda r, d: r.randrange(2), "maxItems": lambda r, d: 1 + r.randrange(3), "uniqueItems": lambda r, d: True,
    "minProperties": lambda r, d: r.randrange(2), "maxProperties": lambda r, d: 1 + r.randrange(3),
    "required": lambda r, d: r.sample(NAMES, r.randrange(1, 3)),
    "dependentRequired": lambda r, d: {r.choice(NAMES): [r.choice(NAMES)]},
    "properties": table, "dependentSchemas": table,
    "patternProperties": lambda r, d: {r.choice(["^a", "1$", "b"]): schema(r, d)},
    "additionalProperties": schema, "propertyNames": schema, "items": schema, "prefixItems": many, "contains": schema,
    "minContains": lambda r, d: r.randrange(3), "maxContains": lambda r, d: 2,
    "allOf": many, "anyOf": many, "oneOf": many, "not": schema, "if": schema, "then": schema, "else": schema,
    "$ref": lambda r, d: "#/$defs/" + r.choice(["small", "tree"]),
}
KEYS = list(PARTS)
LEAVES = KEYS[:19]


def check(seed, probe, folder):
    r = random.Random(seed)
    whole = schema(r)
    if not isinstance(whole, dict):
        whole = {"allOf": [whole]}
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    whole["$defs"] = {
        "small": {"type": "integer", "maximum": 2},
        "tree": {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}}]},
    }
    values = [instance(r, 0) for _ in range(40)]
    table = {"fields": [{"name": "v", "type": "array", "constraints": {"jsonSchema": wrap(whole)}}]}
    with open(folder + "/values.jsonl", "w") as file:
        for value in values:
            file.write(json.dumps({"v": [value]}) + "\n")
    with open(folder + "/values.json", "w") as file:
        json.dump(table, file)
    report = json.loads(probe("schema", folder + "/values.jsonl", folder + "/values.json", "--offenders", "100"))
    if "error" in report:
        return [report], json.dumps(whole)
    validator = jsonschema.Draft202012Validator(whole)
    want = [row + 1 for row, value in enumerate(values) if not validator.is_valid(value)]
    checks = [check for check in report["checks"] if check["rule"] == "jsonSchema"]
    have = [offender["row"] for offender in checks[0]["offenders"]]
    wrong = [(values[row - 1], "refused" if row in have else "allowed") for row in sorted({*want} ^ {*have})]
    return wrong, json.dumps(whole)


def wrap(whole):
    """The value stands in an array of one, so that every kind of value can be a row's."""
    inner = {key: value for key, value in whole.items() if key not in ("$schema", "$defs")}
    return {"$schema": whole["$schema"], "$defs": whole["$defs"], "prefixItems": [inner]}
