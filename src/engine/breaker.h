/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Per endpoint: how many requests may be in flight, and whether it is worth sending at all. Pure.
 *
 *            10 failures of different messages in a row
 *   CLOSED ───────────────────────────────────────────────▶ OPEN ──┐ the probe fails: wait doubles, 1 s … 5 min
 *      ▲                                                     │  ▲───┘
 *      │ the window has grown back                           │ a probe (one due attempt) succeeds
 *      └───────────────── RAMP ◀─────────────────────────────┘
 *
 * The window is the number of requests in flight: it starts at 2, grows by one with each success up to the cap and
 * shrinks to 1 with a failure, as Postfix treats a destination. An open breaker delays what is due; it consumes
 * nothing.
 */
#ifndef PR_ENGINE_BREAKER_H
#define PR_ENGINE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/oid.h"

#define BREAKER_FAILURES    10
#define BREAKER_WAIT_MIN_MS 1000
#define BREAKER_WAIT_MAX_MS 300000

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_RAMP };

struct breaker {
    enum breaker_state state;
    int cap;           /* of the window */
    int window;        /* requests that may be in flight */
    int failures;      /* of different messages, in a row */
    oid_t last_failed; /* message */
    bool proven;       /* the last outcome was a success */
    int64_t wait_ms;   /* of the open state */
    int64_t probe_ms;  /* when OPEN: the time of the next probe */
};

void breaker_init(struct breaker *b, int cap);
void breaker_success(struct breaker *b);
/* by_hand: somebody asked for the attempt, whatever the breaker said: when it is open, the next probe stays where it
 * is. random: 64 random bits, for the probe's jitter. */
void breaker_failure(struct breaker *b, oid_t msg, bool by_hand, int64_t now_ms, uint64_t random);
/*
 * Whether an attempt that was due at due_ms may go now with `running` in flight. An attempt that has waited for
 * BREAKER_WAIT_MAX_MS goes whatever the breaker says. If not: *at_ms is when to ask again, TIME_NEVER = when one ends.
 */
bool breaker_allows(const struct breaker *b, int running, int64_t due_ms, int64_t now_ms, int64_t *at_ms);

#endif
