/// What tells one metric from another: namespace, name and the whole set of dimensions.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Metric.html>
public struct MetricIdentity: Sendable, Hashable, Codable {
    /// For example `AWS/Lambda`.
    public var namespace: String
    /// For example `Errors`.
    public var metricName: String
    /// Name and value; a metric with one more dimension is another metric.
    public var dimensions: [String: String]

    /// A metric of a namespace.
    public init(_ metricName: String, namespace: String, dimensions: [String: String] = [:]) {
        self.namespace = namespace
        self.metricName = metricName
        self.dimensions = dimensions
    }
}
