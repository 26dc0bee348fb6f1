/// A JSON value that has not the shape it should have, with the path to the place.
public struct ShapeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// For example `Records[0].s3.bucket.name`.
    public let path: String
    public let message: String

    public init(path: String, message: String) {
        self.path = path
        self.message = message
    }

    /// A member that is missing or of another kind than expected.
    public init(_ path: String, expected: String, found: JSON?) {
        self.init(
            path: path,
            message: found.map { "expected \(expected), found \($0.kind)" } ?? "missing (expected \(expected))")
    }

    public var description: String { "\(path): \(message)" }
}

/// Reads members of an object by name and says where one is missing.
public struct ShapeReader: Sendable {
    public let json: JSON
    public let path: String

    public init(_ json: JSON, path: String = "$") {
        self.json = json
        self.path = path
    }

    private func required<Value>(_ name: String, _ expected: String, _ read: (JSON) -> Value?) throws(ShapeError)
        -> Value
    {
        guard let value = json[name].flatMap(read) else {
            throw ShapeError("\(path).\(name)", expected: expected, found: json[name])
        }
        return value
    }

    /// A member that must be an object.
    public func member(_ name: String) throws(ShapeError) -> ShapeReader {
        ShapeReader(.object(try required(name, "object", \.object)), path: "\(path).\(name)")
    }

    /// A member that must be a string.
    public func string(_ name: String) throws(ShapeError) -> String { try required(name, "string", \.string) }
    /// A member that must be an integer.
    public func int(_ name: String) throws(ShapeError) -> Int { try required(name, "integer", \.int) }
    /// A member that must be an array.
    public func array(_ name: String) throws(ShapeError) -> [JSON] { try required(name, "array", \.array) }
}
