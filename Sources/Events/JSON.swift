/// A JSON value that survives a round trip: members keep their order, numbers keep their literal.
///
/// Payloads pass through the host untouched, so a number such as `1.10` or `9007199254740993` must leave as it came; hence
/// numbers are literals, and become a binary number only where somebody asks for one. Grammar: RFC 8259.
public enum JSON: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSON])
    case object(JSONObject)
}

/// A JSON number by its literal.
public struct JSONNumber: Sendable, Hashable {
    /// The digits as they were written, for example `1.10`.
    public let literal: String

    /// Takes a literal that is already known to follow JSON's grammar for numbers.
    init(validLiteral literal: String) { self.literal = literal }

    /// An integer.
    public init(_ value: some BinaryInteger) { literal = String(value) }

    /// A binary floating-point number; integral values up to 2^53 are written without a fraction. Not-a-number and the
    /// infinities, which JSON can't hold, become 0.
    public init(_ value: Double) {
        if value == value.rounded(), abs(value) <= 9_007_199_254_740_992 {
            literal = String(Int64(value))
        } else {
            literal = value.isFinite ? "\(value)" : "0"
        }
    }

    /// The nearest binary floating-point number.
    public var double: Double { Double(literal) ?? 0 }

    /// The exact integer, or nil where the literal has a fraction or does not fit in 64 bits.
    public var int: Int? {
        if let int = Int(literal) { return int }
        let double = self.double
        return double == double.rounded() && abs(double) < 9_007_199_254_740_992 ? Int(double) : nil
    }

    public static func == (left: Self, right: Self) -> Bool {
        left.literal == right.literal || (left.double == right.double && (left.int == nil || left.int == right.int))
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(double) }
}

/// The members of a JSON object in the order in which they were written. A name that comes twice keeps its first place and
/// its last value.
public struct JSONObject: Sendable, Hashable, Sequence, ExpressibleByDictionaryLiteral {
    private var members: [(key: String, value: JSON)] = []
    /// Where each name stands; built only for objects that are large enough for a search to cost something.
    private var index: [String: Int] = [:]
    private static let indexed = 16

    public init() {}

    public init(dictionaryLiteral elements: (String, JSON)...) {
        for (key, value) in elements { self[key] = value }
    }

    /// Members in the given order.
    public init(_ elements: some Sequence<(String, JSON)>) {
        for (key, value) in elements { self[key] = value }
    }

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }
    /// The names in order.
    public var keys: [String] { members.map(\.key) }

    private func position(of key: String) -> Int? {
        if members.count > Self.indexed { return index[key] }
        return members.firstIndex { $0.key == key }
    }

    /// The value of a member. Setting nil removes the member.
    public subscript(key: String) -> JSON? {
        get { position(of: key).map { members[$0].value } }
        set {
            switch (position(of: key), newValue) {
            case (let place?, let value?):
                members[place].value = value
            case (let place?, nil):
                members.remove(at: place)
                index = [:]
                if members.count > Self.indexed { reindex() }
            case (nil, let value?):
                members.append((key, value))
                if members.count == Self.indexed + 1 {
                    reindex()
                } else if members.count > Self.indexed {
                    index[key] = members.count - 1
                }
            case (nil, nil):
                break
            }
        }
    }

    private mutating func reindex() {
        index = Dictionary(members.enumerated().map { ($0.element.key, $0.offset) }, uniquingKeysWith: { $1 })
    }

    public func makeIterator() -> IndexingIterator<[(key: String, value: JSON)]> { members.makeIterator() }

    /// Equal where the same names have equal values, in any order.
    public static func == (left: Self, right: Self) -> Bool {
        left.count == right.count && left.allSatisfy { right[$0.key] == $0.value }
    }

    public func hash(into hasher: inout Hasher) {
        var sum = 0
        for (key, value) in members {
            var one = Hasher()
            one.combine(key)
            one.combine(value)
            sum &+= one.finalize()
        }
        hasher.combine(sum)
    }
}

// MARK: - Reading values

extension JSON {
    /// The member of an object, or nil.
    public subscript(key: String) -> JSON? {
        get { if case .object(let object) = self { object[key] } else { nil } }
        set {
            guard case .object(var object) = self else { return }
            // Without this the array of members would be copied at each write.
            self = .null
            object[key] = newValue
            self = .object(object)
        }
    }

    /// The element of an array, or nil where there is none.
    public subscript(index: Int) -> JSON? {
        if case .array(let array) = self, array.indices.contains(index) { array[index] } else { nil }
    }

    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var int: Int? { if case .number(let value) = self { value.int } else { nil } }
    public var double: Double? { if case .number(let value) = self { value.double } else { nil } }
    public var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
    public var isNull: Bool { self == .null }

    /// What kind of value it is, as an error message names it.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

// MARK: - Making values

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .number(JSONNumber(value)) }
    public init(floatLiteral value: Double) { self = .number(JSONNumber(value)) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(JSONObject(elements)) }

    public init(_ value: String) { self = .string(value) }
    public init(_ value: some BinaryInteger) { self = .number(JSONNumber(value)) }
    public init(_ value: Double) { self = .number(JSONNumber(value)) }
    public init(_ value: Bool) { self = .bool(value) }

    /// An object without the members whose value is nil: the shape of AWS's optional members, which are left out.
    public static func compact(_ members: KeyValuePairs<String, JSON?>) -> JSON {
        var object = JSONObject()
        for (key, value) in members { if let value { object[key] = value } }
        return .object(object)
    }
}

// MARK: - Codable

extension JSON: Codable {
    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    public init(from decoder: any Decoder) throws {
        if let container = try? decoder.container(keyedBy: Name.self) {
            self = .object(
                JSONObject(try container.allKeys.map { ($0.stringValue, try container.decode(JSON.self, forKey: $0)) }))
        } else if var container = try? decoder.unkeyedContainer() {
            var elements: [JSON] = []
            while !container.isAtEnd { elements.append(try container.decode(JSON.self)) }
            self = .array(elements)
        } else {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let value = try? container.decode(Bool.self) {
                self = .bool(value)
            } else if let value = try? container.decode(Int64.self) {
                self = .number(JSONNumber(value))
            } else if let value = try? container.decode(Double.self) {
                self = .number(JSONNumber(value))
            } else {
                self = .string(try container.decode(String.self))
            }
        }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .null:
            var container = encoder.singleValueContainer()
            try container.encodeNil()
        case .bool(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .number(let value):
            var container = encoder.singleValueContainer()
            if let int = value.int { try container.encode(int) } else { try container.encode(value.double) }
        case .string(let value):
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case .array(let values):
            var container = encoder.unkeyedContainer()
            for value in values { try container.encode(value) }
        case .object(let object):
            var container = encoder.container(keyedBy: Name.self)
            for (key, value) in object { try container.encode(value, forKey: Name(key)) }
        }
    }
}
