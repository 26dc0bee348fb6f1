import Events
import Lambda
public import NIOHTTP1

/// An error as AWS's REST-JSON services send it.
public struct AWSError: Error, Sendable, Equatable {
    /// The HTTP status.
    public var status: HTTPResponseStatus
    /// AWS's code, for example `ResourceNotFoundException`; clients turn it into their exception's class.
    public var code: String
    public var message: String
    /// Further members of the body, for example a throttle's `Reason`.
    public var details: [String: String]

    public init(_ status: HTTPResponseStatus, _ code: String, _ message: String, details: [String: String] = [:]) {
        self.status = status
        self.code = code
        self.message = message
        self.details = details
    }

    /// The answer that carries the error: the code in `x-amzn-ErrorType`, the message in the body.
    func response() -> HTTPResponse {
        var body: JSON = ["Type": .string(status.code >= 500 ? "Service" : "User"), "message": .string(message)]
        for (name, value) in details.sorted(by: { $0.key < $1.key }) { body[name] = .string(value) }
        return HTTPResponse(
            status: status, headers: ["Content-Type": "application/json", "x-amzn-ErrorType": code],
            body: body.serialized())
    }
}

extension AWSError {
    /// Lambda's refusal on the wire.
    init(_ error: LambdaError) {
        self.init(HTTPResponseStatus(statusCode: error.statusCode), error.code, error.description)
        if case .tooManyRequests(let reason) = error { details["Reason"] = reason.rawValue }
    }
}
