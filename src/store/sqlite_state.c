/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writer remembers between groups, because it is the only one that writes: the configuration counters that
 * every append is checked against, and the last place in the order of FIFO endpoints. A cache over its tables, written
 * through; forgotten when a group is rolled back or when it grows large.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "store/sqlite_priv.h"

#define STATE_MAX 262144

struct counter {
    struct table_node node;
    oid_t id;
    uint64_t version;
};

struct ep_state {
    struct table_node node;
    oid_t ep;
    oid_t app; /* as in app_endpoint; 0: not looked at yet */
    bool pos_known;
    int64_t last_pos;
};

static void counter_free(struct table_node *n, void *arg)
{
    (void)arg;
    free(CONTAINER_OF(n, struct counter, node));
}

static void ep_free(struct table_node *n, void *arg)
{
    (void)arg;
    free(CONTAINER_OF(n, struct ep_state, node));
}

void state_init(struct sqlite_backend *b)
{
    table_init(&b->versions);
    table_init(&b->endpoints);
}

void state_fini(struct sqlite_backend *b)
{
    table_each(&b->versions, counter_free, NULL);
    table_fini(&b->versions);
    table_each(&b->endpoints, ep_free, NULL);
    table_fini(&b->endpoints);
}

void state_forget(struct sqlite_backend *b)
{
    state_fini(b);
    state_init(b);
    memset(b->ages_seen, 0, sizeof b->ages_seen);
}

/* ---- versions -------------------------------------------------------------------------------------------------- */

static enum err counter_load(struct sqlite_backend *b, oid_t id, uint64_t *version)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_VERSION_GET, "SELECT version FROM app_version WHERE id=?");
    bind_int(st, 1, id);
    enum err e = conn_next(&b->w, st);
    *version = e == ERR_OK ? (uint64_t)col_int(st, 0) : 0;
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err counter_get(struct sqlite_backend *b, oid_t id, struct counter **out)
{
    uint64_t hash = hash_u64((uint64_t)id);
    for (struct table_node *n = table_find(&b->versions, hash); n != NULL; n = table_next(n)) {
        *out = CONTAINER_OF(n, struct counter, node);
        if ((*out)->id == id)
            return ERR_OK;
    }
    uint64_t version;
    enum err e = counter_load(b, id, &version);
    if (e != ERR_OK)
        return e;
    if (b->versions.len >= STATE_MAX) {
        table_each(&b->versions, counter_free, NULL);
        table_fini(&b->versions);
        table_init(&b->versions);
    }
    struct counter *c = mem_zalloc(1, sizeof *c);
    c->id = id;
    c->version = version;
    table_insert(&b->versions, &c->node, hash);
    *out = c;
    return ERR_OK;
}

enum err state_version(struct sqlite_backend *b, oid_t app, oid_t env, uint64_t *out)
{
    struct counter *c;
    enum err e = counter_get(b, app, &c);
    uint64_t own = e == ERR_OK ? c->version : 0;
    if (e == ERR_OK)
        e = counter_get(b, env, &c);
    if (e == ERR_OK)
        *out = own == 0 ? 0 : own + c->version;
    return e;
}

enum err state_raise(struct sqlite_backend *b, oid_t id, oid_t env)
{
    struct counter *c;
    enum err e = counter_get(b, id, &c);
    if (e != ERR_OK)
        return e;
    sqlite3_stmt *st = conn_stmt(&b->w, W_VERSION_PUT,
                                 "INSERT INTO app_version(id,env,version) VALUES(?1,?2,?3)"
                                 " ON CONFLICT(id) DO UPDATE SET version=?3");
    bind_int(st, 1, id);
    bind_int(st, 2, env);
    bind_int(st, 3, (int64_t)c->version + 1);
    e = conn_run(&b->w, st);
    if (e == ERR_OK)
        c->version++;
    return e;
}

/* ---- endpoints ------------------------------------------------------------------------------------------------- */

static struct ep_state *ep_get(struct sqlite_backend *b, oid_t ep)
{
    uint64_t hash = hash_u64((uint64_t)ep);
    for (struct table_node *n = table_find(&b->endpoints, hash); n != NULL; n = table_next(n)) {
        struct ep_state *s = CONTAINER_OF(n, struct ep_state, node);
        if (s->ep == ep)
            return s;
    }
    if (b->endpoints.len >= STATE_MAX) {
        table_each(&b->endpoints, ep_free, NULL);
        table_fini(&b->endpoints);
        table_init(&b->endpoints);
    }
    struct ep_state *s = mem_zalloc(1, sizeof *s);
    s->ep = ep;
    table_insert(&b->endpoints, &s->node, hash);
    return s;
}

enum err state_next_pos(struct sqlite_backend *b, oid_t ep, int64_t *out)
{
    struct ep_state *s = ep_get(b, ep);
    if (!s->pos_known) {
        sqlite3_stmt *st = conn_stmt(&b->w, W_LAST_POS,
                                     "SELECT pos FROM delivery INDEXED BY delivery_pending"
                                     " WHERE ep=? AND pos IS NOT NULL ORDER BY pos DESC LIMIT 1");
        bind_int(st, 1, ep);
        enum err e = conn_next(&b->w, st);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
        s->last_pos = e == ERR_OK ? col_int(st, 0) : 0;
        s->pos_known = true;
        sqlite3_reset(st);
    }
    s->last_pos = s->last_pos >= b->now_ms ? s->last_pos + 1 : b->now_ms;
    *out = s->last_pos;
    return ERR_OK;
}

enum err state_endpoint(struct sqlite_backend *b, oid_t app, oid_t ep)
{
    struct ep_state *s = ep_get(b, ep);
    if (LIKELY(s->app == app))
        return ERR_OK;
    sqlite3_stmt *st = conn_stmt(&b->w, W_ENDPOINT_PUT, "INSERT OR IGNORE INTO app_endpoint(app,ep) VALUES(?,?)");
    bind_int(st, 1, app);
    bind_int(st, 2, ep);
    enum err e = conn_run(&b->w, st);
    if (e == ERR_OK)
        s->app = app;
    return e;
}
