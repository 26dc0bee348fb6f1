import ArgumentParser
import FunctionRuntime
import Validation

/// How a table is written, where its name and its first bytes don't tell, or tell it wrong.
struct TableOptions: ParsableArguments {
    enum FormatName: String, ExpressibleByArgument, CaseIterable {
        case csv, tsv, jsonl, json
    }

    enum CompressionName: String, ExpressibleByArgument, CaseIterable {
        case auto, gzip, zstd, none
    }

    @Option(
        help:
            "csv, tsv, jsonl (one object a line) or json (an array of objects). Default: by the suffix, then by content."
    )
    var format: FormatName?
    @Option(help: ArgumentHelp("What stands between two fields; \\t or tab for a tab.", valueName: "character"))
    var delimiter: String?
    @Option(help: ArgumentHelp("What stands around a field; none for no quoting.", valueName: "character"))
    var quote: String?
    @Option(help: ArgumentHelp("Takes the next character as it is.", valueName: "character"))
    var escape: String?
    @Option(help: ArgumentHelp("Lines that start so are no rows.", valueName: "character"))
    var comment: String?
    @Flag(help: "The first row is data; columns go by the schema's order.")
    var noHeader = false
    @Flag(help: "Spaces after a delimiter are not part of the field.")
    var skipInitialSpace = false
    @Option(
        help: "auto (by the first bytes; a name that ends in .gz or .zst must keep its promise), gzip, zstd or none.")
    var compression = CompressionName.auto

    func validate() throws {
        for (name, text) in [("delimiter", delimiter), ("escape", escape), ("comment", comment), ("quote", quote)] {
            guard let text, !(name == "quote" && text == "none") else { continue }
            guard let character = Self.character(text), character.isASCII else {
                throw ValidationError("--\(name) takes one ASCII character, not '\(text)'.")
            }
        }
        if hasDialect, format == .json || format == .jsonl {
            throw ValidationError("JSON has no delimiter, quote, escape, comment or header to set.")
        }
    }

    var decoding: Decoding {
        switch compression {
        case .auto: .strict
        case .gzip: .only(.gzip)
        case .zstd: .only(.zstd)
        case .none: .none
        }
    }

    private var hasDialect: Bool {
        delimiter != nil || quote != nil || escape != nil || comment != nil || noHeader || skipInitialSpace
    }

    private static func character(_ text: String) -> Character? {
        switch text {
        case "\\t", "tab": "\t"
        case "space": " "
        default: text.count == 1 ? text.first : nil
        }
    }

    /// What the command line says of the format, on top of what is known without it; nil where it says nothing.
    func format(over known: () throws -> Format) rethrows -> Format? {
        let named: Format? =
            switch format {
            case .csv: .csv
            case .tsv: .tsv
            case .jsonl: .jsonLines
            case .json: .json
            case nil: nil
            }
        guard hasDialect else { return named }
        var dialect = try (named ?? known()).dialect ?? Dialect()
        if let delimiter, let character = Self.character(delimiter) { dialect.delimiter = character }
        if let quote { dialect.quote = quote == "none" ? nil : Self.character(quote) }
        if let escape { dialect.escape = Self.character(escape) }
        if let comment { dialect.comment = Self.character(comment) }
        if noHeader { dialect.header = false }
        if skipInitialSpace { dialect.skipInitialSpace = true }
        return .delimited(dialect)
    }

    /// What a table's name says of its format, or else what its first bytes do.
    static func guess(_ input: TableInput, _ reader: ContentReader) throws -> Format {
        if !input.isStandardInput, let format = Format(key: input.argument) { return format }
        return try reader.peek(64 << 10).withUnsafeBytes(SchemaInference.guess)
    }
}
