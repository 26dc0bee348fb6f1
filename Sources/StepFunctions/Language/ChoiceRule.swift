import Events

/// A rule of a Choice state.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html>
struct ChoiceRule: Sendable, Hashable {
    indirect enum Condition: Sendable, Hashable {
        case and([Condition])
        case or([Condition])
        case not(Condition)
        case test(JSONPath, ChoiceTest)
    }

    var condition: Condition
    var next: String

    /// Whether the rule holds. Throws `States.Runtime` where a path finds nothing.
    func holds(in scope: DataScope) throws(StateFailure) -> Bool { try Self.holds(condition, scope) }

    private static func holds(_ condition: Condition, _ scope: DataScope) throws(StateFailure) -> Bool {
        switch condition {
        case .and(let parts):
            for part in parts where try !holds(part, scope) { return false }
            return true
        case .or(let parts):
            for part in parts where try holds(part, scope) { return true }
            return false
        case .not(let part): return try !holds(part, scope)
        case .test(let path, let test):
            let root = path.isContext ? scope.context : scope.data
            let found = path.value(in: root)
            if case .kind(.present, let wanted) = test { return (found != nil) == wanted }
            guard let found else {
                throw scope.runtime(
                    "Invalid path '\(path)': The choice state's condition path references an invalid value.")
            }
            return try test.holds(found, scope)
        }
    }
}

/// One comparison of a Choice rule.
enum ChoiceTest: Sendable, Hashable {
    enum Order: String, Sendable, Hashable, CaseIterable {
        case equals = "Equals"
        case lessThanEquals = "LessThanEquals"
        case greaterThanEquals = "GreaterThanEquals"
        case lessThan = "LessThan"
        case greaterThan = "GreaterThan"
    }
    enum Family: String, Sendable, Hashable, CaseIterable {
        case string = "String"
        case numeric = "Numeric"
        case boolean = "Boolean"
        case timestamp = "Timestamp"
    }
    enum KindTest: String, Sendable, Hashable, CaseIterable {
        case null = "IsNull"
        case present = "IsPresent"
        case numeric = "IsNumeric"
        case string = "IsString"
        case boolean = "IsBoolean"
        case timestamp = "IsTimestamp"
    }
    enum Other: Sendable, Hashable {
        case value(JSON)
        case path(JSONPath)
    }

    case compare(Family, Order, Other)
    case matches(Wildcard)
    case kind(KindTest, Bool)

    /// Whether it holds of a value.
    func holds(_ value: JSON, _ scope: DataScope) throws(StateFailure) -> Bool {
        switch self {
        case .matches(let pattern): return value.string.map(pattern.matches) ?? false
        case .kind(let kind, let wanted): return Self.has(value, kind) == wanted
        case .compare(let family, let order, let other):
            let right: JSON
            switch other {
            case .value(let value): right = value
            case .path(let path):
                right = try scope.value(of: path, field: family.rawValue + order.rawValue + "Path")
            }
            switch family {
            case .boolean: return value.bool != nil && value.bool == right.bool
            case .string: return Self.compare(value.string.map(ByteOrder.init), right.string.map(ByteOrder.init), order)
            case .numeric: return Self.compare(value.double, right.double, order)
            case .timestamp: return Self.compare(Self.timestamp(value), Self.timestamp(right), order)
            }
        }
    }

    /// Strings by their Unicode scalars, as the language orders them, not by a locale.
    private struct ByteOrder: Comparable {
        let text: String
        static func < (left: Self, right: Self) -> Bool { left.text.utf8.lexicographicallyPrecedes(right.text.utf8) }
    }

    /// A timestamp has a `T` and a zone; a bare date is none.
    static func timestamp(_ value: JSON) -> Timestamp? {
        guard let text = value.string, text.contains("T"),
            text.hasSuffix("Z") || text.dropFirst(11).contains("+")
                || text.dropFirst(11).contains("-")
        else { return nil }
        return Timestamp(iso8601: text)
    }

    private static func compare<Value: Comparable>(_ left: Value?, _ right: Value?, _ order: Order) -> Bool {
        guard let left, let right else { return false }
        return switch order {
        case .equals: left == right
        case .lessThan: left < right
        case .lessThanEquals: left <= right
        case .greaterThan: left > right
        case .greaterThanEquals: left >= right
        }
    }

    private static func has(_ value: JSON, _ kind: KindTest) -> Bool {
        switch kind {
        case .null: value.isNull
        case .present: true
        case .numeric: value.double != nil
        case .string: value.string != nil
        case .boolean: value.bool != nil
        case .timestamp: timestamp(value) != nil
        }
    }
}
