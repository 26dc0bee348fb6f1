import CScan

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
        let (left, right) = (columnPlans[rule.left].lane, columnPlans[rule.right].lane)
        if left == right, left != .none {
            let comparison = rule.comparison
            let (one, other) = (values + rule.left * limit, values + rule.right * limit)
            let (oneState, otherState) = (states + rule.left * limit, states + rule.right * limit)
            if exacts.isEmpty {
                let broken = cscan_pick_compared(
                    one, other, oneState, otherState, batch.rows, comparison.relation, picked)
                for index in 0..<broken { flag(rule.check, Int(picked[index]), columns: [rule.left, rule.right]) }
                return
            }
            for row in 0..<batch.rows {
                if oneState[row] | otherState[row] == State.lane {
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
        if columnPlans[rule.left].lane == .none {
            let states = [rule.left, rule.right].map { self.states[$0 * limit + row] }
            guard states == [State.text, State.text], var left = text(rule.left, row), var right = text(rule.right, row)
            else { return }
            if columnPlans[rule.left].type == columnPlans[rule.right].type {
                left = columnPlans[rule.left].reader.canonical(left)
                right = columnPlans[rule.right].reader.canonical(right)
            }
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
        if case .date = columnPlans[column].type.kind { return value.times(86_400) }
        return value
    }

    private func double(_ column: Int, _ row: Int) -> Double? {
        if case .double = columnPlans[column].lane { return position(column, row).map(Lane.double) }
        return exact(column, row).flatMap { Double($0.text) }
    }

    /// The row's values as one fingerprint; nil if one of them is missing or no value.
    func fingerprint(_ columns: [Int], _ row: Int, asWritten: Bool = false) -> Fingerprint? {
        var print = Fingerprint()
        for column in columns {
            let index = column * limit + row
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
                withText(column, row, asWritten) { print.add($0) }
            default: return nil
            }
        }
        return print
    }

    private func lookUp(_ rule: ForeignKeyPlan) {
        guard arePresent(rule.columns) else { return }
        let target = references[rule.reference]
        for row in 0..<batch.rows {
            guard let key = key(rule.columns, row, asWritten: true) else { continue }
            if !target.contains(key) { flag(rule.check, row, columns: rule.columns) }
        }
    }

    /// What a row has in these columns; nil if one of the values is missing or none. `asWritten` is for what refers to
    /// another table: see ``Plan/isReference``.
    private func key(_ columns: [Int], _ row: Int, asWritten: Bool = false) -> Key? {
        if columns.count == 1 {
            let index = columns[0] * limit + row
            if states[index] == State.lane { return .word(UInt64(bitPattern: values[index])) }
            if states[index] == State.text, let key = withText(columns[0], row, asWritten, { Key(text: $0) }) {
                return key
            }
        } else {
            var word = KeyWord()
            let fits = columns.allSatisfy { column in
                let index = column * limit + row
                switch states[index] {
                case State.lane: return word.add(values[index])
                case State.text: return withText(column, row, asWritten) { word.add($0) }
                default: return false
                }
            }
            if fits, let key = word.joined { return key }
        }
        return fingerprint(columns, row, asWritten: asWritten).map { .print($0) }
    }

    /// What a value without an order is compared by, readable eight bytes on.
    private func withText<Result>(
        _ column: Int, _ row: Int, _ asWritten: Bool, _ body: (UnsafeBufferPointer<UInt8>) -> Result
    ) -> Result {
        if comparesTexts(column, asWritten) {
            if let field = batch.plain(row, places[column]) { return body(field) }
            return withPadded(characters(batch.field(row, places[column])), body)
        }
        let characters = characters(batch.field(row, places[column]))
        if let kinds = batch.kinds, case .any = columnPlans[column].type.kind {
            return withPadded(FieldReader.canonical(characters, kinds[row * batch.width + places[column]]), body)
        }
        return withPadded(columnPlans[column].reader.canonical(characters), body)
    }

    /// Whether a column's values without an order are compared by the texts that stand in the file.
    private func comparesTexts(_ column: Int, _ asWritten: Bool) -> Bool {
        if batch.kinds != nil, case .any = columnPlans[column].type.kind { return asWritten || plan.isReference }
        return columnPlans[column].reader.isCanonical
    }

    /// Sets the rows' keys aside; whether one came before is only known in the file's order.
    private func collect(_ key: Int) {
        let columns = plan.keys[key].columns
        guard arePresent(columns) else { return }
        // Taken out of the result while it grows: each access there would be checked.
        var keys = BlockResult.KeyColumn()
        swap(&keys, &result.keys[key])
        let first = columns[0] * limit
        let firstRow = firstRow
        func others(_ row: Int) {
            switch self.key(columns, row) {
            case .word(let word):
                keys.words.append(word)
                keys.wordRows.append(UInt32(truncatingIfNeeded: firstRow &+ row))
            case .wide(let wide):
                keys.wides.append(wide)
                keys.wideRows.append(UInt32(truncatingIfNeeded: firstRow &+ row))
            case .print(let print):
                keys.prints.append(print)
                keys.printRows.append(UInt32(truncatingIfNeeded: firstRow &+ row))
            case nil: break
            }
        }
        if columns.count == 1, columnPlans[columns[0]].lane == .none, comparesTexts(columns[0], false) {
            findTexts(columns[0])
            for row in 0..<batch.rows {
                let word = texts.pointee.words[row]
                if texts.pointee.live[row] == Live.plain, word != PlainField.longWord {
                    keys.words.append(Key.word(ofText: word))
                    keys.wordRows.append(UInt32(truncatingIfNeeded: firstRow &+ row))
                } else {
                    others(row)
                }
            }
        } else if columns.count <= 2, columns.allSatisfy({ columnPlans[$0].lane != .none }) {
            let second = columns.count == 2 ? columns[1] * limit : -1
            for row in 0..<batch.rows {
                if let word = word(first, second, row) {
                    keys.words.append(word)
                    keys.wordRows.append(UInt32(truncatingIfNeeded: firstRow &+ row))
                } else {
                    others(row)
                }
            }
        } else {
            for row in 0..<batch.rows { others(row) }
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
        return Key.join(high, low)
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
            if result.tallies[column].under.isEmpty {
                result.tallies[column].under = Array(repeating: 0, count: plan.fileRules.count)
                result.tallies[column].over = result.tallies[column].under
            }
            for row in 0..<batch.rows {
                let at = column * limit + row
                if states[at] == State.lane {
                    if values[at] < rule.laneLow { result.tallies[column].under[index] += 1 }
                    if values[at] > rule.laneHigh { result.tallies[column].over[index] += 1 }
                } else if states[at] == State.exact, let value = exacts[at] {
                    if let low = rule.low, value < low { result.tallies[column].under[index] += 1 }
                    if let high = rule.high, high < value { result.tallies[column].over[index] += 1 }
                }
            }
        default: break
        }
    }
}

extension Comparison {
    /// Its number in `cscan_pick_compared`.
    fileprivate var relation: UInt32 {
        switch self {
        case .lessThan: 0
        case .lessThanOrEqual: 1
        case .equal: 2
        case .notEqual: 3
        case .greaterThanOrEqual: 4
        case .greaterThan: 5
        }
    }

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
