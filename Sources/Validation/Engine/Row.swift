/// One row, as a ``RowRule`` sees it. It is valid only within the rule's closure.
///
/// A column that is missing, not of its type, or not asked for as what it is gives nil.
public struct Row {
    let evaluator: BatchEvaluator
    let row: Int

    private func lane(_ name: String) -> (ColumnPlan, Int64)? {
        guard let column = evaluator.plan.columnIndex[ExactText(name)], let position = evaluator.position(column, row)
        else {
            return nil
        }
        return (evaluator.plan.columns[column], position)
    }

    /// Whether the value is missing.
    public func isMissing(_ name: String) -> Bool {
        guard let column = evaluator.plan.columnIndex[ExactText(name)] else { return true }
        return evaluator.isMissing(column, row)
    }

    /// An integer or a year.
    public func integer(_ name: String) -> Int? {
        guard let (column, position) = lane(name) else { return nil }
        switch column.type.kind {
        case .integer, .year: return Int(position)
        default: return nil
        }
    }

    /// A number of any kind, as the nearest double. For exact comparisons see ``Compare``.
    public func number(_ name: String) -> Double? {
        guard let (column, position) = lane(name) else { return nil }
        switch column.lane {
        case .double: return Lane.double(position)
        case .scaled(let scale):
            var divisor = 1.0
            for _ in 0..<scale { divisor *= 10 }
            return Double(position) / divisor
        case .none: return nil
        }
    }

    /// A decimal as a whole number of units of 10^-`scale`; nil if it has more places: `row.decimal("price", scale: 2)`.
    public func decimal(_ name: String, scale: Int) -> Int? {
        guard let (column, position) = lane(name), case .scaled = column.lane else { return nil }
        return column.lane.exact(position)?.unscaled(scale: scale).map { Int($0) }
    }

    /// A truth value.
    public func boolean(_ name: String) -> Bool? {
        guard let (column, position) = lane(name), case .boolean = column.type.kind else { return nil }
        return position == 1
    }

    /// A date as days from 1970-01-01.
    public func days(_ name: String) -> Int? {
        guard let (column, position) = lane(name), case .date = column.type.kind else { return nil }
        return Int(position)
    }

    /// A time as microseconds from midnight, a datetime as microseconds from 1970-01-01T00:00:00Z.
    public func microseconds(_ name: String) -> Int? {
        guard let (column, position) = lane(name) else { return nil }
        switch column.type.kind {
        case .time, .datetime, .duration: return Int(position)
        default: return nil
        }
    }

    /// The text of any column, quotes taken off.
    public func text(_ name: String) -> String? {
        guard let column = evaluator.plan.columnIndex[ExactText(name)], !evaluator.isMissing(column, row) else {
            return nil
        }
        return evaluator.text(column, row).map { String(decoding: $0, as: UTF8.self) }
    }
}
