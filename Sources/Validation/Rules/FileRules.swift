/// So many rows are in the file: `RowCount(1...)`, `RowCount(100...200)`, `RowCount(...1_000_000)`.
public struct RowCount: Sendable, RuleElement {
    private let rule: TableRule

    /// At least so many.
    public init(_ range: PartialRangeFrom<Int>, severity: Severity = .error) {
        self.init(min: range.lowerBound, max: nil, severity)
    }
    /// At most so many.
    public init(_ range: PartialRangeThrough<Int>, severity: Severity = .error) {
        self.init(min: nil, max: range.upperBound, severity)
    }
    /// Both ends included.
    public init(_ range: ClosedRange<Int>, severity: Severity = .error) {
        self.init(min: range.lowerBound, max: range.upperBound, severity)
    }

    private init(min: Int?, max: Int?, _ severity: Severity) {
        rule = TableRule(
            kind: .rowCount(min: min, max: max), consequence: Consequence(severity: severity, tolerance: .none))
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) { definition.tableRules.append(rule) }
}

/// At most such a share of a column's values is missing.
public struct MissingShare: Sendable, RuleElement {
    private let rule: TableRule

    /// `MissingShare(of: "tailnum", atMost: 2.5)`, in percent of the rows.
    public init(of column: String, atMost percent: Double, severity: Severity = .error) {
        rule = TableRule(
            kind: .missingShare(column, percent: percent),
            consequence: Consequence(severity: severity, tolerance: .none))
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) { definition.tableRules.append(rule) }
}

/// A column has so many different values, missing ones not counted.
///
/// The values are counted exactly, and only until the answer is known: memory is bounded by the larger bound.
public struct DistinctCount: Sendable, RuleElement {
    private let rule: TableRule

    /// At least so many.
    public init(of column: String, _ range: PartialRangeFrom<Int>, severity: Severity = .error) {
        self.init(column, min: range.lowerBound, max: nil, severity)
    }
    /// At most so many.
    public init(of column: String, _ range: PartialRangeThrough<Int>, severity: Severity = .error) {
        self.init(column, min: nil, max: range.upperBound, severity)
    }
    /// Both ends included.
    public init(of column: String, _ range: ClosedRange<Int>, severity: Severity = .error) {
        self.init(column, min: range.lowerBound, max: range.upperBound, severity)
    }

    private init(_ column: String, min: Int?, max: Int?, _ severity: Severity) {
        rule = TableRule(
            kind: .distinct(column, min: min, max: max),
            consequence: Consequence(severity: severity, tolerance: .none))
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) { definition.tableRules.append(rule) }
}

/// A column's mean, minimum, maximum or a quantile lies within bounds.
///
/// ```swift
/// Aggregate(.mean, of: "price", min: "9.50", max: "12")
/// Aggregate(.quantile(0.99), of: "latency", max: 2_000)
/// ```
///
/// All are exact. A quantile `q` is the smallest value that at least `q` of the values do not exceed.
public struct Aggregate: Sendable, RuleElement {
    private let rule: TableRule

    /// What is taken of the column's values.
    public enum Function: Sendable, Equatable {
        case mean
        case minimum
        case maximum
        /// From 0 to 1; 0.5 is the median.
        case quantile(Double)
    }

    /// At least one bound must be given.
    public init(
        _ function: Function, of column: String, min: Literal? = nil, max: Literal? = nil, severity: Severity = .error
    ) {
        let aggregate: TableRule.Aggregate =
            switch function {
            case .mean: .mean
            case .minimum: .minimum
            case .maximum: .maximum
            case .quantile(let share): .quantile(share)
            }
        rule = TableRule(
            kind: .aggregate(aggregate, column, min: min, max: max),
            consequence: Consequence(severity: severity, tolerance: .none))
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) { definition.tableRules.append(rule) }
}

/// The newest value of a date or datetime column is not older than this, at the time of validation.
public struct Freshness: Sendable, RuleElement {
    private let rule: TableRule

    /// `Freshness(of: "updated_at", within: .seconds(86_400))`
    public init(of column: String, within age: Duration, severity: Severity = .error) {
        rule = TableRule(
            kind: .fresh(column, seconds: Int(age.components.seconds)),
            consequence: Consequence(severity: severity, tolerance: .none))
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) { definition.tableRules.append(rule) }
}

/// These columns must not be in the file: `ForbiddenColumns("ssn", "email")`.
public struct ForbiddenColumns: Sendable, RuleElement {
    private let rule: TableRule

    /// The names, as a header has them.
    public init(_ columns: String..., severity: Severity = .error) {
        rule = TableRule(
            kind: .forbidden(columns), consequence: Consequence(severity: severity, tolerance: .none))
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) { definition.tableRules.append(rule) }
}

/// The declared columns stand in the file in the order of their declaration.
public struct ColumnsInOrder: Sendable, RuleElement {
    private let severity: Severity

    /// The order of the rule set.
    public init(severity: Severity = .error) { self.severity = severity }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) {
        definition.tableRules.append(
            TableRule(kind: .order, consequence: Consequence(severity: severity, tolerance: .none)))
    }
}

/// The file has no column that the rule set does not declare.
public struct OnlyDeclaredColumns: Sendable, RuleElement {
    private let severity: Severity

    /// No further column.
    public init(severity: Severity = .error) { self.severity = severity }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) {
        definition.tableRules.append(
            TableRule(kind: .onlyDeclared, consequence: Consequence(severity: severity, tolerance: .none)))
    }
}

/// What a departure from the file's format means: `FormatRule(.quoteInBareField, severity: .error)`.
public struct FormatRule: Sendable, RuleElement {
    private let departure: Departure
    private let consequence: Consequence

    /// `FormatRule(.raggedRow, atMost: .rows(3))`
    public init(_ departure: Departure, severity: Severity = .error, atMost: Tolerance = .none) {
        self.departure = departure
        consequence = Consequence(severity: severity, tolerance: atMost)
    }

    /// Adds the rule to those of its set.
    public func add(to definition: inout RuleDefinition) { definition.departures[departure] = consequence }
}
