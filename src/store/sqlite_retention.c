/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ages out. Attempts and messages go in the order of their ids. Payloads have lives of different length; instead
 * of an index over every payload, the lives that occur are kept (payload_age, whole hours): those of one length expire
 * in the order of ids, so each length has its own mark up to which everything is gone.
 */
#include "base/mem.h"
#include "base/time.h"
#include "store/sqlite_priv.h"

#define AGE_ANY  (-1) /* expired before it was made, or unknown: looked at wherever it is */
#define AGE_LONG 8191 /* this many hours or more */

static int64_t age_hours(oid_t msg, int64_t expires_ms)
{
    int64_t life = expires_ms - oid_time_ms(msg);
    if (life < 0)
        return AGE_ANY;
    return life / TIME_HOUR_MS < AGE_LONG ? life / TIME_HOUR_MS : AGE_LONG;
}

enum err payload_age_note(struct sqlite_backend *b, oid_t msg, int64_t expires_ms)
{
    int64_t age = age_hours(msg, expires_ms);
    uint64_t *word = &b->ages_seen[(size_t)(age + 1) / 64];
    uint64_t bit = (uint64_t)1 << ((age + 1) % 64);
    if (LIKELY((*word & bit) != 0 && age != AGE_ANY))
        return ERR_OK;
    /* What lies below the mark would not be found any more. */
    sqlite3_stmt *st = conn_stmt(&b->w, W_AGE_PUT,
                                 "INSERT INTO payload_age(hours,done) VALUES(?1,?2)"
                                 " ON CONFLICT(hours) DO UPDATE SET done=min(done,?2)");
    bind_int(st, 1, age);
    bind_int(st, 2, msg - 1);
    enum err e = conn_run(&b->w, st);
    if (e == ERR_OK)
        *word |= bit;
    return e;
}

/* ---- payloads -------------------------------------------------------------------------------------------------- */

struct age {
    int64_t hours;
    oid_t done;
};

struct payload_walk {
    oid_t *expired;
    size_t count;
    size_t visited;
    oid_t mark; /* everything of this age up to here is gone */
    bool met_alive;
};

static enum err ages_read(struct sqlite_backend *b, struct age **out, size_t *count)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_AGE_GET, "SELECT hours,done FROM payload_age ORDER BY hours");
    size_t cap = 0;
    enum err e;
    while ((e = conn_next(&b->w, st)) == ERR_OK) {
        if (*count == cap) {
            cap = cap == 0 ? 16 : cap * 2;
            *out = mem_realloc(*out, cap * sizeof **out);
        }
        (*out)[(*count)++] = (struct age){.hours = col_int(st, 0), .done = col_int(st, 1)};
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static void payload_visit(struct payload_walk *w, sqlite3_stmt *st, const struct age *age, int64_t until_ms)
{
    oid_t id = col_int(st, 0);
    int64_t expires_ms = col_int(st, 1);
    w->visited++;
    if (col_int(st, 2) != 0 && age_hours(id, expires_ms) == age->hours) {
        if (expires_ms < until_ms)
            w->expired[w->count++] = id;
        else
            w->met_alive = true;
    }
    if (!w->met_alive)
        w->mark = id;
}

static enum err age_walk(struct sqlite_backend *b, const struct store_sweep *op, const struct age *age, size_t max,
                         struct payload_walk *w)
{
    sqlite3_stmt *st =
            conn_stmt(&b->w, W_SWEEP_PAYLOAD,
                      "SELECT id,expires_ms,payload IS NOT NULL FROM message WHERE id>? AND id<? ORDER BY id LIMIT ?");
    bind_int(st, 1, age->done);
    bind_int(st, 2, age->hours == AGE_ANY ? INT64_MAX : oid_at_ms(op->until_ms - age->hours * TIME_HOUR_MS));
    bind_int(st, 3, (int64_t)max);
    enum err e;
    while ((e = conn_next(&b->w, st)) == ERR_OK)
        payload_visit(w, st, age, op->until_ms);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err age_step(struct sqlite_backend *b, struct store_sweep *op, const struct age *age,
                         struct payload_walk *w, size_t max)
{
    enum err e = age_walk(b, op, age, max, w);
    for (size_t i = 0; i < w->count && e == ERR_OK; i++) {
        sqlite3_stmt *st = conn_stmt(&b->w, W_PAYLOAD_DROP, "UPDATE message SET payload=NULL,renders=NULL WHERE id=?");
        bind_int(st, 1, w->expired[i]);
        e = conn_run(&b->w, st);
        if (e == ERR_OK)
            e = transformed_drop(b, w->expired[i]);
    }
    op->rows += w->count;
    if (e != ERR_OK || w->mark == age->done)
        return e;
    sqlite3_stmt *st = conn_stmt(&b->w, W_AGE_SET, "UPDATE payload_age SET done=?2 WHERE hours=?1");
    bind_int(st, 1, age->hours);
    bind_int(st, 2, w->mark);
    return conn_run(&b->w, st);
}

/* An age is through when its walk ends or meets what is still alive: the rest of it is younger. */
static enum err payloads_step(struct sqlite_backend *b, struct store_sweep *op)
{
    AUTO_FREE struct age *ages = NULL;
    AUTO_FREE oid_t *expired = mem_zalloc(op->rows_max, sizeof *expired);
    size_t count = 0, left = op->rows_max;
    enum err e = ages_read(b, &ages, &count);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        if (left == 0) {
            op->more = true;
            break;
        }
        struct payload_walk w = {.expired = expired, .mark = ages[i].done};
        e = age_step(b, op, &ages[i], &w, left);
        op->more = op->more || (w.visited == left && !w.met_alive);
        left -= w.visited;
    }
    return e;
}

/* ---- messages and attempts ------------------------------------------------------------------------------------- */

/* Ids are never used again, not even when the newest row is deleted. */
enum err highest_keep(struct sqlite_backend *b)
{
    return conn_run(&b->w, conn_stmt(&b->w, W_META_PUT_HIGHEST,
                                     "INSERT OR REPLACE INTO meta(key,value) VALUES('highest_oid',CAST(" HIGHEST_SQL
                                     " AS TEXT))"));
}

static enum err message_pending(struct sqlite_backend *b, oid_t id, bool *out)
{
    sqlite3_stmt *st =
            conn_stmt(&b->w, W_MESSAGE_PENDING, "SELECT 1 FROM delivery WHERE msg=? AND pos IS NOT NULL LIMIT 1");
    bind_int(st, 1, id);
    enum err e = conn_next(&b->w, st);
    *out = e == ERR_OK;
    sqlite3_reset(st);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err message_drop(struct sqlite_backend *b, oid_t id, size_t *rows)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_DELIVERIES_DROP, "DELETE FROM delivery WHERE msg=?");
    bind_int(st, 1, id);
    enum err e = conn_run(&b->w, st);
    if (e != ERR_OK)
        return e;
    *rows += 1 + (size_t)sqlite3_changes(b->w.db);
    e = transformed_drop(b, id);
    if (e != ERR_OK)
        return e;
    st = conn_stmt(&b->w, W_MESSAGE_DROP, "DELETE FROM message WHERE id=?");
    bind_int(st, 1, id);
    return conn_run(&b->w, st);
}

static enum err messages_step(struct sqlite_backend *b, struct store_sweep *op)
{
    sqlite3_stmt *st =
            conn_stmt(&b->w, W_SWEEP_MESSAGE, "SELECT id FROM message WHERE id>? AND id<? ORDER BY id LIMIT 1");
    enum err e = highest_keep(b);
    size_t touched = 0;
    for (size_t visited = 0; visited < op->rows_max && touched < op->rows_max && e == ERR_OK; visited++) {
        bool pending = false;
        bind_int(st, 1, op->cursor);
        bind_int(st, 2, oid_at_ms(op->until_ms));
        e = conn_next(&b->w, st);
        if (e == ERR_NOT_FOUND)
            return ERR_OK;
        if (e != ERR_OK)
            return e;
        op->cursor = col_int(st, 0);
        sqlite3_reset(st);
        e = message_pending(b, op->cursor, &pending);
        if (e == ERR_OK && !pending) {
            e = message_drop(b, op->cursor, &touched);
            op->rows++;
        }
    }
    op->more = true;
    return e;
}

static enum err attempts_step(struct sqlite_backend *b, struct store_sweep *op)
{
    sqlite3_stmt *st =
            conn_stmt(&b->w, W_SWEEP_ATTEMPT,
                      "SELECT max(id),count(*) FROM (SELECT id FROM attempt WHERE id<? ORDER BY id LIMIT ?)");
    bind_int(st, 1, oid_at_ms(op->until_ms));
    bind_int(st, 2, (int64_t)op->rows_max);
    enum err e = conn_next(&b->w, st);
    if (e != ERR_OK)
        return e;
    oid_t last = col_int(st, 0);
    op->rows = (size_t)col_int(st, 1);
    op->more = op->rows == op->rows_max;
    sqlite3_reset(st);
    if (op->rows == 0)
        return ERR_OK;
    e = highest_keep(b);
    if (e != ERR_OK)
        return e;
    st = conn_stmt(&b->w, W_ATTEMPT_DROP, "DELETE FROM attempt WHERE id<=?");
    bind_int(st, 1, last);
    return conn_run(&b->w, st);
}

/* The one that was deleted first; *id 0: there is none. */
static enum err object_dead(struct sqlite_backend *b, int64_t until_ms, oid_t *id)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_OBJECT_DEAD,
                                 "SELECT id FROM object INDEXED BY object_dead WHERE deleted_ms>0 AND deleted_ms<?1 AND"
                                 " kind<>?2 ORDER BY deleted_ms LIMIT 1");
    bind_int(st, 1, until_ms);
    bind_int(st, 2, OBJ_ENV);
    *id = 0;
    enum err e = conn_next(&b->w, st);
    if (e == ERR_OK) {
        *id = col_int(st, 0);
        sqlite3_reset(st);
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err objects_step(struct sqlite_backend *b, struct store_sweep *op)
{
    enum err e = ERR_OK;
    oid_t id = 1;
    while (op->rows < op->rows_max && e == ERR_OK) {
        e = object_dead(b, op->until_ms, &id);
        if (e != ERR_OK || id == 0)
            return e;
        if (op->rows == 0)
            e = highest_keep(b);
        if (e == ERR_OK) {
            sqlite3_stmt *st = conn_stmt(&b->w, W_OBJECT_FORGET, "DELETE FROM object WHERE id=?");
            bind_int(st, 1, id);
            e = conn_run(&b->w, st);
            op->rows++;
        }
    }
    op->more = true;
    return e;
}

enum err sqlite_retention(struct sqlite_backend *b, struct store_sweep *op)
{
    if (op->sweep == SWEEP_OBJECTS)
        return objects_step(b, op);
    if (op->sweep == SWEEP_PAYLOADS)
        return payloads_step(b, op);
    if (op->sweep == SWEEP_ATTEMPTS)
        return attempts_step(b, op);
    bool more = false;
    enum err e = messages_step(b, op);
    if (e == ERR_OK)
        e = keys_drop(b, op->rows_max, &more);
    op->more = op->more || more;
    return e;
}
