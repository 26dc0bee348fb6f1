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
        case .percent(let share): Share(percent: share)?.allows(count, of: rows) ?? false
        }
    }

    /// Whether it means anything: no negative number of rows, no share outside 0 to 100 %.
    var isMeaningful: Bool {
        switch self {
        case .rows(let limit): limit >= 0
        case .percent(let share): (0...100).contains(share)
        }
    }

    var text: String {
        switch self {
        case .rows(let limit): limit == 1 ? "1 row" : "\(limit) rows"
        case .percent(let share): "\(Literal(floatLiteral: share).text) % of the rows"
        }
    }
}

/// A share as the decimal number that its author wrote: 0.57 % of 10,000 rows is 57 rows, which the nearest binary
/// fraction is not.
struct Share: Sendable {
    /// Out of 1.
    let value: ExactDecimal

    /// nil if it is no finite number.
    init?(percent: Double) {
        guard let value = ExactDecimal(Array(percent.description.utf8)) else { return nil }
        self.value = value.shifted(by: -2)
    }

    /// nil if it is no finite number.
    init?(_ share: Double) {
        guard let value = ExactDecimal(Array(share.description.utf8)) else { return nil }
        self.value = value
    }

    /// Whether `count` of `rows` is at most this share.
    func allows(_ count: Int, of rows: Int) -> Bool { ExactDecimal(Int128(count)) <= value.times(rows) }

    /// The least whole number that is at least this share of `count`.
    func rank(of count: Int) -> Int { Int(value.times(count).lane(scale: 0, roundedUp: true)) }
}

/// What follows when a rule is broken: how grave that is, and how often it may happen.
struct Consequence: Sendable, Equatable {
    var severity: Severity
    var tolerance: Tolerance
}
