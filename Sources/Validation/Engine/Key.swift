/// What a row has in the columns of a key: a word of 64 bits where that has room for it, else a fingerprint. Equal values of the
/// same types give the same key, and different values of those with words different ones.
enum Key {
    case word(UInt64)
    case print(Fingerprint)

    /// A text's word in an order in which most sorted texts ascend: the first character highest.
    @inline(__always)
    static func word(ofText word: UInt64) -> UInt64 { word.byteSwapped }

    /// The other way round.
    @inline(__always)
    static func text(ofWord word: UInt64) -> UInt64 { word.byteSwapped }

    /// Two numbers as one word.
    @inline(__always)
    static func join(_ high: Int32, _ low: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: high)) &<< 32 | UInt64(UInt32(bitPattern: low))
    }
}

/// Values of several columns in one word, one behind the other: four bytes for a number, a byte more than it has for a text.
/// Each tells where it ends, so that different values are different words.
struct KeyWord {
    private var word: UInt64 = 0
    private var used = 0

    /// False where there is no room.
    mutating func add(_ value: Int64) -> Bool {
        guard used <= 4, let value = Int32(exactly: value) else { return false }
        append(UInt64(UInt32(bitPattern: value)), 4)
        return true
    }

    /// False where there is no room.
    mutating func add(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard used + 1 + text.count <= 8 else { return false }
        append(UInt64(text.count), 1)
        for byte in text { append(UInt64(byte), 1) }
        return true
    }

    private mutating func append(_ bits: UInt64, _ bytes: Int) {
        used += bytes
        word |= bits << UInt64((8 - used) * 8)
    }

    /// The values together.
    var joined: UInt64 { word }
}
