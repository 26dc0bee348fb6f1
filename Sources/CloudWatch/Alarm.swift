public import Events

/// An alarm and the state that it is in.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html>
public struct Alarm: Sendable, Hashable {
    /// What it watches.
    public var configuration: AlarmConfiguration
    /// The state.
    public var state: AlarmState
    /// Why, for a person.
    public var stateReason: String
    /// Why, as JSON; nil before the first evaluation.
    public var stateReasonData: String?
    /// When the state or its reason last changed.
    public var stateUpdatedTimestamp: Timestamp
    /// When the state itself last changed.
    public var stateTransitionedTimestamp: Timestamp
}

/// A change of an alarm's state to `ALARM` or `OK`.
public struct Alert: Sendable, Hashable {
    /// Grows with each alert; where a follower stands.
    public var id: Int64
    /// The alarm.
    public var alarmName: String
    /// When it changed.
    public var timestamp: Timestamp
    /// The state before.
    public var oldState: AlarmState
    /// The state since.
    public var newState: AlarmState
    /// Why, for a person.
    public var reason: String
    /// Why, as JSON.
    public var reasonData: String
    /// ARNs that were told.
    public var actions: [String]
}

/// An entry of an alarm's history.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_AlarmHistoryItem.html>
public struct AlarmHistoryItem: Sendable, Hashable {
    /// What it tells of.
    public enum Kind: String, Sendable, Hashable {
        /// Made, changed or deleted.
        case configurationUpdate = "ConfigurationUpdate"
        /// Another state.
        case stateUpdate = "StateUpdate"
        /// Somebody was told.
        case action = "Action"
    }

    /// Grows with each entry.
    public var id: Int64 = 0
    /// The alarm.
    public var alarmName: String
    /// When.
    public var timestamp: Timestamp
    /// What it tells of.
    public var type: Kind
    /// One sentence.
    public var summary: String
    /// The details as JSON.
    public var data: String
}
