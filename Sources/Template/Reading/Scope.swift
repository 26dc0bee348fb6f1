internal import Events

/// What expressions are evaluated against: the parameters' values, mappings, conditions, and the other resources.
final class Scope {
    let diagnostics: DiagnosticCollector
    let account: AccountRegion
    let stackName: String
    let file: String
    var parameters: [String: Node] = [:]
    var mappings: Node?
    var conditions: [String: Node] = [:]
    var resources: [String: RawResource] = [:]
    /// Resources whose condition is false.
    var leftOut: Set<String> = []
    /// Resources that SAM makes by itself: what they are, and their names.
    var implied: [String: ImpliedResource] = [:]

    private var conditionValues: [String: Bool] = [:]
    private var conditionsUnderWay: Set<String> = []
    private var names: [String: String] = [:]
    private var namesUnderWay: Set<String> = []

    init(diagnostics: DiagnosticCollector, account: AccountRegion, stackName: String, file: String) {
        self.file = file
        self.diagnostics = diagnostics
        self.account = account
        self.stackName = stackName
    }

    /// The same, telling what is wrong to another collector.
    func with(_ diagnostics: DiagnosticCollector) -> Scope {
        let scope = Scope(diagnostics: diagnostics, account: account, stackName: stackName, file: file)
        scope.parameters = parameters
        scope.mappings = mappings
        scope.conditions = conditions
        scope.resources = resources
        scope.leftOut = leftOut
        scope.implied = implied
        return scope
    }

    enum ImpliedResource {
        case role
        case rule(name: String)
    }

    // MARK: - Values

    /// The value of a node with all its intrinsic functions evaluated.
    func resolve(_ node: Node, path: String) -> Node {
        let node = evaluate(node, path: path)
        switch node.value {
        case .scalar, .absent, .failed:
            return node
        case .sequence(let elements):
            let resolved = elements.enumerated().map { resolve($0.element, path: "\(path)[\($0.offset)]") }
            if resolved.contains(where: \.isFailed) { return Node(.failed, at: node.location) }
            return Node(.sequence(resolved.filter { !$0.isAbsent }), at: node.location)
        case .mapping(let members):
            var kept: [Node.Member] = []
            for var member in members {
                member.value = resolve(member.value, path: "\(path).\(member.key)")
                if !member.value.isAbsent { kept.append(member) }
            }
            return Node(kept, at: node.location)
        }
    }

    /// The value of a node: where it is an intrinsic function its result, else the node as it is.
    func evaluate(_ node: Node, path: String) -> Node {
        guard let function = node.intrinsic else { return node }
        let argument = function.value
        switch function.key {
        case "Ref":
            guard let name = argument.text else { return wrong(node, "Ref takes a name", path) }
            return reference(name, at: node.location, path: path)
        case "Fn::GetAtt": return attribute(argument, at: node.location, path: path)
        case "Fn::Sub": return substitute(argument, at: node.location, path: path)
        case "Fn::Join":
            guard let parts = argument.sequence, parts.count == 2, let separator = parts[0].text else {
                return wrong(node, "Fn::Join takes a separator and a list", path)
            }
            return strings(parts[1], of: "Fn::Join", path: path) { texts in
                Node(string: texts.joined(separator: separator), at: node.location)
            }
        case "Fn::Split":
            guard let parts = argument.sequence, parts.count == 2, let separator = parts[0].text, !separator.isEmpty
            else { return wrong(node, "Fn::Split takes a separator and a string", path) }
            let text = evaluate(parts[1], path: path)
            if text.isFailed { return text }
            guard let text = text.text else { return wrong(node, "Fn::Split takes a separator and a string", path) }
            let pieces = text.split(separator: separator, omittingEmptySubsequences: false)
            return Node(
                .sequence(pieces.map { Node(string: String($0), at: node.location) }), at: node.location)
        case "Fn::Select":
            guard let parts = argument.sequence, parts.count == 2 else {
                return wrong(node, "Fn::Select takes an index and a list", path)
            }
            let index = evaluate(parts[0], path: path)
            let list = evaluate(parts[1], path: path)
            if index.isFailed || list.isFailed { return Node(.failed, at: node.location) }
            guard let number = index.text.flatMap({ Int($0) }), let elements = list.sequence else {
                return wrong(node, "Fn::Select takes an index and a list", path)
            }
            guard elements.indices.contains(number) else {
                return wrong(node, "Fn::Select: no element \(number) in a list of \(elements.count)", path)
            }
            return evaluate(elements[number], path: path)
        case "Fn::If":
            guard let parts = argument.sequence, parts.count == 3, let name = parts[0].text else {
                return wrong(node, "Fn::If takes a condition's name and two values", path)
            }
            guard let holds = condition(name, at: parts[0].location, path: path) else {
                return Node(.failed, at: node.location)
            }
            return evaluate(parts[holds ? 1 : 2], path: path)
        case "Fn::FindInMap": return findInMap(argument, node, path: path)
        default:
            return wrong(node, "\(function.key) is not supported", path)
        }
    }

    private func wrong(_ node: Node, _ message: String, _ path: String, suggestion: String? = nil) -> Node {
        diagnostics.error(message, at: node.location, path: path, suggestion: suggestion)
        return Node(.failed, at: node.location)
    }

    private func strings(_ list: Node, of function: String, path: String, _ body: ([String]) -> Node) -> Node {
        let list = resolve(list, path: path)
        if list.isFailed { return list }
        guard let elements = list.sequence else {
            return wrong(list, "\(function) takes a list, not \(list.kind)", path)
        }
        var texts: [String] = []
        for element in elements {
            guard let text = element.text else {
                return wrong(element, "\(function) takes a list of strings, found \(element.kind)", path)
            }
            texts.append(text)
        }
        return body(texts)
    }

    private func findInMap(_ argument: Node, _ node: Node, path: String) -> Node {
        guard let parts = argument.sequence, parts.count == 3 else {
            return wrong(node, "Fn::FindInMap takes a map's name and two keys", path)
        }
        var place = mappings
        for part in parts {
            let key = evaluate(part, path: path)
            if key.isFailed { return key }
            guard let key = key.text else { return wrong(node, "Fn::FindInMap takes a map's name and two keys", path) }
            guard let next = place?[key] else {
                return wrong(
                    node, "Mappings has no '\(key)'", path,
                    suggestion: Suggestion.closest(to: key, in: (place?.mapping ?? []).map(\.key)))
            }
            place = next
        }
        return place.map { Node($0.value, at: node.location) } ?? Node(.failed, at: node.location)
    }

    // MARK: - Fn::Sub

    private func substitute(_ argument: Node, at location: SourceLocation, path: String) -> Node {
        var variables: [String: Node] = [:]
        var text = argument.text
        if let parts = argument.sequence {
            guard parts.count == 2, let members = parts[1].mapping else {
                return wrong(argument, "Fn::Sub takes a string, or a string and an object of variables", path)
            }
            text = parts[0].text
            for member in members { variables[member.key] = resolve(member.value, path: path) }
        }
        guard let text else {
            return wrong(argument, "Fn::Sub takes a string, or a string and an object of variables", path)
        }
        var out = ""
        var rest = Substring(text)
        while let start = rest.firstRange(of: "${") {
            out += rest[..<start.lowerBound]
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                return wrong(argument, "'${' without its '}'", path)
            }
            let name = String(rest[start.upperBound..<end])
            rest = rest[rest.index(after: end)...]
            if name.hasPrefix("!") {
                out += "${\(name.dropFirst())}"
                continue
            }
            let value =
                variables[name]
                ?? (name.contains(".")
                    ? attribute(Node(string: name, at: location), at: location, path: path)
                    : reference(name, at: location, path: path))
            if value.isFailed || value.isAbsent { return Node(.failed, at: location) }
            guard let piece = value.text else {
                return wrong(argument, "'${\(name)}' is \(value.kind), not a string", path)
            }
            out += piece
        }
        return Node(string: out + rest, at: location)
    }

    // MARK: - Conditions

    /// Whether a condition holds; nil where it can't be told, with the reason told.
    func condition(_ name: String, at location: SourceLocation, path: String) -> Bool? {
        if let value = conditionValues[name] { return value }
        guard let node = conditions[name] else {
            diagnostics.error(
                "no condition '\(name)'", at: location, path: path,
                suggestion: Suggestion.closest(to: name, in: conditions.keys))
            return nil
        }
        guard conditionsUnderWay.insert(name).inserted else {
            diagnostics.error("condition '\(name)' refers to itself", at: location, path: path)
            return nil
        }
        defer { conditionsUnderWay.remove(name) }
        let value = truth(node, path: "Conditions.\(name)")
        if let value { conditionValues[name] = value }
        return value
    }

    private func truth(_ node: Node, path: String) -> Bool? {
        guard let member = node.mapping?.first, node.mapping?.count == 1 else {
            diagnostics.error(
                "expected Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition", at: node.location, path: path)
            return nil
        }
        let parts = member.value.sequence ?? []
        switch member.key {
        case "Condition":
            return condition(member.value.text ?? "", at: member.value.location, path: path)
        case "Fn::Equals" where parts.count == 2:
            let sides = parts.map { resolve($0, path: path) }
            guard let left = sides[0].text, let right = sides[1].text else { return sides[0].json == sides[1].json }
            return left == right
        case "Fn::Not" where parts.count == 1:
            return truth(parts[0], path: path).map { !$0 }
        case "Fn::And" where (2...10).contains(parts.count), "Fn::Or" where (2...10).contains(parts.count):
            let values = parts.map { truth($0, path: path) }
            guard !values.contains(nil) else { return nil }
            return member.key == "Fn::And" ? !values.contains(false) : values.contains(true)
        default:
            diagnostics.error(
                "\(member.key): expected Fn::Equals of 2 values, Fn::Not of 1, Fn::And or Fn::Or of 2 to 10, Condition",
                at: node.location, path: path)
            return nil
        }
    }

    // MARK: - Names

    /// The physical name of a resource: what its name property says, else its logical id.
    func name(of resource: RawResource) -> String {
        if let name = names[resource.id] { return name }
        // A circle of names is told with the other circles of references.
        guard namesUnderWay.insert(resource.id).inserted else { return resource.id }
        defer { namesUnderWay.remove(resource.id) }
        var name = resource.type == .bucket ? resource.id.lowercased() : resource.id
        if let property = resource.type.nameProperty, let node = resource.properties[property] {
            let value = resolve(node, path: "\(resource.path).Properties.\(property)")
            name = value.text ?? name
        }
        names[resource.id] = name
        return name
    }
}
