/// How a file of rows is written.
public struct Format: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case delimited(Dialect)
        case jsonLines
        case jsonArray
    }

    var kind: Kind

    init(kind: Kind) { self.kind = kind }

    /// Comma-separated values (RFC 4180).
    public static let csv = Format(kind: .delimited(Dialect()))
    /// Tab-separated values.
    public static let tsv = Format(kind: .delimited(Dialect(delimiter: "\t")))
    /// One JSON object a line (https://jsonlines.org).
    public static let jsonLines = Format(kind: .jsonLines)
    /// One JSON array of objects.
    public static let json = Format(kind: .jsonArray)
    /// Delimited values in a dialect of their own.
    public static func delimited(_ dialect: Dialect) -> Format { Format(kind: .delimited(dialect)) }

    /// The dialect of a delimited format; nil for JSON.
    public var dialect: Dialect? {
        if case .delimited(let dialect) = kind { dialect } else { nil }
    }

    /// The format that a key's suffix stands for, once a suffix of compression is taken off; nil if it tells nothing.
    public init?(key: String) {
        var name = key.utf8.split(separator: UInt8(ascii: "/")).last.map { String($0) ?? "" } ?? ""
        name = name.lowercased()
        for suffix in [".gz", ".gzip", ".zst", ".zstd"] where name.hasSuffix(suffix) {
            name.removeLast(suffix.count)
        }
        switch name.split(separator: ".").last {
        case "csv", "txt": self = .csv
        case "tsv", "tab": self = .tsv
        case "jsonl", "ndjson", "ldjson": self = .jsonLines
        case "json": self = .json
        default: return nil
        }
    }

    /// The format of a table that is referred to, which nobody says more of than its key: that of the suffix, and for delimited
    /// text without the expected delimiter in its first line the delimiter that it has most of there. `beginning` are the first
    /// bytes, decompressed.
    public static func ofReference(key: String, beginning: [UInt8]) -> Format {
        let guess = beginning.withUnsafeBytes(SchemaInference.guess)
        guard let format = Format(key: key) else { return guess }
        guard case .delimited(let dialect) = format.kind, case .delimited = guess.kind,
            let delimiter = dialect.delimiter.asciiValue,
            !beginning.prefix(while: { $0 != 0x0a && $0 != 0x0d }).contains(delimiter)
        else { return format }
        return guess
    }
}

/// The characters of a delimited format, as the CSV Dialect of Table Schema has them
/// (https://specs.frictionlessdata.io/csv-dialect/, https://datapackage.org/standard/table-dialect/).
///
/// Lines end in LF, CRLF or CR, whichever the file uses first.
public struct Dialect: Sendable, Equatable {
    /// Between two fields; one ASCII character.
    public var delimiter: Character
    /// Around a field that holds delimiters, quotes or line ends; nil if there is no quoting.
    public var quote: Character?
    /// Whether a quote within a quoted field is written twice.
    public var doubleQuote: Bool
    /// Takes the next character as it is, where it is used.
    public var escape: Character?
    /// Whether the first row names the columns.
    public var header: Bool
    /// Lines that start so are no rows.
    public var comment: Character?
    /// Whether spaces after a delimiter are not part of the field.
    public var skipInitialSpace: Bool
    /// A further text that stands for a missing value.
    public var nullSequence: String?
    /// The rows that name the columns, from 1, counted as the file's lines are, blank ones and comments too; the data
    /// starts after the last of them. Their texts are joined by ``headerJoin``.
    public var headerRows: [Int] = [1]
    /// What joins the texts of several header rows.
    public var headerJoin = " "
    /// Rows that are passed over, from 1; they stand before or right after the header.
    public var commentRows: [Int] = []
    /// Whether `Name` and `name` are two columns.
    public var caseSensitiveHeader = true

    /// A dialect; the defaults are RFC 4180's.
    public init(
        delimiter: Character = ",", quote: Character? = "\"", doubleQuote: Bool = true, escape: Character? = nil,
        header: Bool = true, comment: Character? = nil, skipInitialSpace: Bool = false, nullSequence: String? = nil
    ) {
        self.delimiter = delimiter
        self.quote = quote
        self.doubleQuote = doubleQuote
        self.escape = escape
        self.header = header
        self.comment = comment
        self.skipInitialSpace = skipInitialSpace
        self.nullSequence = nullSequence
    }
}
