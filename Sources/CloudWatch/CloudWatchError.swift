/// What CloudWatch and CloudWatch Logs answer to a request that they refuse.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html>
public enum CloudWatchError: Error, Sendable, Hashable, CustomStringConvertible {
    /// `InvalidParameterValue`: a value that CloudWatch does not take.
    case invalidParameterValue(String)
    /// `InvalidParameterCombination`: values that do not go together, or ask for too much.
    case invalidParameterCombination(String)
    /// `MissingParameter`: a value that must be there.
    case missingParameter(String)
    /// `ValidationError`: an expression or query that can't be evaluated.
    case validationError(String)
    /// `ResourceNotFound`: no alarm of that name.
    case resourceNotFound(String)
    /// `InvalidNextToken`: a token that no earlier answer gave.
    case invalidNextToken
    /// `InvalidParameterException` of CloudWatch Logs.
    case invalidLogsParameter(String)
    /// `ResourceNotFoundException` of CloudWatch Logs: no such group or stream.
    case logResourceNotFound(String)
    /// `ResourceAlreadyExistsException` of CloudWatch Logs.
    case logResourceAlreadyExists(String)

    /// The code on the wire.
    public var code: String {
        switch self {
        case .invalidParameterValue: "InvalidParameterValue"
        case .invalidParameterCombination: "InvalidParameterCombination"
        case .missingParameter: "MissingParameter"
        case .validationError: "ValidationError"
        case .resourceNotFound: "ResourceNotFound"
        case .invalidNextToken: "InvalidNextToken"
        case .invalidLogsParameter: "InvalidParameterException"
        case .logResourceNotFound: "ResourceNotFoundException"
        case .logResourceAlreadyExists: "ResourceAlreadyExistsException"
        }
    }

    /// The sentence for a person.
    public var message: String {
        switch self {
        case .invalidParameterValue(let text), .invalidParameterCombination(let text), .missingParameter(let text),
            .validationError(let text), .resourceNotFound(let text), .invalidLogsParameter(let text),
            .logResourceNotFound(let text), .logResourceAlreadyExists(let text):
            text
        case .invalidNextToken: "The next token specified is invalid."
        }
    }

    /// Code and sentence.
    public var description: String { "\(code): \(message)" }
}
