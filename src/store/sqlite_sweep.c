/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk work in steps: what is pending for an endpoint fails or is canceled, deliveries are tried again, secrets are
 * sealed again. */
#include <stdio.h>

#include "base/mem.h"
#include "base/time.h"
#include "crypto/seal.h"
#include "store/rules.h"
#include "store/sqlite_priv.h"

/* Reads up to rows_max deliveries first: a statement that walks an index must not run while its rows move. */
static enum err deliveries_read(struct sqlite_backend *b, sqlite3_stmt *st, struct delivery *list, size_t max,
                                size_t *count)
{
    enum err e = ERR_OK;
    *count = 0;
    while (*count < max && (e = conn_next(&b->w, st)) == ERR_OK)
        list[(*count)++] = row_delivery(st, 0);
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err pending_fail(struct sqlite_backend *b, struct store_sweep *op, struct delivery *list)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_SWEEP_PENDING,
                                 "SELECT " DELIVERY_COLUMNS " FROM delivery d INDEXED BY delivery_pending"
                                 " WHERE d.ep=? AND d.pos IS NOT NULL LIMIT ?");
    bind_int(st, 1, op->ep);
    bind_int(st, 2, (int64_t)op->rows_max);
    size_t count;
    enum err e = deliveries_read(b, st, list, op->rows_max, &count);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        rules_fail(&list[i], op->reason);
        e = delivery_set(b, &list[i]);
    }
    op->rows = count;
    op->more = count == op->rows_max;
    return e;
}

/* Whether the row under the statement fits. */
static bool replay_row_fits(sqlite3_stmt *st, const struct replay_filter *f, const struct delivery *d)
{
    struct message m = {.event_type = col_str(st, DELIVERY_COLUMN_COUNT + 1),
                        .channels = col_str(st, DELIVERY_COLUMN_COUNT + 2),
                        .tags = col_str(st, DELIVERY_COLUMN_COUNT + 3)};
    int http_status = sqlite3_column_type(st, DELIVERY_COLUMN_COUNT + 4) == SQLITE_NULL
                              ? -1
                              : (int)col_int(st, DELIVERY_COLUMN_COUNT + 4);
    return rules_replay_fits(f, d, http_status) && m.event_type.ptr != NULL && rules_replay_fits_message(f, &m);
}

/* Deliveries whose payload is gone are left: an attempt could not be made. */
static enum err replay_read(struct sqlite_backend *b, struct store_sweep *op, struct delivery *list, size_t *count)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_SWEEP_REPLAY,
                                 "SELECT " DELIVERY_COLUMNS ",m.payload IS NULL,m.type,m.channels,m.tags,"
                                 "CASE WHEN ?6 THEN (SELECT a.http_status FROM attempt a WHERE a.id=d.last_attempt) END"
                                 " FROM delivery d INDEXED BY delivery_ep LEFT JOIN message m ON m.id=d.msg"
                                 " WHERE d.ep=?1 AND d.msg>?2 AND d.msg>=?3 AND d.msg<?4 ORDER BY d.msg LIMIT ?5");
    enum err e = ERR_OK;
    bind_int(st, 1, op->ep);
    bind_int(st, 2, op->cursor);
    bind_int(st, 3, oid_at_ms(op->since_ms));
    bind_int(st, 4, op->until_ms < TIME_NEVER ? oid_at_ms(op->until_ms + 1) : INT64_MAX);
    bind_int(st, 5, (int64_t)op->rows_max);
    bind_int(st, 6, op->replay->status_class >= 0);
    while (op->visited < op->rows_max && (e = conn_next(&b->w, st)) == ERR_OK) {
        struct delivery d = row_delivery(st, 0);
        op->visited++;
        op->cursor = d.msg;
        if (!replay_row_fits(st, op->replay, &d))
            continue;
        if (col_int(st, DELIVERY_COLUMN_COUNT) != 0)
            op->skipped++;
        else if (d.request != TRIGGER_SCHEDULE)
            op->rows++;
        else
            list[(*count)++] = d;
    }
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err deliveries_replay(struct sqlite_backend *b, struct store_sweep *op, struct delivery *list)
{
    size_t count = 0;
    enum err e = replay_read(b, op, list, &count);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        rules_request(&list[i], TRIGGER_RECOVERY, 0, op->now_ms);
        e = delivery_set(b, &list[i]);
    }
    op->rows += count;
    op->more = op->visited == op->rows_max;
    return e;
}

/* In the order of the index of what is pending, so that what would go out next is canceled first. */
static enum err cancel_read(struct sqlite_backend *b, struct store_sweep *op, struct delivery *list, size_t *count)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_SWEEP_CANCEL,
                                 "SELECT d.msg,d.pos FROM delivery d INDEXED BY delivery_pending"
                                 " WHERE d.ep=?1 AND d.pos IS NOT NULL AND d.pos>=?2 AND (d.pos>?2 OR d.msg>?3)"
                                 " ORDER BY d.pos,d.msg LIMIT ?4");
    oid_t before = oid_at_ms(op->until_ms);
    enum err e = ERR_OK;
    bind_int(st, 1, op->ep);
    bind_int(st, 2, op->cursor_pos);
    bind_int(st, 3, op->cursor);
    bind_int(st, 4, (int64_t)op->rows_max);
    while (op->visited < op->rows_max && (e = conn_next(&b->w, st)) == ERR_OK) {
        op->visited++;
        op->cursor = col_int(st, 0);
        op->cursor_pos = col_int(st, 1);
        if (op->cursor < before)
            list[(*count)++].msg = op->cursor;
    }
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err pending_cancel(struct sqlite_backend *b, struct store_sweep *op, struct delivery *list)
{
    size_t count = 0;
    enum err e = cancel_read(b, op, list, &count);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        e = delivery_get(b, list[i].msg, op->ep, &list[i]);
        if (e == ERR_OK && rules_cancel(&list[i]))
            e = delivery_set(b, &list[i]);
    }
    op->rows = count;
    op->more = op->visited == op->rows_max;
    return e;
}

static enum err reseal_one(struct sqlite_backend *b, struct store_sweep *op, oid_t id, struct str sealed)
{
    char identity[24];
    struct buf out = BUF_INIT((size_t)1 << 24);
    (void)snprintf(identity, sizeof identity, "%lld", (long long)id);
    enum err e = op->reseal(op->reseal_arg, sealed, str_c(identity), &out);
    if (e == ERR_OK) {
        sqlite3_stmt *st = conn_stmt(&b->w, W_OBJECT_RESEAL, "UPDATE object SET sealed=?2 WHERE id=?1");
        bind_int(st, 1, id);
        bind_blob(st, 2, buf_str(&out));
        e = conn_run(&b->w, st);
        op->rows += e == ERR_OK;
    }
    buf_fini(&out);
    return e;
}

static enum err reseal_walk(struct sqlite_backend *b, struct store_sweep *op)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_OBJECT_SEALED, "SELECT id,sealed FROM object WHERE id>? ORDER BY id LIMIT 1");
    enum err e = ERR_OK;
    size_t visited = 0;
    op->more = true;
    for (; visited < op->rows_max && e == ERR_OK; visited++) {
        bind_int(st, 1, op->cursor);
        e = conn_next(&b->w, st);
        if (e != ERR_OK)
            break;
        oid_t id = col_int(st, 0);
        struct str sealed = col_str(st, 1);
        if (sealed.ptr != NULL && keyring_sealed_by(sealed) != op->key_id) {
            AUTO_FREE char *copy = mem_strndup(sealed.ptr, sealed.len);
            struct str old = str_of(copy, sealed.len);
            sqlite3_reset(st);
            e = reseal_one(b, op, id, old);
        } else {
            sqlite3_reset(st);
        }
        if (e == ERR_OK)
            op->cursor = id;
    }
    if (e == ERR_NOT_FOUND) {
        op->more = false;
        e = ERR_OK;
    }
    return e;
}

/* A secret that does not open is the step's result, and a step that fails has done nothing. */
static enum err objects_reseal(struct sqlite_backend *b, struct store_sweep *op)
{
    oid_t cursor = op->cursor;
    enum err e = conn_exec(&b->w, "SAVEPOINT reseal");
    if (e == ERR_OK)
        e = reseal_walk(b, op);
    if (e == ERR_OK)
        return conn_exec(&b->w, "RELEASE reseal");
    op->cursor = cursor;
    op->rows = 0;
    op->more = false;
    if (e == ERR_FULL || e == ERR_IO)
        return e;
    enum err back = conn_exec(&b->w, "ROLLBACK TO reseal; RELEASE reseal");
    return back == ERR_OK ? e : back;
}

enum err sqlite_sweep(struct backend *base, struct store_sweep *op)
{
    struct sqlite_backend *b = backend_of(base);
    op->rows = op->skipped = op->visited = 0;
    op->more = false;
    if (op->rows_max == 0)
        return ERR_INVALID;
    AUTO_FREE struct delivery *list = NULL;
    switch (op->sweep) {
    case SWEEP_FAIL_PENDING:
        list = mem_zalloc(op->rows_max, sizeof *list);
        return pending_fail(b, op, list);
    case SWEEP_REPLAY:
        list = mem_zalloc(op->rows_max, sizeof *list);
        return deliveries_replay(b, op, list);
    case SWEEP_CANCEL:
        list = mem_zalloc(op->rows_max, sizeof *list);
        return pending_cancel(b, op, list);
    case SWEEP_RESEAL:
        return objects_reseal(b, op);
    case SWEEP_DOCS:
    case SWEEP_APP_DOCS:
        return docs_sweep(b, op);
    case SWEEP_PAYLOADS:
    case SWEEP_MESSAGES:
    case SWEEP_ATTEMPTS:
    case SWEEP_OBJECTS:
        return sqlite_retention(b, op);
    case SWEEP_FOLD:
    case SWEEP_TALLIES:
        return tally_sweep(b, op);
    }
    return ERR_INVALID;
}
