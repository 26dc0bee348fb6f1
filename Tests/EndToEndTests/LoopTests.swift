import Events
import Foundation
import Testing

/// Functions that write into their own trigger: found, stopped, told.
@Suite("Recursive loops")
struct LoopTests {
    /// A function that puts one object more for each that it gets: by plain system calls, with `sluice put`, or over the object.
    private static let echo = """
        import os, subprocess, urllib.parse
        def handle(event):
            how, folder = os.environ["HOW"], os.environ["SLUICE_LAKE"] + "/raw/"
            for record in event.get("Records", []):
                if "s3" not in record:
                    continue
                key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
                name = key if how == "over" else "x" + key
                if how == "put":
                    subprocess.run([os.environ["SLUICE"], "put", folder + key, "s3://raw/" + name,
                                    "--project", os.environ["PROJECT"]], check=True, stdout=subprocess.DEVNULL)
                elif how == "fail":
                    raise ValueError("refused")
                else:
                    with open(folder + name, "a") as file:
                        file.write("more\\n")
            yield {"ok": 1}
        """

    private static func project(how: String, _ more: String = "") throws -> TestProject {
        let project = try TestProject(template: "Resources: {}")
        try project.write(
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
                  Timeout: 60
                  Environment:
                    Variables: {HOW: \(how), SLUICE: \(TestProject.programs)/sluice, PROJECT: \(project.root)}
                  Events: {Upload: {Type: S3, Properties: {Bucket: !Ref Raw, Events: s3:ObjectCreated:*}}}
            \(more)
            """, to: "functions/template.yaml")
        try project.writeFunction(echo, to: "echo")
        return project
    }

    private func check(_ project: TestProject, _ host: HostProcess) async throws {
        try await host.wait("loop", "echo causes its own events")
        // Whatever comes from outside is still served.
        try project.write("fresh", to: "lake/raw/other")
        try await host.wait("the other object") { $0.description.contains("raw/other") }
        #expect(try await host.stop() == 0)
        let queue = try await project.json("queue", "--dead")
        let letter = try #require(queue["dead"]?.array?.first, "\(queue)")
        #expect(letter["errorMessage"]?.string?.contains("recursive loop") == true, "\(letter)")
        let metrics = try await project.json(
            "metrics", "RecursiveInvocationsDropped", "--dimension", "FunctionName=echo")
        #expect(metrics.description.contains("\"FunctionName\""), "\(metrics)")
    }

    @Test(
        "a function that writes into its own trigger is stopped after 16 rounds, and told",
        arguments: ["put", "plain", "over"])
    func files(how: String) async throws {
        let project = try Self.project(how: how)
        let host = try await HostProcess(project)
        try project.write("first", to: "lake/raw/a")
        try await host.wait("loop", "echo causes its own events")
        if how != "over" {
            let names = try FileManager.default.contentsOfDirectory(atPath: project.lake + "/raw")
            // Without headers a round counts only where the function is known to have run by then.
            #expect(how == "put" ? names.count == 17 : (17...20).contains(names.count), "\(names)")
        }
        try await check(project, host)
    }

    @Test(
        "a function that is its own destination, directly or by way of a topic, is stopped after 16 rounds, and told",
        arguments: ["Lambda", "SNS"])
    func destination(by way: String) async throws {
        let target =
            "arn:aws:"
            + (way == "SNS" ? "sns:us-east-1:000000000000:again" : "lambda:us-east-1:000000000000:function:echo")
        let project = try Self.project(how: "nothing")
        var template = try String(contentsOfFile: project.root + "/functions/template.yaml", encoding: .utf8)
        template = template.replacing(
            "      Timeout: 60\n",
            with: """
                      Timeout: 60
                      EventInvokeConfig: {DestinationConfig: {OnSuccess: {Type: \(way), Destination: \(target)}}}

                """)
        template += """
              Topic:
                Type: AWS::SNS::Topic
                Properties: {TopicName: again, Subscription: [{Protocol: lambda, Endpoint: !GetAtt Echo.Arn}]}

            """
        try project.write(template, to: "functions/template.yaml")
        let host = try await HostProcess(project)
        #expect(try await project.sluice("invoke", "echo", "--async").status == 0)
        try await host.wait("loop", "echo causes its own events")
        #expect(try await host.stop() == 0)
        #expect(try await project.json("functions")[0]?["invocations"]?.int == 16)
        let letter = try await project.json("queue", "--dead")["dead"]?[0]
        #expect(letter?["errorMessage"]?.string?.contains("recursive loop") == true, "\(letter ?? .null)")
    }
}
