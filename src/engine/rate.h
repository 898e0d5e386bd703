/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rate limit as the generic cell rate algorithm (ITU-T I.371): one number of state, no burst beyond what late timers
 * lose. In any second at most rate + 1 pass.
 */
#ifndef PR_ENGINE_RATE_H
#define PR_ENGINE_RATE_H

#include <stdint.h>

struct rate {
    int per_second;  /* 0 = unlimited */
    int64_t next_us; /* the earliest time of the next, by the schedule */
};

/* Timers fire up to this late; what is lost to that is made good, at most. */
#define RATE_SLACK_US 5000

/* Changes the limit and keeps the state, so that an edit cannot be used to burst. */
static inline void rate_set(struct rate *r, int per_second)
{
    r->per_second = per_second;
}

/* When the next may pass, in ms: `now_ms` or later. */
static inline int64_t rate_ready_ms(const struct rate *r, int64_t now_ms)
{
    if (r->per_second == 0 || r->next_us <= now_ms * 1000)
        return now_ms;
    return (r->next_us + 999) / 1000;
}

/* Takes one; the caller asked rate_ready_ms first. */
static inline void rate_take(struct rate *r, int64_t now_ms)
{
    if (r->per_second == 0)
        return;
    int64_t interval_us = 1000000 / r->per_second;
    int64_t slack_us = interval_us < RATE_SLACK_US ? interval_us : RATE_SLACK_US;
    int64_t floor_us = now_ms * 1000 - (r->per_second > 1000 ? RATE_SLACK_US : slack_us);
    r->next_us = (r->next_us > floor_us ? r->next_us : floor_us) + interval_us;
}

#endif
