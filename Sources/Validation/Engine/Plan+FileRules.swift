/// The rules about the file as a whole.
extension Plan {
    mutating func addFileRule(_ rule: TableRule) throws(RuleError) {
        let line = rule.line
        func bounds(_ min: String?, _ max: String?) -> String {
            switch (min, max) {
            case (let min?, let max?): "from \(min) to \(max)"
            case (let min?, nil): "at least \(min)"
            case (nil, let max?): "at most \(max)"
            case (nil, nil): "any"
            }
        }
        func range(_ min: Int?, _ max: Int?) -> String { bounds(min.map(String.init), max.map(String.init)) }
        var plan = FileRulePlan(check: 0, kind: rule.kind)
        let (id, text, names): (String, String, [String])
        switch rule.kind {
        case .rowCount(let min, let max):
            try Self.check(min, max, "RowCount")
            (id, text, names) = ("row-count", "the number of rows is \(range(min, max))", [])
        case .missingShare(let name, let percent):
            plan.column = try column(name, "MissingShare", line)
            guard (0...100).contains(percent) else {
                throw RuleError("MissingShare takes a share from 0 to 100 %, not \(percent)", line: line)
            }
            let share = Literal(floatLiteral: percent).text
            (id, text, names) = ("missing-share", "at most \(share) % of \(name) is missing", [name])
        case .distinct(let name, let min, let max):
            plan.column = try column(name, "DistinctCount", line)
            try Self.check(min, max, "DistinctCount")
            (id, text, names) = (
                "distinct-count", "the number of different values of \(name) is \(range(min, max))", [name]
            )
        case .aggregate(let function, let name, let min, let max):
            let index = try column(name, "Aggregate", line)
            guard columns[index].lane != .none else {
                throw RuleError("\(name) is \(columns[index].type.article): it has no \(function.words)", line: line)
            }
            if case .mean = function, !columns[index].hasMean {
                throw RuleError("\(name) is \(columns[index].type.article): it has no mean", line: line)
            }
            if case .quantile(let share) = function, !(0...1).contains(share) {
                throw RuleError("a quantile lies between 0 and 1, not at \(share)", line: line)
            }
            if min == nil, max == nil { throw RuleError("Aggregate needs a min or a max", line: line) }
            plan.column = index
            if let min { plan.low = try columns[index].exact(min) }
            if let max { plan.high = try columns[index].exact(max) }
            if let low = plan.low { plan.laneLow = columns[index].lane.interval(.min, low).0 }
            if let low = plan.low, let high = plan.high, high < low {
                throw RuleError("Aggregate: no value is from \(min?.text ?? "") to \(max?.text ?? "")", line: line)
            }
            if let high = plan.high { plan.laneHigh = columns[index].lane.interval(.max, high).1 }
            (id, text, names) = (
                function.rule, "the \(function.words) of \(name) is \(bounds(min?.text, max?.text))", [name]
            )
        case .fresh(let name, let seconds):
            let index = try column(name, "Freshness", line)
            switch columns[index].type.kind {
            case .date, .datetime: break
            default: throw RuleError("Freshness needs a date or datetime; \(name) is \(columns[index].type.article)")
            }
            plan.column = index
            (id, text, names) = ("freshness", "the newest \(name) is at most \(seconds) s old", [name])
        case .forbidden(let columns):
            (id, text, names) = (
                "forbidden-column", "the file has no column \(columns.joined(separator: ", "))", columns
            )
        case .order: (id, text, names) = ("column-order", "the columns stand in their declared order", [])
        case .onlyDeclared: (id, text, names) = ("extra-column", "the file has no undeclared column", [])
        case .unique, .reference, .compare, .row: return
        }
        plan.check = addCheck(id, text, names, rule.consequence, rejects: false)
        fileRules.append(plan)
    }
}
