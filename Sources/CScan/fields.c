#include "CScan.h"

#include <string.h>

// Reads columns of plain numbers and dates out of the file's bytes: field `row` ends at `ends[row * width]` and starts one past
// `ends[row * width - 1]`. What is not in the plainest form is declined, and goes to the exact reader. Each function may read 16
// bytes past a field. Scalar for every machine; four rows at a time where there is AVX2. Both give the same values.

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

static inline int64_t read_integer(const uint8_t *start, size_t length) {
    const int is_negative = length > 1 && *start == '-';
    start += is_negative;
    length -= (size_t)is_negative;
    uint64_t value;
    if (length - 1 < 8) {
        const uint64_t digits = up_to_eight(load(start), (unsigned)length);
        if (!are_digits(digits)) return CSCAN_DECLINED;
        value = number(digits);
    } else {
        if (length - 9 >= 8) return CSCAN_DECLINED;
        const uint64_t high = up_to_eight(load(start), (unsigned)length - 8), low = load(start + length - 8) ^ ZEROS;
        if (!are_digits(high) || !are_digits(low)) return CSCAN_DECLINED;
        value = number(high) * 100000000 + number(low);
    }
    return is_negative ? -(int64_t)value : (int64_t)value;
}

static inline int64_t read_decimal(const uint8_t *start, size_t length) {
    const int is_negative = length > 1 && *start == '-';
    start += is_negative;
    length -= (size_t)is_negative;
    if (length == 0 || length > 17) return CSCAN_DECLINED;
    const uint64_t word = load(start), points = word ^ 0x2e2e2e2e2e2e2e2eu;
    const uint64_t zero = (points - 0x0101010101010101u) & ~points & 0x8080808080808080u;
    size_t whole = zero ? (size_t)__builtin_ctzll(zero) >> 3 : length > 8 && start[8] == '.' ? 8 : length;
    uint64_t value;
    if (whole >= length) {
        if (length > 8) return CSCAN_DECLINED;
        const uint64_t digits = up_to_eight(word, (unsigned)length);
        if (!are_digits(digits)) return CSCAN_DECLINED;
        value = number(digits) * 100000000;
    } else {
        const size_t places = length - whole - 1;
        if (whole == 0 || places == 0 || places > 8) return CSCAN_DECLINED;
        const uint64_t digits = up_to_eight(word, (unsigned)whole);
        const uint64_t keep = places == 8 ? UINT64_MAX : ((uint64_t)1 << (places * 8)) - 1;
        const uint64_t fraction = (load(start + whole + 1) ^ ZEROS) & keep;
        if (!are_digits(digits) || !are_digits(fraction)) return CSCAN_DECLINED;
        value = number(digits) * 100000000 + number(fraction);
    }
    return is_negative ? -(int64_t)value : (int64_t)value;
}

static inline int64_t read_date(const uint8_t *start, size_t length) {
    if (length != 10) return CSCAN_DECLINED;
    const uint64_t word = load(start);
    if ((word & 0xff0000ff00000000u) != 0x2d00002d00000000u) return CSCAN_DECLINED;
    const uint64_t days = (uint64_t)(start[8] ^ 0x30) | (uint64_t)(start[9] ^ 0x30) << 8;
    const uint64_t digits = (word ^ ZEROS) & 0x00ffff00ffffffffu;
    if (!are_digits(digits) || !are_digits(days)) return CSCAN_DECLINED;
    const unsigned pairs = (unsigned)((digits & 0xffffffff) * 10 + ((digits & 0xffffffff) >> 8));
    const unsigned year = (pairs & 0xff) * 100 + (pairs >> 16 & 0xff);
    const unsigned month = (unsigned)(digits >> 40 & 0xff) * 10 + (unsigned)(digits >> 48 & 0xff);
    const unsigned day = (unsigned)(days & 0xff) * 10 + (unsigned)(days >> 8);
    if (month - 1 >= 12 || day == 0) return CSCAN_DECLINED;
    if (day > 28) {
        const int is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        const unsigned last = month == 2 ? 28 + (unsigned)is_leap : 30 + ((month + (month >> 3)) & 1);
        if (day > last) return CSCAN_DECLINED;
    }
    const unsigned shifted = year + (month <= 2 ? 399 : 400);
    const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (int64_t)shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719468 - 146097;
}

/// The bytes of a field, without a line end's carriage return.
#define FIELD(ROW)                                                                                                      \
    const uint32_t *const end = field->ends + (ROW) * field->width;                                                     \
    const uint8_t *start = field->base + (uint32_t)(end[-1] + 1);                                                       \
    size_t length = (uint32_t)(end[0] - end[-1] - 1);                                                                   \
    if (field->trims && length > 0 && start[length - 1] == 0x0d) length--;

#define SCALAR(READ, FROM, TO)                                                                                          \
    for (size_t one = FROM, last_one = TO; one < last_one; one++) {                                                     \
        FIELD(one)                                                                                                      \
        const int64_t value = READ(start, length);                                                                      \
        values[one] = value;                                                                                            \
        declined += value == CSCAN_DECLINED;                                                                            \
    }

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

/// Not zero in a byte's highest bit where that byte is no digit.
WIDE static inline __m256i not_digits(__m256i digits) {
    return _mm256_or_si256(_mm256_add_epi8(digits, _mm256_set1_epi8(0x76)), digits);
}

/// Eight digits in each lane as a number.
WIDE static inline __m256i four_numbers(__m256i digits) {
    const __m256i pairs = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(0x010a));
    const __m256i quads = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00010064));
    return _mm256_add_epi64(_mm256_mul_epu32(quads, SPREAD(10000)), _mm256_srli_epi64(quads, 32));
}

/// `length` digits from the front of each lane, moved to its end with zeros before them.
WIDE static inline __m256i four_up_to_eight(__m256i words, __m256i length) {
    return _mm256_sllv_epi64(
        _mm256_xor_si256(words, _mm256_set1_epi8(0x30)),
        _mm256_sub_epi64(SPREAD(64), _mm256_slli_epi64(length, 3)));
}

/// Takes a minus off; `negative` is all ones in its lanes.
WIDE static inline __m256i without_minus(__m256i words, __m256i *length, __m256i *negative) {
    *negative = _mm256_and_si256(
        _mm256_cmpeq_epi64(_mm256_and_si256(words, SPREAD(0xff)), SPREAD('-')),
        _mm256_cmpgt_epi64(*length, SPREAD(1)));
    *length = _mm256_add_epi64(*length, *negative);
    return _mm256_srlv_epi64(words, _mm256_and_si256(*negative, SPREAD(8)));
}

WIDE static inline __m256i with_sign(__m256i value, __m256i negative) {
    return _mm256_sub_epi64(_mm256_xor_si256(value, negative), negative);
}

WIDE static size_t integers_avx2(const struct cscan_column *field, size_t rows, int64_t *values) {
    size_t declined = 0, row = 0;
    for (; row + 4 <= rows; row += 4) {
        struct four all = four_fields(field, row);
        __m256i negative;
        const __m256i words = without_minus(four_words(&all, 0), &all.length, &negative);
        const __m256i digits = four_up_to_eight(words, all.length);
        // From 1 to 8 digits; behind a minus there is room for 7.
        const __m256i most = _mm256_add_epi64(SPREAD(8), negative);
        const __m256i bad = _mm256_or_si256(
            _mm256_or_si256(_mm256_cmpgt_epi64(SPREAD(1), all.length), _mm256_cmpgt_epi64(all.length, most)),
            not_digits(digits));
        if (_mm256_testz_si256(bad, _mm256_set1_epi8((char)0x80))) {
            _mm256_storeu_si256((__m256i *)(values + row), with_sign(four_numbers(digits), negative));
        } else {
            SCALAR(read_integer, row, row + 4)
        }
    }
    SCALAR(read_integer, row, rows)
    return declined;
}

WIDE static size_t decimals_avx2(const struct cscan_column *field, size_t rows, int64_t *values) {
    size_t declined = 0, row = 0;
    // Digits behind the point, guessed to be those of the field before; 0 without a point.
    unsigned places = 0;
    for (; row + 4 <= rows; row += 4) {
        struct four all = four_fields(field, row);
        const __m256i lengths = all.length;
        __m256i negative;
        const __m256i words = without_minus(four_words(&all, 0), &all.length, &negative);
        const __m256i whole = places ? _mm256_sub_epi64(all.length, SPREAD(places + 1)) : all.length;
        const __m256i digits = four_up_to_eight(words, whole);
        const __m256i most = _mm256_add_epi64(SPREAD(8), negative);
        __m256i bad = _mm256_or_si256(
            _mm256_or_si256(_mm256_cmpgt_epi64(SPREAD(1), whole), _mm256_cmpgt_epi64(whole, most)),
            not_digits(digits));
        __m256i value = _mm256_mul_epu32(four_numbers(digits), SPREAD(100000000));
        int fits = _mm256_testz_si256(bad, _mm256_set1_epi8((char)0x80));
        if (fits && places) {
            long long length[4];
            _mm256_storeu_si256((__m256i *)length, lengths);
            const size_t back = places + 1;
            for (int lane = 0; lane < 4; lane++) all.start[lane] += (size_t)length[lane] - back;
            const __m256i tails = four_words(&all, 0);
            const __m256i keep =
                places == 8 ? _mm256_set1_epi8((char)0xff) : SPREAD(((uint64_t)1 << (places * 8)) - 1);
            const __m256i behind = places == 8 ? four_words(&all, 1) : _mm256_srli_epi64(tails, 8);
            const __m256i fraction = _mm256_and_si256(_mm256_xor_si256(behind, _mm256_set1_epi8(0x30)), keep);
            bad = _mm256_or_si256(
                not_digits(fraction),
                _mm256_xor_si256(
                    _mm256_cmpeq_epi64(_mm256_and_si256(tails, SPREAD(0xff)), SPREAD('.')), SPREAD(-1)));
            fits = _mm256_testz_si256(bad, _mm256_set1_epi8((char)0x80));
            value = _mm256_add_epi64(value, four_numbers(fraction));
        }
        if (fits) {
            _mm256_storeu_si256((__m256i *)(values + row), with_sign(value, negative));
        } else {
            SCALAR(read_decimal, row, row + 4)
            FIELD(row + 3)
            const uint8_t *const point = memchr(start, '.', length);
            const size_t behind = point ? (size_t)(start + length - point) - 1 : 0;
            places = behind <= 8 ? (unsigned)behind : 0;
        }
    }
    SCALAR(read_decimal, row, rows)
    return declined;
}

WIDE static size_t dates_avx2(const struct cscan_column *field, size_t rows, int64_t *values) {
    size_t declined = 0, row = 0;
    const __m256i ones = SPREAD(-1);
    for (; row + 4 <= rows; row += 4) {
        const struct four all = four_fields(field, row);
        // y y y y - m m - and y y - m m - d d
        const __m256i words = four_words(&all, 0), tails = four_words(&all, 2);
        const __m256i dashes = _mm256_cmpeq_epi64(
            _mm256_and_si256(words, SPREAD(0xff0000ff00000000u)), SPREAD(0x2d00002d00000000u));
        const __m256i zeros = _mm256_set1_epi8(0x30);
        const __m256i digits = _mm256_and_si256(_mm256_xor_si256(words, zeros), SPREAD(0x00ffff00ffffffffu));
        const __m256i last = _mm256_srli_epi64(_mm256_xor_si256(tails, zeros), 48);
        // Pairs of digits as numbers, in 16 bits each: yy yy .m m. and dd.
        const __m256i ten = _mm256_set1_epi16(0x010a);
        const __m256i pairs = _mm256_maddubs_epi16(digits, ten);
        const __m256i day = _mm256_maddubs_epi16(last, ten);
        const __m256i month = _mm256_maddubs_epi16(
            _mm256_and_si256(_mm256_srli_epi64(digits, 40), SPREAD(0xffff)), ten);
        const __m256i low = SPREAD(0xffff);
        const __m256i year = _mm256_add_epi64(
            _mm256_mul_epu32(_mm256_and_si256(pairs, low), SPREAD(100)),
            _mm256_and_si256(_mm256_srli_epi64(pairs, 16), low));
        __m256i bad = _mm256_or_si256(_mm256_xor_si256(dashes, ones), _mm256_or_si256(not_digits(digits), not_digits(last)));
        bad = _mm256_or_si256(bad, _mm256_xor_si256(_mm256_cmpeq_epi64(all.length, SPREAD(10)), ones));
        bad = _mm256_or_si256(bad, _mm256_cmpgt_epi64(month, SPREAD(12)));
        bad = _mm256_or_si256(bad, _mm256_cmpeq_epi64(month, _mm256_setzero_si256()));
        bad = _mm256_or_si256(bad, _mm256_cmpeq_epi64(day, _mm256_setzero_si256()));
        // Days of a month: 30 or 31 by its number, February by the scalar way where it matters.
        const __m256i odd =
            _mm256_and_si256(_mm256_add_epi64(month, _mm256_srli_epi64(month, 3)), SPREAD(1));
        const __m256i is_february = _mm256_cmpeq_epi64(month, SPREAD(2));
        const __m256i most = _mm256_add_epi64(
            _mm256_add_epi64(SPREAD(30), odd), _mm256_and_si256(is_february, SPREAD(-2)));
        bad = _mm256_or_si256(bad, _mm256_cmpgt_epi64(day, most));
        if (!_mm256_testz_si256(bad, _mm256_set1_epi8((char)0x80))) {
            SCALAR(read_date, row, row + 4)
            continue;
        }
        const __m256i is_early = _mm256_cmpgt_epi64(SPREAD(3), month);
        const __m256i shifted = _mm256_add_epi64(_mm256_add_epi64(year, SPREAD(400)), is_early);
        const __m256i from_march = _mm256_add_epi64(
            _mm256_sub_epi64(month, SPREAD(3)), _mm256_and_si256(is_early, SPREAD(12)));
        // (153 m + 2) / 5 for m up to 11, x / 100 for x up to 10,400, by multiplication.
        const __m256i day_of_year = _mm256_srli_epi64(
            _mm256_mul_epu32(
                _mm256_add_epi64(_mm256_mul_epu32(from_march, SPREAD(153)), SPREAD(2)), SPREAD(52429)), 18);
        const __m256i centuries = _mm256_srli_epi64(_mm256_mul_epu32(shifted, SPREAD(5243)), 19);
        __m256i days = _mm256_add_epi64(_mm256_mul_epu32(shifted, SPREAD(365)), _mm256_srli_epi64(shifted, 2));
        days = _mm256_sub_epi64(days, centuries);
        days = _mm256_add_epi64(days, _mm256_srli_epi64(centuries, 2));
        days = _mm256_add_epi64(days, _mm256_add_epi64(day_of_year, day));
        days = _mm256_sub_epi64(days, SPREAD(719468 + 146097 + 1));
        _mm256_storeu_si256((__m256i *)(values + row), days);
    }
    SCALAR(read_date, row, rows)
    return declined;
}

#define DISPATCH(NAME)                                                                                                  \
    if (cscan_is_wide()) return NAME##_avx2(field, rows, values);
#else
#define DISPATCH(NAME)
#endif

size_t cscan_integers(const struct cscan_column *field, size_t rows, int64_t *values) {
    DISPATCH(integers)
    size_t declined = 0;
    SCALAR(read_integer, 0, rows)
    return declined;
}

size_t cscan_decimals(const struct cscan_column *field, size_t rows, int64_t *values) {
    DISPATCH(decimals)
    size_t declined = 0;
    SCALAR(read_decimal, 0, rows)
    return declined;
}

size_t cscan_dates(const struct cscan_column *field, size_t rows, int64_t *values) {
    DISPATCH(dates)
    size_t declined = 0;
    SCALAR(read_date, 0, rows)
    return declined;
}
