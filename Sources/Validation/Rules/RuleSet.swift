/// What good data is, for one table.
///
/// ```swift
/// let flights = RuleSet("flights", missing: ["NA", ""]) {
///     Column("year", .integer).required().range(2013...2013)
///     Column("month", .integer).required().range(1...12)
///     Column("dep_time", .integer).range(1...2400)
///     Column("carrier").required().length(2).references("carrier", of: "airlines.csv")
///     Column("origin").required().oneOf("EWR", "JFK", "LGA")
///     Column("dest").required().references("faa", of: "airports.csv", atMost: .percent(3))
///     Column("time_hour", .datetime).required()
///     UniqueKey("year", "month", "day", "carrier", "flight", "sched_dep_time", "origin")
///     Compare("hour", .lessThanOrEqual, "sched_dep_time")
///     RowCount(1...)
/// }
/// ```
///
/// A ``Validator`` compiles it, once, and then runs it over any number of files.
public struct RuleSet: Sendable {
    /// The name that the report carries.
    public let name: String
    /// How the file is written.
    public var format: Format
    /// The texts that stand for a missing value in every column that names none of its own.
    public var missing: [String]

    var definition = RuleDefinition()

    /// A rule set.
    public init(
        _ name: String, format: Format = .csv, missing: [String] = [""],
        @RuleBuilder rules: () -> RuleDefinition
    ) {
        self.name = name
        self.format = format
        self.missing = missing
        definition = rules()
    }
}

/// What a rule set may hold: ``Column``, ``UniqueKey``, ``Compare``, ``RowRule``, ``RowCount`` and their kin.
public protocol RuleElement {
    /// Adds the rule to those of its set.
    func add(to definition: inout RuleDefinition)
}

/// The rules of a set, collected.
public struct RuleDefinition: Sendable {
    var columns: [Column] = []
    var tableRules: [TableRule] = []
    var departures: [Departure: Consequence] = [:]
    /// At least one declared column must be in the file, though each alone is optional.
    var needsAnyColumn = false
    /// Several columns of one name are told apart by their order.
    var allowsRepeatedNames = false
}

/// Lets a ``RuleSet`` be written as a list of rules, with `if` and `for` where they help.
@resultBuilder
public enum RuleBuilder {
    /// One rule.
    public static func buildExpression(_ element: any RuleElement) -> [any RuleElement] { [element] }
    /// Rules one after another.
    public static func buildBlock(_ parts: [any RuleElement]...) -> [any RuleElement] { parts.flatMap(\.self) }
    /// An `if` without `else`.
    public static func buildOptional(_ part: [any RuleElement]?) -> [any RuleElement] { part ?? [] }
    /// An `if`.
    public static func buildEither(first part: [any RuleElement]) -> [any RuleElement] { part }
    /// An `else`.
    public static func buildEither(second part: [any RuleElement]) -> [any RuleElement] { part }
    /// A `for` loop.
    public static func buildArray(_ parts: [[any RuleElement]]) -> [any RuleElement] { parts.flatMap(\.self) }
    /// The rules, collected.
    public static func buildFinalResult(_ parts: [any RuleElement]) -> RuleDefinition {
        var definition = RuleDefinition()
        for part in parts { part.add(to: &definition) }
        return definition
    }
}
