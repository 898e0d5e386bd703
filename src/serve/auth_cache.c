/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a bearer token stands for, remembered for a minute per reactor, so that a signature check and a look-up happen
 * once a minute and not per message. Keyed by the token's own text: nothing is trusted that was not verified before.
 */
#include <stdlib.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/table.h"
#include "serve/reactor.h"

#define ENTRIES_MAX 4096
#define ENTRY_MS    60000

struct entry {
    struct table_node node;
    struct list age;
    struct auth_entry known;
    unsigned epoch;
    int64_t until_ms;
    size_t len;
    char text[];
};

struct auth_cache {
    struct hash_key key;
    struct table table;
    struct list age; /* oldest first */
};

struct auth_cache *auth_cache_new(struct hash_key key)
{
    struct auth_cache *c = mem_zalloc(1, sizeof *c);
    c->key = key;
    table_init(&c->table);
    list_init(&c->age);
    return c;
}

static void drop(struct auth_cache *c, struct entry *e)
{
    table_remove(&c->table, &e->node);
    list_remove(&e->age);
    mem_free_secret(e, sizeof *e + e->len);
}

static void drop_oldest(struct auth_cache *c)
{
    struct list *n = list_first(&c->age);
    CHECK(n != NULL);
    drop(c, CONTAINER_OF(n, struct entry, age));
}

void auth_cache_free(struct auth_cache *c)
{
    if (c == NULL)
        return;
    while (c->table.len > 0)
        drop_oldest(c);
    table_fini(&c->table);
    free(c);
}

static struct entry *find(struct auth_cache *c, struct str text, uint64_t hash)
{
    for (struct table_node *n = table_find(&c->table, hash); n != NULL; n = table_next(n)) {
        struct entry *e = CONTAINER_OF(n, struct entry, node);
        if (crypto_equal(str_of(e->text, e->len), text))
            return e;
    }
    return NULL;
}

const struct auth_entry *auth_cache_get(struct auth_cache *c, struct str authorization, unsigned epoch, int64_t now_ms)
{
    struct entry *e = find(c, authorization, hash_sip(c->key, authorization.ptr, authorization.len));
    if (e == NULL)
        return NULL;
    if (e->epoch == epoch && now_ms < e->until_ms)
        return &e->known;
    drop(c, e);
    return NULL;
}

void auth_cache_put(struct auth_cache *c, struct str authorization, unsigned epoch, int64_t now_ms,
                    const struct principal *who, oid_t env)
{
    uint64_t hash = hash_sip(c->key, authorization.ptr, authorization.len);
    struct entry *old = find(c, authorization, hash);
    if (old != NULL)
        drop(c, old);
    if (c->table.len >= ENTRIES_MAX)
        drop_oldest(c);
    struct entry *e = mem_zalloc(1, sizeof *e + authorization.len);
    memcpy(e->text, authorization.ptr, authorization.len);
    e->len = authorization.len;
    e->epoch = epoch;
    e->until_ms = now_ms + ENTRY_MS;
    e->known.who = *who;
    e->known.env = env;
    if (who->name.ptr != NULL) {
        size_t n = who->name.len < sizeof e->known.name ? who->name.len : sizeof e->known.name;
        memcpy(e->known.name, who->name.ptr, n);
        e->known.who.name = str_of(e->known.name, n);
    }
    list_init(&e->age);
    list_push_back(&c->age, &e->age);
    table_insert(&c->table, &e->node, hash);
}
