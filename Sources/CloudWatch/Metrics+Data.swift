public import Events
public import Storage

/// One entry of a `GetMetricData` request: a statistic of a metric, or an expression over other entries.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html>
public struct MetricDataQuery: Sendable, Hashable {
    /// Where the values come from.
    public enum Source: Sendable, Hashable {
        /// A statistic (`Sum`, `p99`) of a metric by periods of so many seconds.
        case metric(MetricIdentity, statistic: String, period: Int, unit: String? = nil)
        /// Metric math; the period in seconds where it holds no series that says.
        case expression(String, period: Int? = nil)
    }

    /// What expressions call it: a small letter, then letters, digits and `_`.
    public var id: String
    /// Where the values come from.
    public var source: Source
    /// What a legend says; nil: the metric's name or the expression.
    public var label: String?
    /// Whether the answer holds it.
    public var returnData: Bool

    /// An entry.
    public init(id: String, source: Source, label: String? = nil, returnData: Bool = true) {
        self.id = id
        self.source = source
        self.label = label
        self.returnData = returnData
    }
}

extension Metrics {
    /// `GetMetricData`: up to 500 entries and 100,800 datapoints. An expression that gives several series gives several
    /// results of one id. Throws ``CloudWatchError``.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
    public func data(
        _ queries: [MetricDataQuery], from start: Timestamp, to end: Timestamp, in connection: Connection
    ) throws -> [(id: String, series: MetricSeries)] {
        guard (1...500).contains(queries.count) else {
            throw CloudWatchError.validationError(
                "MetricDataQueries must hold 1 to 500 entries; found \(queries.count).")
        }
        guard start < end else {
            throw CloudWatchError.validationError("The parameter EndTime must be greater than StartTime.")
        }
        var byID: [String: MetricDataQuery] = [:]
        for query in queries {
            guard let first = query.id.utf8.first, (97...122).contains(first), query.id.utf8.count <= 255,
                query.id.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
            else {
                throw CloudWatchError.validationError(
                    "'\(query.id)' is no id: a small letter, then letters, digits and '_'.")
            }
            guard byID.updateValue(query, forKey: query.id) == nil else {
                throw CloudWatchError.validationError("The id '\(query.id)' comes twice.")
            }
        }
        let fetched = try fetch(queries, from: start, to: end, in: connection)
        var evaluator = DataEvaluator(
            queries: byID, metrics: fetched, from: start.milliseconds / 1000, to: (end.milliseconds + 999) / 1000)
        var results: [(id: String, series: MetricSeries)] = []
        for query in queries where query.returnData {
            switch try evaluator.value(of: query.id) {
            case .scalar:
                throw CloudWatchError.validationError(
                    "Error in expression '\(query.id)': it must give a time series, not a number.")
            case .series(var series):
                if let label = query.label { series.label = label }
                results.append((query.id, series))
            case .array(let list): for series in list { results.append((query.id, series)) }
            }
        }
        return results
    }

    private func fetch(
        _ queries: [MetricDataQuery], from start: Timestamp, to end: Timestamp, in connection: Connection
    ) throws -> [(id: String, series: MetricSeries)] {
        var points = 0
        var result: [(id: String, series: MetricSeries)] = []
        for query in queries {
            guard case .metric(let metric, let name, let period, let unit) = query.source else { continue }
            guard let statistic = Statistic(name) else {
                throw CloudWatchError.validationError("\(query.id): '\(name)' is no statistic.")
            }
            try Self.check(period: period)
            points += Int((end - start).milliseconds / 1000) / period
            guard points <= 100_800 else {
                throw CloudWatchError.validationError(
                    "You have requested more than 100,800 datapoints; reduce the time range or increase Period.")
            }
            result.append(
                (
                    query.id,
                    try series(
                        of: metric, statistic: statistic, from: start, to: end, period: period, unit: unit,
                        label: query.label ?? "\(metric.metricName)", in: connection)
                ))
        }
        return result
    }
}

/// Evaluates entries in the order in which they need each other.
private struct DataEvaluator {
    let queries: [String: MetricDataQuery]
    let metrics: [(id: String, series: MetricSeries)]
    let from: Int64
    let to: Int64
    var known: [String: MetricMath.Value] = [:]
    var underWay: Set<String> = []

    mutating func value(of id: String) throws(CloudWatchError) -> MetricMath.Value {
        if let value = known[id] { return value }
        guard let query = queries[id] else {
            throw .validationError("The expression names '\(id)', which is not among the queries.")
        }
        let value: MetricMath.Value
        switch query.source {
        case .metric:
            guard let series = metrics.first(where: { $0.id == id })?.series else {
                throw .validationError("The expression names '\(id)', which has no data to read.")
            }
            value = .series(series)
        case .expression(let text, let period):
            guard underWay.insert(id).inserted else {
                throw .validationError("The expression '\(id)' needs its own result.")
            }
            let expression = try MetricExpression(text)
            var values: [String: MetricMath.Value] = [:]
            for name in expression.names { values[name] = try self.value(of: name) }
            let math = MetricMath(
                metrics: metrics,
                lookUp: { (name) throws(CloudWatchError) in
                    guard let value = values[name] else {
                        throw CloudWatchError.validationError("'\(name)' is not among the queries.")
                    }
                    return value
                }, from: from, to: to, period: period ?? metrics.map(\.series.period).max() ?? 60)
            var result = try math.value(expression.root)
            if case .series(var series) = result {
                series.label = query.label ?? text
                result = .series(series)
            }
            value = result
            underWay.remove(id)
        }
        known[id] = value
        return value
    }
}
