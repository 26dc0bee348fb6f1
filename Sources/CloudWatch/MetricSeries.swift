public import Events

/// A statistic of a metric over time, ready to be drawn: only the periods that have data, oldest first.
public struct MetricSeries: Sendable, Hashable {
    /// What a legend says.
    public var label: String
    /// Seconds.
    public var period: Int
    /// Values by the start of their period.
    public var points: [Point]

    /// One period's value.
    public struct Point: Sendable, Hashable {
        /// Where the period starts.
        public var timestamp: Timestamp
        /// The statistic.
        public var value: Double
        /// How many values went into it; of an expression 0.
        public var sampleCount: Double

        /// A point of a series.
        public init(timestamp: Timestamp, value: Double, sampleCount: Double = 0) {
            self.timestamp = timestamp
            self.value = value
            self.sampleCount = sampleCount
        }
    }

    /// A series of points, oldest first.
    public init(label: String, period: Int, points: [Point]) {
        self.label = label
        self.period = period
        self.points = points
    }
}

/// One period as `GetMetricStatistics` answers it.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Datapoint.html>
public struct Datapoint: Sendable, Hashable {
    /// The start of the period.
    public var timestamp: Timestamp
    /// The unit of the values; values of different units are different datapoints.
    public var unit: String
    /// The statistics that were asked for, by CloudWatch's names (`Sum`, `p99`).
    public var values: [String: Double]
}
