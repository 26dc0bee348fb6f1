import Events

/// Answers of the Runtime API, as bytes.
enum RuntimeResponse {
    static let accepted = make("202 Accepted", #"{"status":"OK"}"#)
    static let goOn = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)
    static let notFound = error("404 Not Found", "InvalidRequest", "404 page not found")
    static let wrongRequestID = error("400 Bad Request", "InvalidRequestID", "Invalid request ID")

    static func refused(from: String, to: String) -> [UInt8] {
        error(
            "403 Forbidden", "InvalidStateTransition",
            "State transition from \(from) to \(to) failed for runtime. Error: State transition is not allowed")
    }

    static func tooLarge(limit: Int) -> [UInt8] {
        error(
            "413 Request Entity Too Large", "RequestEntityTooLarge",
            "Exceeded maximum allowed payload size (\(limit) bytes).")
    }

    static func malformed(_ message: String) -> [UInt8] {
        error("400 Bad Request", "InvalidRequest", message, closes: true)
    }

    /// The next event, with the headers that a runtime hands to the function.
    static func invocation(_ invocation: Invocation, deadline: Timestamp, functionARN: String) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(512 + invocation.payload.count)
        func add(_ text: String) { out.append(contentsOf: text.utf8) }
        add("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: ")
        add(invocation.requestID)
        add("\r\nLambda-Runtime-Deadline-Ms: \(deadline.milliseconds)\r\nLambda-Runtime-Invoked-Function-Arn: ")
        add(functionARN)
        add("\r\nLambda-Runtime-Trace-Id: ")
        add(invocation.traceHeader)
        if let context = invocation.clientContext {
            add("\r\nLambda-Runtime-Client-Context: ")
            add(context)
        }
        add("\r\nContent-Length: \(invocation.payload.count)\r\n\r\n")
        out.append(contentsOf: invocation.payload)
        return out
    }

    private static func error(_ status: String, _ type: String, _ message: String, closes: Bool = false) -> [UInt8] {
        let json: JSON = ["errorMessage": .string(message), "errorType": .string(type)]
        return make(status, json.description, closes: closes)
    }

    private static func make(_ status: String, _ body: String, closes: Bool = false) -> [UInt8] {
        Array(
            ("HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
                + (closes ? "Connection: close\r\n" : "") + "\r\n" + body).utf8)
    }
}

/// An error that a function reported about itself: `errorType`, `errorMessage`, and whatever else it sent.
struct ReportedError {
    let payload: [UInt8]
    let type: String
    let message: String

    /// The body decides; without one, the header names the type. A body that is no JSON is passed on as it came.
    init(_ request: RuntimeRequest) {
        let json = try? JSON(parsing: request.body)
        type = json?["errorType"]?.string ?? request.errorType ?? "Unhandled"
        message = json?["errorMessage"]?.string ?? ""
        payload = request.body.isEmpty ? .errorPayload(type: type, message: message) : request.body
    }
}
