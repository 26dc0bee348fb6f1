import Events
import Foundation
import Testing

/// `sluice infer` and `sluice validate`, as somebody uses them by hand.
@Suite("Tables by hand")
struct TableCommandTests {
    private let project: TestProject

    init() throws {
        project = try TestProject(template: "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}}\n")
        let rows = (1...300).map { "\($0),\(["EWR", "JFK", "LGA"][$0 % 3]),\($0 % 7 == 0 ? "NA" : String($0 % 60)).50" }
        try project.write(
            "id,origin,delay\n" + rows.joined(separator: "\n").replacing("NA.50", with: "NA") + "\n", to: "f.csv")
    }

    private func path(_ name: String) -> String { project.root + "/" + name }
    private func read(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    @Test("a schema is inferred, is not overwritten, and the file passes by it")
    func infer() async throws {
        let result = try await project.sluice("infer", path("f.csv"), "--output", path("s.json"))
        #expect(result.status == 0 && result.output.isEmpty, "\(result)")
        let fields = try JSON(parsing: try read("s.json"))["fields"]
        #expect(fields?.array?.map { $0["type"]?.string } == ["integer", "string", "number"], "\(fields ?? .null)")
        #expect(try await project.sluice("infer", path("f.csv"), "--output", path("s.json")).status == 4)
        #expect(try await project.sluice("infer", path("f.csv"), "--output", path("s.json"), "--force").status == 0)
        let passed = try await project.sluice("validate", path("f.csv"), "--schema", path("s.json"))
        #expect(passed.status == 0 && passed.output.hasPrefix("f.csv: passed. 300 rows, 0 rejected"), "\(passed)")
    }

    @Test("a table without a header is inferred by number; a file that its own schema does not pass is said")
    func inferOdd() async throws {
        try project.write("1,x\n2,y\n", to: "bare.csv")
        let bare = try await project.sluice("infer", path("bare.csv"), "--no-header", "--output", path("bare.json"))
        #expect(bare.status == 0 && bare.error.isEmpty, "\(bare)")
        let fields = try JSON(parsing: try read("bare.json"))["fields"]?.array
        #expect(fields?.map { $0["name"]?.string } == ["column1", "column2"])
        #expect(fields?.map { $0["type"]?.string } == ["integer", "string"])
        let passed = try await project.sluice(
            "validate", path("bare.csv"), "--no-header", "--schema", path("bare.json"))
        #expect(passed.status == 0, "\(passed)")
        try project.write("a,b\n1,2\n3\n", to: "ragged.csv")
        let ragged = try await project.sluice("infer", path("ragged.csv"))
        #expect(ragged.status == 0 && ragged.error.contains("ragged.csv: will not pass by this schema"), "\(ragged)")
    }

    @Test("a reference is found with another delimiter; one that is cut off is said, and the other files are checked")
    func references() async throws {
        try project.write(
            #"{"fields":[{"name":"a"},{"name":"b"}],"foreignKeys":[{"fields":"a","reference":{"resource":"r.csv","fields":"x"}}]}"#,
            to: "keys.json")
        try project.write("a,b\n1,2\n", to: "one/d.csv")
        try project.write("x;y\n1;2\n", to: "one/r.csv")
        let good = try await project.sluice("validate", path("one/d.csv"), "--schema", path("keys.json"))
        #expect(good.status == 0, "\(good)")
        try project.write("a,b\n1,2\n", to: "two/d.csv")
        try await TestProject.run(
            "/bin/sh", ["-c", "seq 5000 | sed 1ix | gzip | head -c 2000 > \(path("two/r.csv.gz"))"])
        let cut = try await project.sluice(
            "validate", path("two/d.csv"), path("one/d.csv"), "--schema", path("keys.json"))
        #expect(cut.status == 2 && cut.error.contains("r.csv.gz") && cut.output.contains("passed. 1 row"), "\(cut)")
        try project.write(
            #"{"fields":[{"name":"a"}],"foreignKeys":[{"fields":"a","reference":{"resource":"/etc/passwd","fields":"x"}}]}"#,
            to: "far.json")
        let far = try await project.sluice("validate", path("one/d.csv"), "--schema", path("far.json"))
        #expect(far.status == 2 && far.error.contains("name the table alone"), "\(far)")
    }

    @Test("a broken rule is shown with its row, column and byte; rejected and accepted rows are files of their own")
    func held() async throws {
        try await project.sluice("infer", path("f.csv"), "--output", path("schema.json"))
        var lines = try read("f.csv").split(separator: "\n").map(String.init)
        lines[2] = "2,XXX,2.50"
        lines[5] = "five,JFK,1.50"
        try project.write(lines.joined(separator: "\n") + "\n", to: "bad.csv")
        let result = try await project.sluice(
            "validate", path("bad.csv"), "--quarantine", path("q.csv"), "--accepted", path("good.csv"))
        #expect(result.status == 1)
        #expect(result.output.contains("row 2, origin, byte") && result.output.contains("row 5, id, byte"), "\(result)")
        #expect(try read("q.csv") == "id,origin,delay\n2,XXX,2.50\nfive,JFK,1.50\n")
        #expect(try read("good.csv").split(separator: "\n").count == 299)
        let json = try await project.sluice("validate", path("bad.csv"), "--json")
        let report = try JSON(parsing: json.output)
        #expect(json.status == 1 && report["passed"] == false && report["rejected"]?.int == 2, "\(json)")
    }

    @Test("what can't be read, and a schema's mistake, end with 2 and the place; the other files are still checked")
    func faults() async throws {
        try project.write(#"{"fields": [{"name": "id", "type": "integr"}]}"#, to: "wrong.json")
        let wrong = try await project.sluice("validate", path("f.csv"), "--schema", path("wrong.json"))
        #expect(
            wrong.status == 2 && wrong.error.contains("wrong.json:1:") && wrong.error.contains("\"integer\"?"),
            "\(wrong)")
        let none = try await project.sluice("validate", path("f.csv"))
        #expect(
            none.status == 2 && none.error.contains("f.csv.schema.json") && none.error.contains("sluice infer"),
            "\(none)")
        try await project.sluice("infer", path("f.csv"), "--output", path("schema.json"))
        let both = try await project.sluice("validate", path("nothing.csv"), path("f.csv"))
        #expect(both.status == 2 && both.output.contains("2 files: 1 passed, 0 held back, 1 can't be read"), "\(both)")
        let usage = try await project.sluice("validate", path("f.csv"), "--delimiter", "ab")
        #expect(usage.status == 64, "\(usage)")
        try project.write("no gzip at all\n", to: "f.csv.gz")
        let broken = try await project.sluice("validate", path("f.csv.gz"), "--schema", path("schema.json"))
        #expect(broken.status == 1 && broken.output.contains("gzip"), "\(broken)")
    }

    @Test("what is read is never written over, and a file at fault as a whole leaves no accepted rows")
    func overwriting() async throws {
        try await project.sluice("infer", path("f.csv"), "--output", path("schema.json"))
        let before = try read("f.csv")
        for target in [path("f.csv"), path("./f.csv"), path("schema.json")] {
            let result = try await project.sluice("validate", path("f.csv"), "--quarantine", target)
            #expect(result.status == 4 && result.error.contains("which is read"), "\(result)")
        }
        #expect(try read("f.csv") == before)
        let twice = try await project.sluice(
            "validate", path("f.csv"), "--quarantine", path("q.csv"), "--accepted", path("./q.csv"))
        #expect(twice.status == 64, "\(twice)")
        try project.write("id,delay\n1,2.50\n", to: "narrow.csv")
        let narrow = try await project.sluice("validate", path("narrow.csv"), "--accepted", path("good.csv"))
        #expect(narrow.status == 1 && narrow.error.contains("good.csv is not written"), "\(narrow)")
        #expect(!FileManager.default.fileExists(atPath: path("good.csv")))
        let json = try await project.sluice("validate", path("f.csv"), path("none.csv"), "--json")
        #expect(try JSON(parsing: json.output)[1]?["error"]?.string?.contains("No such file") == true, "\(json)")
    }

    @Test("Ctrl-C while it waits for more input leaves no half-written file behind")
    func interrupted() async throws {
        try await project.sluice("infer", path("f.csv"), "--output", path("schema.json"))
        #expect(mkfifo(path("pipe"), 0o600) == 0)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: TestProject.programs + "/sluice")
        process.arguments = ["validate", path("pipe"), "--schema", path("schema.json"), "--quarantine", path("q.csv")]
        process.standardInput = FileHandle.nullDevice
        let (ended, end) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = {
            end.yield($0.terminationStatus)
            end.finish()
        }
        try process.run()
        // This waits until the command opens its end: by then it knows what to do when it is stopped.
        let pipe = path("pipe")
        let writer = try await TestProject.onThread { open(pipe, O_WRONLY) }
        defer { close(writer) }
        _ = write(writer, "id,origin,delay\nx,", 18)
        kill(process.processIdentifier, SIGINT)
        for await status in ended { #expect(status == 130) }
        let left = try FileManager.default.contentsOfDirectory(atPath: project.root).sorted()
        #expect(left == ["f.csv", "functions", "pipe", "schema.json"], "\(left)")
    }

    @Test("objects of the lake, tables that they refer to, and other dialects are read where they are")
    func objects() async throws {
        try project.write("code\nEWR\nJFK\n", to: "lake/raw/reference/airports.csv")
        try project.write("id;origin\n1;EWR\n2;LGA\n", to: "lake/raw/day/f.csv")
        try project.write(
            #"""
            {"fields": [{"name": "id", "type": "integer"}, {"name": "origin", "type": "string"}],
             "foreignKeys": [{"fields": "origin", "reference": {"resource": "airports.csv", "fields": "code"}}]}
            """#, to: "lake/raw/schema.json")
        let result = try await project.sluice("validate", "s3://raw/day/f.csv", "--delimiter", ";")
        #expect(
            result.status == 1 && result.output.contains("LGA") && result.output.contains("1 rejected"), "\(result)")
        let wrong = try await project.sluice("validate", "s3://raw/day/f.csv")
        #expect(wrong.status == 1 && !wrong.output.contains("byte 12"), "\(wrong)")
    }
}
