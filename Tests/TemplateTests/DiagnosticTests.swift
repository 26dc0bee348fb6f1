import Events
import Foundation
import Template
import Testing

@Suite("What is wrong is told with its place")
struct DiagnosticTests {
    @Test("an unknown property names the one that was meant")
    func unknownProperty() {
        let text = sam(function + "\n      Timout: 5")
        #expect(
            faults(text) == [
                "t.yaml:11:7: error: Resources.F.Properties.Timout: unknown property; did you mean 'Timeout'?"
            ])
    }

    @Test(
        "a value out of range or of the wrong type stands at its own place",
        arguments: [
            (
                "Timeout: 901",
                "t.yaml:11:16: error: Resources.F.Properties.Timeout: 901 is out of range: 1 to 900 seconds"
            ),
            ("Timeout: 0", "t.yaml:11:16: error: Resources.F.Properties.Timeout: 0 is out of range: 1 to 900 seconds"),
            ("Timeout: soon", "t.yaml:11:16: error: Resources.F.Properties.Timeout: expected an integer, found 'soon'"),
            ("Timeout: [5]", "t.yaml:11:16: error: Resources.F.Properties.Timeout: expected an integer, found a list"),
            (
                "MemorySize: 64",
                "t.yaml:11:19: error: Resources.F.Properties.MemorySize: 64 is out of range: 128 to 10240 MB"
            ),
            (
                "Layers: []",
                "t.yaml:11:7: error: Resources.F.Properties.Layers: Layers is not supported: put their files into the function's own folder"
            ),
            (
                "EventInvokeConfig: {MaximumRetryAttempts: 3}",
                "t.yaml:11:49: error: Resources.F.Properties.EventInvokeConfig.MaximumRetryAttempts: 3 is out of range: 0 to 2"
            ),
            (
                "Environment: {Variables: {AWS_REGION: x}}",
                "t.yaml:11:33: error: Resources.F.Properties.Environment.Variables.AWS_REGION: Lambda keeps this name for itself"
            ),
            (
                "Role: !Ref FRol",
                "t.yaml:11:13: error: Resources.F.Properties.Role: no parameter or resource is named 'FRol'; did you mean 'FRole'?"
            ),
            ("Description: !Reff X", "t.yaml:11:20: error: unknown tag '!Reff'; did you mean '!Ref'?"),
        ])
    func values(property: String, expected: String) {
        #expect(faults(sam(function + "\n      " + property)) == [expected])
    }

    @Test("several faults are told in one run, in the order of the file")
    func order() {
        let text = sam(
            """
              B:
                Type: AWS::S3::Bucket
                Properties:
                  BucketName: Raw
              Q:
                Type: AWS::S3::Buckett
              F:
                Type: AWS::Serverless::Function
                Properties:
                  CodeUri: f/
                  Runtime: provided.al2023
            """)
        #expect(
            faults(text) == [
                "t.yaml:8:19: error: Resources.B.Properties.BucketName: 'Raw' is no bucket name: only a-z, 0-9, '.' and '-' are allowed",
                "t.yaml:10:11: error: Resources.Q.Type: resource type 'AWS::S3::Buckett' is not supported; did you mean 'AWS::S3::Bucket'?",
                "t.yaml:11:3: error: Resources.F.Properties: Handler is missing",
            ])
    }

    @Test("a key that comes twice is told where it comes again")
    func duplicateKeys() {
        #expect(
            faults(sam(function + "\n" + function)) == ["t.yaml:11:3: error: duplicate key 'F' (first on line 5)"])
    }

    @Test("what is no YAML has the parser's place")
    func noYAML() {
        let found = faults("Resources:\n  A: [1, 2\n  B: 3\n")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("t.yaml:3:4: error: no YAML: ") == true)
        #expect(faults("") == ["t.yaml:1:1: error: empty"])
        #expect(faults("just text") == ["t.yaml:1:1: error: a template is an object, not a string"])
    }

    @Test("a small file that would expand without end is refused")
    func aliases() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            text +=
                "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
                + "]\n"
        }
        #expect(faults(text).first?.contains("expands to more than 200000 values") == true)
    }

    @Test("deep nesting, NUL and lone anchors are refused without a crash")
    func hostile() {
        #expect(!faults("Resources: " + String(repeating: "[", count: 5000)).isEmpty)
        #expect(
            !faults("Resources: " + String(repeating: "[", count: 300) + String(repeating: "]", count: 300)).isEmpty)
        #expect(!faults("Resources:\u{0}").isEmpty)
        #expect(!faults("Resources: *nowhere").isEmpty)
        #expect(!faults("? {a: b}\n: c").isEmpty)
        #expect(!faults("<<: {Resources: {}}").isEmpty)
    }

    @Test("a circle of references is told once, as a bucket that its own function refers to")
    func circles() {
        let text = sam(
            """
              B:
                Type: AWS::S3::Bucket
            """ + "\n" + function + """

                      Environment: {Variables: {BUCKET: !Ref B}}
                      Events:
                        E: {Type: S3, Properties: {Bucket: !Ref B, Events: "s3:ObjectCreated:*"}}
                """)
        let found = faults(text)
        #expect(found.count == 1)
        #expect(found.first?.contains("a circle of references: B → F → B") == true)
    }

    @Test("two resources of one kind can't have one name")
    func names() {
        let text = sam(
            """
              A: {Type: AWS::SNS::Topic, Properties: {TopicName: t}}
              B: {Type: AWS::SNS::Topic, Properties: {TopicName: t}}
            """)
        #expect(
            faults(text) == [
                "t.yaml:6:54: error: Resources.B.Properties.TopicName: a second topic named 't' (first: A, line 5)"
            ])
    }

    @Test("bad events of S3, filters and buckets are told")
    func s3Events() {
        let text = sam(
            function + """

                      Events:
                        E:
                          Type: S3
                          Properties:
                            Bucket: raw
                            Events: [s3:ObjectCreated]
                            Filter: {S3Key: {Rules: [{Name: prefixes, Value: x}]}}
                        G: {Type: SQS, Properties: {Queue: q}}
                """)
        #expect(
            faults(text) == [
                "t.yaml:15:21: error: Resources.F.Properties.Events.E.Properties.Bucket: SAM needs a !Ref to a bucket of this template",
                "t.yaml:16:21: error: Resources.F.Properties.Events.E.Properties.Events: 's3:ObjectCreated' is no event of S3; did you mean 's3:ObjectCreated:*'?",
                "t.yaml:17:45: error: Resources.F.Properties.Events.E.Properties.Filter.S3Key.Rules[0].Name: 'prefixes' is neither prefix nor suffix; did you mean 'prefix'?",
                "t.yaml:18:19: error: Resources.F.Properties.Events.G.Type: 'SQS' is not supported: one of S3, EventBridgeRule, CloudWatchEvent, Schedule, ScheduleV2 is expected",
            ])
    }

    @Test("types that people try are refused with what to use instead")
    func unsupportedTypes() {
        let found = faults(
            sam("  C: {Type: AWS::CloudWatch::CompositeAlarm}\n  S: {Type: AWS::Logs::SubscriptionFilter}"))
        #expect(found.count == 2)
        #expect(found.first?.contains("composite alarms are not supported") == true)
        #expect(found.last?.contains("subscription filters are not supported") == true)
    }

    @Test("a file that is missing, a folder, and a file that is not UTF-8 are told")
    func files() throws {
        for (path, expected) in [("/nowhere/t.yaml", "no such file"), ("/tmp", "not a regular file")] {
            let error = #expect(throws: TemplateError.self) { try SAMTemplate.load(path: path) }
            #expect(error?.description == "\(path):1:1: error: \(path): \(expected)")
        }
    }

    @Test("a definition's file that is missing, and one that is no JSON, are told with their places")
    func definitionFiles() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "definition-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let template = sam(
            """
              M: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: m.asl.json}}
              N: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: n.asl.json}}
            """)
        try Data(#"{"StartAt": "A","#.utf8).write(to: folder.appending(path: "n.asl.json"))
        try Data(template.utf8).write(to: folder.appending(path: "t.yaml"))
        let path = folder.path
        let error = #expect(throws: TemplateError.self) { try SAMTemplate.load(path: "\(path)/t.yaml") }
        let lines = (error?.diagnostics ?? []).map(\.description)
        #expect(lines.count == 2)
        #expect(lines.contains { $0.hasPrefix("\(path)/n.asl.json:1:17: ") && $0.contains("error: no YAML: ") })
        #expect(
            lines.contains(
                "\(path)/t.yaml:5:72: error: Resources.M.Properties.DefinitionUri: \(path)/m.asl.json: no such file"))
    }

    @Test("diagnostics survive JSON")
    func diagnosticsAsJSON() throws {
        let error = #expect(throws: TemplateError.self) { try read(sam(function + "\n      Timout: 5")) }
        let diagnostics = try #require(error?.diagnostics)
        let data = try JSONEncoder().encode(diagnostics)
        #expect(try JSONDecoder().decode([Diagnostic].self, from: data) == diagnostics)
        #expect(diagnostics.first?.suggestion == "Timeout")
    }

    @Test("a template that lacks the transform, and one that misspells it, are told")
    func transform() {
        let text = "Resources:\n" + function
        #expect(
            faults(text) == [
                "t.yaml:1:1: error: Transform: AWS::Serverless types need 'Transform: AWS::Serverless-2016-10-31'"
            ])
        #expect(
            faults("Transform: AWS::Serverless-2016-10-32\n" + text).first?.contains("is not supported; did you mean")
                == true)
    }
}

@Suite("No text brings the reader down")
struct HostileTextTests {
    /// A generator whose sequence is the same at each run.
    struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    @Test("a valid template with bytes changed, cut or doubled gives a template or diagnostics", arguments: 0..<8)
    func mutations(seed: UInt64) {
        var numbers = Numbers(state: seed)
        let pieces = [
            "!Ref ", "!Sub ", "[", "{", "}", "]", ":", "\n", "  ", "- ", "null", "&a ", "*a", "${", "}", "\"", "'",
            "999",
            "-1", "Fn::If", "Ref: ", "|\n", "\u{0}", "é", "<<: ", "!GetAtt ", "%", "---\n", "?",
        ]
        for _ in 0..<60 {
            var text = ConformanceTests.valid[1]
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                let offset = Int.random(in: 0..<text.count, using: &numbers)
                let start = text.index(text.startIndex, offsetBy: offset)
                let length = Int.random(in: 0...12, using: &numbers)
                let end = text.index(start, offsetBy: length, limitedBy: text.endIndex) ?? text.endIndex
                text.replaceSubrange(start..<end, with: pieces[Int.random(in: 0..<pieces.count, using: &numbers)])
            }
            do throws(TemplateError) {
                _ = try SAMTemplate.parse(text, file: "t.yaml")
            } catch {
                #expect(error.diagnostics.contains { $0.severity == .error })
                #expect(error.diagnostics.allSatisfy { $0.location.line >= 1 && $0.location.column >= 1 })
            }
        }
    }
}
