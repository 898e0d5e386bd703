/* SPDX-License-Identifier: Apache-2.0 */
/* The memory store's reads of one row, of objects and of what the log pages list. Every read copies under the lock. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/store_mem.h"

static struct mem_store *store_read(struct store_reader *r)
{
    struct mem_store *m = ((struct mem_reader *)(void *)r)->store;
    CHECK(pthread_rwlock_rdlock(&m->lock) == 0);
    return m;
}

static enum err store_done(struct mem_store *m, enum err e)
{
    CHECK(pthread_rwlock_unlock(&m->lock) == 0);
    return e;
}

enum err mem_reader_open(struct backend *b, struct store_reader **out)
{
    struct mem_reader *r = mem_zalloc(1, sizeof *r);
    r->base.ops = &backend_mem;
    r->store = (struct mem_store *)(void *)b;
    *out = &r->base;
    return ERR_OK;
}

void mem_reader_close(struct store_reader *r)
{
    free(r);
}

/* ---- objects ------------------------------------------------------------------------------------------------------
 */

enum err mem_read_get_object(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t id,
                             struct object *out)
{
    struct mem_store *m = store_read(r);
    const struct mem_object *o = (const struct mem_object *)(const void *)rows_get(&m->objects, id, 0);
    if (o == NULL || o->object.kind != kind)
        return store_done(m, ERR_NOT_FOUND);
    *out = mem_copy_object(a, &o->object);
    return store_done(m, ERR_OK);
}

enum err mem_read_find_object(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t env, oid_t app,
                              struct str key, struct object *out)
{
    struct mem_store *m = store_read(r);
    const struct mem_object *o = mem_find_key(m, kind, env, rules_scope(kind, app), key);
    if (o == NULL)
        return store_done(m, ERR_NOT_FOUND);
    *out = mem_copy_object(a, &o->object);
    return store_done(m, ERR_OK);
}

/* Where an object stands in the order of the query, against the place after which the page begins. */
static bool object_is_behind(const struct object_query *q, const struct object *o)
{
    int order;
    if (q->by_key) {
        if (q->after_key.ptr == NULL)
            return true;
        order = str_cmp(o->key, q->after_key);
    } else {
        if (q->after == 0)
            return true;
        order = o->id > q->after ? 1 : o->id < q->after ? -1 : 0;
    }
    return q->descending ? order < 0 : order > 0;
}

static int compare_keys(const void *a, const void *b)
{
    const struct object *const *x = a, *const *y = b;
    int order = str_cmp((*x)->key, (*y)->key);
    return order != 0 ? order : ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

enum err mem_read_list_objects(struct store_reader *r, struct arena *a, const struct object_query *q,
                               struct object **out, size_t *count)
{
    struct mem_store *m = store_read(r);
    AUTO_FREE const struct object **fit = mem_zalloc(m->objects.len + 1, sizeof(const struct object *));
    size_t n = 0;
    for (size_t i = 0; i < m->objects.len; i++) {
        const struct object *o = &((const struct mem_object *)(const void *)m->objects.at[i])->object;
        if (o->kind == q->kind && o->env == q->env && rules_scope(o->kind, o->app) == rules_scope(q->kind, q->app) &&
            (o->deleted_ms == 0 || (q->include_deleted && !q->by_key)) && (o->key.ptr != NULL || !q->by_key) &&
            object_is_behind(q, o))
            fit[n++] = o;
    }
    if (q->by_key)
        qsort(fit, n, sizeof(const struct object *), compare_keys);
    *count = n < q->limit ? n : q->limit;
    *out = arena_zalloc(a, (*count + 1) * sizeof **out);
    for (size_t i = 0; i < *count; i++)
        (*out)[i] = mem_copy_object(a, fit[q->descending ? n - 1 - i : i]);
    return store_done(m, ERR_OK);
}

enum err mem_read_app_version(struct store_reader *r, oid_t app, uint64_t *out)
{
    struct mem_store *m = store_read(r);
    *out = mem_app_version(m, app);
    return store_done(m, ERR_OK);
}

enum err mem_read_get_health(struct store_reader *r, oid_t ep, struct endpoint_health *out)
{
    struct mem_store *m = store_read(r);
    const struct mem_endpoint *e = (const struct mem_endpoint *)(const void *)rows_get(&m->endpoints, ep, 0);
    *out = e != NULL ? e->health : (struct endpoint_health){.ep = ep};
    return store_done(m, ERR_OK);
}

/* ---- messages -----------------------------------------------------------------------------------------------------
 */

enum err mem_read_get_message(struct store_reader *r, struct arena *a, oid_t app, oid_t id, bool with_payload,
                              struct message *out)
{
    struct mem_store *m = store_read(r);
    const struct mem_message *msg = mem_message_get(m, app, id);
    if (msg == NULL)
        return store_done(m, ERR_NOT_FOUND);
    *out = mem_copy_message(a, &msg->message, with_payload);
    return store_done(m, ERR_OK);
}

enum err mem_read_find_message(struct store_reader *r, struct arena *a, oid_t app, struct str event_id,
                               bool with_payload, struct message *out)
{
    struct mem_store *m = store_read(r);
    const struct mem_message *msg = mem_find_event(m, app, event_id);
    if (msg == NULL)
        return store_done(m, ERR_NOT_FOUND);
    *out = mem_copy_message(a, &msg->message, with_payload);
    return store_done(m, ERR_OK);
}

/* The rows with after < key < before (0: no bound), walked from the end that the order begins at. */
struct walk {
    const struct rows *rows;
    size_t low;
    size_t high;
    bool ascending;
    size_t visited;
    oid_t last; /* visited */
};

static struct walk walk_init(const struct rows *rows, oid_t after, oid_t before, bool ascending)
{
    struct walk w = {.rows = rows, .low = rows_seek(rows, after + 1, 0), .ascending = ascending};
    w.high = before != 0 ? rows_seek(rows, before, 0) : rows->len;
    return w;
}

static const struct row *walk_step(struct walk *w)
{
    if (w->low >= w->high)
        return NULL;
    return w->ascending ? w->rows->at[w->low++] : w->rows->at[--w->high];
}

/* Whether the walk stops at this candidate, because as many were looked at before it as the budget allows. */
static bool walk_stops(struct walk *w, const struct visit_budget *b, bool filtered, oid_t id)
{
    if (!filtered || b->rows_max == 0 || w->visited < b->rows_max) {
        w->visited++;
        w->last = id;
        return false;
    }
    if (b->stopped != NULL)
        *b->stopped = w->last;
    return true;
}

enum err mem_read_list_messages(struct store_reader *r, struct arena *a, const struct message_query *q,
                                struct message **out, struct delivery **deliveries, size_t *count)
{
    struct mem_store *m = store_read(r);
    struct walk w = walk_init(&m->messages, q->after, q->before, q->ascending);
    const struct row *row;
    size_t n = 0;
    bool filtered = rules_message_filters(q);
    if (q->budget.stopped != NULL)
        *q->budget.stopped = 0;
    *out = arena_zalloc(a, (q->limit + 1) * sizeof **out);
    if (deliveries != NULL)
        *deliveries = q->ep != 0 ? arena_zalloc(a, (q->limit + 1) * sizeof **deliveries) : NULL;
    while (n < q->limit && (row = walk_step(&w)) != NULL) {
        const struct message *msg = &((const struct mem_message *)(const void *)row)->message;
        const struct mem_delivery *d = q->ep != 0 ? mem_delivery_get(m, msg->id, q->ep) : NULL;
        if (q->ep != 0 ? d == NULL : msg->app != q->app)
            continue;
        if (walk_stops(&w, &q->budget, filtered, msg->id))
            break;
        if (msg->app != q->app || !rules_message_fits(q, msg, d != NULL ? &d->delivery : NULL))
            continue;
        (*out)[n] = mem_copy_message(a, msg, q->with_payload);
        if (d != NULL && deliveries != NULL)
            (*deliveries)[n] = d->delivery;
        n++;
    }
    *count = n;
    return store_done(m, ERR_OK);
}

enum err mem_read_get_delivery(struct store_reader *r, oid_t msg, oid_t ep, struct delivery *out)
{
    struct mem_store *m = store_read(r);
    const struct mem_delivery *d = mem_delivery_get(m, msg, ep);
    if (d == NULL)
        return store_done(m, ERR_NOT_FOUND);
    *out = d->delivery;
    return store_done(m, ERR_OK);
}

enum err mem_read_list_deliveries(struct store_reader *r, struct arena *a, const struct delivery_query *q,
                                  struct delivery **out, size_t *count)
{
    struct mem_store *m = store_read(r);
    size_t low = rows_seek(&m->deliveries, q->msg, q->after_ep + 1);
    size_t high = q->before_ep != 0 ? rows_seek(&m->deliveries, q->msg, q->before_ep)
                                    : rows_seek(&m->deliveries, q->msg + 1, 0);
    size_t n = 0;
    *out = arena_zalloc(a, (q->limit + 1) * sizeof **out);
    while (n < q->limit && high > low) {
        const struct row *row = m->deliveries.at[q->ascending ? low++ : --high];
        (*out)[n++] = ((const struct mem_delivery *)(const void *)row)->delivery;
    }
    *count = n;
    return store_done(m, ERR_OK);
}

enum err mem_read_count_deliveries(struct store_reader *r, oid_t ep, int64_t since_ms, int64_t until_ms,
                                   struct delivery_counts *out)
{
    struct mem_store *m = store_read(r);
    *out = (struct delivery_counts){0};
    for (size_t i = 0; i < m->deliveries.len; i++) {
        const struct delivery *d = &((const struct mem_delivery *)(const void *)m->deliveries.at[i])->delivery;
        int64_t at_ms = oid_time_ms(d->msg);
        if (d->ep != ep || at_ms < since_ms || at_ms >= until_ms)
            continue;
        out->success += d->status == DELIVERY_SUCCESS;
        out->pending += d->status == DELIVERY_PENDING;
        out->fail += d->status == DELIVERY_FAIL;
        out->canceled += d->status == DELIVERY_CANCELED;
    }
    return store_done(m, ERR_OK);
}

/* ---- attempts -----------------------------------------------------------------------------------------------------
 */

enum err mem_read_get_attempt(struct store_reader *r, struct arena *a, oid_t app, oid_t id, struct attempt *out)
{
    struct mem_store *m = store_read(r);
    const struct mem_attempt *t = (const struct mem_attempt *)(const void *)rows_get(&m->attempts, id, 0);
    if (t == NULL || t->attempt.app != app)
        return store_done(m, ERR_NOT_FOUND);
    *out = mem_copy_attempt(a, &t->attempt, true);
    return store_done(m, ERR_OK);
}

enum err mem_read_list_attempts(struct store_reader *r, struct arena *a, const struct attempt_query *q,
                                struct attempt **out, size_t *count)
{
    struct mem_store *m = store_read(r);
    struct walk w = walk_init(&m->attempts, q->after, q->before, q->ascending);
    const struct row *row;
    size_t n = 0;
    bool filtered = rules_attempt_filters(q);
    if (q->budget.stopped != NULL)
        *q->budget.stopped = 0;
    *out = arena_zalloc(a, (q->limit + 1) * sizeof **out);
    while (n < q->limit && (row = walk_step(&w)) != NULL) {
        const struct attempt *t = &((const struct mem_attempt *)(const void *)row)->attempt;
        const struct mem_message *msg = mem_message_get(m, t->app, t->msg);
        if (q->msg != 0 ? t->msg != q->msg : q->ep != 0 ? t->ep != q->ep : t->app != q->app)
            continue;
        if (walk_stops(&w, &q->budget, filtered, t->id))
            break;
        if (rules_attempt_fits(q, t, msg != NULL ? msg->message.channels : STR_NULL,
                               msg != NULL ? msg->message.tags : STR_NULL))
            (*out)[n++] = mem_copy_attempt(a, t, q->with_content);
    }
    *count = n;
    return store_done(m, ERR_OK);
}

/* ---- due work -----------------------------------------------------------------------------------------------------
 */

struct pending_list {
    const struct delivery **at;
    size_t len;
};

static void pending_collect(struct table_node *n, void *arg)
{
    struct pending_list *list = arg;
    const struct row *row = CONTAINER_OF(n, struct row, node);
    list->at[list->len++] = &((const struct mem_delivery *)(const void *)row)->delivery;
}

static int compare_places(const void *a, const void *b)
{
    const struct delivery *x = *(const struct delivery *const *)a, *y = *(const struct delivery *const *)b;
    if (x->ep != y->ep)
        return x->ep > y->ep ? 1 : -1;
    if (x->pos != y->pos)
        return x->pos > y->pos ? 1 : -1;
    return (x->msg > y->msg) - (x->msg < y->msg);
}

enum err mem_read_list_pending(struct store_reader *r, struct arena *a, oid_t after_ep, size_t limit,
                               struct pending_summary **out, size_t *count)
{
    struct mem_store *m = store_read(r);
    AUTO_FREE const struct delivery **all = mem_zalloc(m->deliveries.index.len + 1, sizeof(const struct delivery *));
    struct pending_list list = {.at = all};
    size_t n = 0;
    table_each(&m->deliveries.index, pending_collect, &list);
    qsort(list.at, list.len, sizeof list.at[0], compare_places); /* NOLINT(bugprone-sizeof-expression) */
    *out = arena_zalloc(a, (limit + 1) * sizeof **out);
    for (size_t i = 0; i < list.len && n < limit; i++) {
        const struct delivery *d = list.at[i];
        if (d->ep > after_ep && (i == 0 || list.at[i - 1]->ep != d->ep))
            (*out)[n++] = (struct pending_summary){.ep = d->ep, .pos = d->pos, .due_ms = rules_due_ms(d)};
    }
    *count = n;
    return store_done(m, ERR_OK);
}

static size_t message_bytes(const struct message *m)
{
    size_t n = m->payload.len;
    for (size_t i = 0; i < m->render_count; i++)
        n += m->renders[i].head.len + m->renders[i].tail.len;
    return n;
}

enum err mem_read_load_pending(struct store_reader *r, struct arena *a, const struct pending_query *q,
                               struct pending_delivery **out, size_t *count, int64_t *next_pos)
{
    struct mem_store *m = store_read(r);
    AUTO_FREE const struct delivery **all = mem_zalloc(m->deliveries.index.len + 1, sizeof(const struct delivery *));
    size_t len = 0, n = 0, bytes = 0;
    for (const struct row *row = rows_find(&m->deliveries, hash_u64((uint64_t)q->ep)); row != NULL;
         row = rows_next(row))
        if (((const struct mem_delivery *)(const void *)row)->delivery.pos >= q->from_pos)
            all[len++] = &((const struct mem_delivery *)(const void *)row)->delivery;
    qsort(all, len, sizeof(const struct delivery *), compare_places);
    *out = arena_zalloc(a, (len < q->limit ? len + 1 : q->limit + 1) * sizeof **out);
    while (n < len && n < q->limit && all[n]->pos <= q->until_pos && bytes <= q->bytes_max) {
        const struct mem_message *msg =
                (const struct mem_message *)(const void *)rows_get(&m->messages, all[n]->msg, 0);
        CHECK(msg != NULL);
        (*out)[n].delivery = *all[n];
        (*out)[n].message = mem_copy_message(a, &msg->message, true);
        bytes += message_bytes(&msg->message);
        n++;
    }
    *count = n;
    *next_pos = n < len ? all[n]->pos : TIME_NEVER;
    return store_done(m, ERR_OK);
}

enum err mem_read_count_pending(struct store_reader *r, uint64_t limit, uint64_t *out)
{
    struct mem_store *m = store_read(r);
    *out = m->deliveries.index.len < limit ? m->deliveries.index.len : limit;
    return store_done(m, ERR_OK);
}
