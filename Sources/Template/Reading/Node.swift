internal import Events

/// A value of a YAML or JSON document with its place. Short tags such as `!Ref` have their long form already.
struct Node: Sendable {
    enum Value: Sendable {
        case scalar(Scalar)
        case sequence([Node])
        case mapping([Member])
        /// `AWS::NoValue`: the property is to be left out.
        case absent
        /// Could not be resolved; the reason has been told.
        case failed
    }

    struct Member: Sendable {
        var key: String
        var keyLocation: SourceLocation
        var value: Node
    }

    struct Scalar: Sendable {
        enum Kind: Sendable { case string, integer, decimal, boolean, null }
        /// As it was written, without quotes.
        var text: String
        var kind: Kind
        /// A literal block (`|`): its lines are the file's lines after the indicator.
        var isLiteralBlock = false
    }

    var value: Value
    var location: SourceLocation

    init(_ value: Value, at location: SourceLocation) {
        self.value = value
        self.location = location
    }

    init(string: String, at location: SourceLocation) {
        self.init(.scalar(Scalar(text: string, kind: .string)), at: location)
    }

    init(_ members: [Member], at location: SourceLocation) { self.init(.mapping(members), at: location) }

    var scalar: Scalar? { if case .scalar(let scalar) = value { scalar } else { nil } }
    var sequence: [Node]? { if case .sequence(let nodes) = value { nodes } else { nil } }
    var mapping: [Member]? { if case .mapping(let members) = value { members } else { nil } }
    var isFailed: Bool { if case .failed = value { true } else { false } }
    var isAbsent: Bool { if case .absent = value { true } else { false } }
    /// The text of a scalar that is not null.
    var text: String? { scalar.flatMap { $0.kind == .null ? nil : $0.text } }

    subscript(key: String) -> Node? { member(key)?.value }

    func member(_ key: String) -> Member? { mapping?.first { $0.key == key } }

    /// The single member of an intrinsic function's long form: `Ref`, or a name that starts with `Fn::`.
    var intrinsic: Member? {
        guard let members = mapping, members.count == 1, let member = members.first,
            member.key == "Ref" || member.key.hasPrefix("Fn::")
        else { return nil }
        return member
    }

    /// What it is, as an error message names it, with its article.
    var kind: String {
        switch value {
        case .sequence: "a list"
        case .mapping: intrinsic.map { $0.key } ?? "an object"
        case .absent, .failed: "nothing"
        case .scalar(let scalar):
            switch scalar.kind {
            case .string: "a string"
            case .integer, .decimal: "a number"
            case .boolean: "a boolean"
            case .null: "null"
            }
        }
    }

    /// The value without its places.
    var json: JSON {
        switch value {
        case .absent, .failed: .null
        case .sequence(let nodes): .array(nodes.map(\.json))
        case .mapping(let members): .object(JSONObject(members.map { ($0.key, $0.value.json) }))
        case .scalar(let scalar): scalar.json
        }
    }
}

extension Node.Scalar {
    /// The value of a plain scalar by the rules of YAML 1.1, which CloudFormation's templates follow.
    init(plain text: String) {
        self.init(text: text, kind: Self.kind(ofPlain: text))
    }

    private static func kind(ofPlain text: String) -> Kind {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON": return .boolean
        case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF": return .boolean
        default: break
        }
        var digits = Substring(text)
        if digits.first == "-" || digits.first == "+" { digits.removeFirst() }
        guard let first = digits.first, first.isASCII, first.isNumber || first == "." else { return .string }
        // A leading zero is no decimal integer: account numbers such as 000000000000 stay what they are.
        if digits.allSatisfy({ $0.isASCII && $0.isNumber }) {
            return digits.count == 1 || first != "0" ? .integer : .string
        }
        let allowed = digits.allSatisfy { $0.isASCII && ($0.isNumber || ".eE+-".contains($0)) }
        return allowed && Double(digits)?.isFinite == true ? .decimal : .string
    }

    var bool: Bool? {
        guard kind == .boolean || kind == .string else { return nil }
        switch text.lowercased() {
        case "true": return true
        case "false": return false
        case "yes", "on": return kind == .boolean ? true : nil
        case "no", "off": return kind == .boolean ? false : nil
        default: return nil
        }
    }

    var json: JSON {
        switch kind {
        case .string: .string(text)
        case .null: .null
        case .boolean: .bool(bool ?? false)
        // A literal that JSON's grammar does not have (`+1`, `.5`) goes by its value.
        case .integer: (try? JSON(parsing: text)) ?? JSON(Int(text) ?? 0)
        case .decimal: (try? JSON(parsing: text)) ?? JSON(Double(text) ?? 0)
        }
    }
}
