/// How a rule's literals and its columns' types go together.
extension ColumnPlan {
    /// A literal as a value of this column. A number that was written as one is read plainly, whatever the column's
    /// decimal and grouping characters; `true` and `false` mean the column's own truth values.
    func judge(_ literal: Literal) -> Judged {
        let text = Array(literal.text.utf8)[...]
        switch (literal.form, type.kind) {
        case (.number, .integer), (.number, .decimal), (.number, .number):
            guard let exact = ExactDecimal(text) else { return reader.judge(text) }
            // A bound of a column of integers may lie between two of them.
            if lane == .scaled(0), !exact.isInteger { return .exact(exact) }
            return reader.judge(number: text)
        case (.boolean, .boolean): return .lane(literal.text == "true" ? 1 : 0)
        default: return reader.judge(text)
        }
    }

    /// A value in the type's canonical form.
    func canonical(_ value: ExactDecimal) -> String {
        switch type.kind {
        case .time, .datetime, .duration: return text(seconds: value)
        default:
            if case .scaled(let scale) = lane, let position = value.unscaled(scale: scale) { return text(position) }
            return value.text
        }
    }
}

extension ColumnType {
    /// Whether its values are JSON texts of many parts.
    var isJSON: Bool {
        switch kind {
        case .object, .array, .geojson: true
        default: false
        }
    }

    /// Whether a value is JSON of several parts, a point too.
    var isWrittenInJSON: Bool {
        if case .geopoint(let format) = kind { return format != .text }
        return isJSON
    }

    /// Whether its length is a number of elements.
    var isCollection: Bool {
        if case .list = kind { return true }
        return isJSON
    }

    private enum Scale { case number, truth, day, time, moment, duration, year, month, text }

    private var scale: Scale {
        switch kind {
        case .integer, .decimal, .number: .number
        case .boolean: .truth
        case .date: .day
        case .time: .time
        case .datetime: .moment
        case .duration: .duration
        case .year: .year
        case .yearMonth: .month
        default: .text
        }
    }

    /// Whether values of both types lie on one scale. A date compares with a datetime as its midnight in UTC.
    func isComparable(_ other: ColumnType) -> Bool {
        switch (scale, other.scale) {
        case (.day, .moment), (.moment, .day), (.number, .year), (.year, .number): true
        case (let one, let another): one == another
        }
    }
}

extension Plan {
    static func elementCount(
        _ check: Int, _ type: ColumnType, _ range: ClosedRange<Int>
    ) -> (Int, @Sendable (UnsafeBufferPointer<UInt8>) -> Bool) {
        (check, { StructuredForms.count(type.kind, $0).map(range.contains) ?? false })
    }

    /// Throws if a tolerance means nothing.
    static func check(_ consequence: Consequence, _ rule: String) throws(RuleError) {
        guard consequence.tolerance.isMeaningful else {
            throw RuleError("\(rule): a tolerance is a number of rows from 0 or a share from 0 to 100 %")
        }
    }

    static func check(_ min: Int?, _ max: Int?, _ rule: String) throws(RuleError) {
        if let min, let max, max < min { throw RuleError("\(rule): no number is from \(min) to \(max)") }
        if let max, max < 0 { throw RuleError("\(rule): a number is never under 0, and at most \(max) is asked for") }
    }
}
