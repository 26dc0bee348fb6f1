/// 64 bytes in one step, with the vector instructions that every x86-64 and arm64 machine has.
///
/// The comparisons are spelt out with repeated vectors and combined with `.|`: other spellings compile to a loop over
/// lanes.
extension CSVScanner {
    /// One bit a byte of a comparison's outcome, the first byte lowest.
    @inline(__always)
    static func bits(_ mask: SIMDMask<SIMD64<Int8>>) -> UInt64 {
        let words = unsafeBitCast(mask, to: SIMD8<UInt64>.self) & SIMD8<UInt64>(repeating: 0x8040_2010_0804_0201)
        let sums = words &* SIMD8<UInt64>(repeating: 0x0101_0101_0101_0101)
        let low = (sums[0] &>> 56) | (sums[1] &>> 56) &<< 8 | (sums[2] &>> 56) &<< 16 | (sums[3] &>> 56) &<< 24
        let high = (sums[4] &>> 56) | (sums[5] &>> 56) &<< 8 | (sums[6] &>> 56) &<< 16 | (sums[7] &>> 56) &<< 24
        return low | high &<< 32
    }

    @inline(__always)
    static func isEmpty(_ mask: SIMDMask<SIMD64<Int8>>) -> Bool {
        let words = unsafeBitCast(mask, to: SIMD8<UInt64>.self)
        let half = words.lowHalf | words.highHalf
        let quarter = half.lowHalf | half.highHalf
        return quarter[0] | quarter[1] == 0
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
        _ base: UnsafePointer<UInt8>, _ position: Int, into index: inout SeparatorIndex
    ) -> Bool {
        guard !returnPending else { return false }
        let vector = UnsafeRawPointer(base + position).loadUnaligned(as: SIMD64<UInt8>.self)
        let delimiters = vector .== SIMD64<UInt8>(repeating: delimiter)
        let ends = vector .== SIMD64<UInt8>(repeating: terminator)
        let quotes = vector .== SIMD64<UInt8>(repeating: quote ?? 0)
        // Carriage returns and NULs are the rare ones; one comparison each, one test for all.
        let returns = vector .== SIMD64<UInt8>(repeating: 0x0d)
        let nuls = vector .== SIMD64<UInt8>(repeating: 0)
        let highs = vector .>= SIMD64<UInt8>(repeating: 0x80)
        var rowEnds = Self.bits(ends)
        var separators = Self.bits(delimiters) | rowEnds
        var next: State
        let unusual = quotes .| returns .| nuls .| highs
        if Self.isEmpty(unusual), state == .rowStart || state == .fieldStart || state == .bare, !utf8.isPending {
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
            if utf8.isPending || !Self.isEmpty(highs) {
                for offset in position..<position + 64 where base[offset] >= 0x80 || utf8.isPending {
                    if utf8.rejects(base[offset]) { departures.append((.invalidUTF8, offset)) }
                }
            }
            if opening != 0 {
                // The quote that opened the field: not one that is the second of two.
                let first = opening & ~(closing &<< 1)
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
        var rest = rowEnds
        while rest != 0 {
            let below = (rest & (0 &- rest)) &- 1
            index.rows[index.rowCount] = UInt32(truncatingIfNeeded: index.count &+ (separators & below).nonzeroBitCount)
            index.rowCount &+= 1
            rest &= rest &- 1
        }
        var bits = separators
        var out = index.fields + index.count
        let first = UInt32(truncatingIfNeeded: position)
        while bits != 0 {
            out.pointee = first &+ UInt32(truncatingIfNeeded: bits.trailingZeroBitCount)
            out += 1
            bits &= bits &- 1
        }
        index.count &+= separators.nonzeroBitCount
    }
}
