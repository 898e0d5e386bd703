/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants
 *  1. What is in the table holds one reference of its own; whoever got it holds another.
 *  2. The version is read before everything else, so what is known is never older than its version says.
 */
#include "api/trigger_known.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "api/run_ahead.h"
#include "api/trigger_define.h"
#include "api/trigger_in.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/table.h"

#define KNOWN_MAX 2048 /* up to 10 KB each, and: */
#define STEPS_MAX 32768
#define STEPS_TOTAL                                                                                                    \
    ((size_t)4 << 20) /* bytes of JSON of all that may be done ahead; compiled it is several times so much */

struct known {
    struct trigger_goal goal; /* what callers hold */
    atomic_int refs;
    struct arena *arena;
    struct arena *steps; /* of goal.ahead; NULL: none */
    struct str token;
    struct table_node node;
    struct list used;
    size_t steps_bytes;
    bool in_table;
};

struct known_triggers {
    pthread_mutex_t lock;
    struct table by_token;
    struct list used; /* least recently used first */
    size_t steps_bytes;
};

/* ---- as it is committed --------------------------------------------------------------------------------------------
 */

/* The workspace, which must be there. */
static enum err read_app(struct store_reader *r, struct arena *a, oid_t id, struct app *out)
{
    struct object o, env;
    enum err e = store_get_object(r, a, OBJ_APP, id, &o);
    if (e == ERR_OK && o.deleted_ms == 0)
        e = store_get_object(r, a, OBJ_ENV, o.env, &env);
    if (e == ERR_OK && (o.deleted_ms != 0 || env.deleted_ms != 0))
        e = ERR_NOT_FOUND;
    return e == ERR_OK ? app_decode(a, &o, out) : e;
}

static enum err read_url(const struct api *api, struct store_reader *r, struct arena *a, struct str token,
                         int64_t now_ms, struct trigger_url *out)
{
    struct object o;
    if (token.len > TRIGGER_TOKEN_MAX)
        return ERR_NOT_FOUND;
    enum err e = store_find_object(r, a, OBJ_TRIGGER_URL, 0, 0, trigger_url_key(a, token), &o);
    if (e == ERR_OK)
        e = trigger_url_decode(a, api->keys, &o, out);
    return e == ERR_OK && out->expires_ms != 0 && out->expires_ms <= now_ms ? ERR_NOT_FOUND : e;
}

enum err trigger_goal_read(const struct api *api, struct store_reader *r, struct arena *a, struct str token,
                           int64_t now_ms, struct trigger_goal *out)
{
    struct object o;
    struct trigger_url url;
    *out = (struct trigger_goal){0};
    enum err e = read_url(api, r, a, token, now_ms, &url);
    if (e == ERR_OK)
        e = read_app(r, a, url.app, &out->app);
    if (e != ERR_OK)
        return e;
    out->expires_ms = url.expires_ms;
    e = store_get_object(r, a, OBJ_TRIGGER, url.trigger, &o);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && o.deleted_ms != 0))
        return ERR_GONE;
    return e == ERR_OK ? trigger_decode(a, api->keys, &o, &out->trigger) : e;
}

/* ---- as it was -----------------------------------------------------------------------------------------------------
 */

struct known_triggers *known_triggers_new(void)
{
    struct known_triggers *k = mem_zalloc(1, sizeof *k);
    pthread_mutex_init(&k->lock, NULL);
    table_init(&k->by_token);
    list_init(&k->used);
    return k;
}

static struct known *known_of(const struct trigger_goal *g)
{
    return CONTAINER_OF((struct trigger_goal *)(uintptr_t)g, struct known, goal);
}

void known_trigger_let_go(const struct trigger_goal *g)
{
    struct known *t = known_of(g);
    if (atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    profile_free(t->goal.profile);
    arena_free(t->arena);
    arena_free(t->steps);
    free(t);
}

/* With the lock held. */
static void drop(struct known_triggers *k, struct known *t)
{
    t->in_table = false;
    k->steps_bytes -= t->steps_bytes;
    table_remove(&k->by_token, &t->node);
    list_remove(&t->used);
    known_trigger_let_go(&t->goal);
}

static void drop_oldest(struct known_triggers *k)
{
    struct list *oldest = list_first(&k->used);
    CHECK(oldest != NULL);
    drop(k, CONTAINER_OF(oldest, struct known, used));
}

void known_triggers_free(struct known_triggers *k)
{
    if (k == NULL)
        return;
    while (!list_empty(&k->used))
        drop_oldest(k);
    table_fini(&k->by_token);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

static struct known *find(const struct known_triggers *k, uint64_t hash, struct str token)
{
    for (struct table_node *n = table_find(&k->by_token, hash); n != NULL; n = table_next(n)) {
        struct known *t = CONTAINER_OF(n, struct known, node);
        if (str_eq(t->token, token))
            return t;
    }
    return NULL;
}

const struct trigger_goal *known_trigger_get(const struct api *api, struct str token, int64_t now_ms)
{
    struct known_triggers *k = api->triggers->known;
    uint64_t hash = hash_sip(api->id_key, token.ptr, token.len);
    pthread_mutex_lock(&k->lock);
    struct known *t = find(k, hash, token);
    if (t != NULL && t->goal.expires_ms != 0 && t->goal.expires_ms <= now_ms) {
        drop(k, t);
        t = NULL;
    }
    if (t != NULL) {
        list_remove(&t->used);
        list_push_back(&k->used, &t->used);
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&k->lock);
    return t != NULL ? &t->goal : NULL;
}

void known_trigger_forget(const struct api *api, const struct trigger_goal *g)
{
    struct known_triggers *k = api->triggers->known;
    struct known *t = known_of(g);
    pthread_mutex_lock(&k->lock);
    if (t->in_table)
        drop(k, t);
    pthread_mutex_unlock(&k->lock);
}

/* The steps, where they can begin at once; else nothing of them stays. */
static enum err read_ahead(struct store_reader *r, struct known *t)
{
    struct automation_version v;
    struct problems problems = PROBLEMS_INIT;
    struct arena *a = arena_new(16384);
    struct definition *d = arena_zalloc(a, sizeof *d);
    enum err e = automation_version_load(r, a, t->goal.trigger.version, &v);
    bool small = e == ERR_OK && v.body.len <= STEPS_MAX;
    if (small && definition_compile(a, v.steps, d, &problems) && run_ahead_may(&v, d)) {
        t->goal.ahead = d;
        t->steps_bytes = v.body.len;
        t->steps = a;
    } else {
        arena_free(a);
    }
    problems_fini(&problems);
    return e == ERR_NOT_FOUND || e == ERR_INVALID ? ERR_OK : e; /* the runner will say so */
}

/* The version first. */
static enum err read_all(const struct api *api, struct store_reader *r, int64_t now_ms, struct known *t)
{
    struct trigger_url url;
    struct str why;
    uint64_t version = 0;
    enum err e = read_url(api, r, t->arena, t->token, now_ms, &url);
    if (e == ERR_OK)
        e = store_app_version(r, url.app, &version);
    if (e == ERR_OK)
        e = trigger_goal_read(api, r, t->arena, t->token, now_ms, &t->goal);
    if (e == ERR_OK)
        e = trigger_profile(r, t->arena, &t->goal.trigger, &t->goal.profile, &why);
    t->goal.version = version;
    return e;
}

static void insert(const struct api *api, struct known *t)
{
    struct known_triggers *k = api->triggers->known;
    uint64_t hash = hash_sip(api->id_key, t->token.ptr, t->token.len);
    pthread_mutex_lock(&k->lock);
    struct known *old = find(k, hash, t->token);
    if (old != NULL)
        drop(k, old);
    t->in_table = true;
    table_insert(&k->by_token, &t->node, hash);
    list_push_back(&k->used, &t->used);
    k->steps_bytes += t->steps_bytes;
    while (k->by_token.len > KNOWN_MAX || k->steps_bytes > STEPS_TOTAL)
        drop_oldest(k);
    pthread_mutex_unlock(&k->lock);
}

void known_trigger_learn(const struct api *api, struct store_reader *r, struct str token, int64_t now_ms)
{
    const struct trigger_goal *have = known_trigger_get(api, token, now_ms);
    if (have != NULL) {
        known_trigger_let_go(have);
        return;
    }
    struct known *t = mem_zalloc(1, sizeof *t);
    t->refs = 1;
    list_init(&t->used);
    t->arena = arena_new(4096);
    t->token = arena_str(t->arena, token);
    enum err e = read_all(api, r, now_ms, t);
    /* What must be repeated in the answer is trigger_receive's. */
    bool echoes = e == ERR_OK && t->goal.profile != NULL && profile_rules(t->goal.profile)->echo.len > 0;
    bool takes = e == ERR_OK && !echoes && t->goal.version != 0 && t->goal.trigger.use == TRIGGER_STARTS &&
                 t->goal.trigger.state == TRIGGER_PUBLISHED && t->goal.trigger.version != 0;
    if (takes && read_ahead(r, t) == ERR_OK)
        insert(api, t);
    else
        known_trigger_let_go(&t->goal);
}
