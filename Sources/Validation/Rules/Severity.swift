/// What a broken rule means for the file.
public enum Severity: String, Sendable, Codable, CaseIterable {
    /// Holds the file back, once more rows break the rule than its ``Tolerance`` allows.
    case error
    /// Counts and shows, but never holds the file back.
    case warning
}

/// How many rows may break a rule before the rule fails.
public enum Tolerance: Sendable, Equatable {
    /// So many rows.
    case rows(Int)
    /// So large a share of the rows read, in percent: `.percent(0.1)` is one row in a thousand.
    case percent(Double)

    /// No row may break the rule.
    public static let none = Tolerance.rows(0)

    func allows(_ count: Int, of rows: Int) -> Bool {
        switch self {
        case .rows(let limit): count <= limit
        case .percent(let share): Double(count) * 100 <= share * Double(rows)
        }
    }

    var text: String {
        switch self {
        case .rows(let limit): limit == 1 ? "1 row" : "\(limit) rows"
        case .percent(let share): "\(Literal(floatLiteral: share).text) % of the rows"
        }
    }
}

/// What follows when a rule is broken: how grave that is, and how often it may happen.
struct Consequence: Sendable, Equatable {
    var severity: Severity
    var tolerance: Tolerance
}
