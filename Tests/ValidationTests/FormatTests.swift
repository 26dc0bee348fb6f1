// Tables of cases, one a line.
// swift-format-ignore-file
import Testing

@testable import Validation

/// The departures of a file, with the byte position of each one's first place.
private func departures(_ bytes: [UInt8], _ format: Format = .csv) throws -> [String: Int] {
    let report = try validate(bytes, RuleSet("t", format: format) { Column("a"); Column("b") })
    let names = Set(Departure.allCases.map(\.rawValue))
    return Dictionary(
        uniqueKeysWithValues: report.checks.filter { $0.count > 0 && names.contains($0.rule) }.map {
            ($0.rule, $0.offenders.first?.byte ?? -1)
        })
}

func validate(
    _ bytes: [UInt8], _ rules: RuleSet, options: ValidationOptions = ValidationOptions()
) throws -> ValidationReport {
    try bytes.withUnsafeBytes { try Validator(rules).validate(bytes: $0, references: airports, options: options) }
}

@Test("each departure from the format is reported where it stands", arguments: [
    ("a,b\n1,2\n", [:]), ("a,b\r\n1,2\r\n", [:]), ("a,b\r1,2\r", [:]),
    ("a,b\n1,x\"y\n", ["quote-in-bare-field": 7]), ("a,b\n1,\"x\"y\n", ["text-after-closing-quote": 9]),
    ("a,b\n1,\"2\n3,4\n", ["unterminated-quote": 6]), ("a,b\n1\n1,2,3\n", ["ragged-row": 4]),
    ("a,b\n1,2\n\n3,4\n", ["blank-line": 8]), ("a,b\n1\r,2\n", ["stray-carriage-return": 5]),
    ("a,b\n1,\u{0}\n", ["nul-byte": 6]), ("\u{feff}a,b\n1,2\n", ["byte-order-mark": 0]), ("a,b\n1,2", ["no-final-newline": 7]),
    ("a,b,a\n1,2,3\n", ["duplicate-column": 4]), ("a,b,\n1,2,3\n", ["empty-column-name": 4]),
] as [(String, [String: Int])])
func departurePositions(text: String, expected: [String: Int]) throws {
    #expect(try departures(Array(text.utf8)) == expected)
}

@Test("bytes that are not UTF-8 are found where they start", arguments: [
    [0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x80], [0xe9], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xe2, 0x82, 0xff],
] as [[UInt8]])
func invalidUTF8(bytes: [UInt8]) throws {
    // At the end of a field, of a row and of the file; before plain text, and before a character; in a header; in JSON.
    for (before, after) in [("a,b\n1,", "\n"), ("a,b\n", ",2\n"), ("a,b\n1,", ""), ("a,b\n1,", String(repeating: "x", count: 100) + "\n"), ("a,b\n1,\"é", "é\"\n"), ("a,b,", "\n1,2,3\n")] {
        let found = try departures(Array(before.utf8) + bytes + Array(after.utf8))
        #expect(found["invalid-utf8"] == before.utf8.count, "\(before)")
        let rejected = try validate(Array(before.utf8) + bytes + Array(after.utf8), RuleSet("t") {}).rejected
        #expect(rejected == (before.hasPrefix("a,b,") ? 0 : 1))
    }
    let found = try departures(Array("{\"a\": \"é".utf8) + bytes + Array("\"}\n".utf8), .jsonLines)
    #expect(found["invalid-utf8"] == 9)
}

@Test("a file that is not of its format gives one finding", arguments: [
    ([0xff, 0xfe] + "a,b\n".utf8.flatMap { [$0, 0] }, "UTF-16"), ([0xfe, 0xff] + "a,b\n".utf8.flatMap { [0, $0] }, "UTF-16"),
    ("a,b\n1,2\n".utf8.flatMap { [$0, 0] }, "UTF-16"), (Array("PAR1".utf8) + [0x15, 4, 0, 10], "Parquet"),
    ([0x1f, 0x8b, 8, 0], "gzip"), ([0x50, 0x4b, 3, 4], "zip"), (Array("[{\"a\": 1},\n{\"a\": 2}]\n".utf8), "JSON array"),
    (Array("{\"a\": 1}\n{\"a\": 2}\n".utf8), "JSON"), (Array("<!DOCTYPE html>\n<html>\n<p>no</p>\n".utf8), "HTML"),
    (Array("a;b\n1;2\n".utf8), "semicolons"), (Array("a\tb\n1\t2\n".utf8), "tabs"),
] as [([UInt8], String)])
func otherFormats(bytes: [UInt8], what: String) throws {
    let rules = RuleSet("t") {
        Column("a", .integer).required()
        Column("b").required()
        RowCount(1...)
    }
    let report = try validate(bytes, rules)
    #expect(!report.passed)
    let found = report.checks.filter { $0.count > 0 }
    #expect(found.map(\.rule) == ["wrong-format"] && found.first?.count == 1)
    #expect(found.first?.offenders.first?.value.contains(what) == true, "\(report.text())")
}

@Test("text that is no JSON at all gives up after its first lines")
func notJSONLines() throws {
    let text = "a,b\n" + String(repeating: "1,2\n", count: 100_000)
    let rules = RuleSet("t", format: .jsonLines) { Column("a").required() }
    let report = try validate(Array(text.utf8), rules)
    #expect(report.broken["the file is of its format"] == 1 && report.rows == 20)
    #expect(try validate(Array("[{\"a\": 1}]".utf8), rules).broken == ["the file is of its format": 1])
    let array = RuleSet("t", format: .json) { Column("a").required() }
    #expect(try validate(Array(text.utf8), array).broken == ["every row is a JSON object": 1])
}

@Test("a dialect is read from a descriptor of either version, and means the same from Swift")
func dialects() throws {
    let descriptor = """
        {"csvddfVersion": 1.2, "delimiter": ";", "quoteChar": "'", "doubleQuote": false, "escapeChar": "\\\\", "commentChar": "#",
         "skipInitialSpace": true, "nullSequence": "\\\\N", "lineTerminator": "\\r\\n", "header": true, "caseSensitiveHeader": false}
        """
    var own = Dialect(
        delimiter: ";", quote: "'", doubleQuote: false, escape: "\\", comment: "#", skipInitialSpace: true, nullSequence: "\\N")
    own.caseSensitiveHeader = false
    let dialect = try Dialect(json: descriptor)
    #expect(dialect == own)
    let rules = RuleSet("t") {
        Column("a", .integer).required()
        Column("b").oneOf("x;y", "it's", "q")
    }
    let report = try validate(rules, "# about\nA; B\n1; 'x;y'\n#2; no\n2; 'it\\'s'\n3; q\n4; 'no'\n", dialect: dialect)
    #expect(report.rows == 4 && report.broken == ["b is one of x;y, it's, q": 1])
}

@Test("a header may be absent, stand in several rows, or after a preamble")
func headers() throws {
    let rules = RuleSet("t") {
        Column("a", .integer).max(2)
        Column("b", .integer)
    }
    var none = Dialect(header: false)
    #expect(try validate(rules, "1,2\n3,4\n", dialect: none).broken == ["a is at most 2": 1])
    none.commentRows = [1]
    #expect(try validate(rules, "a,b\n1,2\n3,4\n", dialect: none).rows == 2)
    var preamble = Dialect()
    preamble.headerRows = [3]
    #expect(try validate(rules, "report of 2013\n\na,b\n1,2\n3,4\n", dialect: preamble).broken["a is at most 2"] == 1)
    var units = Dialect()
    units.commentRows = [2]
    let report = try validate(rules, "a,b\nkm,h\n1,2\n3,4\n", dialect: units)
    #expect(report.rows == 2 && report.broken == ["a is at most 2": 1])
    let joined = RuleSet("t") { Column("fruit-id", .integer).max(1); Column("fruit-name") }
    let two = try Dialect(json: "{\"headerRows\": [1, 2], \"headerJoin\": \"-\"}")
    #expect(try validate(joined, "fruit\nid,name\n1,apple\n2,orange\n", dialect: two).broken == ["fruit-id is at most 1": 1])
    var late = Dialect()
    late.commentRows = [9]
    #expect(throws: RuleError.self) { try validate(rules, "a,b\n", dialect: late) }
}

@Test("a departure means what the rules say it means")
func formatRules() throws {
    let rules = RuleSet("t") {
        Column("a")
        Column("b")
        FormatRule(.quoteInBareField, severity: .error)
        FormatRule(.raggedRow, atMost: .rows(1))
        FormatRule(.noFinalNewline, severity: .error)
    }
    #expect(try validate(rules, "a,b\n1\n1,2\n").passed)
    #expect(try !validate(rules, "a,b\n1\n1\n").passed)
    let quote = try validate(rules, "a,b\n1,x\"\n")
    #expect(!quote.passed && quote.rejected == 1)
    #expect(try !validate(rules, "a,b\n1,2").passed)
}
