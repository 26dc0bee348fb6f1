internal import Glibc
internal import Yams

/// Reads YAML or JSON into nodes with their places.
struct DocumentReader {
    let file: String
    let diagnostics: DiagnosticCollector
    /// Aliases can make a small file expand without end; CloudFormation's own limit is a megabyte of text.
    private static let maximumValues = 200_000
    static let maximumBytes = 1_000_000
    private static let maximumDepth = 100

    /// Reads a regular file of at most a megabyte; nil where that fails, with the reason told at `location`.
    func readText(at location: SourceLocation, path: String) -> String? {
        func refuse(_ reason: String) -> String? {
            diagnostics.error("\(file): \(reason)", at: location, path: path)
            return nil
        }
        // Not to wait for a writer where the path is a pipe.
        let descriptor = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            return refuse(errno == ENOENT ? "no such file" : String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return refuse("not a regular file")
        }
        guard status.st_size <= Self.maximumBytes else {
            return refuse("\(status.st_size) bytes; CloudFormation takes \(Self.maximumBytes) at most")
        }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= Self.maximumBytes {
            let count = read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return refuse(String(cString: strerror(errno))) }
            if count == 0 { break }
            bytes.append(contentsOf: block[..<count])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            diagnostics.error("not UTF-8", at: Self.firstInvalid(in: bytes, file: file))
            return nil
        }
        return text
    }

    /// Where the first bytes stand that are no UTF-8.
    private static func firstInvalid(in bytes: [UInt8], file: String) -> SourceLocation {
        var line = 1
        for row in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            if String(validating: row, as: UTF8.self) == nil {
                // Decoding replaces what is invalid, so the first difference is the place.
                let repaired = String(decoding: row, as: UTF8.self)
                let good = zip(repaired.utf8, row).prefix { $0 == $1 }.count
                let column = String(decoding: row.prefix(good), as: UTF8.self).unicodeScalars.count + 1
                return SourceLocation(file: file, line: line, column: column)
            }
            line += 1
        }
        return SourceLocation(file: file, line: 1, column: 1)
    }

    /// Parses one document; nil where it is none, with the reason told.
    func parse(_ text: String) -> Node? {
        do {
            let text = Self.withoutSurrogatePairs(text)
            guard let root = try Yams.compose(yaml: text, .basic, .default, .utf8) else {
                diagnostics.error("empty", at: SourceLocation(file: file, line: 1, column: 1))
                return nil
            }
            var count = 0
            return convert(root, depth: 0, count: &count)
        } catch let error as YamlError {
            report(error, in: text)
        } catch {
            diagnostics.error("\(error)", at: SourceLocation(file: file, line: 1, column: 1))
        }
        return nil
    }

    private func place(_ mark: Mark?) -> SourceLocation {
        SourceLocation(file: file, line: max(1, mark?.line ?? 1), column: max(1, mark?.column ?? 1))
    }

    /// The parser takes the end of a text for the start of a line that is not there.
    private func place(_ mark: Mark, in text: String) -> SourceLocation {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.count > 1, lines.last?.isEmpty == true { lines.removeLast() }
        guard mark.line > lines.count, let last = lines.last else { return place(mark) }
        return SourceLocation(file: file, line: lines.count, column: last.unicodeScalars.count + 1)
    }

    private func convert(_ node: Yams.Node, depth: Int, count: inout Int) -> Node? {
        let location = place(node.mark)
        count += 1
        guard count <= Self.maximumValues else {
            diagnostics.error("expands to more than \(Self.maximumValues) values", at: location)
            return nil
        }
        guard depth <= Self.maximumDepth else {
            diagnostics.error("nested deeper than \(Self.maximumDepth) levels", at: location)
            return nil
        }
        let result: Node
        let tag: String
        switch node {
        case .scalar(let scalar):
            tag = scalar.tag.description
            if scalar.style == .plain, !tag.hasSuffix(":str") {
                result = Node(.scalar(Node.Scalar(plain: scalar.string)), at: location)
            } else {
                result = Node(
                    .scalar(
                        Node.Scalar(text: scalar.string, kind: .string, isLiteralBlock: scalar.style == .literal)),
                    at: location)
            }
        case .sequence(let sequence):
            tag = sequence.tag.description
            var nodes: [Node] = []
            for element in sequence {
                guard let node = convert(element, depth: depth + 1, count: &count) else { return nil }
                nodes.append(node)
            }
            result = Node(.sequence(nodes), at: location)
        case .mapping(let mapping):
            tag = mapping.tag.description
            guard let members = convert(mapping, depth: depth, count: &count) else { return nil }
            result = Node(members, at: location)
        case .alias:
            diagnostics.error("an alias without its anchor", at: location)
            return nil
        }
        return expand(tag: tag, result)
    }

    private func convert(_ mapping: Yams.Node.Mapping, depth: Int, count: inout Int) -> [Node.Member]? {
        var members: [Node.Member] = []
        for (key, value) in mapping {
            guard case .scalar(let name) = key else {
                diagnostics.error("a key must be a string", at: place(key.mark))
                return nil
            }
            if name.string == "<<", name.style == .plain {
                diagnostics.error("CloudFormation has no merge keys (<<)", at: place(key.mark))
                return nil
            }
            guard let node = convert(value, depth: depth + 1, count: &count) else { return nil }
            members.append(Node.Member(key: name.string, keyLocation: place(key.mark), value: node))
        }
        return members
    }

    private static let tags: [String: String] = Dictionary(
        uniqueKeysWithValues: [
            "And", "Base64", "Cidr", "Equals", "FindInMap", "GetAZs", "GetAtt", "If", "ImportValue", "Join", "Length",
            "Not", "Or", "Select", "Split", "Sub", "ToJsonString", "Transform",
        ].map { ("!\($0)", "Fn::\($0)") } + [("!Ref", "Ref"), ("!Condition", "Condition")])

    /// Turns `!GetAtt A.B` into `Fn::GetAtt: [A, B]`, and the other short forms into their long ones.
    private func expand(tag: String, _ node: Node) -> Node? {
        guard tag.hasPrefix("!") else { return node }
        guard let name = Self.tags[tag] else {
            diagnostics.error(
                "unknown tag '\(tag)'", at: node.location, suggestion: Suggestion.closest(to: tag, in: Self.tags.keys))
            return Node(.failed, at: node.location)
        }
        return Node([Node.Member(key: name, keyLocation: node.location, value: node)], at: node.location)
    }

    private func report(_ error: YamlError, in text: String) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let about = context.map { "\($0.text) (line \($0.mark.line)): " } ?? ""
            diagnostics.error("no YAML: \(about)\(problem)", at: place(mark, in: text))
        case .reader(let problem, let offset, _, _):
            var line = 1
            var column = 1
            for character in text.prefix(offset ?? 0) {
                if character.isNewline { (line, column) = (line + 1, 1) } else { column += 1 }
            }
            diagnostics.error("no YAML: \(problem)", at: SourceLocation(file: file, line: line, column: column))
        case .duplicatedKeysInMapping(let duplicates, let context):
            for key in duplicates.prefix(1) {
                let second = Self.repetition(of: key, after: context.mark, in: text)
                diagnostics.error(
                    "duplicate key '\(key)'" + (second == nil ? "" : " (first on line \(context.mark.line))"),
                    at: second.map { SourceLocation(file: file, line: $0, column: context.mark.column) }
                        ?? place(context.mark))
            }
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            diagnostics.error("no YAML: \(error)", at: SourceLocation(file: file, line: 1, column: 1))
        }
    }

    /// The parser names only the first of two equal keys; in block style the second is the next line that starts alike.
    private static func repetition(of key: String, after mark: Mark, in text: String) -> Int? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated().dropFirst(mark.line) {
            let indent = line.prefix { $0 == " " }.count
            let rest = line.dropFirst(indent)
            if rest.isEmpty || rest.first == "#" { continue }
            if indent < mark.column - 1 { return nil }
            for spelling in [key, "\"\(key)\"", "'\(key)'"]
            where indent == mark.column - 1 && rest.hasPrefix(spelling)
                && rest.dropFirst(spelling.count).drop(while: { $0 == " " }).first == ":"
            {
                return index + 1
            }
        }
        return nil
    }

    /// JSON writes characters beyond the basic plane as two `\u` escapes, which YAML does not know: they become the
    /// character.
    private static func withoutSurrogatePairs(_ text: String) -> String {
        guard text.contains("\\ud") || text.contains("\\uD") else { return text }
        return text.replacing(/\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})/) { match in
            guard let high = UInt32(match.1, radix: 16), let low = UInt32(match.2, radix: 16),
                let scalar = Unicode.Scalar(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            else { return String(match.0) }
            return String(Character(scalar))
        }
    }
}
