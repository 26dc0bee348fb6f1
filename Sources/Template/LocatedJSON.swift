public import Events

/// A free-form value of a template, such as an event pattern or a state machine's definition, with the place of each
/// part.
public struct LocatedJSON: Sendable, Hashable {
    /// The value.
    public var json: JSON
    /// The place of the value as a whole.
    public var location: SourceLocation
    /// The place of each member and element, by JSON pointer: an object's member is where its name stands.
    private var places: [String: SourceLocation]

    init(_ node: Node) {
        self.init(json: node.json, location: node.location)
        collect(node, pointer: "")
    }

    init(json: JSON, location: SourceLocation, places: [String: SourceLocation] = [:]) {
        self.json = json
        self.location = location
        self.places = places
    }

    /// Only the places of a node's parts, with no value.
    init(places node: Node, location: SourceLocation) {
        self.init(json: .null, location: location)
        collect(node, pointer: "")
    }

    private mutating func collect(_ node: Node, pointer: String) {
        switch node.value {
        case .scalar, .absent, .failed: break
        case .sequence(let nodes):
            for (index, element) in nodes.enumerated() {
                places["\(pointer)/\(index)"] = element.location
                collect(element, pointer: "\(pointer)/\(index)")
            }
        case .mapping(let members):
            for member in members {
                let place = "\(pointer)/\(Self.escape(member.key))"
                places[place] = member.keyLocation
                collect(member.value, pointer: place)
            }
        }
    }

    private static func escape(_ key: String) -> String {
        key.contains { $0 == "~" || $0 == "/" }
            ? key.replacing("~", with: "~0").replacing("/", with: "~1") : key
    }

    /// The place of the part that a JSON pointer (RFC 6901, for example `/States/Check/Next`) names; where there is no
    /// such
    /// part, that of the nearest one around it.
    public func location(of pointer: String) -> SourceLocation {
        var pointer = Substring(pointer)
        while !pointer.isEmpty {
            if let place = places[String(pointer)] { return place }
            pointer = pointer[..<(pointer.lastIndex(of: "/") ?? pointer.startIndex)]
        }
        return location
    }

    /// The same by the steps from the root: names and, for lists, numbers.
    public func location(of path: [String]) -> SourceLocation {
        location(of: path.map { "/" + Self.escape($0) }.joined())
    }
}
