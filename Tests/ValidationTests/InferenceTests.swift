import Testing

@testable import Validation

private func infer(_ text: String) throws -> JSONValue {
    let schema = try Array(text.utf8).withUnsafeBytes { try SchemaInference.schema(of: $0) }
    let format = Array(text.utf8).withUnsafeBytes { SchemaInference.guess($0) }
    let report = try validate(TableSchema(json: schema, name: "t", format: format).rules, text)
    #expect(report.passed, "\(schema)\n\(report.text())")
    return try JSONParser.parse(schema)
}

/// The descriptor of a column with these values, without its name and constraints.
private func field(_ values: [String], name: String = "c") throws -> String {
    let text = "\(name)\tz\n" + values.map { "\($0)\t.\n" }.joined()
    guard case .array(let fields)? = try infer(text)["fields"]?.content, case .object(let members) = fields[0].content
    else {
        return ""
    }
    let kept = members.filter { $0.key != "name" && $0.key != "constraints" }
    return kept.map { "\($0.key)=\($0.value.kind.replacing("\"", with: ""))" }.joined(separator: " ")
}

@Test(
    "a column's type is the narrowest that all its values have",
    arguments: [
        (["1", "-2", "300"], "type=integer"), (["1", "2.50"], "type=number"), (["007", "010"], "type=string"),
        (["1", "x"], "type=string"),
        (["1,234", "12"], "type=integer groupChar=,"), (["1,234.5", "12"], "type=number groupChar=,"),
        (["1.234,50", "0,5"], "type=number decimalChar=, groupChar=."), (["true", "FALSE"], "type=boolean"),
        (["2013-01-31", "2012-02-29"], "type=date"), (["2013-01-31T10:00:00Z"], "type=datetime"),
        (["23:59:59"], "type=time"), (["23:59"], "type=time format=%H:%M"),
        (["31/01/2013", "02/03/2013"], "type=date format=%d/%m/%Y"),
        (["01/31/2013", "02/03/2013"], "type=date format=%m/%d/%Y"),
        (["31.01.2013"], "type=date format=%d.%m.%Y"),
        (["2013-01-31 10:00:00"], "type=datetime format=%Y-%m-%d %H:%M:%S"),
        (["31/01/2013 10:00"], "type=datetime format=%d/%m/%Y %H:%M"),
        (["123e4567-e89b-12d3-a456-426614174000"], "type=string format=uuid"),
        (["{\"\"a\"\": 1}"].map { "\"\($0)\"" }, "type=object"),
        (["NA", "5"], "type=integer"), (["-", "2013-01-31"], "type=date"), (["x", "NA"], "type=string"),
        ([""], "type=string"), ([], "type=string"),
        (["N", "N"], "type=string"),
    ])
func inferredTypes(values: [String], expected: String) throws {
    #expect(try field(values) == expected)
}

@Test("day and month are told apart by the data or not at all; truth values need both; a year needs its name")
func ambiguous() throws {
    #expect(
        try field(["01/02/2013", "03/04/2013"]).hasPrefix("type=string description=a date in %d/%m/%Y or in %m/%d/%Y"))
    #expect(try field(["Y", "N"]) == "type=boolean trueValues=an array falseValues=an array")
    #expect(try field(["2013", "1999"], name: "fiscal_year") == "type=year")
    #expect(try field(["2013", "1999"], name: "count") == "type=integer")
}

@Test("a long file has enumerations and a key, a short one none")
func enumerationsAndKeys() throws {
    func table(_ rows: Int) -> String {
        "id,state,note\n" + (0..<rows).map { "\($0),\(["open", "closed", "NA"][$0 % 3]),\($0 % 7) \($0)\n" }.joined()
    }
    let long = try infer(table(300))
    #expect(long["primaryKey"]?.canonical == "[\"id\"]")
    guard case .array(let fields)? = long["fields"]?.content else { return }
    #expect(fields[1]["constraints"]?["enum"]?.canonical == "[\"NA\",\"closed\",\"open\"]")
    #expect(fields[2]["constraints"]?["enum"] == nil)
    #expect(try infer(table(10))["primaryKey"] == nil)
}

@Test("JSON, columns without a name and members that come late are inferred so that the file passes")
func otherShapes() throws {
    let lines = try infer(
        "{\"a\": 1, \"b\": \"x\", \"c\": {\"d\": 1}}\n{\"a\": 2.5, \"b\": 3, \"c\": null, \"late\": true}\n")
    #expect(
        lines["fields"]?.canonical.contains("{\"name\":\"b\",\"type\":\"any\"}") == true
            || lines["fields"]?.canonical.contains("\"name\":\"b\",\"type\":\"any\"") == true)
    _ = try infer("[{\"a\": 1},\n {\"a\": [1]}]\n")
    #expect(try infer(",a\n1,2\n")["fieldsMatch"]?.canonical == "\"subset\"")
    for bad in ["", "PAR1\u{1}\u{2}"] { #expect(throws: RuleError.self) { try infer(bad) } }
}
