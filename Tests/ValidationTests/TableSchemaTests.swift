import Testing

@testable import Validation

private func report(_ schema: String, _ text: String, format: Format = .csv) throws -> ValidationReport {
    var text = text
    return try text.withUTF8 {
        try Validator(TableSchema(json: schema, name: "table", format: format)).validate(
            bytes: UnsafeRawBufferPointer($0))
    }
}

@Test("a schema's constraints are rules")
func constraints() throws {
    let schema = """
        {"fields": [{"name": "id", "type": "integer", "constraints": {"required": true, "minimum": 1}},
                    {"name": "price", "type": "number", "decimalChar": ",", "groupChar": "."},
                    {"name": "when", "type": "date", "format": "%d.%m.%Y"}],
         "primaryKey": "id", "missingValues": ["", "-"]}
        """
    let result = try report(
        schema, "id;price;when\n1;1.234,5;31.12.2013\n", format: .delimited(Dialect(delimiter: ";")))
    #expect(result.passed, "\(result.text())")
    let bad = try report(
        schema, "id;price;when\n1;1.2x;31.12.2013\n1;1;31.02.2013\n-;-;-\n0;1;1.1.2013\n",
        format: .delimited(Dialect(delimiter: ";")))
    #expect(
        bad.broken == [
            "price is a number": 1, "when is a date %d.%m.%Y": 1, "id is present": 1, "id is at least 1": 1,
            "no two rows have the same id": 1,
        ])
}

@Test(
    "a schema with a mistake gives its line and what was expected",
    arguments: [
        ("{\n\"fields\": [\n{\"name\": \"a\", \"type\": \"int\"}]}", 3, "is no type of Table Schema"),
        ("{\n\"fields\": [\n{\"type\": \"integer\"}]}", 3, "no \"name\""),
        ("{\n\"fields\": [{\"name\": \"a\",\n\"constraints\": {\n\"requird\": true}}]}", 4, "is no constraint"),
        ("{\n\"fields\": [\n{\"name\": \"a\",}]}", 3, "expected a member name"),
        ("{\"fields\": [{\"name\": \"a\"}],\n\"primaryKey\": \"b\"}", 2, "not declared"),
        ("{\"fields\": [\n{\"name\": \"a\", \"constraints\": {\"pattern\": \"(\"}}]}", 2, "without its )"),
        (
            "{\"fields\": [\n{\"name\": \"a\", \"type\": \"integer\", \"constraints\": {\"minimum\": \"x\"}}]}", 2,
            "bound"
        ),
    ])
func mistakes(schema: String, line: Int, expected: String) throws {
    let error = try #require(throws: RuleError.self) {
        _ = try Validator(TableSchema(json: schema, name: "table"))
    }
    #expect(error.line == line, "\(error)")
    #expect(error.message.contains(expected), "\(error)")
}

@Test("JSON Lines and a JSON array give what CSV gives")
func jsonFormats() throws {
    let schema = """
        {"fields": [{"name": "i", "type": "integer", "constraints": {"maximum": 5, "unique": true}},
                    {"name": "s", "constraints": {"maxLength": 3}}, {"name": "b", "type": "boolean"}]}
        """
    let lines = """
        {"i": 1, "s": "abc", "b": true}
        {"i": "6", "s": "a\\u00e9bc", "b": "false"}
        {"b": 1, "i": 1, "s": null}

        """
    let rows = try report(schema, lines, format: .jsonLines)
    let expected = [
        "i is at most 5": 1, "s has at most 3 characters": 1, "b is a boolean": 1, "i has no value twice": 1,
    ]
    #expect(rows.broken == expected)
    #expect(rows.rejected == 2)
    let array = "[" + lines.split(separator: "\n").joined(separator: ",\n") + "]"
    #expect(try report(schema, array, format: .json).broken == expected)
    let broken = try report(schema, "{\"i\": 1}\nnonsense\n{\"i\": 2}\n", format: .jsonLines)
    #expect(broken.rows == 3)
    #expect(broken.broken == ["every row is a JSON object": 1])
    #expect(try !report(schema, "{\"i\": 1}", format: .json).passed)
}

@Test("a schema that is inferred accepts the data that it came from")
func inference() throws {
    var text = "id,code,price,day,note\n1,007,1.5,2013-01-01,x\n2,010,NA,2013-01-02,\n"
    let schema = try text.withUTF8 { try SchemaInference.schema(of: UnsafeRawBufferPointer($0)) }
    #expect(schema.contains("{\"name\": \"id\", \"type\": \"integer\", \"constraints\": {\"required\": true}}"))
    #expect(schema.contains("{\"name\": \"code\", \"type\": \"string\", \"constraints\": {\"required\": true}}"))
    #expect(schema.contains("{\"name\": \"price\", \"type\": \"number\"}"))
    #expect(schema.contains("{\"name\": \"day\", \"type\": \"date\", \"constraints\": {\"required\": true}}"))
    #expect(try report(schema, text).passed)
}

@Test("decimals and dates are exact, beyond 64 bits too")
func exactness() throws {
    let rules = RuleSet("t") {
        Column("d", .decimal).max("0.1").min("-99999999999999999999.5")
        Column("t", .datetime).below("2013-01-01T00:00:00.0000000002Z")
    }
    var text =
        "d,t\n0.1,2013-01-01T00:00:00.0000000001Z\n0.10000000000000000000001,2013-01-01T00:00:00.0000000002Z\n"
        + "-99999999999999999999.5,2012-12-31T19:00:00-05:00\n-99999999999999999999.51,2012-12-31T23:59:59Z\n"
    let result = try text.withUTF8 { try Validator(rules).validate(bytes: UnsafeRawBufferPointer($0)) }
    #expect(
        result.broken == [
            "d is at most 0.1": 1, "d is at least -99999999999999999999.5": 1,
            "t is under 2013-01-01T00:00:00.0000000002Z": 1,
        ])
}

@Test("rules about the file see the whole file")
func fileRules() throws {
    let rules = RuleSet("t") {
        Column("x", .integer)
        RowCount(3...5)
        Aggregate(.mean, of: "x", min: 2, max: 2)
        Aggregate(.quantile(0.5), of: "x", min: 2, max: 2)
        Aggregate(.maximum, of: "x", max: 2)
        MissingShare(of: "x", atMost: 20)
        DistinctCount(of: "x", 4...)
        ForbiddenColumns("secret")
        RowRule("x is odd", severity: .warning) { row in row.integer("x").map { $0 % 2 == 1 } ?? true }
    }
    var text = "x,secret\n1,\n2,\n3,\n,\n"
    let result = try text.withUTF8 { try Validator(rules).validate(bytes: UnsafeRawBufferPointer($0)) }
    #expect(
        result.broken == [
            "the largest value of x is at most 2": 1, "at most 20 % of x is missing": 1,
            "the number of different values of x is at least 4": 1, "the file has no column secret": 1, "x is odd": 1,
        ])
}

@Test(
    "a pattern matches whole values, in linear time",
    arguments: [
        ("[A-Z]{2}\\d+", "AB12", true), ("[A-Z]{2}\\d+", "AB12x", false), ("a|bc", "bc", true), ("a|bc", "abc", false),
        ("^(a+)+$", String(repeating: "a", count: 5000) + "b", false), ("\\p{Lu}é.*", "Éé日本", true),
        ("[^\\d-]+", "a-b", false), ("(?:ab){2,3}", "ababab", true), ("(?:ab){2,3}", "ab", false), ("", "", true),
        ("[a-z-[aeiou]]+", "xyz", true), ("[a-z-[aeiou]]+", "xaz", false), ("\\d+", "4٣१", true), ("\\D+", "٣", false),
        ("[\\d]+", "٣", true), ("\\d+", "½", false), ("[[:]+", "[:", true), ("\\p{Nd}", "٣", true),
        ("\\u0041?", "A", true),
    ])
func patterns(expression: String, text: String, matches: Bool) throws {
    #expect(try Pattern(expression).matches(text) == matches)
}

@Test("quarantined rows stand as they were, under the header")
func quarantine() throws {
    let rules = RuleSet("t") { Column("x", .integer).unique() }
    var text = "x,y\r\n1,\"a\nb\"\r\nz,\"q\"\"\"\r\n1,2\r\n3,4"
    var kept: [UInt8] = []
    _ = try text.withUTF8 {
        try Validator(rules).validate(bytes: UnsafeRawBufferPointer($0), quarantine: { kept.append(contentsOf: $0) })
    }
    #expect(String(decoding: kept, as: UTF8.self) == "x,y\r\nz,\"q\"\"\"\r\n1,2\r\n")
}
