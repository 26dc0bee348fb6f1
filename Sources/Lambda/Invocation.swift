import Events

/// What a synchronous invocation came to.
public struct InvokeResult: Sendable, Hashable {
    /// 200 for an answer, 202 for an event that was queued, 204 for a dry run.
    public var statusCode: Int
    /// `Unhandled` where the function failed; the payload then holds `errorMessage` and `errorType`.
    public var functionError: String?
    /// The function's answer, byte for byte.
    public var payload: [UInt8]
    /// Base64 of the last 4 KB of the log, where it was asked for.
    public var logResult: String?
    /// `$LATEST`.
    public var executedVersion: String
    /// The invocation's id, the same in the log and in `trace`.
    public var requestID: String

    /// Makes a result.
    public init(
        statusCode: Int, functionError: String? = nil, payload: [UInt8] = [], logResult: String? = nil,
        executedVersion: String = "$LATEST", requestID: String
    ) {
        self.statusCode = statusCode
        self.functionError = functionError
        self.payload = payload
        self.logResult = logResult
        self.executedVersion = executedVersion
        self.requestID = requestID
    }
}

/// `X-Amz-Invocation-Type`.
public enum InvocationType: String, Sendable, Hashable {
    /// Run it and wait for the answer.
    case requestResponse = "RequestResponse"
    /// Queue it.
    case event = "Event"
    /// Only check that it could be invoked.
    case dryRun = "DryRun"
}

/// What a caller sends with an invocation.
public struct InvokeRequest: Sendable {
    /// The function's plain name.
    public var functionName: String
    /// JSON; an empty payload counts as `{}`.
    public var payload: [UInt8]
    /// How it is run.
    public var type: InvocationType
    /// Whether the last 4 KB of the log are wanted.
    public var wantsLogTail: Bool
    /// Base64 of a JSON object, as the client sent it.
    public var clientContext: String?
    /// `X-Amzn-Trace-Id`, as the client sent it.
    public var traceHeader: String?

    /// Makes a request.
    public init(
        functionName: String, payload: [UInt8], type: InvocationType = .requestResponse, wantsLogTail: Bool = false,
        clientContext: String? = nil, traceHeader: String? = nil
    ) {
        self.functionName = functionName
        self.payload = payload
        self.type = type
        self.wantsLogTail = wantsLogTail
        self.clientContext = clientContext
        self.traceHeader = traceHeader
    }
}

/// A row of the queue that is in memory.
struct QueuedEvent: Sendable {
    let id: Int64
    let requestID: String
    let payload: [UInt8]
    let source: ObjectVersion?
    let traceHeader: String
    let received: Timestamp
    /// Tries that have ended.
    let tries: Int
}

/// One invocation on its way through an environment.
struct Invocation: Sendable {
    enum Origin: Sendable {
        case synchronous(wantsLogTail: Bool, completion: @Sendable (Result<InvokeResult, LambdaError>) -> Void)
        case asynchronous(QueuedEvent)
    }

    let requestID: String
    let payload: [UInt8]
    let traceHeader: String
    let clientContext: String?
    let origin: Origin
    let received: Timestamp
    /// Set where an environment failed in INIT for it: the next failure is its own.
    var initFailed = false
    var throttleCounted = false

    var isAsynchronous: Bool { if case .asynchronous = origin { true } else { false } }
}

/// How a try ended, with all that is to be written down about it in one transaction.
struct Outcome: Sendable {
    enum Result: Sendable {
        case success(payload: [UInt8])
        /// The payload has `errorMessage` and `errorType`.
        case failure(payload: [UInt8], errorType: String, errorMessage: String)

        var payload: [UInt8] {
            switch self {
            case .success(let payload), .failure(let payload, _, _): payload
            }
        }
    }

    var function: FunctionConfiguration
    var requestID: String
    var event: QueuedEvent?
    var traceHeader: String
    var started: Timestamp
    var ended: Timestamp
    var figures: ReportLine.Figures
    var result: Result
    var logStream: String
    var logs: [LogEvent]
    /// Invocations of the function that ran when this one began, itself included.
    var concurrency: Int
    /// Runs once it is written down.
    var afterCommit: (@Sendable () -> Void)?
}

extension [UInt8] {
    /// `{"errorType":…,"errorMessage":…}` as Lambda writes it.
    static func errorPayload(type: String, message: String) -> [UInt8] {
        let json: JSON = ["errorType": .string(type), "errorMessage": .string(message)]
        return json.serialized()
    }
}
