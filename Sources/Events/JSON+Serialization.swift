extension JSON: CustomStringConvertible {
    /// The value as one line, members in their order.
    public var description: String { String(decoding: serialized(), as: UTF8.self) }

    /// The value with one member a line, two spaces a level.
    public var pretty: String {
        var out: [UInt8] = []
        write(to: &out, indent: 0)
        return String(decoding: out, as: UTF8.self)
    }

    /// The value as one line of UTF-8.
    public func serialized() -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(256)
        write(to: &out, indent: nil)
        return out
    }

    /// Appends the value to `out`: on one line where `indent` is nil, else indented from that level.
    func write(to out: inout [UInt8], indent: Int?) {
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let value): out.append(contentsOf: value.literal.utf8)
        case .string(let value): Self.write(value, to: &out)
        case .array(let values):
            Self.write(values, between: (UInt8(ascii: "["), UInt8(ascii: "]")), to: &out, indent: indent) {
                value, out, indent in
                value.write(to: &out, indent: indent)
            }
        case .object(let object):
            let members = Array(object)
            Self.write(members, between: (UInt8(ascii: "{"), UInt8(ascii: "}")), to: &out, indent: indent) {
                member, out, indent in
                Self.write(member.key, to: &out)
                out.append(UInt8(ascii: ":"))
                if indent != nil { out.append(UInt8(ascii: " ")) }
                member.value.write(to: &out, indent: indent)
            }
        }
    }

    private static func write<Element>(
        _ elements: [Element], between marks: (UInt8, UInt8), to out: inout [UInt8], indent: Int?,
        element write: (Element, inout [UInt8], Int?) -> Void
    ) {
        out.append(marks.0)
        for (index, element) in elements.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            if let indent { newLine(indent + 1, to: &out) }
            write(element, &out, indent.map { $0 + 1 })
        }
        if let indent, !elements.isEmpty { newLine(indent, to: &out) }
        out.append(marks.1)
    }

    private static func newLine(_ indent: Int, to out: inout [UInt8]) {
        out.append(0x0A)
        out.append(contentsOf: repeatElement(0x20, count: indent * 2))
    }

    /// Appends a quoted string with the escapes that RFC 8259 demands, and no others.
    static func write(_ string: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        var string = string
        string.withUTF8 { bytes in
            var start = 0
            for (index, byte) in bytes.enumerated() {
                let escape: StaticString
                switch byte {
                case UInt8(ascii: "\""): escape = "\\\""
                case UInt8(ascii: "\\"): escape = "\\\\"
                case 0x08: escape = "\\b"
                case 0x09: escape = "\\t"
                case 0x0A: escape = "\\n"
                case 0x0C: escape = "\\f"
                case 0x0D: escape = "\\r"
                case 0..<0x20: escape = "\\u00"
                default: continue
                }
                out.append(contentsOf: bytes[start..<index])
                escape.withUTF8Buffer { out.append(contentsOf: $0) }
                if escape.utf8CodeUnitCount == 4 {
                    let digits = Array("0123456789abcdef".utf8)
                    out.append(digits[Int(byte >> 4)])
                    out.append(digits[Int(byte & 15)])
                }
                start = index + 1
            }
            out.append(contentsOf: bytes[start...])
        }
        out.append(UInt8(ascii: "\""))
    }
}
