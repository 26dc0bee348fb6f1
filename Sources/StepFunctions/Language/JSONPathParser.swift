import Events

/// Reads a JSONPath from left to right.
struct JSONPathParser {
    private let text: [Character]
    private var at = 0
    private var depth = 0

    init(_ text: String) { self.text = Array(text) }

    private func fault(_ message: String) -> JSONPathError {
        JSONPathError(message: "'\(String(text))' is no JSONPath: \(message)")
    }

    private var next: Character? { at < text.count ? text[at] : nil }

    private mutating func skip(_ word: String) -> Bool {
        guard text[at...].starts(with: Array(word)) else { return false }
        at += word.count
        return true
    }

    private mutating func skipSpace() { while next?.isWhitespace == true { at += 1 } }

    /// The whole text as a path.
    mutating func path() throws(JSONPathError) -> (isContext: Bool, steps: [JSONPath.Step]) {
        guard skip("$") else { throw fault("it must begin with '$'") }
        let isContext = skip("$")
        let steps = try steps()
        guard at == text.count else { throw fault("'\(String(text[at...]))' can't follow here") }
        return (isContext, steps)
    }

    private mutating func steps() throws(JSONPathError) -> [JSONPath.Step] {
        var steps: [JSONPath.Step] = []
        while true {
            if skip("..") {
                steps.append(.descend)
                if next == "[" { continue }
                steps.append(skip("*") ? .all : .members([try name()]))
            } else if skip(".") {
                steps.append(skip("*") ? .all : .members([try name()]))
            } else if skip("[") {
                steps.append(try bracket())
            } else {
                return steps
            }
        }
    }

    private mutating func name() throws(JSONPathError) -> String {
        let start = at
        while let character = next, character.isLetter || character.isNumber || "_-".contains(character) { at += 1 }
        guard at > start else { throw fault("a name is missing at character \(at + 1)") }
        return String(text[start..<at])
    }

    private mutating func bracket() throws(JSONPathError) -> JSONPath.Step {
        skipSpace()
        let step: JSONPath.Step
        if skip("*") {
            step = .all
        } else if skip("?") {
            skipSpace()
            guard skip("(") else { throw fault("'(' is missing behind '?'") }
            let filter = try or()
            skipSpace()
            guard skip(")") else { throw fault("the filter has no end") }
            step = .filter(filter)
        } else if next == "'" || next == "\"" {
            var names = [try quoted()]
            skipSpace()
            while skip(",") {
                skipSpace()
                names.append(try quoted())
                skipSpace()
            }
            step = .members(names)
        } else {
            step = try numbers()
        }
        skipSpace()
        guard skip("]") else { throw fault("']' is missing at character \(at + 1)") }
        return step
    }

    private mutating func numbers() throws(JSONPathError) -> JSONPath.Step {
        var parts: [Int?] = [integer()]
        skipSpace()
        if next == ":" {
            while skip(":") {
                skipSpace()
                parts.append(integer())
                skipSpace()
            }
            let by = parts.count == 3 ? parts[2] ?? 1 : 1
            guard parts.count <= 3, by > 0 else { throw fault("a slice is '[from:to]' or '[from:to:step]'") }
            return .slice(from: parts[0], to: parts[1], by: by)
        }
        var indices: [Int] = []
        while true {
            guard let index = parts.last ?? nil else { throw fault("an index is missing at character \(at + 1)") }
            indices.append(index)
            skipSpace()
            guard skip(",") else { return .indices(indices) }
            skipSpace()
            parts.append(integer())
        }
    }

    private mutating func integer() -> Int? {
        let start = at
        if next == "-" { at += 1 }
        while let character = next, character.isASCII, character.isNumber { at += 1 }
        return Int(String(text[start..<at]))
    }

    private mutating func quoted() throws(JSONPathError) -> String {
        guard let mark = next, mark == "'" || mark == "\"" else { throw fault("a quoted name is missing") }
        at += 1
        var out = ""
        while let character = next, character != mark {
            if character == "\\", at + 1 < text.count { at += 1 }
            out.append(text[at])
            at += 1
        }
        guard next == mark else { throw fault("a quote has no end") }
        at += 1
        return out
    }

    // MARK: - Filters

    private mutating func or() throws(JSONPathError) -> JSONPath.Filter {
        var left = try and()
        skipSpace()
        while skip("||") {
            left = .or(left, try and())
            skipSpace()
        }
        return left
    }

    private mutating func and() throws(JSONPathError) -> JSONPath.Filter {
        var left = try term()
        skipSpace()
        while skip("&&") {
            left = .and(left, try term())
            skipSpace()
        }
        return left
    }

    private mutating func term() throws(JSONPathError) -> JSONPath.Filter {
        depth += 1
        defer { depth -= 1 }
        guard depth <= 64 else { throw fault("the filter nests too deep") }
        skipSpace()
        if skip("!") { return .not(try term()) }
        if skip("(") {
            let inner = try or()
            skipSpace()
            guard skip(")") else { throw fault("')' is missing in the filter") }
            return inner
        }
        let left = try operand()
        skipSpace()
        for sign in ["==", "!=", "<=", ">=", "<", ">", "in ", "nin "] where skip(sign) {
            skipSpace()
            return .compare(left, sign.hasSuffix(" ") ? String(sign.dropLast()) : sign, try operand())
        }
        return .exists(left)
    }

    private mutating func operand() throws(JSONPathError) -> JSONPath.Operand {
        if skip("@") { return .element(try steps()) }
        if skip("$") { return .root(try steps()) }
        if next == "'" || next == "\"" { return .literal(.string(try quoted())) }
        if skip("[") {
            var values: [JSON] = []
            skipSpace()
            while !skip("]") {
                guard case .literal(let value) = try operand() else { throw fault("a list holds only literals") }
                values.append(value)
                skipSpace()
                _ = skip(",")
                skipSpace()
                guard next != nil else { throw fault("a list has no end") }
            }
            return .literal(.array(values))
        }
        let start = at
        while let character = next, character.isLetter || character.isNumber || "+-.".contains(character) { at += 1 }
        guard at > start, let value = try? JSON(parsing: String(text[start..<at])) else {
            throw fault("the filter has no value at character \(start + 1)")
        }
        return .literal(value)
    }
}
