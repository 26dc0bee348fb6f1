/// A metric math expression, read once and evaluated over series.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>
struct MetricExpression: Sendable, Hashable {
    indirect enum Node: Sendable, Hashable {
        case number(Double)
        case text(String)
        /// The id of another query, or a word such as REPEAT.
        case name(String)
        case negated(Node)
        case binary(String, Node, Node)
        case call(String, [Node])
        case list([Node])
    }

    /// The functions that are there, each with how many arguments it takes.
    static let functions: [String: ClosedRange<Int>] = [
        "ABS": 1...1, "AVG": 1...1, "CEIL": 1...1, "DATAPOINT_COUNT": 1...1, "DIFF": 1...1, "DIFF_TIME": 1...1,
        "FILL": 2...2, "FIRST": 1...1, "FLOOR": 1...1, "IF": 2...3, "LAST": 1...1, "LOG": 1...1, "LOG10": 1...1,
        "MAX": 1...1, "METRICS": 0...1, "METRIC_COUNT": 1...1, "MIN": 1...1, "PERIOD": 1...1, "RATE": 1...1,
        "RUNNING_SUM": 1...1, "STDDEV": 1...1, "SUM": 1...1, "TIME_SERIES": 1...1,
    ]

    let text: String
    let root: Node

    /// Characters of an expression at most.
    private static let longest = 2048

    /// Reads an expression. Throws ``CloudWatchError/validationError(_:)``.
    ///
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html>
    init(_ text: String) throws(CloudWatchError) {
        let length = text.count
        guard length <= Self.longest else {
            throw .validationError(
                "The expression '\(text.prefix(40))…' has \(length) characters; at most \(Self.longest) are allowed.")
        }
        var parser = Parser(text)
        self.text = text
        root = try parser.expression()
        try parser.finish()
    }

    /// The ids that it names.
    var names: Set<String> {
        func collect(_ node: Node) -> Set<String> {
            switch node {
            case .number, .text: []
            case .name(let name): [name]
            case .negated(let inner): collect(inner)
            case .binary(_, let left, let right): collect(left).union(collect(right))
            case .call(_, let nodes), .list(let nodes): nodes.reduce(into: []) { $0.formUnion(collect($1)) }
            }
        }
        return collect(root).subtracting(["REPEAT", "LINEAR"])
    }

    private struct Parser {
        private static let deepest = 64
        // The operators by how weakly they bind.
        private static let levels: [[String]] = [
            ["||", "OR"], ["&&", "AND"], ["==", "!=", "<=", ">=", "<", ">"], ["+", "-"], ["*", "/"],
        ]
        let text: String
        let characters: [Character]
        var at = 0
        var depth = 0

        init(_ text: String) {
            self.text = text
            characters = Array(text)
        }

        func error(_ message: String) -> CloudWatchError {
            .validationError("Error in expression '\(text)', character \(at + 1): \(message)")
        }

        mutating func skipSpace() { while at < characters.count, characters[at].isWhitespace { at += 1 } }

        func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber || character == "_" }

        mutating func skip(_ word: String) -> Bool {
            skipSpace()
            let end = at + word.count
            guard end <= characters.count, String(characters[at..<end]) == word else { return false }
            if let last = word.last, isWord(last), end < characters.count, isWord(characters[end]) { return false }
            at = end
            return true
        }

        mutating func finish() throws(CloudWatchError) {
            skipSpace()
            guard at == characters.count else { throw error("unexpected '\(characters[at])'") }
        }

        mutating func expression() throws(CloudWatchError) -> Node { try binary(0) }

        mutating func binary(_ level: Int) throws(CloudWatchError) -> Node {
            guard level < Self.levels.count else { return try power() }
            var left = try binary(level + 1)
            while let operation = Self.levels[level].first(where: { skip($0) }) {
                left = .binary(
                    operation == "OR" ? "||" : operation == "AND" ? "&&" : operation, left, try binary(level + 1))
            }
            return left
        }

        mutating func power() throws(CloudWatchError) -> Node {
            if skip("-") { return .negated(try nested { (parser) throws(CloudWatchError) in try parser.power() }) }
            let base = try primary()
            return skip("^")
                ? .binary("^", base, try nested { (parser) throws(CloudWatchError) in try parser.power() }) : base
        }

        mutating func nested(_ body: (inout Parser) throws(CloudWatchError) -> Node) throws(CloudWatchError) -> Node {
            depth += 1
            guard depth <= Self.deepest else { throw error("it nests too deep") }
            let node = try body(&self)
            depth -= 1
            return node
        }

        mutating func list(until closing: String) throws(CloudWatchError) -> [Node] {
            var nodes: [Node] = []
            if skip(closing) { return nodes }
            repeat {
                nodes.append(try nested { (parser) throws(CloudWatchError) in try parser.expression() })
            } while skip(",")
            guard skip(closing) else { throw error("'\(closing)' is expected") }
            return nodes
        }

        mutating func primary() throws(CloudWatchError) -> Node {
            skipSpace()
            guard at < characters.count else { throw error("a value is expected") }
            let first = characters[at]
            if skip("(") {
                let node = try nested { (parser) throws(CloudWatchError) in try parser.expression() }
                guard skip(")") else { throw error("')' is expected") }
                return node
            }
            if skip("[") { return .list(try list(until: "]")) }
            if first == "\"" || first == "'" {
                guard let end = characters[(at + 1)...].firstIndex(of: first) else {
                    throw error("the quote is never closed")
                }
                let value = String(characters[(at + 1)..<end])
                at = end + 1
                return .text(value)
            }
            let start = at
            if first.isNumber || first == "." {
                while at < characters.count,
                    isWord(characters[at]) || characters[at] == "."
                        || ("+-".contains(characters[at]) && "eE".contains(characters[at - 1]))
                { at += 1 }
                guard let number = Double(String(characters[start..<at])), number.isFinite else {
                    at = start
                    throw error("this is no number")
                }
                return .number(number)
            }
            while at < characters.count, isWord(characters[at]) { at += 1 }
            guard at > start else { throw error("unexpected '\(first)'") }
            let word = String(characters[start..<at])
            guard skip("(") else { return .name(word) }
            guard let arguments = MetricExpression.functions[word] else {
                at = start
                throw error("the function \(word) is not supported")
            }
            let nodes = try list(until: ")")
            guard arguments.contains(nodes.count) else {
                throw error(
                    "\(word) takes \(arguments.lowerBound) to \(arguments.upperBound) arguments, found \(nodes.count)")
            }
            return .call(word, nodes)
        }
    }
}
