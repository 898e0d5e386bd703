/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory store's bulk work: one step visits rows in order of their ids, from behind the cursor, until rows_max of
 * them were changed.
 */
#include <stdio.h>

#include "base/mem.h"
#include "crypto/seal.h"
#include "store/store_mem.h"

/* Changes the row if it is one of those that the sweep is for. *changed says so. */
typedef enum err (*visit_fn)(struct mem_store *m, struct store_sweep *op, struct row *r, bool *changed);

static enum err visit_fail(struct mem_store *m, struct store_sweep *op, struct row *r, bool *changed)
{
    struct mem_delivery *was = (struct mem_delivery *)(void *)r;
    struct delivery d = was->delivery;
    *changed = d.ep == op->ep && rules_fail(&d, op->reason);
    if (*changed)
        mem_delivery_set(m, was, &d);
    return ERR_OK;
}

static int last_http_status(const struct mem_store *m, const struct delivery *d)
{
    const struct mem_attempt *t = (const struct mem_attempt *)(const void *)rows_get(&m->attempts, d->last_attempt, 0);
    return d->last_attempt != 0 && t != NULL ? t->attempt.http_status : -1;
}

static enum err visit_replay(struct mem_store *m, struct store_sweep *op, struct row *r, bool *changed)
{
    struct mem_delivery *was = (struct mem_delivery *)(void *)r;
    struct delivery d = was->delivery;
    int64_t at_ms = oid_time_ms(d.msg);
    if (d.ep != op->ep || at_ms < op->since_ms || at_ms > op->until_ms)
        return ERR_OK;
    const struct mem_message *msg = (const struct mem_message *)(const void *)rows_get(&m->messages, d.msg, 0);
    op->visited++;
    if (!rules_replay_fits(op->replay, &d, last_http_status(m, &d)) || msg == NULL ||
        !rules_replay_fits_message(op->replay, &msg->message))
        return ERR_OK;
    *changed = msg->message.payload.ptr != NULL;
    op->skipped += *changed ? 0 : 1;
    if (!*changed || d.request != TRIGGER_SCHEDULE)
        return ERR_OK;
    rules_request(&d, TRIGGER_RECOVERY, 0, op->now_ms);
    mem_delivery_set(m, was, &d);
    return ERR_OK;
}

static enum err visit_cancel(struct mem_store *m, struct store_sweep *op, struct row *r, bool *changed)
{
    struct mem_delivery *was = (struct mem_delivery *)(void *)r;
    struct delivery d = was->delivery;
    if (d.ep != op->ep || !rules_pending(&d))
        return ERR_OK;
    op->visited++;
    *changed = d.msg < oid_at_ms(op->until_ms) && rules_cancel(&d);
    if (*changed)
        mem_delivery_set(m, was, &d);
    return ERR_OK;
}

static enum err visit_payload(struct mem_store *m, struct store_sweep *op, struct row *r, bool *changed)
{
    struct mem_message *was = (struct mem_message *)(void *)r;
    *changed = was->message.payload.ptr != NULL && was->message.expires_ms < op->until_ms;
    if (!*changed)
        return ERR_OK;
    struct mem_message *is = row_new(sizeof *is, 512, r->key, 0);
    is->message = mem_copy_message(is->row.arena, &was->message, false);
    rows_change(&m->log, &m->messages, &was->row, &is->row);
    mem_transformed_drop(m, is->row.key);
    return ERR_OK;
}

static enum err visit_message(struct mem_store *m, struct store_sweep *op, struct row *r, bool *changed)
{
    size_t first = rows_seek(&m->deliveries, r->key, 0), i = first;
    *changed = oid_time_ms(r->key) < op->until_ms;
    for (; *changed && i < m->deliveries.len && m->deliveries.at[i]->key == r->key; i++)
        if (rules_pending(&((struct mem_delivery *)(void *)m->deliveries.at[i])->delivery))
            *changed = false;
    if (!*changed)
        return ERR_OK;
    while (first < m->deliveries.len && m->deliveries.at[first]->key == r->key)
        rows_change(&m->log, &m->deliveries, m->deliveries.at[first], NULL);
    mem_transformed_drop(m, r->key);
    rows_change(&m->log, &m->messages, r, NULL);
    return ERR_OK;
}

static enum err visit_attempt(struct mem_store *m, struct store_sweep *op, struct row *r, bool *changed)
{
    *changed = oid_time_ms(r->key) < op->until_ms;
    if (*changed)
        rows_change(&m->log, &m->attempts, r, NULL);
    return ERR_OK;
}

static enum err visit_sealed(struct mem_store *m, struct store_sweep *op, struct row *r, bool *changed)
{
    struct mem_object *was = (struct mem_object *)(void *)r;
    struct buf sealed = BUF_INIT(1 << 24);
    char identity[24];
    *changed = was->object.sealed.ptr != NULL && keyring_sealed_by(was->object.sealed) != op->key_id;
    if (!*changed)
        return ERR_OK;
    snprintf(identity, sizeof identity, "%lld", (long long)r->key);
    enum err e = op->reseal(op->reseal_arg, was->object.sealed, str_c(identity), &sealed);
    if (e == ERR_OK) {
        struct object o = was->object;
        o.sealed = buf_str(&sealed);
        struct mem_object *is = row_new(sizeof *is, o.body.len + o.sealed.len + 256, o.id, 0);
        is->object = mem_copy_object(is->row.arena, &o);
        rows_change(&m->log, &m->objects, &was->row, &is->row);
    }
    buf_fini(&sealed);
    return e;
}

static enum err visit_dead(struct mem_store *m, struct store_sweep *op, struct row *r, bool *changed)
{
    const struct object *o = &((const struct mem_object *)(const void *)r)->object;
    *changed = o->deleted_ms > 0 && o->deleted_ms < op->until_ms && o->kind != OBJ_ENV;
    if (*changed)
        rows_change(&m->log, &m->objects, r, NULL);
    return ERR_OK;
}

/* Of a run. */
static void drop_steps(struct mem_store *m, oid_t run)
{
    for (size_t i = m->docs.len; i-- > 0;) {
        const struct doc *d = &((const struct mem_doc *)(const void *)m->docs.at[i])->doc;
        if (d->kind == DOC_STEP && d->ref == run)
            rows_change(&m->log, &m->docs, m->docs.at[i], NULL);
    }
}

static enum err visit_doc(struct mem_store *m, struct store_sweep *op, struct row *r, bool *changed)
{
    const struct doc *d = &((const struct mem_doc *)(const void *)r)->doc;
    *changed = op->sweep == SWEEP_DOCS ? d->purge_ms > 0 && d->purge_ms <= op->now_ms : d->app == op->ep;
    if (*changed && op->sweep == SWEEP_DOCS && d->kind == DOC_RUN)
        drop_steps(m, d->id);
    if (*changed)
        rows_change(&m->log, &m->docs, r, NULL);
    return ERR_OK;
}

/* Which rows a sweep walks. */
static struct rows *rows_of(struct mem_store *m, enum store_sweep_kind kind, visit_fn *visit)
{
    switch (kind) {
    case SWEEP_FAIL_PENDING:
        *visit = visit_fail;
        return &m->deliveries;
    case SWEEP_REPLAY:
        *visit = visit_replay;
        return &m->deliveries;
    case SWEEP_CANCEL:
        *visit = visit_cancel;
        return &m->deliveries;
    case SWEEP_PAYLOADS:
        *visit = visit_payload;
        return &m->messages;
    case SWEEP_MESSAGES:
        *visit = visit_message;
        return &m->messages;
    case SWEEP_ATTEMPTS:
        *visit = visit_attempt;
        return &m->attempts;
    case SWEEP_OBJECTS:
        *visit = visit_dead;
        return &m->objects;
    case SWEEP_DOCS:
    case SWEEP_APP_DOCS:
        *visit = visit_doc;
        return &m->docs;
    case SWEEP_RESEAL:
        *visit = visit_sealed;
        return &m->objects;
    case SWEEP_FOLD:
    case SWEEP_TALLIES:
        break; /* mem_tally_sweep does these */
    }
    CHECK(false && "a kind of sweep");
    return NULL;
}

enum err mem_sweep(struct backend *b, struct store_sweep *op)
{
    struct mem_store *m = (struct mem_store *)(void *)b;
    visit_fn visit;
    if (op->sweep == SWEEP_FOLD || op->sweep == SWEEP_TALLIES)
        return mem_tally_sweep(m, op);
    struct rows *rows = rows_of(m, op->sweep, &visit);
    size_t mark = m->log.len, done = 0;
    oid_t at = op->cursor;
    op->skipped = op->visited = 0;
    size_t i = rows_seek(rows, at + 1, 0);
    while (i < rows->len && done < op->rows_max) {
        bool changed = false;
        size_t len = rows->len;
        at = rows->at[i]->key;
        enum err e = visit(m, op, rows->at[i], &changed);
        if (e != ERR_OK) {
            changes_undo(&m->log, mark);
            return e;
        }
        done += changed ? 1 : 0;
        i = rows->len == len ? i + 1 : rows_seek(rows, at + 1, 0);
    }
    /* Two deliveries of one message differ in their endpoint, and a sweep of deliveries is of one endpoint: no cursor
     * stands between two that count. */
    op->cursor = at;
    op->more = i < rows->len;
    op->rows = done;
    return ERR_OK;
}
