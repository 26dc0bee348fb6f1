extension ValidationReport {
    /// The report as JSON, on one line: what a handler returns. `passed` stands at the top level.
    public func jsonString() -> String {
        var json = JSONText()
        json.object {
            $0.member("passed", passed)
            $0.member("table", table)
            $0.member("rows", rows)
            $0.member("rejected", rejected)
            $0.member("bytes", bytes)
            $0.member("seconds", seconds)
            $0.member("bytesPerSecond", bytesPerSecond.rounded())
            $0.member("checks", checks) { $0.check($1) }
            $0.member("columns", columns) { $0.column($1) }
        }
        return json.text
    }
}

/// Writes JSON text, without a tree in between.
struct JSONText {
    private(set) var text = ""
    private var needsComma = false

    mutating func object(_ body: (inout JSONText) -> Void) {
        text += "{"
        needsComma = false
        body(&self)
        text += "}"
        needsComma = true
    }

    private mutating func key(_ name: String) {
        if needsComma { text += "," }
        string(name)
        text += ":"
        needsComma = true
    }

    mutating func string(_ value: String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..."\u{1f}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    mutating func member(_ name: String, _ value: Bool) { key(name); text += value ? "true" : "false" }
    mutating func member(_ name: String, _ value: Int) { key(name); text += String(value) }
    mutating func member(_ name: String, _ value: Double) { key(name); text += value.isFinite ? "\(value)" : "null" }
    mutating func member(_ name: String, _ value: String) { key(name); string(value) }
    mutating func member(_ name: String, ifPresent value: String?) { if let value { member(name, value) } }
    mutating func member(_ name: String, ifPresent value: Int?) { if let value { member(name, value) } }
    mutating func member(_ name: String, _ values: [String]) {
        member(name, values) { json, value in json.string(value) }
    }
    mutating func member<Element>(_ name: String, _ values: [Element], each: (inout JSONText, Element) -> Void) {
        key(name)
        text += "["
        for (index, value) in values.enumerated() {
            if index > 0 { text += "," }
            each(&self, value)
        }
        text += "]"
        needsComma = true
    }

    mutating func check(_ check: CheckResult) {
        object {
            $0.member("rule", check.rule)
            $0.member("name", check.name)
            $0.member("columns", check.columns)
            $0.member("severity", check.severity.rawValue)
            $0.member("count", check.count)
            $0.member("passed", check.passed)
            $0.member("found", ifPresent: check.found)
            $0.member("offenders", check.offenders) { $0.offender($1) }
        }
    }

    mutating func offender(_ offender: Offender) {
        object {
            $0.member("row", ifPresent: offender.row)
            $0.member("column", ifPresent: offender.column)
            $0.member("byte", offender.byte)
            $0.member("value", offender.value)
        }
    }

    mutating func column(_ column: ColumnStatistics) {
        object {
            $0.member("name", column.name)
            $0.member("type", ifPresent: column.type)
            $0.member("values", column.values)
            $0.member("missing", column.missing)
            $0.member("invalid", column.invalid)
            $0.member("min", ifPresent: column.min)
            $0.member("max", ifPresent: column.max)
            $0.member("mean", ifPresent: column.mean)
            $0.member("minLength", ifPresent: column.minLength)
            $0.member("maxLength", ifPresent: column.maxLength)
        }
    }
}
