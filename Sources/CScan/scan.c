#include "CScan.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define NAME words_sse2
#define TARGET
#define SPLAT(N, BYTE) const __m128i N = _mm_set1_epi8((char)(BYTE))
#define LOAD(AT)                                                                                                        \
    const __m128i v0 = _mm_loadu_si128((const __m128i *)(AT)), v1 = _mm_loadu_si128((const __m128i *)(AT) + 1),         \
                  v2 = _mm_loadu_si128((const __m128i *)(AT) + 2), v3 = _mm_loadu_si128((const __m128i *)(AT) + 3)
#define PART(N, V, SHIFT) (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(V, N)) << SHIFT
#define MASK(N) (PART(N, v0, 0) | PART(N, v1, 16) | PART(N, v2, 32) | PART(N, v3, 48))
#define HIGH() (uint64_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(v0, v1), _mm_or_si128(v2, v3)))
#include "words.h"
#undef NAME
#undef TARGET
#undef SPLAT
#undef LOAD
#undef PART
#undef MASK
#undef HIGH

#define NAME words_avx2
#define TARGET __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define SPLAT(N, BYTE) const __m256i N = _mm256_set1_epi8((char)(BYTE))
#define LOAD(AT)                                                                                                        \
    const __m256i v0 = _mm256_loadu_si256((const __m256i *)(AT)), v1 = _mm256_loadu_si256((const __m256i *)(AT) + 1)
#define PART(N, V, SHIFT) (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(V, N)) << SHIFT
#define MASK(N) (PART(N, v0, 0) | PART(N, v1, 32))
#define HIGH() (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_or_si256(v0, v1))
#include "words.h"

static int has_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("popcnt");
}

// 0: not asked yet. Every thread finds the same answer, so that it does not matter who writes it.
static _Atomic int wide;

int cscan_is_wide(void) {
    if (wide == 0) wide = has_avx2() ? 1 : -1;
    return wide > 0;
}

size_t cscan_words(const uint8_t *base, size_t position, size_t end, struct cscan *scan) {
    return cscan_is_wide() ? words_avx2(base, position, end, scan) : words_sse2(base, position, end, scan);
}

size_t cscan_words_baseline(const uint8_t *base, size_t position, size_t end, struct cscan *scan) {
    return words_sse2(base, position, end, scan);
}

#else

int cscan_is_wide(void) { return 0; }

size_t cscan_words(const uint8_t *base, size_t position, size_t end, struct cscan *scan) { return position; }

size_t cscan_words_baseline(const uint8_t *base, size_t position, size_t end, struct cscan *scan) { return position; }

#endif

#define SUMMARY                                                                                                         \
    int64_t least = INT64_MAX, most = INT64_MIN, high_half = 0;                                                         \
    uint64_t low_half = 0;                                                                                              \
    for (size_t index = 0; index < count; index++) {                                                                    \
        const int64_t value = values[index];                                                                            \
        least = value < least ? value : least;                                                                          \
        most = value > most ? value : most;                                                                             \
        high_half += (int32_t)((uint64_t)value >> 32);                                                                  \
        low_half += (uint32_t)value;                                                                                    \
    }                                                                                                                   \
    *low = least, *high = most, *high_sum = high_half, *low_sum = low_half;

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void summary_avx2(
    const int64_t *values, size_t count, int64_t *low, int64_t *high, int64_t *high_sum, uint64_t *low_sum) {
    SUMMARY
}
#endif

void cscan_summary(
    const int64_t *values, size_t count, int64_t *low, int64_t *high, int64_t *high_sum, uint64_t *low_sum) {
#if defined(__x86_64__)
    if (cscan_is_wide()) return summary_avx2(values, count, low, high, high_sum, low_sum);
#endif
    SUMMARY
}
