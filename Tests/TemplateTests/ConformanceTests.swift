import Foundation
import Template
import Testing

/// cfn-lint, where it is installed: by `CFN_LINT`, else on the path.
private let cfnLint: String? = {
    let environment = ProcessInfo.processInfo.environment
    if let path = environment["CFN_LINT"] { return path }
    return (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/cfn-lint" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
}()

@Suite("Both cfn-lint and Sluice accept", .enabled(if: cfnLint != nil))
struct ConformanceTests {
    static let valid: [String] = [
        sam(function),
        sam(
            """
              B: {Type: AWS::S3::Bucket, Properties: {BucketName: raw-data}}
              T: {Type: AWS::SNS::Topic, Properties: {Subscription: [{Protocol: email, Endpoint: a@example.com}]}}
              Q: {Type: AWS::SQS::Queue, Properties: {MessageRetentionPeriod: 1209600}}
              L: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /a/b, RetentionInDays: 14}}
              M:
                Type: AWS::Logs::MetricFilter
                Properties:
                  LogGroupName: !Ref L
                  FilterPattern: ERROR
                  MetricTransformations: [{MetricName: Errors, MetricNamespace: Mine, MetricValue: "1"}]
            """ + "\n" + function + """

                      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Q.Arn}
                      EventInvokeConfig:
                        MaximumRetryAttempts: 0
                        DestinationConfig: {OnFailure: {Type: SNS, Destination: !Ref T}}
                      ReservedConcurrentExecutions: 5
                      EphemeralStorage: {Size: 1024}
                      RecursiveLoop: Allow
                      Events:
                        Landed:
                          Type: S3
                          Properties:
                            Bucket: !Ref B
                            Events: [s3:ObjectCreated:Put, s3:ObjectRemoved:*]
                            Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}
                        Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
                        Rule: {Type: EventBridgeRule, Properties: {Pattern: {source: [mine]}}}
                """),
    ]

    @Test("the same templates", arguments: valid)
    func accepted(text: String) throws {
        #expect(faults(text) == [])
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).yaml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        try lint(file.path)
    }

    @Test("the template that ships")
    func shippedTemplate() throws { try lint(shipped) }

    private func lint(_ path: String) throws {
        let process = Process()
        process.executableURL = URL(filePath: try #require(cfnLint))
        process.arguments = [path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(String(decoding: said, as: UTF8.self))")
    }
}
