import Events
import Template
import Testing

@Suite("Values are what AWS would give")
struct ResourceTests {
    @Test("intrinsic functions, short and long, give what CloudFormation gives")
    func intrinsics() throws {
        let text = sam(
            """
              B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Join ["-", [!Ref Stage, raw]]}}
              T: {Type: AWS::SNS::Topic}
              Q: {Type: AWS::SQS::Queue}
            """ + "\n" + function + """

                      FunctionName: !Sub "${Stage}-check"
                      Environment:
                        Variables:
                          REF: !Ref T
                          LONG: {Ref: B}
                          ATT: !GetAtt B.Arn
                          ATT2: {"Fn::GetAtt": [Q, QueueName]}
                          URL: !Ref Q
                          SUB: !Sub ["${a}/${!b}/${AWS::Region}/${B.Arn}", {a: !Select [1, !Split [",", "x,y"]]}]
                          IFF: !If [IsProd, yes-it-is, !Ref AWS::NoValue]
                          MAP: !FindInMap [Sizes, !Ref Stage, Rows]
                          NUMBER: 1.10
                          ACCOUNT: 000000000000
                """,
            before: """
                Parameters:
                  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
                Mappings:
                  Sizes: {dev: {Rows: 5}, prod: {Rows: 50}}
                Conditions:
                  IsProd: !And [!Equals [!Ref Stage, prod], !Not [!Equals [a, b]]]
                """)
        let dev = try #require(try read(text).functions.first)
        #expect(dev.name == "dev-check")
        #expect(dev.arn.description == "arn:aws:lambda:us-east-1:000000000000:function:dev-check")
        #expect(
            dev.environment == [
                "REF": "arn:aws:sns:us-east-1:000000000000:T", "LONG": "dev-raw", "ATT": "arn:aws:s3:::dev-raw",
                "ATT2": "Q", "URL": "https://sqs.us-east-1.amazonaws.com/000000000000/Q",
                "SUB": "y/${b}/us-east-1/arn:aws:s3:::dev-raw", "MAP": "5", "NUMBER": "1.10",
                "ACCOUNT": "000000000000",
            ])
        let prod = try #require(try read(text, parameters: ["Stage": "prod"]).functions.first)
        #expect(prod.environment["IFF"] == "yes-it-is")
        #expect(prod.environment["MAP"] == "50")
        #expect(
            faults(text, parameters: ["Stage": "test", "Stagee": "x"]) == [
                "t.yaml:3:1: error: Parameters: the template has no parameter 'Stagee'; did you mean 'Stage'?",
                "t.yaml:4:3: error: Parameters.Stage: 'test' is none of dev, prod",
            ])
    }

    @Test("Globals are merged as SAM merges them: objects by member, lists joined, the rest replaced")
    func globals() throws {
        let text = sam(
            function + "\n      Timeout: 7\n      Environment: {Variables: {OWN: a, BOTH: own}}",
            before: """
                Globals:
                  Function:
                    Timeout: 30
                    MemorySize: 256
                    Environment: {Variables: {SHARED: b, BOTH: shared}}
                """)
        let function = try #require(try read(text).functions.first)
        #expect(function.timeout == 7)
        #expect(function.memorySize == 256)
        #expect(function.environment == ["OWN": "a", "SHARED": "b", "BOTH": "own"])
        #expect(function.location(of: "Timeout").line == 15)
        #expect(function.location(of: "MemorySize").line == 6)
    }

    @Test("a fault in Globals is told once for all functions")
    func globalFault() {
        let text = sam(
            function + "\n" + function.replacing("F:", with: "G:"), before: "Globals: {Function: {Timeout: 901}}")
        #expect(faults(text).count == 1)
        #expect(faults(text).first?.hasPrefix("t.yaml:3:31: error: ") == true)
    }

    @Test("events of functions become rules and schedules with the function as target")
    func events() throws {
        let text = sam(
            function + """

                      Events:
                        Rule:
                          Type: EventBridgeRule
                          Properties: {Pattern: {source: [a]}, InputPath: $.detail}
                        Nightly:
                          Type: Schedule
                          Properties: {Schedule: cron(0 3 * * ? *), Name: nightly, Enabled: false, Input: '{"a": 1}'}
                        Later:
                          Type: ScheduleV2
                          Properties: {ScheduleExpression: rate(5 minutes), ScheduleExpressionTimezone: Europe/Berlin}
                """)
        let template = try read(text)
        let target = try #require(template.functions.first?.arn)
        #expect(template.rules.map(\.name) == ["FRule", "nightly"])
        #expect(template.rules.flatMap { $0.targets.map(\.arn) } == [target, target])
        #expect(template.rules[0].targets[0].input == .path("$.detail"))
        #expect(template.rules[1].targets[0].input == .constant(#"{"a": 1}"#))
        #expect(template.rules[1].isEnabled == false)
        #expect(template.schedules.map(\.timezone) == ["Europe/Berlin"])
        #expect(template.schedules.first?.target == target)
    }

    @Test(
        "schedules that never run are refused",
        arguments: [
            "rate(1 minutes)", "rate(5 minute)", "rate(0 days)", "cron(0 3 * * * *)", "cron(0 3 * * ?)", "every day",
        ])
    func schedules(expression: String) {
        let text = sam(function + "\n      Events: {E: {Type: Schedule, Properties: {Schedule: \(expression)}}}")
        #expect(faults(text).count == 1)
    }

    @Test("a resource whose condition is false is left out, and a reference to it is told")
    func leftOut() throws {
        let before = "Conditions: {Never: !Equals [a, b]}"
        let topic = "  T: {Type: AWS::SNS::Topic, Condition: Never}\n"
        #expect(try read(sam(topic + function, before: before)).topics.isEmpty)
        let found = faults(sam(topic + function + "\n      Description: !Ref T", before: before))
        #expect(found.count == 1)
        #expect(found.first?.contains("'T' is left out by its condition") == true)
    }

    @Test("an alarm watches a metric or an expression")
    func alarms() throws {
        let text = sam(
            """
              A:
                Type: AWS::CloudWatch::Alarm
                Properties:
                  Namespace: AWS/Lambda
                  MetricName: Duration
                  ExtendedStatistic: p99
                  Period: 60
                  EvaluationPeriods: 3
                  DatapointsToAlarm: 2
                  Threshold: 1.5
                  ComparisonOperator: GreaterThanThreshold
              M:
                Type: AWS::CloudWatch::Alarm
                Properties:
                  Metrics:
                    - Id: share
                      Expression: errors / calls
                    - Id: errors
                      ReturnData: false
                      MetricStat: {Metric: {Namespace: N, MetricName: E}, Period: 60, Stat: Sum}
                    - Id: calls
                      ReturnData: false
                      MetricStat: {Metric: {Namespace: N, MetricName: C}, Period: 60, Stat: Sum}
                  EvaluationPeriods: 1
                  Threshold: 0.1
                  ComparisonOperator: GreaterThanThreshold
            """
        ).replacing("Expression: errors / calls", with: "Expression: errors / calls\n          ReturnData: true")
        let alarms = try read(text).alarms
        #expect(alarms[0].metric?.statistic == "p99")
        #expect(alarms[0].datapointsToAlarm == 2)
        #expect(alarms[0].threshold == 1.5)
        #expect(alarms[1].metric == nil)
        #expect(alarms[1].metrics.map(\.id) == ["share", "errors", "calls"])
        #expect(alarms[1].metrics.first?.source == .expression("errors / calls"))
    }

    @Test(
        "an alarm that CloudWatch would refuse is refused",
        arguments: [
            ("Period: 60", "Period: 45"), ("Statistic: Sum", "Statistic: Total"), ("Statistic: Sum", "Unit: Count"),
            ("Statistic: Sum", "Statistic: Sum, ExtendedStatistic: p9"),
            ("EvaluationPeriods: 1", "EvaluationPeriods: 2000"),
            ("EvaluationPeriods: 1", "EvaluationPeriods: 1, DatapointsToAlarm: 2"),
            ("Threshold: 1", "Threshold: 1, AlarmActions: [nobody]"),
            ("Threshold: 1", "Threshold: 1, TreatMissingData: no"),
        ])
    func badAlarms(good: String, bad: String) {
        let alarm = """
              A:
                Type: AWS::CloudWatch::Alarm
                Properties: {Namespace: N, MetricName: M, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 1,
                  ComparisonOperator: LessThanThreshold}
            """
        #expect(faults(sam(alarm)) == [])
        #expect(faults(sam(alarm.replacing(good, with: bad))).count == 1)
    }

    @Test("a definition in the template takes substitutions and keeps its places")
    func definitions() throws {
        let text = sam(
            """
              M:
                Type: AWS::Serverless::StateMachine
                Properties:
                  DefinitionSubstitutions: {Wait: "5"}
                  Definition:
                    StartAt: A
                    States:
                      A: {Type: Wait, SecondsPath: "$.${Wait}", Next: B}
              N:
                Type: AWS::StepFunctions::StateMachine
                Properties:
                  RoleArn: arn:aws:iam::000000000000:role/r
                  DefinitionSubstitutions: {Wait: "5"}
                  DefinitionString: |
                    {"StartAt": "A", "States": {
                      "A": {"Type": "Wait", "Seconds": ${Wait},
                        "Next": "B \\uD83D\\uDE00"}}}
            """)
        let machines = try read(text).stateMachines
        #expect(machines[0].definition.json["States"]?["A"]?["SecondsPath"]?.string == "$.5")
        #expect(machines[0].definition.location(of: "/States/A/Next").line == 12)
        #expect(machines[1].definition.json["States"]?["A"]?["Seconds"]?.int == 5)
        #expect(machines[1].definition.json["States"]?["A"]?["Next"]?.string == "B 😀")
        #expect(machines[1].definition.location(of: "/States/A/Next").line == 21)
    }

    @Test("JSON is read as YAML is")
    func json() throws {
        let text = #"{"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "raw"}}}}"#
        #expect(try read(text).buckets.map(\.name) == ["raw"])
        let faulty = text.replacing("raw", with: "r")
        #expect(faults(faulty).first?.hasPrefix("t.yaml:1:78: error: Resources.B.Properties.BucketName: ") == true)
    }

    @Test("a bucket's own notification configuration and EventBridge are read")
    func bucketNotifications() throws {
        let text = sam(
            """
              B:
                Type: AWS::S3::Bucket
                Properties:
                  BucketName: raw
                  NotificationConfiguration:
                    EventBridgeConfiguration: {EventBridgeEnabled: true}
                    LambdaConfigurations:
                      - Event: s3:ObjectRemoved:*
                        Function: !GetAtt F.Arn
                        Filter: {S3Key: {Rules: [{Name: Suffix, Value: .csv}]}}
            """ + "\n" + function)
        let bucket = try #require(try read(text).buckets.first)
        #expect(bucket.sendsToEventBridge)
        #expect(bucket.lambdaConfigurations.first?.suffix == ".csv")
        #expect(bucket.lambdaConfigurations.first?.location.line == 12)
    }

    @Test("a cluster's settings that AWS can't know stand in its metadata, and are checked")
    func cluster() throws {
        let cluster = """
              C:
                Type: AWS::EMR::Cluster
                Metadata: {Sluice: {JobFlowId: j-ABC, Master: "local[2]"}}
                Properties:
                  Name: c
                  Instances: {}
                  JobFlowRole: r
                  ServiceRole: s
                  Steps:
                    - Name: one
                      HadoopJarStep: {Jar: command-runner.jar, Args: [spark-submit, s3://scripts/a.py]}
            """
        let read = try #require(try read(sam(cluster)).clusters.first)
        #expect(read.jobFlowID == "j-ABC")
        #expect(read.master == "local[2]")
        #expect(read.steps.first?.args == ["spark-submit", "s3://scripts/a.py"])
        #expect(
            faults(sam(cluster.replacing("Master:", with: "Mastr:"))).first?.contains("did you mean 'Master'?") == true)
        #expect(faults(sam(cluster.replacing("j-ABC", with: "abc"))).count == 1)
        #expect(faults(sam(function.replacing("Type:", with: "Metadata: {Sluice: {A: 1}}\n    Type:"))).count == 1)
    }
}
