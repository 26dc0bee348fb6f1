/// A rule that is about more than one value of one column.
struct TableRule: Sendable {
    var kind: Kind
    var consequence: Consequence
    var line: Int?

    enum Kind: Sendable {
        case unique(columns: [String], required: Bool)
        case reference(columns: [String], Reference)
        case compare(String, Comparison, String)
        case row(String, @Sendable (Row) -> Bool)
        case rowCount(min: Int?, max: Int?)
        case missingShare(String, percent: Double)
        case distinct(String, min: Int?, max: Int?)
        case aggregate(Aggregate, String, min: Literal?, max: Literal?)
        case fresh(String, seconds: Int)
        case forbidden([String])
        case order
        case onlyDeclared
    }

    enum Aggregate: Sendable, Equatable {
        case mean, minimum, maximum
        case quantile(Double)
    }
}

/// How two columns of a row relate.
public enum Comparison: String, Sendable {
    case lessThan = "<"
    case lessThanOrEqual = "<="
    case equal = "=="
    case notEqual = "!="
    case greaterThanOrEqual = ">="
    case greaterThan = ">"
}

/// No two rows have the same values in these columns. Rows with a missing value among them are not compared.
public struct UniqueKey: Sendable, RuleElement {
    private let rule: TableRule

    /// A key over one or several columns.
    public init(_ columns: String..., severity: Severity = .error, atMost: Tolerance = .none) {
        self.init(columns: columns, severity: severity, atMost: atMost)
    }

    /// A key over one or several columns.
    public init(columns: [String], severity: Severity = .error, atMost: Tolerance = .none) {
        rule = TableRule(
            kind: .unique(columns: columns, required: false),
            consequence: Consequence(severity: severity, tolerance: atMost))
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) { definition.tableRules.append(rule) }
}

/// The values of several columns stand together in a row of another object.
public struct ForeignKey: Sendable, RuleElement {
    private let columns: [String]
    private let targets: [String]
    private let object: String
    private let consequence: Consequence

    /// `ForeignKey("origin", "hour", references: "origin", "hour", of: "weather.csv")`, in the same order.
    public init(
        _ columns: String..., references targets: String..., of object: String, severity: Severity = .error,
        atMost: Tolerance = .none
    ) {
        self.columns = columns
        self.targets = targets
        self.object = object
        consequence = Consequence(severity: severity, tolerance: atMost)
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) {
        let reference = Reference(object: object, columns: targets, types: [])
        definition.tableRules.append(
            TableRule(kind: .reference(columns: columns, reference), consequence: consequence))
    }
}

/// Two columns of each row compare so. Rows with a missing value in either are not compared.
public struct Compare: Sendable, RuleElement {
    private let rule: TableRule

    /// `Compare("shipped", .lessThanOrEqual, "received")`
    public init(
        _ left: String, _ comparison: Comparison, _ right: String, severity: Severity = .error,
        atMost: Tolerance = .none
    ) {
        rule = TableRule(
            kind: .compare(left, comparison, right), consequence: Consequence(severity: severity, tolerance: atMost))
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) { definition.tableRules.append(rule) }
}

/// A rule of your own over each row.
///
/// ```swift
/// RowRule("no faster than sound") { row in
///     guard let miles = row.integer("distance"), let minutes = row.integer("air_time") else { return true }
///     return miles * 60 < 767 * minutes
/// }
/// ```
public struct RowRule: Sendable, RuleElement {
    private let rule: TableRule

    /// A rule with a name, which the report shows.
    public init(
        _ name: String, severity: Severity = .error, atMost: Tolerance = .none,
        _ holds: @escaping @Sendable (Row) -> Bool
    ) {
        rule = TableRule(kind: .row(name, holds), consequence: Consequence(severity: severity, tolerance: atMost))
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) { definition.tableRules.append(rule) }
}
