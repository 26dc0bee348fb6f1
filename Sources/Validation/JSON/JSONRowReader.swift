/// Reads one JSON object into fields by column.
struct JSONRowReader {
    private let names: [[UInt8]]
    private let places: [[UInt8]: Int]
    /// The characters of the row's values, one after another.
    private(set) var characters: [UInt8] = []
    private(set) var ranges: [Range<Int>]
    private(set) var kinds: [JSONField]
    /// By column, where its value starts, relative to the row.
    private(set) var positions: [Int]
    /// Members without a column that have come for the first time.
    private(set) var unknown: [[UInt8]] = []
    private(set) var hasDuplicate = false
    /// Where the row stops being UTF-8, relative to it.
    private(set) var invalidUTF8: Int?
    private var key: [UInt8] = []
    /// Columns of one name: an object has but one member for all of them.
    private var namesakes: [(column: Int, first: Int)] = []
    /// The row that each member without a column last came in, so that one that comes twice is found without a set for every
    /// row; so many are remembered.
    private var lastRows: [[UInt8]: Int] = [:]
    private static let mostRemembered = 1024
    /// Those of this row beyond them.
    private var others: Set<[UInt8]> = []
    private var row = 0

    init(_ header: [String]) {
        var names = header.map { Array($0.utf8) }
        var places: [[UInt8]: Int] = [:]
        for (place, name) in names.enumerated() {
            if let first = places[name] {
                namesakes.append((place, first))
                // No member has this name.
                names[place] = [0xff]
            } else {
                places[name] = place
            }
        }
        self.names = names
        self.places = places
        ranges = names.map { _ in 0..<0 }
        kinds = names.map { _ in .absent }
        positions = names.map { _ in 0 }
    }

    func text(_ column: Int) -> [UInt8] { Array(characters[ranges[column]]) }

    /// Reads the object that `text` starts with and gives its length. With `expectsEnd` nothing but space may follow.
    mutating func read(_ text: UnsafeBufferPointer<UInt8>, expectsEnd: Bool) throws(JSONSyntaxError) -> Int {
        characters.removeAll(keepingCapacity: true)
        unknown.removeAll(keepingCapacity: true)
        if !others.isEmpty { others = [] }
        row += 1
        hasDuplicate = false
        invalidUTF8 = nil
        for column in kinds.indices {
            kinds[column] = .absent
            ranges[column] = 0..<0
            positions[column] = 0
        }
        var parser = JSONParser(text)
        let length: Int
        do throws(JSONSyntaxError) {
            try parser.object { (parser: inout JSONParser, expected: Int) throws(JSONSyntaxError) in
                try member(&parser, expected)
            }
            length = parser.index
            if expectsEnd {
                parser.skipSpace()
                guard parser.index == text.count else {
                    throw JSONSyntaxError(message: "more text after the object", line: 1, byte: parser.index)
                }
            }
        } catch {
            // It is no row, or one that will be read again.
            for name in unknown { lastRows[name] = nil }
            throw error
        }
        for (column, first) in namesakes {
            (kinds[column], ranges[column], positions[column]) = (kinds[first], ranges[first], positions[first])
        }
        checkUTF8(UnsafeBufferPointer(rebasing: text[..<length]))
        return length
    }

    /// One member; `expected` is its number, which is its column where objects keep to one order.
    private mutating func member(_ parser: inout JSONParser, _ expected: Int) throws(JSONSyntaxError) {
        key.removeAll(keepingCapacity: true)
        try parser.string(into: &key)
        try parser.colon()
        let column = expected < names.count && names[expected] == key ? expected : places[key]
        guard let column else {
            noteUnknown()
            try parser.skipValue(depth: 1)
            return
        }
        if kinds[column] != .absent { hasDuplicate = true }
        positions[column] = parser.index
        let start = characters.count
        kinds[column] = try parser.field(into: &characters)
        ranges[column] = start..<characters.count
    }

    private mutating func noteUnknown() {
        if let last = lastRows[key] {
            lastRows[key] = row
            if last == row { hasDuplicate = true }
        } else if lastRows.count < Self.mostRemembered {
            lastRows[key] = row
            unknown.append(key)
        } else if !others.insert(key).inserted {
            hasDuplicate = true
        }
    }

    private mutating func checkUTF8(_ bytes: UnsafeBufferPointer<UInt8>) {
        var utf8 = UTF8Validator()
        for (offset, byte) in bytes.enumerated() where byte >= 0x80 || utf8.isPending {
            if let before = utf8.rejects(byte) {
                invalidUTF8 = offset - before
                return
            }
        }
    }
}

extension JSONParser {
    /// Reads an object, each member by `member`, which is given its number and stands on the name's opening quote.
    mutating func object(
        _ member: (inout JSONParser, Int) throws(JSONSyntaxError) -> Void
    ) throws(JSONSyntaxError) {
        skipSpace()
        guard take(UInt8(ascii: "{")) else { throw failure("expected an object") }
        skipSpace()
        if take(UInt8(ascii: "}")) { return }
        var number = 0
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("expected a member name in quotes") }
            try member(&self, number)
            number += 1
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw failure("expected a comma or } after a member") }
            return
        }
    }

    mutating func colon() throws(JSONSyntaxError) {
        skipSpace()
        guard take(UInt8(ascii: ":")) else { throw failure("expected a colon after a member name") }
        skipSpace()
    }

    /// Reads a value and appends its characters: a string's, unescaped; anything else's as they stand.
    mutating func field(into characters: inout [UInt8]) throws(JSONSyntaxError) -> JSONField {
        switch next {
        case UInt8(ascii: "\""):
            try string(into: &characters)
            return .string
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            let start = index
            try skipValue(depth: 1)
            characters.append(contentsOf: text(start..<index))
            return .structure
        case UInt8(ascii: "n"):
            _ = try value(depth: 0)
            return .null
        case UInt8(ascii: "t"), UInt8(ascii: "f"):
            let start = index
            _ = try value(depth: 0)
            characters.append(contentsOf: text(start..<index))
            return .boolean
        default:
            characters.append(contentsOf: text(try number()))
            return .number
        }
    }

    /// Reads a value for its syntax alone.
    ///
    /// Nothing is kept of it but the brackets that are open, so that a row costs no more than its bytes.
    mutating func skipValue(depth: Int) throws(JSONSyntaxError) {
        var open: [UInt8] = []
        while true {
            skipSpace()
            switch next {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard open.count + depth < Self.deepest else {
                    throw failure("nested deeper than \(Self.deepest) levels")
                }
                let bracket = next
                open.append(bracket == UInt8(ascii: "{") ? UInt8(ascii: "}") : UInt8(ascii: "]"))
                index += 1
                skipSpace()
                if let close = open.last, take(close) {
                    open.removeLast()
                    break
                }
                if bracket == UInt8(ascii: "{") { try name() }
                continue
            case UInt8(ascii: "\""): try skipString()
            case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): _ = try value(depth: 0)
            case .some(0x30...0x39), UInt8(ascii: "-"): _ = try number()
            case nil: throw failure("the JSON text ends where a value was expected")
            default: throw failure("expected a JSON value")
            }
            // After a value: close what ends here, and go on with the next.
            while let close = open.last {
                skipSpace()
                if take(close) {
                    open.removeLast()
                    continue
                }
                guard take(UInt8(ascii: ",")) else {
                    throw failure(
                        close == UInt8(ascii: "}")
                            ? "expected a comma or } after a member" : "expected a comma or ] after an element")
                }
                skipSpace()
                if close == UInt8(ascii: "}") { try name() }
                break
            }
            if open.isEmpty { return }
        }
    }

    private mutating func name() throws(JSONSyntaxError) {
        guard next == UInt8(ascii: "\"") else { throw failure("expected a member name in quotes") }
        try skipString()
        try colon()
    }
}

/// Rows of JSON as the evaluator takes them: fields one after another, in the plan's order.
struct JSONRowBatch {
    private let width: Int
    private var bytes: [UInt8] = []
    private var ends: [UInt32] = [.max]
    private var kinds: [JSONField] = []
    private var positions: [Int] = []
    private(set) var count = 0

    init(width: Int) { self.width = width }

    mutating func append(_ reader: JSONRowReader, at position: Int) {
        for column in 0..<width {
            if column < reader.kinds.count {
                bytes.append(contentsOf: reader.characters[reader.ranges[column]])
                kinds.append(reader.kinds[column])
                positions.append(position + reader.positions[column])
            } else {
                kinds.append(.absent)
                positions.append(position)
            }
            ends.append(UInt32(truncatingIfNeeded: bytes.count))
            bytes.append(0)
        }
        count += 1
    }

    mutating func clear() {
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        ends.append(.max)
        kinds.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        count = 0
    }

    mutating func withBatch(_ body: (Batch) -> Void) {
        let length = bytes.count
        // Readers take up to 64 bytes at once.
        bytes.append(contentsOf: repeatElement(0, count: 64))
        defer { bytes.removeLast(bytes.count - length) }
        bytes.withUnsafeBufferPointer { text in
            ends.withUnsafeBufferPointer { ends in
                kinds.withUnsafeBufferPointer { kinds in
                    positions.withUnsafeBufferPointer { positions in
                        guard let base = text.baseAddress, let first = ends.baseAddress else { return }
                        body(
                            Batch(
                                base: base, ends: first + 1, width: width, rows: count, origin: 0, trimsReturn: false,
                                quote: nil, kinds: kinds.baseAddress, positions: positions.baseAddress))
                    }
                }
            }
        }
    }
}
