import Events
import Foundation
import GRDB
import Testing

/// What people get wrong, and what the command says to it.
@Suite("Mistakes")
struct MistakeTests {
    @Test("a template with faults starts nothing, and each fault is named with its line")
    func template() async throws {
        let project = try TestProject(
            template: """
                Transform: AWS::Serverless-2016-10-31
                Resources:
                  Gate:
                    Type: AWS::Serverless::Function
                    Properties:
                      CodeUri: gate/
                      Handler: bootstrap
                      Runtime: provided.al2023
                      Timeot: 3
                      DeadLetterQueue: {Type: SNS, TargetArn: !Ref Nobody}
                """)
        let result = try await project.sluice("up", "--port", "0")
        #expect(result.status == 1)
        #expect(result.error.contains("functions/template.yaml:9:7: error:") && result.error.contains("'Timeout'"))
        #expect(result.error.contains(":10:") && result.error.contains("Nobody"))
    }

    @Test("a function that was not built is named, its event is kept, and the other functions work")
    func missingProgram() async throws {
        let project = try TestProject(
            template: """
                Transform: AWS::Serverless-2016-10-31
                Globals: {Function: {Handler: bootstrap, Runtime: provided.al2023}}
                Resources:
                  Echo: {Type: AWS::Serverless::Function, Properties: {FunctionName: echo, CodeUri: echo/}}
                  Gone: {Type: AWS::Serverless::Function, Properties: {FunctionName: gone, CodeUri: nowhere/}}
                """)
        try project.install("echo-function", as: "echo")
        let host = try await HostProcess(project)
        try await host.wait("the fault") {
            $0["notice"]?.string?.contains("template.yaml:5:") == true
                && $0["notice"]?.string?.contains("nowhere") == true
        }
        try project.write(#"{"a":1.10}"#, to: "event.json")
        let good = try await project.sluice("invoke", "echo", "--event", project.root + "/event.json")
        #expect(good.status == 0 && good.output == "{\"a\":1.10}\n", "\(good)")
        let bad = try await project.sluice("invoke", "gone")
        #expect(bad.status == 1, "\(bad)")
        #expect(try await project.sluice("invoke", "gone", "--async").status == 0)
        #expect(try await host.stop() == 0)
    }

    @Test("events for a function that the template has no more are told, and do not keep the host from being idle")
    func orphans() async throws {
        func template(_ name: String) -> String {
            """
            Transform: AWS::Serverless-2016-10-31
            Resources:
              Raw: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}
              Echo:
                Type: AWS::Serverless::Function
                Properties:
                  FunctionName: \(name)
                  CodeUri: echo/
                  Handler: bootstrap
                  Runtime: provided.al2023
            """
        }
        let project = try TestProject(template: template("old"))
        try project.install("echo-function", as: "echo")
        #expect(try await project.sluice("up", "--port", "0", "--until-idle").status == 0)
        // As a host that was killed leaves it.
        let database = try DatabaseQueue(path: project.root + "/.sluice/sluice.db")
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO lambda_invocation (request_id, function, state, trace, payload, received, due)
                    VALUES ('00000000-0000-4000-8000-000000000000', 'old', 'QUEUED',
                      'Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0', CAST('{}' AS BLOB), ?1, ?1)
                    """, arguments: [Timestamp.now.milliseconds])
        }
        try database.close()
        try project.write(template("new"), to: "functions/template.yaml")
        let idle = try await project.sluice("up", "--port", "0", "--until-idle")
        #expect(idle.status == 0 && idle.output.contains("1 event waits for the function old"), "\(idle)")
        try project.write(template("old"), to: "functions/template.yaml")
        #expect(try await project.sluice("up", "--port", "0", "--until-idle").status == 0)
        #expect(try await project.json("queue")["waiting"]?.int == 0)
    }

    @Test("output that can't be written is an error, and a reader who has gone is none")
    func fullOutput() async throws {
        let project = try TestProject(
            template: "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}}")
        try project.write("id\n1\n", to: "rows.csv")
        let command = "\(TestProject.programs)/sluice infer \(project.root)/rows.csv"
        let full = try await TestProject.run("/bin/sh", ["-c", command + " > /dev/full"])
        #expect(full.status == 4 && full.error.contains("the output could not be written: No space left"), "\(full)")
        let gone = try await TestProject.run("/bin/sh", ["-c", command + " | true"])
        #expect(gone.status == 0 && gone.error.isEmpty, "\(gone)")
    }

    @Test(
        "a region or an account that AWS could not have is refused",
        arguments: [["--region", ""], ["--account", "12"]])
    func place(arguments: [String]) async throws {
        let project = try TestProject(
            template: "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}}")
        let result = try await project.sluice("up", "--until-idle", arguments[0], arguments[1])
        #expect(result.status == 64 && result.error.contains(arguments[0]), "\(result)")
    }

    @Test("a second host for the same project is refused, and says who has it")
    func second() async throws {
        let project = try TestProject(
            template: "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}}\n")
        let host = try await HostProcess(project)
        let other = try await project.sluice("up", "--port", "0")
        #expect(other.status == 4 && other.error.contains("process \(host.processID)"))
        #expect(try await host.stop() == 0)
    }

    @Test(
        "the AWS CLI invokes a function unchanged",
        .enabled(if: AWSCLI.path != nil, "the tests' clients are not set up"))
    func awsCLI() async throws {
        let project = try TestProject(
            template: """
                Transform: AWS::Serverless-2016-10-31
                Resources:
                  Echo:
                    Type: AWS::Serverless::Function
                    Properties: {FunctionName: echo, CodeUri: echo/, Handler: bootstrap, Runtime: provided.al2023}
                """)
        try project.install("echo-function", as: "echo")
        let host = try await HostProcess(project)
        try project.write(#"{"a":1}"#, to: "event.json")
        let arguments = [
            "lambda", "invoke", "--endpoint-url", "http://127.0.0.1:\(host.port)", "--region", "us-east-1",
            "--log-type", "Tail",
            "--payload", "fileb://\(project.root)/event.json", "\(project.root)/answer.json", "--function-name",
        ]
        let keys = ["AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"]
        let good = try await TestProject.run(AWSCLI.path ?? "", arguments + ["echo"], environment: keys)
        #expect(good.status == 0 && good.output.contains("LogResult"), "\(good)")
        #expect(try String(contentsOfFile: project.root + "/answer.json", encoding: .utf8) == #"{"a":1}"#)
        let bad = try await TestProject.run(AWSCLI.path ?? "", arguments + ["nobody"], environment: keys)
        #expect(bad.status != 0 && bad.error.contains("ResourceNotFoundException"))
        #expect(try await host.stop() == 0)
    }

    @Test("a backup taken while the host runs restores what it had")
    func backup() async throws {
        let project = try TestProject(
            template: "Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}}\n")
        try project.write("x", to: "lake/raw/a.csv")
        let first = try await HostProcess(project, "--until-idle")
        #expect(try await first.waitForExit() == 0)
        let host = try await HostProcess(project)
        #expect(try await project.sluice("backup", project.root + "/copy.db").status == 0)
        let early = try await project.sluice("restore", project.root + "/copy.db")
        #expect(early.status == 4, "a running host must not lose its database: \(early)")
        #expect(try await host.stop() == 0)
        #expect(try await project.sluice("restore", project.root + "/copy.db").status == 0)
        #expect(try await project.json("trace", "s3://raw/a.csv")["versions"]?.array?.count == 1)
    }
}

/// The AWS CLI of the tests' own virtual environment.
enum AWSCLI {
    static let path: String? = ProcessInfo.processInfo.environment["SLUICE_CLIENTS"].map { $0 + "/bin/aws" }
}
