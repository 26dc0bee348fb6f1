#include "fields.h"

// Reads columns of plain numbers and dates out of the file's bytes: field `row` ends at `ends[row * width]` and starts one past
// `ends[row * width - 1]`. What is not in the plainest form is declined, and goes to the exact reader. Each function may read 16
// bytes past a field. Scalar for every machine; four rows at a time where there is AVX2. Both give the same values.

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

static inline int64_t read_datetime(const uint8_t *start, size_t length, const struct cscan_column *field) {
    const int is_bare = length == 19 && field->zone != CSCAN_ZONED;
    const int is_zoned = length == 20 && field->zone != CSCAN_BARE_TIME && start[19] == 'Z';
    if (!is_bare && !is_zoned) return CSCAN_DECLINED;
    if (start[10] != field->separator) return CSCAN_DECLINED;
    const int64_t days = read_date(start, 10);
    if (days == CSCAN_DECLINED) return CSCAN_DECLINED;
    // h h : m m : s s
    const uint64_t word = load(start + 11);
    if ((word & 0x0000ff0000ff0000u) != 0x00003a00003a0000u) return CSCAN_DECLINED;
    const uint64_t digits = (word ^ ZEROS) & 0xffff00ffff00ffffu;
    if (!are_digits(digits)) return CSCAN_DECLINED;
    const unsigned hour = (unsigned)(digits & 0xff) * 10 + (unsigned)(digits >> 8 & 0xff);
    const unsigned minute = (unsigned)(digits >> 24 & 0xff) * 10 + (unsigned)(digits >> 32 & 0xff);
    const unsigned second = (unsigned)(digits >> 48 & 0xff) * 10 + (unsigned)(digits >> 56);
    if (hour >= 24 || minute >= 60 || second >= 60) return CSCAN_DECLINED;
    return (days * 86400 + (int64_t)(hour * 3600 + minute * 60 + second)) * 1000000;
}

#define read_datetime_of_field(START, LENGTH) read_datetime(START, LENGTH, field)

#define SCALAR(READ, FROM, TO)                                                                                          \
    for (size_t one = FROM, last_one = TO; one < last_one; one++) {                                                     \
        FIELD(one)                                                                                                      \
        const int64_t value = READ(start, length);                                                                      \
        values[one] = value;                                                                                            \
        picked[declined] = (uint16_t)one;                                                                               \
        declined += value == CSCAN_DECLINED;                                                                            \
    }

#if defined(__x86_64__)

/// Not zero in a byte's highest bit where that byte is no digit.
WIDE static inline __m256i not_digits(__m256i digits) {
    return _mm256_or_si256(_mm256_add_epi8(digits, _mm256_set1_epi8(0x76)), digits);
}

/// A bit for each lane that has a byte whose highest bit is set.
WIDE static inline unsigned bad_lanes(__m256i bad) {
    const __m256i highest = _mm256_and_si256(bad, _mm256_set1_epi8((char)0x80));
    const __m256i good = _mm256_cmpeq_epi64(highest, _mm256_setzero_si256());
    return ~(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(good)) & 0xf;
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

WIDE static size_t integers_avx2(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked) {
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
        _mm256_storeu_si256((__m256i *)(values + row), with_sign(four_numbers(digits), negative));
        // Only those that are not in this form: a column with missing values has one in many a group.
        for (unsigned others = bad_lanes(bad); others != 0; others &= others - 1) {
            const size_t other = row + (size_t)__builtin_ctz(others);
            SCALAR(read_integer, other, other + 1)
        }
    }
    SCALAR(read_integer, row, rows)
    return declined;
}

WIDE static size_t decimals_avx2(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked) {
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

/// Days from 1970-01-01 of four dates, by their first eight bytes and their third to tenth. `bad` gets high bits in the lanes
/// that hold no date, or the end of a February, which the scalar way decides.
WIDE static inline __m256i four_days(__m256i words, __m256i tails, __m256i *bad) {
    const __m256i ones = SPREAD(-1);
    // y y y y - m m - and y y - m m - d d
    const __m256i dashes = _mm256_cmpeq_epi64(
        _mm256_and_si256(words, SPREAD(0xff0000ff00000000u)), SPREAD(0x2d00002d00000000u));
    const __m256i zeros = _mm256_set1_epi8(0x30);
    const __m256i digits = _mm256_and_si256(_mm256_xor_si256(words, zeros), SPREAD(0x00ffff00ffffffffu));
    const __m256i last = _mm256_srli_epi64(_mm256_xor_si256(tails, zeros), 48);
    // Pairs of digits as numbers, in 16 bits each: yy yy .m m. and dd.
    const __m256i ten = _mm256_set1_epi16(0x010a);
    const __m256i pairs = _mm256_maddubs_epi16(digits, ten);
    const __m256i day = _mm256_maddubs_epi16(last, ten);
    const __m256i month =
        _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi64(digits, 40), SPREAD(0xffff)), ten);
    const __m256i low = SPREAD(0xffff);
    const __m256i year = _mm256_add_epi64(
        _mm256_mul_epu32(_mm256_and_si256(pairs, low), SPREAD(100)),
        _mm256_and_si256(_mm256_srli_epi64(pairs, 16), low));
    __m256i wrong = _mm256_or_si256(_mm256_xor_si256(dashes, ones), _mm256_or_si256(not_digits(digits), not_digits(last)));
    wrong = _mm256_or_si256(wrong, _mm256_cmpgt_epi64(month, SPREAD(12)));
    wrong = _mm256_or_si256(wrong, _mm256_cmpeq_epi64(month, _mm256_setzero_si256()));
    wrong = _mm256_or_si256(wrong, _mm256_cmpeq_epi64(day, _mm256_setzero_si256()));
    // Days of a month: 30 or 31 by its number, 28 of February.
    const __m256i odd = _mm256_and_si256(_mm256_add_epi64(month, _mm256_srli_epi64(month, 3)), SPREAD(1));
    const __m256i is_february = _mm256_cmpeq_epi64(month, SPREAD(2));
    const __m256i most =
        _mm256_add_epi64(_mm256_add_epi64(SPREAD(30), odd), _mm256_and_si256(is_february, SPREAD(-2)));
    *bad = _mm256_or_si256(*bad, _mm256_or_si256(wrong, _mm256_cmpgt_epi64(day, most)));
    const __m256i is_early = _mm256_cmpgt_epi64(SPREAD(3), month);
    const __m256i shifted = _mm256_add_epi64(_mm256_add_epi64(year, SPREAD(400)), is_early);
    const __m256i from_march =
        _mm256_add_epi64(_mm256_sub_epi64(month, SPREAD(3)), _mm256_and_si256(is_early, SPREAD(12)));
    // (153 m + 2) / 5 for m up to 11, x / 100 for x up to 10,400, by multiplication.
    const __m256i day_of_year = _mm256_srli_epi64(
        _mm256_mul_epu32(_mm256_add_epi64(_mm256_mul_epu32(from_march, SPREAD(153)), SPREAD(2)), SPREAD(52429)), 18);
    const __m256i centuries = _mm256_srli_epi64(_mm256_mul_epu32(shifted, SPREAD(5243)), 19);
    __m256i days = _mm256_add_epi64(_mm256_mul_epu32(shifted, SPREAD(365)), _mm256_srli_epi64(shifted, 2));
    days = _mm256_sub_epi64(days, centuries);
    days = _mm256_add_epi64(days, _mm256_srli_epi64(centuries, 2));
    days = _mm256_add_epi64(days, _mm256_add_epi64(day_of_year, day));
    return _mm256_sub_epi64(days, SPREAD(719468 + 146097 + 1));
}

WIDE static size_t dates_avx2(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked) {
    size_t declined = 0, row = 0;
    for (; row + 4 <= rows; row += 4) {
        const struct four all = four_fields(field, row);
        __m256i bad = _mm256_xor_si256(_mm256_cmpeq_epi64(all.length, SPREAD(10)), SPREAD(-1));
        const __m256i days = four_days(four_words(&all, 0), four_words(&all, 2), &bad);
        _mm256_storeu_si256((__m256i *)(values + row), days);
        for (unsigned others = bad_lanes(bad); others != 0; others &= others - 1) {
            const size_t other = row + (size_t)__builtin_ctz(others);
            SCALAR(read_date, other, other + 1)
        }
    }
    SCALAR(read_date, row, rows)
    return declined;
}

WIDE static size_t datetimes_avx2(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked) {
    size_t declined = 0, row = 0;
    const __m256i ones = SPREAD(-1);
    const __m256i separator = SPREAD(field->separator);
    const __m256i bare = SPREAD(field->zone == CSCAN_ZONED ? 0 : 19), zoned = SPREAD(field->zone == CSCAN_BARE_TIME ? 0 : 20);
    // h h m m s s without what stands between them.
    const __m256i pack = _mm256_set_epi8(
        -1, -1, 15, 14, 12, 11, 9, 8, -1, -1, 7, 6, 4, 3, 1, 0, -1, -1, 15, 14, 12, 11, 9, 8, -1, -1, 7, 6, 4, 3, 1, 0);
    for (; row + 4 <= rows; row += 4) {
        const struct four all = four_fields(field, row);
        // T h h : m m : s and h h : m m : s s; the byte behind them may be a Z.
        const __m256i times = four_words(&all, 11), tails = four_words(&all, 12);
        const __m256i is_bare = _mm256_cmpeq_epi64(all.length, bare);
        const __m256i is_zoned = _mm256_and_si256(
            _mm256_cmpeq_epi64(all.length, zoned), _mm256_cmpeq_epi64(_mm256_srli_epi64(tails, 56), SPREAD('Z')));
        __m256i bad = _mm256_xor_si256(_mm256_or_si256(is_bare, is_zoned), ones);
        const __m256i middle = four_words(&all, 3);
        const __m256i days = four_days(four_words(&all, 0), four_words(&all, 2), &bad);
        const __m256i colons = _mm256_cmpeq_epi64(
            _mm256_and_si256(times, SPREAD(0x0000ff0000ff0000u)), SPREAD(0x00003a00003a0000u));
        const __m256i separators = _mm256_cmpeq_epi64(_mm256_srli_epi64(middle, 56), separator);
        bad = _mm256_or_si256(bad, _mm256_xor_si256(_mm256_and_si256(colons, separators), ones));
        const __m256i digits = _mm256_shuffle_epi8(_mm256_xor_si256(times, _mm256_set1_epi8(0x30)), pack);
        bad = _mm256_or_si256(bad, not_digits(digits));
        const __m256i parts = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(0x010a));
        bad = _mm256_or_si256(bad, _mm256_cmpgt_epi16(parts, SPREAD(0x0000003b003b0017u)));
        const __m256i seconds = _mm256_madd_epi16(parts, SPREAD(0x00000001003c0e10u));
        const __m256i second =
            _mm256_add_epi64(_mm256_and_si256(seconds, SPREAD(0xffffffffu)), _mm256_srli_epi64(seconds, 32));
        const __m256i thousand = SPREAD(1000);
        const __m256i millis =
            _mm256_add_epi64(_mm256_mul_epi32(days, SPREAD(86400000)), _mm256_mul_epu32(second, thousand));
        const __m256i micros = _mm256_add_epi64(
            _mm256_mul_epu32(millis, thousand),
            _mm256_slli_epi64(_mm256_mul_epu32(_mm256_srli_epi64(millis, 32), thousand), 32));
        _mm256_storeu_si256((__m256i *)(values + row), micros);
        for (unsigned others = bad_lanes(bad); others != 0; others &= others - 1) {
            const size_t other = row + (size_t)__builtin_ctz(others);
            SCALAR(read_datetime_of_field, other, other + 1)
        }
    }
    SCALAR(read_datetime_of_field, row, rows)
    return declined;
}

#define DISPATCH(NAME)                                                                                                  \
    if (cscan_is_wide()) return NAME##_avx2(field, rows, values, picked);
#else
#define DISPATCH(NAME)
#endif

size_t cscan_integers(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked) {
    DISPATCH(integers)
    size_t declined = 0;
    SCALAR(read_integer, 0, rows)
    return declined;
}

size_t cscan_decimals(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked) {
    DISPATCH(decimals)
    size_t declined = 0;
    SCALAR(read_decimal, 0, rows)
    return declined;
}

size_t cscan_dates(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked) {
    DISPATCH(dates)
    size_t declined = 0;
    SCALAR(read_date, 0, rows)
    return declined;
}

size_t cscan_datetimes(const struct cscan_column *field, size_t rows, int64_t *values, uint16_t *picked) {
    DISPATCH(datetimes)
    size_t declined = 0;
    SCALAR(read_datetime_of_field, 0, rows)
    return declined;
}
