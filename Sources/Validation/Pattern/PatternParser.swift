/// An expression's structure.
indirect enum PatternNode: Sendable {
    case empty
    case scalar(ScalarClass)
    case sequence([PatternNode])
    case choice([PatternNode])
    case repeated(PatternNode, min: Int, max: Int?)
    case start
    case end
}

/// Reads a regular expression.
struct PatternParser {
    private let expression: String
    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var depth = 0
    private let digit: ScalarClass
    private static let mostRepeats = 1000

    init(_ expression: String, isECMAScript: Bool = false) {
        self.expression = expression
        digit = isECMAScript ? .asciiDigit : .digit
        scalars = Array(expression.unicodeScalars)
    }

    private var current: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private func error(_ message: String) -> RuleError {
        RuleError("the pattern \(expression) is wrong at character \(index + 1): \(message)")
    }

    mutating func parse() throws(RuleError) -> PatternNode {
        let node = try choice()
        guard current == nil else { throw error("a ) without its (") }
        return node
    }

    private mutating func choice() throws(RuleError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth < 100 else { throw error("groups nested deeper than 100 levels") }
        var branches = [try sequence()]
        while current == "|" {
            index += 1
            branches.append(try sequence())
        }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(RuleError) -> PatternNode {
        var nodes: [PatternNode] = []
        while let scalar = current, scalar != "|", scalar != ")" {
            var node = try atom()
            while let (min, max) = try quantifier() { node = .repeated(node, min: min, max: max) }
            nodes.append(node)
        }
        return nodes.isEmpty ? .empty : .sequence(nodes)
    }

    private mutating func quantifier() throws(RuleError) -> (Int, Int?)? {
        let range: (Int, Int?)
        switch current {
        case "*": range = (0, nil)
        case "+": range = (1, nil)
        case "?": range = (0, 1)
        case "{":
            let start = index
            index += 1
            guard let min = number() else {
                index = start
                throw error("expected a number after {; a brace that is meant as itself is written \\{")
            }
            var max: Int? = min
            if current == "," {
                index += 1
                max = number()
            }
            guard current == "}" else { throw error("expected } after the number of repeats") }
            if let max, max < min { throw error("\(max) repeats at most are fewer than \(min) at least") }
            guard Swift.max(min, max ?? 0) <= Self.mostRepeats else {
                throw error("more than \(Self.mostRepeats) repeats")
            }
            range = (min, max)
        default: return nil
        }
        index += 1
        // A lazy quantifier matches the same texts as a whole.
        if current == "?" { index += 1 }
        if current == "+" { throw error("possessive quantifiers are not supported") }
        return range
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = current, scalar >= "0", scalar <= "9" {
            value = Swift.min((value ?? 0) * 10 + Int(scalar.value - 0x30), 100_000)
            index += 1
        }
        return value
    }

    private mutating func atom() throws(RuleError) -> PatternNode {
        guard let scalar = current else { return .empty }
        switch scalar {
        case "(":
            index += 1
            if current == "?" {
                index += 1
                switch current {
                case ":": index += 1
                case "P", "<":
                    if current == "P" { index += 1 }
                    guard current == "<" else { throw error("expected a group's name") }
                    index += 1
                    if current == "=" || current == "!" { throw error("look-behind is not supported") }
                    while let letter = current, letter != ">" {
                        index += letter == ")" ? 0 : 1; if letter == ")" { break }
                    }
                    guard current == ">" else { throw error("expected > after a group's name") }
                    index += 1
                case "=", "!": throw error("look-ahead is not supported")
                default: throw error("an unknown kind of group")
                }
            }
            let node = try choice()
            guard current == ")" else { throw error("a ( without its )") }
            index += 1
            return node
        case "[":
            index += 1
            return .scalar(try characterClass())
        case ".":
            index += 1
            return .scalar(.any)
        case "^":
            index += 1
            return .start
        case "$":
            index += 1
            return .end
        case "*", "+", "?": throw error("nothing to repeat")
        case "\\":
            index += 1
            return try escape()
        default:
            index += 1
            return .scalar(ScalarClass(ranges: [scalar.value...scalar.value]))
        }
    }

    private mutating func escape() throws(RuleError) -> PatternNode {
        switch current {
        case "A":
            index += 1
            return .start
        case "z", "Z":
            index += 1
            return .end
        case "b", "B": throw error("word boundaries are not supported")
        case .some("1"..."9"): throw error("back-references are not supported")
        default: return .scalar(try escapedClass())
        }
    }

    /// After a backslash.
    private mutating func escapedClass() throws(RuleError) -> ScalarClass {
        guard let letter = current else { throw error("a backslash at the end") }
        index += 1
        func one(_ scalar: UInt32) -> ScalarClass { ScalarClass(ranges: [scalar...scalar]) }
        switch letter {
        case "d": return digit
        case "D": return digit.negated()
        case "w": return .word
        case "W": return ScalarClass.word.negated()
        case "s": return .space
        case "S": return ScalarClass.space.negated()
        case "i": return ScalarClass(ranges: [0x3a...0x3a, 0x5f...0x5f], categories: [("L", false)])
        case "c":
            return ScalarClass(
                ranges: [0x2d...0x2e, 0x3a...0x3a, 0x5f...0x5f], categories: [("L", false), ("N", false), ("M", false)])
        case "n": return one(0x0a)
        case "r": return one(0x0d)
        case "t": return one(0x09)
        case "f": return one(0x0c)
        case "v": return one(0x0b)
        case "0": return one(0)
        case "u": return one(try hex(4))
        case "x": return one(try hex(2))
        case "p", "P":
            guard current == "{" else { throw error("expected a category in braces after \\p") }
            index += 1
            var name = ""
            while let scalar = current, scalar != "}" {
                name.unicodeScalars.append(scalar)
                index += 1
            }
            guard current == "}" else { throw error("expected } after a category") }
            index += 1
            guard Self.categories.contains(name) else {
                throw error(
                    name.hasPrefix("Is")
                        ? "the Unicode block \(name) is not supported; expected its range, such as [\\u0370-\\u03FF]"
                        : "\(name) is no general category; expected L, Lu, N, Nd, P, …")
            }
            return ScalarClass(categories: [(name, letter == "P")])
        default:
            if letter.properties.isAlphabetic { throw error("an unknown escape \\\(letter)") }
            return one(letter.value)
        }
    }

    private static let categories: Set<String> = [
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe",
        "Pi",
        "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Cs", "Co", "Cn",
    ]

    private mutating func hex(_ count: Int) throws(RuleError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<count {
            guard let scalar = current, let digit = Character(scalar).hexDigitValue else {
                throw error("expected \(count) hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            index += 1
        }
        return value
    }

    /// After the opening bracket.
    private mutating func characterClass() throws(RuleError) -> ScalarClass {
        var result = ScalarClass()
        if current == "^" {
            result.isNegated = true
            index += 1
        }
        var isFirst = true
        while true {
            guard let scalar = current else { throw error("a [ without its ]") }
            if scalar == "]", !isFirst {
                index += 1
                return result
            }
            isFirst = false
            if scalar == "[", index + 1 < scalars.count, [":", ".", "="].contains(scalars[index + 1]),
                let end = scalars[(index + 2)...].firstIndex(of: "]"), end > index + 2,
                scalars[end - 1] == scalars[index + 1]
            {
                throw error("POSIX classes such as [:alpha:] are not supported; expected a general category, \\p{L}")
            }
            if scalar == "-", index + 1 < scalars.count, scalars[index + 1] == "[" {
                index += 2
                result.subtracted.append(try characterClass())
                continue
            }
            let part = try classMember()
            guard current == "-", index + 1 < scalars.count, scalars[index + 1] != "]", scalars[index + 1] != "[" else {
                result.parts.append(part)
                continue
            }
            index += 1
            let upper = try classMember()
            guard let low = part.single, let high = upper.single else { throw error("a range between classes") }
            guard low <= high else { throw error("a range that runs backwards") }
            result.ranges.append(low...high)
        }
    }

    private mutating func classMember() throws(RuleError) -> ScalarClass {
        guard let scalar = current else { throw error("a [ without its ]") }
        index += 1
        if scalar == "\\" {
            if current == "b" {
                index += 1
                return ScalarClass(ranges: [0x08...0x08])
            }
            return try escapedClass()
        }
        return ScalarClass(ranges: [scalar.value...scalar.value])
    }
}

extension ScalarClass {
    /// Its only character, if it has but one.
    var single: UInt32? {
        guard ranges.count == 1, ranges[0].count == 1, categories.isEmpty, parts.isEmpty, !isNegated else { return nil }
        return ranges[0].lowerBound
    }
}
