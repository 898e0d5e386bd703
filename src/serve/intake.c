/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bucket is one number: when it will be full again (GCRA). A full one is as good as none, so the table forgets those
 * first; only where more than WAYS busy workspaces fall on one set does one begin anew too early.
 */
#include "serve/intake.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

#define SETS      2048 /* a power of two */
#define WAYS      8
#define SECOND_US 1000000

struct bucket {
    oid_t app;
    int64_t full_us;
};

struct intake {
    pthread_mutex_t lock;
    struct bucket buckets[SETS][WAYS];
};

struct intake *intake_new(void)
{
    struct intake *t = mem_zalloc(1, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void intake_free(struct intake *t)
{
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* Its bucket, or the one that is full, or was the longest ago. */
static struct bucket *find(struct intake *t, oid_t app)
{
    struct bucket *set = t->buckets[hash_u64((uint64_t)app) & (SETS - 1)], *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].app == app)
            return &set[i];
        if (set[i].full_us < oldest->full_us)
            oldest = &set[i];
    }
    *oldest = (struct bucket){.app = app};
    return oldest;
}

bool intake_take(struct intake *t, oid_t app, int per_second, int64_t now_ms)
{
    if (per_second <= 0)
        return true;
    int64_t now_us = now_ms * 1000, each_us = SECOND_US / per_second;
    pthread_mutex_lock(&t->lock);
    struct bucket *b = find(t, app);
    int64_t full_us = (b->full_us > now_us ? b->full_us : now_us) + each_us;
    bool fits = full_us - now_us <= SECOND_US;
    if (fits)
        b->full_us = full_us;
    pthread_mutex_unlock(&t->lock);
    return fits;
}
