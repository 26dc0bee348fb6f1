/// Words that lie near each other, a bit each: what most columns of numbers that others refer to come to.
///
/// Sendable without the compiler's proof: never written after `init`.
final class WordBitmap: @unchecked Sendable {
    /// Plain pointers; valid as long as the bitmap is.
    struct View {
        fileprivate let bits: UnsafePointer<UInt64>
        fileprivate let first: UInt64
        fileprivate let count: UInt64

        @inline(__always)
        func contains(_ word: UInt64) -> Bool {
            let offset = word &- first
            return offset < count && bits[Int(truncatingIfNeeded: offset &>> 6)] &>> (offset & 63) & 1 != 0
        }
    }

    let view: View
    private let bits: UnsafeMutablePointer<UInt64>

    /// Nil where the words lie so far apart that a bitmap would be larger than the set.
    init?(_ words: WordSet) {
        var (low, high) = (Int64.max, Int64.min)
        words.forEach { word in
            low = min(low, Int64(bitPattern: word))
            high = max(high, Int64(bitPattern: word))
        }
        let (span, isWide) = high.subtractingReportingOverflow(low)
        guard words.count > 0, !isWide, span / 64 <= words.count &+ 1024 else { return nil }
        let first = UInt64(bitPattern: low)
        let size = Int(span) / 64 + 1
        bits = .allocate(capacity: size)
        bits.initialize(repeating: 0, count: size)
        view = View(bits: bits, first: first, count: UInt64(span) + 1)
        let bits = bits
        words.forEach { word in
            let offset = word &- first
            bits[Int(offset >> 6)] |= 1 << (offset & 63)
        }
    }

    deinit { bits.deallocate() }
}
