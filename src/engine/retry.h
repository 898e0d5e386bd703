/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the next attempt is due. Pure.
 */
#ifndef PR_ENGINE_RETRY_H
#define PR_ENGINE_RETRY_H

#include <stddef.h>
#include <stdint.h>

/* The jitter takes away at most this share of a delay and never adds, so that the sum stays inside the window. */
#define RETRY_JITTER_PERCENT 10

/*
 * The delay in ms before the attempt after `tries` scheduled ones, or -1 when the schedule is exhausted. `random` is
 * any 64 random bits. A Retry-After (ms, -1 = none) is honoured between 1 and 2 times the scheduled delay, then without
 * jitter.
 */
int64_t retry_delay_ms(const int64_t *schedule_ms, size_t count, int tries, int64_t retry_after_ms, uint64_t random);

#endif
