/// What is wrong in a state machine's definition, and where.
///
/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinitionDiagnostic.html>
public struct DefinitionDiagnostic: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whether the machine can't be made, or is only odd.
    public enum Severity: String, Sendable, Hashable, Codable {
        /// The definition is refused.
        case error = "ERROR"
        /// The definition works.
        case warning = "WARNING"
    }

    /// Refused or only odd.
    public var severity: Severity
    /// `SCHEMA_VALIDATION_FAILED`, `MISSING_TRANSITION_TARGET`, `MISSING_TERMINAL_STATE`, `INVALID_JSON_PATH`,
    /// `DUPLICATE_STATE_NAME`.
    public var code: String
    /// What is wrong.
    public var message: String
    /// A JSON pointer (RFC 6901) into the definition, as `/States/Load/Next`; empty for the whole.
    public var pointer: String

    /// As `CreateStateMachine` words it.
    public var description: String { "\(code): \(message) at \(pointer.isEmpty ? "/" : pointer)" }
}
