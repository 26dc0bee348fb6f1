/// What a validation found: whether the file is good, and, rule by rule, what broke it.
///
/// It is bounded: each check keeps its first offenders only, and values are cut to a length.
public struct ValidationReport: Sendable, Codable, Equatable {
    /// Whether no check of severity error failed.
    public var passed: Bool
    /// The name of the rule set.
    public var table: String
    /// Data rows read, the header not counted.
    public var rows: Int
    /// Rows that broke at least one rule of severity error, whether or not its tolerance allowed that.
    public var rejected: Int
    /// Bytes read, decompressed.
    public var bytes: Int
    /// Seconds from the first byte to the verdict.
    public var seconds: Double
    /// Every rule with its count, broken or not, in the order of their declaration.
    public var checks: [CheckResult]
    /// Each column of the file, in the file's order.
    public var columns: [ColumnStatistics]

    /// Bytes a second.
    public var bytesPerSecond: Double { seconds > 0 ? Double(bytes) / seconds : 0 }
    /// The checks that failed or, as warnings, were broken more often than they tolerate.
    public var failures: [CheckResult] { checks.filter { !$0.passed } }
}

/// One rule, and how often it was broken.
public struct CheckResult: Sendable, Codable, Equatable {
    /// Which kind of rule: `type`, `required`, `min`, `unique`, `reference`, `ragged-row`, …
    public var rule: String
    /// The rule as a sentence: `month is at most 12`.
    public var name: String
    /// The columns that it is about; empty for rules about the file.
    public var columns: [String]
    /// What its failure means.
    public var severity: Severity
    /// How often it was broken: rows, or 1 for a rule about the file.
    public var count: Int
    /// Whether ``count`` is within the tolerance.
    public var passed: Bool
    /// What a rule about the file found: `312 rows`.
    public var found: String?
    /// The first places where it was broken.
    public var offenders: [Offender]
}

/// One place where a rule was broken.
public struct Offender: Sendable, Codable, Equatable {
    /// The data row, from 1; nil for the header and the file as a whole.
    public var row: Int?
    /// The column's name; nil if the whole row is meant.
    public var column: String?
    /// The position in the decompressed bytes, from 0, of the value or the row.
    public var byte: Int
    /// The value, cut to ``ValidationOptions/valueLength``; for a key its values, joined by commas.
    public var value: String

    /// A place; see the properties.
    public init(row: Int?, column: String?, byte: Int, value: String) {
        self.row = row
        self.column = column
        self.byte = byte
        self.value = value
    }
}

/// What is known of a column's values.
public struct ColumnStatistics: Sendable, Codable, Equatable {
    /// The name in the header.
    public var name: String
    /// The declared type; nil for a column that no rule is about.
    public var type: String?
    /// Values that are present and of the type.
    public var values: Int
    /// Missing values.
    public var missing: Int
    /// Values not of the type.
    public var invalid: Int
    /// The smallest value in its canonical form, for types with an order.
    public var min: String?
    /// The largest value in its canonical form, for types with an order.
    public var max: String?
    /// The mean of integers, decimals and numbers, to nine decimal places.
    public var mean: String?
    /// The shortest text, in bytes, for strings.
    public var minLength: Int?
    /// The longest text, in bytes, for strings.
    public var maxLength: Int?
}
