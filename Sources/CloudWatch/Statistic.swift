/// How the values of a period become one number.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html>
public enum Statistic: Sendable, Hashable, CustomStringConvertible {
    /// How many values.
    case sampleCount
    /// Sum divided by sample count.
    case average
    /// All values added.
    case sum
    /// The smallest value.
    case minimum
    /// The largest value.
    case maximum
    /// A percentile or a trimmed statistic.
    case extended(ExtendedStatistic)

    /// Reads `Sum`, `p99.9`, `TM(10%:90%)` and so on; nil where it is no statistic.
    public init?(_ text: String) {
        switch text {
        case "SampleCount": self = .sampleCount
        case "Average": self = .average
        case "Sum": self = .sum
        case "Minimum": self = .minimum
        case "Maximum": self = .maximum
        default:
            guard let extended = ExtendedStatistic(text) else { return nil }
            self = .extended(extended)
        }
    }

    /// CloudWatch's spelling.
    public var description: String {
        switch self {
        case .sampleCount: "SampleCount"
        case .average: "Average"
        case .sum: "Sum"
        case .minimum: "Minimum"
        case .maximum: "Maximum"
        case .extended(let extended): extended.description
        }
    }

    /// Whether the distribution of the values is needed, not only count, sum and extremes.
    var needsValues: Bool { if case .extended = self { true } else { false } }
}

/// A percentile, or a statistic over the values between two bounds.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html>
public struct ExtendedStatistic: Sendable, Hashable, CustomStringConvertible {
    enum Kind: String, Hashable {
        case percentile = "p"
        case trimmedMean = "TM"
        case winsorizedMean = "WM"
        case percentileRank = "PR"
        case trimmedCount = "TC"
        case trimmedSum = "TS"
    }

    enum Bounds: Hashable {
        /// Percent of the values, 0 to 100.
        case percent(lower: Double, upper: Double)
        /// Values; nil where there is no bound.
        case absolute(lower: Double?, upper: Double?)
    }

    /// As it was written.
    public let description: String
    let kind: Kind
    let bounds: Bounds

    /// Reads `p95`, `tm99`, `TM(2%:98%)`, `PR(100:2000)`, `IQM` and so on; nil where it is none of them.
    public init?(_ text: String) {
        description = text
        if text == "IQM" {
            kind = .trimmedMean
            bounds = .percent(lower: 25, upper: 75)
            return
        }
        if text.hasPrefix("p"), let percent = Self.percent(text.dropFirst()) {
            kind = .percentile
            bounds = .percent(lower: 0, upper: percent)
            return
        }
        guard let kind = Kind(rawValue: text.prefix(2).uppercased()) else { return nil }
        self.kind = kind
        let rest = text.dropFirst(2)
        if kind != .percentileRank, text.prefix(2) == text.prefix(2).lowercased(), let percent = Self.percent(rest) {
            bounds = .percent(lower: 0, upper: percent)
            return
        }
        guard text.prefix(2) == kind.rawValue, rest.first == "(", rest.last == ")" else { return nil }
        let parts: [Substring] = rest.dropFirst().dropLast().split(
            separator: ":" as Character, omittingEmptySubsequences: false)
        guard parts.count == 2, !(parts[0].isEmpty && parts[1].isEmpty) else { return nil }
        let isPercent = parts.contains { $0.hasSuffix("%") }
        if isPercent {
            guard kind != .percentileRank, parts.allSatisfy({ $0.isEmpty || $0.hasSuffix("%") }),
                let lower = parts[0].isEmpty ? 0 : Self.percent(parts[0].dropLast()),
                let upper = parts[1].isEmpty ? 100 : Self.percent(parts[1].dropLast()), lower < upper
            else { return nil }
            bounds = .percent(lower: lower, upper: upper)
        } else {
            let lower = parts[0].isEmpty ? nil : Double(parts[0])
            let upper = parts[1].isEmpty ? nil : Double(parts[1])
            guard parts[0].isEmpty || lower != nil, parts[1].isEmpty || upper != nil,
                lower.map({ $0.isFinite }) ?? true, upper.map({ $0.isFinite }) ?? true
            else { return nil }
            if let lower, let upper, lower >= upper { return nil }
            bounds = .absolute(lower: lower, upper: upper)
        }
    }

    private static func percent(_ text: Substring) -> Double? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 == UInt8(ascii: ".") || (48...57).contains($0) }),
            text.first != ".", text.last != ".", let value = Double(text), value <= 100,
            (text.firstIndex(of: ".").map { text.distance(from: $0, to: text.endIndex) } ?? 0) <= 11
        else { return nil }
        return value
    }

    /// The percentile as a fraction, for the rule about too few samples; nil for the other statistics.
    var percentile: Double? {
        guard kind == .percentile, case .percent(_, let upper) = bounds else { return nil }
        return upper / 100
    }

    func value(of aggregate: Aggregate) -> Double? {
        let values = aggregate.ascending()
        let total = aggregate.sampleCount
        // A bucket's middle may lie beyond the extremes, which are known exactly.
        func clamp(_ value: Double) -> Double { min(max(value, aggregate.minimum), aggregate.maximum) }
        func at(percent: Double) -> Double {
            let rank = percent / 100 * total
            var passed = 0.0
            for (value, count) in values {
                passed += count
                if passed >= rank * (1 - 1e-12), passed > 0 { return clamp(value) }
            }
            return aggregate.maximum
        }
        if kind == .percentile, case .percent(_, let upper) = bounds {
            return upper == 0 ? aggregate.minimum : upper == 100 ? aggregate.maximum : at(percent: upper)
        }
        // The part of the values within the bounds; a value that a percentile cuts counts with its share.
        var kept: [(value: Double, count: Double)] = []
        var below = 0.0
        var above = 0.0
        switch bounds {
        case .percent(let lower, let upper):
            let from = lower / 100 * total
            let to = upper / 100 * total
            var passed = 0.0
            for (value, count) in values {
                let share = min(passed + count, to) - max(passed, from)
                if share > 0 { kept.append((clamp(value), share)) }
                passed += count
            }
            below = from
            above = total - to
        case .absolute(let lower, let upper):
            for (raw, count) in values {
                let value = clamp(raw)
                // An open lower and a closed upper end, as CloudWatch defines its ranges.
                if let lower, value <= lower {
                    below += count
                } else if let upper, value > upper {
                    above += count
                } else {
                    kept.append((value, count))
                }
            }
        }
        let count = kept.reduce(0) { $0 + $1.count }
        let sum = kept.reduce(0) { $0 + $1.value * $1.count }
        switch kind {
        case .percentile: return nil
        case .trimmedMean: return count > 0 ? sum / count : nil
        case .trimmedCount: return count
        case .trimmedSum: return sum
        case .percentileRank: return count / total * 100
        case .winsorizedMean:
            let low: Double
            let high: Double
            switch bounds {
            case .percent:
                guard let first = kept.first, let last = kept.last else { return nil }
                (low, high) = (first.value, last.value)
            case .absolute(let lower, let upper):
                (low, high) = (lower ?? aggregate.minimum, upper ?? aggregate.maximum)
            }
            return (sum + low * below + high * above) / total
        }
    }
}
