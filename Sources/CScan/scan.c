#include "CScan.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include "places.h"

#define NAME words_sse2
#define TARGET
#define SPLAT(N, BYTE) const __m128i N = _mm_set1_epi8((char)(BYTE))
#define LOAD(AT)                                                                                                        \
    const __m128i v0 = _mm_loadu_si128((const __m128i *)(AT)), v1 = _mm_loadu_si128((const __m128i *)(AT) + 1),         \
                  v2 = _mm_loadu_si128((const __m128i *)(AT) + 2), v3 = _mm_loadu_si128((const __m128i *)(AT) + 3)
#define PART(N, V, SHIFT) (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(V, N)) << SHIFT
#define MASK(N) (PART(N, v0, 0) | PART(N, v1, 16) | PART(N, v2, 32) | PART(N, v3, 48))
#define HIGH() (uint64_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(v0, v1), _mm_or_si128(v2, v3)))
// More are written than there are, without asking: what lies past the count is written again.
#define ONE(I) out[I] = at + (uint32_t)__builtin_ctzll(left | (uint64_t)1 << 63), left &= left - 1
#define EMIT(OUT, BITS, AT)                                                                                             \
    {                                                                                                                   \
        uint32_t *const out = OUT;                                                                                      \
        const uint32_t at = AT;                                                                                         \
        uint64_t left = BITS;                                                                                           \
        const size_t count = (size_t)__builtin_popcountll(left);                                                        \
        ONE(0), ONE(1), ONE(2), ONE(3), ONE(4), ONE(5), ONE(6), ONE(7);                                                 \
        if (count > 8) {                                                                                                \
            ONE(8), ONE(9), ONE(10), ONE(11), ONE(12), ONE(13), ONE(14), ONE(15);                                       \
            for (size_t more = 16; more < count; more++) ONE(more);                                                     \
        }                                                                                                               \
    }
#include "words.h"
#undef ONE
#undef EMIT
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
// Eight places at a time out of a table, however many of them there are: what lies past the count is written again.
#define EMIT(OUT, BITS, AT)                                                                                             \
    {                                                                                                                   \
        uint32_t *out = OUT;                                                                                            \
        __m256i at = _mm256_set1_epi32((int)(AT));                                                                      \
        for (unsigned shift = 0; shift < 64; shift += 8) {                                                              \
            const uint8_t byte = (uint8_t)((BITS) >> shift);                                                            \
            const __m128i places = _mm_cvtsi64_si128((long long)places_of_bits[byte]);                                  \
            _mm256_storeu_si256((__m256i *)out, _mm256_add_epi32(_mm256_cvtepu8_epi32(places), at));                    \
            out += __builtin_popcount(byte);                                                                            \
            at = _mm256_add_epi32(at, _mm256_set1_epi32(8));                                                            \
        }                                                                                                               \
    }
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
