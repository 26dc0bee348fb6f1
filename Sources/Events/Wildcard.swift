/// A pattern in which `*` stands for any run of characters, as EventBridge's `wildcard` and Step Functions' `StringMatches`
/// have it. Which escapes are valid is for them to say.
public struct Wildcard: Sendable, Hashable {
    /// The bytes between the asterisks: one part more than there are asterisks.
    let parts: [[UInt8]]

    /// A pattern of the bytes between its asterisks; at least one part, which may be empty.
    public init(parts: [[UInt8]]) { self.parts = parts }

    /// Reads a pattern in which a character after a backslash stands for itself.
    public init(_ pattern: String) {
        var parts: [[UInt8]] = [[]]
        var isEscaped = false
        for byte in pattern.utf8 {
            if !isEscaped, byte == UInt8(ascii: "*") {
                parts.append([])
            } else if !isEscaped, byte == UInt8(ascii: "\\") {
                isEscaped = true
                continue
            } else {
                parts[parts.count - 1].append(byte)
            }
            isEscaped = false
        }
        self.parts = parts
    }

    /// Whether the whole text fits.
    public func matches(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = parts.first, let last = parts.last, bytes.starts(with: first) else { return false }
        guard parts.count > 1 else { return bytes.count == first.count }
        var at = first.count
        for part in parts.dropFirst().dropLast() {
            guard let found = Self.find(part, in: bytes, from: at) else { return false }
            at = found + part.count
        }
        return bytes.count - at >= last.count && bytes.suffix(last.count).elementsEqual(last)
    }

    private static func find(_ part: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count - start >= part.count else { return nil }
        return (start...(bytes.count - part.count)).first { bytes[$0..<($0 + part.count)].elementsEqual(part) }
    }
}
