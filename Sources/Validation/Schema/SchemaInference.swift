/// Writes a first Table Schema from data: the narrowest type that every value of a column has, whether it is ever missing,
/// and the texts that seem to stand for a missing value.
public enum SchemaInference {
    /// Texts that are taken to mean "missing" if they stand in a column whose other values have a narrower type.
    static let markers = ["NA", "N/A", "n/a", "null", "NULL", "None", "-"]

    /// Infers from the beginning of a file.
    ///
    /// - Parameters:
    ///   - bytes: The file, or as much of it as is to be looked at, ending after a row.
    ///   - format: How it is written; nil goes by the first line.
    /// - Returns: A Table Schema, as JSON on several lines.
    public static func schema(of bytes: UnsafeRawBufferPointer, format: Format? = nil) throws -> String {
        let format = format ?? guess(bytes)
        var names = try Validator(RuleSet("sample", format: format) {}).validate(bytes: bytes).columns.map(\.name)
        if case .delimited = format.kind {
            if names.isEmpty { throw RuleError("there is no header to infer columns from") }
        } else {
            names = memberNames(bytes)
        }
        var seen = Set<String>()
        let guesses = names.filter { !$0.isEmpty && seen.insert($0).inserted }.map(ColumnGuess.init)
        let rules = RuleSet("sample", format: format) {
            for guess in guesses {
                Column(guess.name, .any).check("") { value in
                    guess.take(value)
                    return true
                }
            }
        }
        let report = try Validator(rules).validate(bytes: bytes)
        var missing = [""]
        for marker in markers where guesses.contains(where: { $0.isNarrow && $0.markers.contains(marker) }) {
            missing.append(marker)
        }
        return render(guesses, report, missing)
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
        var parser = JSONParser(bytes.bindMemory(to: UInt8.self))
        parser.skipSpace()
        _ = parser.take(UInt8(ascii: "["))
        for _ in 0..<100 {
            guard let value = try? parser.value(depth: 0), case .object(let members) = value.content else { break }
            for (key, _) in members where !names.contains(key) { names.append(key) }
            parser.skipSpace()
            _ = parser.take(UInt8(ascii: ","))
        }
        return names
    }

    private static func render(_ guesses: [ColumnGuess], _ report: ValidationReport, _ missing: [String]) -> String {
        func quoted(_ text: String) -> String {
            var json = JSONText()
            json.string(text)
            return json.text
        }
        var fields: [String] = []
        for guess in guesses {
            let type = guess.isNarrow ? guess.type : "string"
            var field = "    {\"name\": \(quoted(guess.name)), \"type\": \"\(type)\""
            let absent = report.columns.first { $0.name == guess.name }?.missing ?? 0
            let isMarked = guess.markers.contains { missing.contains($0) }
            if absent == 0, !isMarked, report.rows > 0 { field += ", \"constraints\": {\"required\": true}" }
            fields.append(field + "}")
        }
        return """
            {
              "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
              "missingValues": [\(missing.map(quoted).joined(separator: ", "))],
              "fields": [
            \(fields.joined(separator: ",\n"))
              ]
            }

            """
    }
}

/// What a column may be, as far as its values have shown.
///
/// Sendable without the compiler's proof: the validation that fills it runs on one thread, and it is read after.
private final class ColumnGuess: @unchecked Sendable {
    let name: String
    private var candidates: [(type: String, reader: FieldReader)] = []
    private var hasValues = false
    private(set) var markers: Set<String> = []

    init(_ name: String) {
        self.name = name
        // From the narrowest to the widest.
        let types: [ColumnType] = [
            .integer, .number, .boolean(true: ["true", "True", "TRUE"], false: ["false", "False", "FALSE"]), .date,
            .datetime, .time,
        ]
        for type in types {
            if let reader = try? FieldReader(type) { candidates.append((type.name, reader)) }
        }
    }

    func take(_ value: String) {
        if SchemaInference.markers.contains(value) {
            markers.insert(value)
            return
        }
        hasValues = true
        // A number with a leading zero is a code: a postcode, an account.
        let isCode =
            value.utf8.count > 1 && value.utf8.first == 0x30 && value.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        candidates.removeAll { candidate in
            if isCode, candidate.type == "integer" || candidate.type == "number" { return true }
            if case .invalid = candidate.reader.judge(Array(value.utf8)[...]) { return true }
            return false
        }
    }

    /// Whether all values have a type narrower than string.
    var isNarrow: Bool { hasValues && !candidates.isEmpty }
    var type: String { candidates.first?.type ?? "string" }
}
