import Events

/// A word, a phrase or a regular expression that a message may hold.
struct FilterTerm: Sendable, Hashable {
    private let text: String
    private let regex: FilterRegex?

    init(_ text: String) {
        self.text = text
        regex = nil
    }

    init(_ regex: FilterRegex) {
        text = regex.pattern
        self.regex = regex
    }

    func isIn(_ message: String) -> Bool { regex?.isIn(message) ?? (text.isEmpty || message.utf8.holds(text.utf8)) }
}

/// A compiled regular expression.
///
/// `@unchecked`: it is compiled from a text, so it holds no closure of anybody's, and matching does not change it.
struct FilterRegex: @unchecked Sendable, Hashable {
    let pattern: String
    private let regex: Regex<AnyRegexOutput>

    init(_ pattern: String) throws {
        self.pattern = pattern
        regex = try Regex(pattern)
    }

    func isIn(_ text: String) -> Bool { (try? regex.firstMatch(in: text)) != nil }

    static func == (left: Self, right: Self) -> Bool { left.pattern == right.pattern }
    func hash(into hasher: inout Hasher) { hasher.combine(pattern) }
}

extension String.UTF8View {
    /// Whether these bytes stand somewhere in it.
    func holds(_ other: String.UTF8View) -> Bool {
        let needle = Array(other)
        guard let first = needle.first else { return true }
        func search(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
            guard bytes.count >= needle.count else { return false }
            for at in 0...(bytes.count - needle.count) where bytes[at] == first {
                if needle.indices.allSatisfy({ bytes[at + $0] == needle[$0] }) { return true }
            }
            return false
        }
        return withContiguousStorageIfAvailable(search) ?? Array(self).withUnsafeBufferPointer(search)
    }
}

/// The value that a condition compares with.
enum FilterOperand: Sendable, Hashable {
    /// A number, with the text that it was.
    case number(Double, String)
    /// A text in which a `*` at either end stands for anything.
    case text(String, open: Bool, close: Bool)
    case regex(FilterRegex)
    case null
    case bool(Bool)
    case missing

    init(word: String, quoted: Bool) {
        if !quoted, let number = Double(word.hasPrefix("+") ? String(word.dropFirst()) : word), number.isFinite,
            word.utf8.allSatisfy({ (48...57).contains($0) || "+-.eE".utf8.contains($0) })
        {
            self = .number(number, word)
            return
        }
        if word == "*" {
            self = .text("", open: true, close: true)
            return
        }
        let open = word.hasPrefix("*")
        let close = word.count > 1 && word.hasSuffix("*")
        self = .text(String(word.dropFirst(open ? 1 : 0).dropLast(close ? 1 : 0)), open: open, close: close)
    }

    private func equals(_ text: String) -> Bool {
        switch self {
        case .number(let number, let literal): text == literal || Double(text) == number
        case .text(let own, false, false): text == own
        case .text(let own, true, false): text.hasSuffix(own)
        case .text(let own, false, true): text.hasPrefix(own)
        case .text(let own, true, true): text.utf8.holds(own.utf8)
        case .regex(let regex): regex.isIn(text)
        case .null, .bool, .missing: false
        }
    }

    /// Whether `value` stands in relation `comparison` to it.
    func compares(_ comparison: FilterComparison, _ value: JSON?) -> Bool {
        switch self {
        case .null: return value?.isNull ?? false
        case .bool(let flag): return value?.bool == flag
        case .missing: return value == nil
        case .number, .text, .regex: break
        }
        let text: String
        switch value {
        case .string(let string): text = string
        case .number(let number): text = number.literal
        case .bool(let flag): text = flag ? "true" : "false"
        case .null, .array, .object, nil: return false
        }
        switch comparison {
        case .equal: return equals(text)
        case .unequal: return !equals(text)
        case .less, .lessOrEqual, .greater, .greaterOrEqual:
            guard case .number(let right, _) = self, let left = Double(text) else { return false }
            return switch comparison {
            case .less: left < right
            case .lessOrEqual: left <= right
            case .greater: left > right
            case .greaterOrEqual: left >= right
            case .equal, .unequal: false
            }
        }
    }
}

enum FilterComparison: Sendable, Hashable {
    case equal, unequal, less, lessOrEqual, greater, greaterOrEqual
}

/// The way to a value inside a JSON message: names and indexes.
enum FilterStep: Sendable, Hashable {
    case name(String)
    case index(Int)
}

/// A condition and those that it is made of.
indirect enum FilterCondition: Sendable, Hashable {
    case compare([FilterStep], FilterComparison, FilterOperand)
    case and(FilterCondition, FilterCondition)
    case or(FilterCondition, FilterCondition)

    func holds(_ value: ([FilterStep]) -> JSON?) -> Bool {
        switch self {
        case .compare(let path, let comparison, let operand): operand.compares(comparison, value(path))
        case .and(let left, let right): left.holds(value) && right.holds(value)
        case .or(let left, let right): left.holds(value) || right.holds(value)
        }
    }
}

/// A message that is JSON.
struct FilterSelectorSource {
    private let json: JSON

    init?(_ message: String) {
        guard message.utf8.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "{"),
            let json = try? JSON(parsing: message)
        else { return nil }
        self.json = json
    }

    func value(_ path: [FilterStep]) -> JSON? {
        var value: JSON? = json
        for step in path {
            switch step {
            case .name(let name): value = value?[name]
            case .index(let index): value = value?[index]
            }
        }
        return value
    }
}

/// One field of a space-delimited pattern.
struct FilterField: Sendable, Hashable {
    var name: String
    /// Any number of fields.
    var isEllipsis = false
    var condition: FilterCondition?

    /// The parts of a message; `[…]` and `"…"` are one part each.
    static func split(_ message: String) -> [String] {
        var parts: [String] = []
        var part = ""
        var closing: Character?
        var started = false
        for character in message {
            if let end = closing {
                if character == end { closing = nil } else { part.append(character) }
            } else if character == "\"" || character == "[", !started {
                closing = character == "[" ? "]" : "\""
                started = true
            } else if character == " " {
                if started { parts.append(part) }
                part = ""
                started = false
            } else {
                part.append(character)
                started = true
            }
        }
        if started { parts.append(part) }
        return parts
    }

    /// What each field holds; nil where the message does not match.
    static func match(_ fields: [FilterField], _ message: String) -> [String: String]? {
        let parts = split(message)
        var places: [(FilterField, Int)] = []
        if let gap = fields.firstIndex(where: \.isEllipsis) {
            let behind = fields.count - gap - 1
            guard parts.count >= gap + behind else { return nil }
            for index in 0..<gap { places.append((fields[index], index)) }
            for index in 0..<behind { places.append((fields[gap + 1 + index], parts.count - behind + index)) }
        } else {
            guard parts.count == fields.count else { return nil }
            places = fields.enumerated().map { ($1, $0) }
        }
        var values: [String: String] = [:]
        var named: Set<Int> = []
        for (field, index) in places {
            if let condition = field.condition, !condition.holds({ _ in .string(parts[index]) }) { return nil }
            guard !field.name.isEmpty else { continue }
            values["$" + field.name] = parts[index]
            named.insert(index)
        }
        for index in parts.indices where !named.contains(index) { values["$\(index + 1)"] = parts[index] }
        return values
    }
}
