/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: how a file is opened, statements that are prepared once, SQLite's results as ours. */
#include <stdio.h>

#include "base/log.h"
#include "store/sqlite_cache.h"
#include "store/sqlite_priv.h"
#include "store/sqlite_wal_file.h"

static pthread_once_t configured = PTHREAD_ONCE_INIT;

static void library_configure(void)
{
    /* A connection belongs to one thread: no locks inside. Refused, and harmless, when SQLite runs already. */
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite_cache_configure();
}

enum err conn_err(struct conn *c, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_FULL:
        return ERR_FULL;
    case SQLITE_NOTADB:
        return ERR_INVALID;
    case SQLITE_INTERRUPT:
    case SQLITE_BUSY:
        return ERR_UNAVAILABLE;
    default:
        log_error("store_error", LOG_INT("code", rc), LOG_INT("errno", sqlite3_system_errno(c->db)),
                  LOG_CSTR("error", c->db != NULL ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc)));
        return ERR_IO;
    }
}

enum err conn_exec(struct conn *c, const char *sql)
{
    return conn_err(c, sqlite3_exec(c->db, sql, NULL, NULL, NULL));
}

enum err conn_open(struct conn *c, const char *path, bool create, size_t cache_bytes, const char **why)
{
    pthread_once(&configured, library_configure);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    *c = (struct conn){.db = NULL};
    enum err e = conn_err(c, sqlite3_open_v2(path, &c->db, flags, sqlite_wal_vfs()));
    /* No page goes to the log before its commit: one that did, and was written again before a savepoint was rolled
     * back, leaves frames that a recovery does not take (SQLite 3.40), and it stops there for good. */
    char pragmas[256];
    (void)snprintf(
            pragmas, sizeof pragmas,
            "PRAGMA page_size=%d; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-%zu; PRAGMA cache_spill=OFF; PRAGMA temp_store=MEMORY;",
            SQLITE_PAGE_BYTES, cache_bytes / 1024);
    if (e == ERR_OK)
        sqlite3_busy_timeout(c->db, CONN_BUSY_MS);
    if (e == ERR_OK)
        e = conn_exec(c, pragmas);
    if (e != ERR_OK) {
        *why = e == ERR_FULL      ? "the disk is full: make room and start again"
               : e == ERR_INVALID ? "the file is not a database: name another path"
                                  : "the file cannot be opened as a database: see the line above";
        conn_close(c);
    }
    return e == ERR_OK || e == ERR_FULL || e == ERR_INVALID ? e : ERR_IO;
}

void conn_close(struct conn *c)
{
    for (size_t i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(c->st[i]);
    sqlite3_close(c->db);
    *c = (struct conn){.db = NULL};
}

sqlite3_stmt *conn_stmt(struct conn *c, enum stmt which, const char *sql)
{
    if (UNLIKELY(c->st[which] == NULL) &&
        sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &c->st[which], NULL) != SQLITE_OK)
        log_error("store_statement", LOG_CSTR("error", sqlite3_errmsg(c->db)), LOG_CSTR("sql", sql));
    return c->st[which];
}

enum err conn_run(struct conn *c, sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);
    enum err e = rc == SQLITE_DONE ? ERR_OK : conn_err(c, rc);
    sqlite3_reset(st);
    return e;
}

enum err conn_next(struct conn *c, sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);
    if (LIKELY(rc == SQLITE_ROW))
        return ERR_OK;
    enum err e = rc == SQLITE_DONE ? ERR_NOT_FOUND : conn_err(c, rc);
    sqlite3_reset(st);
    return e;
}

struct str col_str(sqlite3_stmt *st, int at)
{
    if (sqlite3_column_type(st, at) == SQLITE_NULL)
        return STR_NULL;
    const char *p = sqlite3_column_blob(st, at);
    return str_of(p != NULL ? p : "", (size_t)sqlite3_column_bytes(st, at));
}
