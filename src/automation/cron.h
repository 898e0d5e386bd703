/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Schedules as crontab(5) writes them, in UTC: minute, hour, day of the month, month, day of the week (0 and 7 are
 * Sunday). Each is `*`, a number, a range `1-5`, a list `1,3`, with steps `*` `/15` or `8-18/2`; months and days also
 * by their first three letters, and their ranges go on over the end of the year or week (`nov-feb`, `fri-mon`). When
 * both days are restricted, either is enough. Or one word for all five: `@hourly`, `@daily` (`@midnight`), `@weekly`
 * (Sunday), `@monthly`, `@yearly` (`@annually`).
 */
#ifndef PR_AUTOMATION_CRON_H
#define PR_AUTOMATION_CRON_H

#include "base/str.h"

struct cron {
    uint64_t minutes; /* bit n: minute n */
    uint32_t hours;
    uint32_t days;   /* 1..31 */
    uint32_t months; /* 1..12 */
    uint32_t weekdays;
    bool any_day; /* the day of the month is `*` */
    bool any_weekday;
};

/* ERR_SYNTAX: *why, static. */
MUST_USE enum err cron_parse(struct str text, struct cron *out, const char **why);
/* The first time after after_ms; TIME_NEVER: none within ten years. */
int64_t cron_next(const struct cron *c, int64_t after_ms);

#endif
