import CScan

/// Finds the ends of fields and rows in delimited text, block after block, and reports every departure from the format.
///
/// A state machine over bytes, exact for every input; where the dialect is plain and 64 bytes hold nothing unusual it
/// takes them in one step (see `CSVScanner+Words.swift`), with the same outcome. It keeps its state between calls, so that
/// the answer does not depend on how the bytes are cut. Quotes mean what Python's `csv` makes of them: they quote only at
/// the start of a field, and after a closing quote the rest of the field is taken as it is.
struct CSVScanner {
    enum State: UInt8 {
        /// At the start of a row.
        case rowStart
        /// At the start of a field that is not a row's first.
        case fieldStart
        case bare
        case quoted
        /// After a quote within a quoted field: it closes the field, or is the first half of two.
        case quoteInQuoted
        case escapedInBare
        case escapedInQuoted
        case comment
        /// After a carriage return that was escaped: the line feed of the same line end is no row's end either.
        case escapedReturn
    }

    let delimiter: UInt8
    let quote: UInt8?
    let escape: UInt8?
    let comment: UInt8?
    let doubleQuote: Bool
    let skipsSpace: Bool
    /// LF, which a CR may precede; or CR alone.
    let terminator: UInt8
    let isPlain: Bool

    var state = State.rowStart
    /// A CR was the last byte, outside quotes.
    var returnPending = false
    var utf8 = UTF8Validator()
    /// Where the quoted field starts that the scanner is in.
    var quotePosition = 0
    /// Whether a field that starts with a quote may hold another one besides its last character.
    var hasInnerQuotes = false
    /// Departures since they were last taken, in order; positions as in ``SeparatorIndex``.
    var departures: [(kind: Departure, position: Int)] = []

    init(_ dialect: CompiledDialect) {
        delimiter = dialect.delimiter
        quote = dialect.quote
        escape = dialect.escape
        comment = dialect.comment
        doubleQuote = dialect.doubleQuote
        skipsSpace = dialect.skipInitialSpace
        terminator = dialect.terminator
        isPlain = dialect.escape == nil && dialect.comment == nil && !dialect.skipInitialSpace && dialect.doubleQuote
    }

    /// Scans `range` of a block, with at least 64 readable bytes after its end.
    mutating func scan(
        _ base: UnsafePointer<UInt8>, _ range: Range<Int>, into index: inout SeparatorIndex
    ) {
        index.reserve(range.count)
        var position = range.lowerBound
        if isPlain {
            let needles = Needles(self)
            while position + 64 <= range.upperBound {
                position = scanWords(base, position..<range.upperBound, into: &index)
                if position + 64 > range.upperBound { break }
                if !scanWord(base, position, needles, into: &index) {
                    scanBytes(base, position..<position + 64, into: &index)
                }
                position += 64
            }
        }
        scanBytes(base, position..<range.upperBound, into: &index)
    }

    /// As many plain words as there are, with the machine's own vector instructions.
    private mutating func scanWords(
        _ base: UnsafePointer<UInt8>, _ range: Range<Int>, into index: inout SeparatorIndex
    ) -> Int {
        guard !returnPending, !utf8.isPending, state.rawValue <= State.quoteInQuoted.rawValue else {
            return range.lowerBound
        }
        var scan = cscan(
            delimiter: delimiter, terminator: terminator, quote: quote ?? 0, quotes: quote == nil ? 0 : 1,
            state: state.rawValue, doubled: hasInnerQuotes ? 1 : 0, quote_position: quotePosition, fields: index.fields,
            rows: index.rows,
            field_count: index.count, row_count: index.rowCount)
        let end = cscan_words(base, range.lowerBound, range.upperBound, &scan)
        (index.count, index.rowCount) = (scan.field_count, scan.row_count)
        hasInnerQuotes = scan.doubled != 0
        (state, quotePosition) = (State(rawValue: scan.state) ?? state, scan.quote_position)
        return end
    }

    /// The end of the file: closes what is open. Returns whether the last row had no line end.
    mutating func finish(_ base: UnsafePointer<UInt8>, at end: Int, into index: inout SeparatorIndex) -> Bool {
        if returnPending { departures.append((.strayCarriageReturn, end - 1)) }
        returnPending = false
        if let bytes = utf8.finish() { departures.append((.invalidUTF8, end - bytes)) }
        guard state != .rowStart else { return false }
        if state == .quoted || state == .escapedInQuoted { departures.append((.unterminatedQuote, quotePosition)) }
        index.reserve(1)
        Self.append(end, isRow: true, to: &index)
        state = .rowStart
        return true
    }

    @inline(__always)
    static func append(_ position: Int, isRow: Bool, to index: inout SeparatorIndex) {
        if isRow {
            index.rows[index.rowCount] = UInt32(truncatingIfNeeded: index.count)
            index.rowCount += 1
        }
        index.fields[index.count] = UInt32(truncatingIfNeeded: position)
        index.count += 1
    }

    /// One byte at a time.
    mutating func scanBytes(
        _ base: UnsafePointer<UInt8>, _ range: Range<Int>, into index: inout SeparatorIndex
    ) {
        for position in range {
            let byte = base[position]
            if byte >= 0x80 || utf8.isPending {
                if let before = utf8.rejects(byte) { departures.append((.invalidUTF8, position - before)) }
            }
            if byte == 0 { departures.append((.nulByte, position)) }
            if returnPending {
                returnPending = false
                if byte != terminator {
                    departures.append((.strayCarriageReturn, position - 1))
                    leaveStart()
                }
            }
            step(byte, position, &index)
        }
    }

    /// A character that is neither quote nor separator has come: the field is a bare one.
    private mutating func leaveStart() {
        if state == .rowStart || state == .fieldStart || state == .quoteInQuoted { state = .bare }
    }

    @inline(__always)
    private mutating func step(_ byte: UInt8, _ position: Int, _ index: inout SeparatorIndex) {
        switch state {
        case .comment:
            if byte == terminator { endRow(position, &index) }
        case .escapedInBare:
            state = byte == 0x0d && terminator == 0x0a ? .escapedReturn : .bare
        case .escapedReturn:
            afterEscapedReturn(byte, position, &index)
        case .escapedInQuoted:
            state = .quoted
        case .quoted:
            if byte == quote {
                state = .quoteInQuoted
            } else if byte == escape {
                state = .escapedInQuoted
            }
        case .quoteInQuoted:
            if byte == delimiter {
                endField(position, &index)
            } else if byte == terminator {
                endRow(position, &index)
            } else if byte == quote, doubleQuote {
                hasInnerQuotes = true
                state = .quoted
            } else if byte == 0x0d {
                returnPending = true
            } else {
                hasInnerQuotes = true
                departures.append((.textAfterClosingQuote, position))
                state = .bare
            }
        case .rowStart, .fieldStart, .bare:
            if byte == delimiter {
                endField(position, &index)
            } else if byte == terminator {
                endRow(position, &index)
            } else if byte == quote {
                if state == .bare {
                    departures.append((.quoteInBareField, position))
                } else {
                    state = .quoted
                    quotePosition = position
                }
            } else if byte == 0x0d {
                // Whether it belongs to the line end, only the next byte tells.
                returnPending = true
            } else if byte == escape {
                state = .escapedInBare
            } else if state == .rowStart, byte == comment {
                state = .comment
            } else if byte == 0x20, skipsSpace, state != .bare {
                if state == .rowStart { state = .fieldStart }
            } else {
                state = .bare
            }
        }
    }

    @inline(never)
    private mutating func afterEscapedReturn(_ byte: UInt8, _ position: Int, _ index: inout SeparatorIndex) {
        state = .bare
        if byte != terminator { step(byte, position, &index) }
    }

    @inline(__always)
    private mutating func endField(_ position: Int, _ index: inout SeparatorIndex) {
        Self.append(position, isRow: false, to: &index)
        state = .fieldStart
    }

    @inline(__always)
    private mutating func endRow(_ position: Int, _ index: inout SeparatorIndex) {
        Self.append(position, isRow: true, to: &index)
        state = .rowStart
    }
}
