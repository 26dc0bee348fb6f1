public import Storage

/// The tables of this room.
public enum CloudWatchStore {
    /// Log groups, metrics and alarms.
    public static let schema = Schema(
        room: "CloudWatch", steps: [LogStore.tables, MetricStore.tables, AlarmStore.tables])
}
