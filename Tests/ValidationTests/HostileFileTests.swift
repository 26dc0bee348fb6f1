import Testing

@testable import Validation

/// What a file's rows say, and how it departs from its format.
private struct Hostile: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let header: [String]
    let rows: [[String]]
    var departures: [String] = []
    var dialect = Dialect()

    var testDescription: String { name }
}

/// The well-known trouble: RFC 4180's own examples, what csv-spectrum gathers, and what people meet.
private let hostile: [Hostile] = [
    Hostile(
        name: "RFC 4180, 2.1: lines end in CRLF", text: "a,b\r\naaa,bbb\r\nzzz,yyy\r\n", header: ["a", "b"],
        rows: [["aaa", "bbb"], ["zzz", "yyy"]]),
    Hostile(
        name: "RFC 4180, 2.2: the last line may not end", text: "a,b\r\nzzz,yyy", header: ["a", "b"],
        rows: [["zzz", "yyy"]], departures: ["no-final-newline"]),
    Hostile(
        name: "RFC 4180, 2.4: spaces are part of a field", text: "a, b\n 1 ,2 \n", header: ["a", " b"],
        rows: [[" 1 ", "2 "]]),
    Hostile(
        name: "RFC 4180, 2.6: line ends and commas within quotes", text: "a,b\n\"aaa\",\"b \r\nbb\"\n\"x,y\",z\n",
        header: ["a", "b"], rows: [["aaa", "b \r\nbb"], ["x,y", "z"]]),
    Hostile(
        name: "RFC 4180, 2.7: quotes within quotes", text: "a,b\n\"b\"\"bb\",\"\"\"\"\n", header: ["a", "b"],
        rows: [["b\"bb", "\""]]),
    Hostile(
        name: "empty fields, quoted and not", text: "a,b,c\n1,\"\",\"\"\n2,3,4\n,,\n", header: ["a", "b", "c"],
        rows: [["1", "", ""], ["2", "3", "4"], ["", "", ""]]),
    Hostile(
        name: "JSON in a field",
        text: "key,val\n1,\"{\"\"type\"\": \"\"Point\"\", \"\"coordinates\"\": [102.0, 0.5]}\"\n",
        header: ["key", "val"], rows: [["1", "{\"type\": \"Point\", \"coordinates\": [102.0, 0.5]}"]]),
    Hostile(
        name: "quotes and newlines together", text: "a,b\n1,\"ha \n\"\"ha\"\" \nha\"\n3,4\n", header: ["a", "b"],
        rows: [["1", "ha \n\"ha\" \nha"], ["3", "4"]]),
    Hostile(
        name: "UTF-8 beyond ASCII", text: "a,b\n4,ʤ\n日本,😀\n", header: ["a", "b"], rows: [["4", "ʤ"], ["日本", "😀"]]),
    Hostile(
        name: "a comma before and after everything", text: ",a,\n,1,\n", header: ["", "a", ""], rows: [["", "1", ""]],
        departures: ["duplicate-column", "empty-column-name"]),
    Hostile(
        name: "a quoted header with a line end", text: "\"a\nb\",c\n1,2\n", header: ["a\nb", "c"], rows: [["1", "2"]]),
    Hostile(
        name: "a byte order mark before a quoted header", text: "\u{feff}\"a\",b\n1,2\n", header: ["a", "b"],
        rows: [["1", "2"]], departures: ["byte-order-mark"]),
    Hostile(
        name: "inches: a quote in a bare field", text: "a,b\n19\" monitor,x\n", header: ["a", "b"],
        rows: [["19\" monitor", "x"]], departures: ["quote-in-bare-field"]),
    Hostile(
        name: "a space before a quote makes it a bare field", text: "a,b\n1, \"x\"\n", header: ["a", "b"],
        rows: [["1", " \"x\""]], departures: ["quote-in-bare-field"]),
    Hostile(
        name: "the same with skipInitialSpace", text: "a,b\n1, \"x, y\"\n", header: ["a", "b"], rows: [["1", "x, y"]],
        dialect: Dialect(skipInitialSpace: true)),
    Hostile(
        name: "text after a closing quote", text: "a,b\n\"x\" y,2\n", header: ["a", "b"], rows: [["x y", "2"]],
        departures: ["text-after-closing-quote"]),
    Hostile(
        name: "backslash escapes, which are none", text: "a,b\n1,\"x\\\" y\"\n", header: ["a", "b"],
        rows: [["1", "x\\ y\""]], departures: ["quote-in-bare-field", "text-after-closing-quote"]),
    Hostile(
        name: "backslash escapes, as MySQL writes them", text: "a,b\n1,\"x\\\"\\, y\"\n2,c\\,d\n", header: ["a", "b"],
        rows: [["1", "x\", y"], ["2", "c,d"]], dialect: Dialect(doubleQuote: false, escape: "\\")),
    Hostile(
        name: "semicolons, as a German Excel writes them", text: "a;b\n1,5;\"x;y\"\n", header: ["a", "b"],
        rows: [["1,5", "x;y"]], dialect: Dialect(delimiter: ";")),
    Hostile(
        name: "tabs", text: "a\tb\n1\t\"x\ty\"\n", header: ["a", "b"], rows: [["1", "x\ty"]],
        dialect: Dialect(delimiter: "\t")),
    Hostile(
        name: "no quoting at all", text: "a|b\n\"1|2\"\n", header: ["a", "b"], rows: [["\"1", "2\""]],
        dialect: Dialect(delimiter: "|", quote: nil)),
    Hostile(
        name: "old Macintosh line ends", text: "a,b\r1,\"x\ry\"\r3,4\r", header: ["a", "b"],
        rows: [["1", "x\ry"], ["3", "4"]]),
    Hostile(name: "mixed line ends", text: "a,b\n1,2\r\n3,4\n", header: ["a", "b"], rows: [["1", "2"], ["3", "4"]]),
    Hostile(
        name: "blank lines, which are no rows", text: "a,b\n\n1,2\n\r\n3,4\n\n", header: ["a", "b"],
        rows: [["1", "2"], ["3", "4"]], departures: ["blank-line"]),
    Hostile(
        name: "a NUL and a stray return", text: "a,b\n1\u{0},x\ry\n", header: ["a", "b"], rows: [["1\u{0}", "x\ry"]],
        departures: ["nul-byte", "stray-carriage-return"]),
    Hostile(
        name: "comments that look like rows", text: "# a,b,c\na,b\n#1,2\n1,#2\n", header: ["a", "b"],
        rows: [["1", "#2"]], dialect: Dialect(comment: "#")),
    Hostile(
        name: "values that spreadsheets spoil are kept", text: "a,b\n007,1E5\n=1+1,1-2\n", header: ["a", "b"],
        rows: [["007", "1E5"], ["=1+1", "1-2"]]),
    Hostile(
        name: "seven quotes in a row", text: "a,b\n\"\"\"\"\"\"\"\",1\n", header: ["a", "b"], rows: [["\"\"\"", "1"]]),
]

@Test("a hostile file is read as its format says, and its departures are told", arguments: hostile)
private func hostileFiles(file: Hostile) throws {
    let seen = Rows()
    let names = file.header.filter { !$0.isEmpty }
    let rules = RuleSet("t", format: .delimited(file.dialect), missing: []) {
        for name in names { Column(name, .any) }
        RowRule("") { row in
            seen.add(names.map { row.text($0) ?? "nil" })
            return true
        }
    }
    let report = try validate(rules, file.text)
    #expect(report.columns.map(\.name) == file.header)
    #expect(seen.all == file.rows.map { row in zip(file.header, row).filter { !$0.0.isEmpty }.map(\.1) })
    let departures = Set(Departure.allCases.map(\.rawValue))
    let found = report.checks.filter { $0.count > 0 && departures.contains($0.rule) }.map(\.rule).sorted()
    #expect(found == file.departures.filter { $0 != "duplicate-column" }.sorted())
}

/// Rows in the order in which they were judged, on one thread.
private final class Rows: @unchecked Sendable {
    private(set) var all: [[String]] = []
    func add(_ row: [String]) { all.append(row) }
}

@Suite("No file costs more than its size")
struct LimitTests {
    private func run(_ bytes: [UInt8], _ rules: RuleSet, _ options: ValidationOptions = ValidationOptions()) throws
        -> ValidationReport
    {
        try validate(bytes, rules, options: options)
    }

    @Test("a header of a million names, and a million columns of data")
    func manyColumns() throws {
        var text: [UInt8] = []
        for number in 0..<1_000_000 { text += Array("c\(number),".utf8) }
        text += Array("z\n".utf8) + [UInt8](repeating: 0x2c, count: 1_000_000) + [0x0a]
        let rules = RuleSet("t") {
            Column("c999999")
            Column("z")
        }
        let report = try run(text, rules)
        #expect(report.passed && report.rows == 1 && report.columns.count == 1_000_001)
    }

    @Test(
        "a row beyond the limit ends the reading with one finding, in every format",
        arguments: [Format.csv, .jsonLines, .json])
    func longRows(format: Format) throws {
        let options = ValidationOptions(longestRow: 1 << 16, blockSize: 1 << 12)
        let start = format == .csv ? "a,b\n1,2\nx" : format == .json ? "[{\"a\": \"" : "{\"a\": 1}\n{\"a\": \""
        let bytes = Array(start.utf8) + [UInt8](repeating: 0x78, count: 1 << 20)
        let report = try run(bytes, RuleSet("t", format: format) { Column("a", .any) }, options)
        #expect(!report.passed)
        #expect(report.checks.filter { $0.count > 0 && $0.severity == .error }.map(\.rule) == ["row-too-long"])
    }

    @Test("the limit of a row's length is exact, whatever the blocks and threads")
    func exactLimit() throws {
        for (length, passes) in [(1 << 16, true), (1 << 16 + 1, false)] {
            let row = String(repeating: "x", count: length - 2) + ",y\n"
            let bytes = Array(("a,b\n1,2\n" + row + "3,4\n").utf8)
            for (threads, block) in [(1, 256), (1, 1 << 20), (2, 700), (2, 40_000)] {
                let options = ValidationOptions(threads: threads, longestRow: 1 << 16, blockSize: block)
                let report = try run(bytes, RuleSet("t") { Column("a") }, options)
                #expect(report.passed == passes && report.rows == (passes ? 3 : 1), "\(length) \(threads) \(block)")
            }
        }
    }

    @Test("a quote that is never closed gives one finding, at the quote")
    func openQuote() throws {
        let bytes = Array("a,b\n1,2\n3,\"".utf8) + [UInt8](repeating: 0x78, count: 1 << 20)
        let report = try run(bytes, RuleSet("t") { Column("a") }, ValidationOptions(longestRow: 1 << 16))
        let check = try #require(report.checks.first { $0.rule == "unterminated-quote" })
        #expect(check.count == 1 && check.offenders.first?.byte == 10 && !report.passed)
    }

    @Test("JSON nested without end, with a long string, and with one member again and again")
    func hostileJSON() throws {
        let rules = RuleSet("t", format: .jsonLines) { Column("a", .any) }
        let nested = Array("{\"a\": ".utf8) + [UInt8](repeating: 0x5b, count: 1_000_000) + [0x0a]
        #expect(try run(nested, rules).broken["every row is a JSON object"] == 1)
        let long = Array("{\"a\": \"".utf8) + [UInt8](repeating: 0x78, count: 5_000_000) + Array("\"}\n".utf8)
        #expect(try run(long, rules).passed)
        var twice = Array("{\"a\": 0".utf8)
        for _ in 0..<200_000 { twice += Array(",\"a\": 1".utf8) }
        let report = try run(twice + Array("}\n".utf8), rules)
        #expect(report.passed && report.broken == ["no member twice in an object": 1])
        var others = Array("{\"a\": 0".utf8)
        for number in 0..<50_000 { others += Array(",\"m\(number)\": [1,{\"b\":[]}]".utf8) }
        #expect(try run(others + Array("}\n".utf8), rules).passed)
    }
}
