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
        case exact([Double: Double])
        /// Counts by bucket; the sign of the values, then the index of their logarithm.
        case buckets(negative: [Int32: Double], zero: Double, positive: [Int32: Double])
    }

    private var content = Content.exact([:])

    /// An empty distribution.
    init() {}

    /// Whether every value that went in can come out unchanged.
    var isExact: Bool { if case .exact = content { true } else { false } }

    /// How many bytes and entries it takes depends on this: distinct values or buckets.
    var entries: Int {
        switch content {
        case .exact(let values): values.count
        case .buckets(let negative, let zero, let positive): negative.count + positive.count + (zero > 0 ? 1 : 0)
        }
    }

    /// Adds `count` occurrences of `value`.
    mutating func add(_ value: Double, count: Double) {
        switch content {
        case .exact(var values):
            content = .exact([:])
            values[value, default: 0] += count
            if values.count > Self.exactLimit {
                content = .buckets(negative: [:], zero: 0, positive: [:])
                addToBuckets(values)
            } else {
                content = .exact(values)
            }
        case .buckets:
            addToBuckets([value: count])
        }
    }

    private mutating func addToBuckets(_ values: [Double: Double]) {
        guard case .buckets(var negative, var zero, var positive) = content else { return }
        content = .exact([:])
        for (value, count) in values {
            if abs(value) < Self.smallest {
                zero += count
            } else {
                let index = Int32((log(abs(value)) / Self.logGamma).rounded(.up))
                if value > 0 { positive[index, default: 0] += count } else { negative[index, default: 0] += count }
            }
        }
        content = .buckets(negative: negative, zero: zero, positive: positive)
    }

    /// Adds all that `other` holds.
    mutating func merge(_ other: ValueSketch) {
        switch other.content {
        case .exact(let values):
            for (value, count) in values { add(value, count: count) }
        case .buckets(let negative, let zero, let positive):
            if case .exact(let values) = content {
                content = .buckets(negative: [:], zero: 0, positive: [:])
                addToBuckets(values)
            }
            guard case .buckets(var ownNegative, let ownZero, var ownPositive) = content else { return }
            content = .exact([:])
            ownNegative.merge(negative, uniquingKeysWith: +)
            ownPositive.merge(positive, uniquingKeysWith: +)
            content = .buckets(negative: ownNegative, zero: ownZero + zero, positive: ownPositive)
        }
    }

    /// The values in ascending order with how often each occurred; of a bucket its middle.
    func ascending() -> [(value: Double, count: Double)] {
        switch content {
        case .exact(let values):
            return values.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
        case .buckets(let negative, let zero, let positive):
            func middle(_ index: Int32) -> Double { 2 * exp(Double(index) * Self.logGamma) / (1 + Self.gamma) }
            var all: [(value: Double, count: Double)] = []
            for (index, count) in negative.sorted(by: { $0.key > $1.key }) { all.append((-middle(index), count)) }
            if zero > 0 { all.append((0, zero)) }
            for (index, count) in positive.sorted(by: { $0.key < $1.key }) { all.append((middle(index), count)) }
            return all
        }
    }

    // MARK: - Bytes

    /// The bytes that the database keeps.
    func encoded() -> [UInt8] {
        var out: [UInt8] = []
        switch content {
        case .exact(let values):
            out.reserveCapacity(1 + values.count * 9)
            out.append(0)
            for (value, count) in values.sorted(by: { $0.key < $1.key }) {
                Self.append(value.bitPattern, to: &out)
                Self.appendCount(count, to: &out)
            }
        case .buckets(let negative, let zero, let positive):
            out.append(1)
            Self.appendCount(zero, to: &out)
            for side in [negative, positive] {
                Self.appendVariable(UInt64(side.count), to: &out)
                var last: Int32 = 0
                for (index, count) in side.sorted(by: { $0.key < $1.key }) {
                    let delta = Int64(index) - Int64(last)
                    Self.appendVariable(UInt64(bitPattern: (delta << 1) ^ (delta >> 63)), to: &out)
                    Self.appendCount(count, to: &out)
                    last = index
                }
            }
        }
        return out
    }

    /// Reads what ``encoded()`` wrote; nil for anything else.
    init?(bytes: some Collection<UInt8>) {
        var reader = Reader(bytes: Array(bytes))
        switch reader.byte() {
        case 0:
            var values: [Double: Double] = [:]
            while !reader.isAtEnd {
                guard let bits = reader.fixed(), let count = reader.count() else { return nil }
                values[Double(bitPattern: bits), default: 0] += count
            }
            guard values.count <= Self.exactLimit else { return nil }
            content = .exact(values)
        case 1:
            guard let zero = reader.count() else { return nil }
            var sides: [[Int32: Double]] = []
            for _ in 0..<2 {
                guard let entries = reader.variable(), entries < 1_000_000 else { return nil }
                var side: [Int32: Double] = [:]
                var last: Int64 = 0
                for _ in 0..<entries {
                    guard let coded = reader.variable(), let count = reader.count() else { return nil }
                    last &+= Int64(bitPattern: coded >> 1) ^ -Int64(bitPattern: coded & 1)
                    guard let index = Int32(exactly: last) else { return nil }
                    side[index, default: 0] += count
                }
                sides.append(side)
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
