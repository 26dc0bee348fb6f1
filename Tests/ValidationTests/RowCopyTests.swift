import Testing
import Validation

@Suite("Rejected and accepted rows as files of their own")
struct RowCopyTests {
    private func copies(_ text: String, _ format: Format, threads: Int = 1) throws -> (
        rejected: String, accepted: String
    ) {
        var (rejected, accepted): ([UInt8], [UInt8]) = ([], [])
        let rules = RuleSet("t", format: format) {
            Column("id", .integer).required()
            Column("name", .string)
        }
        var text = text
        _ = try text.withUTF8 {
            try Validator(rules).validate(
                bytes: UnsafeRawBufferPointer($0), options: ValidationOptions(threads: threads, blockSize: 256),
                quarantine: { rejected += $0 }, accepted: { accepted += $0 })
        }
        return (String(decoding: rejected, as: UTF8.self), String(decoding: accepted, as: UTF8.self))
    }

    @Test("both carry the header, rows stand as they stood, quoted line ends and all")
    func delimited() throws {
        let (rejected, accepted) = try copies(
            "id,name\r\n1,\"a\nb\"\r\nx,\"c\r\nd\"\r\ny,e\r\n2,f", .csv)
        #expect(rejected == "id,name\r\nx,\"c\r\nd\"\r\ny,e\r\n")
        #expect(accepted == "id,name\r\n1,\"a\nb\"\r\n2,f")
    }

    @Test("rows of JSON Lines stay lines, those of an array stay an array")
    func json() throws {
        let lines = try copies("{\"id\":1}\n{\"id\":\"x\",\"name\":\"b\"}\n{\"id\":2}", .jsonLines)
        #expect(lines.rejected == "{\"id\":\"x\",\"name\":\"b\"}\n")
        #expect(lines.accepted == "{\"id\":1}\n{\"id\":2}\n")
        let array = try copies("[{\"id\":1}, {\"id\":\"x\"},{\"id\":\"y\"}]", .json)
        #expect(array.rejected == "[\n{\"id\":\"x\"},\n{\"id\":\"y\"}\n]\n")
        #expect(array.accepted == "[\n{\"id\":1}\n]\n")
        #expect(try copies("[]", .json).rejected == "[]\n")
    }

    @Test("together they hold every row once, in order, whatever the blocks and threads", arguments: [1, 2])
    func complete(threads: Int) throws {
        let rows = (0..<2000).map { $0 % 3 == 0 ? "x\($0),bad\n" : "\($0),\"good, \($0)\"\n" }
        let (rejected, accepted) = try copies("id,name\n" + rows.joined(), .csv, threads: threads)
        #expect(rejected == "id,name\n" + rows.filter { $0.hasPrefix("x") }.joined())
        #expect(accepted == "id,name\n" + rows.filter { !$0.hasPrefix("x") }.joined())
    }

    @Test("rows are known to be good only where nothing but single rows is at fault, up to the file's end")
    func goodRows() throws {
        func isByRows(_ text: String, _ format: Format = .csv) throws -> Bool {
            var text = text
            let rules = RuleSet("t", format: format) {
                Column("id", .integer).required()
                Column("name", .string)
            }
            return try text.withUTF8 {
                try Validator(rules).validate(bytes: UnsafeRawBufferPointer($0)).failsOnlyByRows
            }
        }
        #expect(try isByRows("id,name\n1,a\n"))
        #expect(try isByRows("id,name\n1,a\nx,b\n2\n"))
        #expect(try !isByRows("id\n1\n"))
        #expect(try !isByRows("id,name\n1,\"a\n2,b\n"))
        #expect(try isByRows("{\"id\":1}\nnonsense\n", .jsonLines))
        #expect(try !isByRows("[{\"id\":1},{\"id\":", .json))
    }

    @Test("a file that could not be read has a report with one failed check")
    func unreadable() {
        let report = ValidationReport.unreadable("t", reason: "gzip at byte 7: cut off", bytes: 10)
        #expect(!report.passed && report.rows == 0 && report.bytes == 10)
        #expect(report.failures.map(\.rule) == ["readable"])
        #expect(report.text().contains("gzip at byte 7: cut off"))
    }
}
