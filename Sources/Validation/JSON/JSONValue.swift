/// A JSON value that knows the line it stands on, so that a mistake in a schema can be pointed at.
struct JSONValue: Sendable {
    enum Content: Sendable {
        case null
        case bool(Bool)
        /// The number as it is written.
        case number(String)
        case string(String)
        case array([JSONValue])
        case object([(key: String, value: JSONValue)])

        var isNull: Bool {
            if case .null = self { return true }
            return false
        }
    }

    let content: Content
    /// From 1.
    let line: Int

    /// What kind of value it is, for messages.
    var kind: String {
        switch content {
        case .null: "null"
        case .bool: "a boolean"
        case .number(let text): "the number \(text)"
        case .string(let text): "\"\(text)\""
        case .array: "an array"
        case .object: "an object"
        }
    }

    subscript(key: String) -> JSONValue? {
        guard case .object(let members) = content else { return nil }
        return members.last { $0.key.isExactly(key) }?.value
    }
}

/// A syntax error in a JSON text.
struct JSONSyntaxError: Error {
    let message: String
    let line: Int
    let byte: Int
}

/// Reads JSON (RFC 8259) strictly: one value, no comments, no trailing commas.
struct JSONParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    var index = 0
    private(set) var line = 1
    static let deepest = 256

    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    static func parse(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONSyntaxError) -> JSONValue {
        var parser = JSONParser(bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.index == bytes.count else { throw parser.error("more text after the end of the JSON value") }
        return value
    }

    static func parse(_ text: String) throws(JSONSyntaxError) -> JSONValue {
        let result: Result<JSONValue, JSONSyntaxError> = Array(text.utf8).withUnsafeBufferPointer { bytes in
            do throws(JSONSyntaxError) { return .success(try parse(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Reads a document; a byte order mark is no part of it.
    static func parse(document bytes: UnsafeBufferPointer<UInt8>) throws(JSONSyntaxError) -> JSONValue {
        try parse(
            UnsafeBufferPointer(rebasing: bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes.dropFirst(3) : bytes[...]))
    }

    static func parse(document text: String) throws(JSONSyntaxError) -> JSONValue {
        try parse(text.unicodeScalars.first == "\u{feff}" ? String(text.unicodeScalars.dropFirst()) : text)
    }

    private func error(_ message: String) -> JSONSyntaxError {
        JSONSyntaxError(message: message, line: line, byte: index)
    }

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    /// The next byte, if there is one.
    var next: UInt8? { current }

    /// Takes the byte if it is the next one.
    mutating func take(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        index += 1
        return true
    }

    func text(_ range: Range<Int>) -> Slice<UnsafeBufferPointer<UInt8>> { bytes[range] }

    func failure(_ message: String) -> JSONSyntaxError { error(message) }

    mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            if byte == 0x0a { line += 1 }
            index += 1
        }
    }

    private mutating func expect(_ byte: UInt8, _ what: String) throws(JSONSyntaxError) {
        guard current == byte else { throw error("expected \(what)") }
        index += 1
    }

    mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        guard depth < Self.deepest else { throw error("nested deeper than \(Self.deepest) levels") }
        skipSpace()
        let start = line
        switch current {
        case UInt8(ascii: "{"): return JSONValue(content: .object(try object(depth)), line: start)
        case UInt8(ascii: "["): return JSONValue(content: .array(try array(depth)), line: start)
        case UInt8(ascii: "\""): return JSONValue(content: .string(try string()), line: start)
        case UInt8(ascii: "t"):
            try word("true")
            return JSONValue(content: .bool(true), line: start)
        case UInt8(ascii: "f"):
            try word("false")
            return JSONValue(content: .bool(false), line: start)
        case UInt8(ascii: "n"):
            try word("null")
            return JSONValue(content: .null, line: start)
        case .some(0x30...0x39), UInt8(ascii: "-"):
            let range = try number()
            return JSONValue(content: .number(String(decoding: bytes[range], as: UTF8.self)), line: start)
        case nil: throw error("the JSON text ends where a value was expected")
        default: throw error("expected a JSON value")
        }
    }

    private mutating func word(_ word: StaticString) throws(JSONSyntaxError) {
        for offset in 0..<word.utf8CodeUnitCount {
            guard current == word.utf8Start[offset] else { throw error("expected \(word)") }
            index += 1
        }
    }

    mutating func number() throws(JSONSyntaxError) -> Range<Int> {
        let start = index
        func isDigit(_ byte: UInt8?) -> Bool { byte.map { $0 >= 0x30 && $0 <= 0x39 } ?? false }
        if current == UInt8(ascii: "-") { index += 1 }
        guard isDigit(current) else { throw error("expected a digit") }
        if current == 0x30 { index += 1 } else { while isDigit(current) { index += 1 } }
        if current == UInt8(ascii: ".") {
            index += 1
            guard isDigit(current) else { throw error("expected a digit after the decimal point") }
            while isDigit(current) { index += 1 }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            index += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { index += 1 }
            guard isDigit(current) else { throw error("expected a digit in the exponent") }
            while isDigit(current) { index += 1 }
        }
        return start..<index
    }

    private mutating func object(_ depth: Int) throws(JSONSyntaxError) -> [(key: String, value: JSONValue)] {
        index += 1
        var members: [(key: String, value: JSONValue)] = []
        skipSpace()
        if current == UInt8(ascii: "}") {
            index += 1
            return members
        }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw error("expected a member name in quotes") }
            let key = try string()
            skipSpace()
            try expect(UInt8(ascii: ":"), "a colon after the member name \"\(key)\"")
            members.append((key, try value(depth: depth + 1)))
            skipSpace()
            if current == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try expect(UInt8(ascii: "}"), "a comma or } after a member")
            return members
        }
    }

    private mutating func array(_ depth: Int) throws(JSONSyntaxError) -> [JSONValue] {
        index += 1
        var elements: [JSONValue] = []
        skipSpace()
        if current == UInt8(ascii: "]") {
            index += 1
            return elements
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if current == UInt8(ascii: ",") {
                index += 1
                continue
            }
            try expect(UInt8(ascii: "]"), "a comma or ] after an element")
            return elements
        }
    }

    mutating func string() throws(JSONSyntaxError) -> String {
        var text: [UInt8] = []
        try string(into: &text)
        guard let string = String(validating: text, as: UTF8.self) else { throw error("a string that is not UTF-8") }
        return string
    }

    /// Appends the string's characters, unescaped; the index stands on the opening quote.
    mutating func string(into text: inout [UInt8]) throws(JSONSyntaxError) {
        index += 1
        while true {
            guard let byte = current else { throw error("a string without its closing quote") }
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0x00...0x1f:
                throw error(
                    "a control character in a string; expected \\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))")
            default: text.append(byte)
            }
        }
    }

    /// Passes over a string, checked as one that is read.
    mutating func skipString() throws(JSONSyntaxError) {
        index += 1
        var none: [UInt8] = []
        while true {
            guard let byte = current else { throw error("a string without its closing quote") }
            if byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
                index += 1
                continue
            }
            index += 1
            if byte == UInt8(ascii: "\"") { return }
            guard byte == UInt8(ascii: "\\") else {
                throw error(
                    "a control character in a string; expected \\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))")
            }
            try escape(into: &none)
            none.removeAll(keepingCapacity: true)
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONSyntaxError) {
        guard let letter = current else { throw error("a string without its closing quote") }
        index += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hex()
            if code >= 0xd800, code < 0xdc00 {
                guard current == UInt8(ascii: "\\") else { throw error("half a surrogate pair") }
                index += 1
                try expect(UInt8(ascii: "u"), "the second half of a surrogate pair")
                let low = try hex()
                guard low >= 0xdc00, low < 0xe000 else { throw error("half a surrogate pair") }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
            text += Array(String(Character(scalar)).utf8)
        default: throw error("an unknown escape in a string")
        }
    }

    private mutating func hex() throws(JSONSyntaxError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            let digit: UInt32
            switch current {
            case .some(let byte) where byte >= 0x30 && byte <= 0x39: digit = UInt32(byte) - 0x30
            case .some(let byte) where byte >= 0x41 && byte <= 0x46: digit = UInt32(byte) - 0x41 + 10
            case .some(let byte) where byte >= 0x61 && byte <= 0x66: digit = UInt32(byte) - 0x61 + 10
            default: throw error("expected four hexadecimal digits after \\u")
            }
            code = code << 4 | digit
            index += 1
        }
        return code
    }
}
