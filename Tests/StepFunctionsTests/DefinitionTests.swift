import Events
import Testing

@testable import StepFunctions

@Suite("Definitions")
struct DefinitionTests {
    private func faults(_ text: String) throws -> [String] {
        StateMachineDefinition.read(try JSON(parsing: text)).diagnostics.filter { $0.severity == .error }
            .map { "\($0.code) \($0.pointer)" }
    }

    private func states(_ states: String) throws -> [String] {
        try faults(#"{"StartAt": "A", "States": {\#(states)}}"#)
    }

    @Test("the chain's own machine is good")
    func chain() throws {
        #expect(try faults(chainDefinition).isEmpty)
        let definition = StateMachineDefinition.read(try JSON(parsing: chainDefinition)).definition
        #expect(definition?.taskResources.map(\.resource) == ["addStep.sync"])
    }

    @Test(
        "each fault has its code and its place",
        arguments: [
            (
                #""A": {"Type": "Pass", "Next": "B"}"#,
                ["MISSING_TERMINAL_STATE /States", "MISSING_TRANSITION_TARGET /States/A/Next"]
            ),
            (#""A": {"Type": "Succeed"}, "B": {"Type": "Succeed"}"#, ["MISSING_TRANSITION_TARGET /States/B"]),
            (#""B": {"Type": "Succeed"}"#, ["MISSING_TRANSITION_TARGET /StartAt"]),
            (#""A": {"Type": "Pass"}"#, ["SCHEMA_VALIDATION_FAILED /States/A"]),
            (#""A": {"Type": "Pass", "End": true, "Next": "A"}"#, ["SCHEMA_VALIDATION_FAILED /States/A"]),
            (#""A": {"Type": "Pas", "End": true}"#, ["SCHEMA_VALIDATION_FAILED /States/A/Type"]),
            (#""A": {"End": true}"#, ["SCHEMA_VALIDATION_FAILED /States/A"]),
            (#""A": {"Type": "Pass", "End": true, "Retries": []}"#, ["SCHEMA_VALIDATION_FAILED /States/A/Retries"]),
            (#""A": {"Type": "Pass", "End": true, "InputPath": "x"}"#, ["INVALID_JSON_PATH /States/A/InputPath"]),
            (
                #""A": {"Type": "Pass", "End": true, "ResultPath": "$.a[*]"}"#,
                ["INVALID_JSON_PATH /States/A/ResultPath"]
            ),
            (
                #""A": {"Type": "Pass", "End": true, "Parameters": {"a/b": [{"c.$": "States.Nope()"}]}}"#,
                ["SCHEMA_VALIDATION_FAILED /States/A/Parameters/a~1b/0/c.$"]
            ),
            (
                #""A": {"Type": "Pass", "End": true, "QueryLanguage": "JSONata"}"#,
                ["SCHEMA_VALIDATION_FAILED /States/A/QueryLanguage"]
            ),
            (#""A": {"Type": "Wait", "End": true}"#, ["SCHEMA_VALIDATION_FAILED /States/A"]),
            (#""A": {"Type": "Wait", "End": true, "Seconds": -1}"#, ["SCHEMA_VALIDATION_FAILED /States/A/Seconds"]),
            (
                #""A": {"Type": "Wait", "End": true, "Timestamp": "2026-01-01"}"#,
                ["SCHEMA_VALIDATION_FAILED /States/A/Timestamp"]
            ),
            (#""A": {"Type": "Task", "End": true, "Resource": "x"}"#, ["SCHEMA_VALIDATION_FAILED /States/A/Resource"]),
            (
                #""A": {"Type": "Task", "End": true, "Resource": "arn:aws:states:::dynamodb:putItem"}"#,
                ["SCHEMA_VALIDATION_FAILED /States/A/Resource"]
            ),
            (
                #"""
                "A": {"Type": "Task", "End": true, "Resource": "arn:aws:states:::elasticmapreduce:addStep.sync",
                 "Parameters": {"ClusterId.$": "$.c", "Step": {"HadoopJarStep": {}}}}
                """#,
                [
                    "SCHEMA_VALIDATION_FAILED /States/A/Parameters/Step",
                    "SCHEMA_VALIDATION_FAILED /States/A/Parameters/Step/HadoopJarStep",
                ]
            ),
            (
                #"""
                "A": {"Type": "Task", "End": true, "Resource": "arn:aws:lambda:us-east-1:1:function:f",
                 "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["X"], "BackoffRate": 0.5}]}
                """#,
                [
                    "SCHEMA_VALIDATION_FAILED /States/A/Retry/1/BackoffRate",
                    "SCHEMA_VALIDATION_FAILED /States/A/Retry/0/ErrorEquals",
                ]
            ),
            (
                #""A": {"Type": "Choice", "Choices": [{"Variable": "$.a", "StringEquals": 1, "Next": "A"}, {"Variable": "$.a", "Like": 1, "Next": "A"}]}"#,
                [
                    "SCHEMA_VALIDATION_FAILED /States/A/Choices/0/StringEquals",
                    "SCHEMA_VALIDATION_FAILED /States/A/Choices/1/Like",
                ]
            ),
            (
                #""A": {"Type": "Map", "End": true, "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, "StartAt": "B", "States": {"B": {"Type": "Succeed"}}}}"#,
                ["SCHEMA_VALIDATION_FAILED /States/A/ItemProcessor/ProcessorConfig/Mode"]
            ),
            (
                #""A": {"Type": "Parallel", "End": true, "Branches": [{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}]}"#,
                ["DUPLICATE_STATE_NAME /States/A/Branches/0/States/A"]
            ),
        ])
    func faultPlaces(definition: String, expected: [String]) throws {
        #expect(try states(definition) == expected)
    }

    @Test("what is no machine at all is refused")
    func whole() throws {
        #expect(try faults("[]") == ["SCHEMA_VALIDATION_FAILED "])
        #expect(try faults(#"{"StartAt": "A"}"#) == ["SCHEMA_VALIDATION_FAILED "])
        #expect(
            try faults(#"{"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#)
                == ["SCHEMA_VALIDATION_FAILED /QueryLanguage"])
    }

    @Test(
        "each Choice operator decides as the language says",
        arguments: [
            (#""StringEquals": "a""#, #""a""#, true), (#""StringEquals": "a""#, "1", false),
            (#""StringLessThan": "b""#, #""a""#, true), (#""StringGreaterThanEquals": "b""#, #""b""#, true),
            (#""StringMatches": "log-*.txt""#, #""log-2.txt""#, true), (#""StringMatches": "a\\*""#, #""ab""#, false),
            (#""NumericEquals": 1"#, "1.0", true), (#""NumericGreaterThan": 3"#, "4", true),
            (#""NumericLessThanEquals": 3"#, #""3""#, false), (#""BooleanEquals": true"#, "true", true),
            (#""BooleanEquals": true"#, #""true""#, false),
            (#""TimestampLessThan": "2026-01-02T00:00:00Z""#, #""2026-01-01T23:00:00-00:30""#, true),
            (#""TimestampEquals": "2026-01-02T00:00:00Z""#, #""2026-01-02T01:00:00+01:00""#, true),
            (#""NumericEqualsPath": "$.limit""#, "10", true), (#""StringEqualsPath": "$.name""#, #""n""#, true),
            (#""IsNull": true"#, "null", true), (#""IsNumeric": true"#, "1e3", true),
            (#""IsString": false"#, "1", true),
            (#""IsBoolean": true"#, "false", true), (#""IsTimestamp": true"#, #""2026-01-01T00:00:00Z""#, true),
            (#""IsTimestamp": true"#, #""2026-01-01""#, false), (#""IsPresent": true"#, "null", true),
        ])
    func choice(test: String, value: String, expected: Bool) throws {
        let definition = try #require(
            StateMachineDefinition.read(
                try JSON(
                    parsing: """
                        {"StartAt": "A", "States": {"A": {"Type": "Choice", "Default": "N",
                         "Choices": [{"And": [{"Not": {"Variable": "$.none", "IsPresent": true}},
                          {"Or": [{"Variable": "$.v", \(test)}]}], "Next": "Y"}]},
                         "Y": {"Type": "Succeed"}, "N": {"Type": "Succeed"}}}
                        """)
            ).definition)
        guard case .choice(let rules, _)? = definition.graph.states["A"]?.kind else {
            Issue.record("no Choice")
            return
        }
        let scope = DataScope(
            data: ["v": try JSON(parsing: value), "limit": 10, "name": "n"], context: [:], state: "A", entered: 1)
        #expect(try rules[0].holds(in: scope) == expected)
    }
}

/// Validation's report decides, EMR does the work: the pipeline that ships.
let chainDefinition = """
    {"StartAt": "Passed?", "States": {
      "Passed?": {"Type": "Choice", "Default": "Held back",
        "Choices": [{"Variable": "$.detail.responsePayload.passed", "BooleanEquals": true, "Next": "ETL"}]},
      "Held back": {"Type": "Succeed"},
      "ETL": {"Type": "Task", "Resource": "arn:aws:states:::elasticmapreduce:addStep.sync", "TimeoutSeconds": 3600,
        "Parameters": {"ClusterId": "j-1", "Step": {"Name.$": "States.Format('etl {}', $.key)",
          "HadoopJarStep": {"Jar": "command-runner.jar", "Args.$": "States.Array('spark-submit', $.key)"}}},
        "Retry": [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 10, "MaxAttempts": 2, "BackoffRate": 3}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Failed"}],
        "ResultPath": "$.step", "Next": "Settle"},
      "Settle": {"Type": "Wait", "Seconds": 30, "Next": "Done"},
      "Done": {"Type": "Pass", "Parameters": {"id.$": "$.step.StepId", "by.$": "$$.Execution.Name"}, "End": true},
      "Failed": {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"}}}
    """
