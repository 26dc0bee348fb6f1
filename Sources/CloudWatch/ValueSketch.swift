#if canImport(Glibc)
    import Glibc
#endif

/// The distribution of a period's values, small and mergeable, for percentiles and trimmed statistics.
///
/// Up to ``exactLimit`` distinct values are kept as they are, so that percentiles of small or repetitive data are exact. Beyond
/// that, values fall into buckets whose width grows with the value: what comes out is within ``relativeError`` of the
/// value that went in (C. Masson, J. Rim, H. Lee, "DDSketch", VLDB 2019). Magnitudes below 1e-12 count as zero there.
struct ValueSketch: Sendable, Hashable {
    /// Distinct values kept exactly.
    static let exactLimit = 128
    /// The largest relative error of a value that comes out of a bucket.
    static let relativeError = 0.01
    private static let logGamma = log((1 + relativeError) / (1 - relativeError))
    private static let gamma = (1 + relativeError) / (1 - relativeError)
    private static let smallest = 1e-12

    private enum Content: Hashable {
        case exact(SortedCounts<Double>)
        /// Counts by bucket; the sign of the values, then the index of their logarithm.
        case buckets(negative: SortedCounts<Int32>, zero: Double, positive: SortedCounts<Int32>)
    }

    private var content = Content.exact(SortedCounts())

    /// An empty distribution.
    init() {}

    /// Whether every value that went in can come out unchanged.
    var isExact: Bool { if case .exact = content { true } else { false } }

    /// Adds `count` occurrences of `value`.
    mutating func add(_ value: Double, count: Double) {
        // The content is taken out while it changes, so that its arrays are not copied.
        let old = content
        content = .exact(SortedCounts())
        switch consume old {
        case .exact(var values):
            values.add(value == 0 ? 0 : value, count: count)
            content = .exact(values)
            if values.entries.count > Self.exactLimit { spread() }
        case .buckets(var negative, var zero, var positive):
            if abs(value) < Self.smallest {
                zero += count
            } else if value > 0 {
                positive.add(Self.bucket(value), count: count)
            } else {
                negative.add(Self.bucket(value), count: count)
            }
            content = .buckets(negative: negative, zero: zero, positive: positive)
        }
    }

    private static func bucket(_ value: Double) -> Int32 { Int32((log(abs(value)) / logGamma).rounded(.up)) }

    /// Turns exact values into buckets.
    private mutating func spread() {
        guard case .exact(let values) = content else { return }
        content = .buckets(negative: SortedCounts(), zero: 0, positive: SortedCounts())
        for entry in values.entries { add(entry.key, count: entry.count) }
    }

    /// Adds all that `other` holds.
    mutating func merge(_ other: ValueSketch) {
        switch other.content {
        case .exact(let values):
            if case .exact(var own) = content {
                content = .exact(SortedCounts())
                own.merge(values)
                content = .exact(own)
                if own.entries.count > Self.exactLimit { spread() }
            } else {
                for entry in values.entries { add(entry.key, count: entry.count) }
            }
        case .buckets(let negative, let zero, let positive):
            spread()
            guard case .buckets(var ownNegative, let ownZero, var ownPositive) = content else { return }
            content = .exact(SortedCounts())
            ownNegative.merge(negative)
            ownPositive.merge(positive)
            content = .buckets(negative: ownNegative, zero: ownZero + zero, positive: ownPositive)
        }
    }

    /// The values in ascending order with how often each occurred; of a bucket its middle.
    func ascending() -> [(value: Double, count: Double)] {
        switch content {
        case .exact(let values):
            return values.entries.map { ($0.key, $0.count) }
        case .buckets(let negative, let zero, let positive):
            func middle(_ index: Int32) -> Double { 2 * exp(Double(index) * Self.logGamma) / (1 + Self.gamma) }
            return negative.entries.reversed().map { (-middle($0.key), $0.count) } + (zero > 0 ? [(0, zero)] : [])
                + positive.entries.map { (middle($0.key), $0.count) }
        }
    }

    // MARK: - Bytes

    /// The bytes that the database keeps.
    func encoded() -> [UInt8] {
        var out: [UInt8] = []
        switch content {
        case .exact(let values):
            out.reserveCapacity(1 + values.entries.count * 10)
            out.append(0)
            for entry in values.entries {
                Self.append(entry.key.bitPattern, to: &out)
                Self.appendCount(entry.count, to: &out)
            }
        case .buckets(let negative, let zero, let positive):
            out.append(1)
            Self.appendCount(zero, to: &out)
            for side in [negative, positive] {
                Self.appendVariable(UInt64(side.entries.count), to: &out)
                var last: Int32 = 0
                for entry in side.entries {
                    let delta = Int64(entry.key) - Int64(last)
                    Self.appendVariable(UInt64(bitPattern: (delta << 1) ^ (delta >> 63)), to: &out)
                    Self.appendCount(entry.count, to: &out)
                    last = entry.key
                }
            }
        }
        return out
    }

    /// Reads what ``encoded()`` wrote; nil for anything else.
    init?(bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        switch reader.byte() {
        case 0:
            var entries: [SortedCounts<Double>.Entry] = []
            while !reader.isAtEnd {
                guard let bits = reader.fixed(), let count = reader.count(), entries.count < Self.exactLimit else {
                    return nil
                }
                entries.append(.init(key: Double(bitPattern: bits), count: count))
            }
            guard let values = SortedCounts(ascending: entries) else { return nil }
            content = .exact(values)
        case 1:
            guard let zero = reader.count() else { return nil }
            var sides: [SortedCounts<Int32>] = []
            for _ in 0..<2 {
                guard let entries = reader.variable(), entries < 1_000_000 else { return nil }
                var side: [SortedCounts<Int32>.Entry] = []
                var last: Int64 = 0
                for _ in 0..<entries {
                    guard let coded = reader.variable(), let count = reader.count() else { return nil }
                    last &+= Int64(bitPattern: coded >> 1) ^ -Int64(bitPattern: coded & 1)
                    guard let index = Int32(exactly: last) else { return nil }
                    side.append(.init(key: index, count: count))
                }
                guard let counts = SortedCounts(ascending: side) else { return nil }
                sides.append(counts)
            }
            content = .buckets(negative: sides[0], zero: zero, positive: sides[1])
        default: return nil
        }
    }

    private static func append(_ bits: UInt64, to out: inout [UInt8]) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { out.append(UInt8(truncatingIfNeeded: bits >> shift)) }
    }

    private static func appendVariable(_ value: UInt64, to out: inout [UInt8]) {
        var rest = value
        while rest >= 128 {
            out.append(UInt8(truncatingIfNeeded: rest) | 128)
            rest >>= 7
        }
        out.append(UInt8(rest))
    }

    /// Whole counts, the usual case, take a byte or two: twice the count; anything else a 1 and the number's bits.
    private static func appendCount(_ count: Double, to out: inout [UInt8]) {
        if count >= 0, count < 4_503_599_627_370_496, count == count.rounded() {
            appendVariable(UInt64(count) << 1, to: &out)
        } else {
            out.append(1)
            append(count.bitPattern, to: &out)
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var at = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { at >= bytes.count }

        mutating func byte() -> UInt8? {
            guard at < bytes.count else { return nil }
            at += 1
            return bytes[at - 1]
        }

        mutating func fixed() -> UInt64? {
            guard at + 8 <= bytes.count else { return nil }
            var bits: UInt64 = 0
            for index in 0..<8 { bits |= UInt64(bytes[at + index]) << UInt64(index * 8) }
            at += 8
            return bits
        }

        mutating func variable() -> UInt64? {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while let next = byte(), shift < 64 {
                value |= UInt64(next & 127) << shift
                if next < 128 { return value }
                shift += 7
            }
            return nil
        }

        mutating func count() -> Double? {
            guard let coded = variable() else { return nil }
            if coded == 1 { return fixed().map { Double(bitPattern: $0) } }
            return coded & 1 == 0 ? Double(coded >> 1) : nil
        }
    }
}
