import Events

/// An expression with intrinsic functions: `States.Format('{}/{}', $.bucket, States.UUID())`.
///
/// <https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html>
indirect enum Intrinsic: Sendable, Hashable {
    case literal(JSON)
    case path(JSONPath)
    case call(IntrinsicFunction, [Intrinsic])

    /// As many calls may stand within one another.
    static let nestingLimit = 10

    init(_ text: String) throws(JSONPathError) {
        var parser = IntrinsicParser(text)
        self = try parser.whole()
    }

    /// The paths in it.
    var paths: [JSONPath] {
        switch self {
        case .literal: []
        case .path(let path): [path]
        case .call(_, let arguments): arguments.flatMap(\.paths)
        }
    }
}

/// Reads an intrinsic expression.
private struct IntrinsicParser {
    private let text: [Character]
    private var at = 0

    init(_ text: String) { self.text = Array(text) }

    private func fault(_ message: String) -> JSONPathError {
        JSONPathError(message: "'\(String(text))' is no intrinsic function: \(message)")
    }

    private mutating func skipSpace() { while at < text.count, text[at].isWhitespace { at += 1 } }

    mutating func whole() throws(JSONPathError) -> Intrinsic {
        let value = try argument(depth: 0)
        skipSpace()
        guard at == text.count else { throw fault("'\(String(text[at...]))' can't follow here") }
        guard case .call = value else { throw fault("it must call a function") }
        return value
    }

    private mutating func argument(depth: Int) throws(JSONPathError) -> Intrinsic {
        skipSpace()
        guard at < text.count else { throw fault("an argument is missing at its end") }
        switch text[at] {
        case "'": return .literal(.string(try string()))
        case "$":
            let start = at
            try skipPath()
            return .path(try JSONPath(String(text[start..<at])))
        default: break
        }
        let start = at
        while at < text.count, !text[at].isWhitespace, !"(),".contains(text[at]) { at += 1 }
        let word = String(text[start..<at])
        skipSpace()
        guard at < text.count, text[at] == "(" else {
            guard let value = try? JSON(parsing: word), value.string == nil else {
                throw fault("'\(word)' is no argument")
            }
            return .literal(value)
        }
        guard let function = IntrinsicFunction(rawValue: word) else { throw fault("there is no function '\(word)'") }
        guard depth < Intrinsic.nestingLimit else {
            throw fault("more than \(Intrinsic.nestingLimit) functions are nested")
        }
        at += 1
        var arguments: [Intrinsic] = []
        skipSpace()
        if at < text.count, text[at] == ")" {
            at += 1
        } else {
            while true {
                arguments.append(try argument(depth: depth + 1))
                skipSpace()
                guard at < text.count, text[at] == "," || text[at] == ")" else { throw fault("')' is missing") }
                at += 1
                if text[at - 1] == ")" { break }
            }
        }
        guard function.argumentCount.contains(arguments.count) else {
            throw fault("\(word) does not take \(arguments.count) arguments")
        }
        return .call(function, arguments)
    }

    private mutating func string() throws(JSONPathError) -> String {
        at += 1
        var out = ""
        while at < text.count, text[at] != "'" {
            if text[at] == "\\" {
                guard at + 1 < text.count, "'{}\\".contains(text[at + 1]) else {
                    throw fault("'\\' may stand only before ', {, } and \\")
                }
                // The braces keep their escape for States.Format, which has to tell them from its own.
                if "{}".contains(text[at + 1]) { out.append("\\") }
                at += 1
            }
            out.append(text[at])
            at += 1
        }
        guard at < text.count else { throw fault("a quote has no end") }
        at += 1
        return out
    }

    /// A path ends at a comma or parenthesis outside of its own brackets and quotes.
    private mutating func skipPath() throws(JSONPathError) {
        var brackets = 0
        var quote: Character?
        while at < text.count {
            let character = text[at]
            if let open = quote {
                if character == "\\" { at += 1 } else if character == open { quote = nil }
            } else if brackets > 0, character == "'" || character == "\"" {
                quote = character
            } else if character == "[" {
                brackets += 1
            } else if character == "]" {
                brackets -= 1
            } else if brackets == 0, ",) ".contains(character) {
                return
            }
            at += 1
        }
        at = min(at, text.count)
    }
}
