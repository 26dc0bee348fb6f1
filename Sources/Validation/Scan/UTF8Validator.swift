/// Checks that bytes are UTF-8 (RFC 3629), one at a time, across any cut.
struct UTF8Validator {
    private var remaining: UInt8 = 0
    /// Bytes of the character so far.
    private var taken = 0
    private var low: UInt8 = 0x80
    private var high: UInt8 = 0xbf

    /// Within a character of several bytes.
    var isPending: Bool { remaining > 0 }

    /// Takes a byte. If it can't stand here, gives how many bytes before it the sequence starts that is no character: 0 for
    /// the byte itself. Afterwards the check goes on with the next character.
    @inline(__always)
    mutating func rejects(_ byte: UInt8) -> Int? {
        if remaining == 0 { return begin(byte) ? 0 : nil }
        guard byte >= low, byte <= high else {
            remaining = 0
            let broken = taken
            // The byte that broke a character may itself begin one.
            if byte >= 0x80 { _ = begin(byte) }
            return broken
        }
        remaining -= 1
        taken += 1
        (low, high) = (0x80, 0xbf)
        return nil
    }

    /// Whether the byte can begin no character.
    private mutating func begin(_ byte: UInt8) -> Bool {
        taken = 1
        (low, high) = (0x80, 0xbf)
        switch byte {
        case 0x00...0x7f: return false
        case 0xc2...0xdf: remaining = 1
        case 0xe0: (remaining, low) = (2, 0xa0)
        case 0xed: (remaining, high) = (2, 0x9f)
        case 0xe1...0xef: remaining = 2
        case 0xf0: (remaining, low) = (3, 0x90)
        case 0xf4: (remaining, high) = (3, 0x8f)
        case 0xf1...0xf3: remaining = 3
        default: return true
        }
        return false
    }

    /// The text ends. If it does so within a character, gives how many bytes of it there are.
    mutating func finish() -> Int? {
        defer { remaining = 0 }
        return remaining > 0 ? taken : nil
    }
}
