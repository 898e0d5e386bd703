/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening: one process at a time (a lock on PATH.lock), the schema brought up to date, and a full synced checkpoint, so
 * that nothing that only lives in a cache of a crashed run is taken for durable.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypto/crypto.h"
#include "store/copy.h"
#include "store/sqlite_priv.h"
#include "store/sqlite_reader.h"

#define CACHE_BYTES ((size_t)64 << 20)
#define SCRATCH_MAX ((size_t)1 << 30)

char *sqlite_path_with(const char *path, const char *suffix)
{
    size_t a = strlen(path), n = strlen(suffix);
    char *p = mem_alloc(a + n + 1);
    memcpy(p, path, a);
    memcpy(p + a, suffix, n + 1);
    return p;
}

/* ---- facts that outlive a process ---------------------------------------------------------------------------------
 */

enum err meta_put(struct conn *c, const char *key, struct str value)
{
    sqlite3_stmt *st = conn_stmt(c, W_META_PUT,
                                 "INSERT INTO meta(key,value) VALUES(?1,?2) ON CONFLICT(key) DO UPDATE SET value=?2");
    bind_text(st, 1, str_c(key));
    bind_blob(st, 2, value);
    return conn_run(c, st);
}

enum err meta_get(struct conn *c, const char *key, struct buf *out)
{
    sqlite3_stmt *st = NULL;
    enum err e = conn_err(c, sqlite3_prepare_v2(c->db, "SELECT value FROM meta WHERE key=?", -1, &st, NULL));
    if (e == ERR_OK) {
        bind_text(st, 1, str_c(key));
        e = conn_next(c, st);
    }
    if (e == ERR_OK)
        buf_add_str(out, col_str(st, 0));
    sqlite3_finalize(st);
    return e;
}

static enum err highest_read(struct sqlite_backend *b)
{
    sqlite3_stmt *st = NULL;
    enum err e = conn_err(&b->w, sqlite3_prepare_v2(b->w.db, "SELECT " HIGHEST_SQL, -1, &st, NULL));
    if (e == ERR_OK)
        e = conn_next(&b->w, st);
    if (e == ERR_OK)
        b->base.identity.highest_oid = col_int(st, 0);
    sqlite3_finalize(st);
    b->base.identity.highest_time_ms = b->base.identity.highest_oid > 0 ? oid_time_ms(b->base.identity.highest_oid) : 0;
    return e;
}

static enum err identity_read(struct sqlite_backend *b)
{
    struct store_identity *id = &b->base.identity;
    struct buf key = BUF_INIT(64);
    enum err e = meta_get(&b->w, "id_key", &key);
    if (e == ERR_NOT_FOUND) {
        crypto_random(&id->id_key, sizeof id->id_key);
        e = meta_put(&b->w, "id_key", str_of((const char *)&id->id_key, sizeof id->id_key));
    } else if (e == ERR_OK && key.len == sizeof id->id_key) {
        memcpy(&id->id_key, key.ptr, sizeof id->id_key);
    } else if (e == ERR_OK) {
        e = ERR_IO;
    }
    buf_fini(&key);
    return e == ERR_OK ? highest_read(b) : e;
}

/* ---- open and close -------------------------------------------------------------------------------------------------
 */

static void backend_free(struct sqlite_backend *b)
{
    checkpointer_stop(b);
    keys_fini(b);
    tally_fini(b);
    conn_close(&b->w);
    if (b->lock_fd >= 0)
        close(b->lock_fd);
    state_fini(b);
    buf_fini(&b->scratch);
    free(b->path);
    free(b->ballast_path);
    free(b);
}

static enum err wal_truncate(struct sqlite_backend *b)
{
    return conn_err(&b->w, sqlite3_wal_checkpoint_v2(b->w.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

/* Where files cannot be mapped by several connections (some network file systems), SQLite quietly stays without a log.
 */
static enum err journal_check(struct sqlite_backend *b, const char **why)
{
    sqlite3_stmt *st = NULL;
    enum err e = conn_err(&b->w, sqlite3_prepare_v2(b->w.db, "PRAGMA journal_mode", -1, &st, NULL));
    if (e == ERR_OK)
        e = conn_next(&b->w, st);
    if (e == ERR_OK && !str_eq(col_str(st, 0), STR("wal"))) {
        *why = "the file system cannot hold a write-ahead log: use a local disk";
        e = ERR_INVALID;
    }
    sqlite3_finalize(st);
    return e;
}

static enum err database_open(struct sqlite_backend *b, const struct store_config *c, const char **why)
{
    if (c->read_only_ok && access(b->path, F_OK) != 0) {
        *why = "there is no database at this path";
        return ERR_NOT_FOUND;
    }
    enum err e = store_lock(b->path, &b->lock_fd, why);
    if (e == ERR_OK && !c->read_only_ok)
        space_for_recovery(b);
    if (e == ERR_OK)
        e = conn_open(&b->w, b->path, !c->read_only_ok, c->cache_bytes != 0 ? c->cache_bytes : CACHE_BYTES, why);
    if (e == ERR_OK)
        e = journal_check(b, why);
    if (e == ERR_OK)
        e = schema_migrate(&b->w, !c->read_only_ok, &b->base.identity.schema_version, why);
    if (e != ERR_OK)
        return e;
    *why = "the database cannot be read: see the line above";
    e = identity_read(b);
    if (e == ERR_OK)
        e = wal_truncate(b);
    if (e == ERR_OK)
        e = space_init(b, c);
    if (e == ERR_OK)
        e = checkpointer_start(b);
    if (e == ERR_FULL)
        *why = "the disk is full: make room and start again";
    return e;
}

enum err sqlite_open(const struct store_config *c, struct backend **out, const char **why)
{
    struct sqlite_backend *b = mem_zalloc(1, sizeof *b);
    b->base.ops = &backend_sqlite;
    b->path = mem_strndup(c->path, strlen(c->path));
    b->ballast_path = sqlite_path_with(c->path, ".ballast");
    b->lock_fd = -1;
    b->scratch = BUF_INIT(SCRATCH_MAX);
    state_init(b);
    keys_init(b);
    tally_init(b);
    enum err e = database_open(b, c, why);
    if (e != ERR_OK) {
        backend_free(b);
        return e == ERR_UNAVAILABLE ? ERR_IO : e;
    }
    *out = &b->base;
    return ERR_OK;
}

void sqlite_close(struct backend *base)
{
    struct sqlite_backend *b = backend_of(base);
    checkpointer_stop(b);
    /* What was acknowledged is in the synced log: a checkpoint that fails here loses nothing. */
    (void)wal_truncate(b);
    backend_free(b);
}

const struct backend_ops backend_sqlite = {
        .name = "sqlite",
        .open = sqlite_open,
        .close = sqlite_close,
        .begin = sqlite_begin,
        .append = sqlite_append,
        .record = sqlite_record,
        .objects = sqlite_objects,
        .resend = sqlite_resend,
        .docs = sqlite_docs,
        .expunge = sqlite_expunge,
        .sweep = sqlite_sweep,
        .key_find = sqlite_key_find,
        .key_put = sqlite_key_put,
        .commit = sqlite_commit,
        .rollback = sqlite_rollback,
        .between = sqlite_between,
        .space = sqlite_space,
        .backup_begin = sqlite_backup_begin,
        .backup_step = sqlite_backup_step,
        .backup_end = sqlite_backup_end,
        .stats = sqlite_stats,
        .reader_open = sqlite_reader_open,
        .reader_close = sqlite_reader_close,
        .get_object = sqlite_get_object,
        .find_object = sqlite_find_object,
        .list_objects = sqlite_list_objects,
        .app_version = sqlite_app_version,
        .get_message = sqlite_get_message,
        .find_message = sqlite_find_message,
        .list_messages = sqlite_list_messages,
        .get_delivery = sqlite_get_delivery,
        .list_deliveries = sqlite_list_deliveries,
        .get_attempt = sqlite_get_attempt,
        .list_attempts = sqlite_list_attempts,
        .each_tally = sqlite_each_tally,
        .count_deliveries = sqlite_count_deliveries,
        .list_pending = sqlite_list_pending,
        .load_pending = sqlite_load_pending,
        .get_transformed = sqlite_get_transformed,
        .get_doc = sqlite_get_doc,
        .find_doc = sqlite_find_doc,
        .list_docs = sqlite_list_docs,
        .count_docs = sqlite_count_docs,
        .list_docs_by_key = sqlite_list_docs_by_key,
        .due = sqlite_due,
        .due_app = sqlite_due_app,
        .get_health = sqlite_get_health,
        .count_pending = sqlite_count_pending,
};
