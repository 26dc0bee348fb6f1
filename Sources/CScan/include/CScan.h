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

/// One column of consecutive rows: field `row` ends at `ends[row * width]` and starts one past `ends[row * width - 1]`, both
/// counted from `base`.
struct cscan_column {
    const uint8_t *base;
    const uint32_t *ends;
    size_t width;
    /// Whether a carriage return at a field's end belongs to the line end.
    int trims;
};

/// What stands for a field that is not in the plainest form.
#define CSCAN_DECLINED INT64_MIN

/// Reads `-?` and 1 to 16 digits. Each function returns how many fields it declined, and may read 16 bytes past a field.
size_t cscan_integers(const struct cscan_column *field, size_t rows, int64_t *values);

/// Reads `-?`, 1 to 8 digits, and possibly a point and 1 to 8 digits: the value times 10^8.
size_t cscan_decimals(const struct cscan_column *field, size_t rows, int64_t *values);

/// Reads `yyyy-mm-dd`: days from 1970-01-01.
size_t cscan_dates(const struct cscan_column *field, size_t rows, int64_t *values);

/// Has a line of memory fetched that is soon wanted.
static inline void cscan_prefetch(const void *at) { __builtin_prefetch(at, 1); }

/// Whether the instructions beyond the baseline are used.
int cscan_is_wide(void);

#endif
