import Events

/// Turns a pattern's JSON into tests, and says in EventBridge's words what is wrong with it.
struct EventPatternCompiler {
    private typealias Fault = EventPatternError
    /// The longest pattern in bytes.
    static let sizeLimit = 4096
    /// As many ways through all `$or` as EventBridge takes.
    static let combinationLimit = 1000

    mutating func compile(_ json: JSON) throws(EventPatternError) -> EventPattern.Node {
        guard let object = json.object else { throw Fault(reason: "Filter is not an object", path: "") }
        guard !object.isEmpty else { throw Fault(reason: "Empty objects are not allowed", path: "") }
        let size = json.serialized().count
        guard size <= Self.sizeLimit else {
            throw Fault(reason: "The pattern has \(size) bytes; \(Self.sizeLimit) are allowed", path: "")
        }
        let root = try node(object, "")
        guard Self.combinations(root) <= Self.combinationLimit else {
            throw Fault(reason: "There are more than \(Self.combinationLimit) rule combinations in $or", path: "")
        }
        return root
    }

    private static func combinations(_ node: EventPattern.Node) -> Int {
        var product = 1
        for branches in node.alternatives {
            product = min(product * branches.map(combinations).reduce(0, +), combinationLimit + 1)
        }
        for case .object(let inner) in node.fields.map(\.test) {
            product = min(product * combinations(inner), combinationLimit + 1)
        }
        return product
    }

    private func node(_ object: JSONObject, _ path: String) throws(EventPatternError) -> EventPattern.Node {
        var node = EventPattern.Node()
        for (name, value) in object {
            let place = path + "/" + name.replacing("~", with: "~0").replacing("/", with: "~1")
            if name == "$or", let branches = orBranches(value) {
                var nodes: [EventPattern.Node] = []
                for (index, branch) in branches.enumerated() {
                    nodes.append(try self.node(branch, "\(place)/\(index)"))
                }
                node.alternatives.append(nodes)
                continue
            }
            switch value {
            case .object(let inner):
                guard !inner.isEmpty else { throw Fault(reason: "Empty objects are not allowed", path: place) }
                node.fields.append(.init(name: name, test: .object(try self.node(inner, place))))
            case .array(let values):
                guard !values.isEmpty else { throw Fault(reason: "Empty arrays are not allowed", path: place) }
                var matchers: [ValueMatcher] = []
                for (index, value) in values.enumerated() { matchers.append(try matcher(value, "\(place)/\(index)")) }
                node.fields.append(.init(name: name, test: .values(matchers)))
            case .null, .bool, .number, .string:
                throw Fault(reason: "\"\(name)\" must be an object or an array", path: place)
            }
        }
        return node
    }

    /// `$or` is an operator where it holds two or more objects of fields; else it is a field like any other.
    private func orBranches(_ value: JSON) -> [JSONObject]? {
        guard let branches = value.array, branches.count >= 2 else { return nil }
        let operators: Set = [
            "prefix", "suffix", "anything-but", "numeric", "cidr", "exists", "equals-ignore-case", "wildcard",
        ]
        var objects: [JSONObject] = []
        for branch in branches {
            guard let object = branch.object, !object.isEmpty, !object.keys.contains(where: operators.contains)
            else { return nil }
            objects.append(object)
        }
        return objects
    }

    private func matcher(_ value: JSON, _ path: String) throws(EventPatternError) -> ValueMatcher {
        switch value {
        case .string(let text): return .string(text)
        case .number(let number): return .number(number.literal)
        case .bool(let flag): return .bool(flag)
        case .null: return .null
        case .array: throw Fault(reason: "Match value must be String, number, true, false, or null", path: path)
        case .object(let object):
            guard object.count == 1, let (name, value) = object.first(where: { _ in true }) else {
                throw Fault(reason: "Only one key allowed in match expression", path: path)
            }
            return try match(name, value, "\(path)/\(name)")
        }
    }

    private func match(_ name: String, _ value: JSON, _ path: String) throws(EventPatternError) -> ValueMatcher {
        switch name {
        case "prefix", "suffix": return try affix(name, value, path)
        case "equals-ignore-case": return .equalsIgnoreCase(try text(name, value, path))
        case "wildcard": return .wildcard(try wildcard(value, path))
        case "exists":
            guard let flag = value.bool else {
                throw Fault(reason: "exists match pattern must be either true or false.", path: path)
            }
            return .exists(flag)
        case "numeric": return .numeric(try numeric(value, path))
        case "cidr": return .cidr(try cidr(value, path))
        case "anything-but": return .anythingBut(try anythingBut(value, path))
        default: throw Fault(reason: "Unrecognized match type \(name)", path: path)
        }
    }

    private func text(_ name: String, _ value: JSON, _ path: String) throws(EventPatternError) -> String {
        guard let text = value.string else {
            throw Fault(reason: "\(name) match pattern must be a string", path: path)
        }
        return text
    }

    private func affix(_ name: String, _ value: JSON, _ path: String) throws(EventPatternError) -> ValueMatcher {
        var ignoringCase = false
        var value = value
        if let object = value.object {
            guard object.count == 1, let inner = object["equals-ignore-case"] else {
                throw Fault(
                    reason: "Unsupported \(name) pattern: \(object.keys.joined(separator: ", "))", path: path)
            }
            ignoringCase = true
            value = inner
        }
        let text = try text(name, value, path)
        return name == "prefix" ? .prefix(text, ignoringCase: ignoringCase) : .suffix(text, ignoringCase: ignoringCase)
    }

    private func anythingBut(_ value: JSON, _ path: String) throws(EventPatternError) -> [ValueMatcher] {
        switch value {
        case .string, .number: return [try matcher(value, path)]
        case .array(let values):
            guard !values.isEmpty else { throw Fault(reason: "Empty arrays are not allowed", path: path) }
            var matchers: [ValueMatcher] = []
            for (index, value) in values.enumerated() {
                guard value.string != nil || value.double != nil else {
                    throw Fault(
                        reason: "Inside anything but list, start|null|boolean is not supported.",
                        path: "\(path)/\(index)")
                }
                matchers.append(try matcher(value, "\(path)/\(index)"))
            }
            return matchers
        case .object(let object):
            guard object.count == 1, let (name, inner) = object.first(where: { _ in true }) else {
                throw Fault(reason: "Only one key allowed in match expression", path: path)
            }
            guard ["prefix", "suffix", "equals-ignore-case", "wildcard"].contains(name) else {
                throw Fault(reason: "Unsupported anything-but pattern: \(name)", path: path)
            }
            let values = inner.array ?? [inner]
            guard !values.isEmpty else { throw Fault(reason: "Empty arrays are not allowed", path: path) }
            var matchers: [ValueMatcher] = []
            for value in values {
                guard let text = value.string else {
                    throw Fault(reason: "\(name) match pattern must be a string", path: "\(path)/\(name)")
                }
                guard !text.isEmpty || !["prefix", "suffix"].contains(name) else {
                    throw Fault(reason: "Null prefix/suffix not allowed", path: "\(path)/\(name)")
                }
                matchers.append(try match(name, value, "\(path)/\(name)"))
            }
            return matchers
        case .bool, .null:
            throw Fault(
                reason: "Value of anything-but must be an array or single string/number value.", path: path)
        }
    }

    private func wildcard(_ value: JSON, _ path: String) throws(EventPatternError) -> Wildcard {
        let text = try text("wildcard", value, path)
        var parts: [[UInt8]] = [[]]
        var escaped = false
        var afterStar = false
        for (index, byte) in text.utf8.enumerated() {
            if escaped {
                guard byte == UInt8(ascii: "*") || byte == UInt8(ascii: "\\") else {
                    throw Fault(reason: "Invalid escape character at pos \(index - 1)", path: path)
                }
                parts[parts.count - 1].append(byte)
                escaped = false
                afterStar = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "*") {
                guard !afterStar else {
                    throw Fault(reason: "Consecutive wildcard characters at pos \(index - 1)", path: path)
                }
                parts.append([])
                afterStar = true
            } else {
                parts[parts.count - 1].append(byte)
                afterStar = false
            }
        }
        guard !escaped else {
            throw Fault(reason: "Invalid escape character at pos \(text.utf8.count - 1)", path: path)
        }
        return Wildcard(parts: parts)
    }

    private func cidr(_ value: JSON, _ path: String) throws(EventPatternError) -> IPNetwork {
        let text = try text("prefix", value, path)
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { throw Fault(reason: "Malformed CIDR, one '/' required", path: path) }
        guard let bits = Int(parts[1]) else {
            throw Fault(reason: "Malformed CIDR, mask bits must be an integer", path: path)
        }
        guard let bytes = IPNetwork.bytes(parts[0]) else {
            throw Fault(reason: "Nonstandard IP address: \(parts[0])", path: path)
        }
        guard let network = IPNetwork(address: parts[0], bits: bits) else {
            throw Fault(
                reason: bits < 0
                    ? "Malformed CIDR, mask bits must not be negative"
                    : "\(bytes.count == 4 ? "IPv4" : "IPv6") mask bits must be < \(bytes.count * 8 + 1)", path: path)
        }
        return network
    }

    private func numeric(_ value: JSON, _ path: String) throws(EventPatternError) -> NumericRange {
        guard let terms = value.array else { throw Fault(reason: "Value of numeric must be an array.", path: path) }
        guard let first = terms.first else { throw Fault(reason: "Invalid member in numeric match: ]", path: path) }
        guard let sign = first.string else {
            throw Fault(reason: "Invalid member in numeric match: \(first)", path: path)
        }
        guard ["=", "<", "<=", ">", ">="].contains(sign) else {
            throw Fault(reason: "Unrecognized numeric range operator: \(sign)", path: path)
        }
        let bound = try number(terms[safe: 1], after: sign, path)
        var range = NumericRange()
        switch sign {
        case "=": (range.lower, range.upper, range.includesLower, range.includesUpper) = (bound, bound, true, true)
        case "<", "<=": (range.upper, range.includesUpper) = (bound, sign == "<=")
        default: (range.lower, range.includesLower) = (bound, sign == ">=")
        }
        guard terms.count > 2 else { return range }
        guard sign == ">" || sign == ">=" else {
            throw Fault(reason: "Too many elements in numeric expression", path: path)
        }
        guard let second = terms[2].string else {
            throw Fault(reason: "Bad value in numeric range: \(terms[2])", path: path)
        }
        guard second == "<" || second == "<=" else {
            throw Fault(reason: "Bad numeric range operator: \(second)", path: path)
        }
        let top = try number(terms[safe: 3], after: second, path)
        guard top > bound else { throw Fault(reason: "Bottom must be less than top", path: path) }
        guard terms.count == 4 else { throw Fault(reason: "Too many terms in numeric range expression", path: path) }
        (range.upper, range.includesUpper) = (top, second == "<=")
        return range
    }

    private func number(_ value: JSON?, after sign: String, _ path: String) throws(EventPatternError) -> Double {
        guard let number = value?.double else {
            throw Fault(reason: "Value of \(sign == "=" ? "equals" : sign) must be numeric", path: path)
        }
        guard number.magnitude <= NumericRange.limit else {
            throw Fault(reason: "Value must be between -5.0E9 and 5.0E9, inclusive", path: path)
        }
        return number
    }
}

extension Array {
    /// The element, or nil where there is none.
    subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
