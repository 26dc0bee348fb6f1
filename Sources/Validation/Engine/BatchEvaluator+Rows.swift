extension BatchEvaluator {
    /// The rules that join columns.
    func evaluateRows() {
        for index in plan.compares.indices { compare(plan.compares[index]) }
        for index in plan.foreignKeys.indices { lookUp(plan.foreignKeys[index]) }
        for index in plan.keys.indices { collect(index) }
        for rule in plan.rowRules {
            for row in 0..<batch.rows where !rule.holds(Row(evaluator: self, row: row)) {
                flag(rule.check, row, columns: [])
            }
        }
        for index in plan.fileRules.indices { collectForFile(index) }
    }

    private func arePresent(_ columns: [Int]) -> Bool { columns.allSatisfy { places[$0] >= 0 } }

    private func compare(_ rule: ComparePlan) {
        guard arePresent([rule.left, rule.right]) else { return }
        let left = plan.columns[rule.left]
        let right = plan.columns[rule.right]
        if left.lane == right.lane, left.lane != .none {
            let comparison = rule.comparison
            let (one, other) = (values + rule.left * Batch.limit, values + rule.right * Batch.limit)
            let (oneState, otherState) = (states + rule.left * Batch.limit, states + rule.right * Batch.limit)
            let isRegular = !irregular[rule.left] && !irregular[rule.right]
            for row in 0..<batch.rows {
                if isRegular || oneState[row] | otherState[row] == State.lane {
                    if !comparison.holds(one[row], other[row]) {
                        flag(rule.check, row, columns: [rule.left, rule.right])
                    }
                } else {
                    compareExactly(rule, row)
                }
            }
        } else {
            for row in 0..<batch.rows { compareExactly(rule, row) }
        }
    }

    private func compareExactly(_ rule: ComparePlan, _ row: Int) {
        let holds: Bool
        if plan.columns[rule.left].lane == .none {
            let states = [rule.left, rule.right].map { self.states[$0 * Batch.limit + row] }
            guard states == [State.text, State.text], let left = text(rule.left, row), let right = text(rule.right, row)
            else { return }
            let order = left == right ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
            holds = rule.comparison.holds(order, 0)
        } else {
            if let left = exact(rule.left, row), let right = exact(rule.right, row) {
                holds = rule.comparison.holds(comparable(left, rule.left), comparable(right, rule.right))
            } else if let left = double(rule.left, row), let right = double(rule.right, row) {
                // One of them is NaN or infinite.
                holds = rule.comparison.holds(Lane.ordered(left), Lane.ordered(right))
            } else {
                return
            }
        }
        if !holds { flag(rule.check, row, columns: [rule.left, rule.right]) }
    }

    /// Dates are counted in days, datetimes in seconds: a date stands for its midnight in UTC.
    private func comparable(_ value: ExactDecimal, _ column: Int) -> ExactDecimal {
        if case .date = plan.columns[column].type.kind { return value.times(86_400) }
        return value
    }

    private func double(_ column: Int, _ row: Int) -> Double? {
        if case .double = plan.columns[column].lane { return position(column, row).map(Lane.double) }
        return exact(column, row).flatMap { Double($0.text) }
    }

    /// The row's values as one fingerprint; nil if one of them is missing or no value.
    func fingerprint(_ columns: [Int], _ row: Int) -> Fingerprint? {
        var print = Fingerprint()
        for column in columns {
            let index = column * Batch.limit + row
            guard places[column] >= 0 else { return nil }
            switch states[index] {
            case State.lane:
                print.add(1)
                print.add(UInt64(bitPattern: values[index]))
            case State.exact:
                guard let value = exacts[index] else { return nil }
                print.add(2)
                Array(value.text.utf8).withUnsafeBufferPointer { print.add($0) }
            case State.text:
                if let field = batch.plain(row, places[column]) {
                    print.add(field)
                } else {
                    characters(batch.field(row, places[column])).withUnsafeBufferPointer { print.add($0) }
                }
            default: return nil
            }
        }
        return print
    }

    private func lookUp(_ rule: ForeignKeyPlan) {
        guard arePresent(rule.columns) else { return }
        for row in 0..<batch.rows {
            guard let print = fingerprint(rule.columns, row) else { continue }
            if !references[rule.reference].contains(print) { flag(rule.check, row, columns: rule.columns) }
        }
    }

    /// Sets the rows' keys aside; whether one came before is only known in the file's order.
    private func collect(_ key: Int) {
        let columns = plan.keys[key].columns
        guard arePresent(columns) else { return }
        let isWordable = columns.allSatisfy { plan.columns[$0].lane != .none } && columns.count <= 2
        // Taken out of the result while it grows: each access there would be checked.
        var keys = BlockResult.KeyColumn()
        swap(&keys, &result.keys[key])
        keys.rows.reserveCapacity(keys.rows.count + batch.rows)
        let first = columns[0] * Batch.limit
        let second = columns.count == 2 ? columns[1] * Batch.limit : -1
        let firstRow = firstRow
        for row in 0..<batch.rows {
            if isWordable, keys.prints.isEmpty, let word = word(first, second, row) {
                keys.words.append(word)
                keys.rows.append(UInt32(truncatingIfNeeded: firstRow &+ row))
                continue
            }
            guard let print = fingerprint(columns, row) else { continue }
            if !keys.words.isEmpty { spill(&keys, columns.count) }
            keys.prints.append(print)
            keys.rows.append(UInt32(truncatingIfNeeded: firstRow &+ row))
        }
        swap(&keys, &result.keys[key])
    }

    /// One or two lane values as one word; nil if they don't fit or one is missing.
    @inline(__always)
    private func word(_ first: Int, _ second: Int, _ row: Int) -> UInt64? {
        guard states[first &+ row] == State.lane else { return nil }
        if second < 0 { return UInt64(bitPattern: values[first &+ row]) }
        guard states[second &+ row] == State.lane, let high = Int32(exactly: values[first &+ row]),
            let low = Int32(exactly: values[second &+ row])
        else { return nil }
        return KeyWord.join(high, low)
    }

    /// A key has outgrown its word: the block's earlier ones become fingerprints like it.
    private func spill(_ keys: inout BlockResult.KeyColumn, _ columns: Int) {
        keys.prints = keys.words.map { KeyWord.fingerprint($0, columns: columns) }
        keys.words = []
    }

    private func collectForFile(_ index: Int) {
        let rule = plan.fileRules[index]
        guard let column = rule.column, places[column] >= 0 else { return }
        switch rule.kind {
        case .distinct:
            for row in 0..<batch.rows {
                if let print = fingerprint([column], row) { result.distinct[index].append(print) }
            }
        case .aggregate(.quantile, _, _, _):
            if result.statistics[column].under.isEmpty {
                result.statistics[column].under = Array(repeating: 0, count: plan.fileRules.count)
                result.statistics[column].over = result.statistics[column].under
            }
            for row in 0..<batch.rows {
                let at = column * Batch.limit + row
                if states[at] == State.lane {
                    if values[at] < rule.laneLow { result.statistics[column].under[index] += 1 }
                    if values[at] > rule.laneHigh { result.statistics[column].over[index] += 1 }
                } else if states[at] == State.exact, let value = exacts[at] {
                    if let low = rule.low, value < low { result.statistics[column].under[index] += 1 }
                    if let high = rule.high, high < value { result.statistics[column].over[index] += 1 }
                }
            }
        default: break
        }
    }
}

/// One or two values as a 64-bit key.
enum KeyWord {
    @inline(__always)
    static func join(_ high: Int32, _ low: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: high)) &<< 32 | UInt64(UInt32(bitPattern: low))
    }

    /// The same fingerprint as the values have when they are taken one by one.
    static func fingerprint(_ word: UInt64, columns: Int) -> Fingerprint {
        var print = Fingerprint()
        let values =
            columns == 1
            ? [Int64(bitPattern: word)]
            : [
                Int64(Int32(truncatingIfNeeded: word >> 32)), Int64(Int32(truncatingIfNeeded: word)),
            ]
        for value in values {
            print.add(1)
            print.add(UInt64(bitPattern: value))
        }
        return print
    }
}

extension Comparison {
    @inline(__always)
    func holds<Value: Comparable>(_ left: Value, _ right: Value) -> Bool {
        switch self {
        case .lessThan: left < right
        case .lessThanOrEqual: left <= right
        case .equal: left == right
        case .notEqual: left != right
        case .greaterThanOrEqual: left >= right
        case .greaterThan: left > right
        }
    }
}
