public import Events

extension LambdaContext {
    /// Writes metrics to the log in CloudWatch's embedded metric format: CloudWatch reads them off the log stream, so that a
    /// function needs no call and no permission.
    ///
    /// - Parameters:
    ///   - namespace: the metrics' namespace, not one that begins with `AWS/`.
    ///   - metrics: name and value, at most 100.
    ///   - units: CloudWatch's unit by name, where it is not `Count`: `["seconds": "Seconds"]`.
    ///   - dimensions: what tells these metrics from others of the name, at most 30; the function's name is what one wants
    ///     mostly, and the default.
    ///   - properties: members that are kept in the log line, but are no metrics.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
    public func metrics(
        _ namespace: String, _ metrics: KeyValuePairs<String, Double>, units: [String: String] = [:],
        dimensions: KeyValuePairs<String, String>? = nil, properties: KeyValuePairs<String, JSON> = [:],
        timestamp: Timestamp = .now
    ) {
        let dimensions = dimensions.map { $0.map { ($0.key, $0.value) } } ?? [("FunctionName", functionName)]
        var line = JSONObject()
        line["_aws"] = [
            "Timestamp": JSON(timestamp.milliseconds),
            "CloudWatchMetrics": [
                [
                    "Namespace": .string(namespace),
                    "Dimensions": [.array(dimensions.map { .string($0.0) })],
                    "Metrics": .array(
                        metrics.map { ["Name": .string($0.key), "Unit": .string(units[$0.key] ?? "Count")] }),
                ]
            ],
        ]
        for (name, value) in dimensions { line[name] = .string(value) }
        for (name, value) in properties { line[name] = value }
        for (name, value) in metrics { line[name] = JSON(value) }
        log(JSON.object(line).description)
    }

    /// Writes one metric; see ``metrics(_:_:units:dimensions:properties:timestamp:)``.
    public func metric(_ namespace: String, _ name: String, _ value: Double, unit: String = "Count") {
        metrics(namespace, [name: value], units: [name: unit])
    }
}
