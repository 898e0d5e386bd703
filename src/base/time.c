/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <stdio.h>

#define YEAR_0_MS        (-62167219200000)
#define YEAR_9999_END_MS 253402300799999

/* Days since 1970-01-01 of a proleptic Gregorian date (Hinnant, "chrono-compatible low-level date algorithms"). */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153 * (m + (m > 2 ? -3u : 9u)) + 2) / 5 + d - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

struct civil {
    int year;
    unsigned month;
    unsigned day;
};

static struct civil civil_from_days(int64_t z)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    unsigned doe = (unsigned)(z - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    unsigned month = mp < 10 ? mp + 3 : mp - 9;
    return (struct civil){.year = (int)((int64_t)yoe + era * 400 + (month <= 2)),
                          .month = month,
                          .day = doy - (153 * mp + 2) / 5 + 1};
}

static void put_digits(char *to, unsigned v, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        to[i] = (char)('0' + v % 10);
        v /= 10;
    }
}

void time_format(int64_t ms, char out[TIME_TEXT_SIZE])
{
    if (ms < YEAR_0_MS)
        ms = YEAR_0_MS;
    if (ms > YEAR_9999_END_MS)
        ms = YEAR_9999_END_MS;
    int64_t days = ms / TIME_DAY_MS;
    int64_t rest = ms % TIME_DAY_MS;
    if (rest < 0) {
        rest += TIME_DAY_MS;
        days--;
    }
    struct civil c = civil_from_days(days);
    memcpy(out, "0000-00-00T00:00:00.000Z", TIME_TEXT_SIZE);
    put_digits(out, (unsigned)c.year, 4);
    put_digits(out + 5, c.month, 2);
    put_digits(out + 8, c.day, 2);
    put_digits(out + 11, (unsigned)(rest / TIME_HOUR_MS), 2);
    put_digits(out + 14, (unsigned)(rest / TIME_MINUTE_MS % 60), 2);
    put_digits(out + 17, (unsigned)(rest / TIME_SECOND_MS % 60), 2);
    put_digits(out + 20, (unsigned)(rest % 1000), 3);
}

/* Reads exactly `count` digits at the head of *s. */
static bool take_digits(struct str *s, size_t count, unsigned *out)
{
    uint64_t v;
    if (s->len < count || str_to_u64(str_take(*s, count), &v) != ERR_OK)
        return false;
    *s = str_skip(*s, count);
    *out = (unsigned)v;
    return true;
}

static bool take_char(struct str *s, const char *any)
{
    if (s->len == 0 || s->ptr[0] == '\0' || strchr(any, s->ptr[0]) == NULL)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

static bool take_offset(struct str s, int64_t *offset_ms)
{
    unsigned h, m;
    bool minus;
    if (str_eq_nocase(str_trim(s), STR("z")) || str_eq(s, STR(" UTC"))) {
        *offset_ms = 0;
        return true;
    }
    if (s.len != 6 || (s.ptr[0] != '+' && s.ptr[0] != '-'))
        return false;
    minus = s.ptr[0] == '-';
    s = str_skip(s, 1);
    if (!take_digits(&s, 2, &h) || !take_char(&s, ":") || !take_digits(&s, 2, &m) || h > 23 || m > 59)
        return false;
    *offset_ms = (int64_t)h * TIME_HOUR_MS + (int64_t)m * TIME_MINUTE_MS;
    if (minus)
        *offset_ms = -*offset_ms;
    return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

enum err time_parse(struct str s, int64_t *ms_out)
{
    unsigned year, month, day, hour, min, sec, millis = 0;
    int64_t offset_ms;
    if (!take_digits(&s, 4, &year) || !take_char(&s, "-") || !take_digits(&s, 2, &month) || !take_char(&s, "-") ||
        !take_digits(&s, 2, &day) || !take_char(&s, "Tt ") || !take_digits(&s, 2, &hour) || !take_char(&s, ":") ||
        !take_digits(&s, 2, &min) || !take_char(&s, ":") || !take_digits(&s, 2, &sec))
        return ERR_INVALID;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || min > 59 || sec > 60)
        return ERR_INVALID;
    if (take_char(&s, ".")) {
        unsigned digit, count = 0;
        for (; take_digits(&s, 1, &digit); count++)
            if (count < 3)
                millis = millis * 10 + digit;
        if (count == 0)
            return ERR_INVALID;
        for (; count < 3; count++)
            millis *= 10;
    }
    if (!take_offset(s, &offset_ms))
        return ERR_INVALID;
    if (sec == 60)
        sec = 59;
    *ms_out = days_from_civil((int64_t)year, month, day) * TIME_DAY_MS + (int64_t)hour * TIME_HOUR_MS +
              (int64_t)min * TIME_MINUTE_MS + (int64_t)sec * TIME_SECOND_MS + (int64_t)millis - offset_ms;
    return ERR_OK;
}

enum err time_parse_duration(struct str s, int64_t *ms_out)
{
    static const struct {
        struct str unit;
        int64_t ms;
    } units[] = {
            {{"ms", 2}, 1},           {{"s", 1}, TIME_SECOND_MS}, {{"m", 1}, TIME_MINUTE_MS},
            {{"h", 1}, TIME_HOUR_MS}, {{"d", 1}, TIME_DAY_MS},
    };
    size_t digits = 0;
    while (digits < s.len && ((s.ptr[digits] >= '0' && s.ptr[digits] <= '9') || s.ptr[digits] == '.'))
        digits++;
    struct str number = str_take(s, digits), unit = str_skip(s, digits);
    struct str fraction = number;
    struct str whole = str_split(&fraction, '.');
    uint64_t w = 0, f = 0, scale = 1;
    if (str_to_u64(whole, &w) != ERR_OK || (number.len > whole.len && str_to_u64(fraction, &f) != ERR_OK))
        return ERR_INVALID;
    if (w > 100u * 366 * 86400 * 1000 || fraction.len > 6)
        return ERR_INVALID;
    for (size_t i = 0; i < fraction.len; i++)
        scale *= 10;
    if (unit.len == 0 && w == 0 && f == 0) {
        *ms_out = 0;
        return ERR_OK;
    }
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (!str_eq(unit, units[i].unit))
            continue;
        int64_t ms;
        if (__builtin_mul_overflow((int64_t)w, units[i].ms, &ms) || ms > 100 * 366 * TIME_DAY_MS)
            return ERR_INVALID;
        *ms_out = ms + (int64_t)f * units[i].ms / (int64_t)scale;
        return ERR_OK;
    }
    return ERR_INVALID;
}
