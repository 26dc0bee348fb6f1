import CScan

extension Plan {
    init(_ rules: RuleSet) throws(RuleError) {
        table = rules.name
        format = rules.format
        if case .delimited(let dialect) = rules.format.kind { self.dialect = try CompiledDialect(dialect) }
        var markers = rules.missing
        if case .delimited(let dialect) = rules.format.kind, let null = dialect.nullSequence { markers.append(null) }
        missingColumnCheck = addCheck(
            "missing-column", "every declared column is in the file", [], .held, rejects: false)
        for departure in Departure.allCases where applies(departure) {
            let consequence =
                rules.definition.departures[departure] ?? Consequence(severity: departure.severity, tolerance: .none)
            let isRow = departure == .raggedRow || departure == .invalidUTF8 || departure == .malformedJSON
            let check = addCheck(
                departure.rawValue, departure.text, [], consequence,
                rejects: isRow || rules.definition.departures[departure] != nil)
            checks[check].isQuiet = departure.severity == .warning && rules.definition.departures[departure] == nil
            set(check, of: departure)
        }
        for column in rules.definition.columns {
            let name = ExactText(column.name)
            let before = namesakes[name, default: 0]
            namesakes[name] = before + 1
            if before == 0 {
                columnIndex[name] = columns.count
                self.markers[name] = column.missing ?? markers
            } else {
                guard rules.definition.allowsRepeatedNames else {
                    throw RuleError("column \(column.name) is declared twice", line: column.line)
                }
                repeats[columns.count] = before
            }
            try add(column, markers: column.missing ?? markers)
        }
        for rule in rules.definition.tableRules { try add(rule) }
        needsAnyColumn = rules.definition.needsAnyColumn
        made = ColumnPlans(columns)
    }

    private func applies(_ departure: Departure) -> Bool {
        switch departure {
        case .malformedJSON, .duplicateMember: dialect == nil
        case .invalidUTF8, .byteOrderMark, .blankLine, .rowTooLong, .wrongFormat: true
        default: dialect != nil
        }
    }

    mutating func addCheck(
        _ rule: String, _ name: String, _ columns: [String], _ consequence: Consequence, rejects: Bool
    ) -> Int {
        checks.append(
            CheckPlan(
                rule: rule, name: name, columns: columns, consequence: consequence,
                rejectsRow: rejects && consequence.severity == .error))
        return checks.count - 1
    }

    private mutating func reference(_ reference: Reference) -> Int {
        var reference = reference
        if reference.object.isEmpty {
            reference.own = (format, reference.columns.map { markers[ExactText($0)] ?? [""] })
        }
        if let index = references.firstIndex(of: reference) { return index }
        references.append(reference)
        return references.count - 1
    }

    // MARK: Columns

    private mutating func add(_ column: Column, markers: [String]) throws(RuleError) {
        let reader: FieldReader
        do { reader = try FieldReader(column.type) } catch { throw error.about(column.name, column.line) }
        let texts = markers.map { Array($0.utf8) }
        let markersAreNoValues = texts.allSatisfy { text in
            if case .invalid = reader.judge(text[...]) { return true }
            return false
        }
        let typeCheck = addCheck(
            "type", "\(column.name) is \(column.type.article)", [column.name], column.typeConsequence, rejects: true)
        var plan = ColumnPlan(
            name: column.name, type: column.type, lane: Lane(column.type), reader: reader,
            fast: ColumnPlan.Fast(column.type, markersAreNoValues: markersAreNoValues), isOptional: column.isOptional,
            missing: TextSet(texts), missingEmpty: texts.contains([]), typeCheck: typeCheck)
        do { try Self.check(column.typeConsequence, "type") } catch { throw error.about(column.name, column.line) }
        for constraint in column.constraints {
            do { try add(constraint, of: column, to: &plan) } catch { throw error.about(column.name, column.line) }
        }
        for bound in plan.bounds {
            plan.low = max(plan.low, bound.low)
            plan.high = min(plan.high, bound.high)
        }
        columns.append(plan)
    }

    private mutating func add(
        _ constraint: Column.Constraint, of column: Column, to plan: inout ColumnPlan
    ) throws(RuleError) {
        let name = column.name
        try Self.check(constraint.consequence, "a rule")
        func check(_ plan: inout Plan, _ rule: String, _ text: String) -> Int {
            plan.addCheck(rule, "\(name) \(text)", [name], constraint.consequence, rejects: true)
        }
        switch constraint.kind {
        case .required: plan.requiredCheck = check(&self, "required", "is present")
        case .bound(let kind, let literal):
            let (exact, low, high) = try plan.bound(kind, literal)
            let id = check(&self, kind.rule, "\(kind.words) \(literal.text)")
            plan.bounds.append(.init(check: id, kind: kind, exact: exact, low: low, high: high))
        case .length(let min, let max):
            if let min, let max, min > max { throw RuleError("the least length \(min) exceeds the greatest, \(max)") }
            let text =
                switch (min, max) {
                case (let min?, let max?): min == max ? "has \(min) characters" : "has \(min) to \(max) characters"
                case (let min?, nil): "has at least \(min) characters"
                case (nil, let max?): "has at most \(max) characters"
                case (nil, nil): "has any length"
                }
            let rule = min != nil && max != nil ? "length" : min != nil ? "minLength" : "maxLength"
            if column.type.isCollection {
                let words = text.replacing("characters", with: "elements")
                plan.contents.append(
                    Self.elementCount(check(&self, rule, words), column.type, (min ?? 0)...(max ?? .max)))
            } else {
                plan.lengths.append((check(&self, rule, text), min ?? 0, max ?? .max))
            }
        case .pattern(let expression):
            let pattern = try Pattern(expression)
            plan.patterns.append((check(&self, "pattern", "matches \(expression)"), pattern))
        case .oneOf(let literals):
            if literals.isEmpty { throw RuleError("oneOf needs at least one value") }
            let shown = literals.prefix(8).map(\.text).joined(separator: ", ") + (literals.count > 8 ? ", …" : "")
            var members = ColumnPlan.Members(check: check(&self, "enum", "is one of \(shown)"))
            var texts: [[UInt8]] = []
            for literal in literals {
                switch plan.judge(literal) {
                case .lane(let position): members.positions.insert(position)
                case .exact(let value) where column.type.name != "integer" || value.isInteger:
                    members.exacts.insert(value)
                case .text: texts.append(plan.reader.canonical(Array(literal.text.utf8)))
                case .invalid, .missing, .exact:
                    throw RuleError("\"\(literal.text)\" in oneOf is not \(column.type.article)")
                }
            }
            members.texts = TextSet(texts)
            plan.members.append(members)
        case .unique:
            keys.append(KeyPlan(check: check(&self, "unique", "has no value twice"), columns: [columns.count]))
        case .reference(let target):
            let text = "stands in \(target.shown), column \(target.columns[0])"
            plan.references.append((check(&self, "reference", text), reference(target)))
        case .jsonSchema(let schema):
            guard column.type.isJSON else {
                throw RuleError("the constraint \"jsonSchema\" does not apply to \(column.type.article)")
            }
            plan.contents.append((check(&self, "jsonSchema", "keeps to its JSON Schema"), { schema.allows($0) }))
        case .custom(let text, let holds):
            plan.customs.append((check(&self, "custom", ": \(text)"), holds))
        }
    }

    // MARK: Rules over rows and the file

    func column(_ name: String, _ rule: String, _ line: Int?) throws(RuleError) -> Int {
        guard let index = columnIndex[ExactText(name)] else {
            throw RuleError("\(rule) names the column \(name), which is not declared", line: line)
        }
        return index
    }

    private mutating func add(_ rule: TableRule) throws(RuleError) {
        let line = rule.line
        try Self.check(rule.consequence, "a rule")
        switch rule.kind {
        case .unique(let names, let required):
            if names.isEmpty { throw RuleError("a key needs at least one column", line: line) }
            var indices: [Int] = []
            for name in names { indices.append(try column(name, "the key", line)) }
            let list = names.joined(separator: ", ")
            if required {
                for index in indices where columns[index].requiredCheck == nil {
                    columns[index].requiredCheck = addCheck(
                        "required", "\(columns[index].name) is present", [columns[index].name], rule.consequence,
                        rejects: true)
                }
            }
            let id = addCheck("unique", "no two rows have the same \(list)", names, rule.consequence, rejects: true)
            keys.append(KeyPlan(check: id, columns: indices))
        case .reference(let names, let target):
            guard names.count == target.columns.count else {
                throw RuleError(
                    "a foreign key over \(names.count) columns refers to \(target.columns.count)", line: line)
            }
            var indices: [Int] = []
            for name in names { indices.append(try column(name, "the foreign key", line)) }
            let typed = Reference(
                object: target.object, columns: target.columns, types: indices.map { columns[$0].type },
                line: target.line)
            let list = names.joined(separator: ", ")
            let id = addCheck(
                "reference", "\(list) stands in \(target.shown), \(target.columns.joined(separator: ", "))", names,
                rule.consequence, rejects: true)
            if indices.count == 1 {
                columns[indices[0]].references.append((id, reference(typed)))
            } else {
                foreignKeys.append(ForeignKeyPlan(check: id, columns: indices, reference: reference(typed)))
            }
        case .compare(let left, let comparison, let right):
            let (first, second) = (try column(left, "Compare", line), try column(right, "Compare", line))
            let (one, other) = (columns[first], columns[second])
            guard one.type.isComparable(other.type) else {
                throw RuleError(
                    "\(left) is \(one.type.article) and \(right) \(other.type.article): they do not compare", line: line
                )
            }
            let id = addCheck(
                "compare", "\(left) \(comparison.rawValue) \(right)", [left, right], rule.consequence, rejects: true)
            compares.append(ComparePlan(check: id, left: first, right: second, comparison: comparison))
        case .row(let name, let holds):
            rowRules.append(
                RowRulePlan(check: addCheck("row", name, [], rule.consequence, rejects: true), holds: holds))
        default: try addFileRule(rule)
        }
    }
}

extension Consequence {
    static let held = Consequence(severity: .error, tolerance: .none)
}

extension RuleError {
    fileprivate func about(_ column: String, _ line: Int?) -> RuleError {
        RuleError("column \(column): \(message)", line: self.line ?? line)
    }
}

extension Column.Constraint.Bound {
    var rule: String {
        switch self {
        case .min: "minimum"
        case .max: "maximum"
        case .above: "exclusiveMinimum"
        case .below: "exclusiveMaximum"
        }
    }
    var words: String {
        switch self {
        case .min: "is at least"
        case .max: "is at most"
        case .above: "is over"
        case .below: "is under"
        }
    }
    func allows(_ value: ExactDecimal, _ bound: ExactDecimal) -> Bool {
        switch self {
        case .min: bound <= value
        case .max: value <= bound
        case .above: bound < value
        case .below: value < bound
        }
    }
}

extension TableRule.Aggregate {
    var rule: String {
        switch self {
        case .mean: "mean"
        case .minimum: "minimum-value"
        case .maximum: "maximum-value"
        case .quantile: "quantile"
        }
    }
    var words: String {
        switch self {
        case .mean: "mean"
        case .minimum: "smallest value"
        case .maximum: "largest value"
        case .quantile(let share): "quantile \(share)"
        }
    }
}

extension ColumnType {
    var article: String {
        switch kind {
        case .integer, .array, .object: "an \(name)"
        case .any: "anything"
        case .enumeration(let values):
            "one of \(values.prefix(8).joined(separator: ", "))\(values.count > 8 ? ", …" : "")"
        case .string(.email): "an e-mail address"
        case .string(.uri): "a URI"
        case .string(.binary): "base64"
        case .date(.pattern(let pattern)), .time(.pattern(let pattern)), .datetime(.pattern(let pattern)):
            "a \(name) \(pattern)"
        default: "a \(name)"
        }
    }
}

extension ColumnPlan.Fast {
    init(_ type: ColumnType, markersAreNoValues: Bool) {
        switch type.kind {
        case .string(.any), .any: self = .text
        case _ where !markersAreNoValues: self = .none
        case .integer(let format) where format.groupChar == nil && format.bareNumber: self = .integer
        case .decimal(let format) where format.isPlain: self = .decimal
        case .date(.iso), .date(.pattern("%Y-%m-%d")): self = .date
        case .datetime(.iso): self = .datetime(separator: 0x54, zone: UInt8(CSCAN_ANY_ZONE))
        case .datetime(.pattern("%Y-%m-%d %H:%M:%S")):
            self = .datetime(separator: 0x20, zone: UInt8(CSCAN_BARE_TIME))
        case .datetime(.pattern("%Y-%m-%dT%H:%M:%S")):
            self = .datetime(separator: 0x54, zone: UInt8(CSCAN_BARE_TIME))
        case .datetime(.pattern("%Y-%m-%dT%H:%M:%SZ")):
            self = .datetime(separator: 0x54, zone: UInt8(CSCAN_ZONED))
        default: self = .none
        }
    }
}

extension ColumnPlan {
    /// A rule's literal as a value of this column.
    func exact(_ literal: Literal) throws(RuleError) -> ExactDecimal {
        let text = Array(literal.text.utf8)
        switch judge(literal) {
        case .lane(let position):
            if case .double = lane, let exact = ExactDecimal(text) { return exact }
            if let exact = lane.exact(position) { return exact }
        case .exact(let value): return value
        case .missing, .invalid, .text: break
        }
        if lane == .none { throw RuleError("\(type.article) has no order: it takes no bounds") }
        if case .lane = judge(literal) { throw RuleError("the bound \"\(literal.text)\" is no finite number") }
        throw RuleError("the bound \"\(literal.text)\" is not \(type.article)")
    }

    /// A bound of single values and the lane's positions that keep to it. That of a column of doubles may be infinite.
    fileprivate func bound(
        _ kind: Column.Constraint.Bound, _ literal: Literal
    ) throws(RuleError) -> (exact: ExactDecimal?, low: Int64, high: Int64) {
        if case .double = lane, case .lane(let position) = judge(literal), Lane.double(position).isInfinite {
            let (low, high) = Lane.interval(kind, position)
            return (nil, low, high)
        }
        let exact = try exact(literal)
        let (low, high) = lane.interval(kind, exact)
        return (exact, low, high)
    }
}

extension Lane {
    /// The positions of doubles that keep to a bound that is one.
    static func interval(_ kind: Column.Constraint.Bound, _ position: Int64) -> (Int64, Int64) {
        switch kind {
        case .min: (position, .max)
        case .max: (.min, position)
        case .above: (position + 1, .max)
        case .below: (.min, position - 1)
        }
    }

    /// The positions that keep to a bound.
    func interval(_ kind: Column.Constraint.Bound, _ bound: ExactDecimal) -> (Int64, Int64) {
        let never = (Int64.max, Int64.min)
        switch self {
        case .none: return (.min, .max)
        case .double:
            return Self.interval(kind, Lane.ordered(Double(bound.text) ?? .nan))
        case .scaled(let scale):
            if let most = exact(.max), most < bound {
                return kind == .min || kind == .above ? never : (.min, .max)
            }
            if let least = exact(.min), bound < least {
                return kind == .max || kind == .below ? never : (.min, .max)
            }
            let up = bound.lane(scale: scale, roundedUp: true)
            let down = bound.lane(scale: scale, roundedUp: false)
            switch kind {
            case .min: return (up, .max)
            case .max: return (.min, down)
            case .above: return down == .max ? never : (down + 1, .max)
            case .below: return up == .min ? never : (.min, up - 1)
            }
        }
    }
}
