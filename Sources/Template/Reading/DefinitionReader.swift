internal import Events

/// Reads a state machine's definition from the template, a string in it, or a file beside it, and makes the
/// substitutions.
struct DefinitionReader {
    let properties: PropertyReader
    let directory: String

    func read(keys: [String]) -> LocatedJSON? {
        var substitutions: [String: String] = [:]
        for (key, value, _) in properties.stringMap("DefinitionSubstitutions") ?? [] { substitutions[key] = value }
        let given = keys.filter { properties.raw($0) != nil }
        guard given.count == 1 else {
            properties.diagnostics.error(
                given.isEmpty
                    ? "\(keys.joined(separator: " or ")) is missing"
                    : "\(given.joined(separator: " and ")) exclude each other",
                at: properties.location, path: properties.path)
            return nil
        }
        guard let node = properties.value(given[0]) else { return nil }
        let document: Node?
        switch given[0] {
        case "DefinitionUri": document = file(node, substitutions)
        case "DefinitionString": document = string(node, substitutions)
        default: document = node
        }
        guard let document else { return nil }
        guard document.mapping != nil else {
            properties.diagnostics.error(
                "a definition is an object, not \(document.kind)", at: document.location,
                path: properties.path(given[0]))
            return nil
        }
        var unknown: [(String, SourceLocation)] = []
        let substituted = substitute(document, substitutions, &unknown)
        for (name, location) in unknown {
            properties.diagnostics.warning(
                "'${\(name)}' stays as it is: DefinitionSubstitutions has no '\(name)'", at: location,
                path: properties.path("DefinitionSubstitutions"),
                suggestion: Suggestion.closest(to: name, in: substitutions.keys.sorted()))
        }
        return LocatedJSON(substituted)
    }

    private func file(_ node: Node, _ substitutions: [String: String]) -> Node? {
        let path = properties.path("DefinitionUri")
        guard let uri = node.text, !uri.hasPrefix("s3://") else {
            properties.error("a definition in a bucket is not supported: name a file", "DefinitionUri")
            return nil
        }
        let reader = DocumentReader(file: FilePaths.join(directory, uri), diagnostics: properties.diagnostics)
        guard let text = reader.readText(at: node.location, path: path) else { return nil }
        return reader.parse(Self.substituteBare(text, substitutions))
    }

    /// JSON in a string; a literal block's lines are the template's own lines.
    private func string(_ node: Node, _ substitutions: [String: String]) -> Node? {
        guard let text = node.text else {
            properties.error("expected a string, found \(node.kind)", "DefinitionString")
            return nil
        }
        let reader = DocumentReader(file: node.location.file, diagnostics: DiagnosticCollector())
        let raw = properties.raw("DefinitionString")
        let literal =
            raw?.scalar?.isLiteralBlock == true || raw?.intrinsic?.value.scalar?.isLiteralBlock == true
            || raw?.intrinsic?.value.sequence?.first?.scalar?.isLiteralBlock == true
        let start = raw?.intrinsic?.value.sequence?.first?.location ?? raw?.intrinsic?.value.location ?? node.location
        guard let document = reader.parse(Self.substituteBare(text, substitutions)) else {
            for fault in reader.diagnostics.sorted() {
                let line = literal ? start.line + fault.location.line : start.line
                properties.diagnostics.error(
                    fault.message, at: SourceLocation(file: start.file, line: line, column: literal ? 1 : start.column),
                    path: properties.path("DefinitionString"))
            }
            return nil
        }
        return moved(document) { place in
            literal
                ? SourceLocation(file: start.file, line: start.line + place.line, column: place.column) : start
        }
    }

    private func moved(_ node: Node, _ place: (SourceLocation) -> SourceLocation) -> Node {
        var node = node
        node.location = place(node.location)
        switch node.value {
        case .scalar, .absent, .failed: break
        case .sequence(let elements): node.value = .sequence(elements.map { moved($0, place) })
        case .mapping(let members):
            node.value = .mapping(
                members.map {
                    Node.Member(key: $0.key, keyLocation: place($0.keyLocation), value: moved($0.value, place))
                })
        }
        return node
    }

    private func substitute(_ node: Node, _ values: [String: String], _ unknown: inout [(String, SourceLocation)])
        -> Node
    {
        var node = node
        switch node.value {
        case .absent, .failed: break
        case .scalar(var scalar):
            guard scalar.kind == .string, scalar.text.contains("${") else { break }
            for name in Scope.substitutions(in: scalar.text) where values[name] == nil {
                unknown.append((name, node.location))
            }
            scalar.text = scalar.text.replacing(/\$\{([^{}]+)\}/) { match in values[String(match.1)] ?? String(match.0)
            }
            node.value = .scalar(scalar)
        case .sequence(let elements): node.value = .sequence(elements.map { substitute($0, values, &unknown) })
        case .mapping(let members):
            node.value = .mapping(
                members.map {
                    var member = $0
                    member.value = substitute($0.value, values, &unknown)
                    return member
                })
        }
        return node
    }

    /// In a JSON text, `${Name}` may stand where no quotes are, for a number: it is put in before the text is parsed.
    private static func substituteBare(_ text: String, _ values: [String: String]) -> String {
        guard text.drop(while: { $0.isWhitespace }).first == "{", text.contains("${") else { return text }
        var out = ""
        var rest = Substring(text)
        var quoted = false
        while let character = rest.first {
            if !quoted, character == "$", let match = rest.prefixMatch(of: /\$\{([^{}]+)\}/),
                let value = values[String(match.1)]
            {
                out += value
                rest = rest[match.range.upperBound...]
                continue
            }
            if quoted, character == "\\" {
                out.append(character)
                rest.removeFirst()
                guard let escaped = rest.popFirst() else { break }
                out.append(escaped)
                continue
            }
            if character == "\"" { quoted.toggle() }
            out.append(character)
            rest.removeFirst()
        }
        return out
    }
}
