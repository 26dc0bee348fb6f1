/// 64 bytes in one step, with the vector instructions that every x86-64 and arm64 machine has.
///
/// The comparisons are spelt out with repeated vectors and combined with `.|`: other spellings compile to a loop over
/// lanes.
extension CSVScanner {
    /// What to look for, repeated over a vector once a scan.
    struct Needles {
        let delimiter: SIMD64<UInt8>
        let terminator: SIMD64<UInt8>
        let quote: SIMD64<UInt8>
        let carriageReturn = SIMD64<UInt8>(repeating: 0x0d)
        let nul = SIMD64<UInt8>(repeating: 0)

        init(_ scanner: CSVScanner) {
            delimiter = SIMD64<UInt8>(repeating: scanner.delimiter)
            terminator = SIMD64<UInt8>(repeating: scanner.terminator)
            // Without quoting, a byte that the word path never takes.
            quote = SIMD64<UInt8>(repeating: scanner.quote ?? 0)
        }
    }

    /// One bit a byte of a comparison's outcome, the first byte lowest.
    ///
    /// Each of the eight words gives another bit of every byte, so that they can be joined before the one transposition of
    /// eight by eight bits; a multiplication a word costs twice as much.
    @inline(__always)
    static func bits(_ mask: SIMDMask<SIMD64<Int8>>) -> UInt64 {
        let selected =
            unsafeBitCast(mask, to: SIMD8<UInt64>.self)
            & SIMD8<UInt64>(
                0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0404_0404_0404_0404, 0x0808_0808_0808_0808,
                0x1010_1010_1010_1010, 0x2020_2020_2020_2020, 0x4040_4040_4040_4040, 0x8080_8080_8080_8080)
        let half = selected.lowHalf | selected.highHalf
        let quarter = half.lowHalf | half.highHalf
        var word = quarter[0] | quarter[1]
        var swapped = (word ^ word &>> 7) & 0x00aa_00aa_00aa_00aa
        word ^= swapped ^ swapped &<< 7
        swapped = (word ^ word &>> 14) & 0x0000_cccc_0000_cccc
        word ^= swapped ^ swapped &<< 14
        swapped = (word ^ word &>> 28) & 0x0000_0000_f0f0_f0f0
        return word ^ swapped ^ swapped &<< 28
    }

    @inline(__always)
    static func isEmpty(_ mask: SIMDMask<SIMD64<Int8>>) -> Bool {
        let words = unsafeBitCast(mask, to: SIMD8<UInt64>.self)
        let half = words.lowHalf | words.highHalf
        let quarter = half.lowHalf | half.highHalf
        return quarter[0] | quarter[1] == 0
    }

    @inline(__always)
    static func isASCII(_ vector: SIMD64<UInt8>) -> Bool {
        let words = unsafeBitCast(vector, to: SIMD8<UInt64>.self)
        let half = words.lowHalf | words.highHalf
        let quarter = half.lowHalf | half.highHalf
        return (quarter[0] | quarter[1]) & 0x8080_8080_8080_8080 == 0
    }

    /// The bits of a run that starts at every odd set bit and ends before the next.
    @inline(__always)
    static func prefixXor(_ bits: UInt64) -> UInt64 {
        var bits = bits
        bits ^= bits &<< 1
        bits ^= bits &<< 2
        bits ^= bits &<< 4
        bits ^= bits &<< 8
        bits ^= bits &<< 16
        bits ^= bits &<< 32
        return bits
    }

    /// Takes the 64 bytes at `position`, or leaves all as it was and returns false if they need the exact machine.
    @inline(__always)
    mutating func scanWord(
        _ base: UnsafePointer<UInt8>, _ position: Int, _ needles: Needles, into index: inout SeparatorIndex
    ) -> Bool {
        guard !returnPending else { return false }
        let vector = UnsafeRawPointer(base + position).loadUnaligned(as: SIMD64<UInt8>.self)
        let delimiters = vector .== needles.delimiter
        let ends = vector .== needles.terminator
        let quotes = vector .== needles.quote
        // Carriage returns and NULs are the rare ones; one comparison each, one test for all.
        let returns = vector .== needles.carriageReturn
        let nuls = vector .== needles.nul
        let isASCII = Self.isASCII(vector)
        var rowEnds = Self.bits(ends)
        var separators = Self.bits(delimiters) | rowEnds
        var next: State
        let unusual = quotes .| returns .| nuls
        if Self.isEmpty(unusual), isASCII, state == .rowStart || state == .fieldStart || state == .bare, !utf8.isPending
        {
            next = .bare
        } else {
            guard Self.isEmpty(nuls), state != .quoteInQuoted else { return false }
            let quoteBits = quote == nil ? 0 : Self.bits(quotes)
            let inside = Self.prefixXor(quoteBits) ^ (state == .quoted ? .max : 0)
            let returnBits = terminator == 0x0d ? 0 : Self.bits(returns) & ~inside
            // Every return must precede a line end, within these bytes.
            guard (returnBits &<< 1) & ~rowEnds == 0, returnBits >> 63 == 0 else { return false }
            separators &= ~inside
            rowEnds &= ~inside
            let opening = quoteBits & inside
            let closing = quoteBits & ~inside
            let mayOpen =
                (separators | closing) &<< 1 | (state == .rowStart || state == .fieldStart ? 1 : 0)
            let mayFollow = (separators | opening | returnBits) &>> 1 | 1 &<< 63
            guard opening & ~mayOpen == 0, closing & ~mayFollow == 0 else { return false }
            if utf8.isPending || !isASCII {
                for offset in position..<position + 64 where base[offset] >= 0x80 || utf8.isPending {
                    if let before = utf8.rejects(base[offset]) {
                        departures.append((.invalidUTF8, offset - before))
                    }
                }
            }
            if opening != 0 {
                // The quote that opened the field: not one that is the second of two.
                let first = opening & ~(closing &<< 1)
                if first != opening { hasInnerQuotes = true }
                if first != 0 { quotePosition = position + 63 - first.leadingZeroBitCount }
            }
            next = inside >> 63 == 1 ? .quoted : closing >> 63 == 1 ? .quoteInQuoted : .bare
        }
        if separators >> 63 == 1 { next = rowEnds >> 63 == 1 ? .rowStart : .fieldStart }
        emit(separators, rowEnds, position, &index)
        state = next
        return true
    }

    @inline(__always)
    private func emit(_ separators: UInt64, _ rowEnds: UInt64, _ position: Int, _ index: inout SeparatorIndex) {
        var bits = separators
        var out = index.fields + index.count
        let begin = index.fields
        var row = index.rows + index.rowCount
        let first = UInt32(truncatingIfNeeded: position)
        while bits != 0 {
            let offset = bits.trailingZeroBitCount
            // Written every time, kept only for the end of a row.
            row.pointee = UInt32(truncatingIfNeeded: out - begin)
            row += Int(truncatingIfNeeded: rowEnds &>> UInt64(truncatingIfNeeded: offset) & 1)
            out.pointee = first &+ UInt32(truncatingIfNeeded: offset)
            out += 1
            bits &= bits &- 1
        }
        index.count = out - begin
        index.rowCount = row - index.rows
    }
}
