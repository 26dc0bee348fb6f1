public import Events
public import Storage

/// What Lambda tells the other rooms. All but ``trouble`` are called inside the transaction that they belong to.
public struct LambdaEmission: Sendable {
    /// The account and region in ARNs.
    public var place: AccountRegion
    /// Takes log lines.
    public var logs: @Sendable (LogBatch, Connection) throws -> Void
    /// Takes measurements.
    public var metrics: @Sendable ([MetricDatum], Connection) throws -> Void
    /// Takes the record of an invocation for a destination; throws where there is no such destination.
    public var deliver: @Sendable (InvocationRecord, ARN, Connection) throws -> Void
    /// Takes the event of an invocation that was given up, for the function's dead-letter target.
    public var deadLetter: @Sendable (DeadLetter, ARN, Connection) throws -> Void
    /// Says whether an object has a newer version than this one.
    public var superseded: @Sendable (ObjectVersion, Connection) throws -> Bool
    /// Takes a message for the host's own log; outside of any transaction.
    public var trouble: @Sendable (String) -> Void

    /// Joins Lambda to the other rooms.
    public init(
        place: AccountRegion, logs: @escaping @Sendable (LogBatch, Connection) throws -> Void,
        metrics: @escaping @Sendable ([MetricDatum], Connection) throws -> Void,
        deliver: @escaping @Sendable (InvocationRecord, ARN, Connection) throws -> Void,
        deadLetter: @escaping @Sendable (DeadLetter, ARN, Connection) throws -> Void,
        superseded: @escaping @Sendable (ObjectVersion, Connection) throws -> Bool = { _, _ in false },
        trouble: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.place = place
        self.logs = logs
        self.metrics = metrics
        self.deliver = deliver
        self.deadLetter = deadLetter
        self.superseded = superseded
        self.trouble = trouble
    }
}

/// What a dead-letter queue gets: the event as it was, and why in three attributes.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html#invocation-dlq>
public struct DeadLetter: Sendable, Hashable {
    /// The event, byte for byte.
    public var payload: [UInt8]
    /// Attribute `RequestID`.
    public var requestID: String
    /// Attribute `ErrorCode`.
    public var errorCode: Int
    /// Attribute `ErrorMessage`: its first 1 KB.
    public var errorMessage: String
    /// The invocation's X-Ray trace header, which goes on to what the letter causes.
    public var traceHeader: String

    init(payload: [UInt8], requestID: String, errorCode: Int, errorMessage: String, traceHeader: String) {
        self.payload = payload
        self.requestID = requestID
        self.errorCode = errorCode
        self.errorMessage = String(decoding: errorMessage.utf8.prefix(1024), as: UTF8.self)
        self.traceHeader = traceHeader
    }
}
