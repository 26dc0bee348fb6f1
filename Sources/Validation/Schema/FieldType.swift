/// Reads a field's `type`, `format` and what goes with them.
enum FieldType {
    private static let names = [
        "string", "number", "integer", "boolean", "object", "array", "list", "datetime", "date", "time", "year",
        "yearmonth", "duration", "geopoint", "geojson", "any",
    ]

    static func read(_ field: JSONValue) throws(RuleError) -> ColumnType {
        let type = try field["type"]?.string("a field's \"type\"") ?? "string"
        let line = field["type"]?.line ?? field.line
        var format = try field["format"]?.string("a field's \"format\"") ?? "default"
        // Version 0's way to write a pattern.
        if format.hasPrefix("fmt:") { format = String(format.dropFirst(4)) }
        func one(of formats: [String]) throws(RuleError) {
            guard formats.contains(format) else {
                throw RuleError(
                    "the format \"\(format)\" is none of a \(type); expected \(formats.joined(separator: ", "))",
                    line: field["format"]?.line ?? line)
            }
        }
        func temporal() throws(RuleError) -> TemporalFormat {
            switch format {
            case "default": return .iso
            case "any": return .any
            default:
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
        case "number": return ColumnType(kind: .number(try number(field)))
        case "integer": return ColumnType(kind: .integer(try number(field)))
        case "boolean":
            var boolean = BooleanFormat()
            if let values = field["trueValues"] { boolean.trueValues = try texts(values, "\"trueValues\"") }
            if let values = field["falseValues"] { boolean.falseValues = try texts(values, "\"falseValues\"") }
            return ColumnType(kind: .boolean(boolean))
        case "date": return ColumnType(kind: .date(try temporal()))
        case "time": return ColumnType(kind: .time(try temporal()))
        case "datetime": return ColumnType(kind: .datetime(try temporal()))
        case "object": return .object
        case "array": return .array
        case "list":
            let items: [String: ListItem] = [
                "string": .string, "integer": .integer, "boolean": .boolean, "number": .number, "datetime": .datetime,
                "date": .date, "time": .time,
            ]
            let name = try field["itemType"]?.string("\"itemType\"") ?? "string"
            guard let item = items[name] else {
                throw RuleError(
                    "\"itemType\" is \"\(name)\"; expected one of \(items.keys.sorted().joined(separator: ", "))",
                    line: field["itemType"]?.line ?? line)
            }
            let delimiter = try character(field, "delimiter") ?? ","
            guard let byte = delimiter.asciiValue else {
                throw RuleError("a list's \"delimiter\" must be ASCII", line: field["delimiter"]?.line ?? line)
            }
            return ColumnType(kind: .list(delimiter: byte, item: item))
        case "year": return .year
        case "yearmonth": return .yearMonth
        case "duration": return .duration
        case "geopoint":
            try one(of: ["default", "array", "object"])
            return ColumnType(kind: .geopoint(format == "array" ? .array : format == "object" ? .object : .text))
        case "geojson":
            try one(of: ["default", "topojson"])
            return ColumnType(kind: .geojson(topology: format == "topojson"))
        case "any": return .any
        default:
            throw RuleError(
                "\"\(type)\" is no type of Table Schema; expected one of \(names.joined(separator: ", "))", line: line)
        }
    }

    private static func number(_ field: JSONValue) throws(RuleError) -> NumberFormat {
        NumberFormat(
            decimalChar: try character(field, "decimalChar") ?? ".", groupChar: try character(field, "groupChar"),
            bareNumber: try field["bareNumber"]?.bool("\"bareNumber\"") ?? true)
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
            let hasLength = ["string", "uuid", "array", "object", "list", "geojson"].contains(column.type.name)
            switch key {
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
            case "pattern": column = column.pattern(try value.string("\"pattern\""))
            case "enum":
                var literals: [Literal] = []
                for element in try value.array("\"enum\"") {
                    literals.append(try element.literal("a value of \"enum\""))
                }
                column = column.oneOf(literals)
            case "jsonSchema":
                throw RuleError("column \(column.name): the constraint \"jsonSchema\" is not supported", line: line)
            default:
                throw RuleError(
                    "column \(column.name): \"\(key)\" is no constraint; expected required, unique, minimum, maximum, "
                        + "exclusiveMinimum, exclusiveMaximum, minLength, maxLength, pattern or enum", line: line)
            }
        }
    }
}
