/// What Lambda sends to a destination when an asynchronous invocation has ended.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
public struct InvocationRecord: Sendable, Hashable {
    /// Why the invocation ended.
    public enum Condition: String, Sendable, Hashable, Codable {
        case success = "Success"
        case retriesExhausted = "RetriesExhausted"
        case eventAgeExceeded = "EventAgeExceeded"
    }

    public var timestamp: Timestamp
    public var requestID: String
    /// The function's ARN with its version, `…:function:NAME:$LATEST`.
    public var functionARN: String
    public var condition: Condition
    /// How often it was tried, counted from 1; 0 where it never ran.
    public var approximateInvokeCount: Int
    public var requestPayload: JSON
    /// Nil where no try had an answer.
    public var responseContext: ResponseContext?
    /// The result, or `{errorMessage, errorType, …}`; nil where no try had an answer.
    public var responsePayload: JSON?
    /// The invocation's X-Ray trace header, which goes on to what the record causes; it is no part of ``json``.
    public var traceHeader: String?

    public struct ResponseContext: Sendable, Hashable {
        public var statusCode: Int
        public var executedVersion: String
        /// `Unhandled` where the function failed.
        public var functionError: String?

        public init(statusCode: Int = 200, executedVersion: String = "$LATEST", functionError: String? = nil) {
            self.statusCode = statusCode
            self.executedVersion = executedVersion
            self.functionError = functionError
        }
    }

    public init(
        timestamp: Timestamp, requestID: String, functionARN: String, condition: Condition, approximateInvokeCount: Int,
        requestPayload: JSON, responseContext: ResponseContext?, responsePayload: JSON?, traceHeader: String? = nil
    ) {
        self.timestamp = timestamp
        self.requestID = requestID
        self.functionARN = functionARN
        self.condition = condition
        self.approximateInvokeCount = approximateInvokeCount
        self.requestPayload = requestPayload
        self.responseContext = responseContext
        self.responsePayload = responsePayload
        self.traceHeader = traceHeader
    }

    /// The record as a destination gets it.
    public var json: JSON {
        .compact([
            "version": "1.0", "timestamp": .string(timestamp.iso8601),
            "requestContext": [
                "requestId": .string(requestID), "functionArn": .string(functionARN),
                "condition": .string(condition.rawValue),
                "approximateInvokeCount": JSON(approximateInvokeCount),
            ],
            "requestPayload": requestPayload,
            "responseContext": responseContext.map {
                .compact([
                    "statusCode": JSON($0.statusCode), "executedVersion": .string($0.executedVersion),
                    "functionError": $0.functionError.map(JSON.string),
                ])
            },
            "responsePayload": responsePayload,
        ])
    }

    /// The event that carries the record to an EventBridge bus.
    public func busEvent(id: String, bus: ARN, at place: AccountRegion) -> EventBridgeEvent {
        EventBridgeEvent(
            id: id, detailType: "Lambda Function Invocation Result - \(condition == .success ? "Success" : "Failure")",
            source: "lambda", account: place.account, time: timestamp, region: place.region,
            resources: [bus.description, functionARN], detail: json)
    }
}
