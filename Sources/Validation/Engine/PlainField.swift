/// Short texts as words, and what the readers of plain fields share.
enum PlainField {
    /// What stands for a value that a reader declines.
    static let declined = Int64.min

    /// The word of a text that has none of its own.
    static let longWord: UInt64 = 8 << 56

    @inline(__always)
    static func load(_ start: UnsafePointer<UInt8>) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt64.self))
    }

    /// A text of up to seven bytes with their number in the highest byte, or one of eight bytes as it stands; ``longWord`` for
    /// others. Equal words are equal texts. `start` must be readable eight bytes on.
    @inline(__always)
    static func word(_ start: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        let word = load(start)
        if count < 8 {
            let keep: UInt64 = (1 &<< UInt64(truncatingIfNeeded: count &* 8)) &- 1
            return word & keep | UInt64(truncatingIfNeeded: count) &<< 56
        }
        // The highest byte of a shorter text is its length, that of a long one 8; see also `TextWord`.
        return count == 8 && word &>> 56 > 8 && word & 0xffff != 0 ? word : longWord
    }

    static func word(_ text: some Collection<UInt8>) -> UInt64 {
        guard text.count <= 8 else { return longWord }
        var word: UInt64 = 0
        for (offset, byte) in text.enumerated() { word |= UInt64(byte) << UInt64(offset * 8) }
        if text.count < 8 { return word | UInt64(text.count) << 56 }
        return word >> 56 > 8 && word & 0xffff != 0 ? word : longWord
    }
}
