/// Dialects from descriptors: CSV Dialect (https://specs.frictionlessdata.io/csv-dialect/) and Table Dialect
/// (https://datapackage.org/standard/table-dialect/).
extension Dialect {
    private static let names = [
        "header", "headerRows", "headerJoin", "commentRows", "commentChar", "delimiter", "lineTerminator", "quoteChar",
        "doubleQuote", "escapeChar", "nullSequence", "skipInitialSpace", "caseSensitiveHeader", "csvddfVersion",
    ]

    /// Reads a dialect descriptor; what it leaves out is RFC 4180's. Throws ``RuleError`` with the line of a mistake.
    public init(json: String) throws(RuleError) {
        let value: JSONValue
        do { value = try JSONParser.parse(document: json) } catch { throw RuleError(error.message, line: error.line) }
        try self.init(value, delimiter: ",")
    }

    init(_ value: JSONValue, delimiter: Character) throws(RuleError) {
        self.init(delimiter: delimiter)
        for (key, member) in try value.object("a dialect") {
            let what = "the dialect's \"\(key)\""
            switch key {
            case "delimiter": self.delimiter = try member.character(what)
            case "quoteChar": quote = member.content.isNull ? nil : try member.character(what)
            case "escapeChar": escape = member.content.isNull ? nil : try member.character(what)
            case "commentChar": comment = member.content.isNull ? nil : try member.character(what)
            case "doubleQuote": doubleQuote = try member.bool(what)
            case "skipInitialSpace": skipInitialSpace = try member.bool(what)
            case "header": header = try member.bool(what)
            case "headerRows": headerRows = try member.rows(what)
            case "commentRows": commentRows = try member.rows(what)
            case "headerJoin": headerJoin = try member.string(what)
            case "nullSequence": nullSequence = member.content.isNull ? nil : try member.string(what)
            case "caseSensitiveHeader": caseSensitiveHeader = try member.bool(what)
            case "lineTerminator":
                guard ["\n", "\r\n", "\r"].contains(try member.string(what)) else {
                    throw RuleError("\(what) is a line end: expected \\n, \\r\\n or \\r", line: member.line)
                }
            case "itemType", "itemKeys", "property":
                throw RuleError("\(what) is for JSON data, and is not supported", line: member.line)
            default:
                guard let meant = Suggestion.nearest(to: key, among: Self.names), meant != key else { break }
                throw RuleError("\(what) is no property of a dialect; did you mean \"\(meant)\"?", line: member.line)
            }
        }
        do {
            _ = try CompiledDialect(self)
        } catch { throw RuleError(error.message, line: error.line ?? value.line) }
    }
}

extension Format {
    /// The format that a resource descriptor tells of, by its `format`, `mediatype`, `path` and `dialect`; this one for what
    /// it leaves out. Throws ``RuleError`` for a format or an encoding that can't be read.
    func described(by resource: JSONValue) throws(RuleError) -> Format {
        var format = self
        if let value = resource["encoding"] {
            let name = try value.string("\"encoding\"").lowercased()
            guard ["utf-8", "utf8", "ascii", "us-ascii"].contains(name) else {
                throw RuleError("the encoding \"\(name)\" is not read; expected utf-8", line: value.line)
            }
        }
        if let value = resource["format"] {
            let name = try value.string("\"format\"")
            guard let known = Format(key: "data." + name) else {
                throw RuleError(
                    "the format \"\(name)\" is not read; expected csv, tsv, json, jsonl or ndjson"
                        + Suggestion.text(for: name, among: ["csv", "tsv", "json", "jsonl", "ndjson"]), line: value.line
                )
            }
            format = known
        } else if case .string(let path)? = resource["path"]?.content, let known = Format(key: path) {
            format = known
        }
        guard let dialect = resource["dialect"] else { return format }
        guard case .delimited(let own) = format.kind else { return format }
        return .delimited(try Dialect(dialect, delimiter: own.delimiter))
    }
}

extension JSONValue {
    fileprivate func character(_ what: String) throws(RuleError) -> Character {
        let text = try string(what)
        guard let character = text.first, text.count == 1, character.asciiValue != nil else {
            throw RuleError("\(what) is one ASCII character, not \(kind)", line: line)
        }
        return character
    }

    fileprivate func rows(_ what: String) throws(RuleError) -> [Int] {
        var rows: [Int] = []
        for element in try array(what) {
            let row = try element.count("a row of \(what)")
            guard row > 0 else { throw RuleError("\(what): rows count from 1", line: element.line) }
            rows.append(row)
        }
        return rows
    }
}
