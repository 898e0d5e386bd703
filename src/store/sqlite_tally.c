/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of attempts, for statistics (struct tally). They are in the transaction of what they count, but not each in
 * its row at once: a group writes what it counted as one row of a log. Once a second, or when the log is about many
 * rows, one group adds all of the log to the table, and empties the log, in its commit. So a row that many groups count
 * in is written once, a crash loses no count, and whoever reads the table and the log sees every attempt once.
 *
 * Memory has what the log has, added up by row: rows with `logged`. What the group under way adds is `fresh`. After a
 * rollback, and at first, memory has nothing and reads the log before the next commit.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite_priv.h"

/* The log waits so long for more of the same. */
#define LOG_MS 1000
/* About so many rows it does not wait: they take a few ms. */
#define LOG_ROWS_MAX  2048
#define LOG_BYTES_MAX ((size_t)16 << 20) /* of a group: far more than one can have */
#define ROWS_CHUNK    16384

struct tally_row {
    struct table_node node;
    struct tally_row *next_fresh;
    struct tally_entry logged;
    struct tally_entry fresh; /* of the same row */
    bool is_fresh;            /* on the list */
};

void tally_init(struct sqlite_backend *b)
{
    b->tallies = (struct tallies){.body = BUF_INIT(LOG_BYTES_MAX)};
    table_init(&b->tallies.rows);
}

void tally_fini(struct sqlite_backend *b)
{
    struct tallies *all = &b->tallies;
    table_fini(&all->rows);
    arena_free(all->arena);
    buf_fini(&all->body);
    tally_init(b);
}

static void rows_clear(struct tallies *all)
{
    if (all->rows.len == 0)
        return;
    table_fini(&all->rows);
    table_init(&all->rows);
    arena_reset(all->arena);
    all->fresh = NULL;
}

void tally_forget(struct sqlite_backend *b)
{
    rows_clear(&b->tallies);
    b->tallies.known = false;
}

/* The row that counts what `t` counts; made with zeros. */
static struct tally_row *row_get(struct sqlite_backend *b, const struct tally_entry *t)
{
    struct tallies *all = &b->tallies;
    uint64_t h = hash_sip(b->base.identity.id_key, t->type.ptr, t->type.len);
    h = hash_u64(h ^ (uint64_t)t->start_ms ^ hash_u64((uint64_t)t->ep ^ (uint64_t)t->app << 1));
    struct table_node *n = table_find(&all->rows, h);
    for (; n != NULL; n = table_next(n)) {
        struct tally_row *row = CONTAINER_OF(n, struct tally_row, node);
        if (tally_compare(&row->fresh, t) == 0)
            return row;
    }
    if (all->arena == NULL)
        all->arena = arena_new(ROWS_CHUNK);
    struct tally_row *row = arena_zalloc(all->arena, sizeof *row);
    row->fresh.start_ms = t->start_ms;
    row->fresh.app = t->app;
    row->fresh.ep = t->ep;
    row->fresh.type = arena_str(all->arena, t->type);
    row->logged = row->fresh;
    table_insert(&all->rows, &row->node, h);
    return row;
}

void tally_add(struct sqlite_backend *b, const struct attempt *t)
{
    bool good = t->status == DELIVERY_SUCCESS;
    struct tally_entry one = {.start_ms = t->started_ms - t->started_ms % TALLY_SPAN_MS,
                              .app = t->app,
                              .ep = t->ep,
                              .type = t->event_type.ptr != NULL ? t->event_type : STR(""),
                              .succeeded = good,
                              .failed = !good,
                              .total_us = t->phases.total_us,
                              .longest_us = t->phases.total_us};
    struct tally_row *row = row_get(b, &one);
    tally_merge(&row->fresh, &one);
    if (!row->is_fresh) {
        row->is_fresh = true;
        row->next_fresh = b->tallies.fresh;
        b->tallies.fresh = row;
    }
}

/* ---- the log --------------------------------------------------------------------------------------------------- */

static enum err log_load(struct sqlite_backend *b)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_TALLY_LOG, "SELECT body FROM tally_log ORDER BY seq");
    enum err e;
    while ((e = conn_next(&b->w, st)) == ERR_OK) {
        struct str rest = col_str(st, 0);
        struct tally_entry t = {.type = STR_NULL};
        while (tally_decode(&rest, &t))
            tally_merge(&row_get(b, &t)->logged, &t);
        if (rest.len > 0)
            log_error("store_tallies_damaged", LOG_INT("bytes", rest.len));
    }
    b->tallies.since_ms = 0;
    b->tallies.known = e == ERR_NOT_FOUND;
    return b->tallies.known ? ERR_OK : e;
}

/* Writes what the group counted. */
static enum err group_log(struct sqlite_backend *b)
{
    struct tallies *all = &b->tallies;
    const struct tally_entry *before = NULL;
    int64_t first_ms = INT64_MAX;
    if (!all->known) {
        enum err e = log_load(b);
        if (e != ERR_OK)
            return e;
    }
    if (all->fresh == NULL)
        return ERR_OK;
    buf_clear(&all->body);
    for (struct tally_row *row = all->fresh; row != NULL; row = row->next_fresh) {
        tally_encode(before, &row->fresh, &all->body);
        before = &row->logged; /* the same row */
        first_ms = first_ms < row->fresh.start_ms ? first_ms : row->fresh.start_ms;
        tally_merge(&row->logged, &row->fresh);
        row->fresh.succeeded = row->fresh.failed = row->fresh.total_us = row->fresh.longest_us = 0;
        row->is_fresh = false;
    }
    CHECK(!all->body.overflow);
    all->fresh = NULL;
    if (all->since_ms == 0)
        all->since_ms = b->now_ms;
    sqlite3_stmt *st = conn_stmt(&b->w, W_TALLY_LOG_PUT, "INSERT INTO tally_log(first_ms,body) VALUES(?,?)");
    bind_int(st, 1, first_ms);
    bind_blob(st, 2, buf_str(&all->body));
    return conn_run(&b->w, st);
}

/* ---- the table ------------------------------------------------------------------------------------------------- */

enum err tally_put(struct conn *c, sqlite3_stmt *st, const struct tally_entry *t)
{
    bind_int(st, 1, t->start_ms);
    bind_int(st, 2, t->app);
    bind_int(st, 3, t->ep);
    bind_text(st, 4, t->type);
    bind_int(st, 5, t->succeeded);
    bind_int(st, 6, t->failed);
    bind_int(st, 7, t->total_us);
    bind_int(st, 8, t->longest_us);
    return conn_run(c, st);
}

/* Nearly always the row is there: an update in place costs half of what INSERT … ON CONFLICT does. */
static enum err sum_put(struct sqlite_backend *b, const struct tally_entry *t)
{
    sqlite3_stmt *st = conn_stmt(&b->w, W_TALLY_ADD,
                                 "UPDATE tally SET succeeded=succeeded+?5,failed=failed+?6,total_us=total_us+?7,"
                                 "longest_us=max(longest_us,?8) WHERE start_ms=?1 AND app=?2 AND ep=?3 AND type=?4");
    enum err e = tally_put(&b->w, st, t);
    if (e != ERR_OK || sqlite3_changes(b->w.db) > 0)
        return e;
    st = conn_stmt(&b->w, W_TALLY_PUT,
                   "INSERT INTO tally(start_ms,app,ep,type,succeeded,failed,total_us,longest_us)"
                   " VALUES(?1,?2,?3,?4,?5,?6,?7,?8)");
    return tally_put(&b->w, st, t);
}

struct row_list {
    struct tally_entry *at;
    size_t len;
};

static void list_row(struct table_node *n, void *arg)
{
    struct row_list *l = arg;
    l->at[l->len++] = CONTAINER_OF(n, struct tally_row, node)->logged;
}

/* Adds the log to the table, in its order. */
static enum err log_fold(struct sqlite_backend *b)
{
    struct tallies *all = &b->tallies;
    if (all->rows.len == 0)
        return ERR_OK;
    AUTO_FREE struct tally_entry *list = mem_alloc(all->rows.len * sizeof *list);
    struct row_list rows = {.at = list};
    enum err e = ERR_OK;
    table_each(&all->rows, list_row, &rows);
    qsort(rows.at, rows.len, sizeof *rows.at, tally_compare);
    for (size_t i = 0; i < rows.len && e == ERR_OK; i++)
        e = sum_put(b, &rows.at[i]);
    rows_clear(all);
    all->since_ms = 0;
    return e == ERR_OK ? conn_run(&b->w, conn_stmt(&b->w, W_TALLY_LOG_CLEAR, "DELETE FROM tally_log")) : e;
}

static bool log_is_due(const struct sqlite_backend *b)
{
    const struct tallies *all = &b->tallies;
    return all->rows.len >= LOG_ROWS_MAX || b->now_ms >= all->since_ms + LOG_MS || b->now_ms < all->since_ms;
}

enum err tally_flush(struct sqlite_backend *b)
{
    enum err e = group_log(b);
    return e == ERR_OK && log_is_due(b) ? log_fold(b) : e;
}

enum err tally_settle(struct sqlite_backend *b)
{
    enum err e = group_log(b);
    return e == ERR_OK ? log_fold(b) : e;
}
