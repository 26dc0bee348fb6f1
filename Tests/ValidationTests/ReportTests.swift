import Foundation
import Testing

@testable import Validation

/// The schema that is documented.
private let reportSchema = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent(
        "Sources/Validation/Validation.docc/Resources/validation-report.schema.json")

@Test("every report keeps to the JSON Schema that documents it")
func reportsKeepToTheirSchema() throws {
    let schema = try JSONSchema(JSONParser.parse(String(contentsOf: reportSchema, encoding: .utf8)))
    for (name, bytes) in try Fuzz.corpus() {
        let format = Format(key: name) ?? .csv
        let rules = RuleSet("t \"\\\u{1}é", format: format, missing: [""]) {
            Column("a", .decimal).required().min(2).unique()
            Column("b").length(1).pattern("x").oneOf("x").references("carrier", of: "airlines.csv").check("never") {
                _ in false
            }
            Column("c", .number, severity: .warning).above(1)
            Compare("a", .equal, "c")
            UniqueKey("a", "b")
            RowRule("never") { _ in false }
            RowCount(...1)
            MissingShare(of: "a", atMost: 0)
            DistinctCount(of: "a", ...1)
            for function in [Aggregate.Function.mean, .minimum, .maximum, .quantile(0.5)] {
                Aggregate(function, of: "c", max: -1_000_000)
            }
            ForbiddenColumns("c")
            OnlyDeclaredColumns()
            ColumnsInOrder()
        }
        for options in [
            ValidationOptions(), ValidationOptions(offenders: 0, valueLength: 8, longestRow: 1024, blockSize: 256),
        ] {
            let report = try validate(bytes, rules, options: options)
            let json = report.jsonString()
            #expect(try schema.allows(JSONParser.parse(json)), "\(name): \(json)")
            // What is decoded from it is the report itself.
            #expect(try JSONDecoder().decode(ValidationReport.self, from: Data(json.utf8)) == report)
        }
    }
    for departure in Departure.allCases {
        #expect(try String(contentsOf: reportSchema, encoding: .utf8).contains("\"\(departure.rawValue)\""))
    }
}

@Test("what is no row's fault is counted in findings, and a place without a value shows none")
func findings() throws {
    let text = try validate(
        RuleSet("t") {
            Column("a"); Column("b"); Column("c")
        }, "\u{FEFF}a\nx\n"
    ).text()
    #expect(text.contains("error: every declared column is in the file: 2 findings\n    file, b, byte "))
    #expect(text.contains("warning: no byte order mark: 1 finding\n    file, byte 0\n"))
}

@Test("a report tells how fast the bytes were read, and its text says where the trouble is")
func reportText() throws {
    var report = try validate(
        RuleSet("orders") {
            Column("id", .integer).max(1, atMost: .rows(1)); Column("s", .date)
        }, "id,s\n2,x\n1,2013-01-01\n")
    report.seconds = 0.5
    #expect(report.bytesPerSecond == 44)
    #expect(report.jsonString().contains("\"seconds\":0.5,\"bytesPerSecond\":44.0,"))
    #expect(
        report.text() == """
            orders: held back. 2 rows, 1 rejected, 22 bytes in 0.500 s (44 B/s)
              tolerated: id is at most 1: 1 row
                row 1, id, byte 5: 2
              error: s is a date: 1 row
                row 1, s, byte 7: x
              \(report.checks.count { $0.count == 0 }) of \(report.checks.count) checks without a finding
            """)
}
