/// Reads a field's `type`, `format` and what goes with them.
enum FieldType {
    private static let names = [
        "string", "number", "integer", "boolean", "object", "array", "list", "datetime", "date", "time", "year",
        "yearmonth", "duration", "geopoint", "geojson", "any",
    ]

    static func read(_ field: JSONValue, _ version: SchemaVersion) throws(RuleError) -> ColumnType {
        let type = try field["type"]?.string("a field's \"type\"") ?? version.untyped
        let line = field["type"]?.line ?? field.line
        var format = try field["format"]?.string("a field's \"format\"") ?? "default"
        // Version 0's way to write a pattern.
        if format.hasPrefix("fmt:") { format = String(format.dropFirst(4)) }
        func one(of formats: [String]) throws(RuleError) {
            guard formats.contains(format) else {
                throw RuleError(
                    "the format \"\(format)\" is none of \("aeiou".contains(type.prefix(1)) ? "an" : "a") \(type); expected "
                        + formats.joined(separator: ", ") + Suggestion.text(for: format, among: formats),
                    line: field["format"]?.line ?? line)
            }
        }
        func temporal() throws(RuleError) -> TemporalFormat {
            switch format {
            case "default": return .iso
            case "any": return .any
            default:
                guard format.contains("%") else {
                    throw RuleError(
                        "the format \"\(format)\" is none of a \(type); expected default, any or a pattern such as "
                            + (type == "time" ? "%H:%M" : "%d/%m/%Y")
                            + Suggestion.text(for: format, among: ["default", "any"]),
                        line: field["format"]?.line ?? line)
                }
                do { _ = try TemporalPattern(format) } catch {
                    throw RuleError(error.message, line: field["format"]?.line ?? line)
                }
                return .pattern(format)
            }
        }
        switch type {
        case "string":
            try one(of: ["default", "email", "uri", "binary", "uuid"])
            switch format {
            case "email": return .email
            case "uri": return .uri
            case "binary": return .binary
            case "uuid": return .uuid
            default: return .string
            }
        case "number":
            try one(of: ["default"])
            return ColumnType(kind: .number(try number(field)))
        case "integer":
            try one(of: ["default"])
            return ColumnType(kind: .integer(try number(field)))
        case "boolean":
            try one(of: ["default"])
            var boolean = BooleanFormat()
            if let values = field["trueValues"] { boolean.trueValues = try texts(values, "\"trueValues\"") }
            if let values = field["falseValues"] { boolean.falseValues = try texts(values, "\"falseValues\"") }
            let falseValues = Set(boolean.falseValues.map(ExactText.init))
            for text in boolean.trueValues where falseValues.contains(ExactText(text)) {
                throw RuleError(
                    "\"\(text)\" stands in \"trueValues\" and in \"falseValues\"",
                    line: (field["falseValues"] ?? field["trueValues"])?.line ?? line)
            }
            return ColumnType(kind: .boolean(boolean))
        case "date": return ColumnType(kind: .date(try temporal()))
        case "time":
            let format = try temporal()
            return ColumnType(kind: .time(format == .iso ? version.time : format))
        case "datetime": return ColumnType(kind: .datetime(try temporal()))
        case "object", "array":
            try one(of: ["default"])
            return type == "object" ? .object : .array
        case "list":
            try one(of: ["default"])
            let items: [String: ListItem] = [
                "string": .string, "integer": .integer, "boolean": .boolean, "number": .number, "datetime": .datetime,
                "date": .date, "time": .time(version.time),
            ]
            let name = try field["itemType"]?.string("\"itemType\"") ?? "string"
            guard let item = items[name] else {
                throw RuleError(
                    "\"itemType\" is \"\(name)\"; expected one of \(items.keys.sorted().joined(separator: ", "))"
                        + Suggestion.text(for: name, among: items.keys.sorted()),
                    line: field["itemType"]?.line ?? line)
            }
            let delimiter = try field["delimiter"]?.string("a list's \"delimiter\"") ?? ","
            guard !delimiter.isEmpty else {
                throw RuleError("a list's \"delimiter\" has at least one character", line: field["delimiter"]?.line)
            }
            return ColumnType(kind: .list(delimiter: Array(delimiter.utf8), item: item))
        case "year", "yearmonth", "duration":
            try one(of: ["default"])
            return type == "year" ? .year : type == "yearmonth" ? .yearMonth : .duration
        case "geopoint":
            try one(of: ["default", "array", "object"])
            return ColumnType(kind: .geopoint(format == "array" ? .array : format == "object" ? .object : .text))
        case "geojson":
            try one(of: ["default", "topojson"])
            return ColumnType(kind: .geojson(topology: format == "topojson"))
        case "any": return .any
        default:
            throw RuleError(
                "\"\(type)\" is no type of Table Schema; expected one of \(names.joined(separator: ", "))"
                    + (meant(type).map { "; did you mean \"\($0)\"?" } ?? ""), line: line)
        }
    }

    private static func number(_ field: JSONValue) throws(RuleError) -> NumberFormat {
        let format = NumberFormat(
            decimalChar: try character(field, "decimalChar") ?? ".", groupChar: try character(field, "groupChar"),
            bareNumber: try field["bareNumber"]?.bool("\"bareNumber\"") ?? true)
        if format.decimalChar == format.groupChar, field["type"].map({ $0.kind == "\"number\"" }) ?? false {
            throw RuleError(
                "\"decimalChar\" and \"groupChar\" are both \"\(format.decimalChar)\"",
                line: (field["groupChar"] ?? field["decimalChar"])?.line ?? field.line)
        }
        for key in ["decimalChar", "groupChar"] {
            guard let text = try character(field, key) else { continue }
            guard !text.isNumber, text != "-", text != "+" else {
                throw RuleError("\"\(key)\" is \"\(text)\", which is part of a number", line: field[key]?.line)
            }
        }
        return format
    }

    /// Names that other systems give the types.
    private static func meant(_ type: String) -> String? {
        let others = [
            "int": "integer", "int32": "integer", "int64": "integer", "bigint": "integer", "long": "integer",
            "float": "number", "double": "number", "decimal": "number", "numeric": "number", "real": "number",
            "bool": "boolean", "text": "string", "varchar": "string", "str": "string", "char": "string",
            "timestamp": "datetime", "json": "object", "uuid": "string",
        ]
        return others[type.lowercased()] ?? Suggestion.nearest(to: type, among: names)
    }

    private static func character(_ field: JSONValue, _ key: String) throws(RuleError) -> Character? {
        guard let value = field[key] else { return nil }
        let text = try value.string("\"\(key)\"")
        if text.isEmpty { return nil }
        guard text.count == 1 else { throw RuleError("\"\(key)\" is one character, not \"\(text)\"", line: value.line) }
        return text.first
    }

    private static func texts(_ value: JSONValue, _ what: String) throws(RuleError) -> [String] {
        var all: [String] = []
        for element in try value.array(what) { all.append(try element.string("an element of \(what)")) }
        return all
    }
}

/// Reads a field's `constraints`.
enum FieldConstraints {
    static let names = [
        "required", "unique", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
        "pattern", "enum", "jsonSchema",
    ]

    static func add(_ constraints: JSONValue, to column: inout Column) throws(RuleError) {
        for (key, value) in try constraints.object("\"constraints\"") {
            let line = value.line
            func needs(_ holds: Bool) throws(RuleError) {
                guard holds else {
                    throw RuleError(
                        "column \(column.name): the constraint \"\(key)\" does not apply to \(column.type.article)",
                        line: line)
                }
            }
            let hasOrder = Lane(column.type) != .none && column.type.name != "boolean"
            let hasLength = ["string", "uuid", "array", "object", "list", "geojson", "any"].contains(column.type.name)
            let hasPattern = ["string", "uuid", "any"].contains(column.type.name)
            switch key {
            case _ where value.content.isNull: throw RuleError("the constraint \"\(key)\" is null", line: line)
            case "required": if try value.bool("\"required\"") { column = column.required() }
            case "unique": if try value.bool("\"unique\"") { column = column.unique() }
            case "minimum":
                try needs(hasOrder)
                column = column.min(try value.literal("\"minimum\""))
            case "maximum":
                try needs(hasOrder)
                column = column.max(try value.literal("\"maximum\""))
            case "exclusiveMinimum":
                try needs(hasOrder)
                column = column.above(try value.literal("\"exclusiveMinimum\""))
            case "exclusiveMaximum":
                try needs(hasOrder)
                column = column.below(try value.literal("\"exclusiveMaximum\""))
            case "minLength":
                try needs(hasLength)
                column = column.minLength(try value.count("\"minLength\""))
            case "maxLength":
                try needs(hasLength)
                column = column.maxLength(try value.count("\"maxLength\""))
            case "pattern":
                try needs(hasPattern)
                column = column.pattern(try value.string("\"pattern\""))
            case "enum":
                var literals: [Literal] = []
                for element in try value.array("\"enum\"") {
                    literals.append(
                        column.type.isWrittenInJSON
                            ? Literal(element.jsonText) : try element.literal("a value of \"enum\""))
                }
                if literals.isEmpty { throw RuleError("\"enum\" holds at least one value", line: line) }
                column = column.oneOf(literals)
            case "jsonSchema":
                try needs(column.type.isJSON)
                do { column = column.adding(.jsonSchema(try JSONSchema(value)), .error, .none) } catch {
                    throw RuleError("column \(column.name): \(error.message)", line: error.line ?? line)
                }
            default:
                throw RuleError(
                    "column \(column.name): \"\(key)\" is no constraint; expected \(names.joined(separator: ", "))"
                        + Suggestion.text(for: key, among: names), line: line)
            }
        }
    }
}
