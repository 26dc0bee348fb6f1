/// Reads a JSON Schema into the nodes of a ``JSONSchema``.
struct JSONSchemaCompiler {
    private(set) var nodes: [JSONSchema.Node] = []
    private var lines: [Int] = []
    private let document: JSONValue
    /// By JSON pointer, what a reference found there.
    private var referred: [ExactText: Int] = [:]
    private var depth = 0
    /// Up to draft 7 `$ref` hides its siblings, and `items` may be an array.
    private let isDraft7: Bool
    /// From 2020-12 on `items` is one schema.
    private let hasPrefixItems: Bool

    private static let types = ["array", "boolean", "integer", "null", "number", "object", "string"]
    private static let annotations: Set = [
        "$schema", "$id", "$comment", "$anchor", "$defs", "definitions", "$vocabulary", "title", "description",
        "default",
        "examples", "deprecated", "readOnly", "writeOnly", "format", "contentEncoding", "contentMediaType",
        "contentSchema",
    ]
    private static let unsupported: Set = [
        "$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$recursiveAnchor", "unevaluatedProperties",
        "unevaluatedItems",
    ]
    private static let keywords = [
        "type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum",
        "maxLength", "minLength", "pattern", "items", "prefixItems", "additionalItems", "contains", "maxContains",
        "minContains", "maxItems", "minItems", "uniqueItems", "maxProperties", "minProperties", "required",
        "properties", "patternProperties", "additionalProperties", "propertyNames", "dependentRequired",
        "dependentSchemas", "dependencies", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref",
    ]

    init(_ document: JSONValue) {
        self.document = document
        if case .string(let draft)? = document["$schema"]?.content {
            isDraft7 = ["draft-07", "draft-06", "draft-04", "draft-03"].contains { draft.contains($0) }
            hasPrefixItems = draft.contains("2020-12")
        } else {
            (isDraft7, hasPrefixItems) = (false, false)
        }
    }

    mutating func compile(_ schema: JSONValue) throws(RuleError) -> Int {
        depth += 1
        defer { depth -= 1 }
        guard depth < 200 else { throw RuleError("the JSON Schema is nested too deep", line: schema.line) }
        let index = nodes.count
        nodes.append(JSONSchema.Node())
        lines.append(schema.line)
        if case .bool(let value) = schema.content {
            nodes[index].always = value
            return index
        }
        var node = JSONSchema.Node()
        let members = try schema.object("a JSON Schema")
        if isDraft7, let reference = schema["$ref"] {
            node.all.append(try refer(reference))
        } else {
            for (key, value) in members { try read(key, value, schema, &node) }
        }
        for key in ["$defs", "definitions"] {
            guard let definitions = schema[key] else { continue }
            for (_, value) in try definitions.object("\"\(key)\"") { _ = try compile(value) }
        }
        nodes[index] = node
        return index
    }

    private mutating func read(
        _ key: String, _ value: JSONValue, _ schema: JSONValue, _ node: inout JSONSchema.Node
    ) throws(RuleError) {
        let what = "\"\(key)\""
        switch key {
        case "type":
            var names: Set<String> = []
            for name in try value.names(what) {
                guard Self.types.contains(name) else {
                    throw RuleError(
                        "\"\(name)\" is no type of JSON Schema; expected \(Self.types.joined(separator: ", "))"
                            + Suggestion.text(for: name, among: Self.types), line: value.line)
                }
                names.insert(name)
            }
            node.types = names
        case "enum": node.members.append(Set(try value.array(what).map { ExactText($0.canonical) }))
        case "const": node.members.append([ExactText(value.canonical)])
        case "multipleOf":
            let divisor = try number(value, what)
            guard divisor > .zero, ExactDecimal.zero.isMultiple(of: divisor) != nil else {
                throw RuleError("\"multipleOf\" is a number over 0 of at most 18 digits", line: value.line)
            }
            node.multipleOf = divisor
        case "maximum": node.bounds.append((.max, try number(value, what)))
        case "minimum": node.bounds.append((.min, try number(value, what)))
        case "exclusiveMaximum": node.bounds.append((.below, try number(value, what)))
        case "exclusiveMinimum": node.bounds.append((.above, try number(value, what)))
        case "maxLength": node.lengths = try limited(node.lengths, max: value, what)
        case "minLength": node.lengths = try limited(node.lengths, min: value, what)
        case "maxItems": node.itemCounts = try limited(node.itemCounts, max: value, what)
        case "minItems": node.itemCounts = try limited(node.itemCounts, min: value, what)
        case "maxProperties": node.memberCounts = try limited(node.memberCounts, max: value, what)
        case "minProperties": node.memberCounts = try limited(node.memberCounts, min: value, what)
        case "uniqueItems": node.uniqueItems = try value.bool(what)
        case "pattern": node.patterns.append(try pattern(value, what))
        case "prefixItems": node.prefixItems = try list(value, what)
        case "items":
            if case .array = value.content {
                guard !hasPrefixItems else {
                    throw RuleError("\"items\" is a schema in this draft; expected \"prefixItems\"", line: value.line)
                }
                node.prefixItems = try list(value, what)
                if let rest = schema["additionalItems"] { node.items = try compile(rest) }
            } else {
                node.items = try compile(value)
            }
        case "additionalItems", "minContains", "maxContains", "then", "else": break
        case "contains":
            let least = try schema["minContains"]?.count("\"minContains\"") ?? 1
            let most = try schema["maxContains"]?.count("\"maxContains\"") ?? Int.max
            // An impossible range holds for no array: at least one more than there can be.
            node.contains = (try compile(value), least <= most ? least...most : Int.max...Int.max)
        case "required": node.required += try texts(value, what).map(ExactText.init)
        case "properties":
            for (name, value) in try value.object(what) { node.properties[ExactText(name)] = try compile(value) }
        case "patternProperties":
            for (name, schema) in try value.object(what) {
                let text = JSONValue(content: .string(name), line: schema.line)
                node.patternProperties.append((try pattern(text, what), try compile(schema)))
            }
        case "additionalProperties": node.additionalProperties = try compile(value)
        case "propertyNames": node.propertyNames = try compile(value)
        case "dependentRequired", "dependentSchemas", "dependencies":
            for (name, value) in try value.object(what) {
                if case .array = value.content, key != "dependentSchemas" {
                    node.dependentRequired.append((ExactText(name), try texts(value, what).map(ExactText.init)))
                } else if key != "dependentRequired" {
                    node.dependentSchemas.append((ExactText(name), try compile(value)))
                } else {
                    throw RuleError("\"dependentRequired\" holds arrays of names, not \(value.kind)", line: value.line)
                }
            }
        case "allOf": node.all += try list(value, what)
        case "anyOf": node.any.append(try list(value, what))
        case "oneOf": node.one.append(try list(value, what))
        case "not": node.not.append(try compile(value))
        case "if":
            var condition: (if: Int, then: Int?, else: Int?) = (try compile(value), nil, nil)
            if let then = schema["then"] { condition.then = try compile(then) }
            if let otherwise = schema["else"] { condition.else = try compile(otherwise) }
            node.condition = condition
        case "$ref": node.all.append(try refer(value))
        case _ where Self.annotations.contains(key) || key.hasPrefix("x-"): break
        case _ where Self.unsupported.contains(key):
            throw RuleError("the JSON Schema keyword \(what) is not supported", line: value.line)
        default:
            // The drafts read over an unknown keyword; one that is nearly a known one is a mistake.
            guard let meant = Suggestion.nearest(to: key, among: Self.keywords) else { break }
            throw RuleError("\(what) is no keyword of JSON Schema; did you mean \"\(meant)\"?", line: value.line)
        }
    }

    private func number(_ value: JSONValue, _ what: String) throws(RuleError) -> ExactDecimal {
        guard case .number(let text) = value.content, let number = ExactDecimal(Array(text.utf8)) else {
            throw RuleError("\(what) is a number, not \(value.kind)", line: value.line)
        }
        return number
    }

    private func limited(
        _ range: ClosedRange<Int>, min: JSONValue? = nil, max: JSONValue? = nil, _ what: String
    ) throws(RuleError) -> ClosedRange<Int> {
        let least = try min?.count(what) ?? range.lowerBound
        let most = try max?.count(what) ?? range.upperBound
        guard least <= most else {
            throw RuleError("\(what): the least, \(least), exceeds the greatest, \(most)", line: (min ?? max)?.line)
        }
        return least...most
    }

    /// A pattern of JSON Schema may match anywhere in the text.
    private func pattern(_ value: JSONValue, _ what: String) throws(RuleError) -> Pattern {
        let expression = try value.string(what)
        do {
            _ = try Pattern(expression, isECMAScript: true)
            return try Pattern("[\\s\\S]*(?:\(expression))[\\s\\S]*", isECMAScript: true)
        } catch { throw RuleError(error.message, line: value.line) }
    }

    private mutating func list(_ value: JSONValue, _ what: String) throws(RuleError) -> [Int] {
        let elements = try value.array(what)
        if elements.isEmpty { throw RuleError("\(what) holds at least one schema", line: value.line) }
        var all: [Int] = []
        for element in elements { all.append(try compile(element)) }
        return all
    }

    private func texts(_ value: JSONValue, _ what: String) throws(RuleError) -> [String] {
        var all: [String] = []
        for element in try value.array(what) { all.append(try element.string("a name in \(what)")) }
        return all
    }

    // MARK: References

    private mutating func refer(_ reference: JSONValue) throws(RuleError) -> Int {
        var target = try reference.string("\"$ref\"")
        if case .string(let own)? = document["$id"]?.content, target.hasPrefix(own) {
            target.removeFirst(own.count)
            if target.isEmpty { target = "#" }
        }
        guard target.hasPrefix("#") else {
            throw RuleError(
                "\"$ref\" is \"\(target)\"; expected a place within this schema, such as \"#/$defs/name\"",
                line: reference.line)
        }
        let pointer = String(target.dropFirst())
        if let known = referred[ExactText(pointer)] { return known }
        guard let found = pointer.isEmpty || pointer.hasPrefix("/") ? place(pointer) : anchor(pointer, document) else {
            throw RuleError("\"$ref\": there is no \(target) in this schema", line: reference.line)
        }
        // The place is taken before it is read, so that it may refer to itself.
        let index = nodes.count
        nodes.append(JSONSchema.Node())
        lines.append(reference.line)
        referred[ExactText(pointer)] = index
        let compiled = try compile(found)
        nodes[index].all = [compiled]
        return index
    }

    /// What a JSON pointer (RFC 6901) leads to.
    private func place(_ pointer: String) -> JSONValue? {
        var value = document
        for part in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            let key = Self.unescaped(part)
            switch value.content {
            case .object:
                guard let next = value[key] else { return nil }
                value = next
            case .array(let elements):
                guard let index = Int(key), elements.indices.contains(index) else { return nil }
                value = elements[index]
            default: return nil
            }
        }
        return value
    }

    /// `%25` is a percent sign, `~1` a slash, `~0` a tilde.
    private static func unescaped(_ part: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = ArraySlice(Array(part.utf8))
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else if byte == UInt8(ascii: "~"), let code = rest.first, code == 0x30 || code == 0x31 {
                bytes.append(code == 0x30 ? 0x7e : 0x2f)
                rest = rest.dropFirst()
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func anchor(_ name: String, _ value: JSONValue) -> JSONValue? {
        switch value.content {
        case .object(let members):
            if case .string(let anchor)? = value["$anchor"]?.content, anchor.isExactly(name) { return value }
            for member in members { if let found = anchor(name, member.value) { return found } }
        case .array(let elements): for element in elements { if let found = anchor(name, element) { return found } }
        default: break
        }
        return nil
    }

    /// A schema that asks itself the same question again would never be answered.
    func refuseCycles() throws(RuleError) {
        var state = [UInt8](repeating: 0, count: nodes.count)
        for start in nodes.indices where state[start] == 0 {
            var path: [(node: Int, next: ArraySlice<Int>)] = [(start, nodes[start].inPlace[...])]
            state[start] = 1
            while var last = path.popLast() {
                guard let next = last.next.popFirst() else {
                    state[last.node] = 2
                    continue
                }
                path.append(last)
                if state[next] == 1 {
                    throw RuleError(
                        "\"$ref\": the schema refers to itself without going into the value", line: lines[next])
                }
                if state[next] == 0 {
                    state[next] = 1
                    path.append((next, nodes[next].inPlace[...]))
                }
            }
        }
    }
}
