/// A request that EMR refuses, in EMR's own words.
///
/// <https://docs.aws.amazon.com/emr/latest/APIReference/CommonErrors.html>
public struct EMRError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The error's name on the wire.
    public enum Code: String, Sendable, Hashable {
        case invalidRequest = "InvalidRequestException"
        case validation = "ValidationException"
        case internalServer = "InternalServerException"
    }

    /// The error's name.
    public let code: Code
    /// What a client shows.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Name and message on one line.
    public var description: String { "\(code.rawValue): \(message)" }

    static func noCluster(_ id: String) -> EMRError { EMRError(.invalidRequest, "Cluster id '\(id)' is not valid.") }
    static func noStep(_ id: String) -> EMRError { EMRError(.invalidRequest, "Step id '\(id)' is not valid.") }
    static let clusterHasEnded = EMRError(
        .validation, "A job flow that is shutting down, terminated, or finished may not be modified.")
    static let onlyContinue = EMRError(
        .validation,
        "Action on failure should be CONTINUE for steps of a cluster whose StepConcurrencyLevel is greater than 1.")
    static let tooManySteps = EMRError(
        .validation,
        "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') for cluster exceeded.")
}
