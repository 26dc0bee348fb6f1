/// Up to ``Batch/limit(width:)`` rows in a row, all of the header's width.
struct Batch {
    /// As many as stay in the cache while their columns are read one after the other: 512, less of very wide rows.
    static func limit(width: Int) -> Int { max(64, min(512, (1 << 16) / max(1, width))) }

    let base: UnsafePointer<UInt8>
    /// The end of field `c` of row `r` is `ends[r * width + c]`; `ends[-1]` is one before the first field's start.
    let ends: UnsafePointer<UInt32>
    let width: Int
    let rows: Int
    /// The file's position of `base`.
    let origin: Int
    /// Whether a CR before a row's end belongs to the line end.
    let trimsReturn: Bool
    /// Whether a quote at a field's start quotes; false for fields that come from JSON.
    let quote: UInt8?
    /// Whether every field must go through the dialect's decoder.
    var needsDecoding = false
    /// Whether a field in quotes may hold quotes.
    var hasInnerQuotes = true
    /// By field, what JSON said it is; nil for delimited text.
    var kinds: UnsafePointer<JSONField>?
    /// By field, its place in the file, where `base` is not the file's own bytes.
    var positions: UnsafePointer<Int>?

    /// The file's position of a field.
    func position(_ row: Int, _ column: Int) -> Int {
        if let positions { return positions[row * width + column] }
        return origin + start(row, column)
    }

    @inline(__always)
    func start(_ row: Int, _ column: Int) -> Int {
        Int(truncatingIfNeeded: (ends + (row &* width &+ column &- 1)).pointee &+ 1)
    }

    @inline(__always)
    func end(_ row: Int, _ column: Int) -> Int {
        Int(truncatingIfNeeded: ends[row &* width &+ column])
    }

    /// The field's characters where they need no decoding: bare, or in quotes with none inside. Fields with spaces to
    /// skip or escapes always need it.
    @inline(__always)
    func plain(_ row: Int, _ column: Int) -> UnsafeBufferPointer<UInt8>? {
        let field = field(row, column)
        if kinds != nil { return field }
        if needsDecoding { return nil }
        guard let start = field.baseAddress, !field.isEmpty, start.pointee == quote else { return field }
        let count = field.count &- 2
        guard count >= 0, start[count &+ 1] == quote,
            !hasInnerQuotes || !Self.has(start.pointee, start + 1, count)
        else { return nil }
        return UnsafeBufferPointer(start: start + 1, count: count)
    }

    /// Whether a byte occurs.
    @inline(__always)
    static func has(_ byte: UInt8, _ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        let wanted = UInt64(byte) &* 0x0101_0101_0101_0101
        var index = 0
        while index < count {
            // The bytes past the end are readable, and shifted out.
            var different = PlainField.load(start + index) ^ wanted
            if count &- index < 8 { different |= .max &<< UInt64(truncatingIfNeeded: (count &- index) &* 8) }
            if (different &- 0x0101_0101_0101_0101) & ~different & 0x8080_8080_8080_8080 != 0 { return true }
            index &+= 8
        }
        return false
    }

    /// The field's bytes as they stand in the file, without the line end.
    @inline(__always)
    func field(_ row: Int, _ column: Int) -> UnsafeBufferPointer<UInt8> {
        let first = start(row, column)
        var last = end(row, column)
        if trimsReturn, column == width - 1, last > first, base[last - 1] == 0x0d { last -= 1 }
        return UnsafeBufferPointer(start: base + first, count: last - first)
    }
}

/// What a field of a JSON row is.
enum JSONField: UInt8 {
    case absent, null, string, number, boolean, structure
}
