/// What is kept of the values of one period: enough for every statistic.
struct Aggregate: Sendable, Hashable {
    var sampleCount = 0.0
    var sum = 0.0
    var minimum = Double.infinity
    var maximum = -Double.infinity
    /// Nil where the caller asked for none, or where all values are one and `minimum` says which.
    var sketch: ValueSketch?

    /// Whether nothing has been added.
    var isEmpty: Bool { sampleCount == 0 }

    /// Adds `count` occurrences of `value`.
    mutating func add(_ value: Double, count: Double) {
        if isEmpty {
            minimum = value
            maximum = value
        } else {
            if minimum == maximum, value != minimum, sketch == nil { spread() }
            minimum = min(minimum, value)
            maximum = max(maximum, value)
        }
        sampleCount += count
        sum += value * count
        sketch?.add(value, count: count)
    }

    /// Adds all that `other` holds. `keepingValues` false leaves the distribution out, where no percentile is asked for.
    mutating func merge(_ other: Aggregate, keepingValues: Bool = true) {
        guard !other.isEmpty else { return }
        if isEmpty {
            self = other
            return
        }
        if keepingValues, sketch != nil || other.sketch != nil || minimum != other.minimum || maximum != other.maximum {
            if sketch == nil { spread() }
            if let values = other.sketch {
                sketch?.merge(values)
            } else {
                sketch?.add(other.minimum, count: other.sampleCount)
            }
        }
        sampleCount += other.sampleCount
        sum += other.sum
        minimum = min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
    }

    private mutating func spread() {
        var values = ValueSketch()
        values.add(minimum, count: sampleCount)
        sketch = values
    }

    /// The values in ascending order with their counts.
    func ascending() -> [(value: Double, count: Double)] {
        if let sketch { return sketch.ascending() }
        return isEmpty ? [] : [(minimum, sampleCount)]
    }

    /// One statistic of the period; nil where nothing is left of the values within the statistic's bounds.
    func value(of statistic: Statistic) -> Double? {
        guard !isEmpty else { return nil }
        switch statistic {
        case .sampleCount: return sampleCount
        case .sum: return sum
        case .average: return sum / sampleCount
        case .minimum: return minimum
        case .maximum: return maximum
        case .extended(let extended): return extended.value(of: self)
        }
    }
}
