/// A JSON Schema, compiled: what Table Schema's constraint `jsonSchema` asks of a value.
///
/// It knows the core, applicator and validation vocabularies of the drafts 7, 2019-09 and 2020-12
/// (https://json-schema.org/draft/2020-12/json-schema-validation). Annotations (`title`, `format`, `default`, …) are read
/// over, as the drafts have it; references point within the schema. A keyword that would change the verdict and is not
/// known is an error with its line.
final class JSONSchema: Sendable {
    /// One schema within the schema. The numbers are places in ``JSONSchema/nodes``.
    struct Node: Sendable {
        var always: Bool?
        var types: Set<String>?
        /// Canonical texts, of `enum` and `const`.
        var members: [Set<ExactText>] = []
        var multipleOf: ExactDecimal?
        var bounds: [(kind: Column.Constraint.Bound, value: ExactDecimal)] = []
        var lengths = 0...Int.max
        var patterns: [Pattern] = []
        var prefixItems: [Int] = []
        var items: Int?
        var contains: (node: Int, range: ClosedRange<Int>)?
        var itemCounts = 0...Int.max
        var uniqueItems = false
        var memberCounts = 0...Int.max
        var required: [ExactText] = []
        var properties: [ExactText: Int] = [:]
        var patternProperties: [(pattern: Pattern, node: Int)] = []
        var additionalProperties: Int?
        var propertyNames: Int?
        var dependentRequired: [(name: ExactText, others: [ExactText])] = []
        var dependentSchemas: [(name: ExactText, node: Int)] = []
        var all: [Int] = []
        var any: [[Int]] = []
        var one: [[Int]] = []
        var not: [Int] = []
        var condition: (if: Int, then: Int?, else: Int?)?

        /// What is asked of the same value.
        var inPlace: [Int] {
            all + any.flatMap(\.self) + one.flatMap(\.self) + not + dependentSchemas.map(\.node)
                + (condition.map { [$0.if, $0.then, $0.else].compactMap(\.self) } ?? [])
        }
    }

    let nodes: [Node]
    let root: Int

    /// Throws ``RuleError`` with the line of a mistake.
    init(_ schema: JSONValue) throws(RuleError) {
        var compiler = JSONSchemaCompiler(schema)
        root = try compiler.compile(schema)
        try compiler.refuseCycles()
        nodes = compiler.nodes
    }

    /// Whether a text is JSON that the schema allows.
    func allows(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let value = try? JSONParser.parse(text) else { return false }
        return allows(value, root)
    }

    func allows(_ value: JSONValue) -> Bool { allows(value, root) }

    private func allows(_ value: JSONValue, _ index: Int) -> Bool {
        let node = nodes[index]
        if let always = node.always { return always }
        if let types = node.types, !types.contains(where: { value.isOf($0) }) { return false }
        if !node.members.isEmpty {
            let canonical = ExactText(value.canonical)
            guard node.members.allSatisfy({ $0.contains(canonical) }) else { return false }
        }
        let holds =
            switch value.content {
            case .number(let text): allows(number: text, node)
            case .string(let text): allows(string: text, node)
            case .array(let elements): allows(array: elements, node)
            case .object(let members): allows(object: members, value, node)
            case .null, .bool: true
            }
        guard holds else { return false }
        guard node.all.allSatisfy({ allows(value, $0) }), !node.not.contains(where: { allows(value, $0) }) else {
            return false
        }
        guard node.any.allSatisfy({ $0.contains { allows(value, $0) } }),
            node.one.allSatisfy({ $0.count { allows(value, $0) } == 1 })
        else { return false }
        guard let condition = node.condition else { return true }
        let next = allows(value, condition.if) ? condition.then : condition.else
        return next.map { allows(value, $0) } ?? true
    }

    private func allows(number text: String, _ node: Node) -> Bool {
        if node.multipleOf == nil, node.bounds.isEmpty { return true }
        guard let number = ExactDecimal(Array(text.utf8)) else { return false }
        if let divisor = node.multipleOf, number.isMultiple(of: divisor) != true { return false }
        return node.bounds.allSatisfy { $0.kind.allows(number, $0.value) }
    }

    private func allows(string text: String, _ node: Node) -> Bool {
        if node.lengths != 0...Int.max, !node.lengths.contains(text.unicodeScalars.count) { return false }
        return node.patterns.allSatisfy { $0.matches(text) }
    }

    private func allows(array elements: [JSONValue], _ node: Node) -> Bool {
        guard node.itemCounts.contains(elements.count) else { return false }
        for (element, prefix) in zip(elements, node.prefixItems) where !allows(element, prefix) { return false }
        if let items = node.items {
            for element in elements.dropFirst(node.prefixItems.count) where !allows(element, items) { return false }
        }
        if let contains = node.contains,
            !contains.range.contains(elements.count { allows($0, contains.node) })
        {
            return false
        }
        return !node.uniqueItems || Set(elements.map { ExactText($0.canonical) }).count == elements.count
    }

    private func allows(
        object members: [(key: String, value: JSONValue)], _ value: JSONValue, _ node: Node
    ) -> Bool {
        // A member that stands there twice counts once, with its last value.
        let known = Dictionary(members.map { (ExactText($0.key), $0.value) }) { $1 }
        guard node.memberCounts.contains(known.count), node.required.allSatisfy({ known[$0] != nil }) else {
            return false
        }
        for (name, others) in node.dependentRequired where known[name] != nil {
            guard others.allSatisfy({ known[$0] != nil }) else { return false }
        }
        for (name, schema) in node.dependentSchemas where known[name] != nil {
            guard allows(value, schema) else { return false }
        }
        for (name, member) in known {
            if let names = node.propertyNames, !allows(JSONValue(content: .string(name.text), line: 1), names) {
                return false
            }
            var isCovered = false
            if let schema = node.properties[name] {
                isCovered = true
                guard allows(member, schema) else { return false }
            }
            for (pattern, schema) in node.patternProperties where pattern.matches(name.text) {
                isCovered = true
                guard allows(member, schema) else { return false }
            }
            if !isCovered, let rest = node.additionalProperties, !allows(member, rest) { return false }
        }
        return true
    }
}

extension JSONValue {
    /// What a member of a JSON enumeration stands for: a text that is JSON itself may stand for its value.
    var jsonText: String {
        if case .string(let text) = content, (try? JSONParser.parse(text)) != nil { return text }
        return canonical
    }

    /// One text for all equal values: members in order, numbers by value.
    var canonical: String {
        switch content {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .number(let text): return ExactDecimal(Array(text.utf8))?.text ?? text
        case .string(let text):
            var json = JSONText()
            json.string(text)
            return json.text
        case .array(let elements): return "[" + elements.map(\.canonical).joined(separator: ",") + "]"
        case .object(let members):
            let last = Dictionary(members.map { (ExactText($0.key), $0.value) }) { $1 }
            let texts = last.sorted { $0.key.text.utf8.lexicographicallyPrecedes($1.key.text.utf8) }.map {
                JSONValue(content: .string($0.key.text), line: 1).canonical + ":" + $0.value.canonical
            }
            return "{" + texts.joined(separator: ",") + "}"
        }
    }

    /// Whether it is of a type of JSON Schema; 1.0 is an integer.
    fileprivate func isOf(_ type: String) -> Bool {
        switch content {
        case .null: type == "null"
        case .bool: type == "boolean"
        case .string: type == "string"
        case .array: type == "array"
        case .object: type == "object"
        case .number(let text):
            type == "number" || (type == "integer" && ExactDecimal(Array(text.utf8))?.isInteger == true)
        }
    }
}
