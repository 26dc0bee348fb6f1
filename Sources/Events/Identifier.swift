/// Random identifiers in the forms that AWS gives them.
public enum Identifier {
    /// A version 4 UUID in lower case, as Lambda's request ids and EventBridge's event ids are.
    public static func uuid() -> String {
        var random = SystemRandomNumberGenerator()
        let high = random.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        let digits = hexadecimal(high) + hexadecimal(low)
        var out: [UInt8] = []
        out.reserveCapacity(36)
        for (index, digit) in digits.utf8.enumerated() {
            if index == 8 || index == 12 || index == 16 || index == 20 { out.append(UInt8(ascii: "-")) }
            out.append(digit)
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Lower-case hexadecimal digits, as in log stream names and trace ids.
    public static func hexadecimal(digits: Int) -> String {
        var random = SystemRandomNumberGenerator()
        var text = ""
        while text.utf8.count < digits { text += hexadecimal(random.next()) }
        return String(text.prefix(digits))
    }

    /// Upper-case letters and digits, as in `j-…`, `s-…` and S3's request ids.
    public static func alphanumeric(_ count: Int) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8)
        var out: [UInt8] = []
        for _ in 0..<count { out.append(alphabet[Int.random(in: 0..<alphabet.count)]) }
        return String(decoding: out, as: UTF8.self)
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(unsafeUninitializedCapacity: 16) { buffer in
            for index in 0..<16 { buffer[index] = digits[Int(value >> UInt64(60 - index * 4) & 15)] }
            return 16
        }
    }
}
