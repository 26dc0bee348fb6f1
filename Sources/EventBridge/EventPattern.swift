public import Events

/// What a rule asks of an event: fields by name, each with the values that will do.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html>
public struct EventPattern: Sendable, Hashable {
    /// The pattern as it was given.
    public let json: JSON
    let root: Node

    /// Alternatives of one object: its own fields, and for each `$or` a list of which one must match.
    struct Node: Sendable, Hashable {
        var fields: [Field] = []
        var alternatives: [[Node]] = []
    }

    /// One member of a pattern's object.
    struct Field: Sendable, Hashable {
        var name: String
        var test: Test
    }

    /// What is asked of a member: more members, or one of some values.
    indirect enum Test: Sendable, Hashable {
        case object(Node)
        case values([ValueMatcher])
    }

    /// Reads a pattern. Throws ``EventPatternError``, whose text is EventBridge's own, with the place.
    public init(_ json: JSON) throws(EventPatternError) {
        var compiler = EventPatternCompiler()
        root = try compiler.compile(json)
        self.json = json
    }

    /// Reads a pattern from its text. Throws ``EventPatternError``.
    public init(parsing text: String) throws(EventPatternError) {
        let json: JSON
        do throws(JSONSyntaxError) {
            json = try JSON(parsing: text)
        } catch {
            throw EventPatternError(reason: "Filter is not valid JSON (\(error))", path: "")
        }
        try self.init(json)
    }

    /// Whether the event matches.
    public func matches(_ event: EventBridgeEvent) -> Bool { matches(event.json) }

    /// Whether an event matches, given as its JSON.
    public func matches(_ event: JSON) -> Bool { Self.matches(root, event, among: [event]) }

    /// `everywhere` holds all the values at this place of the event, over all elements of the arrays on the way: a
    /// field is
    /// absent only where none of them has it, while the other tests must hold within one and the same element.
    private static func matches(_ node: Node, _ value: JSON, among everywhere: [JSON]) -> Bool {
        node.fields.allSatisfy { field in
            switch field.test {
            case .values(let matchers):
                let leaves = value[field.name].map(leaves(of:)) ?? []
                return matchers.contains { matcher in
                    if matcher == .exists(false) {
                        return everywhere.allSatisfy { $0[field.name].map(Self.leaves(of:))?.isEmpty ?? true }
                    }
                    return leaves.contains(where: matcher.matches)
                }
            case .object(let inner):
                let elements = everywhere.flatMap { $0[field.name].map(objects(in:)) ?? [] }
                let own = value[field.name].map(objects(in:)) ?? []
                // Where there is nothing, only tests for absence can hold.
                return (own.isEmpty ? [.object([:])] : own).contains { matches(inner, $0, among: elements) }
            }
        }
            && node.alternatives.allSatisfy { branches in
                branches.contains { matches($0, value, among: everywhere) }
            }
    }

    /// The scalar values in a member: itself, or the elements of an array. Objects are no leaves.
    private static func leaves(of value: JSON) -> [JSON] {
        switch value {
        case .array(let elements): elements.flatMap(leaves(of:))
        case .object: []
        case .null, .bool, .number, .string: [value]
        }
    }

    private static func objects(in value: JSON) -> [JSON] {
        switch value {
        case .object: [value]
        case .array(let elements): elements.flatMap(objects(in:))
        case .null, .bool, .number, .string: []
        }
    }
}

/// Why a pattern is none, in EventBridge's words.
public struct EventPatternError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, without EventBridge's introduction.
    public let reason: String
    /// The JSON pointer (RFC 6901) of the place within the pattern; empty for the whole.
    public let path: String

    /// A fault at a place.
    public init(reason: String, path: String) {
        self.reason = reason
        self.path = path
    }

    /// The message that `PutRule` answers with, code `InvalidEventPatternException`.
    public var description: String {
        "Event pattern is not valid. Reason: \(reason)" + (path.isEmpty ? "" : " at \(path)")
    }
}
