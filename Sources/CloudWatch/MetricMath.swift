import Events

#if canImport(Glibc)
    import Glibc
#endif

/// Evaluates metric math over series; pure.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>
struct MetricMath {
    /// What an expression gives: a number, a series, or several.
    enum Value {
        case scalar(Double)
        case series(MetricSeries)
        case array([MetricSeries])
    }

    /// Queries that are metrics, in the order of the request, for `METRICS()`.
    let metrics: [(id: String, series: MetricSeries)]
    /// The value of another query.
    let lookUp: (String) throws(CloudWatchError) -> Value
    /// The range asked for, in seconds since 1970, and the period for series made of numbers.
    let from: Int64
    let to: Int64
    let period: Int

    private func error(_ message: String) -> CloudWatchError { .validationError("Error in expression: \(message)") }

    func value(_ node: MetricExpression.Node) throws(CloudWatchError) -> Value {
        switch node {
        case .number(let number): return .scalar(number)
        case .text: throw error("a text stands only in METRICS(\"…\")")
        case .name(let name): return try lookUp(name)
        case .negated(let inner): return try combine(.scalar(0), value(inner)) { $0 - $1 }
        case .list(let nodes):
            var all: [MetricSeries] = []
            for node in nodes {
                switch try value(node) {
                case .scalar: throw error("an array holds time series only")
                case .series(let series): all.append(series)
                case .array(let list): all += list
                }
            }
            return .array(all)
        case .binary(let operation, let left, let right):
            return try combine(value(left), value(right), Self.operation(operation))
        case .call(let name, let arguments): return try call(name, arguments)
        }
    }

    private static func operation(_ symbol: String) -> (Double, Double) -> Double {
        func flag(_ value: Bool) -> Double { value ? 1 : 0 }
        return switch symbol {
        case "+": { $0 + $1 }
        case "-": { $0 - $1 }
        case "*": { $0 * $1 }
        case "/": { $0 / $1 }
        case "^": { pow($0, $1) }
        case "==": { flag($0 == $1) }
        case "!=": { flag($0 != $1) }
        case "<": { flag($0 < $1) }
        case "<=": { flag($0 <= $1) }
        case ">": { flag($0 > $1) }
        case ">=": { flag($0 >= $1) }
        case "&&": { flag($0 != 0 && $1 != 0) }
        default: { flag($0 != 0 || $1 != 0) }
        }
    }

    /// Points that are no numbers (a division by zero) are left out, as CloudWatch leaves them out.
    private static func map(_ series: MetricSeries, _ body: (Double) -> Double) -> MetricSeries {
        var result = series
        result.points = series.points.compactMap { point in
            let value = body(point.value)
            return value.isFinite ? .init(timestamp: point.timestamp, value: value) : nil
        }
        return result
    }

    private static func join(_ left: MetricSeries, _ right: MetricSeries, _ body: (Double, Double) -> Double)
        -> MetricSeries
    {
        let others = Dictionary(right.points.map { ($0.timestamp, $0.value) }, uniquingKeysWith: { $1 })
        var result = left
        result.period = max(left.period, right.period)
        result.points = left.points.compactMap { point in
            guard let other = others[point.timestamp] else { return nil }
            let value = body(point.value, other)
            return value.isFinite ? .init(timestamp: point.timestamp, value: value) : nil
        }
        return result
    }

    private func combine(_ left: Value, _ right: Value, _ body: (Double, Double) -> Double) throws(CloudWatchError)
        -> Value
    {
        switch (left, right) {
        case (.scalar(let a), .scalar(let b)):
            let value = body(a, b)
            guard value.isFinite else { throw error("the result is no number") }
            return .scalar(value)
        case (.scalar(let a), .series(let b)): return .series(Self.map(b) { body(a, $0) })
        case (.series(let a), .scalar(let b)): return .series(Self.map(a) { body($0, b) })
        case (.series(let a), .series(let b)): return .series(Self.join(a, b, body))
        case (.array(let a), .scalar(let b)): return .array(a.map { Self.map($0) { body($0, b) } })
        case (.scalar(let a), .array(let b)): return .array(b.map { Self.map($0) { body(a, $0) } })
        case (.array(let a), .series(let b)): return .array(a.map { Self.join($0, b, body) })
        case (.series(let a), .array(let b)): return .array(b.map { Self.join(a, $0, body) })
        case (.array(let a), .array(let b)):
            guard a.count == b.count else { throw error("arrays of \(a.count) and \(b.count) time series do not fit") }
            return .array(zip(a, b).map { Self.join($0, $1, body) })
        }
    }

    private func each(_ value: Value, _ body: (MetricSeries) -> MetricSeries) throws(CloudWatchError) -> Value {
        switch value {
        case .scalar: throw error("a time series is expected, found a number")
        case .series(let series): return .series(body(series))
        case .array(let list): return .array(list.map(body))
        }
    }

    private func elementwise(_ value: Value, _ body: (Double) -> Double) throws(CloudWatchError) -> Value {
        if case .scalar(let number) = value {
            let result = body(number)
            guard result.isFinite else { throw error("the result is no number") }
            return .scalar(result)
        }
        return try each(value) { Self.map($0, body) }
    }

    /// Of one series a number over time; of several a series across them.
    private func reduce(_ value: Value, _ body: ([Double]) -> Double) throws(CloudWatchError) -> Value {
        switch value {
        case .scalar: throw error("a time series is expected, found a number")
        case .series(let series): return .scalar(series.points.isEmpty ? 0 : body(series.points.map(\.value)))
        case .array(let list):
            var columns: [Timestamp: [Double]] = [:]
            for series in list {
                for point in series.points { columns[point.timestamp, default: []].append(point.value) }
            }
            return .series(
                MetricSeries(
                    label: list.first?.label ?? "", period: list.map(\.period).max() ?? period,
                    points: columns.sorted { $0.key < $1.key }.map { .init(timestamp: $0.key, value: body($0.value)) }))
        }
    }

    private func call(_ name: String, _ arguments: [MetricExpression.Node]) throws(CloudWatchError) -> Value {
        if name == "METRICS" {
            guard let first = arguments.first else { return .array(metrics.map(\.series)) }
            guard case .text(let part) = first else { throw error("METRICS takes a text in quotes") }
            return .array(metrics.filter { $0.id.contains(part) }.map(\.series))
        }
        let first = try value(arguments[0])
        switch name {
        case "ABS": return try elementwise(first) { abs($0) }
        case "CEIL": return try elementwise(first) { $0.rounded(.up) }
        case "FLOOR": return try elementwise(first) { $0.rounded(.down) }
        case "LOG": return try elementwise(first) { log($0) }
        case "LOG10": return try elementwise(first) { log10($0) }
        case "SUM": return try reduce(first) { $0.reduce(0, +) }
        case "AVG": return try reduce(first) { $0.reduce(0, +) / Double($0.count) }
        case "MIN": return try reduce(first) { $0.min() ?? 0 }
        case "MAX": return try reduce(first) { $0.max() ?? 0 }
        case "STDDEV":
            return try reduce(first) { values in
                let mean = values.reduce(0, +) / Double(values.count)
                return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
            }
        case "DATAPOINT_COUNT": return try reduce(first) { Double($0.count) }
        case "METRIC_COUNT":
            guard case .array(let list) = first else { throw error("METRIC_COUNT takes an array of time series") }
            return .scalar(Double(list.count))
        case "FIRST", "LAST":
            guard case .array(let list) = first else { throw error("\(name) takes an array of time series") }
            guard let series = name == "FIRST" ? list.first : list.last else {
                throw error("\(name) of an empty array")
            }
            return .series(series)
        case "PERIOD":
            guard case .series(let series) = first else { throw error("PERIOD takes a time series") }
            return .scalar(Double(series.period))
        case "TIME_SERIES":
            guard case .scalar(let number) = first else { throw error("TIME_SERIES takes a number") }
            return .series(constant(number))
        case "DIFF": return try steps(first) { difference, _ in difference }
        case "DIFF_TIME": return try steps(first) { _, seconds in seconds }
        case "RATE": return try steps(first) { $0 / $1 }
        case "RUNNING_SUM":
            return try each(first) { series in
                var sum = 0.0
                return Self.map(series) {
                    sum += $0
                    return sum
                }
            }
        case "FILL": return try fill(first, with: arguments[1])
        default: return try choose(first, arguments)
        }
    }

    private func steps(_ value: Value, _ body: (Double, Double) -> Double) throws(CloudWatchError) -> Value {
        try each(value) { series in
            var result = series
            result.points = zip(series.points, series.points.dropFirst()).map { last, next in
                .init(
                    timestamp: next.timestamp,
                    value: body(next.value - last.value, (next.timestamp - last.timestamp).seconds))
            }
            return result
        }
    }

    /// Times of a period within the range asked for.
    private func times(_ period: Int) -> [Timestamp] {
        stride(from: from.aligned(to: Int64(period)), to: to, by: period).map { Timestamp(milliseconds: $0 * 1000) }
    }

    private func constant(_ number: Double) -> MetricSeries {
        MetricSeries(label: "", period: period, points: times(period).map { .init(timestamp: $0, value: number) })
    }

    private func fill(_ value: Value, with node: MetricExpression.Node) throws(CloudWatchError) -> Value {
        enum Filler {
            case number(Double)
            case series([Timestamp: Double])
            case last, line
        }
        let filler: Filler
        switch node {
        case .name("REPEAT"): filler = .last
        case .name("LINEAR"): filler = .line
        default:
            switch try self.value(node) {
            case .scalar(let number): filler = .number(number)
            case .series(let series):
                filler = .series(Dictionary(series.points.map { ($0.timestamp, $0.value) }, uniquingKeysWith: { $1 }))
            case .array: throw error("FILL takes a number, a time series, REPEAT or LINEAR")
            }
        }
        return try each(value) { series in
            let known = Dictionary(series.points.map { ($0.timestamp, $0) }, uniquingKeysWith: { $1 })
            var result = series
            result.points = []
            var before: MetricSeries.Point?
            var behind = series.points[...]
            for time in times(series.period) {
                while let next = behind.first, next.timestamp <= time { behind = behind.dropFirst() }
                if let point = known[time] {
                    before = point
                    result.points.append(point)
                    continue
                }
                let number: Double?
                switch filler {
                case .number(let value): number = value
                case .series(let values): number = values[time]
                case .last: number = before?.value
                case .line:
                    if let before, let next = behind.first {
                        let share = (time - before.timestamp).seconds / (next.timestamp - before.timestamp).seconds
                        number = before.value + (next.value - before.value) * share
                    } else {
                        number = nil
                    }
                }
                if let number { result.points.append(.init(timestamp: time, value: number)) }
            }
            return result
        }
    }

    /// `IF(condition, then, else)`; without `else`, points whose condition is false are left out.
    private func choose(_ condition: Value, _ arguments: [MetricExpression.Node]) throws(CloudWatchError) -> Value {
        let yes = try value(arguments[1])
        let no = arguments.count > 2 ? try value(arguments[2]) : nil
        if case .scalar(let flag) = condition {
            if flag != 0 { return yes }
            guard let no else { throw error("IF with a number as its condition needs all three arguments") }
            return no
        }
        guard case .series(let series) = condition else { throw error("IF takes a number or one time series") }
        func reader(_ value: Value) throws(CloudWatchError) -> (Timestamp) -> Double? {
            switch value {
            case .scalar(let number): return { _ in number }
            case .series(let series):
                let values = Dictionary(series.points.map { ($0.timestamp, $0.value) }, uniquingKeysWith: { $1 })
                return { values[$0] }
            case .array: throw error("IF takes numbers and single time series")
            }
        }
        let then = try reader(yes)
        let otherwise: (Timestamp) -> Double?
        if let no { otherwise = try reader(no) } else { otherwise = { _ in nil } }
        var result = series
        result.points = series.points.compactMap { point in
            (point.value != 0 ? then(point.timestamp) : otherwise(point.timestamp))
                .map { .init(timestamp: point.timestamp, value: $0) }
        }
        return .series(result)
    }
}

extension Duration {
    fileprivate var seconds: Double { Double(milliseconds) / 1000 }
}
