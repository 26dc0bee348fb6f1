public import Events

/// One event of an execution's history.
///
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html>
public struct HistoryEvent: Sendable, Hashable {
    /// Counted from 1 within the execution.
    public var id: Int
    /// The event that led to this one; 0 for the first.
    public var previousEventID: Int
    /// For example `TaskStateEntered`.
    public var type: String
    /// When it happened.
    public var timestamp: Timestamp
    /// The member that the details stand in, for example `stateEnteredEventDetails`; nil where the type has none.
    public var detailsName: String?
    /// The details; inputs and outputs are JSON as text, as on AWS.
    public var details: JSON

    /// The event as `GetExecutionHistory` returns it; the time in seconds.
    public var json: JSON {
        var object: JSONObject = [
            "timestamp": JSON(timestamp.seconds), "type": .string(type), "id": JSON(id),
            "previousEventId": JSON(previousEventID),
        ]
        if let detailsName { object[detailsName] = details }
        return .object(object)
    }
}

/// Where an execution stands.
public enum ExecutionStatus: String, Sendable, Hashable, Codable, CaseIterable {
    /// It has not ended.
    case running = "RUNNING"
    /// It reached an end.
    case succeeded = "SUCCEEDED"
    /// An error was not caught, or it reached a Fail state.
    case failed = "FAILED"
    /// It took longer than the machine's `TimeoutSeconds`.
    case timedOut = "TIMED_OUT"
    /// It was stopped.
    case aborted = "ABORTED"
}
