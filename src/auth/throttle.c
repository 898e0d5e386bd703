/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/throttle.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

enum { SLOTS = 8192, WAYS = 8 };

struct slot {
    uint64_t hash;
    int64_t clear_ms; /* when all tries so far are worked off */
};

struct throttle {
    pthread_mutex_t lock;
    struct hash_key key;
    struct slot slots[SLOTS];
};

struct throttle *throttle_new(struct hash_key key)
{
    struct throttle *t = mem_zalloc(1, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    t->key = key;
    return t;
}

void throttle_free(struct throttle *t)
{
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* The slot of a name; if it has none, the one of its set that is clear first. */
static struct slot *slot_of(struct throttle *t, struct str name)
{
    uint64_t hash = hash_sip(t->key, name.ptr, name.len);
    struct slot *set = &t->slots[hash % (SLOTS / WAYS) * WAYS], *least = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].hash == hash)
            return &set[i];
        if (set[i].clear_ms < least->clear_ms)
            least = &set[i];
    }
    *least = (struct slot){.hash = hash};
    return least;
}

int64_t throttle_try(struct throttle *t, struct throttle_rate rate, struct str name, int64_t now_ms)
{
    pthread_mutex_lock(&t->lock);
    struct slot *s = slot_of(t, name);
    int64_t clear_ms = s->clear_ms > now_ms ? s->clear_ms : now_ms;
    int64_t wait_ms = clear_ms - now_ms - (rate.burst - 1) * rate.interval_ms;
    if (wait_ms <= 0)
        s->clear_ms = clear_ms + rate.interval_ms;
    pthread_mutex_unlock(&t->lock);
    return wait_ms > 0 ? wait_ms : 0;
}

void throttle_forgive(struct throttle *t, struct throttle_rate rate, struct str name)
{
    pthread_mutex_lock(&t->lock);
    slot_of(t, name)->clear_ms -= rate.interval_ms;
    pthread_mutex_unlock(&t->lock);
}
