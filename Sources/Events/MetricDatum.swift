/// A measurement on its way to CloudWatch.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html>
public struct MetricDatum: Sendable, Hashable {
    public var namespace: String
    public var metricName: String
    /// Name and value, at most 30; two sets are the same in any order.
    public var dimensions: [String: String]
    /// Values with how often each occurred; one value with count 1 is the usual case.
    public var values: [Value]
    /// `Count`, `Milliseconds`, `Bytes`, `None` and so on, in CloudWatch's spelling.
    public var unit: String
    public var timestamp: Timestamp
    /// Seconds a period at the finest: 60, or 1 for high resolution.
    public var storageResolution: Int

    public struct Value: Sendable, Hashable {
        public var value: Double
        public var count: Double
        public init(_ value: Double, count: Double = 1) {
            self.value = value
            self.count = count
        }
    }

    public init(
        _ metricName: String, namespace: String, dimensions: [String: String] = [:], value: Double,
        unit: String = "None",
        timestamp: Timestamp, storageResolution: Int = 60
    ) {
        self.init(
            metricName, namespace: namespace, dimensions: dimensions, values: [Value(value)], unit: unit,
            timestamp: timestamp,
            storageResolution: storageResolution)
    }

    public init(
        _ metricName: String, namespace: String, dimensions: [String: String], values: [Value], unit: String,
        timestamp: Timestamp,
        storageResolution: Int = 60
    ) {
        self.namespace = namespace
        self.metricName = metricName
        self.dimensions = dimensions
        self.values = values
        self.unit = unit
        self.timestamp = timestamp
        self.storageResolution = storageResolution
    }
}
