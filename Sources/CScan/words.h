// The loop over words of 64 bytes; included once for each set of instructions, with NAME, TARGET, LOAD, MASK, HIGH and EMIT.

TARGET static size_t NAME(const uint8_t *base, size_t position, size_t end, struct cscan *scan) {
    uint32_t *const fields = scan->fields;
    uint32_t *const rows = scan->rows;
    size_t field_count = scan->field_count, row_count = scan->row_count, quote_position = scan->quote_position;
    unsigned state = scan->state, doubled = scan->doubled;
    SPLAT(delimiter, scan->delimiter);
    SPLAT(terminator, scan->terminator);
    // Without quoting, NULs stand in for quotes: a word that has one is not taken anyway.
    SPLAT(quote, scan->quotes ? scan->quote : 0);
    SPLAT(carriage_return, scan->terminator == 0x0d ? 0 : 0x0d);
    SPLAT(nul, 0);
    for (; position + 64 <= end; position += 64) {
        unsigned entered = state;
        if (state == CSCAN_QUOTE_IN_QUOTED) {
            // The quote before this word closes its field if a separator follows; else the exact machine knows.
            if (base[position] != scan->delimiter && base[position] != scan->terminator) break;
            entered = CSCAN_BARE;
        }
        LOAD(base + position);
        const uint64_t quotes = MASK(quote), returns = MASK(carriage_return), ends = MASK(terminator);
        uint64_t separators = MASK(delimiter) | ends, row_ends = ends;
        if (HIGH() | MASK(nul)) break;
        unsigned next = CSCAN_BARE;
        if ((quotes | returns) != 0 || entered == CSCAN_QUOTED) {
            uint64_t inside = quotes;
            inside ^= inside << 1;
            inside ^= inside << 2;
            inside ^= inside << 4;
            inside ^= inside << 8;
            inside ^= inside << 16;
            inside ^= inside << 32;
            if (entered == CSCAN_QUOTED) inside = ~inside;
            const uint64_t outer_returns = returns & ~inside;
            // Every return must precede a line end, within these bytes.
            if (((outer_returns << 1) & ~row_ends) != 0 || outer_returns >> 63) break;
            separators &= ~inside;
            row_ends &= ~inside;
            const uint64_t opening = quotes & inside, closing = quotes & ~inside;
            const uint64_t may_open = (separators | closing) << 1 | (entered <= CSCAN_FIELD_START);
            const uint64_t may_follow = (separators | opening | outer_returns) >> 1 | (uint64_t)1 << 63;
            if ((opening & ~may_open) != 0 || (closing & ~may_follow) != 0) break;
            // The quote that opened the last field: not one that is the second of two.
            const uint64_t first = opening & ~(closing << 1);
            doubled |= first != opening;
            if (first != 0) quote_position = position + 63 - (size_t)__builtin_clzll(first);
            if (inside >> 63) next = CSCAN_QUOTED;
            else if (closing >> 63) next = CSCAN_QUOTE_IN_QUOTED;
        }
        if (separators >> 63) next = row_ends >> 63 ? CSCAN_ROW_START : CSCAN_FIELD_START;
        // Most words have no end of a row or one: written in any case, kept if it is one.
        rows[row_count] = (uint32_t)(field_count + (size_t)__builtin_popcountll(separators & ((row_ends & (0 - row_ends)) - 1)));
        row_count += row_ends != 0;
        while ((row_ends &= row_ends - 1) != 0) {
            const uint64_t below = (row_ends & (0 - row_ends)) - 1;
            rows[row_count++] = (uint32_t)(field_count + (size_t)__builtin_popcountll(separators & below));
        }
        EMIT(fields + field_count, separators, (uint32_t)position)
        field_count += (size_t)__builtin_popcountll(separators);
        state = next;
    }
    scan->field_count = field_count;
    scan->row_count = row_count;
    scan->quote_position = quote_position;
    scan->state = (uint8_t)state;
    scan->doubled = (uint8_t)doubled;
    return position;
}
