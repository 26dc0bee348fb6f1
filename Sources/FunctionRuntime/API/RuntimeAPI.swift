import Events
import Glibc

/// The function's side of the Lambda Runtime API, version 2018-06-01: one kept-alive connection, blocking, since there is
/// nothing else to do while Lambda has no event.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
final class RuntimeAPI {
    /// The API can't be spoken to any more; the environment ends.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// One event, with what came along in the headers.
    struct Invocation: Sendable, Equatable {
        var requestID: String
        var deadline: Timestamp
        var invokedFunctionARN: String
        var traceID: String?
        var clientContext: String?
        var cognitoIdentity: String?
        var payload: [UInt8]
    }

    /// What became of a response.
    enum Answer { case accepted, tooLarge }

    /// Exactly the calls that exist.
    enum Request {
        case next
        case response(requestID: String, payload: [UInt8])
        case error(requestID: String, FunctionError)
        case initError(FunctionError)
    }

    private let address: String
    private var socket: Socket?
    private var parser = HTTPResponseParser()
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

    /// Connects; throws where nobody listens.
    init(address: String) throws {
        self.address = address
        socket = try Socket(connectingTo: address)
    }

    deinit { buffer.deallocate() }

    /// Waits for the next event, without a time limit.
    func next() throws -> Invocation {
        let response = try accepted(call(.next), "next")
        guard response.status == 200 else { throw Failure(description: "next was answered with \(response.status)") }
        guard let requestID = response.headers["lambda-runtime-aws-request-id"] else {
            throw Failure(description: "an event came without Lambda-Runtime-Aws-Request-Id")
        }
        let traceID = response.headers["lambda-runtime-trace-id"]
        if let traceID { setenv("_X_AMZN_TRACE_ID", traceID, 1) } else { unsetenv("_X_AMZN_TRACE_ID") }
        return Invocation(
            requestID: requestID,
            deadline: response.headers["lambda-runtime-deadline-ms"].flatMap { Int64($0) }
                .map(Timestamp.init(milliseconds:)) ?? .now + .seconds(900),
            invokedFunctionARN: response.headers["lambda-runtime-invoked-function-arn"] ?? "",
            traceID: traceID, clientContext: response.headers["lambda-runtime-client-context"],
            cognitoIdentity: response.headers["lambda-runtime-cognito-identity"], payload: response.body)
    }

    /// Sends an invocation's response.
    func respond(to requestID: String, with payload: [UInt8]) throws -> Answer {
        let response = try accepted(call(.response(requestID: requestID, payload: payload)), "response")
        return response.status == 413 ? .tooLarge : .accepted
    }

    /// Reports that an invocation failed.
    func reportError(_ error: FunctionError, of requestID: String) throws {
        _ = try accepted(call(.error(requestID: requestID, error)), "error")
    }

    /// Reports that the function can't be started.
    func reportInitError(_ error: FunctionError) throws {
        _ = try accepted(call(.initError(error)), "init/error")
    }

    /// 500 means that the environment is broken: exit promptly. A 4xx is about one invocation (its time was up, say), and
    /// the next one may be fine.
    private func accepted(_ response: HTTPResponse, _ name: String) throws -> HTTPResponse {
        guard response.status < 500 else { throw Failure(description: "\(name) was answered with \(response.status)") }
        return response
    }

    // MARK: - The connection

    /// Sends a request and reads the response. A kept connection that the peer has closed meanwhile is made anew, once.
    private func call(_ request: Request) throws -> HTTPResponse {
        do {
            let wasFresh = socket == nil
            if let response = try exchange(request) { return response }
            if wasFresh { throw Failure(description: "the connection was closed without an answer") }
            if let response = try exchange(request) { return response }
            throw Failure(description: "the connection was closed without an answer, twice")
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(description: String(describing: error))
        }
    }

    /// nil where the peer closed the connection before it answered.
    private func exchange(_ request: Request) throws -> HTTPResponse? {
        if socket == nil {
            parser = HTTPResponseParser()
            socket = try Socket(connectingTo: address)
        }
        do {
            try send(request)
            while true {
                let count = try socket?.receive(into: buffer) ?? 0
                if count == 0 {
                    socket = nil
                    return try parser.end()
                }
                parser.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                guard let response = try parser.next() else { continue }
                if !response.keepsAlive { socket = nil }
                return response
            }
        } catch let failure as Socket.Failure where failure.isDisconnect && !parser.isMidway {
            socket = nil
            return nil
        }
    }

    private func send(_ request: Request) throws {
        var (head, body) = bytes(of: request)
        // One packet for what fits; a large body is not copied.
        if body.count <= 1 << 14 {
            head.append(contentsOf: body)
            body = []
        }
        try head.withUnsafeBytes { try socket?.send($0) }
        try body.withUnsafeBytes { try socket?.send($0) }
    }

    /// A request's head and body.
    func bytes(of request: Request) -> (head: [UInt8], body: [UInt8]) {
        let root = "/2018-06-01/runtime"
        var body: [UInt8] = []
        var head: String
        switch request {
        case .next:
            head = "GET \(root)/invocation/next HTTP/1.1\r\n"
        case .response(let requestID, let payload):
            head = "POST \(root)/invocation/\(requestID)/response HTTP/1.1\r\n"
            body = payload
        case .error(let requestID, let error):
            head = "POST \(root)/invocation/\(requestID)/error HTTP/1.1\r\n\(header(error))"
            body = error.json.serialized()
        case .initError(let error):
            head = "POST \(root)/init/error HTTP/1.1\r\n\(header(error))"
            body = error.json.serialized()
        }
        head += "Host: \(address)\r\nUser-Agent: sluice-function\r\n"
        if case .next = request {
        } else {
            head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n"
        }
        return (Array((head + "\r\n").utf8), body)
    }

    private func header(_ error: FunctionError) -> String {
        "Lambda-Runtime-Function-Error-Type: \(error.header)\r\n"
    }
}
