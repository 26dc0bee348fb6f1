import Events
import Foundation
import Testing

/// What `sluice trace` shows of a gate's answer.
@Suite("A report in a trace")
struct TraceReportTests {
    @Test(
        "an archive that is cut off says so, a rule about the file says what it found, and where things were stored stands below"
    )
    func trace() async throws {
        let project = try TestProject(
            template: """
                Transform: AWS::Serverless-2016-10-31
                Resources:
                  Raw: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}
                  Gate:
                    Type: AWS::Serverless::Function
                    Properties:
                      FunctionName: gate
                      CodeUri: gate/
                      Handler: bootstrap
                      Runtime: provided.al2023
                      Timeout: 30
                      Environment:
                        Variables:
                          SCHEMA: '{"fields": [{"name": "id", "type": "integer"}, {"name": "v"}]}'
                          REPORT_BUCKET: raw
                          QUARANTINE_BUCKET: s3://raw/held/
                      Events:
                        Landed: {Type: S3, Properties: {Bucket: !Ref Raw, Events: s3:ObjectCreated:*}}
                """)
        try project.install("validate-table", as: "gate")
        try project.write("id,v\n1,a\nx,b\n", to: "lake/raw/rows.csv")
        try project.write("id\n1\n", to: "lake/raw/narrow.csv")
        try project.write("no gzip\n", to: "lake/raw/named.csv.gz")
        let host = try await HostProcess(project, "--until-idle")
        #expect(try await host.waitForExit() == 0)

        let rows = try await project.sluice("trace", "s3://raw/rows.csv").output
        #expect(rows.contains("✗ id is an integer: 1 row\n") && rows.contains("row 2  id = 'x'"), "\(rows)")
        #expect(rows.contains("quarantine  s3://raw/held/rows.csv"), "\(rows)")
        #expect(rows.contains("report  s3://raw/rows.csv.validation.json"), "\(rows)")
        let narrow = try await project.sluice("trace", "s3://raw/narrow.csv").output
        #expect(narrow.contains("every declared column is in the file: 1 finding"), "\(narrow)")
        let named = try await project.sluice("trace", "s3://raw/named.csv.gz").output
        #expect(named.contains("the name says gzip, the bytes are not"), "\(named)")
        // What the gate wrote into its own bucket was not judged in turn.
        let own = try await project.json("trace", "s3://raw/held/rows.csv")
        #expect(own["versions"]?[0]?["invocations"]?[0]?["report"]?["passed"] == nil, "\(own)")
        #expect(!FileManager.default.fileExists(atPath: project.lake + "/raw/held/held"))
    }
}
