/// Reads filter patterns, character by character.
struct FilterPatternParser {
    private let pattern: String
    private let text: [Character]
    private var at = 0

    init(_ pattern: String) {
        self.pattern = pattern
        text = Array(pattern)
    }

    var peek: Character? { at < text.count ? text[at] : nil }

    private func error(_ message: String) -> FilterPattern.SyntaxError {
        FilterPattern.SyntaxError(pattern: pattern, offset: at, message: message)
    }

    mutating func skipSpace() { while let next = peek, next.isWhitespace { at += 1 } }

    private mutating func skip(_ word: String) -> Bool {
        let characters = Array(word)
        guard at + characters.count <= text.count, Array(text[at..<at + characters.count]) == characters else {
            return false
        }
        at += characters.count
        return true
    }

    private mutating func quoted() throws(FilterPattern.SyntaxError) -> String {
        let start = at
        at += 1
        var out = ""
        while let next = peek {
            at += 1
            if next == "\"" { return out }
            if next == "\\", let escaped = peek {
                at += 1
                out.append(escaped)
            } else {
                out.append(next)
            }
        }
        at = start
        throw error("the quotation mark is never closed")
    }

    private mutating func regex() throws(FilterPattern.SyntaxError) -> FilterRegex {
        let start = at
        at += 1
        guard let end = text[at...].firstIndex(of: "%") else {
            at = start
            throw error("the regular expression is never closed with '%'")
        }
        let source = String(text[at..<end])
        let allowed = "_#=@/;,-:^$?[]{}|\\*+.&' "
        if let wrong = source.first(where: { !($0.isASCII && ($0.isLetter || $0.isNumber)) && !allowed.contains($0) }) {
            throw error("'\(wrong)' is not allowed in a regular expression")
        }
        guard !source.isEmpty, let compiled = try? FilterRegex(source) else {
            throw error("'\(source)' is no regular expression")
        }
        at = end + 1
        return compiled
    }

    // MARK: - Terms

    mutating func terms() throws(FilterPattern.SyntaxError)
        -> (required: [FilterTerm], excluded: [FilterTerm], any: [FilterTerm])
    {
        var result: (required: [FilterTerm], excluded: [FilterTerm], any: [FilterTerm]) = ([], [], [])
        while true {
            skipSpace()
            guard let first = peek else { return result }
            if first == "-" || first == "?" { at += 1 }
            let term: FilterTerm
            switch peek {
            case "\"": term = FilterTerm(try quoted())
            case "%": term = FilterTerm(try regex())
            case nil: throw error("a term is expected after '\(first)'")
            default:
                var word = ""
                while let next = peek, !next.isWhitespace {
                    guard next.isLetter || next.isNumber || next == "_" else {
                        throw error("a term with '\(next)' must stand in double quotes")
                    }
                    word.append(next)
                    at += 1
                }
                guard !word.isEmpty else { throw error("a term is expected after '\(first)'") }
                term = FilterTerm(word)
            }
            switch first {
            case "-": result.excluded.append(term)
            case "?": result.any.append(term)
            default: result.required.append(term)
            }
        }
    }

    // MARK: - JSON

    mutating func json() throws(FilterPattern.SyntaxError) -> FilterCondition {
        at += 1
        let condition = try either(selector: nil)
        skipSpace()
        guard skip("}") else { throw error("'}' is expected") }
        skipSpace()
        guard peek == nil else { throw error("nothing may follow '}'") }
        return condition
    }

    private static let deepest = 64
    private var depth = 0

    private mutating func either(selector: String?) throws(FilterPattern.SyntaxError) -> FilterCondition {
        var left = try both(selector: selector)
        while true {
            skipSpace()
            guard skip("||") else { return left }
            left = .or(left, try both(selector: selector))
        }
    }

    private mutating func both(selector: String?) throws(FilterPattern.SyntaxError) -> FilterCondition {
        var left = try single(selector: selector)
        while true {
            skipSpace()
            guard skip("&&") else { return left }
            left = .and(left, try single(selector: selector))
        }
    }

    private mutating func single(selector: String?) throws(FilterPattern.SyntaxError) -> FilterCondition {
        skipSpace()
        if skip("(") {
            depth += 1
            guard depth <= Self.deepest else { throw error("parentheses nest too deep") }
            let inner = try either(selector: selector)
            depth -= 1
            skipSpace()
            guard skip(")") else { throw error("')' is expected") }
            return inner
        }
        var path: [FilterStep] = []
        if let selector {
            let name = identifier()
            guard name == selector else { throw error("'\(selector)' is expected, found '\(name)'") }
        } else {
            path = try self.path()
        }
        skipSpace()
        if skip("IS ") {
            skipSpace()
            if skip("NULL") { return .compare(path, .equal, .null) }
            if skip("TRUE") { return .compare(path, .equal, .bool(true)) }
            if skip("FALSE") { return .compare(path, .equal, .bool(false)) }
            throw error("NULL, TRUE or FALSE is expected")
        }
        if skip("NOT ") {
            skipSpace()
            guard skip("EXISTS") else { throw error("EXISTS is expected") }
            return .compare(path, .equal, .missing)
        }
        let comparison: FilterComparison
        if skip("!=") || skip("=!") {
            comparison = .unequal
        } else if skip("<=") {
            comparison = .lessOrEqual
        } else if skip(">=") {
            comparison = .greaterOrEqual
        } else if skip("<") {
            comparison = .less
        } else if skip(">") {
            comparison = .greater
        } else if skip("=") {
            comparison = .equal
        } else {
            throw error("a comparison is expected: =, !=, <, <=, > or >=")
        }
        skipSpace()
        let operand = try self.operand()
        if comparison != .equal, comparison != .unequal {
            guard case .number = operand else { throw error("a number is expected") }
        }
        return .compare(path, comparison, operand)
    }

    private mutating func operand() throws(FilterPattern.SyntaxError) -> FilterOperand {
        if peek == "\"" { return FilterOperand(word: try quoted(), quoted: true) }
        if peek == "%" { return .regex(try regex()) }
        var word = ""
        while let next = peek, !next.isWhitespace, !"{}()[],|&\"=<>!".contains(next) {
            word.append(next)
            at += 1
        }
        guard !word.isEmpty else { throw error("a value is expected") }
        return FilterOperand(word: word, quoted: false)
    }

    private mutating func identifier() -> String {
        var name = ""
        while let next = peek, next.isLetter || next.isNumber || next == "_" || next == "-" {
            name.append(next)
            at += 1
        }
        return name
    }

    /// Reads `$.a.b[0]`.
    mutating func path() throws(FilterPattern.SyntaxError) -> [FilterStep] {
        guard skip("$") else { throw error("a selector is expected: $.name") }
        var steps: [FilterStep] = []
        while true {
            if skip(".") {
                let name = identifier()
                guard !name.isEmpty else { throw error("a name is expected after '.'") }
                steps.append(.name(name))
            } else if skip("[") {
                if peek == "\"" {
                    steps.append(.name(try quoted()))
                } else {
                    guard let index = Int(identifier()), index >= 0 else {
                        throw error("an index is expected after '['")
                    }
                    steps.append(.index(index))
                }
                guard skip("]") else { throw error("']' is expected") }
            } else {
                guard !steps.isEmpty else { throw error("'.' is expected after '$'") }
                return steps
            }
        }
    }

    var isAtEnd: Bool { at == text.count }

    // MARK: - Fields

    mutating func fields() throws(FilterPattern.SyntaxError) -> [FilterField] {
        at += 1
        var fields: [FilterField] = []
        while true {
            skipSpace()
            if skip("...") || skip("…") {
                guard !fields.contains(where: \.isEllipsis) else { throw error("only one '...' is allowed") }
                fields.append(FilterField(name: "", isEllipsis: true))
            } else {
                skipSpace()
                let start = at
                while peek == "(" || peek == " " { at += 1 }
                let name = identifier()
                skipSpace()
                if peek == "," || peek == "]" {
                    fields.append(FilterField(name: name))
                } else {
                    at = start
                    fields.append(FilterField(name: name, condition: try either(selector: name)))
                }
            }
            skipSpace()
            if skip(",") { continue }
            guard skip("]") else { throw error("',' or ']' is expected") }
            skipSpace()
            guard peek == nil else { throw error("nothing may follow ']'") }
            return fields
        }
    }
}
