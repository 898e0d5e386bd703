/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retry-After: a number of seconds, or a date as RFC 9110 section 5.6.7 allows it: IMF-fixdate, RFC 850, asctime.
 */
#include "delivery/retry_after.h"

#include <stdio.h>
#include <time.h>

#include "base/time.h"

#define WAIT_MAX_MS (365 * TIME_DAY_MS)

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int find_month(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(month_names); i++)
        if (strcmp(name, month_names[i]) == 0)
            return (int)i;
    return -1;
}

/* A two-digit year is the one less than 50 years ahead (RFC 9110 section 5.6.7). */
static int widen_year(int two_digits, int64_t now_ms)
{
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm now;
    gmtime_r(&now_s, &now);
    int year = (now.tm_year + 1900) / 100 * 100 + two_digits;
    return year > now.tm_year + 1900 + 50 ? year - 100 : year;
}

static bool read_date(struct str value, int64_t now_ms, int64_t *out_ms)
{
    char text[40], month[4];
    struct tm t = {0};
    int year = 0, end = 0;
    if (value.len >= sizeof text)
        return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &t.tm_mday, month, &year, &t.tm_hour,
               &t.tm_min, &t.tm_sec, &end) == 6 &&
        end == (int)value.len) {
    } else if (sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &t.tm_mday, month, &year, &t.tm_hour,
                      &t.tm_min, &t.tm_sec, &end) == 6 &&
               end == (int)value.len) {
        year = widen_year(year, now_ms);
    } else if (sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month, &t.tm_mday, &t.tm_hour, &t.tm_min,
                      &t.tm_sec, &year, &end) != 6 ||
               end != (int)value.len) {
        return false;
    }
    t.tm_mon = find_month(month);
    t.tm_year = year - 1900;
    if (t.tm_mon < 0 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60 ||
        t.tm_hour < 0 || t.tm_min < 0 || t.tm_sec < 0 || year < 1970)
        return false;
    *out_ms = (int64_t)timegm(&t) * 1000;
    return true;
}

int64_t retry_after_parse(struct str value, int64_t now_ms)
{
    value = str_trim(value);
    uint64_t seconds;
    if (str_to_u64(value, &seconds) == ERR_OK)
        return seconds > WAIT_MAX_MS / 1000 ? WAIT_MAX_MS : (int64_t)seconds * 1000;
    int64_t at_ms;
    if (value.len == 0 || !read_date(value, now_ms, &at_ms))
        return -1;
    int64_t wait_ms = at_ms - now_ms;
    return wait_ms < 0 ? 0 : wait_ms > WAIT_MAX_MS ? WAIT_MAX_MS : wait_ms;
}
