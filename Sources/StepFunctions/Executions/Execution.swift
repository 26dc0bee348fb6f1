public import Events

/// One run of a state machine.
///
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html>
public struct Execution: Sendable, Hashable {
    /// `arn:aws:states:…:execution:MACHINE:NAME`
    public var arn: String
    /// The machine's ARN.
    public var stateMachineARN: String
    /// Unique within the machine for 90 days.
    public var name: String
    /// Where it stands.
    public var status: ExecutionStatus
    /// When it started.
    public var startDate: Timestamp
    /// When it ended; nil while it runs.
    public var stopDate: Timestamp?
    /// Its input.
    public var input: JSON
    /// Its output, where it succeeded.
    public var output: JSON?
    /// Its error, where it did not.
    public var failure: StateFailure?

    /// The execution as `DescribeExecution` returns it; times in seconds.
    public var json: JSON {
        .compact([
            "executionArn": .string(arn), "stateMachineArn": .string(stateMachineARN), "name": .string(name),
            "status": .string(status.rawValue), "startDate": JSON(startDate.seconds),
            "stopDate": stopDate.map { JSON($0.seconds) }, "input": .string(input.description),
            "inputDetails": ["included": true], "output": output.map { .string($0.description) },
            "outputDetails": output.map { _ in ["included": true] }, "error": failure.map { .string($0.error) },
            "cause": failure.map { .string($0.cause) },
        ])
    }

    /// The event that tells a bus of its status.
    ///
    /// <https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html>
    func statusChange(at place: AccountRegion, _ time: Timestamp) -> EventBridgeEvent {
        EventBridgeEvent(
            id: Identifier.uuid(), detailType: "Step Functions Execution Status Change", source: "aws.states",
            account: place.account, time: time, region: place.region, resources: [arn],
            detail: [
                "executionArn": .string(arn), "stateMachineArn": .string(stateMachineARN), "name": .string(name),
                "status": .string(status.rawValue), "startDate": JSON(startDate.milliseconds),
                "stopDate": stopDate.map { JSON($0.milliseconds) } ?? .null, "input": .string(input.description),
                "inputDetails": ["included": true],
                "output": output.map { .string($0.description) } ?? .null,
                "outputDetails": output.map { _ in ["included": true] } ?? .null,
                "error": failure.map { .string($0.error) } ?? .null,
                "cause": failure.map { .string($0.cause) } ?? .null,
            ])
    }
}

/// Why a call about state machines is refused, with AWS's code.
public struct StepFunctionsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// `ExecutionAlreadyExists`, `StateMachineDoesNotExist`, `ExecutionDoesNotExist`, `InvalidName`,
    /// `InvalidDefinition`,
    /// `InvalidExecutionInput`, `TaskDoesNotExist`, `TaskTimedOut`.
    public var code: String
    /// For a person.
    public var message: String

    /// Code and message.
    public var description: String { "\(code): \(message)" }
}
