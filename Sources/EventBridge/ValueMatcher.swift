import Events

/// One value of a pattern's list.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>
indirect enum ValueMatcher: Sendable, Hashable {
    case string(String)
    /// Numbers are compared by their literal: `300` and `3.0e2` are different.
    case number(String)
    case bool(Bool)
    case null
    case prefix(String, ignoringCase: Bool)
    case suffix(String, ignoringCase: Bool)
    case equalsIgnoreCase(String)
    case wildcard(Wildcard)
    case numeric(NumericRange)
    case cidr(IPNetwork)
    case exists(Bool)
    /// Any value but those that one of these matches.
    case anythingBut([ValueMatcher])

    /// Whether a scalar of the event matches.
    func matches(_ value: JSON) -> Bool {
        switch (self, value) {
        case (.string(let text), .string(let found)): found == text
        case (.number(let literal), .number(let found)): found.literal == literal
        case (.bool(let flag), .bool(let found)): found == flag
        case (.null, .null): true
        case (.prefix(let text, false), .string(let found)): found.utf8.starts(with: text.utf8)
        case (.prefix(let text, true), .string(let found)): found.lowercased().hasPrefix(text.lowercased())
        case (.suffix(let text, false), .string(let found)): found.utf8.reversed().starts(with: text.utf8.reversed())
        case (.suffix(let text, true), .string(let found)): found.lowercased().hasSuffix(text.lowercased())
        case (.equalsIgnoreCase(let text), .string(let found)): found.lowercased() == text.lowercased()
        case (.wildcard(let wildcard), .string(let found)): wildcard.matches(found)
        case (.numeric(let range), .number(let found)): range.contains(found.double)
        case (.cidr(let network), .string(let found)): network.contains(found)
        case (.exists(let wanted), _): wanted
        case (.anythingBut(let matchers), _): !matchers.contains { $0.matches(value) }
        default: false
        }
    }
}

/// A range of numbers with its ends in or out.
struct NumericRange: Sendable, Hashable {
    var lower: Double?
    var includesLower = false
    var upper: Double?
    var includesUpper = false

    /// EventBridge compares numbers up to five thousand million.
    static let limit = 5_000_000_000.0

    func contains(_ value: Double) -> Bool {
        guard value.magnitude <= Self.limit else { return false }
        if let lower, includesLower ? value < lower : value <= lower { return false }
        if let upper, includesUpper ? value > upper : value >= upper { return false }
        return true
    }
}
