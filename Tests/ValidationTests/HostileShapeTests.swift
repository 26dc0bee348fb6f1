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
}
