import CScan

/// A set of short texts as words, never added to, in which a column is looked up at once.
///
/// Sendable without the compiler's proof: what it points to is never written after `init`.
final class WordTable: @unchecked Sendable {
    /// Larger sets are looked up where they are.
    static let mostWords = 1 << 16

    /// What look-ups go through; valid as long as the table is.
    let view: UnsafePointer<cscan_table>
    private let slots: UnsafeMutablePointer<UInt64>

    /// Nil where there are too many words. None of them may be ``PlainField/longWord``.
    init?(_ words: [UInt64]) {
        guard words.count <= Self.mostWords else { return nil }
        var bits: UInt32 = 2
        while 1 << bits < words.count * 4 { bits += 1 }
        let size = 1 << Int(bits)
        let shift = 64 - bits
        // Words of a small set lie each in a slot of its own, if a multiplier for that is soon found: a look-up is then one
        // step, and its branches are always the same.
        var multiplier = Hash.seed.0 | 1
        if words.count <= 64 {
            for attempt in 0..<256 as Range<UInt64> {
                let tried = (Hash.seed.0 &+ attempt &* 0x9e37_79b9_7f4a_7c16) | 1
                guard Set(words.map { ($0 &* tried) >> UInt64(shift) }).count == words.count else { continue }
                multiplier = tried
                break
            }
        }
        slots = .allocate(capacity: size)
        slots.initialize(repeating: PlainField.longWord, count: size)
        for word in words {
            var slot = Int((word &* multiplier) >> UInt64(shift))
            while slots[slot] != PlainField.longWord, slots[slot] != word { slot = (slot + 1) & (size - 1) }
            slots[slot] = word
        }
        let table = UnsafeMutablePointer<cscan_table>.allocate(capacity: 1)
        table.initialize(to: cscan_table(slots: slots, multiplier: multiplier, shift: shift, mask: size - 1))
        view = UnsafePointer(table)
    }

    /// The texts among keys of one column.
    convenience init?(_ keys: WordSet) {
        guard keys.count <= Self.mostWords else { return nil }
        var words: [UInt64] = []
        keys.forEach { words.append(Key.text(ofWord: $0)) }
        self.init(words)
    }

    deinit {
        slots.deallocate()
        UnsafeMutablePointer(mutating: view).deallocate()
    }
}
