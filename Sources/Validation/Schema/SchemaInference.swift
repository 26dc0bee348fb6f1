/// Writes a first Table Schema from data.
///
/// What it writes down is what a data engineer would, knowing the file: the narrowest type that every value of a column has
/// (day and month are told apart by a value that only one of them can be, never guessed), `required` where nothing is
/// missing, the texts that stand for a missing value, an enumeration where a long file has few values, a primary key where
/// one column names every row. It writes no bounds: those of a sample are false alarms tomorrow. The schema passes on the
/// bytes that it was made from; that is tried before it is given out, and what does not hold is left out.
public enum SchemaInference {
    /// Texts that are taken to mean "missing" if they stand in a column whose other values have a narrower type.
    static let markers = [
        "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None", "nil", "\\N", "-", "--", "?",
    ]
    /// More columns than this are not looked at.
    private static let mostColumns = 5_000

    /// Infers from the beginning of a file.
    ///
    /// - Parameters:
    ///   - bytes: The file, or as much of it as is to be looked at, ending after a row.
    ///   - format: How it is written; nil goes by the first line.
    /// - Returns: A Table Schema, as JSON on several lines.
    /// - Throws: ``RuleError`` if there is no header, or the bytes are of another format.
    public static func schema(of bytes: UnsafeRawBufferPointer, format: Format? = nil) throws -> String {
        let format = format ?? guess(bytes)
        let survey = try Validator(RuleSet("sample", format: format) {}).validate(bytes: bytes)
        if let other = survey.checks.first(where: { $0.rule == Departure.wrongFormat.rawValue && $0.count > 0 }) {
            throw RuleError("this is no table to infer from: \(other.offenders.first?.value ?? other.name)")
        }
        var names = survey.columns.map(\.name)
        if case .delimited(var dialect) = format.kind {
            if !dialect.header {
                // As many columns as the first row has fields, by number.
                dialect.header = true
                let headed = RuleSet("sample", format: Format(kind: .delimited(dialect))) {}
                let width = try Validator(headed).validate(bytes: bytes).columns.count
                names = (0..<width).map { "column\($0 + 1)" }
            }
            if names.isEmpty { throw RuleError("there is no header to infer columns from") }
        } else {
            names = memberNames(bytes)
        }
        guard names.count <= mostColumns else {
            throw RuleError("\(names.count) columns; a schema is inferred for up to \(mostColumns)")
        }
        var seen = Set<ExactText>()
        let guesses = names.filter { !$0.isEmpty && seen.insert(ExactText($0)).inserted }.map(ColumnGuess.init)
        let rules = RuleSet("sample", format: format) {
            for guess in guesses {
                Column(guess.name, .any).check("") { value in
                    guess.take(value)
                    return true
                }
            }
        }
        let report = try Validator(rules).validate(bytes: bytes)
        var draft = SchemaDraft(guesses, report)
        if guesses.count < names.count { draft.hasFurtherColumns = true }
        // What the engine finds broken in the very file is taken out again.
        for _ in 0..<4 {
            let schema = try TableSchema(json: draft.text, name: "sample", format: format)
            let verdict = try Validator(schema).validate(bytes: bytes)
            guard draft.relax(verdict) else { break }
        }
        return draft.text
    }

    /// The format that the first line suggests: JSON by its bracket, else the delimiter that occurs most.
    public static func guess(_ bytes: UnsafeRawBufferPointer) -> Format {
        let line = bytes.prefix(64 << 10).prefix { $0 != 0x0a && $0 != 0x0d }
        switch line.first(where: { $0 != 0x20 && $0 != 0x09 }) {
        case UInt8(ascii: "["): return .json
        case UInt8(ascii: "{"): return .jsonLines
        default: break
        }
        var best: (character: Character, count: Int) = (",", 0)
        for character: Character in [",", "\t", ";", "|"] {
            let count = line.count { $0 == character.asciiValue }
            if count > best.count { best = (character, count) }
        }
        return .delimited(Dialect(delimiter: best.character))
    }

    /// The members of the first hundred objects, in the order of their first appearance.
    private static func memberNames(_ bytes: UnsafeRawBufferPointer) -> [String] {
        var names: [String] = []
        var seen = Set<ExactText>()
        var parser = JSONParser(bytes.bindMemory(to: UInt8.self))
        parser.skipSpace()
        _ = parser.take(UInt8(ascii: "["))
        for _ in 0..<100 {
            guard let value = try? parser.value(depth: 0), case .object(let members) = value.content else { break }
            for (key, _) in members where seen.insert(ExactText(key)).inserted { names.append(key) }
            parser.skipSpace()
            _ = parser.take(UInt8(ascii: ","))
        }
        return names
    }
}
