/// Columns of another object that values must stand in.
public struct Reference: Sendable, Hashable {
    /// The other object, as the rule names it: `airports.csv`; empty for the table itself.
    public let object: String
    /// Its columns, in the order in which they are compared.
    public let columns: [String]
    /// The line of the schema that refers to them, from 1; nil for rules in Swift.
    public let line: Int?
    /// The types to compare as, those of the columns that refer to it.
    let typeNames: [String]
    let types: [ColumnType]
    /// How the table itself is written, and its columns' missing-value markers, for a reference to itself.
    var own: (format: Format, missing: [[String]])?

    init(object: String, columns: [String], types: [ColumnType], line: Int? = nil) {
        self.object = object
        self.line = line
        self.columns = columns
        self.types = types
        typeNames = types.map { String(describing: $0.kind) }
    }

    private var names: [ExactText] { ([object] + columns).map(ExactText.init) }

    /// Whether both want the same columns, as the same types.
    public static func == (left: Reference, right: Reference) -> Bool {
        left.names == right.names && left.typeNames == right.typeNames
    }

    /// Hashes what makes two references equal.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(names)
        hasher.combine(typeNames)
    }

    /// The names under which the object may lie, the likeliest first: a foreign key names a resource, `airports`, where the
    /// file is `airports.csv` or `airports.csv.gz`.
    public var objectNames: [String] {
        let compressions = ["", ".gz", ".zst"]
        if Format(key: object) != nil { return compressions.map { object + $0 } }
        let formats = [".csv", ".tsv", ".jsonl", ".ndjson", ".json"]
        return [object] + formats.flatMap { format in compressions.map { object + format + $0 } }
    }

    /// What is wrong with the object, told where it is referred to.
    func error(_ problem: String) -> RuleError {
        RuleError("\(line == nil ? "a rule" : "the foreign key") refers to \(shown), which \(problem)", line: line)
    }

    /// The object, for people.
    var shown: String { object.isEmpty ? "the table itself" : object }
}
