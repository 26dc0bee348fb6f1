/// A set of 64-bit keys that only grows. Small words take four or six bytes.
struct WordSet {
    private var short = SlotTable<UInt32>()
    private var middle = SlotTable<SixBytes>()
    private var long = SlotTable<UInt64>()
    private var hasZero = false
    private let isText: Bool

    /// For words of texts, or of numbers.
    init(isText: Bool = false) { self.isText = isText }

    var count: Int { short.count + middle.count + long.count + (hasZero ? 1 : 0) }

    /// Frees the memory; the set must not be used afterwards.
    func free() {
        short.free()
        middle.free()
        long.free()
    }

    @inline(__always)
    func contains(_ key: UInt64) -> Bool {
        let key = isText ? TextWord.small(key) : key
        if key >> 48 != 0 { return long.contains(key) }
        if key >> 32 != 0 { return middle.contains(SixBytes(key)) }
        return key == 0 ? hasZero : short.contains(UInt32(truncatingIfNeeded: key))
    }

    /// False if it was there.
    @inline(__always)
    mutating func insert(_ key: UInt64) -> Bool { add(isText ? TextWord.small(key) : key) }

    @inline(__always)
    private mutating func add(_ key: UInt64) -> Bool {
        if key >> 48 != 0 { return long.insert(key) }
        if key >> 32 != 0 { return middle.insert(SixBytes(key)) }
        if key != 0 { return short.insert(UInt32(truncatingIfNeeded: key)) }
        defer { hasZero = true }
        return !hasZero
    }

    @inline(__always)
    private func fetch(_ key: UInt64) {
        let key = isText ? TextWord.small(key) : key
        if key >> 48 != 0 {
            long.fetch(key)
        } else if key >> 32 != 0 {
            middle.fetch(SixBytes(key))
        } else {
            short.fetch(UInt32(truncatingIfNeeded: key))
        }
    }

    /// Adds keys in order; `repeated` gets the number, in the array, of each that was there.
    mutating func insert(_ keys: ArraySlice<UInt64>, repeated: (Int) -> Void) {
        let first = keys.startIndex
        keys.withUnsafeBufferPointer { keys in
            for index in keys.indices {
                if index &+ 16 < keys.count { fetch(keys[index &+ 16]) }
                if !insert(keys[index]) { repeated(first &+ index) }
            }
        }
    }

    func forEach(_ body: (UInt64) -> Void) {
        func give(_ key: UInt64) { body(isText ? TextWord.full(key) : key) }
        if hasZero { give(0) }
        short.forEach { give(UInt64($0)) }
        middle.forEach { give($0.word) }
        long.forEach(give)
    }
}

/// A word of 48 bits, not zero.
struct SixBytes: SlotKey {
    private var high: UInt16
    private var middle: UInt16
    private var low: UInt16

    @inline(__always)
    init(_ word: UInt64) {
        high = UInt16(truncatingIfNeeded: word &>> 32)
        middle = UInt16(truncatingIfNeeded: word &>> 16)
        low = UInt16(truncatingIfNeeded: word)
    }

    @inline(__always) var word: UInt64 { UInt64(high) &<< 32 | UInt64(middle) &<< 16 | UInt64(low) }
    static var nothing: SixBytes { SixBytes(0) }
    @inline(__always) var isNothing: Bool { high | middle | low == 0 }
    @inline(__always) func hash(_ seed: UInt64) -> UInt64 { Hash.spread(word &+ seed) }
}

/// Words of texts as keys: the characters from the highest byte on, and in the lowest their number, or the eighth of them.
enum TextWord {
    /// The same word as a number that is small where the text is short: the characters moved down to their number, and texts of
    /// four or six bytes without it. A lowest byte of up to seven is a length.
    @inline(__always)
    static func small(_ word: UInt64) -> UInt64 {
        let count = word & 0xff
        // Eight characters.
        guard count < 8 else { return word }
        let characters = word &>> 8
        let moved = characters &>> (56 &- count &* 8)
        if count == 4, moved & 0xff > 7 { return moved }
        if count == 6, moved & 0xff > 7, moved &>> 32 != 0 { return moved }
        return moved &<< 8 | count
    }

    /// The word that it was.
    static func full(_ small: UInt64) -> UInt64 {
        let low = small & 0xff
        if low < 8 { return (small >> 8) << (64 - low * 8) | low }
        if small >> 48 != 0 { return small }
        return small >> 32 != 0 ? small << 16 | 6 : small << 32 | 4
    }
}
