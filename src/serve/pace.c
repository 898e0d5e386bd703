/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One that has not sent for a while is as good as unknown, so the table forgets those first; only where more than WAYS
 * busy workspaces fall on one set does one begin anew too early.
 */
#include "serve/pace.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine/rate.h"

#define SETS 2048 /* a power of two */
#define WAYS 8

struct place {
    oid_t app;
    struct rate rate;
};

struct pace {
    pthread_mutex_t lock;
    struct place places[SETS][WAYS];
};

struct pace *pace_new(void)
{
    struct pace *p = mem_zalloc(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    return p;
}

void pace_free(struct pace *p)
{
    if (p == NULL)
        return;
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* Its place, or that of the one which may go again soonest. */
static struct place *find(struct pace *p, oid_t app)
{
    struct place *set = p->places[hash_u64((uint64_t)app) & (SETS - 1)], *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].app == app)
            return &set[i];
        if (set[i].rate.next_us < oldest->rate.next_us)
            oldest = &set[i];
    }
    *oldest = (struct place){.app = app};
    return oldest;
}

int64_t pace_take(struct pace *p, oid_t app, int per_second, int64_t now_ms)
{
    pthread_mutex_lock(&p->lock);
    struct rate *r = &find(p, app)->rate;
    rate_set(r, per_second);
    int64_t at_ms = rate_ready_ms(r, now_ms);
    if (at_ms <= now_ms)
        rate_take(r, now_ms);
    pthread_mutex_unlock(&p->lock);
    return at_ms;
}
