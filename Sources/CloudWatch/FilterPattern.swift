/// A filter pattern of CloudWatch Logs: terms, a JSON condition, space-delimited fields, or a regular expression.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>
public struct FilterPattern: Sendable, Hashable, CustomStringConvertible {
    /// Why a text is no filter pattern.
    public struct SyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
        /// The pattern.
        public let pattern: String
        /// Characters before the place.
        public let offset: Int
        /// What was wrong.
        public let message: String

        /// One line with the place.
        public var description: String { "filter pattern '\(pattern)', character \(offset + 1): \(message)" }
    }

    private enum Content: Sendable, Hashable {
        case everything
        case terms(required: [FilterTerm], excluded: [FilterTerm], any: [FilterTerm])
        case json(FilterCondition)
        case fields([FilterField])
    }

    /// As it was written.
    public let description: String
    private let content: Content

    /// Reads a pattern; an empty one matches every event. Throws ``SyntaxError``.
    public init(_ text: String) throws(SyntaxError) {
        description = text
        var parser = FilterPatternParser(text)
        parser.skipSpace()
        switch parser.peek {
        case nil: content = .everything
        case "{":
            content = .json(try parser.json())
        case "[":
            content = .fields(try parser.fields())
        default:
            let (required, excluded, any) = try parser.terms()
            // Terms with '?' stand only among themselves; beside other terms CloudWatch passes over them.
            content = .terms(
                required: required, excluded: excluded, any: required.isEmpty && excluded.isEmpty ? any : [])
        }
    }

    /// Whether a message matches.
    public func matches(_ message: String) -> Bool { match(message) != nil }

    /// What a match took out of the message.
    struct Match {
        var json: FilterSelectorSource?
        /// `$name` and `$number` of space-delimited patterns.
        var fields: [String: String] = [:]
    }

    func match(_ message: String) -> Match? {
        switch content {
        case .everything: return Match()
        case .terms(let required, let excluded, let any):
            let matches =
                required.allSatisfy { $0.isIn(message) } && !excluded.contains { $0.isIn(message) }
                && (any.isEmpty || any.contains { $0.isIn(message) })
            return matches ? Match() : nil
        case .json(let condition):
            guard let source = FilterSelectorSource(message), condition.holds({ source.value($0) }) else { return nil }
            return Match(json: source)
        case .fields(let fields):
            return FilterField.match(fields, message).map { Match(fields: $0) }
        }
    }

    /// The name of each field of a space-delimited pattern and what the message holds there; empty for other patterns.
    public func extractedValues(_ message: String) -> [String: String] { match(message)?.fields ?? [:] }
}
