import Events

/// Makes a JSON value of an `Encodable`, without Foundation.
struct JSONEncoding: Encoder, SingleValueEncodingContainer {
    /// A value under construction; containers of one value may be open at the same time.
    private final class Node {
        enum Kind {
            case empty
            case value(JSON)
            case array([Node])
            case object([(String, Node)])
        }
        var kind = Kind.empty

        var json: JSON? {
            switch kind {
            case .empty: nil
            case .value(let value): value
            case .array(let nodes): .array(nodes.map { $0.json ?? [:] })
            case .object(let members): .object(JSONObject(members.map { ($0.0, $0.1.json ?? [:]) }))
            }
        }

        func appended() -> Node {
            let node = Node()
            if case .array(var nodes) = kind {
                kind = .empty
                nodes.append(node)
                kind = .array(nodes)
            } else {
                kind = .array([node])
            }
            return node
        }

        func member(_ name: String) -> Node {
            let node = Node()
            if case .object(var members) = kind {
                kind = .empty
                members.append((name, node))
                kind = .object(members)
            } else {
                kind = .object([(name, node)])
            }
            return node
        }
    }

    private let node: Node
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    /// The value as JSON. A number that JSON can't hold is an `EncodingError`.
    static func json(of value: some Encodable) throws -> JSON {
        let node = Node()
        try JSONEncoding(node: node, codingPath: []).encode(value)
        return node.json ?? [:]
    }

    func container<Key>(keyedBy: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .empty = node.kind { node.kind = .object([]) }
        return KeyedEncodingContainer(Keyed(node: node, codingPath: codingPath))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if case .empty = node.kind { node.kind = .array([]) }
        return Unkeyed(node: node, codingPath: codingPath)
    }
    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    func encodeNil() throws { node.kind = .value(.null) }
    func encode(_ value: Bool) throws { node.kind = .value(.bool(value)) }
    func encode(_ value: String) throws { node.kind = .value(.string(value)) }
    func encode(_ value: Double) throws {
        guard value.isFinite else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: codingPath, debugDescription: "JSON has no \(value)"))
        }
        node.kind = .value(JSON(value))
    }
    func encode(_ value: Float) throws { try encode(Double(value)) }
    func encode(_ value: Int) throws { node.kind = .value(JSON(value)) }
    func encode(_ value: Int8) throws { node.kind = .value(JSON(value)) }
    func encode(_ value: Int16) throws { node.kind = .value(JSON(value)) }
    func encode(_ value: Int32) throws { node.kind = .value(JSON(value)) }
    func encode(_ value: Int64) throws { node.kind = .value(JSON(value)) }
    func encode(_ value: UInt) throws { node.kind = .value(JSON(value)) }
    func encode(_ value: UInt8) throws { node.kind = .value(JSON(value)) }
    func encode(_ value: UInt16) throws { node.kind = .value(JSON(value)) }
    func encode(_ value: UInt32) throws { node.kind = .value(JSON(value)) }
    func encode(_ value: UInt64) throws { node.kind = .value(JSON(value)) }
    func encode<Value: Encodable>(_ value: Value) throws {
        // JSON itself keeps its literals this way.
        if let json = value as? JSON { node.kind = .value(json) } else { try value.encode(to: self) }
    }

    private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let node: Node
        let codingPath: [any CodingKey]

        func encodeNil(forKey key: Key) throws { node.member(key.stringValue).kind = .value(.null) }
        func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try encoder(key).encode(value) }
        func nestedContainer<Nested>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
            encoder(key).container(keyedBy: type)
        }
        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { encoder(key).unkeyedContainer() }
        func superEncoder() -> any Encoder {
            JSONEncoding(node: node.member("super"), codingPath: codingPath)
        }
        func superEncoder(forKey key: Key) -> any Encoder { encoder(key) }

        private func encoder(_ key: Key) -> JSONEncoding {
            JSONEncoding(node: node.member(key.stringValue), codingPath: codingPath + [key])
        }
    }

    private struct Unkeyed: UnkeyedEncodingContainer {
        let node: Node
        let codingPath: [any CodingKey]
        var count = 0

        mutating func encodeNil() throws { try encoder().encodeNil() }
        mutating func encode<Value: Encodable>(_ value: Value) throws { try encoder().encode(value) }
        mutating func nestedContainer<Nested>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
            encoder().container(keyedBy: type)
        }
        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { encoder().unkeyedContainer() }
        mutating func superEncoder() -> any Encoder { encoder() }

        private mutating func encoder() -> JSONEncoding {
            defer { count += 1 }
            return JSONEncoding(node: node.appended(), codingPath: codingPath + [IndexKey(count)])
        }
    }
}
