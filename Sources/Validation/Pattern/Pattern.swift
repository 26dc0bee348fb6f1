/// A regular expression that a whole value must match, in time linear in the value's length.
///
/// The syntax is what XML Schema and the common engines share: alternation, groups (`(…)`, `(?:…)`), the quantifiers
/// `* + ? {n} {n,} {n,m}` (lazy ones mean the same), classes with ranges, negation and subtraction, `\d \w \s` and their
/// opposites, `\p{L}` and the like for general categories, `\uXXXX`, `.`, and `^` and `$` at the ends. `\d` is every decimal
/// digit of Unicode, as in XML Schema. Look-around and back-references are refused: they can't be matched in linear time; so are
/// Unicode blocks (`\p{IsGreek}`) and POSIX classes (`[:alpha:]`).
public struct Pattern: Sendable {
    /// The expression as it was written.
    public let expression: String
    private let program: PatternProgram
    /// A quick way to see that a text matches, where there is one.
    let shape: PatternShape?

    /// Compiles an expression; throws ``RuleError`` that says where it is wrong.
    public init(_ expression: String) throws(RuleError) { try self.init(expression, isECMAScript: false) }

    /// In ECMAScript, whose expressions JSON Schema has, `\d` is an ASCII digit.
    init(_ expression: String, isECMAScript: Bool) throws(RuleError) {
        self.expression = expression
        var parser = PatternParser(expression, isECMAScript: isECMAScript)
        let node = try parser.parse()
        program = try PatternProgram(node, expression)
        shape = PatternShape(node)
    }

    private init(_ pattern: Pattern, _ program: PatternProgram) {
        expression = pattern.expression
        shape = pattern.shape
        self.program = program
    }

    /// The same pattern for another thread: two that share one wait for each other.
    func copy() -> Pattern { Pattern(self, program.copy()) }

    /// Gives a function that tells whether all of a UTF-8 text matches: the quicker way to ask it of many.
    func withMatcher(_ body: ((UnsafeBufferPointer<UInt8>) -> Bool) -> Void) { program.withMatcher(body) }

    /// Whether all of a UTF-8 text matches.
    public func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool { program.matches(text) }

    /// Whether all of a text matches.
    public func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { program.matches($0) }
    }
}

/// A set of characters.
struct ScalarClass: Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    var categories: [(name: String, isNegated: Bool)] = []
    var isNegated = false
    /// Classes within the class, as `[^\D5]` has them.
    var parts: [ScalarClass] = []
    /// Taken out again: `[a-z-[aeiou]]`.
    var subtracted: [ScalarClass] = []

    static let digit = ScalarClass(ranges: [0x30...0x39], categories: [("Nd", false)])
    static let asciiDigit = ScalarClass(ranges: [0x30...0x39])
    static let word = ScalarClass(
        ranges: [0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a], categories: [("L", false), ("N", false)])
    static let space = ScalarClass(
        ranges: [0x09...0x0d, 0x20...0x20, 0x85...0x85, 0xa0...0xa0], categories: [("Z", false)])
    static let any = ScalarClass(ranges: [0x0a...0x0a, 0x0d...0x0d], isNegated: true)
    static let none = ScalarClass()

    func negated() -> ScalarClass {
        var copy = self
        copy.isNegated.toggle()
        return copy
    }

    func contains(_ scalar: UInt32) -> Bool {
        var holds = ranges.contains { $0.contains(scalar) } || parts.contains { $0.contains(scalar) }
        if !holds, !categories.isEmpty, let character = Unicode.Scalar(scalar) {
            let name = character.properties.generalCategory.abbreviation
            holds = categories.contains { name.hasPrefix($0.name) != $0.isNegated }
        }
        return holds != isNegated && !subtracted.contains { $0.contains(scalar) }
    }
}

extension Unicode.GeneralCategory {
    /// The two letters that `\p{…}` uses.
    var abbreviation: String {
        switch self {
        case .uppercaseLetter: "Lu"
        case .lowercaseLetter: "Ll"
        case .titlecaseLetter: "Lt"
        case .modifierLetter: "Lm"
        case .otherLetter: "Lo"
        case .nonspacingMark: "Mn"
        case .spacingMark: "Mc"
        case .enclosingMark: "Me"
        case .decimalNumber: "Nd"
        case .letterNumber: "Nl"
        case .otherNumber: "No"
        case .connectorPunctuation: "Pc"
        case .dashPunctuation: "Pd"
        case .openPunctuation: "Ps"
        case .closePunctuation: "Pe"
        case .initialPunctuation: "Pi"
        case .finalPunctuation: "Pf"
        case .otherPunctuation: "Po"
        case .mathSymbol: "Sm"
        case .currencySymbol: "Sc"
        case .modifierSymbol: "Sk"
        case .otherSymbol: "So"
        case .spaceSeparator: "Zs"
        case .lineSeparator: "Zl"
        case .paragraphSeparator: "Zp"
        case .control: "Cc"
        case .format: "Cf"
        case .surrogate: "Cs"
        case .privateUse: "Co"
        case .unassigned: "Cn"
        @unknown default: "Cn"
        }
    }
}
