public import Events

/// A log group as `DescribeLogGroups` tells it.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogGroup.html>
public struct LogGroup: Sendable, Hashable {
    /// For example `/aws/lambda/validate-flights`.
    public var name: String
    /// Days; nil: for ever.
    public var retentionInDays: Int?
    /// When the first event or the template made it.
    public var creationTime: Timestamp

    /// The retentions that CloudWatch Logs takes, in days.
    public static let retentions = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ]
}

/// A log stream as `DescribeLogStreams` tells it.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogStream.html>
public struct LogStream: Sendable, Hashable {
    /// Unique in its group.
    public var name: String
    /// When the first event came.
    public var creationTime: Timestamp
    /// When the last event was written.
    public var lastIngestionTime: Timestamp
    /// The oldest event that is still there.
    public var firstEventTimestamp: Timestamp?
    /// The newest event.
    public var lastEventTimestamp: Timestamp?
}

/// An event as it was kept.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilteredLogEvent.html>
public struct StoredLogEvent: Sendable, Hashable {
    /// Grows with each event written; where a follower stands.
    public var id: Int64
    /// The group's name.
    public var logGroup: String
    /// The stream's name.
    public var logStream: String
    /// When it happened.
    public var timestamp: Timestamp
    /// When it was written.
    public var ingestionTime: Timestamp
    /// The line.
    public var message: String
}
