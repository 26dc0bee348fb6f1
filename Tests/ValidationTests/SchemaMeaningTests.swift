// Tables of cases, one a line.
// swift-format-ignore-file
import Testing

@testable import Validation

@Test("without a header, columns beyond those declared are found as they are with one", arguments: [
    ("exact", ["extra-column": 1]), ("equal", ["extra-column": 1]), ("superset", ["extra-column": 1]), ("subset", [:]), ("partial", [:]),
])
func surplusWithoutHeader(match: String, expected: [String: Int]) throws {
    let schema = "{\"dialect\": {\"header\": false}, \"schema\": {\"fieldsMatch\": \"\(match)\", \"fields\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}}"
    #expect(try broken(schema: schema, "1,2,3\n4,5,6\n") == expected)
    #expect(try broken(schema: schema, "1,2\n4,5\n") == [:])
    let found = try report(schema: schema, "\n1,2,3\n").checks.first { $0.rule == "extra-column" }?.offenders.first
    #expect(found.map { $0.byte == 5 && $0.value == "column 3" } ?? expected.isEmpty)
}

@Test("text around a number is stripped, but never a sign", arguments: [
    ("$5", true), ("EUR 7", true), ("95%", true), ("-5 km", true), ("$-5", true), ("+5", true), ("5 (approximately)", true),
    ("-$5", false), ("-EUR 7", false), ("- $9", false), ("- 9", false), ("(5)", false), ("$(5)", false), ("(about) 5", true), ("5-", false), ("5 -", false), ("+$5", false),
    ("\u{2212}5", false), ("\u{2013}5", false), ("--5", false),
])
func signsAroundNumbers(text: String, isNumber: Bool) throws {
    for type in ["number", "integer"] {
        #expect(try broken(field: "\"type\": \"\(type)\", \"bareNumber\": false", "a\n\"\(text)\"\n") == (isNumber ? [:] : ["type": 1]), "\(text)")
    }
}

@Test("a column whose values must be there must be there itself", arguments: ["superset", "partial"])
func requiredColumns(match: String) throws {
    let constraint = "{\"fieldsMatch\": \"\(match)\", \"fields\": [{\"name\": \"a\", \"constraints\": {\"required\": true}}, {\"name\": \"b\"}]}"
    let key = "{\"fieldsMatch\": \"\(match)\", \"fields\": [{\"name\": \"a\"}, {\"name\": \"b\"}], \"primaryKey\": [\"a\", \"b\"]}"
    let neither = "{\"fieldsMatch\": \"\(match)\", \"fields\": [{\"name\": \"a\"}, {\"name\": \"b\"}], \"uniqueKeys\": [[\"a\", \"b\"]]}"
    for schema in [constraint, key] { #expect(try broken(schema: schema, "b\n1\n") == ["missing-column": 1]) }
    #expect(try broken(schema: neither, "b\n1\n1\n") == [:])
    #expect(try broken(schema: constraint, "{\"b\": 1}\n", format: .jsonLines) == ["required": 1])
}

@Test("a schema of many categories is read in time that grows with their number")
func manyCategories() throws {
    let categories = (0..<50_000).map { "\"v\($0)\"" }.joined(separator: ",")
    // Fifty thousand squared would take minutes.
    #expect(try broken(field: "\"type\": \"string\", \"categories\": [\(categories)]", "a\nv49999\nv\n") == ["enum": 1])
}

@Test("the format any is one of dates, times and datetimes", arguments: [
    ("date", "2024-01-26", "26 Jan"), ("time", "3:04 PM", "25:00"), ("datetime", "2024-01-26 15:04", "2024"),
])
func anyFormat(type: String, good: String, bad: String) throws {
    #expect(try broken(field: "\"type\": \"\(type)\", \"format\": \"any\"", "a\n\(good)\n\(bad)\n") == ["type": 1])
}

@Test("an extreme is told in the canonical form of its type", arguments: [
    ("datetime", ["2024-01-01T00:00:00.123456789Z"], "2024-01-01T00:00:00.123456789Z"), ("datetime", ["1969-12-31T23:59:59.5"], "1969-12-31T23:59:59.5Z"),
    ("datetime", ["1969-12-31T23:59:59.0000000001Z"], "1969-12-31T23:59:59.0000000001Z"), ("datetime", ["2024-01-01T00:00:00+02:00"], "2023-12-31T22:00:00Z"),
    ("time", ["00:00:00.000000001"], "00:00:00.000000001"), ("time", ["23:59:59"], "23:59:59"), ("time", ["00:30:00+05:00"], "00:30:00+05:00"),
    ("time", ["23:00:00-02:00"], "23:00:00-02:00"), ("time", ["00:00:00.5+05:30"], "00:30:00.5+06:00"),
    ("duration", ["P1Y"], "P365DT5H49M12S"), ("duration", ["PT1H"], "PT1H"), ("duration", ["PT90M"], "PT1H30M"), ("duration", ["P0D"], "PT0S"),
    ("duration", ["-PT0.25S"], "-PT0.25S"), ("duration", ["PT0.0000000001S"], "PT0.0000000001S"), ("duration", ["-P1DT1.5S"], "-P1DT1.5S"),
])
func canonicalExtremes(type: String, values: [String], expected: String) throws {
    let found = try report(schema: "{\"fields\": [{\"name\": \"a\", \"type\": \"\(type)\"}]}", "a\n" + values.map { $0 + "\n" }.joined())
    #expect(found.columns.first?.min == expected && found.columns.first?.max == expected)
    // What is told is a value of the type, and the same one.
    #expect(try broken(field: "\"type\": \"\(type)\", \"constraints\": {\"enum\": [\"\(expected)\"]}", "a\n" + values.map { $0 + "\n" }.joined()) == [:])
}

@Test("a bound of numbers may be infinite, or larger than any", arguments: [
    ("\"exclusiveMaximum\": \"INF\"", ["INF": 1, "1e308": 0, "-INF": 0, "NaN": 1]), ("\"maximum\": \"INF\"", ["INF": 0, "NaN": 1]),
    ("\"exclusiveMinimum\": \"-INF\"", ["-INF": 1, "0": 0]), ("\"minimum\": \"inf\"", ["INF": 0, "1e308": 1]),
    ("\"exclusiveMaximum\": \"1e400\"", ["INF": 1, "1e308": 0]), ("\"exclusiveMaximum\": 1e400", ["INF": 1, "1e308": 0]),
])
func infiniteBounds(constraint: String, values: [String: Int]) throws {
    for (value, count) in values {
        let found = try broken(field: "\"type\": \"number\", \"constraints\": {\(constraint)}", "a\n\(value)\n")
        #expect(found.values.reduce(0, +) == count, "\(value)")
    }
}

@Test("blank lines are no rows where there is no header to tell how many columns there are")
func onlyBlankLines() throws {
    let two = "\"schema\": {\"fields\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}"
    #expect(try report(schema: "{\(two)}", "\n\n\n").rows == 0)
    #expect(try report(schema: "{\"dialect\": {\"header\": false}, \(two)}", "\n\n\n").rows == 0)
    #expect(try report(schema: "{\"dialect\": {\"header\": false}, \"schema\": {\"fields\": [{\"name\": \"a\"}]}}", "\n\n").rows == 2)
    #expect(try report(schema: "{\"fields\": [{\"name\": \"a\"}]}", "\n\n").rows == 0)
    #expect(try report(schema: "{\"fields\": [{\"name\": \"a\"}]}", "a\n\n").rows == 1)
}

private let composed = "\u{e9}"
private let decomposed = "e\u{301}"

@Test("names and values are the same only if their bytes are", arguments: [Format.csv, .jsonLines])
func exactNames(format: Format) throws {
    func file(_ name: String, _ value: String) -> String {
        format.dialect == nil ? "{\"\(name)\": \"\(value)\"}\n" : "\(name)\n\(value)\n"
    }
    let named = "{\"fields\": [{\"name\": \"\(composed)\"}]}"
    #expect(try broken(schema: named, file(composed, "1"), format: format) == [:])
    #expect(try broken(schema: named, file(decomposed, "1"), format: format)["extra-column"] == 1)
    #expect(try broken(field: "\"constraints\": {\"enum\": [\"\(composed)\"]}", file("a", decomposed), format: format) == ["enum": 1])
    #expect(try broken(field: "\"type\": \"string\", \"categories\": [\"\(composed)\", \"\(decomposed)\"]", file("a", decomposed), format: format) == [:])
    let truths = "\"type\": \"boolean\", \"trueValues\": [\"\(composed)\"], \"falseValues\": [\"\(decomposed)\"]"
    #expect(try broken(field: "\(truths), \"constraints\": {\"enum\": [false]}", file("a", decomposed), format: format) == [:])
    let both = "{\"fieldsMatch\": \"equal\", \"fields\": [{\"name\": \"\(composed)\"}, {\"name\": \"\(decomposed)\", \"type\": \"integer\"}]}"
    let rows = format.dialect == nil ? "{\"\(decomposed)\": 1, \"\(composed)\": \"x\"}\n" : "\(decomposed),\(composed)\n1,x\n"
    #expect(try broken(schema: both, rows, format: format) == [:])
}

@Test("members and values of JSON are the same only if their bytes are")
func exactJSON() throws {
    func count(_ schema: String, _ value: String) throws -> [String: Int] {
        try broken(field: "\"type\": \"object\", \"constraints\": {\"jsonSchema\": \(schema)}", "{\"a\": \(value)}\n", format: .jsonLines)
    }
    #expect(try count("{\"properties\": {\"k\": {\"const\": \"\(composed)\"}}}", "{\"k\": \"\(decomposed)\"}") == ["jsonSchema": 1])
    #expect(try count("{\"properties\": {\"\(composed)\": false}}", "{\"\(decomposed)\": 1}") == [:])
    #expect(try count("{\"required\": [\"\(composed)\"]}", "{\"\(decomposed)\": 1}") == ["jsonSchema": 1])
    #expect(try count("{\"minProperties\": 2}", "{\"\(decomposed)\": 1, \"\(composed)\": 1}") == [:])
}

@Test("an escaped line end is part of the value, however the lines end", arguments: ["\n", "\r\n"])
func escapedLineEnds(end: String) throws {
    let schema = "{\"dialect\": {\"escapeChar\": \"\\\\\"}, \"schema\": {\"fields\": [{\"name\": \"a\", \"constraints\": {\"enum\": [\"x\(end == "\n" ? "\\n" : "\\r\\n")y\", \"x\\ry\", \"1\"]}}, {\"name\": \"b\"}]}}"
    let text = ["a,b", "x\\", "y,z", "1,2", "x\\\ry,\\\rz", "1,2", ""].joined(separator: end)
    for block in [256, 1 << 20] {
        let report = try validate(Array(text.utf8), TableSchema(json: schema, name: "t").rules, options: ValidationOptions(blockSize: block))
        #expect(report.passed && report.rows == 4, "\(report.text())")
    }
}

@Test("a member that no field declares is found twice too, and its name told once")
func undeclaredMembers() throws {
    let schema = "{\"fields\": [{\"name\": \"a\"}]}"
    #expect(try broken(schema: schema, "{\"a\": 1, \"b\": 1, \"b\": 2}\n{\"b\": 1}\n", format: .jsonLines) == ["extra-column": 1, "duplicate-member": 1])
    let many = (0..<3000).map { "\"m\($0)\": 1" }.joined(separator: ", ")
    #expect(try broken(schema: schema, "{\(many)}\n{\(many), \"m2999\": 1}\n", format: .jsonLines) == ["extra-column": 1024, "duplicate-member": 1])
    // Read in pieces, as an array is, a row is begun more than once.
    let rows = "[\n" + (0..<200).map { "{\"a\": \"\(String(repeating: "x", count: $0))\", \"m\($0)\": 1, \"z\": 1}" }.joined(separator: ",\n") + "]"
    let found = try validate(Array(rows.utf8), TableSchema(json: schema, name: "t", format: .json).rules, options: ValidationOptions(blockSize: 256))
    #expect(found.broken == ["the file has no undeclared column": 201])
}

@Test("white space in a pattern of dates is any white space in the data", arguments: ["1 Jan 2024", "1\tJan 2024", "1 \u{b} Jan\t\t2024", "1\nJan\r\n2024"])
func whiteSpaceInDates(text: String) throws {
    #expect(try broken(field: "\"type\": \"date\", \"format\": \"%d %b\\t%Y\"", "a\n\"\(text)\"\n") == [:])
    #expect(try broken(field: "\"type\": \"date\", \"format\": \"%d %b\\t%Y\"", "a\n\(text.filter { !$0.isWhitespace })\n") == ["type": 1])
}

@Test("a time is of whole seconds without a zone where the schema is of version 2", arguments: [
    ("15:00:00", true), ("15:00:00.5", false), ("15:00:00Z", false), ("15:00:00+01:00", false), ("15:00", false), ("24:00:00", false),
])
func timesOfVersions(text: String, isTime: Bool) throws {
    func schema(_ profile: String) -> String { "{\(profile)\"fields\": [{\"name\": \"a\", \"type\": \"time\"}]}" }
    let second = schema("\"$schema\": \"https://datapackage.org/profiles/2.0/tableschema.json\", ")
    #expect(try broken(schema: second, "a\n\(text)\n") == (isTime ? [:] : ["type": 1]))
    let list = second.replacing("\"type\": \"time\"", with: "\"type\": \"list\", \"itemType\": \"time\", \"delimiter\": \";\"")
    #expect(try broken(schema: list, "a\n\(text);15:00:00\n") == (isTime ? [:] : ["type": 1]))
    let isISO = isTime || text.utf8.count > 8
    for profile in ["", "\"$schema\": \"https://datapackage.org/profiles/1.0/tableschema.json\", "] {
        #expect(try broken(schema: schema(profile), "a\n\(text)\n") == (isISO ? [:] : ["type": 1]))
    }
}

@Test("an inferred schema takes the times that it came from", arguments: ["15:00:00", "15:00:00.5", "15:00:00Z", "15:00"])
func inferredTimes(text: String) throws {
    let file = Array("a,b\n\(text),1\n\(text),2\n".utf8)
    let schema = try file.withUnsafeBytes { try SchemaInference.schema(of: $0) }
    #expect(try broken(schema: schema, String(decoding: file, as: UTF8.self)) == [:])
    #expect(schema.contains(text.hasSuffix("Z") ? "\"string\"" : "\"time\""), "\(schema)")
}

@Test("a schema and a dialect may begin with a byte order mark")
func markedSchemas() throws {
    #expect(try broken(schema: "\u{feff}{\"fields\": [{\"name\": \"a\"}]}", "a\n1\n") == [:])
    let bytes = Array("\u{feff}{\"fields\": [{\"name\": \"a\"}]}".utf8)
    #expect(try bytes.withUnsafeBytes { try TableSchema(bytes: $0, name: "t").rules.definition.columns.count } == 1)
    #expect(try Dialect(json: "\u{feff}{\"delimiter\": \";\"}").delimiter == ";")
}

@Test("what a foreign key names and nobody has is told with the line of the key")
func linesOfForeignKeys() throws {
    let schema = "{\"fields\": [{\"name\": \"a\"}],\n\"foreignKeys\": [\n{\"fields\": \"a\", \"reference\": {\"resource\": \"r.csv\", \"fields\": \"zz\"}}]}"
    let validator = try Validator(TableSchema(json: schema, name: "t"))
    #expect(validator.references.map(\.line) == [3])
    let error = try #require(throws: RuleError.self) { _ = try broken(schema: schema, "a\n1\n", reference: "x\n1\n") }
    #expect(error.line == 3 && error.message == "the foreign key refers to r.csv, which has no column zz")
    let other = try #require(throws: RuleError.self) { _ = try broken(schema: schema, "a\n1\n", reference: "zz;x\n1;2\n") }
    #expect(other.line == 3 && other.message.hasSuffix("wrong-format: values separated by semicolons"))
    let array = schema.replacing("r.csv", with: "r.json")
    let cut = try #require(throws: RuleError.self) { _ = try broken(schema: array, "a\n1\n", reference: "[{\"zz\": 1}, {\"zz\"") }
    #expect(cut.message == "the foreign key refers to r.json, which can't be read to its end: malformed-json")
}

@Test("fields of one name are columns of one name, in their order")
func repeatedFields() throws {
    let schema = "{\"fields\": [{\"name\": \"a\"}, {\"name\": \"a\", \"type\": \"integer\"}, {\"name\": \"b\", \"type\": \"boolean\"}]}"
    #expect(try broken(schema: schema, "a,a,b\nx,1,true\n") == [:])
    #expect(try broken(schema: schema, "a,a,b\n1,x,true\n") == ["type": 1])
    #expect(try broken(schema: schema, "a,b\nx,true\n") == ["missing-column": 1])
    #expect(try broken(schema: schema, "a,a,b,a\nx,1,true,2\n") == ["duplicate-column": 1])
    #expect(try broken(schema: schema, "a,a,b,c\nx,1,true,2\n") == ["extra-column": 1])
    #expect(try broken(schema: "{\"dialect\": {\"header\": false}, \"schema\": \(schema)}", "x,1,true\nx,y,true\n") == ["type": 1])
    #expect(try broken(schema: schema, "{\"a\": 1, \"b\": true}\n{\"b\": false, \"a\": \"x\"}\n{\"b\": 1, \"b\": true}\n", format: .jsonLines) == ["type": 1, "duplicate-member": 1])
    let keyed = schema.dropLast() + ", \"primaryKey\": \"a\"}"
    #expect(try broken(schema: String(keyed), "a,a,b\nx,1,true\ny,1,true\nx,2,true\n") == ["unique": 1])
}

@Test("a departure in the first row of a file without a header is told once", arguments: [("1,x\"y\n2,z\n", 3), ("# \"q\"\n1,x\"y\n2,z\n", 9)])
func firstRowWithoutHeader(text: String, byte: Int) throws {
    let schema = "{\"dialect\": {\"header\": false, \"commentChar\": \"#\"}, \"schema\": {\"fields\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}}"
    for more in ["", String(repeating: "x", count: 10_000)] {
        let check = try report(schema: schema, text.replacing("\"y", with: "\"y" + more)).checks.first { $0.rule == "quote-in-bare-field" }
        #expect(check?.count == 1 && check?.offenders.first?.byte == byte && check?.offenders.first?.row == 1)
    }
}
