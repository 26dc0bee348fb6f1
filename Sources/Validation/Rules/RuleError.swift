/// A rule set or schema that contradicts itself: a key over a column that is not declared, a bound that is no value of
/// its column's type, a pattern that is no regular expression.
public struct RuleError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, and what was expected.
    public let message: String
    /// The line of a schema file, from 1; nil for rules in Swift.
    public let line: Int?

    init(_ message: String, line: Int? = nil) {
        self.message = message
        self.line = line
    }

    /// The line, if there is one, and the message.
    public var description: String { line.map { "line \($0): \(message)" } ?? message }
}
