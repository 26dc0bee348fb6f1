import Events
import Foundation
import FunctionRuntime
import Testing

@testable import validate_table

@Suite("validate-table")
struct ValidateTableTests {
    private static let schema = """
        {"fields": [{"name": "id", "type": "integer", "constraints": {"required": true}},
                    {"name": "code", "type": "string"}], "primaryKey": "id"}
        """
    private static let good = "id,code\n1,a\n2,b\n"
    private static let bad = "id,code\n1,a\nx,b\n1,c\n"

    private func function(_ environment: [String: String] = [:]) throws -> ValidateTable {
        _ = FunctionLake.folder
        return try ValidateTable { environment[$0] }
    }

    private func answer(_ function: ValidateTable, _ event: S3Event, _ log: Log = Log()) async throws -> JSON {
        try await function.handle(event, context: log.context())
    }

    private func fault(_ body: () async throws -> Any) async -> String {
        do {
            let value = try await body()
            return "no error, but \(value)"
        } catch { return "\(error)" }
    }

    // MARK: The schema

    @Test("beside the object its own schema comes first, then the nearest schema.json up to the bucket's root")
    func beside() async throws {
        let function = try function()
        let event = try FunctionLake.put(Self.bad, "beside/2013/01/a.csv")
        let none = await fault { try await answer(function, event) }
        #expect(none.contains("no schema for s3://raw/beside/2013/01/a.csv"))
        for place in ["beside/2013/01/a.csv.schema.json", "beside/2013/01/schema.json", "beside/schema.json"] {
            #expect(none.contains("s3://raw/" + place), "\(none)")
        }
        _ = try FunctionLake.put(Self.schema, "beside/schema.json")
        #expect(try await answer(function, event)["rejected"] == 2)
        let lax = #"{"fields": [{"name": "id", "type": "string"}, {"name": "code", "type": "string"}]}"#
        _ = try FunctionLake.put(lax, "beside/2013/01/schema.json")
        #expect(try await answer(function, event)["passed"] == true)
        _ = try FunctionLake.put(Self.schema, "beside/2013/01/a.csv.schema.json")
        #expect(try await answer(function, event)["rejected"] == 2)
    }

    @Test(
        "SCHEMA is the text itself, an object, or a file of the code's folder, and then nothing beside the object counts"
    )
    func environment() async throws {
        let event = try FunctionLake.put(Self.bad, "env/a.csv")
        _ = try FunctionLake.put(#"{"fields": [{"name": "id"}, {"name": "code"}]}"#, "env/schema.json")
        _ = try FunctionLake.put(Self.schema, "schemas/table.json")
        let code = FunctionLake.folder.appendingPathComponent("code-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: code, withIntermediateDirectories: true)
        try Self.schema.write(toFile: code + "/table.schema.json", atomically: true, encoding: .utf8)
        for schema in [Self.schema, "s3://raw/schemas/table.json", "table.schema.json", code + "/table.schema.json"] {
            let function = try function(["SCHEMA": schema, "LAMBDA_TASK_ROOT": code])
            #expect(try await answer(function, event)["rejected"] == 2, "\(schema)")
        }
    }

    @Test("a schema with a mistake, or none where one is named, is an error that says where and what was expected")
    func faults() async throws {
        let event = try FunctionLake.put(Self.good, "faults/a.csv")
        let broken = "{\"fields\": [\n{\"name\": \"id\", \"type\": \"int\"}]}"
        #expect(await fault { try self.function(["SCHEMA": broken]) }.hasPrefix("SCHEMA:2: "))
        let gone = await fault { try self.function(["SCHEMA": "none.json", "LAMBDA_TASK_ROOT": "/tmp"]) }
        #expect(gone == "SCHEMA names a file that can't be read: /tmp/none.json: No such file or directory")
        let function = try function(["SCHEMA": "s3://raw/none.json"])
        #expect(
            await fault { try await answer(function, event) }
                == "SCHEMA is s3://raw/none.json, and there is no such object")
        _ = try FunctionLake.put(broken, "faults/schema.json")
        let found = await fault { try await answer(self.function(), event) }
        #expect(found.hasPrefix("s3://raw/faults/schema.json:2: ") && found.contains("int"), "\(found)")
        let wrong = await fault { try self.function(["SCHEMA": Self.schema, "REPORT_BUCKET": "reports/x"]) }
        #expect(wrong == "REPORT_BUCKET is 'reports/x'; expected a bucket's name or s3://bucket/prefix/")
    }

    // MARK: What it leaves behind

    @Test("the report goes into the bucket of choice, and rejected and accepted rows into files of their own")
    func written() async throws {
        let function = try function([
            "SCHEMA": Self.schema, "REPORT_BUCKET": "s3://reports/table/", "QUARANTINE_BUCKET": "quarantine",
            "ACCEPTED_BUCKET": "s3://accepted/good",
        ])
        let held = try await answer(function, try FunctionLake.put(FunctionLake.gzip(Self.bad), "written/b.csv.gz"))
        #expect(
            held["written"] == [
                "quarantine": "s3://quarantine/written/b.csv.gz",
                "accepted": "s3://accepted/good/written/b.csv.gz",
                "report": "s3://reports/table/written/b.csv.gz.validation.json",
            ])
        let report = try FunctionLake.text("reports", "table/written/b.csv.gz.validation.json")
        #expect(try JSON(parsing: report ?? "") == held)
        #expect(try FunctionLake.text("quarantine", "written/b.csv.gz") == "id,code\nx,b\n1,c\n")
        #expect(try FunctionLake.text("accepted", "good/written/b.csv.gz") == "id,code\n1,a\n")

        let passed = try await answer(function, try FunctionLake.put(Self.good, "written/g.csv"))
        #expect(passed["passed"] == true && passed["written"]?["quarantine"] == nil)
        #expect(try FunctionLake.text("quarantine", "written/g.csv") == nil)
        #expect(try FunctionLake.text("accepted", "good/written/g.csv") == Self.good)
    }

    @Test("objects that differ in their suffix alone keep their rows apart, each compressed as its name says")
    func suffixes() async throws {
        let function = try function([
            "SCHEMA": Self.schema, "QUARANTINE_BUCKET": "quarantine", "ACCEPTED_BUCKET": "accepted",
        ])
        func rows(_ code: String) -> String { "id,code\n1,\(code)\nx,\(code)\n" }
        _ = try await answer(function, try FunctionLake.put(rows("a"), "suffix/c.csv"))
        _ = try await answer(function, try FunctionLake.put(FunctionLake.gzip(rows("b")), "suffix/c.csv.gz"))
        let upload = S3Upload(bucket: "raw", key: "suffix/c.csv.zst", encoder: try Compression.zstd.encoder())
        try Array(rows("a").utf8).withUnsafeBytes { try upload.write($0) }
        try upload.finish()
        let stored = try S3Object.open(bucket: "raw", key: "suffix/c.csv.zst", decoding: .none).readAll()
        #expect(stored.prefix(4) == [0x28, 0xB5, 0x2F, 0xFD])
        _ = try await answer(function, try FunctionLake.put(stored, "suffix/c.csv.zst"))
        for (suffix, code, magic) in [
            ("", "a", [0x69, 0x64]), (".gz", "b", [0x1F, 0x8B]), (".zst", "a", [0x28, 0xB5]),
        ] {
            let key = "suffix/c.csv" + suffix
            #expect(try FunctionLake.text("quarantine", key) == "id,code\nx,\(code)\n")
            #expect(try FunctionLake.text("accepted", key) == "id,code\n1,\(code)\n")
            let bytes = try S3Object.open(bucket: "quarantine", key: key, decoding: .none).readAll()
            #expect(bytes.prefix(2).map(Int.init) == magic)
        }
    }

    @Test("a version that has no rows to keep apart takes away those of an earlier one")
    func stale() async throws {
        let function = try function([
            "SCHEMA": Self.schema, "QUARANTINE_BUCKET": "quarantine", "ACCEPTED_BUCKET": "accepted",
        ])
        let key = "stale/v.csv"
        _ = try await answer(function, try FunctionLake.put(Self.bad, key))
        #expect(try FunctionLake.text("quarantine", key) != nil && FunctionLake.text("accepted", key) != nil)
        _ = try await answer(function, try FunctionLake.put(Self.good, key))
        #expect(try FunctionLake.text("quarantine", key) == nil)
        #expect(try FunctionLake.text("accepted", key) == Self.good)
        _ = try await answer(function, try FunctionLake.put("id\n1\n", key))
        #expect(try FunctionLake.text("quarantine", key) == nil && FunctionLake.text("accepted", key) == nil)
    }

    @Test(
        "rejected rows of JSON Lines and of an array keep their format; a file at fault as a whole leaves no accepted rows"
    )
    func jsonRows() async throws {
        let function = try function([
            "SCHEMA": Self.schema, "QUARANTINE_BUCKET": "quarantine", "ACCEPTED_BUCKET": "accepted",
        ])
        let lines = "{\"id\":1,\"code\":\"a\"}\n{\"id\":\"x\",\"code\":\"b\"}\n"
        _ = try await answer(function, try FunctionLake.put(lines, "rows/a.jsonl"))
        #expect(try FunctionLake.text("quarantine", "rows/a.jsonl") == "{\"id\":\"x\",\"code\":\"b\"}\n")
        _ = try await answer(
            function, try FunctionLake.put("[{\"id\":1,\"code\":\"a\"},{\"id\":\"x\",\"code\":\"b\"}]", "rows/a.json"))
        #expect(try FunctionLake.text("quarantine", "rows/a.json") == "[\n{\"id\":\"x\",\"code\":\"b\"}\n]\n")
        let missing = try await answer(function, try FunctionLake.put("id\n1\n", "rows/missing.csv"))
        #expect(missing["passed"] == false)
        #expect(try FunctionLake.text("accepted", "rows/missing.csv") == nil)
    }

    @Test(
        "what a validation function has written, and a schema, is passed over; rows into the object's own place are refused"
    )
    func recursion() async throws {
        let function = try function([
            "SCHEMA": Self.schema, "REPORT_BUCKET": "raw", "QUARANTINE_BUCKET": "s3://raw/loop/quarantine/",
        ])
        let answer = try await answer(function, try FunctionLake.put(Self.bad, "loop/a.csv"))
        #expect(answer["written"]?["quarantine"] == "s3://raw/loop/quarantine/loop/a.csv")
        for key in [
            "loop/a.csv.validation.json", "loop/quarantine/loop/a.csv", "loop/schema.json", "x.csv.schema.json",
        ] {
            let again = try await self.answer(function, try FunctionLake.put(Self.bad, key))
            #expect(again["passed"] == nil && again["message"] != nil, "\(key): \(again)")
        }
        #expect(try FunctionLake.text("raw", "loop/quarantine/loop/quarantine/loop/a.csv") == nil)
        let own = try self.function(["SCHEMA": Self.schema, "QUARANTINE_BUCKET": "raw"])
        let refused = await fault { try await self.answer(own, try FunctionLake.put(Self.bad, "loop/own.csv")) }
        #expect(refused.contains("QUARANTINE_BUCKET is the bucket of s3://raw/loop/own.csv itself"))
        #expect(try FunctionLake.text("raw", "loop/own.csv") == Self.bad)
    }

    @Test(
        "a report too large for an answer is cut: offenders go, the verdict and the counts stay, the stored one is whole"
    )
    func cut() async throws {
        let names = (0..<600).map { "a_rather_long_column_name_\($0)" }
        let fields = names.map { #"{"name": "\#($0)", "type": "integer"}"# }.joined(separator: ",")
        let function = try function(["SCHEMA": "{\"fields\": [\(fields)]}", "REPORT_BUCKET": "reports"])
        let row = names.map { _ in String(repeating: "x", count: 60) }.joined(separator: ",")
        let text = ([names.joined(separator: ",")] + Array(repeating: row, count: 20)).joined(separator: "\n") + "\n"
        let answer = try await answer(function, try FunctionLake.put(text, "wide/a.csv"))
        #expect(answer.serialized().count <= 200 << 10)
        #expect(answer["passed"] == false && answer["rejected"] == 20)
        #expect(answer["cut"]?[0] == "offenders")
        func broken(_ report: JSON) -> JSON? { report["checks"]?.array?.first { $0["rule"] == "type" } }
        #expect(broken(answer)?["count"] == 20)
        let stored = try JSON(parsing: try FunctionLake.text("reports", "wide/a.csv.validation.json") ?? "")
        #expect(stored["cut"] == nil && broken(stored)?["offenders"]?.array?.count == 10)
    }

    // MARK: References

    @Test("a reference is read once while its object stands, and again when that has changed")
    func references() async throws {
        let schema = #"""
            {"fields": [{"name": "code"}],
             "foreignKeys": [{"fields": "code", "reference": {"resource": "codes", "fields": "code"}}]}
            """#
        let function = try function(["SCHEMA": schema])
        let log = Log()
        let event = try FunctionLake.put("code\nA\nB\n", "refs/a.csv")
        let missing = await fault { try await answer(function, event, log) }
        #expect(
            missing.contains("refers to codes, which is not in s3://raw/refs/ or s3://raw/reference/")
                && missing.contains("codes.csv"), "\(missing)")
        _ = try FunctionLake.put(FunctionLake.gzip("code,name\nA,x\n"), "refs/codes.csv.gz")
        #expect(try await answer(function, event, log)["rejected"] == 1)
        for _ in 0..<3 { #expect(try await answer(function, event, log)["rejected"] == 1) }
        #expect(log.all.filter { $0 == "reads code of s3://raw/refs/codes.csv.gz" }.count == 1)
        _ = try FunctionLake.put(FunctionLake.gzip("code,name\nA,x\nB,y\n"), "refs/codes.csv.gz")
        #expect(try await answer(function, event, log)["passed"] == true)
        #expect(log.all.filter { $0 == "reads code of s3://raw/refs/codes.csv.gz" }.count == 2)
        let elsewhere = try self.function(["SCHEMA": schema, "REFERENCE_PREFIX": "s3://raw/none"])
        #expect(await fault { try await answer(elsewhere, event) }.contains("not in s3://raw/none/"))
    }

    @Test("a foreign key without a resource refers to the table itself")
    func own() async throws {
        let schema = #"""
            {"fields": [{"name": "id"}, {"name": "parent"}],
             "foreignKeys": [{"fields": "parent", "reference": {"resource": "", "fields": "id"}}]}
            """#
        let function = try function(["SCHEMA": schema])
        let answer = try await answer(
            function, try FunctionLake.put(FunctionLake.gzip("id,parent\n1,\n2,1\n3,9\n"), "own/a.csv.gz"))
        #expect(answer["rejected"] == 1)
    }

    // MARK: Files that are not what they say

    @Test(
        "a file that can't be read as what its name says is held back with one finding",
        arguments: [
            ("cut.csv.gz", Array(FunctionLake.gzip(String(repeating: "1,a\n", count: 500)).dropLast(9))),
            ("named.csv.gz", Array("id,code\n1,a\n".utf8)), ("empty.csv.gz", []),
        ] as [(String, [UInt8])])
    func unreadable(_ key: String, _ bytes: [UInt8]) async throws {
        let function = try function([
            "SCHEMA": Self.schema, "QUARANTINE_BUCKET": "quarantine", "ACCEPTED_BUCKET": "accepted",
        ])
        let answer = try await answer(function, try FunctionLake.put(bytes, "unreadable/" + key))
        #expect(answer["passed"] == false)
        let findings = answer["checks"]?.array?.filter { ($0["count"]?.int ?? 0) > 0 } ?? []
        #expect(findings.count == 1 && findings[0]["rule"] == "readable", "\(answer)")
        #expect(answer["written"] == nil)
    }

    @Test("many members, a name without a suffix, and a format by content")
    func formats() async throws {
        let function = try function(["SCHEMA": Self.schema])
        for (key, bytes) in [
            ("members.csv.gz", FunctionLake.gzip("id,code\n1,a\n") + FunctionLake.gzip("2,b\n")),
            ("packed", FunctionLake.gzip(Self.good)), ("semicolons", Array("id;code\n1;a\n2;b\n".utf8)),
            ("lines", Array("{\"id\":1,\"code\":\"a\"}\n{\"id\":2,\"code\":\"b\"}\n".utf8)),
            ("array", Array("[{\"id\":1,\"code\":\"a\"},{\"id\":2,\"code\":\"b\"}]".utf8)),
        ] {
            let answer = try await answer(function, try FunctionLake.put(bytes, "formats/" + key))
            #expect(answer["passed"] == true && answer["rows"] == 2, "\(key): \(answer)")
        }
    }
}
