/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wall clock is a chain of segments. Each starts at (mono_us, wall_us) and knows how far the system clock was ahead
 * then; within it the difference is made good at no more than 1 in 2. Segments join without a step, so:
 *
 * 1. wall time never goes backwards and never runs slower than half or faster than one and a half;
 * 2. whatever the system clock does, it is followed, but slowly.
 *
 * Readers take a segment under a sequence number that is odd while a writer replaces it (about once a second).
 */
#include "sys/clock.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/time.h"

#define SEGMENT_US ((int64_t)1000000)
#define JUMP_US    (TIME_DAY_MS * 1000)

static struct {
    atomic_uint_fast64_t seq; /* 0: not initialised; odd: being replaced */
    atomic_int_fast64_t mono_us;
    atomic_int_fast64_t wall_us;
    atomic_int_fast64_t ahead_us; /* system clock minus ours, at the start of the segment */
} now;

static pthread_mutex_t writer = PTHREAD_MUTEX_INITIALIZER;
static bool jump_logged;

static int64_t read_us(clockid_t id)
{
    struct timespec t;
    CHECK(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t clock_system_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_slew(int64_t ahead, int64_t elapsed)
{
    int64_t most = elapsed / 2;
    return ahead > most ? most : ahead < -most ? -most : ahead;
}

static void write_segment(int64_t mono_us, int64_t wall_us, int64_t ahead_us)
{
    atomic_store(&now.mono_us, mono_us);
    atomic_store(&now.wall_us, wall_us);
    atomic_store(&now.ahead_us, ahead_us);
}

void clock_init(int64_t at_least_ms)
{
    int64_t wall_us = read_us(CLOCK_REALTIME);
    if (at_least_ms > wall_us / 1000) {
        log_warn("clock_behind_store", LOG_INT("behind_ms", at_least_ms - wall_us / 1000));
        wall_us = at_least_ms * 1000;
    }
    pthread_mutex_lock(&writer);
    write_segment(clock_mono_us(), wall_us, 0);
    atomic_store(&now.seq, 2);
    pthread_mutex_unlock(&writer);
}

static int64_t wall_at(int64_t mono_us)
{
    int64_t elapsed_us = mono_us - atomic_load(&now.mono_us);
    return atomic_load(&now.wall_us) + elapsed_us + clock_slew(atomic_load(&now.ahead_us), elapsed_us);
}

/* Starts a new segment. The sequence is odd before the clock is read: nobody else reads the old one later than that. */
static void next_segment(void)
{
    if (pthread_mutex_trylock(&writer) != 0)
        return;
    uint64_t seq = atomic_load(&now.seq);
    atomic_store(&now.seq, seq + 1);
    int64_t mono_us = clock_mono_us();
    int64_t wall_us = wall_at(mono_us);
    int64_t ahead_us = read_us(CLOCK_REALTIME) - wall_us;
    write_segment(mono_us, wall_us, ahead_us);
    atomic_store(&now.seq, seq + 2);
    bool jump = ahead_us > JUMP_US || ahead_us < -JUMP_US;
    bool tell = jump && !jump_logged;
    jump_logged = jump;
    pthread_mutex_unlock(&writer);
    if (tell)
        log_warn("clock_jump", LOG_INT("ahead_ms", ahead_us / 1000));
}

int64_t clock_wall_ms(void)
{
    if (UNLIKELY(atomic_load(&now.seq) == 0))
        clock_init(0);
    for (;;) {
        uint64_t seq = atomic_load(&now.seq);
        if (UNLIKELY(seq & 1)) {
            sched_yield();
            continue;
        }
        int64_t mono_us = clock_mono_us();
        int64_t wall_us = wall_at(mono_us);
        bool old = mono_us - atomic_load(&now.mono_us) > SEGMENT_US;
        if (UNLIKELY(atomic_load(&now.seq) != seq))
            continue;
        if (UNLIKELY(old))
            next_segment();
        return wall_us / 1000;
    }
}
