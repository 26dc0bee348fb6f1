/// One column: its type, and what its values must keep to.
///
/// ```swift
/// Column("price", .decimal).required().min("0.00").below(10_000)
/// Column("dest").required().references("faa", of: "airports.csv", atMost: .percent(3))
/// ```
///
/// Every rule can be softened where it stands: `severity: .warning` only counts, `atMost:` tolerates so many rows.
public struct Column: Sendable, RuleElement {
    /// The name in the header.
    public let name: String
    /// What the values are.
    public let type: ColumnType

    var constraints: [Constraint] = []
    var missing: [String]?
    var isOptional = false
    var typeConsequence = Consequence(severity: .error, tolerance: .none)
    var line: Int?

    struct Constraint: Sendable {
        var kind: Kind
        var consequence: Consequence

        enum Kind: Sendable {
            case required
            case bound(Bound, Literal)
            case length(min: Int?, max: Int?)
            case pattern(String)
            case oneOf([Literal])
            case unique
            case reference(Reference)
            case custom(String, @Sendable (String) -> Bool)
            case jsonSchema(JSONSchema)
        }

        enum Bound: Sendable { case min, max, above, below }
    }

    /// A column of a type; values of another type are errors, unless `severity` and `atMost` soften that.
    public init(
        _ name: String, _ type: ColumnType = .string, severity: Severity = .error, atMost tolerance: Tolerance = .none
    ) {
        self.name = name
        self.type = type
        typeConsequence = Consequence(severity: severity, tolerance: tolerance)
    }

    var isRequired: Bool {
        constraints.contains { constraint in
            if case .required = constraint.kind { return true }
            return false
        }
    }

    func adding(_ kind: Constraint.Kind, _ severity: Severity, _ tolerance: Tolerance) -> Column {
        var copy = self
        copy.constraints.append(
            Constraint(kind: kind, consequence: Consequence(severity: severity, tolerance: tolerance)))
        return copy
    }

    /// No value may be missing.
    public func required(severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.required, severity, atMost)
    }
    /// The column itself may be absent from the file.
    public func optional() -> Column {
        var copy = self
        copy.isOptional = true
        return copy
    }
    /// The texts that stand for a missing value here, in place of the rule set's.
    public func missing(_ markers: String...) -> Column {
        var copy = self
        copy.missing = markers
        return copy
    }
    func missing(_ markers: [String]?) -> Column {
        var copy = self
        copy.missing = markers
        return copy
    }
    /// No value under this one.
    public func min(_ bound: Literal, severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.bound(.min, bound), severity, atMost)
    }
    /// No value over this one.
    public func max(_ bound: Literal, severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.bound(.max, bound), severity, atMost)
    }
    /// Only values over this one.
    public func above(_ bound: Literal, severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.bound(.above, bound), severity, atMost)
    }
    /// Only values under this one.
    public func below(_ bound: Literal, severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.bound(.below, bound), severity, atMost)
    }
    /// Both ends included. For decimals and dates write ``min(_:severity:atMost:)`` and ``max(_:severity:atMost:)``.
    public func range(_ range: ClosedRange<Int>, severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        min(Literal(String(range.lowerBound)), severity: severity, atMost: atMost)
            .max(Literal(String(range.upperBound)), severity: severity, atMost: atMost)
    }
    /// Exactly so many characters (Unicode scalars).
    public func length(_ count: Int, severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.length(min: count, max: count), severity, atMost)
    }
    /// So many characters (Unicode scalars).
    public func length(_ range: ClosedRange<Int>, severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.length(min: range.lowerBound, max: range.upperBound), severity, atMost)
    }
    /// At least so many characters (Unicode scalars).
    public func minLength(_ count: Int, severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.length(min: count, max: nil), severity, atMost)
    }
    /// At most so many characters (Unicode scalars).
    public func maxLength(_ count: Int, severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.length(min: nil, max: count), severity, atMost)
    }
    /// The whole value matches a regular expression. See ``Pattern`` for the syntax; matching takes linear time.
    public func pattern(_ expression: String, severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.pattern(expression), severity, atMost)
    }
    /// One of these values, compared as the column's type: an integer column's `7` is also `07`.
    public func oneOf(_ values: Literal..., severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.oneOf(values), severity, atMost)
    }
    /// One of these values.
    public func oneOf(_ values: [Literal], severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.oneOf(values), severity, atMost)
    }
    /// No value twice. Missing values are not compared.
    public func unique(severity: Severity = .error, atMost: Tolerance = .none) -> Column {
        adding(.unique, severity, atMost)
    }
    /// Every value stands in a column of another object. Missing values are not looked up.
    public func references(
        _ column: String, of object: String, severity: Severity = .error, atMost: Tolerance = .none
    ) -> Column {
        adding(.reference(Reference(object: object, columns: [column], types: [type])), severity, atMost)
    }
    /// The value, a JSON object or array, keeps to a JSON Schema (drafts 7 to 2020-12). Throws ``RuleError`` if that is none.
    public func jsonSchema(
        _ schema: String, severity: Severity = .error, atMost: Tolerance = .none
    ) throws(RuleError) -> Column {
        let value: JSONValue
        do { value = try JSONParser.parse(schema) } catch { throw RuleError(error.message, line: error.line) }
        return adding(.jsonSchema(try JSONSchema(value)), severity, atMost)
    }
    /// A rule of your own over the text of each value that is not missing.
    public func check(
        _ name: String, severity: Severity = .error, atMost: Tolerance = .none,
        _ holds: @escaping @Sendable (String) -> Bool
    ) -> Column {
        adding(.custom(name, holds), severity, atMost)
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) { definition.columns.append(self) }
}
