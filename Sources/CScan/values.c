#include "CScan.h"

// Columns of values: what is known of all of them, and which break a rule.

#define BODY static inline __attribute__((always_inline))

/// `states` may be none: all values count then.
BODY void summary(
    const int64_t *values, const uint8_t *states, size_t count, int64_t *low, int64_t *high, int64_t *high_sum,
    uint64_t *low_sum) {
    int64_t least = INT64_MAX, most = INT64_MIN, high_half = 0;
    uint64_t low_half = 0;
    for (size_t index = 0; index < count; index++) {
        const int64_t value = values[index];
        const int64_t keep = states == NULL || states[index] == 0 ? -1 : 0;
        const int64_t smaller = keep ? value : INT64_MAX, larger = keep ? value : INT64_MIN;
        least = smaller < least ? smaller : least;
        most = larger > most ? larger : most;
        high_half += (int32_t)((uint64_t)(value & keep) >> 32);
        low_half += (uint32_t)(value & keep);
    }
    *low = least, *high = most, *high_sum = high_half, *low_sum = low_half;
}

#define COMPARED(RELATION)                                                                                              \
    for (size_t from = 0; from < count; from += 64) {                                                                   \
        const size_t to = from + 64 < count ? from + 64 : count;                                                        \
        uint64_t any = 0;                                                                                               \
        for (size_t row = from; row < to; row++)                                                                        \
            any |= (uint64_t)(!(left[row] RELATION right[row]) & ((left_states[row] | right_states[row]) == 0));        \
        if (any == 0) continue;                                                                                         \
        for (size_t row = from; row < to; row++) {                                                                      \
            picked[found] = (uint16_t)row;                                                                              \
            found += !(left[row] RELATION right[row]) & ((left_states[row] | right_states[row]) == 0);                  \
        }                                                                                                               \
    }                                                                                                                   \
    return found;

BODY size_t compared(
    const int64_t *left, const int64_t *right, const uint8_t *left_states, const uint8_t *right_states, size_t count,
    unsigned relation, uint16_t *picked) {
    size_t found = 0;
    switch (relation) {
        case 0: COMPARED(<)
        case 1: COMPARED(<=)
        case 2: COMPARED(==)
        case 3: COMPARED(!=)
        case 4: COMPARED(>=)
        default: COMPARED(>)
    }
}

#if defined(__x86_64__)
#define WIDE __attribute__((target("avx2")))

WIDE static void summary_wide(
    const int64_t *values, const uint8_t *states, size_t count, int64_t *low, int64_t *high, int64_t *high_sum,
    uint64_t *low_sum) {
    if (states == NULL) return summary(values, NULL, count, low, high, high_sum, low_sum);
    summary(values, states, count, low, high, high_sum, low_sum);
}

WIDE static size_t compared_wide(
    const int64_t *left, const int64_t *right, const uint8_t *left_states, const uint8_t *right_states, size_t count,
    unsigned relation, uint16_t *picked) {
    return compared(left, right, left_states, right_states, count, relation, picked);
}
#else
#define summary_wide summary
#define compared_wide compared
#endif

void cscan_summary(
    const int64_t *values, size_t count, int64_t *low, int64_t *high, int64_t *high_sum, uint64_t *low_sum) {
    if (cscan_is_wide()) return summary_wide(values, NULL, count, low, high, high_sum, low_sum);
    summary(values, NULL, count, low, high, high_sum, low_sum);
}

void cscan_summary_of(
    const int64_t *values, const uint8_t *states, size_t count, int64_t *low, int64_t *high, int64_t *high_sum,
    uint64_t *low_sum) {
    if (cscan_is_wide()) return summary_wide(values, states, count, low, high, high_sum, low_sum);
    summary(values, states, count, low, high, high_sum, low_sum);
}

size_t cscan_pick_compared(
    const int64_t *left, const int64_t *right, const uint8_t *left_states, const uint8_t *right_states, size_t count,
    unsigned relation, uint16_t *picked) {
    if (cscan_is_wide())
        return compared_wide(left, right, left_states, right_states, count, relation, picked);
    return compared(left, right, left_states, right_states, count, relation, picked);
}
