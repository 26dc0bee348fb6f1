#include "fields.h"

// Columns of texts: where they are, and which of them may break a rule. Texts of up to eight bytes are compared as words.
// What is picked is looked at again, exactly, so that a function here may pick too many rows, but never too few.

static inline uint64_t text_word(const uint8_t *start, size_t count) {
    const uint64_t word = load(start);
    if (count < 8) return (word & (((uint64_t)1 << (count * 8)) - 1)) | (uint64_t)count << 56;
    // The highest byte of a shorter text is its length, that of a long one 8. Two NULs in front are left to the exact rules, so
    // that words of eight bytes are large numbers.
    return count == 8 && word >> 56 > 8 && (word & 0xffff) != 0 ? word : CSCAN_LONG;
}

/// Every function is there twice: for the baseline, and with the wide instructions, which the compiler finds uses for.
#if defined(__x86_64__)
#define TWICE(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                                      \
    WIDE static RESULT NAME##_wide PARAMETERS { return NAME##_body ARGUMENTS; }                                         \
    RESULT NAME PARAMETERS {                                                                                            \
        if (cscan_is_wide()) return NAME##_wide ARGUMENTS;                                                              \
        return NAME##_body ARGUMENTS;                                                                                   \
    }
#else
#define TWICE(RESULT, NAME, PARAMETERS, ARGUMENTS)                                                                      \
    RESULT NAME PARAMETERS { return NAME##_body ARGUMENTS; }
#endif
#define BODY static inline __attribute__((always_inline))

/// Picks rows by a condition that is cheap: where none of 64 rows meets it, that is all.
#define PICK(CONDITION)                                                                                                 \
    size_t found = 0;                                                                                                   \
    for (size_t from = 0; from < rows; from += 64) {                                                                    \
        const size_t to = from + 64 < rows ? from + 64 : rows;                                                          \
        uint64_t any = 0;                                                                                               \
        for (size_t row = from; row < to; row++) any |= (uint64_t)(CONDITION);                                          \
        if (any == 0) continue;                                                                                         \
        for (size_t row = from; row < to; row++) {                                                                      \
            picked[found] = (uint16_t)row;                                                                              \
            found += (CONDITION) != 0;                                                                                  \
        }                                                                                                               \
    }                                                                                                                   \
    return found;

BODY size_t cscan_texts_body(
    const struct cscan_column *field, size_t rows, unsigned quote, int inner, const struct cscan_texts *texts) {
    size_t odd = 0;
    for (size_t row = 0; row < rows; row++) {
        FIELD(row)
        unsigned live = CSCAN_PLAIN;
        if (length > 0 && *start == quote) {
            start++;
            const int is_closed = length > 1 && start[length - 2] == quote;
            length = is_closed ? length - 2 : 0;
            if (!is_closed || (inner && memchr(start, (int)quote, length) != NULL)) {
                live = CSCAN_ODD;
                odd++;
            }
        }
        texts->starts[row] = (uint32_t)(start - field->base);
        texts->counts[row] = (uint32_t)length;
        texts->words[row] = text_word(start, length);
        texts->live[row] = (uint8_t)live;
    }
    return odd;
}
TWICE(
    size_t, cscan_texts,
    (const struct cscan_column *field, size_t rows, unsigned quote, int inner, const struct cscan_texts *texts),
    (field, rows, quote, inner, texts))

BODY size_t cscan_pick_equal_body(
    const struct cscan_texts *texts, size_t rows, const uint64_t *words, size_t count, uint16_t *picked) {
    const uint64_t *const own = texts->words;
    const uint8_t *const live = texts->live;
    // A word that no text has, where there are less than four; CSCAN_LONG is asked for last.
    uint64_t sought[4];
    for (size_t index = 0; index < 4; index++) sought[index] = index < count ? words[index] : CSCAN_LONG + 1;
#define IS_EQUAL                                                                                                        \
    (((own[row] == sought[0]) | (own[row] == sought[1]) | (own[row] == sought[2]) | (own[row] == sought[3])) &          \
     (live[row] == CSCAN_PLAIN)) |                                                                                      \
        (live[row] == CSCAN_ODD)
    PICK(IS_EQUAL)
}
TWICE(
    size_t, cscan_pick_equal,
    (const struct cscan_texts *texts, size_t rows, const uint64_t *words, size_t count, uint16_t *picked),
    (texts, rows, words, count, picked))

BODY size_t cscan_pick_absent_body(
    const struct cscan_texts *texts, size_t rows, const struct cscan_table *table, uint16_t *picked) {
    const uint64_t *const slots = table->slots;
    const uint64_t multiplier = table->multiplier;
    const unsigned shift = table->shift;
    size_t found = 0;
    for (size_t row = 0; row < rows; row++) {
        const uint64_t word = texts->words[row];
        size_t slot = (size_t)((word * multiplier) >> shift);
        while (slots[slot] != word && slots[slot] != CSCAN_LONG) slot = (slot + 1) & table->mask;
        const unsigned live = texts->live[row];
        picked[found] = (uint16_t)row;
        found += (live == CSCAN_PLAIN && (slots[slot] != word || word == CSCAN_LONG)) || live == CSCAN_ODD;
    }
    return found;
}
TWICE(
    size_t, cscan_pick_absent,
    (const struct cscan_texts *texts, size_t rows, const struct cscan_table *table, uint16_t *picked),
    (texts, rows, table, picked))

BODY size_t cscan_pick_lengths_body(
    const struct cscan_texts *texts, size_t rows, size_t least, size_t most, uint16_t *picked) {
    const uint64_t *const words = texts->words;
    const uint32_t *const counts = texts->counts;
    const uint8_t *const live = texts->live;
    // A text has at most as many characters as bytes, and at least a quarter; one of a word in ASCII as many.
    const uint32_t high = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
    const uint32_t low = least < UINT32_MAX / 4 ? (uint32_t)least : UINT32_MAX / 4;
    const uint32_t sure = low == 0 ? 0 : low * 4 - 3;
#define IS_UNSURE                                                                                                       \
    ((counts[row] > high) | (counts[row] < low) |                                                                       \
     ((counts[row] < sure) & ((words[row] == CSCAN_LONG) | ((words[row] & 0x8080808080808080u) != 0)))) &               \
            (live[row] == CSCAN_PLAIN) |                                                                                \
        (live[row] == CSCAN_ODD)
    PICK(IS_UNSURE)
}
TWICE(
    size_t, cscan_pick_lengths,
    (const struct cscan_texts *texts, size_t rows, size_t least, size_t most, uint16_t *picked),
    (texts, rows, least, most, picked))

BODY size_t cscan_pick_unlike_body(
    const uint8_t *base, const struct cscan_texts *texts, size_t rows, const struct cscan_shape *shape,
    uint16_t *picked) {
    const unsigned tail = shape->tail;
    size_t found = 0;
    for (size_t row = 0; row < rows; row++) {
        const unsigned live = texts->live[row];
        const uint8_t *const start = base + texts->starts[row];
        const size_t count = texts->counts[row];
        uint64_t all = live == CSCAN_PLAIN && count >= shape->least && count <= shape->most;
        if (all != 0) {
            const size_t placed = count < tail ? count : tail;
            for (size_t index = 0; index < placed; index++) all &= shape->allowed[start[index]] >> index;
            for (size_t index = placed; index < count; index++) all &= shape->allowed[start[index]] >> tail;
        }
        picked[found] = (uint16_t)row;
        found += live != CSCAN_NONE && all == 0;
    }
    return found;
}
TWICE(
    size_t, cscan_pick_unlike,
    (const uint8_t *base, const struct cscan_texts *texts, size_t rows, const struct cscan_shape *shape,
     uint16_t *picked),
    (base, texts, rows, shape, picked))

BODY void cscan_text_lengths_body(const struct cscan_texts *texts, size_t rows, size_t *shortest, size_t *longest) {
    const uint32_t *const counts = texts->counts;
    const uint8_t *const live = texts->live;
    uint32_t least = UINT32_MAX, most = 0;
    for (size_t row = 0; row < rows; row++) {
        const uint32_t other = live[row] == CSCAN_PLAIN ? 0 : UINT32_MAX;
        const uint32_t low = counts[row] | other, high = counts[row] & ~other;
        least = low < least ? low : least;
        most = high > most ? high : most;
    }
    *shortest = least == UINT32_MAX ? PTRDIFF_MAX : least;
    *longest = most;
}
TWICE(
    void, cscan_text_lengths, (const struct cscan_texts *texts, size_t rows, size_t *shortest, size_t *longest),
    (texts, rows, shortest, longest))
