public import Lambda
import NIOHTTP1

/// Lambda's `Invoke` on the wire: REST-JSON, `POST /2015-03-31/functions/NAME/invocations`.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
public struct LambdaInvocations: Sendable {
    private let invoke: @Sendable (InvokeRequest) async throws(LambdaError) -> InvokeResult

    /// `invoke` runs or queues the invocation.
    public init(invoke: @escaping @Sendable (InvokeRequest) async throws(LambdaError) -> InvokeResult) {
        self.invoke = invoke
    }

    /// The call in a path: the function's name or ARN as it was sent, decoded.
    struct Call {
        let function: String

        init?(_ request: HTTPRequest) {
            let parts = request.path.split(separator: "/", omittingEmptySubsequences: true)
            guard request.method == .POST, parts.count == 4, parts[0] == "2015-03-31", parts[1] == "functions",
                parts[3] == "invocations"
            else { return nil }
            function = PercentEncoding.decode(parts[2])
        }
    }

    func respond(to call: Call, request: HTTPRequest) async throws(AWSError) -> HTTPResponse {
        let output: InvokeResult
        let input = try input(call, request)
        do throws(LambdaError) { output = try await invoke(input) } catch { throw AWSError(error) }
        var headers: HTTPHeaders = [
            "X-Amz-Executed-Version": output.executedVersion, "x-amzn-RequestId": output.requestID,
        ]
        if let error = output.functionError { headers.add(name: "X-Amz-Function-Error", value: error) }
        if let tail = output.logResult { headers.add(name: "X-Amz-Log-Result", value: tail) }
        if !output.payload.isEmpty { headers.add(name: "Content-Type", value: "application/json") }
        return HTTPResponse(
            status: HTTPResponseStatus(statusCode: output.statusCode), headers: headers, body: output.payload)
    }

    private func input(_ call: Call, _ request: HTTPRequest) throws(AWSError) -> InvokeRequest {
        let (name, qualifier) = try Self.function(call.function)
        let wanted = request.query["Qualifier"] ?? qualifier ?? "$LATEST"
        guard wanted == "$LATEST" else {
            throw AWSError(.notFound, "ResourceNotFoundException", "Function not found: \(call.function):\(wanted)")
        }
        let typeName = request.headers.first(name: "X-Amz-Invocation-Type") ?? "RequestResponse"
        guard let type = InvocationType(rawValue: typeName) else {
            throw AWSError(
                .badRequest, "InvalidParameterValueException",
                "Value '\(typeName)' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: "
                    + "[RequestResponse, Event, DryRun]")
        }
        return InvokeRequest(
            functionName: name, payload: request.body.isEmpty ? Array("{}".utf8) : request.body, type: type,
            wantsLogTail: request.headers.first(name: "X-Amz-Log-Type") == "Tail",
            clientContext: request.headers.first(name: "X-Amz-Client-Context"),
            traceHeader: request.headers.first(name: "X-Amzn-Trace-Id"))
    }

    /// The name in `NAME`, `NAME:QUALIFIER`, `ACCOUNT:function:NAME` or an ARN.
    static func function(_ text: String) throws(AWSError) -> (name: String, qualifier: String?) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let tail: [String]? =
            if text.hasPrefix("arn:") {
                parts.count >= 7 && parts[2] == "lambda" && parts[5] == "function" ? Array(parts[6...]) : nil
            } else if parts.count >= 3, parts[1] == "function" {
                Array(parts[2...])
            } else {
                parts
            }
        guard let tail, (1...2).contains(tail.count), isName(tail[0]) else {
            throw AWSError(
                .badRequest, "ValidationException",
                "1 validation error detected: Value '\(text)' at 'functionName' failed to satisfy constraint: Member must satisfy "
                    + "regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?"
                    + "(function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?")
        }
        return (tail[0], tail.count == 2 ? tail[1] : nil)
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}
