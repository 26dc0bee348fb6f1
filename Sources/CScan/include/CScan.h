#ifndef CSCAN_H
#define CSCAN_H

#include <stddef.h>
#include <stdint.h>

/// The state of a scan of delimited text between two words of 64 bytes; the numbers are those of the scanner in Swift.
enum {
    CSCAN_ROW_START = 0,
    CSCAN_FIELD_START = 1,
    CSCAN_BARE = 2,
    CSCAN_QUOTED = 3,
    CSCAN_QUOTE_IN_QUOTED = 4,
};

struct cscan {
    uint8_t delimiter, terminator, quote;
    /// Whether `quote` counts.
    uint8_t quotes;
    uint8_t state;
    /// Set once a quoted field holds a doubled quote.
    uint8_t doubled;
    /// Where the last quoted field starts.
    size_t quote_position;
    /// Ends of fields, and for each end of a row its number among them. Both need room for 64 more than the bytes scanned.
    uint32_t *fields, *rows;
    size_t field_count, row_count;
};

/// Scans words of 64 bytes from `position` for as long as they hold nothing unusual: plain ASCII, quotes only where they open
/// and close fields, carriage returns only before a line end. Returns where it stopped: a word that needs the exact machine,
/// or less than 64 bytes before `end`. Where the machine has no vector instructions known here, that is `position`.
size_t cscan_words(const uint8_t *base, size_t position, size_t end, struct cscan *scan);

/// The same with the baseline's instructions only; for tests.
size_t cscan_words_baseline(const uint8_t *base, size_t position, size_t end, struct cscan *scan);

/// The smallest and largest of values, and the sums of their high and low halves (signed and unsigned): `count` up to 2^20.
void cscan_summary(const int64_t *values, size_t count, int64_t *low, int64_t *high, int64_t *high_sum, uint64_t *low_sum);

/// The same of the values whose state is zero.
void cscan_summary_of(
    const int64_t *values, const uint8_t *states, size_t count, int64_t *low, int64_t *high, int64_t *high_sum,
    uint64_t *low_sum);

/// Rows whose states are both zero and whose values do not stand in this relation: 0 to 5 for < <= == != >= >. Returns how
/// many, and which, in order, in `picked`.
size_t cscan_pick_compared(
    const int64_t *left, const int64_t *right, const uint8_t *left_states, const uint8_t *right_states, size_t count,
    unsigned relation, uint16_t *picked);

/// One column of consecutive rows: field `row` ends at `ends[row * width]` and starts one past `ends[row * width - 1]`, both
/// counted from `base`.
struct cscan_column {
    const uint8_t *base;
    const uint32_t *ends;
    size_t width;
    /// Whether a carriage return at a field's end belongs to the line end.
    int trims;
    /// For datetimes: what stands between date and time, and one of the numbers below.
    uint8_t separator;
    uint8_t zone;
};

/// Whether a datetime must, may or must not end in a `Z`.
enum { CSCAN_ANY_ZONE = 0, CSCAN_ZONED = 1, CSCAN_BARE_TIME = 2 };

/// What stands for a field that is not in the plainest form.
#define CSCAN_DECLINED INT64_MIN

/// Reads `-?` and 1 to 16 digits. Each of these functions returns how many fields it declined, and their rows in `picked`,
/// which has room for all rows. They may read 32 bytes past a field's start.
size_t cscan_integers(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked);

/// Reads `-?`, 1 to 8 digits, and possibly a point and 1 to 8 digits: the value times 10^8.
size_t cscan_decimals(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked);

/// Reads `yyyy-mm-dd`: days from 1970-01-01.
size_t cscan_dates(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked);

/// Reads `yyyy-mm-ddThh:mm:ss`, with a `Z` or not: microseconds from 1970-01-01.
size_t cscan_datetimes(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked);

/// A column's texts, row by row: what ``cscan_texts`` finds.
struct cscan_texts {
    /// Where the characters start, from `base`, and how many bytes they are.
    uint32_t *starts, *counts;
    /// A text of up to seven bytes with their number in the highest byte, or of eight bytes as it stands; ``CSCAN_LONG`` for
    /// others. Equal words are equal texts.
    uint64_t *words;
    /// ``CSCAN_PLAIN``, or ``CSCAN_ODD`` where the field must be decoded: it has no start, count or word.
    uint8_t *live;
};

/// The word of a text that has none of its own: no text's word.
#define CSCAN_LONG ((uint64_t)8 << 56)

/// A row without a text; a text in the file's own bytes; one that must be looked at closely.
enum { CSCAN_NONE = 0, CSCAN_PLAIN = 1, CSCAN_ODD = 2 };

/// Finds the texts of a column, taking the quotes off where `quote` is one (below 256). With `inner` a field in quotes is odd
/// where another quote stands in it. Returns how many are odd.
size_t cscan_texts(
    const struct cscan_column *field, size_t rows, unsigned quote, int inner, const struct cscan_texts *texts);

/// Each of the following returns how many rows it picks, and which, in order, in `picked`: those that are odd, and those that
/// are plain and for which it can't tell that they keep to its rule. Rows without a text are never picked.

/// Texts that are one of so many words, up to four.
size_t cscan_pick_equal(
    const struct cscan_texts *texts, size_t rows, const uint64_t *words, size_t count, uint16_t *picked);

/// A set of words: a power of two of slots, ``CSCAN_LONG`` in those that are empty, of which there is at least one.
struct cscan_table {
    const uint64_t *slots;
    uint64_t multiplier;
    unsigned shift;
    size_t mask;
};

/// Texts that are not in a set.
size_t cscan_pick_absent(
    const struct cscan_texts *texts, size_t rows, const struct cscan_table *table, uint16_t *picked);

/// Texts that may have less than `least` or more than `most` characters.
size_t cscan_pick_lengths(const struct cscan_texts *texts, size_t rows, size_t least, size_t most, uint16_t *picked);

/// A text's shape, byte by byte: `allowed[byte]` has a bit for each place that the byte may stand at, of which the one
/// numbered `tail`, below 64, stands for all from there on.
struct cscan_shape {
    uint64_t allowed[256];
    size_t least, most;
    unsigned tail;
};

/// Texts that are not of a shape.
size_t cscan_pick_unlike(
    const uint8_t *base, const struct cscan_texts *texts, size_t rows, const struct cscan_shape *shape,
    uint16_t *picked);

/// The bytes of the shortest and the longest plain text: `PTRDIFF_MAX` and 0 where there is none.
void cscan_text_lengths(const struct cscan_texts *texts, size_t rows, size_t *shortest, size_t *longest);

/// Has a line of memory fetched that is soon wanted.
static inline void cscan_prefetch(const void *at) { __builtin_prefetch(at, 1); }

/// Whether the instructions beyond the baseline are used.
int cscan_is_wide(void);

#endif
