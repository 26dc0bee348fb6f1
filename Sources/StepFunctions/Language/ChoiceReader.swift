import Events

/// Reads the rules of a Choice state.
struct ChoiceReader {
    var parent: DefinitionReader

    mutating func rules(_ object: JSONObject, _ pointer: String) -> [ChoiceRule] {
        let choices = parent.list(object, "Choices", pointer)
        if choices.isEmpty { parent.fault(pointer, "Choices must hold at least one rule") }
        var rules: [ChoiceRule] = []
        for (index, choice) in choices.enumerated() {
            let place = "\(pointer)/Choices/\(index)"
            guard let rule = choice.object else {
                parent.fault(place, "expected an object, found \(choice.kind)")
                continue
            }
            let next = parent.string(rule, "Next", place, isRequired: true)
            if let condition = condition(rule, place, isTop: true, depth: 0), let next {
                rules.append(ChoiceRule(condition: condition, next: next))
            }
        }
        return rules
    }

    private mutating func condition(
        _ rule: JSONObject, _ pointer: String, isTop: Bool, depth: Int
    ) -> ChoiceRule.Condition? {
        let operators = rule.keys.filter { !["Next", "Variable", "Comment"].contains($0) }
        if !isTop, rule["Next"] != nil { parent.fault("\(pointer)/Next", "Next may stand only in the outermost rule") }
        guard operators.count == 1, let name = operators.first, let value = rule[name], depth < 64 else {
            parent.fault(pointer, "a rule has exactly one operator, this one has \(operators.count)")
            return nil
        }
        let place = "\(pointer)/\(DefinitionReader.escape(name))"
        switch name {
        case "Not":
            guard let inner = value.object else {
                parent.fault(place, "Not must be a rule, not \(value.kind)")
                return nil
            }
            return condition(inner, place, isTop: false, depth: depth + 1).map(ChoiceRule.Condition.not)
        case "And", "Or":
            guard let parts = value.array, !parts.isEmpty else {
                parent.fault(place, "\(name) must be a list of rules")
                return nil
            }
            var conditions: [ChoiceRule.Condition] = []
            for (index, part) in parts.enumerated() {
                guard let inner = part.object else {
                    parent.fault("\(place)/\(index)", "expected an object, found \(part.kind)")
                    continue
                }
                if let part = condition(inner, "\(place)/\(index)", isTop: false, depth: depth + 1) {
                    conditions.append(part)
                }
            }
            return name == "And" ? .and(conditions) : .or(conditions)
        default:
            guard let variable = parent.string(rule, "Variable", pointer, isRequired: true),
                let path = parent.path(variable, "\(pointer)/Variable"), let test = test(name, value, place)
            else { return nil }
            return .test(path, test)
        }
    }

    private mutating func test(_ name: String, _ value: JSON, _ pointer: String) -> ChoiceTest? {
        if name == "StringMatches" {
            guard let pattern = value.string else {
                parent.fault(pointer, "StringMatches must be a string")
                return nil
            }
            return .matches(Wildcard(pattern))
        }
        if let kind = ChoiceTest.KindTest(rawValue: name) {
            guard let flag = value.bool else {
                parent.fault(pointer, "\(name) must be true or false")
                return nil
            }
            return .kind(kind, flag)
        }
        let isPath = name.hasSuffix("Path")
        let base = isPath ? String(name.dropLast(4)) : name
        for family in ChoiceTest.Family.allCases where base.hasPrefix(family.rawValue) {
            guard let order = ChoiceTest.Order(rawValue: String(base.dropFirst(family.rawValue.count))),
                family != .boolean || order == .equals
            else { break }
            if isPath {
                guard let text = value.string else {
                    parent.fault(pointer, "\(name) must be a JSONPath")
                    return nil
                }
                return parent.path(text, pointer).map { .compare(family, order, .path($0)) }
            }
            let fits =
                switch family {
                case .string: value.string != nil
                case .numeric: value.double != nil
                case .boolean: value.bool != nil
                case .timestamp: ChoiceTest.timestamp(value) != nil
                }
            guard fits else {
                parent.fault(pointer, "\(name) does not take \(value)")
                return nil
            }
            return .compare(family, order, .value(value))
        }
        parent.fault(pointer, "there is no operator '\(name)'")
        return nil
    }
}
