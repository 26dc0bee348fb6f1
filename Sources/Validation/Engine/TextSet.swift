import Glibc

/// A set of texts, looked up without a copy and without counting references.
struct TextSet: Sendable {
    private let table: Table
    /// What lookups go through; valid as long as the set is.
    let view: View

    init(_ texts: some Sequence<[UInt8]>) {
        table = Table(Set(texts))
        view = table.view
    }

    @inline(__always)
    func contains(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool { view.contains(start, count) }

    struct Entry {
        /// The text itself, packed, if it has up to seven bytes; else its hash.
        var word: UInt64
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

        /// `start` may be read eight bytes on.
        @inline(__always)
        func contains(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
            let word = count < 8 ? PlainField.packed(start, count) : Hash.bytes(start, count, 0x243f_6a88_85a3_08d3)
            var slot = Int(truncatingIfNeeded: Hash.spread(word)) & mask
            while entries[slot].count >= 0 {
                if entries[slot].word == word, Int(entries[slot].count) == count,
                    count < 8 || memcmp(start, bytes + Int(entries[slot].offset), count) == 0
                {
                    return true
                }
                slot = (slot &+ 1) & mask
            }
            return false
        }
    }

    /// Sendable without the compiler's proof: never written after `init`.
    private final class Table: @unchecked Sendable {
        let view: View
        private let entries: UnsafeMutablePointer<Entry>
        private let bytes: UnsafeMutablePointer<UInt8>

        init(_ texts: Set<[UInt8]>) {
            var size = 4
            while size < texts.count * 2 { size *= 2 }
            entries = .allocate(capacity: size)
            entries.initialize(repeating: Entry(word: 0, offset: 0, count: -1), count: size)
            bytes = .allocate(capacity: texts.reduce(8) { $0 + $1.count })
            var offset = 0
            for text in texts {
                let word =
                    text.count < 8
                    ? PlainField.packed(text)
                    : text.withUnsafeBufferPointer {
                        $0.baseAddress.map { Hash.bytes($0, text.count, 0x243f_6a88_85a3_08d3) } ?? 0
                    }
                var slot = Int(truncatingIfNeeded: Hash.spread(word)) & (size - 1)
                while entries[slot].count >= 0 { slot = (slot + 1) & (size - 1) }
                entries[slot] = Entry(word: word, offset: UInt32(offset), count: Int32(text.count))
                for (index, byte) in text.enumerated() { bytes[offset + index] = byte }
                offset += text.count
            }
            view = View(entries: UnsafePointer(entries), bytes: UnsafePointer(bytes), mask: size - 1)
        }

        deinit {
            entries.deallocate()
            bytes.deallocate()
        }
    }
}
