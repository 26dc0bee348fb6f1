internal import Events

/// Reads one object's properties by name and type, tells what is wrong with each, and at the end which were never asked
/// for: those are unknown. A property that failed reads as missing, so that nothing is told twice.
final class PropertyReader {
    let scope: Scope
    let path: String
    let node: Node
    /// Where the object as a whole is named: the key that it stands under.
    let location: SourceLocation
    /// The resource that it belongs to.
    let owner: String
    private let members: [Node.Member]
    private var known: [String] = []
    private var evaluated: [String: Node] = [:]

    var diagnostics: DiagnosticCollector { scope.diagnostics }

    /// Tells an error and gives nil where the node is no object.
    init?(_ node: Node, scope: Scope, path: String, location: SourceLocation, owner: String) {
        let node = scope.evaluate(node, path: path)
        switch node.value {
        case .mapping(let members): self.members = members
        // `Properties:` with nothing below it.
        case .scalar(let scalar) where scalar.kind == .null: members = []
        case .absent: members = []
        case .failed: return nil
        case .scalar, .sequence:
            scope.diagnostics.error("expected an object, found \(node.kind)", at: node.location, path: path)
            return nil
        }
        self.node = node
        self.scope = scope
        self.path = path
        self.location = location
        self.owner = owner
    }

    // MARK: - Names

    func path(_ key: String) -> String { "\(path).\(key)" }

    /// Where the value of a property stands; where there is none, the object.
    func place(_ key: String) -> SourceLocation {
        members.first { $0.key == key }.map { $0.value.location } ?? location
    }

    /// Where the name of a property stands; where there is none, the object.
    func keyPlace(_ key: String) -> SourceLocation { members.first { $0.key == key }?.keyLocation ?? location }

    /// The property as it is written, its functions not evaluated.
    func raw(_ key: String) -> Node? {
        if !known.contains(key) { known.append(key) }
        return members.first { $0.key == key }?.value
    }

    var keys: [String] { members.map(\.key) }
    func has(_ key: String) -> Bool { value(key) != nil || evaluated[key]?.isFailed == true }

    func error(_ message: String, _ key: String, suggestion: String? = nil) {
        diagnostics.error(message, at: place(key), path: path(key), suggestion: suggestion)
    }

    /// Tells each property that must be there and is not.
    func require(_ keys: String...) {
        for key in keys where raw(key) == nil || evaluatedValue(key)?.isAbsent == true {
            diagnostics.error("\(key) is missing", at: location, path: path)
        }
    }

    /// Properties that are accepted and matter only on AWS: each is told once, in a warning.
    func mattersOnlyOnAWS(_ keys: String...) {
        for key in keys where raw(key) != nil {
            diagnostics.noteWithoutEffect(key, of: owner, at: keyPlace(key), path: path(key))
        }
    }

    /// Properties that AWS has and whose effect is missing here: an error, with what to do instead if there is
    /// something.
    func unsupported(_ keys: KeyValuePairs<String, String>) {
        for (key, advice) in keys where raw(key) != nil {
            if evaluatedValue(key)?.isAbsent == true { continue }
            let hint = advice.isEmpty ? "" : ": \(advice)"
            diagnostics.error("\(key) is not supported\(hint)", at: keyPlace(key), path: path(key))
        }
    }

    /// Tells the properties that nobody asked for.
    func finish() {
        for member in members where !known.contains(member.key) {
            if member.key.hasPrefix("Fn::") {
                diagnostics.error("\(member.key) is not supported here", at: member.keyLocation, path: path)
            } else {
                diagnostics.error(
                    "unknown property", at: member.keyLocation, path: path(member.key),
                    suggestion: Suggestion.closest(to: member.key, in: known))
            }
        }
    }

    // MARK: - Values

    private func evaluatedValue(_ key: String) -> Node? {
        if let node = evaluated[key] { return node }
        guard let node = raw(key) else { return nil }
        let value = scope.resolve(node, path: path(key))
        evaluated[key] = value
        return value
    }

    /// The property's value with its functions evaluated; nil where it is absent or failed.
    func value(_ key: String) -> Node? {
        guard let node = evaluatedValue(key), !node.isAbsent, !node.isFailed else { return nil }
        return node
    }

    func mismatch(_ expected: String, _ node: Node, path: String) {
        if node.isFailed { return }
        diagnostics.error("expected \(expected), found \(node.kind)", at: node.location, path: path)
    }

    func string(_ key: String) -> String? {
        guard let node = value(key) else { return nil }
        if let text = node.text { return text }
        mismatch("a string", node, path: path(key))
        return nil
    }

    /// A string of `length` characters that consists of `allowed` characters.
    func string(_ key: String, length: ClosedRange<Int>, allowed: String? = nil, _ test: ((Character) -> Bool)? = nil)
        -> String?
    {
        guard let text = string(key) else { return nil }
        guard length.contains(text.unicodeScalars.count) else {
            error(
                "\(text.unicodeScalars.count) characters; \(length.lowerBound) to \(length.upperBound) are allowed", key
            )
            return nil
        }
        if let test, let wrong = text.first(where: { !test($0) }) {
            error("'\(wrong)' is not allowed in it\(allowed.map { ": \($0)" } ?? "")", key)
            return nil
        }
        return text
    }

    /// A string that is one of a closed set.
    func choice<Value: RawRepresentable & CaseIterable>(_ key: String, _ type: Value.Type) -> Value?
    where Value.RawValue == String {
        guard let text = string(key) else { return nil }
        if let value = Value(rawValue: text) { return value }
        let all = Value.allCases.map(\.rawValue)
        error(
            "'\(text)' is none of \(all.joined(separator: ", "))", key,
            suggestion: Suggestion.closest(to: text, in: all))
        return nil
    }

    func int(_ key: String, in range: ClosedRange<Int>, unit: String = "") -> Int? {
        guard let node = value(key) else { return nil }
        guard let number = node.text.flatMap({ Int($0) }) else {
            if let text = node.text {
                error("expected an integer, found '\(text)'", key)
            } else {
                mismatch("an integer", node, path: path(key))
            }
            return nil
        }
        guard range.contains(number) else {
            let bounds =
                range.upperBound == .max
                ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
            error("\(number) is out of range: \(bounds)\(unit.isEmpty ? "" : " \(unit)")", key)
            return nil
        }
        return number
    }

    func double(_ key: String) -> Double? {
        guard let node = value(key) else { return nil }
        guard let number = node.text.flatMap({ Double($0) }), number.isFinite else {
            if let text = node.text {
                error("expected a number, found '\(text)'", key)
            } else {
                mismatch("a number", node, path: path(key))
            }
            return nil
        }
        return number
    }

    func bool(_ key: String) -> Bool? {
        guard let node = value(key) else { return nil }
        if let bool = node.scalar?.bool { return bool }
        if let text = node.text {
            error("expected true or false, found '\(text)'", key)
        } else {
            mismatch("true or false", node, path: path(key))
        }
        return nil
    }

    /// A list of strings.
    func strings(_ key: String) -> [String]? {
        guard let node = value(key) else { return nil }
        guard let elements = node.sequence else {
            mismatch("a list", node, path: path(key))
            return nil
        }
        return elements.enumerated().compactMap { index, element in
            if let text = element.text { return text }
            mismatch("a string", element, path: "\(path(key))[\(index)]")
            return nil
        }
    }

    /// An object whose members are all strings.
    func stringMap(_ key: String) -> [(key: String, value: String, location: SourceLocation)]? {
        guard let node = value(key) else { return nil }
        guard let members = node.mapping else {
            mismatch("an object", node, path: path(key))
            return nil
        }
        return members.compactMap { member in
            if let text = member.value.text { return (member.key, text, member.keyLocation) }
            mismatch("a string", member.value, path: "\(path(key)).\(member.key)")
            return nil
        }
    }

    /// Any object or list.
    func located(_ key: String) -> LocatedJSON? { value(key).map { LocatedJSON($0) } }

    /// An ARN.
    func arn(_ key: String, services: Set<String>? = nil) -> ARN? {
        guard let text = string(key) else { return nil }
        return arn(text, at: place(key), path: path(key), services: services)
    }

    func arn(_ text: String, at location: SourceLocation, path: String, services: Set<String>?) -> ARN? {
        guard let arn = ARN(text) else {
            diagnostics.error(
                "'\(text)' is no ARN (arn:partition:service:region:account:resource)", at: location, path: path)
            return nil
        }
        if let services, !services.contains(arn.service) {
            diagnostics.error(
                "'\(text)' is an ARN of \(arn.service); expected one of \(services.sorted().joined(separator: ", "))",
                at: location, path: path)
            return nil
        }
        return arn
    }

    // MARK: - Objects inside

    func object(_ key: String) -> PropertyReader? {
        guard let node = raw(key) else { return nil }
        let value = scope.evaluate(node, path: path(key))
        if value.isAbsent { return nil }
        return PropertyReader(value, scope: scope, path: path(key), location: keyPlace(key), owner: owner)
    }

    /// A list of objects.
    func objects(_ key: String) -> [PropertyReader]? {
        guard let node = raw(key) else { return nil }
        let value = scope.evaluate(node, path: path(key))
        if value.isAbsent || value.isFailed { return nil }
        guard let elements = value.sequence else {
            mismatch("a list", value, path: path(key))
            return nil
        }
        return elements.enumerated().compactMap { index, element in
            let path = "\(path(key))[\(index)]"
            let element = scope.evaluate(element, path: path)
            if element.isAbsent { return nil }
            return PropertyReader(element, scope: scope, path: path, location: element.location, owner: owner)
        }
    }

    /// The members of an object whose names are free, such as `Events`, each as an object.
    func namedObjects(_ key: String) -> [(name: String, reader: PropertyReader)]? {
        guard let node = raw(key) else { return nil }
        let value = scope.evaluate(node, path: path(key))
        if value.isAbsent || value.isFailed { return nil }
        guard let members = value.mapping else {
            mismatch("an object", value, path: path(key))
            return nil
        }
        return members.compactMap { member in
            PropertyReader(
                member.value, scope: scope, path: "\(path(key)).\(member.key)", location: member.keyLocation,
                owner: owner
            ).map { (member.key, $0) }
        }
    }
}
