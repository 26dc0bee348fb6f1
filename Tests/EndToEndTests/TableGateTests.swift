import Events
import Foundation
import Testing

/// A gate without code: `validate-table` behind the real host.
@Suite("A gate without code")
struct TableGateTests {
    private static let template = """
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Raw: {Type: AWS::S3::Bucket, Properties: {BucketName: raw}}
          Reports: {Type: AWS::S3::Bucket, Properties: {BucketName: reports}}
          Held: {Type: AWS::S3::Bucket, Properties: {BucketName: held}}
          Gate:
            Type: AWS::Serverless::Function
            Properties:
              FunctionName: gate
              CodeUri: gate/
              Handler: bootstrap
              Runtime: provided.al2023
              Timeout: 30
              Environment: {Variables: {REPORT_BUCKET: reports, QUARANTINE_BUCKET: held}}
              Events:
                Landed:
                  Type: S3
                  Properties:
                    Bucket: !Ref Raw
                    Events: s3:ObjectCreated:*
        """

    @Test(
        "an object is judged by the schema beside it; its report and its rejected rows lie where the template asks for them"
    )
    func gate() async throws {
        let project = try TestProject(template: Self.template)
        try project.install("validate-table", as: "gate")
        try project.write(
            #"""
            {"fields": [{"name": "id", "type": "integer", "constraints": {"required": true}}, {"name": "price", "type": "number"}],
             "primaryKey": "id"}
            """#, to: "lake/raw/orders/schema.json")
        try project.write("id,price\n1,2.50\n2,x\n2,3\n", to: "lake/raw/orders/bad.csv")
        try project.write("id,price\n1,2.50\n", to: "lake/raw/orders/good.csv")
        let host = try await HostProcess(project, "--until-idle")
        #expect(try await host.waitForExit() == 0)

        func report(_ key: String) async throws -> JSON? {
            try await project.json("trace", "s3://raw/orders/\(key)")["versions"]?[0]?["invocations"]?[0]?["report"]
        }
        let bad = try await report("bad.csv")
        #expect(bad?["passed"] == false && bad?["rows"]?.int == 3 && bad?["rejected"]?.int == 2, "\(bad ?? .null)")
        let good = try await report("good.csv")
        #expect(good?["passed"] == true && good?["rejected"]?.int == 0, "\(good ?? .null)")
        let written = try String(
            contentsOfFile: project.lake + "/reports/orders/bad.csv.validation.json", encoding: .utf8)
        #expect(try JSON(parsing: written)["rejected"]?.int == 2)
        let held = try String(contentsOfFile: project.lake + "/held/orders/bad.csv", encoding: .utf8)
        #expect(held == "id,price\n2,x\n2,3\n", "\(held)")
        #expect(!FileManager.default.fileExists(atPath: project.lake + "/held/orders/good.csv"))
        // The schema is an object too, and no table: nothing was said of it.
        let schema = try await report("schema.json")
        #expect(schema?["passed"] != false, "\(schema ?? .null)")
    }
}
