// Tables of cases, one a line.
// swift-format-ignore-file
import Testing

@testable import Validation

/// The rules that a file breaks, with how often, under a schema of one field.
func broken(field: String, _ text: String, format: Format = .csv, reference: String = "", more: String = "") throws -> [String: Int] {
    try broken(schema: "{\"fields\": [{\"name\": \"a\", \(field)}]\(more)}", text, format: format, reference: reference)
}

func broken(schema: String, _ text: String, format: Format = .csv, reference: String = "") throws -> [String: Int] {
    try report(schema: schema, text, format: format, reference: reference).checks.reduce(into: [:]) { counts, check in
        if check.count > 0 { counts[check.rule, default: 0] += check.count }
    }
}

/// `reference` is what every other table holds that the schema refers to.
func report(schema: String, _ text: String, format: Format = .csv, reference: String = "") throws -> ValidationReport {
    let validator = try Validator(TableSchema(json: schema, name: "t", format: format))
    return try Array(text.utf8).withUnsafeBytes { bytes in
        try validator.validate(
            bytes: bytes,
            references: { wanted in try Array(reference.utf8).withUnsafeBytes { try ReferenceColumns(wanted, bytes: $0) } })
    }
}

@Test("a number of JSON is read as JSON has it, text in JSON as the column has it", arguments: [
    ("\"type\": \"number\", \"decimalChar\": \",\", \"groupChar\": \".\", \"constraints\": {\"enum\": [1.5]}", "1.5", [:]),
    ("\"type\": \"number\", \"decimalChar\": \",\", \"groupChar\": \".\", \"constraints\": {\"enum\": [1.5]}", "\"1,5\"", [:]),
    ("\"type\": \"number\", \"decimalChar\": \",\"", "1.5", [:]),
    ("\"type\": \"number\", \"bareNumber\": false, \"constraints\": {\"maximum\": 0}", "-1.5e2", [:]),
    ("\"type\": \"integer\", \"groupChar\": \".\"", "1.5", ["type": 1]), ("\"type\": \"integer\", \"groupChar\": \".\"", "\"1.500\"", [:]),
    ("\"type\": \"integer\"", "1.0", [:]), ("\"type\": \"integer\"", "1.50e1", [:]), ("\"type\": \"integer\"", "-0.0", [:]),
    ("\"type\": \"integer\"", "1e2", [:]), ("\"type\": \"integer\"", "1e-1", ["type": 1]), ("\"type\": \"integer\"", "\"1.0\"", ["type": 1]),
    ("\"type\": \"integer\", \"constraints\": {\"enum\": [100]}", "1e2", [:]),
    ("\"type\": \"integer\", \"constraints\": {\"minimum\": \"100000000000000000000000\"}", "1e23", [:]),
    ("\"type\": \"integer\", \"constraints\": {\"minimum\": \"100000000000000000000001\"}", "1e23", ["minimum": 1]),
])
func numbersOfJSON(field: String, value: String, expected: [String: Int]) throws {
    #expect(try broken(field: field, "{\"a\": \(value)}\n", format: .jsonLines) == expected)
    #expect(try broken(field: field, "[{\"a\": \(value)}]", format: .json) == expected)
}

private let sameValues: [(type: String, format: Format, values: [String])] = [
    ("\"type\": \"object\"", .jsonLines, ["{\"x\":1,\"y\":2}", "{\"y\":2,\"x\":1.0}", "{ \"x\":1e0, \"y\":2}"]),
    ("\"type\": \"array\"", .jsonLines, ["[1,2]", "[1.0, 2]", "[10e-1,2e0]"]),
    ("\"type\": \"geojson\"", .jsonLines, ["{\"type\":\"Point\",\"coordinates\":[1,2]}", "{\"coordinates\":[1.0,2],\"type\":\"Point\"}"]),
    ("\"type\": \"geopoint\", \"format\": \"array\"", .jsonLines, ["[1,2]", "[1.0, 2]"]),
    ("\"type\": \"geopoint\", \"format\": \"object\"", .jsonLines, ["{\"lon\":1,\"lat\":2}", "{\"lat\":2.0,\"lon\":1}"]),
    ("\"type\": \"geopoint\"", .csv, ["1,2", "1.0, 2"]),
    ("\"type\": \"object\"", .csv, ["{\"x\":1}", "{\"x\": 1}"]),
    ("\"type\": \"list\", \"itemType\": \"integer\"", .csv, ["1,2", "01,+2"]),
    ("\"type\": \"list\", \"itemType\": \"number\"", .csv, ["1,2", "1.0,2e0"]),
    ("\"type\": \"list\", \"itemType\": \"datetime\"", .csv, ["2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00"]),
]

private func file(_ name: String, _ values: [String], _ format: Format) -> String {
    if format.dialect == nil { return values.map { "{\"\(name)\": \($0)}\n" }.joined() }
    return "\(name)\n" + values.map { "\"\($0.replacing("\"", with: "\"\""))\"\n" }.joined()
}

@Test("keys, enumerations and references compare what a value says, not how it is written", arguments: sameValues)
func logicalValues(type: String, format: Format, values: [String]) throws {
    let text = file("a", values, format)
    let repeated = values.count - 1
    #expect(try broken(field: "\(type), \"constraints\": {\"unique\": true}", text, format: format) == ["unique": repeated])
    #expect(try broken(field: type, text, format: format, more: ", \"primaryKey\": \"a\"") == ["unique": repeated])
    #expect(try broken(field: type, text, format: format, more: ", \"uniqueKeys\": [[\"a\"]]") == ["unique": repeated])
    let two = text.replacing("\"a\": ", with: "\"b\": 1, \"a\": ").replacing("\n\"", with: "\n1,\"").replacing("a\n", with: "b,a\n")
    #expect(
        try broken(
            schema: "{\"fields\": [{\"name\": \"b\"}, {\"name\": \"a\", \(type)}], \"uniqueKeys\": [[\"b\", \"a\"]]}", two, format: format)
            == ["unique": repeated])
    let enumerated = format.dialect == nil ? values[1] : SchemaDraft.quoted(values[1])
    #expect(try broken(field: "\(type), \"constraints\": {\"enum\": [\(enumerated)]}", text, format: format) == [:])
    let key = ", \"foreignKeys\": [{\"fields\": \"a\", \"reference\": {\"resource\": \"r\(format.dialect == nil ? ".jsonl" : ".csv")\", \"fields\": \"x\"}}]"
    #expect(try broken(field: type, text, format: format, reference: file("x", [values[1]], format), more: key) == [:])
}

@Test("values that differ stay different")
func differentValues() throws {
    let unique = "\"constraints\": {\"unique\": true}"
    #expect(try broken(field: "\"type\": \"object\", \(unique)", "{\"a\": {\"x\": 1}}\n{\"a\": {\"x\": \"1\"}}\n{\"a\": {\"x\": [1]}}\n", format: .jsonLines) == [:])
    #expect(try broken(field: "\"type\": \"list\", \"itemType\": \"boolean\", \(unique)", "a\ntrue\nfalse\n1\n") == ["unique": 1])
    #expect(try broken(field: "\"type\": \"list\", \(unique)", "a\n1\n01\n") == [:])
    #expect(try broken(field: "\"type\": \"geopoint\", \(unique)", "a\n\"1,2\"\n\"2,1\"\n") == [:])
    #expect(try broken(field: "\"type\": \"any\", \(unique)", "{\"a\": 1}\n{\"a\": \"1\"}\n{\"a\": true}\n{\"a\": \"true\"}\n", format: .jsonLines) == [:])
    #expect(try broken(field: "\"type\": \"any\", \(unique)", "{\"a\": 1}\n{\"a\": 1.0}\n{\"a\": {\"x\":1}}\n{\"a\": {\"x\": 1}}\n", format: .jsonLines) == ["unique": 2])
}

@Test("a value of type any refers to one that is written likewise in a table of another format")
func referencesOfAny() throws {
    let key = ", \"foreignKeys\": [{\"fields\": \"a\", \"reference\": {\"resource\": \"r.csv\", \"fields\": \"x\"}}]"
    #expect(try broken(field: "\"type\": \"any\"", "{\"a\": 1}\n{\"a\": \"1\"}\n{\"a\": 2}\n", format: .jsonLines, reference: "x\n1\n", more: key) == ["reference": 1])
}

@Test("the coordinates of a point are numbers, not texts")
func pointsOfTexts() throws {
    #expect(try broken(field: "\"type\": \"geopoint\", \"format\": \"array\"", "{\"a\": [\"90\",\"45\"]}\n", format: .jsonLines) == ["type": 1])
    #expect(try broken(field: "\"type\": \"geopoint\", \"format\": \"object\"", "{\"a\": {\"lon\": \"90\", \"lat\": 45}}\n", format: .jsonLines) == ["type": 1])
}
