/* SPDX-License-Identifier: Apache-2.0 */
#include "automation/cron.h"

#include "base/time.h"

#define DAYS_MAX 3660

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

struct part {
    unsigned min, max;
    const char *const *names; /* of min, min + 1, … ; NULL: none */
    unsigned turn;            /* after so many a range begins anew; 0: it does not */
    const char *why;
};

static const struct part parts[5] = {
        {0, 59, NULL, 0, "the minute must be 0 to 59, a list, a range or *"},
        {0, 23, NULL, 0, "the hour must be 0 to 23, a list, a range or *"},
        {1, 31, NULL, 0, "the day of the month must be 1 to 31, a list, a range or *"},
        {1, 12, month_names, 12, "the month must be 1 to 12 or jan to dec, a list, a range or *"},
        {0, 7, weekday_names, 7, "the day of the week must be 0 to 7 or sun to sat, a list, a range or *"},
};

static const struct nickname {
    const char *name, *means;
} nicknames[] = {
        {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
        {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"},
};

static bool number(const struct part *p, struct str s, unsigned *out)
{
    uint64_t v;
    for (unsigned i = 0; p->names != NULL && p->names[i] != NULL; i++) {
        if (str_eq_nocase(s, str_c(p->names[i]))) {
            *out = p->min + i;
            return true;
        }
    }
    if (str_to_u64(s, &v) != ERR_OK || v < p->min || v > p->max)
        return false;
    *out = (unsigned)v;
    return true;
}

/* One item of a list: `*`, `5`, `1-5`, `fri-mon`, each with or without `/n`. */
static bool item(const struct part *p, struct str s, uint64_t *bits)
{
    struct str rest = s, range = str_split(&rest, '/');
    bool stepped = range.len < s.len;
    uint64_t step = 1;
    unsigned from = p->min, to = p->max;
    if (stepped && (str_to_u64(rest, &step) != ERR_OK || step == 0 || step > 60))
        return false;
    if (!str_eq(range, STR("*"))) {
        struct str last = range, first = str_split(&last, '-');
        bool ranged = first.len < range.len;
        if (!number(p, first, &from) || (ranged && !number(p, last, &to)))
            return false;
        if (!ranged && !stepped)
            to = from;
        if (from > to)
            to += p->turn;
        if (from > to)
            return false;
    }
    for (unsigned i = from; i <= to; i += (unsigned)step)
        *bits |= (uint64_t)1 << i;
    return true;
}

static bool list(const struct part *p, struct str s, uint64_t *bits)
{
    *bits = 0;
    if (s.len == 0 || s.ptr[s.len - 1] == ',')
        return false;
    while (s.len > 0) {
        if (!item(p, str_split(&s, ','), bits))
            return false;
    }
    return true;
}

static struct str next_word(struct str *rest)
{
    *rest = str_trim(*rest);
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != ' ' && rest->ptr[n] != '\t')
        n++;
    struct str word = str_take(*rest, n);
    *rest = str_trim(str_skip(*rest, n));
    return word;
}

static struct str without_nickname(struct str text)
{
    struct str name = str_trim(text);
    for (size_t i = 0; i < ARRAY_LEN(nicknames); i++) {
        if (str_eq_nocase(name, str_c(nicknames[i].name)))
            return str_c(nicknames[i].means);
    }
    return text;
}

enum err cron_parse(struct str text, struct cron *out, const char **why)
{
    uint64_t bits[5];
    struct str words[5];
    text = without_nickname(text);
    for (int i = 0; i < 5; i++)
        words[i] = next_word(&text);
    if (words[4].len == 0 || text.len > 0) {
        *why = "must have five parts: minute, hour, day of the month, month, day of the week; or be @hourly, "
               "@daily, @weekly, @monthly or @yearly";
        return ERR_SYNTAX;
    }
    for (int i = 0; i < 5; i++) {
        if (list(&parts[i], words[i], &bits[i]))
            continue;
        *why = parts[i].why;
        return ERR_SYNTAX;
    }
    *out = (struct cron){.minutes = bits[0],
                         .hours = (uint32_t)bits[1],
                         .days = (uint32_t)bits[2],
                         .months = (uint32_t)((bits[3] | bits[3] >> 12) & 0x1ffe),
                         .weekdays = (uint32_t)((bits[4] | bits[4] >> 7) & 0x7f),
                         .any_day = words[2].ptr[0] == '*',
                         .any_weekday = words[4].ptr[0] == '*'};
    return ERR_OK;
}

/* The civil date of a day since 1970-01-01 (proleptic Gregorian, years from March). */
static void date_of(int64_t day, unsigned *month, unsigned *mday)
{
    int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *mday = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
}

static bool day_fits(const struct cron *c, int64_t day)
{
    unsigned month, mday, weekday = (unsigned)((day % 7 + 11) % 7); /* 1970-01-01 was a Thursday */
    date_of(day, &month, &mday);
    bool by_day = (c->days >> mday & 1) != 0, by_weekday = (c->weekdays >> weekday & 1) != 0;
    bool either = !c->any_day && !c->any_weekday;
    return (c->months >> month & 1) != 0 && (either ? by_day || by_weekday : by_day && by_weekday);
}

int64_t cron_next(const struct cron *c, int64_t after_ms)
{
    int64_t minute = after_ms / TIME_MINUTE_MS + 1;
    int64_t day = minute / 1440, first = minute % 1440;
    for (int64_t d = day; d < day + DAYS_MAX; d++, first = 0) {
        if (!day_fits(c, d))
            continue;
        for (int64_t m = first; m < 1440; m++) {
            if ((c->hours >> m / 60 & 1) != 0 && (c->minutes >> m % 60 & 1) != 0)
                return (d * 1440 + m) * TIME_MINUTE_MS;
        }
    }
    return TIME_NEVER;
}
