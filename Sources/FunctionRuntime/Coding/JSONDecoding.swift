import Events

/// Reads a `Decodable` off a JSON value, without Foundation, which would double a function's start.
struct JSONDecoding: Decoder, SingleValueDecodingContainer {
    private let json: JSON
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(_ json: JSON, at path: [any CodingKey] = []) {
        self.json = json
        codingPath = path
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { self }
    func container<Key>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(Keyed(object: try require(json.object, "object"), codingPath: codingPath))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        Unkeyed(array: try require(json.array, "array"), codingPath: codingPath)
    }

    private func require<Value>(_ value: Value?, _ expected: String) throws -> Value {
        if let value { return value }
        throw ShapeError(codingPath.description(of: nil), expected: expected, found: json)
    }

    private func integer<Value: FixedWidthInteger>(_: Value.Type) throws -> Value {
        guard case .number(let number) = json else { return try require(nil, "integer") }
        return try require(Value(number.literal) ?? number.int.flatMap { Value(exactly: $0) }, "\(Value.self)")
    }

    func decodeNil() -> Bool { json.isNull }
    func decode(_: Bool.Type) throws -> Bool { try require(json.bool, "boolean") }
    func decode(_: String.Type) throws -> String { try require(json.string, "string") }
    func decode(_: Double.Type) throws -> Double { try require(json.double, "number") }
    func decode(_: Float.Type) throws -> Float { Float(try require(json.double, "number")) }
    func decode(_ type: Int.Type) throws -> Int { try integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        // JSON itself keeps its literals this way.
        if let same = json as? Value, type == JSON.self { return same }
        return try Value(from: self)
    }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let object: JSONObject
        let codingPath: [any CodingKey]
        var allKeys: [Key] { object.keys.compactMap(Key.init(stringValue:)) }

        func contains(_ key: Key) -> Bool { object[key.stringValue] != nil }
        func decodeNil(forKey key: Key) throws -> Bool { object[key.stringValue]?.isNull ?? true }
        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            try decoder(key).decode(type)
        }
        func nestedContainer<Nested>(keyedBy type: Nested.Type, forKey key: Key) throws
            -> KeyedDecodingContainer<Nested>
        { try decoder(key).container(keyedBy: type) }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try decoder(key).unkeyedContainer()
        }
        func superDecoder() throws -> any Decoder { JSONDecoding(.object(object), at: codingPath) }
        func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }

        private func decoder(_ key: Key) throws -> JSONDecoding {
            guard let value = object[key.stringValue] else {
                throw ShapeError(path: codingPath.description(of: key), message: "missing")
            }
            return JSONDecoding(value, at: codingPath + [key])
        }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let array: [JSON]
        let codingPath: [any CodingKey]
        var currentIndex = 0
        var count: Int? { array.count }
        var isAtEnd: Bool { currentIndex >= array.count }

        mutating func decodeNil() throws -> Bool {
            guard !isAtEnd, array[currentIndex].isNull else { return false }
            currentIndex += 1
            return true
        }
        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            let value = try decoder().decode(type)
            currentIndex += 1
            return value
        }
        mutating func nestedContainer<Nested>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
            let nested = try decoder().container(keyedBy: type)
            currentIndex += 1
            return nested
        }
        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            let nested = try decoder().unkeyedContainer()
            currentIndex += 1
            return nested
        }
        mutating func superDecoder() throws -> any Decoder {
            let decoder = try decoder()
            currentIndex += 1
            return decoder
        }

        private func decoder() throws -> JSONDecoding {
            let key = IndexKey(currentIndex)
            guard !isAtEnd else { throw ShapeError(path: codingPath.description(of: key), message: "missing") }
            return JSONDecoding(array[currentIndex], at: codingPath + [key])
        }
    }
}

/// An element's place in an array.
struct IndexKey: CodingKey {
    let index: Int
    var stringValue: String { String(index) }
    var intValue: Int? { index }
    init(_ index: Int) { self.index = index }
    init?(stringValue: String) { nil }
    init?(intValue: Int) { index = intValue }
}

extension [any CodingKey] {
    /// `$.files[3].name`
    fileprivate func description(of key: (any CodingKey)?) -> String {
        (key.map { self + [$0] } ?? self).reduce(into: "$") { text, key in
            text += key is IndexKey ? "[\(key.stringValue)]" : ".\(key.stringValue)"
        }
    }
}
