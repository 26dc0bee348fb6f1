import Events

/// The metrics of namespace `AWS/Lambda`, gathered so that many invocations become few measurements.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html>
struct LambdaMetrics {
    private struct Key: Hashable {
        let name: String
        let function: String
        let minute: Int64
    }

    private struct Sum {
        let unit: String
        let timestamp: Timestamp
        var values: [Double: Double] = [:]
    }

    private var sums: [Key: Sum] = [:]

    mutating func add(_ name: String, _ value: Double, _ unit: String, function: String, at time: Timestamp) {
        let key = Key(name: name, function: function, minute: time.milliseconds / 60000)
        sums[key, default: Sum(unit: unit, timestamp: time)].values[value, default: 0] += 1
    }

    mutating func add(_ outcome: Outcome) {
        let (name, time) = (outcome.function.name, outcome.started)
        var failed = 0.0
        if case .failure = outcome.result { failed = 1 }
        add("Invocations", 1, "Count", function: name, at: time)
        add("Errors", failed, "Count", function: name, at: time)
        add("Duration", outcome.figures.duration, "Milliseconds", function: name, at: time)
        add("ConcurrentExecutions", Double(outcome.concurrency), "Count", function: name, at: time)
    }

    /// Each for the function, for the function as a resource, and for all functions together.
    var data: [MetricDatum] {
        sums.flatMap { key, sum in
            let values = sum.values.map { MetricDatum.Value($0.key, count: $0.value) }
            return [["FunctionName": key.function, "Resource": key.function], ["FunctionName": key.function], [:]].map {
                MetricDatum(
                    key.name, namespace: "AWS/Lambda", dimensions: $0, values: values, unit: sum.unit,
                    timestamp: sum.timestamp)
            }
        }
    }
}
