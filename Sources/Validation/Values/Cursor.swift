/// Reads along the bytes of one field.
struct Cursor {
    private(set) var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    var isAtEnd: Bool { bytes.isEmpty }
    var next: UInt8? { bytes.first }

    mutating func skip(_ byte: UInt8) -> Bool {
        guard bytes.first == byte else { return false }
        bytes.removeFirst()
        return true
    }

    mutating func skip(_ text: some Sequence<UInt8>, ignoringCase: Bool = false) -> Bool {
        let start = bytes
        for byte in text {
            let matches =
                ignoringCase ? bytes.first.map(Cursor.lowercased) == Cursor.lowercased(byte) : bytes.first == byte
            guard matches else {
                bytes = start
                return false
            }
            bytes.removeFirst()
        }
        return true
    }

    static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte >= 0x09 && byte <= 0x0d }

    /// Passes over white space; false if there is none.
    mutating func skipSpaces() -> Bool {
        let count = bytes.prefix(while: Cursor.isSpace).count
        bytes.removeFirst(count)
        return count > 0
    }

    /// A number of so many digits; nil if there are fewer.
    mutating func number(digits range: ClosedRange<Int>) -> Int? {
        var value = 0
        var count = 0
        while count < range.upperBound, let byte = bytes.first, byte >= 0x30, byte <= 0x39 {
            value = value * 10 + Int(byte - 0x30)
            bytes.removeFirst()
            count += 1
        }
        return count >= range.lowerBound ? value : nil
    }

    /// The digits of a fraction, as many as there are; nil if there is none.
    mutating func fraction() -> [UInt8]? {
        let digits = bytes.prefix { $0 >= 0x30 && $0 <= 0x39 }
        guard !digits.isEmpty else { return nil }
        bytes.removeFirst(digits.count)
        return digits.map { $0 - 0x30 }
    }
}
