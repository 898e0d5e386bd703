/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to the file, their statements, and rows as structs. One connection writes (the writer's thread), one
 * checkpoints, each reader has its own; a connection belongs to one thread.
 */
#ifndef PR_STORE_SQLITE_CONN_H
#define PR_STORE_SQLITE_CONN_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "model/message.h"
#include "model/object.h"

/* Against 4096, measured with bench_store in groups of 50 and 100: 10-15 % less CPU per event, a file 10 % smaller.
 * 16384 gains little more and makes a group of one event write twice as much. */
#define SQLITE_PAGE_BYTES 8192
/* For other programs that look into the file. */
#define CONN_BUSY_MS 5000
/* A read transaction ends after this long, so that the log can start again. */
#define READ_MAX_MS 250
/* A walk of many read transactions gives up after this long. */
#define WALK_MAX_MS 3000

/* ---- connections and statements (sqlite_conn.c) ---------------------------------------------------------------- */

enum stmt {
    W_BEGIN,
    W_COMMIT,
    W_ROLLBACK,
    W_META_PUT,
    W_META_PUT_HIGHEST,
    W_VERSION_GET,
    W_VERSION_PUT,
    W_LAST_POS,
    W_ENDPOINT_PUT,
    W_MESSAGE_PUT,
    W_DELIVERY_PUT,
    W_DELIVERY_GET,
    W_DELIVERY_SET,
    W_DELIVERY_FINISH,
    W_ATTEMPT_PUT,
    W_HEALTH_PUT,
    W_TALLY_LOG,
    W_TALLY_LOG_PUT,
    W_TALLY_LOG_CLEAR,
    W_TALLY_ADD,
    W_TALLY_PUT,
    W_TALLY_OLD,
    W_TALLY_HOUR_PUT,
    W_TALLY_DROP,
    W_TALLY_EXPIRE,
    W_TALLY_HOUR_EXPIRE,
    W_HEALTH_DROP,
    W_HEALTH_GET,
    W_OBJECT_PUT,
    W_OBJECT_GET,
    W_OBJECT_SET,
    W_OBJECT_DROP,
    W_OBJECT_DEAD,
    W_OBJECT_FORGET,
    W_OBJECT_SEALED,
    W_OBJECT_RESEAL,
    W_RESEND_MESSAGE,
    W_RENDERS_SET,
    W_EXPUNGE_DELIVERIES,
    W_EXPUNGE_ATTEMPT,
    W_EXPUNGE_MESSAGE,
    W_EXPUNGE_LOOK,
    W_EXPUNGE_LOOK_ATTEMPT,
    W_SWEEP_PENDING,
    W_SWEEP_REPLAY,
    W_SWEEP_CANCEL,
    W_AGE_GET,
    W_AGE_PUT,
    W_AGE_SET,
    W_SWEEP_PAYLOAD,
    W_PAYLOAD_DROP,
    W_SWEEP_MESSAGE,
    W_MESSAGE_PENDING,
    W_MESSAGE_DROP,
    W_DELIVERIES_DROP,
    W_SWEEP_ATTEMPT,
    W_ATTEMPT_DROP,
    W_TRANSFORMED_ANY,
    W_TRANSFORMED_PUT,
    W_TRANSFORMED_DROP,
    W_DOCS_SAVE,
    W_DOCS_RELEASE,
    W_DOC_PUT,
    W_DOC_GET,
    W_DOC_TAKEN,
    W_DOC_SET,
    W_DOC_DROP,
    W_DOC_PURGE,
    W_DOC_CHILD,
    W_DOC_APP,
    W_KEY_SLOTS,
    W_KEY_SLOT_PUT,
    W_FREELIST,
    R_BEGIN,
    R_COMMIT,
    R_OBJECT,
    R_OBJECT_KEY,
    R_OBJECTS_UP,
    R_OBJECTS_DOWN,
    R_OBJECTS_ALL_UP,
    R_OBJECTS_ALL_DOWN,
    R_OBJECTS_KEY_UP,
    R_OBJECTS_KEY_DOWN,
    R_VERSION,
    R_MESSAGE,
    R_MESSAGE_HEAD,
    R_MESSAGE_EVENT,
    R_MESSAGES_UP,
    R_MESSAGES_DOWN,
    R_MESSAGES_EP_UP,
    R_MESSAGES_EP_DOWN,
    R_DELIVERY,
    R_DELIVERIES_UP,
    R_DELIVERIES_DOWN,
    R_ATTEMPT,
    R_ATTEMPT_HEAD,
    R_ATTEMPT_LABELS,
    R_ATTEMPTS_EP_UP,
    R_ATTEMPTS_EP_DOWN,
    R_ATTEMPTS_MSG_UP,
    R_ATTEMPTS_MSG_DOWN,
    R_APP_ENDPOINTS,
    R_COUNT,
    R_COUNT_OPEN,
    R_COUNT_BAD,
    R_TALLY_FIRST,
    R_TALLY_LAST,
    R_TALLY_APP,
    R_TALLY_EP,
    R_TALLY_HOURS,
    R_TALLY_LOG_FIRST,
    R_TALLY_LOG,
    R_PENDING_NEXT,
    R_PENDING,
    R_HEALTH,
    R_COUNT_PENDING,
    R_TRANSFORMED,
    R_DOC,
    R_DOC_KEY,
    R_DOCS_UP,
    R_DOCS_DOWN,
    R_DOCS_ABOUT_UP,
    R_DOCS_ABOUT_DOWN,
    R_DOCS_COUNT,
    R_DOCS_PREFIX,
    R_DUE,
    R_DUE_APP,
    R_DUE_APPS,
    STMT_COUNT
};

struct conn {
    sqlite3 *db;
    sqlite3_stmt *st[STMT_COUNT]; /* prepared on first use, kept */
};

/* Opens an existing file. *why names the trouble. */
MUST_USE enum err conn_open(struct conn *c, const char *path, bool create, size_t cache_bytes, const char **why);
void conn_close(struct conn *c);
/* The statement; NULL when it cannot be prepared: binding and stepping NULL fail, so that one check is enough. */
sqlite3_stmt *conn_stmt(struct conn *c, enum stmt which, const char *sql);
/* SQLITE_OK, ROW, DONE: ERR_OK; CONSTRAINT: ERR_CONFLICT; FULL: ERR_FULL; INTERRUPT, BUSY: ERR_UNAVAILABLE; else
 * ERR_IO, logged. */
enum err conn_err(struct conn *c, int rc);
MUST_USE enum err conn_exec(struct conn *c, const char *sql);
/* Runs a statement without rows and resets it. */
MUST_USE enum err conn_run(struct conn *c, sqlite3_stmt *st);
/* Steps a query: ERR_OK with a row, ERR_NOT_FOUND at the end (reset), or trouble (reset). */
MUST_USE enum err conn_next(struct conn *c, sqlite3_stmt *st);

static inline void bind_int(sqlite3_stmt *st, int at, int64_t v)
{
    sqlite3_bind_int64(st, at, v);
}

/* Borrowed until the statement is bound again. The null str is NULL. */
static inline void bind_text(sqlite3_stmt *st, int at, struct str s)
{
    sqlite3_bind_text64(st, at, s.ptr, s.len, SQLITE_STATIC, SQLITE_UTF8);
}

static inline void bind_blob(sqlite3_stmt *st, int at, struct str s)
{
    sqlite3_bind_blob64(st, at, s.ptr, s.len, SQLITE_STATIC);
}

static inline int64_t col_int(sqlite3_stmt *st, int at)
{
    return sqlite3_column_int64(st, at);
}

/* Borrowed until the next step. */
struct str col_str(sqlite3_stmt *st, int at);

/* ---- rows (sqlite_rows.c) -------------------------------------------------------------------------------------- */

#define MESSAGE_COLUMNS                                                                                                \
    "m.id,m.app,m.env,m.type,m.event_id,m.occurred_ms,m.actor,m.channels,m.tags,m.deliver_at_ms,m.expires_ms,"         \
    "m.content_type,m.renders,m.payload"
#define MESSAGE_COLUMN_COUNT 14
#define DELIVERY_COLUMNS                                                                                               \
    "d.msg,d.ep,d.profile_version,d.status,d.reason,d.tries,d.due_ms,d.pos,d.request,d.last_attempt,d.flags,"          \
    "d.transform"
#define DELIVERY_COLUMN_COUNT 12
#define OBJECT_COLUMNS        "id,kind,env,app,key,body,sealed,created_ms,updated_ms,deleted_ms,version"

enum { DELIVERY_LAST_FAILED = 1, DELIVERY_FIFO = 2 };

/* Columns from `at` on, slices borrowed until the next step. */
struct delivery row_delivery(sqlite3_stmt *st, int at);
struct object row_object(sqlite3_stmt *st, int at);
/* Without renders: message_own decodes them from `renders`. */
struct message row_message(sqlite3_stmt *st, int at, bool with_payload, struct str *renders);
int delivery_flags(const struct delivery *d);
/* Copies into the arena. */
void object_own(struct arena *a, struct object *o);
MUST_USE enum err message_own(struct arena *a, struct message *m, struct str renders);
/* The stored form of renders: per item 8 bytes profile version, 4 + 4 bytes lengths (little-endian, ~0 = null), head,
 * tail. */
void renders_encode(const struct message_render *renders, size_t count, struct buf *out);
MUST_USE enum err renders_decode(struct str in, struct arena *a, const struct message_render **out, size_t *count);

#endif
