/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as int64 milliseconds since the Unix epoch, UTC; their text form (RFC 3339) and durations as people write
 * them in settings. Reads no clock.
 */
#ifndef PR_BASE_TIME_H
#define PR_BASE_TIME_H

#include "base/str.h"

#define TIME_SECOND_MS ((int64_t)1000)
#define TIME_MINUTE_MS (60 * TIME_SECOND_MS)
#define TIME_HOUR_MS   (60 * TIME_MINUTE_MS)
#define TIME_DAY_MS    (24 * TIME_HOUR_MS)
#define TIME_NEVER     INT64_MAX

/* "2026-11-21T09:30:00.123Z" and its NUL. */
#define TIME_TEXT_SIZE 25

/* RFC 3339, UTC, milliseconds, `Z`. Years 0000-9999; outside, the nearest bound. */
void time_format(int64_t ms, char out[TIME_TEXT_SIZE]);
/*
 * RFC 3339 and what senders make of it: `T`, `t` or a space between date and time; any fraction (cut to milliseconds);
 * `Z`, `z`, ` UTC`, or an offset `+02:00`. ERR_INVALID otherwise. A leap second reads as the second before.
 */
MUST_USE enum err time_parse(struct str s, int64_t *ms_out);
/* A duration such as `1ms`, `5s`, `1.5h`, `90d`; units ms, s, m, h, d; "0" alone is fine. Result 0..100 years. */
MUST_USE enum err time_parse_duration(struct str s, int64_t *ms_out);

#endif
