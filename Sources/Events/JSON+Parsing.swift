/// Why some bytes are no JSON, and where.
public struct JSONSyntaxError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was wrong, for a person.
    public let message: String
    /// Bytes before the place, counted from 0.
    public let offset: Int
    /// The line, counted from 1.
    public let line: Int
    /// The column in bytes, counted from 1.
    public let column: Int

    public var description: String { "line \(line), column \(column): \(message)" }
}

extension JSON {
    /// How deep arrays and objects may nest; deeper input is refused rather than trusted with the stack.
    public static let maximumDepth = 256

    /// Parses one JSON text, and nothing after it but white space.
    public init(parsing text: String) throws(JSONSyntaxError) {
        try self.init(parsing: Array(text.utf8))
    }

    /// Parses one JSON text in UTF-8. A byte order mark in front is passed over.
    public init(parsing bytes: [UInt8]) throws(JSONSyntaxError) {
        let result: Result<JSON, JSONSyntaxError> = bytes.withUnsafeBufferPointer { buffer in
            var parser = JSONParser(bytes: buffer)
            do throws(JSONSyntaxError) { return .success(try parser.parse()) } catch { return .failure(error) }
        }
        self = try result.get()
    }
}

/// A recursive-descent parser over bytes, without a copy of what it only passes over.
private struct JSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    var at = 0
    var depth = 0

    init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    mutating func parse() throws(JSONSyntaxError) -> JSON {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
        let value = try value()
        skipSpace()
        guard at == bytes.count else { throw error("unexpected \(found) after the value") }
        return value
    }

    private var found: String {
        guard at < bytes.count else { return "end of text" }
        let byte = bytes[at]
        return byte > 0x20 && byte < 0x7F ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x" + String(byte, radix: 16)
    }

    private func error(_ message: String, at place: Int? = nil) -> JSONSyntaxError {
        let place = min(place ?? at, bytes.count)
        var line = 1
        var start = 0
        for index in 0..<place where bytes[index] == 0x0A {
            line += 1
            start = index + 1
        }
        return JSONSyntaxError(message: message, offset: place, line: line, column: place - start + 1)
    }

    private mutating func skipSpace() {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x09, 0x0A, 0x0D: at += 1
            default: return
            }
        }
    }

    private mutating func value() throws(JSONSyntaxError) -> JSON {
        skipSpace()
        guard at < bytes.count else { throw error("expected a value, found end of text") }
        switch bytes[at] {
        case UInt8(ascii: "{"): return try object()
        case UInt8(ascii: "["): return try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default: throw error("expected a value, found \(found)")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONSyntaxError) -> JSON {
        let matches = word.withUTF8Buffer { bytes.dropFirst(at).starts(with: $0) }
        guard matches else { throw error("expected \(word)") }
        at += word.utf8CodeUnitCount
        return value
    }

    private mutating func descend() throws(JSONSyntaxError) {
        depth += 1
        guard depth <= JSON.maximumDepth else { throw error("nested deeper than \(JSON.maximumDepth) levels") }
    }

    private mutating func object() throws(JSONSyntaxError) -> JSON {
        try descend()
        defer { depth -= 1 }
        at += 1
        var object = JSONObject()
        skipSpace()
        if at < bytes.count, bytes[at] == UInt8(ascii: "}") {
            at += 1
            return .object(object)
        }
        while true {
            skipSpace()
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else {
                throw error("expected a member's name in quotes, found \(found)")
            }
            let key = try string()
            skipSpace()
            guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else { throw error("expected ':', found \(found)") }
            at += 1
            object[key] = try value()
            skipSpace()
            guard at < bytes.count else { throw error("expected ',' or '}', found end of text") }
            switch bytes[at] {
            case UInt8(ascii: ","): at += 1
            case UInt8(ascii: "}"):
                at += 1
                return .object(object)
            default: throw error("expected ',' or '}', found \(found)")
            }
        }
    }

    private mutating func array() throws(JSONSyntaxError) -> JSON {
        try descend()
        defer { depth -= 1 }
        at += 1
        var array: [JSON] = []
        skipSpace()
        if at < bytes.count, bytes[at] == UInt8(ascii: "]") {
            at += 1
            return .array(array)
        }
        while true {
            array.append(try value())
            skipSpace()
            guard at < bytes.count else { throw error("expected ',' or ']', found end of text") }
            switch bytes[at] {
            case UInt8(ascii: ","): at += 1
            case UInt8(ascii: "]"):
                at += 1
                return .array(array)
            default: throw error("expected ',' or ']', found \(found)")
            }
        }
    }

    private mutating func digits() -> Int {
        let start = at
        while at < bytes.count, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") { at += 1 }
        return at - start
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONNumber {
        let start = at
        if bytes[at] == UInt8(ascii: "-") { at += 1 }
        let whole = at
        let count = digits()
        guard count > 0 else { throw error("expected a digit, found \(found)") }
        guard count == 1 || bytes[whole] != UInt8(ascii: "0") else {
            throw error("a number can't start with 0", at: whole)
        }
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at += 1
            guard digits() > 0 else { throw error("expected a digit, found \(found)") }
        }
        if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at += 1 }
            guard digits() > 0 else { throw error("expected a digit, found \(found)") }
        }
        return JSONNumber(validLiteral: String(decoding: bytes[start..<at], as: UTF8.self))
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        at += 1
        let start = at
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                let text = try text(start..<at)
                at += 1
                return text
            case UInt8(ascii: "\\"):
                return try escapedString(from: start)
            case 0..<0x20:
                throw error("a control character must be escaped in a string")
            default:
                at += 1
            }
        }
        throw error("a string without its closing quote", at: start - 1)
    }

    private func text(_ range: Range<Int>) throws(JSONSyntaxError) -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw error("a string that is not UTF-8", at: range.lowerBound)
        }
        return text
    }

    private mutating func escapedString(from start: Int) throws(JSONSyntaxError) -> String {
        var out = Array(bytes[start..<at])
        while at < bytes.count {
            let byte = bytes[at]
            switch byte {
            case UInt8(ascii: "\""):
                at += 1
                guard let text = String(validating: out, as: UTF8.self) else {
                    throw error("a string that is not UTF-8", at: start)
                }
                return text
            case UInt8(ascii: "\\"):
                at += 1
                guard at < bytes.count else { break }
                let escape = bytes[at]
                at += 1
                switch escape {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(escape)
                case UInt8(ascii: "b"): out.append(0x08)
                case UInt8(ascii: "f"): out.append(0x0C)
                case UInt8(ascii: "n"): out.append(0x0A)
                case UInt8(ascii: "r"): out.append(0x0D)
                case UInt8(ascii: "t"): out.append(0x09)
                case UInt8(ascii: "u"): out.append(contentsOf: Array(String(try escapedScalar()).utf8))
                default: throw error("no such escape in a string", at: at - 2)
                }
            case 0..<0x20:
                throw error("a control character must be escaped in a string")
            default:
                out.append(byte)
                at += 1
            }
        }
        throw error("a string without its closing quote", at: start - 1)
    }

    /// The scalar of `\uXXXX` or of a surrogate pair; half a pair becomes U+FFFD, as most readers do.
    private mutating func escapedScalar() throws(JSONSyntaxError) -> Character {
        let first = try hexadecimal()
        if first >= 0xD800, first < 0xDC00, at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
            bytes[at + 1] == UInt8(ascii: "u")
        {
            let back = at
            at += 2
            let second = try hexadecimal()
            if second >= 0xDC00, second < 0xE000,
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            {
                return Character(scalar)
            }
            at = back
        }
        return Character(Unicode.Scalar(first) ?? "\u{FFFD}")
    }

    private mutating func hexadecimal() throws(JSONSyntaxError) -> UInt32 {
        guard at + 4 <= bytes.count else { throw error("expected four hexadecimal digits") }
        var value: UInt32 = 0
        for byte in bytes[at..<at + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw error("expected four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
        }
        at += 4
        return value
    }
}
