/// What one block of a file gave. Blocks are worked on in any order, but their results are joined in the file's order.
final class BlockResult {
    var rows = 0
    var counts: [Int]
    /// By check: its first offenders, their rows counted from the block's first, from 0.
    var offenders: [[Offender]]
    /// By row, whether it broke a rule that rejects it.
    var rejected: [Bool] = []
    /// By row, where it starts, relative to the block.
    var starts: [UInt32] = []
    /// By row, where it ends, relative to the block; empty where a row ends as the next one starts.
    var ends: [UInt32] = []
    /// Lines that are no rows, relative to the block: comments, blank ones.
    var gaps: [Range<Int>] = []
    /// By column. A pointer, because it is written to for each column of each batch.
    let tallies: UnsafeMutablePointer<ColumnTally>
    private let columns: Int
    var keys: [KeyColumn]
    /// By rule of the file that counts different values: the fingerprints seen in the block.
    var distinct: [[Fingerprint]]
    /// Where the block's last row ends, relative to the block.
    var consumed = 0
    /// Whether reading must stop.
    var isFatal = false

    /// The last line that is no row and starts at or before a position.
    func gap(before position: Int) -> Range<Int>? {
        var (low, high) = (0, gaps.count)
        while low < high {
            let middle = (low + high) / 2
            if gaps[middle].lowerBound <= position { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? gaps[low - 1] : nil
    }

    /// The keys of the block's rows, for one unique rule.
    struct KeyColumn {
        /// Keys that are words, and their rows.
        var words: [UInt64] = []
        var wordRows: [UInt32] = []
        /// Keys that are wide words, and their rows.
        var wides: [WideWord] = []
        var wideRows: [UInt32] = []
        /// Keys that are fingerprints, and their rows.
        var prints: [Fingerprint] = []
        var printRows: [UInt32] = []
    }

    init(_ plan: Plan) {
        counts = Array(repeating: 0, count: plan.checks.count)
        offenders = Array(repeating: [], count: plan.checks.count)
        columns = plan.columns.count
        tallies = .allocate(capacity: max(1, columns))
        tallies.initialize(repeating: ColumnTally(), count: columns)
        keys = plan.keys.map { _ in KeyColumn() }
        distinct = plan.fileRules.map { _ in [] }
    }

    deinit {
        tallies.deinitialize(count: columns)
        tallies.deallocate()
    }
}

/// What is known of a column, to be added up over blocks. All of it is exact, so that the order of adding does not matter.
struct ColumnTally {
    var values = 0
    var missing = 0
    var invalid = 0
    var low = Int64.max
    var high = Int64.min
    var sum = Int128(0)
    /// The values that the lane has no room for.
    var exactLow: ExactDecimal?
    var exactHigh: ExactDecimal?
    var exactCount = 0
    /// Their sum; nil once they lie too far apart to be summed.
    var exactSum: ExactDecimal? = .zero
    var doubles = DoubleSum()
    var shortest = Int.max
    var longest = 0
    /// By rule on a quantile: values under and over its bounds.
    var under: [Int] = []
    var over: [Int] = []

    mutating func add(_ other: ColumnTally) {
        values += other.values
        missing += other.missing
        invalid += other.invalid
        low = min(low, other.low)
        high = max(high, other.high)
        sum += other.sum
        exactCount += other.exactCount
        if let sum = exactSum, let more = other.exactSum { exactSum = sum.adding(more) } else { exactSum = nil }
        if let value = other.exactLow { noteExact(value) }
        if let value = other.exactHigh { noteExact(value) }
        doubles.add(other.doubles)
        shortest = min(shortest, other.shortest)
        longest = max(longest, other.longest)
        if under.isEmpty {
            (under, over) = (other.under, other.over)
        } else if !other.under.isEmpty {
            for index in under.indices {
                under[index] += other.under[index]
                over[index] += other.over[index]
            }
        }
    }

    mutating func noteExact(_ value: ExactDecimal) {
        exactLow = exactLow.map { Swift.min($0, value) } ?? value
        exactHigh = exactHigh.map { Swift.max($0, value) } ?? value
    }
}

/// A sum of doubles that is exact, so that it is the same in whatever order they come: a fixed-point number wide enough
/// for every double, in 32-bit limbs.
struct DoubleSum {
    /// Limb i counts units of 2^(32 i - 1088).
    private var limbs: [Int64] = []
    private var pending = 0
    private(set) var hasNaN = false
    private(set) var hasInfinity = false

    mutating func add(_ value: Double) {
        guard value.isFinite else {
            if value.isNaN { hasNaN = true } else { hasInfinity = true }
            return
        }
        if value == 0 { return }
        if limbs.isEmpty { limbs = Array(repeating: 0, count: 70) }
        let raw = Int(value.exponentBitPattern)
        let significand = value.significandBitPattern | (raw > 0 ? 1 << 52 : 0)
        // value = significand × 2^(max(raw, 1) - 1075)
        let shift = max(raw, 1) - 1075 + 1088
        let wide = UInt128(significand) << UInt128(shift & 31)
        let first = shift >> 5
        let sign: Int64 = value.sign == .minus ? -1 : 1
        limbs[first] += sign * Int64(truncatingIfNeeded: wide & 0xffff_ffff)
        limbs[first + 1] += sign * Int64(truncatingIfNeeded: (wide >> 32) & 0xffff_ffff)
        limbs[first + 2] += sign * Int64(truncatingIfNeeded: wide >> 64)
        pending += 1
        if pending == 1 << 29 { carry() }
    }

    mutating func add(_ other: DoubleSum) {
        hasNaN = hasNaN || other.hasNaN
        hasInfinity = hasInfinity || other.hasInfinity
        guard !other.limbs.isEmpty else { return }
        if limbs.isEmpty {
            (limbs, pending) = (other.limbs, other.pending)
            return
        }
        if pending + other.pending >= 1 << 29 { carry() }
        for index in limbs.indices { limbs[index] += other.limbs[index] }
        pending += other.pending
    }

    private mutating func carry() {
        for index in 0..<limbs.count - 1 {
            let high = limbs[index] >> 32
            limbs[index] -= high << 32
            limbs[index + 1] += high
        }
        pending = 1
    }

    /// The sum, within the last bit; nil if it is no number.
    var value: Double? {
        if hasNaN || hasInfinity { return nil }
        if limbs.isEmpty { return 0 }
        var copy = self
        copy.carry()
        let isNegative = copy.limbs[copy.limbs.count - 1] < 0
        if isNegative {
            for index in copy.limbs.indices { copy.limbs[index] = -copy.limbs[index] }
            copy.carry()
        }
        guard let top = copy.limbs.lastIndex(where: { $0 != 0 }) else { return 0 }
        var sum = 0.0
        for index in max(0, top - 3)...top {
            sum += Double(sign: .plus, exponent: 32 * index - 1088, significand: Double(copy.limbs[index]))
        }
        return isNegative ? -sum : sum
    }
}
