/// A Table Schema, version 1 or 2: rules without Swift.
///
/// See https://specs.frictionlessdata.io/table-schema/ and https://datapackage.org/standard/table-schema/. It becomes a
/// ``RuleSet`` and runs on the same engine. A mistake in it is a ``RuleError`` with its line.
///
/// What it leaves to interpretation is read so: `pattern` must match the whole value; `fieldsMatch` is `exact` unless it is
/// given; a `number` is a binary floating-point value, every other type is exact; `any` accepts all that is present.
///
/// A whole resource descriptor is read too: its `schema`, its `dialect` and its `format` say how the data is written, in
/// place of what the caller assumes.
public struct TableSchema: Sendable {
    /// The rules that it stands for.
    public private(set) var rules: RuleSet

    /// Reads a schema. `name` is what the report calls the table, `format` how the data is written.
    ///
    /// Throws ``RuleError`` with the line of the first mistake and what was expected there.
    public init(json: String, name: String, format: Format = .csv) throws(RuleError) {
        let value: JSONValue
        do { value = try JSONParser.parse(document: json) } catch { throw RuleError(error.message, line: error.line) }
        try self.init(value, name, format)
    }

    /// Reads a schema from bytes.
    public init(bytes: UnsafeRawBufferPointer, name: String, format: Format = .csv) throws(RuleError) {
        let value: JSONValue
        do { value = try JSONParser.parse(document: bytes.bindMemory(to: UInt8.self)) } catch {
            throw RuleError(error.message, line: error.line)
        }
        try self.init(value, name, format)
    }

    private init(_ value: JSONValue, _ name: String, _ format: Format) throws(RuleError) {
        rules = RuleSet(name, format: format) {}
        rules.definition.allowsRepeatedNames = true
        // A whole resource descriptor carries its schema within.
        let schema = value["fields"] == nil ? value["schema"] ?? value : value
        let members = try schema.object("a Table Schema")
        guard let fields = schema["fields"] else {
            let meant = members.lazy.compactMap {
                Suggestion.nearest(to: $0.key, among: ["fields"]) == nil ? nil : $0.key
            }
            throw RuleError(
                "the schema has no \"fields\"" + (meant.first.map { ", but \"\($0)\"" } ?? ""), line: value.line)
        }
        try PropertyNames.schema.check(schema)
        if value["fields"] == nil, value["schema"] != nil {
            try PropertyNames.resource.check(value)
            rules.format = try format.described(by: value)
        }
        let version = SchemaVersion(schema["$schema"])
        rules.missing = try schema["missingValues"].map(Self.markers) ?? [""]
        var match = FieldsMatch.exact
        if let text = schema["fieldsMatch"] { match = try FieldsMatch(text) }
        let keyed = Set(try schema["primaryKey"]?.names("a key").map(ExactText.init) ?? [])
        for field in try fields.array("\"fields\"") { try add(field, match, version, keyed) }
        for (key, member) in members {
            switch key {
            case "primaryKey": try addKey(member, required: true)
            case "uniqueKeys":
                let keys = try member.array("\"uniqueKeys\"")
                if keys.isEmpty { throw RuleError("\"uniqueKeys\" holds at least one key", line: member.line) }
                for key in keys { try addKey(key, required: false) }
            case "foreignKeys":
                for key in try member.array("\"foreignKeys\"") { try addForeignKey(key) }
            default: break
            }
        }
        if match == .exact || match == .equal || match == .superset { OnlyDeclaredColumns().add(to: &rules.definition) }
        if match == .exact { ColumnsInOrder().add(to: &rules.definition) }
        if match == .superset || match == .partial { rules.definition.needsAnyColumn = true }
    }

    private enum FieldsMatch: String, CaseIterable {
        case exact, equal, subset, superset, partial

        init(_ value: JSONValue) throws(RuleError) {
            var text = value
            // Version 2.0's profile took an array of one.
            if case .array(let elements) = value.content, elements.count == 1 { text = elements[0] }
            guard case .string(let name) = text.content, let match = FieldsMatch(rawValue: name) else {
                let names = Self.allCases.map(\.rawValue)
                var meant = ""
                if case .string(let name) = text.content { meant = Suggestion.text(for: name, among: names) }
                throw RuleError(
                    "\"fieldsMatch\" is \(value.kind); expected one of \(names.joined(separator: ", "))\(meant)",
                    line: value.line)
            }
            self = match
        }
    }

    /// Texts, or objects with a value and a label.
    private static func markers(_ value: JSONValue) throws(RuleError) -> [String] {
        var all: [String] = []
        var seen: Set<ExactText> = []
        for element in try value.array("\"missingValues\"") {
            let text: String
            if case .object = element.content {
                guard let value = element["value"] else {
                    throw RuleError("a missing value needs its \"value\"", line: element.line)
                }
                text = try value.string("the \"value\" of a missing value")
            } else {
                text = try element.string("a missing value")
            }
            guard seen.insert(ExactText(text)).inserted else {
                throw RuleError("the missing value \"\(text)\" stands there twice", line: element.line)
            }
            all.append(text)
        }
        return all
    }

    private mutating func add(
        _ field: JSONValue, _ match: FieldsMatch, _ version: SchemaVersion, _ keyed: Set<ExactText>
    ) throws(RuleError) {
        guard case .object = field.content else {
            throw RuleError("a field is an object with a \"name\", not \(field.kind)", line: field.line)
        }
        guard let name = try field["name"]?.string("a field's \"name\"") else {
            throw RuleError("a field has no \"name\"", line: field.line)
        }
        try PropertyNames.field.check(field)
        var column = Column(name, try FieldType.read(field, version))
        column.line = field.line
        column.missing = try field["missingValues"].map(Self.markers)
        if let categories = field["categories"] {
            guard column.type.name == "string" || column.type.name == "integer" || column.type.name == "any" else {
                throw RuleError(
                    "column \(name): \"categories\" is for strings and integers, not \(column.type.article)",
                    line: categories.line)
            }
            column = column.oneOf(try Self.categories(categories))
        }
        _ = try field["categoriesOrdered"]?.bool("\"categoriesOrdered\"")
        if let constraints = field["constraints"] { try FieldConstraints.add(constraints, to: &column) }
        // A value that must be there needs its column.
        column.isOptional =
            (match == .superset || match == .partial) && !column.isRequired && !keyed.contains(ExactText(name))
        rules.definition.columns.append(column)
    }

    private static func categories(_ value: JSONValue) throws(RuleError) -> [Literal] {
        var all: [Literal] = []
        var seen: Set<ExactText> = []
        for element in try value.array("\"categories\"") {
            let literal = try (element["value"] ?? element).literal("a category, or its \"value\",")
            if !seen.insert(ExactText(literal.text)).inserted {
                throw RuleError("the category \(literal.text) stands there twice", line: element.line)
            }
            all.append(literal)
        }
        if all.isEmpty { throw RuleError("\"categories\" holds at least one value", line: value.line) }
        return all
    }

    private mutating func addKey(_ value: JSONValue, required: Bool) throws(RuleError) {
        rules.definition.tableRules.append(
            TableRule(
                kind: .unique(columns: try value.names("a key"), required: required), consequence: .held,
                line: value.line))
    }

    private mutating func addForeignKey(_ value: JSONValue) throws(RuleError) {
        try PropertyNames.foreignKey.check(value)
        if let reference = value["reference"] { try PropertyNames.reference.check(reference) }
        guard let fields = value["fields"], let reference = value["reference"], let target = reference["fields"] else {
            throw RuleError("a foreign key has \"fields\" and a \"reference\" with \"fields\"", line: value.line)
        }
        let names = try (fields.names("\"fields\""), target.names("\"fields\""))
        guard names.0.count == names.1.count else {
            throw RuleError(
                "a foreign key over \(names.0.count) columns refers to \(names.1.count)", line: target.line)
        }
        let resource = try reference["resource"]?.string("a reference's \"resource\"") ?? ""
        if resource.isEmpty {
            let declared = Set(rules.definition.columns.map { ExactText($0.name) })
            if let name = names.1.first(where: { !declared.contains(ExactText($0)) }) {
                throw RuleError(
                    "the foreign key refers to the column \(name) of the table itself, which is not declared",
                    line: target.line)
            }
        }
        rules.definition.tableRules.append(
            TableRule(
                kind: .reference(
                    columns: names.0, Reference(object: resource, columns: names.1, types: [], line: value.line)),
                consequence: .held, line: value.line))
    }
}

/// What the versions of Table Schema read in different ways.
struct SchemaVersion {
    /// What a field without a `type` is.
    let untyped: String
    /// The default format of a time.
    let time: TemporalFormat

    /// By the profile that the schema names. One that names none is read as either may be: its fields without a type are
    /// anything, as version 2 has it, and its times are ISO 8601's, as version 1 has it.
    init(_ profile: JSONValue?) {
        var name = ""
        if case .string(let text)? = profile?.content { name = text }
        untyped = name.contains("/1.") ? "string" : "any"
        time = name.contains("/2.") ? .seconds : .iso
    }
}

extension Validator {
    /// Compiles a Table Schema.
    public init(_ schema: TableSchema) throws(RuleError) { try self.init(schema.rules) }
}

extension JSONValue {
    func object(_ what: String) throws(RuleError) -> [(key: String, value: JSONValue)] {
        guard case .object(let members) = content else {
            throw RuleError("\(what) is an object, not \(kind)", line: line)
        }
        return members
    }
    func array(_ what: String) throws(RuleError) -> [JSONValue] {
        guard case .array(let elements) = content else {
            throw RuleError("\(what) is an array, not \(kind)", line: line)
        }
        return elements
    }
    func string(_ what: String) throws(RuleError) -> String {
        guard case .string(let text) = content else { throw RuleError("\(what) is a string, not \(kind)", line: line) }
        return text
    }
    func bool(_ what: String) throws(RuleError) -> Bool {
        guard case .bool(let value) = content else {
            throw RuleError("\(what) is true or false, not \(kind)", line: line)
        }
        return value
    }
    func count(_ what: String) throws(RuleError) -> Int {
        guard case .number(let text) = content, let value = Int(text), value >= 0 else {
            throw RuleError("\(what) is a whole number from 0, not \(kind)", line: line)
        }
        return value
    }
    func literal(_ what: String) throws(RuleError) -> Literal {
        switch content {
        case .string(let text): return Literal(text)
        case .number(let text): return Literal(text, .number)
        case .bool(let value): return Literal(booleanLiteral: value)
        case .null, .array, .object: throw RuleError("\(what) is a value, not \(kind)", line: line)
        }
    }
    /// A name or a list of names.
    func names(_ what: String) throws(RuleError) -> [String] {
        if case .string(let name) = content { return [name] }
        var names: [String] = []
        for element in try array(what) { names.append(try element.string("a column's name in \(what)")) }
        if names.isEmpty { throw RuleError("\(what) names no column", line: line) }
        return names
    }
}
