import Glibc

/// A set of texts, looked up without a copy and without counting references.
struct TextSet: Sendable {
    private let table: Table
    /// What lookups go through; valid as long as the set is.
    let view: View
    /// All texts as words, if all of them have one.
    let words: [UInt64]?
    /// A table of them, likewise.
    let wordTable: WordTable?

    init(_ texts: some Sequence<[UInt8]>) {
        let texts = Set(texts)
        table = Table(texts)
        view = table.view
        let words = texts.map { PlainField.word($0) }
        self.words = words.contains(PlainField.longWord) ? nil : words
        wordTable = self.words.flatMap { WordTable($0) }
    }

    @inline(__always)
    func contains(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool { view.contains(start, count) }

    struct Entry {
        /// The first eight bytes, and the last eight of more than eight: all of a text of up to sixteen.
        var first: UInt64
        var last: UInt64
        var offset: UInt32
        /// -1 in an empty slot.
        var count: Int32
    }

    /// Plain pointers into the table.
    ///
    /// Sendable without the compiler's proof: what they point to is never written after the table is made.
    struct View: @unchecked Sendable {
        fileprivate let entries: UnsafePointer<Entry>
        fileprivate let bytes: UnsafePointer<UInt8>
        fileprivate let mask: Int
        fileprivate let seed: UInt64
        /// A bit for each length that a text has; the highest for all from 63.
        fileprivate let lengths: UInt64

        /// `start` may be read eight bytes on.
        @inline(__always)
        func contains(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
            guard lengths &>> UInt64(truncatingIfNeeded: min(count, 63)) & 1 != 0 else { return false }
            return find(start, count)
        }

        @inline(__always)
        private func find(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
            let (first, last) = TextSet.ends(start, count)
            var slot = TextSet.slot(first, last, seed) & mask
            while entries[slot].count >= 0 {
                if entries[slot].first == first, entries[slot].last == last, Int(entries[slot].count) == count,
                    count <= 16 || memcmp(start, bytes + Int(entries[slot].offset), count) == 0
                {
                    return true
                }
                slot = (slot &+ 1) & mask
            }
            return false
        }
    }

    @inline(__always)
    fileprivate static func ends(_ start: UnsafePointer<UInt8>, _ count: Int) -> (UInt64, UInt64) {
        // Without branches: lengths come in any order.
        let over = max(count &- 8, 0)
        let keep: UInt64 = count < 8 ? (1 &<< UInt64(truncatingIfNeeded: count &* 8)) &- 1 : .max
        return (PlainField.load(start) & keep, PlainField.load(start + over) & (over > 0 ? .max : 0))
    }

    @inline(__always)
    fileprivate static func slot(_ first: UInt64, _ last: UInt64, _ seed: UInt64) -> Int {
        var word = first ^ last &<< 29 ^ last &>> 35
        word = (word ^ word &>> 32) &* seed
        return Int(truncatingIfNeeded: word &>> 33)
    }

    /// Sendable without the compiler's proof: never written after `init`.
    private final class Table: @unchecked Sendable {
        let view: View
        private let entries: UnsafeMutablePointer<Entry>
        private let bytes: UnsafeMutablePointer<UInt8>

        init(_ texts: Set<[UInt8]>) {
            var size = 4
            while size < texts.count * 4 { size *= 2 }
            entries = .allocate(capacity: size)
            entries.initialize(
                repeating: Entry(first: 0, last: 0, offset: 0, count: -1), count: size)
            bytes = .allocate(capacity: texts.reduce(16) { $0 + $1.count })
            bytes.initialize(repeating: 0, count: texts.reduce(16) { $0 + $1.count })
            var seed = Hash.seed.0
            var offset = 0
            var lengths: UInt64 = 0
            if texts.count <= 64 { seed = Self.seed(apart: texts, size) }
            for text in texts {
                for (index, byte) in text.enumerated() { bytes[offset + index] = byte }
                let (first, last) = TextSet.ends(bytes + offset, text.count)
                var slot = TextSet.slot(first, last, seed) & (size - 1)
                while entries[slot].count >= 0 { slot = (slot + 1) & (size - 1) }
                entries[slot] = Entry(first: first, last: last, offset: UInt32(offset), count: Int32(text.count))
                offset += text.count
                lengths |= 1 << UInt64(min(text.count, 63))
            }
            view = View(
                entries: UnsafePointer(entries), bytes: UnsafePointer(bytes), mask: size - 1, seed: seed,
                lengths: lengths)
        }

        /// A seed with which the texts of a small set, an enumeration say, lie each in a slot of its own, if one is soon
        /// found: a lookup is then one step, and its branches are always the same.
        private static func seed(apart texts: Set<[UInt8]>, _ size: Int) -> UInt64 {
            let ends = texts.map { text in
                (text + Array(repeating: 0, count: 8)).withUnsafeBufferPointer { padded in
                    padded.baseAddress.map { TextSet.ends($0, text.count) } ?? (0, 0)
                }
            }
            for attempt in 0..<256 as Range<UInt64> {
                let seed = (Hash.seed.0 &+ attempt &* 0x9e37_79b9_7f4a_7c16) | 1
                if Set(ends.map { TextSet.slot($0.0, $0.1, seed) & (size - 1) }).count == ends.count { return seed }
            }
            return Hash.seed.0
        }

        deinit {
            entries.deallocate()
            bytes.deallocate()
        }
    }
}
