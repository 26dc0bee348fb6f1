/// A way in which a file departs from its format.
public enum Departure: String, Sendable, Codable, CaseIterable {
    /// A quote within a field that does not start with one; it is taken as a character.
    case quoteInBareField = "quote-in-bare-field"
    /// Text between a closing quote and the next delimiter; it is taken as part of the value.
    case textAfterClosingQuote = "text-after-closing-quote"
    /// A quoted field that the file ends in; what it swallowed is not judged.
    case unterminatedQuote = "unterminated-quote"
    /// A row with more or fewer fields than the header; its values are not judged.
    case raggedRow = "ragged-row"
    /// An empty line; it is no row.
    case blankLine = "blank-line"
    /// A carriage return that ends no line; it is taken as a character.
    case strayCarriageReturn = "stray-carriage-return"
    /// A NUL byte.
    case nulByte = "nul-byte"
    /// Bytes that are not UTF-8.
    case invalidUTF8 = "invalid-utf8"
    /// A byte order mark at the start; it is taken off.
    case byteOrderMark = "byte-order-mark"
    /// A last line without a line end.
    case noFinalNewline = "no-final-newline"
    /// Two columns with one name; the first is used.
    case duplicateColumn = "duplicate-column"
    /// A column without a name.
    case emptyColumnName = "empty-column-name"
    /// A row longer than ``ValidationOptions/longestRow``, or a header of more than 1,048,576 columns; reading stops there.
    case rowTooLong = "row-too-long"
    /// Another format altogether, or another encoding than UTF-8; nothing of it is judged.
    case wrongFormat = "wrong-format"
    /// A line that is not the JSON that its format asks for.
    case malformedJSON = "malformed-json"
    /// An object that has one member twice; the last one counts.
    case duplicateMember = "duplicate-member"

    /// Its place among all cases.
    var number: Int {
        switch self {
        case .quoteInBareField: 0
        case .textAfterClosingQuote: 1
        case .unterminatedQuote: 2
        case .raggedRow: 3
        case .blankLine: 4
        case .strayCarriageReturn: 5
        case .nulByte: 6
        case .invalidUTF8: 7
        case .byteOrderMark: 8
        case .noFinalNewline: 9
        case .duplicateColumn: 10
        case .emptyColumnName: 11
        case .rowTooLong: 12
        case .wrongFormat: 13
        case .malformedJSON: 14
        case .duplicateMember: 15
        }
    }

    /// What it means unless the rule set says otherwise.
    var severity: Severity {
        switch self {
        case .unterminatedQuote, .raggedRow, .invalidUTF8, .duplicateColumn, .rowTooLong, .malformedJSON,
            .wrongFormat:
            .error
        case .quoteInBareField, .textAfterClosingQuote, .blankLine, .strayCarriageReturn, .nulByte, .byteOrderMark,
            .noFinalNewline, .emptyColumnName, .duplicateMember:
            .warning
        }
    }

    /// The finding in words.
    var text: String {
        switch self {
        case .quoteInBareField: "no quote within an unquoted field"
        case .textAfterClosingQuote: "no text after a closing quote"
        case .unterminatedQuote: "every quoted field is closed"
        case .raggedRow: "every row has as many fields as the header"
        case .blankLine: "no blank lines"
        case .strayCarriageReturn: "no carriage return within a field"
        case .nulByte: "no NUL bytes"
        case .invalidUTF8: "the text is UTF-8"
        case .byteOrderMark: "no byte order mark"
        case .noFinalNewline: "the last line ends"
        case .duplicateColumn: "no column name twice"
        case .emptyColumnName: "every column has a name"
        case .rowTooLong: "no row beyond the length limit"
        case .wrongFormat: "the file is of its format"
        case .malformedJSON: "every row is a JSON object"
        case .duplicateMember: "no member twice in an object"
        }
    }
}
