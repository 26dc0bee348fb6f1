import Events
import Foundation
import GRDB
import Testing

/// Dead letters by the hundred: listed, chosen, and sent again.
@Suite("Redrive")
struct RedriveTests {
    private static func template(_ property: String) -> String {
        """
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Raw: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}
          Echo:
            Type: AWS::Serverless::Function
            Properties:
              FunctionName: echo
              CodeUri: echo/
              Handler: bootstrap
              Runtime: provided.al2023
              \(property)
              EventInvokeConfig:
                DestinationConfig:
                  OnSuccess: {Type: EventBridge, Destination: 'arn:aws:events:us-east-1:000000000000:event-bus/default'}
              Events: {Landed: {Type: S3, Properties: {Bucket: !Ref Raw, Events: 's3:ObjectCreated:*'}}}
          Every:
            Type: AWS::Events::Rule
            Properties: {Name: every, State: DISABLED, ScheduleExpression: rate(1 day), Targets: [{Id: echo, Arn: !GetAtt Echo.Arn}]}
        """
    }

    @Test("dead letters by the hundred are chosen by function and error, sent in batches, oldest first, and once")
    func many() async throws {
        let project = try TestProject(template: Self.template("ReservedConcurrentExecutions: 0"))
        try project.install("echo-function", as: "echo")
        for number in 0..<600 { try project.write("x", to: "lake/raw/\(number)") }
        let first = try await HostProcess(project, "--until-idle")
        #expect(try await first.waitForExit() == 0)
        let shown = try await project.sluice("queue", "--limit", "5").output
        #expect(shown.contains("… and 595 more (--limit)") && shown.contains("nothing waits"), "\(shown)")
        #expect(try await project.json("queue", "--error", "RESERVED")["deadLetters"]?.int == 600)
        #expect(try await project.json("queue", "--error", "timeout")["deadLetters"]?.int == 0)
        #expect(try await project.json("queue", "--function", "other")["deadLetters"]?.int == 0)

        let none = try await project.sluice("redrive", "--all", "--error", "timeout")
        #expect(none.status == 0 && none.output == "no dead letters to send\n", "\(none)")
        let dry = try await project.sluice("redrive", "--all", "--dry-run")
        #expect(dry.status == 0 && dry.output.contains("600 would be sent"), "\(dry)")
        #expect(try await project.json("queue")["deadLetters"]?.int == 600, "a dry run sends nothing")

        try project.write(Self.template(""), to: "functions/template.yaml")
        let ten = try await project.json("redrive", "--all", "--limit", "10", "--error", "concurrency")
        #expect(ten.array?.compactMap { $0["id"]?.int } == Array(1...10), "\(ten)")
        var queue = try await project.json("queue")
        #expect(queue["deadLetters"]?.int == 590 && queue["waiting"]?.int == 10, "\(queue)")
        let again = try await project.sluice("redrive", "1")
        #expect(again.status == 3 && again.error.contains("there is no dead letter 1"), "\(again)")

        let host = try await HostProcess(project)
        let rest = try await project.sluice("redrive", "--all", "--function", "echo")
        #expect(rest.status == 0 && rest.output.contains("590 queued again"), "\(rest)")
        #expect(rest.output.split(separator: "\n").count < 30, "not a line for each")
        try await host.wait("invocations", count: 600) {
            $0["record"]?["requestContext"]?["condition"]?.string == "Success"
        }
        #expect(try await host.stop() == 0)
        queue = try await project.json("queue")
        #expect(queue["deadLetters"]?.int == 0 && queue["waiting"]?.int == 0, "\(queue)")
        #expect(try await project.json("functions")[0]?["invocations"]?.int == 600)
    }

    @Test("an event that a rule's target would not take is listed with the dead letters, and goes to the target again")
    func delivery() async throws {
        let project = try TestProject(template: Self.template(""))
        try project.install("echo-function", as: "echo")
        let first = try await HostProcess(project, "--until-idle")
        #expect(try await first.waitForExit() == 0)
        // As the host leaves it behind when a target is gone: here the target is back.
        let database = try DatabaseQueue(path: project.root + "/.sluice/sluice.db")
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO eventbridge_delivery
                      (rule, target_id, target_arn, input, event, attempts, created, due, error_code, error_message, is_dead)
                    VALUES ('arn:aws:events:us-east-1:000000000000:rule/every', 'echo',
                      'arn:aws:lambda:us-east-1:000000000000:function:echo', '{"n":1}', ?, 3, 1, 1, 'NO_RESOURCE', 'gone', 1)
                    """,
                arguments: [
                    """
                    {"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"Scheduled Event","source":"aws.events",
                    "account":"000000000000","time":"2026-01-01T00:00:00Z","region":"us-east-1","resources":[],"detail":{}}
                    """
                ])
        }
        try database.close()
        let queue = try await project.json("queue", "--dead")
        #expect(queue["deadLetters"]?.int == 1 && queue["dead"]?[0]?["id"]?.string == "e1", "\(queue)")
        let shown = try await project.sluice("queue", "--error", "no_resource").output
        #expect(shown.contains("e1") && shown.contains("rule every") && shown.contains("gone"), "\(shown)")
        let host = try await HostProcess(project)
        let sent = try await project.sluice("redrive", "e1")
        #expect(sent.status == 0 && sent.output.contains("goes to its target"), "\(sent)")
        try await host.wait("the invocation") { $0["record"]?["requestContext"]?["condition"]?.string == "Success" }
        #expect(try await host.stop() == 0)
        #expect(try await project.json("queue")["deadLetters"]?.int == 0)
        #expect(try await project.sluice("redrive", "e1").status == 3)
    }
}
