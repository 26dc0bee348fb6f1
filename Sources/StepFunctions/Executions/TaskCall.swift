public import Events

/// A task's resource and payload as the call that they mean, and the results that those calls have: what joins the
/// interpreter to the rooms that do the work.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/connect-supported-services.html>
public enum TaskCall: Sendable, Hashable {
    /// `elasticmapreduce:addStep`; `waits` where the task ends with the step. `step` is EMR's `StepConfig`.
    case addStep(clusterID: String, step: JSON, waits: Bool)
    /// `elasticmapreduce:cancelStep`.
    case cancelStep(clusterID: String, stepID: String)
    /// `lambda:invoke`, or a function's own ARN (`isDirect`), whose result is the bare payload.
    case invoke(function: String, payload: JSON, invocationType: String, isDirect: Bool)
    /// `sns:publish`, with all its parameters.
    case publish(topicARN: String, JSON)
    /// `events:putEvents`.
    case putEvents([JSON])
    /// `states:startExecution`; `wait` tells what the task ends with.
    case startExecution(stateMachineARN: String, name: String?, input: JSON, wait: ChildWait)

    /// What a task that starts an execution waits for.
    public enum ChildWait: Sendable, Hashable {
        /// Nothing: the start is enough.
        case none
        /// The end; the output is text (`.sync`).
        case text
        /// The end; the output is JSON (`.sync:2`).
        case json
    }

    /// Reads the call. Throws ``StateFailure`` where a member is missing or the resource is not known.
    public init(_ resource: TaskResource, _ parameters: JSON) throws(StateFailure) {
        func string(_ name: String) throws(StateFailure) -> String {
            guard let text = parameters[name]?.string else {
                throw StateFailure(
                    error: "States.Runtime", cause: "The field '\(name)' is required by \(resource) but was missing")
            }
            return text
        }
        if resource.isFunction {
            self = .invoke(
                function: resource.description, payload: parameters, invocationType: "RequestResponse", isDirect: true)
            return
        }
        switch "\(resource.resourceType):\(resource.resource)" {
        case "elasticmapreduce:addStep", "elasticmapreduce:addStep.sync":
            self = .addStep(
                clusterID: try string("ClusterId"), step: parameters["Step"] ?? [:], waits: resource.isSynchronous)
        case "elasticmapreduce:cancelStep":
            self = .cancelStep(clusterID: try string("ClusterId"), stepID: try string("StepId"))
        case "lambda:invoke", "lambda:invoke.waitForTaskToken":
            self = .invoke(
                function: try string("FunctionName"), payload: parameters["Payload"] ?? [:],
                invocationType: parameters["InvocationType"]?.string ?? "RequestResponse", isDirect: false)
        case "sns:publish":
            guard parameters["TopicArn"] != nil else {
                throw StateFailure(error: "States.Runtime", cause: "sns:publish needs a TopicArn")
            }
            self = .publish(topicARN: try string("TopicArn"), parameters)
        case "events:putEvents": self = .putEvents(parameters["Entries"]?.array ?? [])
        case "states:startExecution", "states:startExecution.sync", "states:startExecution.sync:2":
            let wait: ChildWait =
                !resource.isSynchronous ? .none : resource.resource.hasSuffix(":2") ? .json : .text
            self = .startExecution(
                stateMachineARN: try string("StateMachineArn"), name: parameters["Name"]?.string,
                input: parameters["Input"] ?? [:], wait: wait)
        default:
            throw StateFailure(
                error: "States.Runtime", cause: "The resource provided \(resource) is not recognized.")
        }
    }

    // MARK: - Results

    /// What every answer of a service carries.
    private static func metadata(requestID: String, status: Int) -> (http: JSON, response: JSON) {
        (["HttpStatusCode": JSON(status), "HttpHeaders": [:]], ["RequestId": .string(requestID)])
    }

    /// The result of `lambda:invoke`, around a function's answer; for a function's own ARN the answer itself is the
    /// result.
    public static func invokeResult(
        payload: JSON, requestID: String, executedVersion: String = "$LATEST", statusCode: Int = 200
    ) -> JSON {
        let (http, response) = metadata(requestID: requestID, status: statusCode)
        return [
            "ExecutedVersion": .string(executedVersion), "Payload": payload, "SdkHttpMetadata": http,
            "SdkResponseMetadata": response, "StatusCode": JSON(statusCode),
        ]
    }

    /// A function's error payload, `{errorMessage, errorType, …}`, as the error that a Retrier sees: its type as the
    /// name.
    public static func functionFailure(_ payload: JSON) -> StateFailure {
        StateFailure(error: payload["errorType"]?.string ?? "Lambda.Unknown", cause: payload.description)
    }

    /// The result of `addStep`, and what `.sync` notes as submitted.
    public static func addStepResult(stepID: String) -> JSON { ["StepId": .string(stepID)] }

    /// The result of `addStep.sync`: the step as `DescribeStep` returns it, with its id on top as `addStep` has it.
    public static func stepResult(stepID: String, step: JSON) -> JSON { ["StepId": .string(stepID), "Step": step] }

    /// The error of `addStep.sync` for a step that failed or was cancelled: the cause is what `DescribeStep` returns.
    public static func stepFailure(step: JSON) -> StateFailure {
        StateFailure(error: "States.TaskFailed", cause: JSON.object(["Step": step]).description)
    }

    /// The result of `states:startExecution`.
    public static func startExecutionResult(_ execution: Execution) -> JSON {
        ["ExecutionArn": .string(execution.arn), "StartDate": .string(execution.startDate.iso8601)]
    }

    /// The result of `states:startExecution.sync` when the execution has ended; its failure is `States.TaskFailed`.
    public static func executionResult(_ execution: Execution, wait: ChildWait) -> Result<JSON, StateFailure> {
        func data(_ value: JSON) -> JSON { wait == .json ? value : .string(value.description) }
        let json = JSON.compact([
            "ExecutionArn": .string(execution.arn), "Input": data(execution.input),
            "InputDetails": ["Included": true], "Name": .string(execution.name),
            "Output": execution.output.map(data), "OutputDetails": execution.output.map { _ in ["Included": true] },
            "StartDate": JSON(execution.startDate.milliseconds),
            "StateMachineArn": .string(execution.stateMachineARN), "Status": .string(execution.status.rawValue),
            "StopDate": execution.stopDate.map { JSON($0.milliseconds) },
            "Error": execution.failure.map { .string($0.error) }, "Cause": execution.failure.map { .string($0.cause) },
        ])
        return execution.status == .succeeded
            ? .success(json) : .failure(.init(error: "States.TaskFailed", cause: json.description))
    }

    /// The result of `sns:publish`.
    public static func publishResult(messageID: String, requestID: String) -> JSON {
        let (http, response) = metadata(requestID: requestID, status: 200)
        return ["MessageId": .string(messageID), "SdkHttpMetadata": http, "SdkResponseMetadata": response]
    }

    /// The result of `events:putEvents`.
    public static func putEventsResult(eventIDs: [String]) -> JSON {
        ["Entries": .array(eventIDs.map { ["EventId": .string($0)] }), "FailedEntryCount": 0]
    }
}
