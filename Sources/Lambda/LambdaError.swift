/// Why an invocation was not accepted, in Lambda's words.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>
public enum LambdaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// 404: no such function. Holds its ARN.
    case resourceNotFound(arn: String)
    /// 429: no concurrency left. Holds Lambda's `Reason`.
    case tooManyRequests(reason: ThrottleReason)
    /// 413: holds the payload's bytes and the limit.
    case requestTooLarge(bytes: Int, limit: Int, type: String)
    /// 400: the payload is no JSON.
    case invalidRequestContent(detail: String)
    /// 400: the function keeps invoking itself.
    case recursiveInvocation
    /// 500: the host could not start the function, or is shutting down.
    case service(detail: String)

    /// Lambda's `Reason` of a 429.
    public enum ThrottleReason: String, Sendable, Hashable {
        /// The function's own limit.
        case reserved = "ReservedFunctionConcurrentInvocationLimitExceeded"
        /// The host's limit.
        case account = "ConcurrentInvocationLimitExceeded"
    }

    /// The exception's name on the wire.
    public var code: String {
        switch self {
        case .resourceNotFound: "ResourceNotFoundException"
        case .tooManyRequests: "TooManyRequestsException"
        case .requestTooLarge: "RequestTooLargeException"
        case .invalidRequestContent: "InvalidRequestContentException"
        case .recursiveInvocation: "RecursiveInvocationException"
        case .service: "ServiceException"
        }
    }

    /// The status of the answer.
    public var statusCode: Int {
        switch self {
        case .resourceNotFound: 404
        case .tooManyRequests: 429
        case .requestTooLarge: 413
        case .invalidRequestContent, .recursiveInvocation: 400
        case .service: 500
        }
    }

    /// The message of the answer.
    public var description: String {
        switch self {
        case .resourceNotFound(let arn): "Function not found: \(arn)"
        case .tooManyRequests: "Rate Exceeded."
        case .requestTooLarge(let bytes, let limit, let type):
            "\(bytes) byte payload is too large for the \(type) invocation type (limit \(limit) bytes)"
        case .invalidRequestContent(let detail): "Could not parse request body into json: \(detail)"
        case .recursiveInvocation:
            "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped "
                + "your function's invocation."
        case .service(let detail): detail
        }
    }
}
