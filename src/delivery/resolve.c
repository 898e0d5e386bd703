/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resolver's cache. An entry is fresh, stale or unknown, and has a query under way or not:
 *
 *   lookup: fresh -> answered at once; else waits, and starts a query unless one is under way
 *   answer: stored, everybody who waits is told in the next turn
 *
 * Invariants: an entry with a query under way or with waiters is never evicted; waiters are told outside of c-ares.
 */
#include "delivery/resolve.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/table.h"

struct entry {
    struct table_node node;
    struct list used; /* in the order of last use */
    struct list waiters;
    struct list answered; /* on resolver.answered while waiters are to be told */
    struct resolver *resolver;
    bool query_open;
    int64_t fresh_until_ms; /* 0: never answered */
    int64_t stale_until_ms; /* a good answer may be used until then */
    struct dns_answer answer;
    size_t host_len;
    char host[];
};

struct resolver {
    struct loop *loop;
    struct dns *dns;
    struct hash_key key;
    struct table entries;
    struct list used; /* least recently used first */
    struct list answered;
    struct loop_timer tell;
};

static struct entry *find_entry(struct resolver *r, struct str host, uint64_t hash)
{
    for (struct table_node *n = table_find(&r->entries, hash); n != NULL; n = table_next(n)) {
        struct entry *e = CONTAINER_OF(n, struct entry, node);
        if (str_eq(host, str_of(e->host, e->host_len)))
            return e;
    }
    return NULL;
}

static bool is_idle(const struct entry *e)
{
    return !e->query_open && list_empty(&e->waiters) && !list_on(&e->answered);
}

/* Looks at a few of the oldest only: more entries than the maximum are busy at most for the time of a query. */
static void evict_entry(struct resolver *r)
{
    int looked_at = 0;
    for (LIST_EACH(n, &r->used)) {
        struct entry *e = CONTAINER_OF(n, struct entry, used);
        if (is_idle(e)) {
            list_remove(&e->used);
            table_remove(&r->entries, &e->node);
            free(e);
            return;
        }
        if (++looked_at == 16)
            return;
    }
}

static struct entry *add_entry(struct resolver *r, struct str host, uint64_t hash)
{
    if (r->entries.len >= RESOLVE_ENTRIES_MAX)
        evict_entry(r);
    struct entry *e = mem_zalloc(1, sizeof *e + host.len + 1);
    list_init(&e->used);
    list_init(&e->waiters);
    list_init(&e->answered);
    e->resolver = r;
    e->host_len = host.len;
    memcpy(e->host, host.ptr, host.len);
    list_push_back(&r->used, &e->used);
    table_insert(&r->entries, &e->node, hash);
    return e;
}

static void move_to_front(struct dns_answer *a, const struct address *first)
{
    for (size_t i = 0; i < a->count; i++) {
        if (!address_same_ip(&a->address[i], first))
            continue;
        struct address found = a->address[i];
        memmove(&a->address[1], &a->address[0], i * sizeof found);
        a->address[0] = found;
        return;
    }
}

static int64_t clamp_ttl(int64_t ttl_ms)
{
    return ttl_ms < RESOLVE_TTL_MIN_MS ? RESOLVE_TTL_MIN_MS : ttl_ms > RESOLVE_TTL_MAX_MS ? RESOLVE_TTL_MAX_MS : ttl_ms;
}

/* Servers rotate their answers; as long as the address in use is among them it stays first, so that its connections do.
 */
static void store_answer(struct entry *e, const struct dns_answer *a, int64_t now_ms)
{
    if (a->status == DNS_FAILED && e->answer.count > 0 && now_ms < e->stale_until_ms) {
        e->fresh_until_ms = now_ms + RESOLVE_FAILED_MS;
        return;
    }
    struct dns_answer before = e->answer;
    e->answer = *a;
    if (a->status == DNS_OK) {
        if (before.count > 0)
            move_to_front(&e->answer, &before.address[0]);
        e->fresh_until_ms = now_ms + clamp_ttl(a->ttl_ms);
        e->stale_until_ms = e->fresh_until_ms + RESOLVE_STALE_MS;
    } else {
        e->fresh_until_ms = now_ms + (a->status == DNS_NO_NAME ? RESOLVE_NO_NAME_MS : RESOLVE_FAILED_MS);
    }
}

static void on_answer(void *arg, const struct dns_answer *a)
{
    struct entry *e = arg;
    struct resolver *r = e->resolver;
    e->query_open = false;
    store_answer(e, a, loop_now_ms(r->loop));
    if (list_empty(&e->waiters) || list_on(&e->answered))
        return;
    list_push_back(&r->answered, &e->answered);
    loop_timer_set(r->loop, &r->tell, loop_now_ms(r->loop));
}

static void tell_waiters(struct entry *e)
{
    struct list waiters;
    list_init(&waiters);
    list_append_all(&waiters, &e->waiters);
    struct dns_answer a = e->answer;
    for (struct list *n; (n = list_pop_front(&waiters)) != NULL;) {
        struct resolve_wait *w = CONTAINER_OF(n, struct resolve_wait, node);
        w->on_resolved(w, &a);
    }
}

static void on_tell(struct loop_timer *t)
{
    struct resolver *r = CONTAINER_OF(t, struct resolver, tell);
    for (struct list *n; (n = list_pop_front(&r->answered)) != NULL;)
        tell_waiters(CONTAINER_OF(n, struct entry, answered));
}

const struct dns_answer *resolver_lookup(struct resolver *r, struct str host, struct resolve_wait *w)
{
    uint64_t hash = hash_sip(r->key, host.ptr, host.len);
    int64_t now_ms = loop_now_ms(r->loop);
    struct entry *e = find_entry(r, host, hash);
    if (e == NULL)
        e = add_entry(r, host, hash);
    list_remove(&e->used);
    list_push_back(&r->used, &e->used);
    if (now_ms < e->fresh_until_ms)
        return &e->answer;
    if (!e->query_open) {
        e->query_open = true;
        dns_query(r->dns, e->host, on_answer, e);
        if (!e->query_open)
            return &e->answer;
    }
    list_push_back(&e->waiters, &w->node);
    return NULL;
}

void resolver_prefer(struct resolver *r, struct str host, const struct address *a)
{
    struct entry *e = find_entry(r, host, hash_sip(r->key, host.ptr, host.len));
    if (e != NULL)
        move_to_front(&e->answer, a);
}

struct resolver *resolver_new(struct loop *l, const char *server, const char **why)
{
    struct dns *dns = dns_new(l, server, why);
    if (dns == NULL)
        return NULL;
    struct resolver *r = mem_zalloc(1, sizeof *r);
    r->loop = l;
    r->dns = dns;
    r->tell.on_fire = on_tell;
    CHECK(getrandom(&r->key, sizeof r->key, 0) == (ssize_t)sizeof r->key);
    table_init(&r->entries);
    list_init(&r->used);
    list_init(&r->answered);
    return r;
}

void resolver_free(struct resolver *r)
{
    if (r == NULL)
        return;
    dns_free(r->dns);
    for (struct list *n; (n = list_pop_front(&r->used)) != NULL;) {
        struct entry *e = CONTAINER_OF(n, struct entry, used);
        CHECK(list_empty(&e->waiters));
        free(e);
    }
    loop_timer_cancel(r->loop, &r->tell);
    table_fini(&r->entries);
    free(r);
}
