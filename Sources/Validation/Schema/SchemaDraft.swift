/// A schema in the making.
struct SchemaDraft {
    private struct Field {
        var name: String
        /// The members of the descriptor after its name, as JSON.
        var members: [(key: String, json: String)]
        var isRequired = false
        var values: [String]?
    }

    private var fields: [Field] = []
    private var missing = [""]
    private var primaryKey: String?
    /// The file has columns that the schema leaves out.
    var hasFurtherColumns = false

    /// Values are listed where so many rows have no more than so many of them.
    private static let rowsForValues = 100
    private static let mostValues = 10
    /// A file of fewer rows has columns without a repetition by chance.
    private static let rowsForKey = 20

    init(_ guesses: [ColumnGuess], _ report: ValidationReport) {
        for marker in SchemaInference.markers
        where guesses.contains(where: { $0.isNarrow && $0.markers.contains(marker) }) {
            missing.append(marker)
        }
        for guess in guesses {
            var field = Field(name: guess.name, members: guess.members)
            let absent = report.columns.first { $0.name.isExactly(guess.name) }?.missing ?? 0
            let isMarked = guess.markers.contains { missing.contains($0) }
            let isPresent = absent == 0 && !isMarked && report.rows > 0
            field.isRequired = isPresent
            if guess.isText, report.rows >= Self.rowsForValues, let values = guess.distinct, !values.isEmpty,
                values.count <= Self.mostValues
            {
                field.values = values.filter { !missing.contains($0) }.sorted {
                    $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars)
                }
                if field.values?.isEmpty == true { field.values = nil }
            }
            if primaryKey == nil, isPresent, guess.mayBeKey, report.rows >= Self.rowsForKey { primaryKey = guess.name }
            fields.append(field)
        }
    }

    /// Takes out what the file itself breaks; whether there was anything.
    mutating func relax(_ report: ValidationReport) -> Bool {
        var isChanged = false
        for check in report.checks where check.count > 0 && !check.passed {
            let place = check.columns.first.flatMap { name in fields.firstIndex { $0.name.isExactly(name) } }
            switch (check.rule, place) {
            case ("type", let place?):
                fields[place].members = [("type", "\"any\"")]
                fields[place].values = nil
            case ("required", let place?): fields[place].isRequired = false
            case ("enum", let place?): fields[place].values = nil
            case ("unique", _): primaryKey = nil
            case ("extra-column", _), ("column-order", _): hasFurtherColumns = true
            default: continue
            }
            if check.rule == "required" { primaryKey = nil }
            isChanged = true
        }
        return isChanged
    }

    static func quoted(_ text: String) -> String {
        var json = JSONText()
        json.string(text)
        return json.text
    }

    var text: String {
        let lines = fields.map { field in
            var text = "    {\"name\": \(Self.quoted(field.name))"
            for (key, json) in field.members { text += ", \"\(key)\": \(json)" }
            var constraints: [String] = []
            if field.isRequired { constraints.append("\"required\": true") }
            if let values = field.values {
                constraints.append("\"enum\": [\(values.map(Self.quoted).joined(separator: ", "))]")
            }
            if !constraints.isEmpty { text += ", \"constraints\": {\(constraints.joined(separator: ", "))}" }
            return text + "}"
        }
        let match = hasFurtherColumns ? "\n  \"fieldsMatch\": \"subset\"," : ""
        let key = primaryKey.map { ",\n  \"primaryKey\": [\(Self.quoted($0))]" } ?? ""
        return """
            {
              "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",\(match)
              "missingValues": [\(missing.map(Self.quoted).joined(separator: ", "))],
              "fields": [
            \(lines.joined(separator: ",\n"))
              ]\(key)
            }

            """
    }
}
