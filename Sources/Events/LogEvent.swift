/// One line of a log stream.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_InputLogEvent.html>
public struct LogEvent: Sendable, Hashable {
    public var timestamp: Timestamp
    /// Without its line end.
    public var message: String

    public init(timestamp: Timestamp, message: String) {
        self.timestamp = timestamp
        self.message = message
    }
}

/// Lines on their way to one stream of one group.
public struct LogBatch: Sendable, Hashable {
    /// For example `/aws/lambda/validate-flights`.
    public var logGroup: String
    /// For example `2026/11/24/[$LATEST]0123…`.
    public var logStream: String
    public var events: [LogEvent]

    public init(logGroup: String, logStream: String, events: [LogEvent]) {
        self.logGroup = logGroup
        self.logStream = logStream
        self.events = events
    }
}
