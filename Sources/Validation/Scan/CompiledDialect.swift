/// A dialect in bytes.
struct CompiledDialect: Sendable {
    var delimiter: UInt8
    var quote: UInt8?
    var escape: UInt8?
    var comment: UInt8?
    var doubleQuote: Bool
    var skipInitialSpace: Bool
    var header: Bool
    var headerRows: [Int]
    var headerJoin: String
    var commentRows: [Int]
    var caseSensitiveHeader: Bool
    /// LF, which a CR may precede; or CR alone.
    var terminator: UInt8 = 0x0a

    init(_ dialect: Dialect) throws(RuleError) {
        func byte(_ character: Character?, _ name: String) throws(RuleError) -> UInt8? {
            guard let character else { return nil }
            guard let byte = character.asciiValue, byte != 0, byte != 0x0a, byte != 0x0d else {
                throw RuleError("the dialect's \(name) must be one ASCII character that ends no line")
            }
            return byte
        }
        guard let delimiter = try byte(dialect.delimiter, "delimiter") else { throw RuleError("no delimiter") }
        self.delimiter = delimiter
        quote = try byte(dialect.quote, "quote")
        escape = try byte(dialect.escape, "escape character")
        comment = try byte(dialect.comment, "comment character")
        doubleQuote = dialect.doubleQuote
        skipInitialSpace = dialect.skipInitialSpace
        header = dialect.header
        headerRows = dialect.headerRows
        headerJoin = dialect.headerJoin
        commentRows = dialect.commentRows
        caseSensitiveHeader = dialect.caseSensitiveHeader
        var end = dialect.header ? headerRows.max() ?? 0 : 0
        while commentRows.contains(end + 1) { end += 1 }
        if dialect.header, headerRows.isEmpty { throw RuleError("a header has at least one row in headerRows") }
        if (headerRows + commentRows).contains(where: { $0 < 1 || $0 > 1000 }) {
            throw RuleError("headerRows and commentRows count from 1, up to 1000")
        }
        if let row = commentRows.first(where: { $0 > end }) {
            throw RuleError("row \(row) in commentRows stands among the data: use a comment character there")
        }
        if quote == delimiter { throw RuleError("the dialect's quote and delimiter must differ") }
    }

    /// The characters of a field as it stands in the file, quotes taken off; `bytes` ends before any line end.
    func decode(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var index = 0
        if skipInitialSpace { while index < bytes.count, bytes[index] == 0x20 { index += 1 } }
        var isQuoted = false
        if index < bytes.count, bytes[index] == quote {
            isQuoted = true
            index += 1
        }
        while index < bytes.count {
            let byte = bytes[index]
            if byte == escape, index + 1 < bytes.count {
                text.append(bytes[index + 1])
                index += 2
                continue
            }
            if isQuoted, byte == quote {
                if doubleQuote, index + 1 < bytes.count, bytes[index + 1] == quote {
                    text.append(byte)
                    index += 2
                    continue
                }
                // Closed: the rest, if any, is taken as it stands.
                isQuoted = false
                index += 1
                continue
            }
            text.append(byte)
            index += 1
        }
        return text
    }
}
