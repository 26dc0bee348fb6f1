/// What a row has in the columns of a key: a word of 64 bits where that has room for it, a wide one of 96 bits where that has,
/// else a fingerprint. Equal values of the same types give the same key, and different values of those with words different
/// ones.
enum Key {
    case word(UInt64)
    case wide(WideWord)
    case print(Fingerprint)

    /// A text's word in an order in which most sorted texts ascend: the first character highest.
    @inline(__always)
    static func word(ofText word: UInt64) -> UInt64 { word.byteSwapped }

    /// The other way round.
    @inline(__always)
    static func text(ofWord word: UInt64) -> UInt64 { word.byteSwapped }

    /// A text that has a word, or a wide one; nil for longer ones. Readable eight bytes on.
    @inline(__always)
    init?(text: UnsafeBufferPointer<UInt8>) {
        guard let start = text.baseAddress else {
            self = .word(0)
            return
        }
        let word = PlainField.word(start, text.count)
        if word != PlainField.longWord {
            self = .word(Self.word(ofText: word))
        } else if let wide = WideWord(start, text.count) {
            self = .wide(wide)
        } else {
            return nil
        }
    }

    /// Two numbers as one word.
    @inline(__always)
    static func join(_ high: Int32, _ low: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: high)) &<< 32 | UInt64(UInt32(bitPattern: low))
    }
}

/// Twelve bytes.
struct WideWord: SlotKey {
    private var first: UInt32
    private var second: UInt32
    private var third: UInt32

    init(_ high: UInt64, _ low: UInt32) {
        first = UInt32(truncatingIfNeeded: high >> 32)
        second = UInt32(truncatingIfNeeded: high)
        third = low
    }

    /// A text of eight to eleven bytes with their number in the last, or of twelve bytes as it stands; nil for others.
    @inline(__always)
    init?(_ start: UnsafePointer<UInt8>, _ count: Int) {
        guard count >= 8, count <= 12 else { return nil }
        var last: UInt32 = 0
        for index in 8..<12 { last = last << 8 | (index < count ? UInt32(start[index]) : 0) }
        if count < 12 { last |= UInt32(count) } else if last & 0xff <= 12 { return nil }
        self.init(PlainField.load(start).byteSwapped, last)
    }

    static var nothing: WideWord { WideWord(0, 0) }
    @inline(__always) var isNothing: Bool { first | second | third == 0 }
    @inline(__always) func hash(_ seed: UInt64) -> UInt64 {
        Hash.spread((UInt64(first) &<< 32 | UInt64(second)) &+ seed) ^ Hash.spread(UInt64(third) ^ seed)
    }
}

/// Values of several columns one behind the other: four bytes for a number, a byte more than it has for a text. Each tells where
/// it ends, so that different values are different words.
struct KeyWord {
    private var high: UInt64 = 0
    private var low: UInt32 = 0
    private var used = 0

    /// False where there is no room.
    mutating func add(_ value: Int64) -> Bool {
        guard used <= 8, let value = Int32(exactly: value) else { return false }
        let bits = UInt32(bitPattern: value)
        for shift in [24, 16, 8, 0] as [UInt32] { append(UInt8(truncatingIfNeeded: bits >> shift)) }
        return true
    }

    /// False where there is no room.
    mutating func add(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard used + 1 + text.count <= 12 else { return false }
        append(UInt8(text.count))
        for byte in text { append(byte) }
        return true
    }

    private mutating func append(_ byte: UInt8) {
        if used < 8 {
            high |= UInt64(byte) << UInt64((7 - used) * 8)
        } else {
            low |= UInt32(byte) << UInt32((11 - used) * 8)
        }
        used += 1
    }

    /// The values together; nil if they are more than eight bytes and all zero, which no wide word can be.
    var joined: Key? {
        if used <= 8 { return .word(high) }
        let wide = WideWord(high, low)
        return wide.isNothing ? nil : .wide(wide)
    }
}
