#ifndef CSCAN_FIELDS_H
#define CSCAN_FIELDS_H

// What the readers of columns share: how a field is found, and its bytes loaded.

#include "CScan.h"

#include <string.h>

static inline uint64_t load(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

#define ZEROS 0x3030303030303030u

static inline int are_digits(uint64_t digits) {
    return (((digits + 0x7676767676767676u) | digits) & 0x8080808080808080u) == 0;
}

/// Eight digits, each in its byte, the first lowest.
static inline uint64_t number(uint64_t digits) {
    uint64_t value = (digits * 2561) >> 8;
    value = ((value & 0x00ff00ff00ff00ffu) * 6553601) >> 16;
    return ((value & 0x0000ffff0000ffffu) * 42949672960001u) >> 32;
}

/// One to eight digits; what follows in memory is shifted out.
static inline uint64_t up_to_eight(uint64_t word, unsigned count) { return (word ^ ZEROS) << (64 - count * 8); }

/// The bytes of a field, without a line end's carriage return.
#define FIELD(ROW)                                                                                                      \
    const uint32_t *const end = field->ends + (ROW) * field->width;                                                     \
    const uint8_t *start = field->base + (uint32_t)(end[-1] + 1);                                                       \
    size_t length = (uint32_t)(end[0] - end[-1] - 1);                                                                   \
    if (field->trims && length > 0 && start[length - 1] == 0x0d) length--;


#if defined(__x86_64__)

#include <immintrin.h>

#define WIDE __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define SPREAD(X) _mm256_set1_epi64x((long long)(X))

struct four {
    const uint8_t *start[4];
    __m256i length;
};

/// Where four fields start, and how long they are.
WIDE static inline struct four four_fields(const struct cscan_column *field, size_t row) {
    struct four all;
    long long length[4];
    for (int lane = 0; lane < 4; lane++) {
        const uint32_t *const end = field->ends + (row + (size_t)lane) * field->width;
        all.start[lane] = field->base + (uint32_t)(end[-1] + 1);
        length[lane] = (uint32_t)(end[0] - end[-1] - 1);
    }
    if (field->trims)
        for (int lane = 0; lane < 4; lane++)
            if (length[lane] > 0 && all.start[lane][length[lane] - 1] == 0x0d) length[lane]--;
    all.length = _mm256_set_epi64x(length[3], length[2], length[1], length[0]);
    return all;
}

WIDE static inline __m256i four_words(const struct four *all, size_t offset) {
    return _mm256_set_epi64x(
        (long long)load(all->start[3] + offset), (long long)load(all->start[2] + offset),
        (long long)load(all->start[1] + offset), (long long)load(all->start[0] + offset));
}

#endif

#endif
