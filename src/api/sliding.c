/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sliding.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

#define BUCKETS   1024 /* a power of two */
#define SECOND_US 1000000
#define FIRST_CAP 16

/* The times of one id, oldest first, in a ring. */
struct window {
    struct window *next;
    oid_t id;
    int64_t *times;
    size_t head, count, cap;
};

struct sliding {
    pthread_mutex_t lock;
    struct window *buckets[BUCKETS];
};

struct sliding *sliding_new(void)
{
    struct sliding *s = mem_zalloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

static void window_free(struct window *w)
{
    free(w->times);
    free(w);
}

void sliding_free(struct sliding *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct window *w = s->buckets[i], *next; w != NULL; w = next) {
            next = w->next;
            window_free(w);
        }
    }
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static int64_t *time_at(const struct window *w, size_t i)
{
    return &w->times[(w->head + i) % w->cap];
}

static void drop_old(struct window *w, int64_t now_us)
{
    while (w->count > 0 && *time_at(w, 0) <= now_us - SECOND_US) {
        w->head = (w->head + 1) % w->cap;
        w->count--;
    }
}

/* The window of an id; on the way those of others that are empty go. NULL: there is none. */
static struct window *find(struct sliding *s, oid_t id, int64_t now_us)
{
    struct window **at = &s->buckets[hash_u64((uint64_t)id) & (BUCKETS - 1)], *found = NULL;
    while (*at != NULL) {
        struct window *w = *at;
        drop_old(w, now_us);
        if (w->id == id)
            found = w;
        if (w->count == 0 && w->id != id) {
            *at = w->next;
            window_free(w);
            continue;
        }
        at = &w->next;
    }
    return found;
}

static void push(struct window *w, int64_t now_us)
{
    if (w->count == w->cap) {
        size_t cap = w->cap == 0 ? FIRST_CAP : 2 * w->cap;
        int64_t *times = mem_alloc(cap * sizeof *times);
        for (size_t i = 0; i < w->count; i++)
            times[i] = *time_at(w, i);
        free(w->times);
        w->times = times;
        w->cap = cap;
        w->head = 0;
    }
    w->count++;
    *time_at(w, w->count - 1) = now_us;
}

bool sliding_take(struct sliding *s, oid_t id, int per_second, int64_t now_us, int64_t *at_us)
{
    pthread_mutex_lock(&s->lock);
    struct window *w = find(s, id, now_us);
    if (w == NULL) {
        struct window **bucket = &s->buckets[hash_u64((uint64_t)id) & (BUCKETS - 1)];
        w = mem_zalloc(1, sizeof *w);
        w->id = id;
        w->next = *bucket;
        *bucket = w;
    }
    bool fits = w->count < (size_t)per_second;
    if (fits) { /* threads may come in another order than their clocks: never older than the one before */
        push(w, w->count > 0 && *time_at(w, w->count - 1) > now_us ? *time_at(w, w->count - 1) : now_us);
        *at_us = *time_at(w, w->count - 1);
    }
    pthread_mutex_unlock(&s->lock);
    return fits;
}

void sliding_give_back(struct sliding *s, oid_t id, int64_t at_us)
{
    pthread_mutex_lock(&s->lock);
    struct window *w = find(s, id, at_us);
    size_t i = w != NULL ? w->count : 0;
    while (i > 0 && *time_at(w, i - 1) != at_us)
        i--;
    if (i > 0) {
        for (; i < w->count; i++)
            *time_at(w, i - 1) = *time_at(w, i);
        w->count--;
    }
    pthread_mutex_unlock(&s->lock);
}
