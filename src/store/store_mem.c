/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store: opening, groups, lookups that writes and reads share. See store_mem.h. */
#include "store/store_mem.h"

#include <stdlib.h>

#include "base/mem.h"

/* Tables are looked up by their users' ids, or by keys in tests: no stranger aims at this one. */
static const struct hash_key table_key = {.k0 = 0x706f7374, .k1 = 0x72696465};

uint64_t mem_hash_key(enum object_kind kind, oid_t env, oid_t scope, struct str key)
{
    return hash_sip(table_key, key.ptr, key.len) ^ hash_u64((uint64_t)env) ^ hash_u64((uint64_t)scope + (uint64_t)kind);
}

uint64_t mem_hash_event(oid_t app, struct str event_id)
{
    return hash_sip(table_key, event_id.ptr, event_id.len) ^ hash_u64((uint64_t)app);
}

static bool hash_object(const struct row *r, uint64_t *out)
{
    const struct object *o = &((const struct mem_object *)(const void *)r)->object;
    if (o->key.ptr == NULL || o->deleted_ms != 0)
        return false;
    *out = mem_hash_key(o->kind, o->env, rules_scope(o->kind, o->app), o->key);
    return true;
}

static bool hash_message(const struct row *r, uint64_t *out)
{
    const struct message *m = &((const struct mem_message *)(const void *)r)->message;
    if (m->event_id.ptr == NULL)
        return false;
    *out = mem_hash_event(m->app, m->event_id);
    return true;
}

static bool hash_delivery(const struct row *r, uint64_t *out)
{
    const struct delivery *d = &((const struct mem_delivery *)(const void *)r)->delivery;
    if (!rules_pending(d))
        return false;
    *out = hash_u64((uint64_t)d->ep);
    return true;
}

/* ---- lookups ------------------------------------------------------------------------------------------------------
 */

struct mem_object *mem_find_key(const struct mem_store *m, enum object_kind kind, oid_t env, oid_t scope,
                                struct str key)
{
    for (struct row *r = rows_find(&m->objects, mem_hash_key(kind, env, scope, key)); r != NULL; r = rows_next(r)) {
        struct mem_object *o = (struct mem_object *)(void *)r;
        if (o->object.kind == kind && o->object.env == env && rules_scope(kind, o->object.app) == scope &&
            str_eq(o->object.key, key))
            return o;
    }
    return NULL;
}

struct mem_message *mem_find_event(const struct mem_store *m, oid_t app, struct str event_id)
{
    for (struct row *r = rows_find(&m->messages, mem_hash_event(app, event_id)); r != NULL; r = rows_next(r)) {
        struct mem_message *msg = (struct mem_message *)(void *)r;
        if (msg->message.app == app && str_eq(msg->message.event_id, event_id))
            return msg;
    }
    return NULL;
}

struct mem_message *mem_message_get(const struct mem_store *m, oid_t app, oid_t id)
{
    struct mem_message *msg = (struct mem_message *)(void *)rows_get(&m->messages, id, 0);
    return msg != NULL && msg->message.app == app ? msg : NULL;
}

struct mem_delivery *mem_delivery_get(const struct mem_store *m, oid_t msg, oid_t ep)
{
    return (struct mem_delivery *)(void *)rows_get(&m->deliveries, msg, ep);
}

static uint64_t counter_get(const struct mem_store *m, oid_t id)
{
    const struct mem_counter *c = (const struct mem_counter *)(const void *)rows_get(&m->counters, id, 0);
    return c != NULL ? c->count : 0;
}

uint64_t mem_app_version(const struct mem_store *m, oid_t app)
{
    uint64_t own = counter_get(m, app);
    const struct row *r = rows_get(&m->objects, app, 0);
    oid_t env = r != NULL ? ((const struct mem_object *)(const void *)r)->object.env : 0;
    return own == 0 ? 0 : own + counter_get(m, env);
}

/* ---- copies -------------------------------------------------------------------------------------------------------
 */

struct object mem_copy_object(struct arena *a, const struct object *o)
{
    struct object c = *o;
    c.key = arena_str(a, o->key);
    c.body = arena_str(a, o->body);
    c.sealed = arena_str(a, o->sealed);
    return c;
}

struct message mem_copy_message(struct arena *a, const struct message *m, bool with_payload)
{
    struct message c = *m;
    c.event_type = arena_str(a, m->event_type);
    c.event_id = arena_str(a, m->event_id);
    c.actor = arena_str(a, m->actor);
    c.channels = arena_str(a, m->channels);
    c.tags = arena_str(a, m->tags);
    c.content_type = arena_str(a, m->content_type);
    c.payload = with_payload ? arena_str(a, m->payload) : STR_NULL;
    c.renders = NULL;
    c.render_count = 0;
    if (!with_payload || m->render_count == 0)
        return c;
    struct message_render *renders = arena_zalloc(a, m->render_count * sizeof renders[0]);
    for (size_t i = 0; i < m->render_count; i++)
        renders[i] = (struct message_render){.profile_version = m->renders[i].profile_version,
                                             .head = arena_str(a, m->renders[i].head),
                                             .tail = arena_str(a, m->renders[i].tail)};
    c.renders = renders;
    c.render_count = m->render_count;
    return c;
}

struct attempt mem_copy_attempt(struct arena *a, const struct attempt *t, bool with_content)
{
    struct attempt c = *t;
    c.error = arena_str(a, t->error);
    c.url = arena_str(a, t->url);
    c.request_headers = with_content ? arena_str(a, t->request_headers) : STR_NULL;
    c.response_headers = with_content ? arena_str(a, t->response_headers) : STR_NULL;
    c.response_body = with_content ? arena_str(a, t->response_body) : STR_NULL;
    c.peer = arena_str(a, t->peer);
    c.event_type = arena_str(a, t->event_type);
    return c;
}

/* ---- opening and groups -------------------------------------------------------------------------------------------
 */

static enum err mem_open(const struct store_config *c, struct backend **out, const char **why)
{
    (void)c;
    (void)why;
    struct mem_store *m = mem_zalloc(1, sizeof *m);
    m->base.ops = &backend_mem;
    m->base.identity.id_key = table_key;
    CHECK(pthread_rwlock_init(&m->lock, NULL) == 0);
    m->objects.hash = hash_object;
    m->messages.hash = hash_message;
    m->deliveries.hash = hash_delivery;
    *out = &m->base;
    return ERR_OK;
}

static void mem_close(struct backend *b)
{
    struct mem_store *m = (struct mem_store *)(void *)b;
    struct rows *const all[] = {&m->objects,   &m->messages, &m->deliveries, &m->attempts,    &m->tallies,
                                &m->endpoints, &m->counters, &m->keys,       &m->transformed, &m->docs};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        rows_fini(all[i]);
    free(m->log.at);
    CHECK(pthread_rwlock_destroy(&m->lock) == 0);
    free(m);
}

static enum err mem_begin(struct backend *b, int64_t now_ms)
{
    struct mem_store *m = (struct mem_store *)(void *)b;
    CHECK(pthread_rwlock_wrlock(&m->lock) == 0);
    CHECK(m->log.len == 0);
    m->now_ms = now_ms;
    return ERR_OK;
}

static enum err mem_commit(struct backend *b)
{
    struct mem_store *m = (struct mem_store *)(void *)b;
    changes_settle(&m->log);
    CHECK(pthread_rwlock_unlock(&m->lock) == 0);
    return ERR_OK;
}

static void mem_rollback(struct backend *b)
{
    struct mem_store *m = (struct mem_store *)(void *)b;
    changes_undo(&m->log, 0);
    CHECK(pthread_rwlock_unlock(&m->lock) == 0);
}

static enum err mem_upkeep(struct backend *b)
{
    (void)b;
    return ERR_OK;
}

static enum err mem_backup_begin(struct backend *b, const char *to_path, struct backend_backup **out, const char **why)
{
    (void)b;
    (void)to_path;
    (void)out;
    *why = "a store in memory cannot be backed up; run with a database file";
    return ERR_INVALID;
}

static enum err mem_backup_step(struct backend *b, struct backend_backup *k, int pages, int *percent, bool *done)
{
    (void)b;
    (void)k;
    (void)pages;
    (void)percent;
    (void)done;
    return ERR_INVALID;
}

static enum err mem_backup_end(struct backend *b, struct backend_backup *k, bool keep)
{
    (void)b;
    (void)k;
    (void)keep;
    return ERR_INVALID;
}

static void mem_stats(struct backend *b, struct store_stats *out)
{
    (void)b;
    out->wal_bytes = 0;
    out->file_bytes = 0;
}

const struct backend_ops backend_mem = {
        .name = "memory",
        .open = mem_open,
        .close = mem_close,
        .begin = mem_begin,
        .append = mem_append,
        .record = mem_record,
        .objects = mem_objects,
        .docs = mem_docs,
        .resend = mem_resend,
        .expunge = mem_expunge,
        .sweep = mem_sweep,
        .key_find = mem_key_find,
        .key_put = mem_key_put,
        .commit = mem_commit,
        .rollback = mem_rollback,
        .between = mem_upkeep,
        .space = mem_upkeep,
        .backup_begin = mem_backup_begin,
        .backup_step = mem_backup_step,
        .backup_end = mem_backup_end,
        .stats = mem_stats,
        .reader_open = mem_reader_open,
        .reader_close = mem_reader_close,
        .get_object = mem_read_get_object,
        .find_object = mem_read_find_object,
        .list_objects = mem_read_list_objects,
        .app_version = mem_read_app_version,
        .get_message = mem_read_get_message,
        .find_message = mem_read_find_message,
        .list_messages = mem_read_list_messages,
        .get_delivery = mem_read_get_delivery,
        .list_deliveries = mem_read_list_deliveries,
        .get_attempt = mem_read_get_attempt,
        .list_attempts = mem_read_list_attempts,
        .each_tally = mem_read_each_tally,
        .count_deliveries = mem_read_count_deliveries,
        .list_pending = mem_read_list_pending,
        .load_pending = mem_read_load_pending,
        .get_transformed = mem_read_get_transformed,
        .get_doc = mem_read_get_doc,
        .find_doc = mem_read_find_doc,
        .list_docs = mem_read_list_docs,
        .count_docs = mem_read_count_docs,
        .list_docs_by_key = mem_read_list_docs_by_key,
        .due = mem_read_due,
        .due_app = mem_read_due_app,
        .get_health = mem_read_get_health,
        .count_pending = mem_read_count_pending,
};
