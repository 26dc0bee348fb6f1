public import Events
import Glibc

/// What Lambda tells of an invocation, and where its output goes.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
public struct LambdaContext: Sendable {
    /// `Lambda-Runtime-Aws-Request-Id`: the same for every attempt at one event.
    public let requestID: String
    /// The moment at which Lambda ends the invocation.
    public let deadline: Timestamp
    /// The function's ARN as it was invoked, perhaps with a version or an alias.
    public let invokedFunctionARN: String
    /// The X-Ray header; also in the environment as `_X_AMZN_TRACE_ID`.
    public let traceID: String?
    /// What a mobile client sent along, as JSON text.
    public let clientContext: String?
    /// The Cognito identity that called, as JSON text.
    public let cognitoIdentity: String?
    /// `AWS_LAMBDA_FUNCTION_NAME`.
    public let functionName: String
    /// `AWS_LAMBDA_FUNCTION_VERSION`.
    public let functionVersion: String
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, in megabytes.
    public let memoryLimit: Int

    private let output: @Sendable (String) -> Void

    /// A context of your own, for tests of a handler. `output` gets each line that the handler logs, without its newline.
    public init(
        requestID: String = "00000000-0000-0000-0000-000000000000", deadline: Timestamp = .now + .seconds(900),
        invokedFunctionARN: String = "arn:aws:lambda:us-east-1:000000000000:function:test", traceID: String? = nil,
        clientContext: String? = nil, cognitoIdentity: String? = nil, functionName: String = "test",
        functionVersion: String = "$LATEST", memoryLimit: Int = 128,
        output: @escaping @Sendable (String) -> Void = StandardOutput.writeLine
    ) {
        self.requestID = requestID
        self.deadline = deadline
        self.invokedFunctionARN = invokedFunctionARN
        self.traceID = traceID
        self.clientContext = clientContext
        self.cognitoIdentity = cognitoIdentity
        self.functionName = functionName
        self.functionVersion = functionVersion
        self.memoryLimit = memoryLimit
        self.output = output
    }

    init(_ invocation: RuntimeAPI.Invocation) {
        self.init(
            requestID: invocation.requestID, deadline: invocation.deadline,
            invokedFunctionARN: invocation.invokedFunctionARN, traceID: invocation.traceID,
            clientContext: invocation.clientContext, cognitoIdentity: invocation.cognitoIdentity,
            functionName: FunctionEnvironment["AWS_LAMBDA_FUNCTION_NAME"] ?? "",
            functionVersion: FunctionEnvironment["AWS_LAMBDA_FUNCTION_VERSION"] ?? "$LATEST",
            memoryLimit: FunctionEnvironment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"].flatMap(Int.init) ?? 0)
    }

    /// The time until ``deadline``; zero once that has passed.
    public var remainingTime: Duration { max(deadline - .now, .zero) }

    /// Writes a line to the function's log, at once and whole.
    public func log(_ message: String) { output(message) }
}

/// The process's standard output, line by line: each line is one event of the function's log stream.
public enum StandardOutput {
    /// Writes a line and its newline in one call, so that a crash loses none and lines of two threads do not mix.
    public static func writeLine(_ line: String) {
        var bytes = Array(line.utf8)
        bytes.append(0x0A)
        bytes.withUnsafeBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = write(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written < 0, errno == EINTR { continue }
                // A closed log is no reason to fail the invocation.
                guard written > 0 else { return }
                rest = rest.dropFirst(written)
            }
        }
    }
}

/// The process's environment variables.
public enum FunctionEnvironment {
    /// nil where it is not set or empty.
    public static subscript(name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
