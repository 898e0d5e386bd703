/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one clock: the wall time at start plus monotonic time, so that a jump of the system clock neither fires nor
 * freezes retries; slewed towards the system clock by at most 1 ms per 2 ms (a drift of minutes is made good, a jump of
 * more than a day is logged and followed at that rate too). Thread-safe.
 */
#ifndef PR_SYS_CLOCK_H
#define PR_SYS_CLOCK_H

#include <stdint.h>

/* Call once before threads start. `at_least_ms`: the highest time the store has seen; the clock never starts before. */
void clock_init(int64_t at_least_ms);
/* Unix milliseconds. Never goes backwards. */
int64_t clock_wall_ms(void);
/* The system clock as it stands: for what others hold against their own clock, such as the time in a signature. */
int64_t clock_system_ms(void);
/* Monotonic, for durations and time-outs. */
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void);
/* How much of `ahead` has been made good after `elapsed` (same unit, elapsed >= 0). Pure. */
int64_t clock_slew(int64_t ahead, int64_t elapsed);

#endif
