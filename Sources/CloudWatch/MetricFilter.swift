import Events

/// Makes a metric from the log events that match a pattern: `AWS::Logs::MetricFilter`.
///
/// An event that does not match adds the default value, where one is set: so a minute with events has a value.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html>
public struct MetricFilter: Sendable {
    private enum Source: Sendable {
        case constant(Double)
        case path([FilterStep])
        case field(String)
    }

    /// The filter's name.
    public let name: String
    /// The group whose events it sees.
    public let logGroupName: String
    private let pattern: FilterPattern
    private let metric: MetricIdentity
    private let value: Source
    private let defaultValue: Double?
    private let dimensions: [String: Source]
    private let unit: String

    /// A filter. `metricValue` is a number, or a part of the event: `$.path` of JSON, `$name` of a space-delimited
    /// pattern; so are the values of `dimensions`. Throws ``FilterPattern/SyntaxError`` or ``CloudWatchError``.
    public init(
        name: String, logGroupName: String, filterPattern: String, metricNamespace: String, metricName: String,
        metricValue: String, defaultValue: Double? = nil, dimensions: [String: String] = [:], unit: String = "None"
    ) throws {
        self.name = name
        self.logGroupName = logGroupName
        pattern = try FilterPattern(filterPattern)
        metric = MetricIdentity(metricName, namespace: metricNamespace)
        if let number = Double(metricValue) {
            guard MetricUnits.isAllowed(number) else {
                throw CloudWatchError.invalidLogsParameter("\(name): the metric value \(metricValue) is out of range")
            }
            value = .constant(number)
        } else {
            value = try Self.source(metricValue)
        }
        if defaultValue != nil, !dimensions.isEmpty {
            throw CloudWatchError.invalidLogsParameter("\(name): a default value and dimensions exclude each other")
        }
        self.defaultValue = defaultValue
        self.dimensions = try dimensions.mapValues { try Self.source($0) }
        guard MetricUnits.all.contains(unit) else {
            throw CloudWatchError.invalidLogsParameter("\(name): '\(unit)' is no unit")
        }
        self.unit = unit
    }

    private static func source(_ text: String) throws -> Source {
        if text.hasPrefix("$."), text.count > 2 {
            var parser = FilterPatternParser(text)
            let path = try parser.path()
            if parser.isAtEnd { return .path(path) }
        } else if text.hasPrefix("$"), text.count > 1 {
            return .field(text)
        }
        throw CloudWatchError.invalidLogsParameter("'\(text)' is neither a number nor a field ($.name, $name)")
    }

    private static func text(_ source: Source, _ match: FilterPattern.Match) -> String? {
        switch source {
        case .constant(let number): String(number)
        case .field(let name): match.fields[name]
        case .path(let path):
            switch match.json?.value(path) {
            case .string(let string): string
            case .number(let number): number.literal
            case .bool(let flag): flag ? "true" : "false"
            case .null, .array, .object, nil: nil
            }
        }
    }

    /// What an event adds to the metric; nil: nothing.
    func datum(for event: LogEvent) -> MetricDatum? {
        guard let match = pattern.match(event.message) else {
            return defaultValue.map { datum($0, [:], at: event.timestamp) }
        }
        guard let number = Self.text(value, match).flatMap(Double.init), MetricUnits.isAllowed(number) else {
            return nil
        }
        var names: [String: String] = [:]
        for (name, source) in dimensions {
            // An event without the dimension's field is no value of this metric.
            guard let text = Self.text(source, match), !text.isEmpty else { return nil }
            names[name] = String(text.prefix(1024))
        }
        return datum(number, names, at: event.timestamp)
    }

    private func datum(_ value: Double, _ dimensions: [String: String], at time: Timestamp) -> MetricDatum {
        MetricDatum(
            metric.metricName, namespace: metric.namespace, dimensions: dimensions, value: value, unit: unit,
            timestamp: time)
    }
}
