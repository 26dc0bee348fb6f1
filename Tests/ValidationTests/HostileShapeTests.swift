import Testing

@testable import Validation

/// Shapes that would cost more than their bytes if anything were read, copied or kept more than a few times. Each of these
/// would take minutes then; none has a time bound here.
@Suite("Hostile shapes")
struct HostileShapeTests {
    private static let rules = RuleSet("table") {
        Column("a", .string)
        Column("b", .string)
    }

    private static func report(
        _ text: [UInt8], threads: Int = 1, block: Int = 1 << 12, longestRow: Int = 1 << 20, piece: Int = 100_000
    ) throws -> ValidationReport {
        var position = 0
        var report = try Validator(rules).validate(
            pull: { buffer in
                let count = min(piece, buffer.count, text.count - position)
                buffer.copyBytes(from: text[position..<position + count])
                position += count
                return count
            }, options: ValidationOptions(threads: threads, longestRow: longestRow, blockSize: block))
        report.seconds = 0
        return report
    }

    private static func count(_ rule: String, _ report: ValidationReport) -> Int {
        report.checks.first { $0.rule == rule }?.count ?? 0
    }

    @Test("blank lines before the header are passed over once", arguments: [1, 2])
    func blankLines(threads: Int) throws {
        let blank = [UInt8](repeating: 0x0a, count: 500_000)
        let report = try Self.report(blank + Array("a,b\n1,2\n".utf8) + blank, threads: threads)
        #expect(report.rows == 1)
        #expect(Self.count("blank-line", report) == blank.count)
    }

    @Test("a long row full of faults counts each of them, shows ten, and is one row", arguments: [1, 2])
    func faults(threads: Int) throws {
        let count = 400_000
        let row = Array("1,".utf8) + [UInt8](repeating: 0xff, count: count) + Array("\n3,4\n".utf8)
        let report = try Self.report(Array("a,b\n".utf8) + row, threads: threads)
        #expect(report.rows == 2)
        #expect(report.rejected == 1)
        let check = report.checks.first { $0.rule == "invalid-utf8" }
        #expect(check?.count == count)
        #expect(check?.offenders.map(\.byte) == (0..<10).map { 6 + $0 })
        #expect(check?.offenders.allSatisfy { $0.row == 1 } == true)
    }

    @Test("a row without end is read to its limit, and not once more for every block on its way", arguments: [1, 2])
    func endlessRow(threads: Int) throws {
        var pulled = 0
        let report = try Validator(Self.rules).validate(
            pull: { buffer in
                let count = min(1 << 16, buffer.count)
                let header = Array((pulled == 0 ? "a,b\n1," : "").utf8)
                for index in 0..<count { buffer[index] = index < header.count ? header[index] : 0 }
                pulled += count
                return pulled > 32 << 20 ? 0 : count
            }, options: ValidationOptions(threads: threads, longestRow: 1 << 20, blockSize: 1 << 14))
        #expect(Self.count("row-too-long", report) == 1)
        #expect(pulled <= 1 << 20 + 1 << 18, "\(pulled) bytes")
    }

    @Test("a long header full of faults counts each of them")
    func faultsOfHeader() throws {
        let header = Array("a,b".utf8) + [UInt8](repeating: 0, count: 300_000) + Array("\n1,2\n".utf8)
        let report = try Self.report(header, block: 1 << 16)
        #expect(Self.count("nul-byte", report) == 300_000)
        #expect(report.checks.first { $0.rule == "nul-byte" }?.offenders.map(\.byte) == Array(3..<13))
    }

    @Test("a quoted field over hundreds of blocks is read as on one thread, however the cuts were guessed")
    func longQuotedField() throws {
        let lines = (0..<60_000).flatMap { Array("line \($0)\n".utf8) }
        // The stray quote makes the number of quotes even where the field is open.
        let text = Array("a,b\nx\"y,1\n\"".utf8) + lines + Array("\",2\n5,6\n".utf8)
        let one = try Self.report(text)
        let two = try Self.report(text, threads: 2)
        #expect(one.rows == 3)
        #expect(one == two)
    }

    @Test("an open quote ends the reading at the longest row's length", arguments: [1, 2])
    func openQuote(threads: Int) throws {
        let lines = (0..<300_000).flatMap { _ in Array("some text\n".utf8) }
        let report = try Self.report(Array("a,b\n1,2\n\"".utf8) + lines, threads: threads, longestRow: 1 << 18)
        #expect(report.rows == 1)
        #expect(!report.passed)
        #expect(report.bytes < 1 << 20)
        #expect(Self.count("unterminated-quote", report) == 1)
    }

    @Test("blank lines of every kind between rows are counted, shown in order, and lie in no row", arguments: [1, 2])
    func blankLinesBetween(threads: Int) throws {
        let run = "\n\r\n\n\r\n\r\n"
        let text = "a,b\n" + String(repeating: run + "1,2\n" + run + "3\n" + run + "\u{0},\"\n\n\"\n" + run, count: 300)
        var kept: [UInt8] = []
        var accepted: [UInt8] = []
        let report = try Array(text.utf8).withUnsafeBytes {
            try Validator(Self.rules).validate(
                bytes: $0, options: ValidationOptions(threads: threads, blockSize: 1 << 10),
                quarantine: { kept += $0 }, accepted: { accepted += $0 })
        }
        #expect(report.rows == 900)
        #expect(Self.count("blank-line", report) == 300 * 20)
        let check = report.checks.first { $0.rule == "blank-line" }
        #expect(check?.offenders.map(\.byte) == [4, 5, 7, 8, 10, 16, 17, 19, 20, 22])
        #expect(report.checks.first { $0.rule == "nul-byte" }?.offenders.map(\.row) == (1...10).map { $0 * 3 })
        #expect(String(decoding: kept, as: UTF8.self) == "a,b\n" + String(repeating: "3\n", count: 300))
        #expect(
            String(decoding: accepted, as: UTF8.self) == "a,b\n"
                + String(repeating: "1,2\n\u{0},\"\n\n\"\n", count: 300))
    }

    @Test("rows of far more fields than the header are counted to their end", arguments: [1, 2], [1 << 12, 1 << 20])
    func manyFields(threads: Int, block: Int) throws {
        let fields = 300_000
        let row = String(repeating: ",", count: fields - 1)
        // One of them with a NUL behind the fields that are forgotten, one that the file ends in.
        let text = "a,b\n1,2\n\(row)\n3,4\n\(row)\u{0}\r\n5,6\n\(row)"
        let report = try Self.report(Array(text.utf8), threads: threads, block: block)
        #expect(report.rows == 6)
        #expect(report.rejected == 3)
        let check = try #require(report.checks.first { $0.rule == "ragged-row" })
        #expect(check.offenders.map(\.row) == [2, 4, 6])
        #expect(check.offenders.map(\.byte) == [8, 8 + fields + 4, 8 + fields * 2 + 10])
        #expect(check.offenders.allSatisfy { $0.value.hasPrefix("300000 fields, not 2: ,,,") })
        #expect(report.checks.first { $0.rule == "nul-byte" }?.offenders.map(\.row) == [4])
        let short = try Self.report(Array(text.utf8), threads: threads, block: block, longestRow: 1 << 16)
        #expect(short.rows == 1)
        #expect(Self.count("row-too-long", short) == 1)
    }

    @Test("faults in row after row are counted in each, whatever comes between", arguments: [1, 2])
    func faultyRows(threads: Int) throws {
        let lines = "\u{ff}\u{ff},x\u{0}\n" + "1,2\n\n" + "\u{0},\u{ff}\u{0}\u{ff}\n"
        let bytes = Array("a,b\n".utf8) + Array(repeating: Self.bytes(lines), count: 2_000).flatMap(\.self)
        let report = try Self.report(bytes, threads: threads)
        #expect(report.rows == 6_000)
        #expect(report.rejected == 4_000)
        #expect(Self.count("invalid-utf8", report) == 8_000)
        #expect(Self.count("nul-byte", report) == 6_000)
        let rows = report.checks.first { $0.rule == "invalid-utf8" }?.offenders.map(\.row)
        #expect(rows == [1, 1, 3, 3, 4, 4, 6, 6, 7, 7])
    }

    /// Latin-1: U+00FF is the byte 0xff.
    private static func bytes(_ text: String) -> [UInt8] {
        text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    @Test("thousands of columns give what few do", arguments: [1, 2])
    func manyColumns(threads: Int) throws {
        let columns = 3_000
        let names = (0..<columns).map { "c\($0)" }
        let rules = RuleSet("wide", missing: ["NA"]) {
            for (place, name) in names.enumerated() {
                if place % 2 == 0 { Column(name, .integer).max(90) } else { Column(name).maxLength(2) }
            }
        }
        var text = names.joined(separator: ",") + "\n"
        var (large, long, missing) = (0, 0, 0)
        for row in 0..<150 {
            let fields = (0..<columns).map { column -> String in
                let value = (row * 7 + column) % 101
                if value == 50 {
                    missing += 1
                    return "NA"
                }
                if column % 2 == 0, value > 90 { large += 1 }
                if column % 2 == 1, value > 99 { long += 1 }
                return String(value)
            }
            text += fields.joined(separator: ",") + "\n"
        }
        let report = try Array(text.utf8).withUnsafeBytes {
            try Validator(rules).validate(
                bytes: $0, options: ValidationOptions(threads: threads, blockSize: 1 << 16))
        }
        #expect(report.rows == 150)
        #expect(report.checks.filter { $0.rule == "maximum" }.reduce(0) { $0 + $1.count } == large)
        #expect(report.checks.filter { $0.rule == "maxLength" }.reduce(0) { $0 + $1.count } == long)
        #expect(report.columns.reduce(0) { $0 + $1.missing } == missing)
    }

    @Test("a header of more columns than any table has ends the reading", arguments: [1, 2])
    func wideHeader(threads: Int) throws {
        for fields in [1_400_000, 1_048_576] {
            let header = String(repeating: ",", count: fields)
            for text in ["\n\n\(header)\n1,2\n", "\n\n\(header)"] {
                let report = try Self.report(Array(text.utf8), threads: threads, block: 1 << 16)
                #expect(!report.passed)
                #expect(report.rows == 0)
                #expect(report.columns.isEmpty)
                let check = report.checks.first { $0.rule == "row-too-long" }
                #expect(check?.count == 1)
                #expect(check?.offenders.map(\.byte) == [2])
                #expect(check?.offenders.map(\.value) == ["over 1048576 columns"])
            }
        }
    }
}
