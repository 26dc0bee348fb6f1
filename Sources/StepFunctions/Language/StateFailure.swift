/// An error as Retry, Catch and the history know it.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>
public struct StateFailure: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// A name, for example `States.TaskFailed` or `Lambda.Unknown`.
    public var error: String
    /// For a person; for Lambda the function's `{errorMessage, errorType, …}` as text.
    public var cause: String

    /// An error.
    public init(error: String, cause: String) {
        self.error = error
        self.cause = cause
    }

    /// Name and cause.
    public var description: String { "\(error): \(cause)" }

    /// Whether a retrier or catcher with this name in `ErrorEquals` takes it.
    func matches(_ name: String) -> Bool {
        switch error {
        // Nothing recovers from an error of the interpreter itself.
        case "States.Runtime": false
        case "States.DataLimitExceeded": name == error
        case "States.Timeout": name == error || name == "States.ALL"
        case "States.HeartbeatTimeout": [error, "States.Timeout", "States.ALL"].contains(name)
        default: name == error || name == "States.ALL" || name == "States.TaskFailed"
        }
    }
}

/// What a task's room reports when the task did not succeed.
public typealias TaskFailure = StateFailure
