/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite backend's inside. One connection writes (the writer's thread), one checkpoints, each reader has its own.
 * Message ids are rowids and grow with time: inserts append, and a range of time is a range of ids.
 */
#ifndef PR_STORE_SQLITE_PRIV_H
#define PR_STORE_SQLITE_PRIV_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/table.h"
#include "store/backend.h"

#define SQLITE_PAGE_BYTES 4096
/* For other programs that look into the file. */
#define CONN_BUSY_MS 5000
/* A read transaction ends after this long, so that the log can start again. */
#define READ_MAX_MS 250
/* A walk of many read transactions gives up after this long. */
#define WALK_MAX_MS 3000

/* ---- connections and statements (sqlite_conn.c)
 * ---------------------------------------------------------------------- */

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
    W_HEALTH_DROP,
    W_OBJECT_PUT,
    W_OBJECT_GET,
    W_OBJECT_SET,
    W_OBJECT_DROP,
    W_OBJECT_SEALED,
    W_OBJECT_RESEAL,
    W_RESEND_MESSAGE,
    W_RENDERS_SET,
    W_SWEEP_PENDING,
    W_SWEEP_FAILED,
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
    W_FREELIST,
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
    R_DELIVERIES,
    R_ATTEMPT,
    R_ATTEMPT_HEAD,
    R_ATTEMPT_LABELS,
    R_ATTEMPTS_EP_UP,
    R_ATTEMPTS_EP_DOWN,
    R_ATTEMPTS_MSG_UP,
    R_ATTEMPTS_MSG_DOWN,
    R_APP_ENDPOINTS,
    R_COUNT,
    R_PENDING_NEXT,
    R_PENDING,
    R_HEALTH,
    R_COUNT_PENDING,
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

/* ---- rows (sqlite_rows.c)
 * ---------------------------------------------------------------------------------------------- */

#define MESSAGE_COLUMNS                                                                                                \
    "m.id,m.app,m.env,m.type,m.event_id,m.occurred_ms,m.actor,m.channels,m.tags,m.deliver_at_ms,m.expires_ms,"         \
    "m.content_type,m.renders,m.payload"
#define MESSAGE_COLUMN_COUNT 14
#define DELIVERY_COLUMNS                                                                                               \
    "d.msg,d.ep,d.profile_version,d.status,d.reason,d.tries,d.due_ms,d.pos,d.request,d.last_attempt,d.flags"
#define OBJECT_COLUMNS "id,kind,env,app,key,body,sealed,created_ms,updated_ms,deleted_ms,version"

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

/* ---- the writer's side
 * ---------------------------------------------------------------------------------------------------- */

struct checkpointer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct conn conn;
    bool running;
    bool stop;
    bool wanted;
};

struct sqlite_backend {
    struct backend base;
    struct conn w;
    char *path;
    char *ballast_path;
    int lock_fd;
    int64_t now_ms; /* of the group */
    struct buf scratch;

    struct table versions;   /* counters of workspaces and environments (sqlite_state.c) */
    struct table endpoints;  /* last FIFO place, known to the index of endpoints */
    uint64_t ages_seen[128]; /* bits: retention ages, in hours, that are in payload_age; others are looked up */

    size_t wal_cap_bytes;
    size_t ballast_bytes;
    size_t reserve_bytes;
    bool ballast_there;
    _Atomic uint64_t wal_bytes; /* live frames, by the last commit */
    uint64_t wal_next_bytes;    /* where the checkpointer's next pass begins */
    uint64_t wal_tried_bytes;   /* at the writer's last own checkpoint */
    struct checkpointer checkpointer;
};

struct sqlite_reader {
    struct store_reader base;
    struct conn c;
    int64_t deadline_ms; /* of the read transaction under way */
};

static inline struct sqlite_backend *backend_of(struct backend *b)
{
    return CONTAINER_OF(b, struct sqlite_backend, base);
}

static inline struct sqlite_reader *reader_of(struct store_reader *r)
{
    return CONTAINER_OF(r, struct sqlite_reader, base);
}

/* The highest id ever: what the tables have, or had before retention. */
#define HIGHEST_SQL                                                                                                    \
    "max(ifnull((SELECT max(id) FROM message),0),ifnull((SELECT max(id) FROM attempt),0),"                             \
    "ifnull((SELECT max(id) FROM object),0),"                                                                          \
    "ifnull((SELECT CAST(value AS INTEGER) FROM meta WHERE key='highest_oid'),0))"

#define SCHEMA_VERSION        1
#define SCHEMA_APPLICATION_ID 0x50737452 /* "PstR" */
/* Brings the file to SCHEMA_VERSION; *version: what it has. */
MUST_USE enum err schema_migrate(struct conn *c, bool may_change, int *version, const char **why);

/* Counters of configuration and places; forgotten as a whole after a rollback. */
void state_init(struct sqlite_backend *b);
void state_fini(struct sqlite_backend *b);
void state_forget(struct sqlite_backend *b);
MUST_USE enum err state_version(struct sqlite_backend *b, oid_t app, oid_t env, uint64_t *out);
/* env: of the workspace, 0 for an environment's own counter. */
MUST_USE enum err state_raise(struct sqlite_backend *b, oid_t id, oid_t env);
/* The next place in the endpoint's order. */
MUST_USE enum err state_next_pos(struct sqlite_backend *b, oid_t ep, int64_t *out);
/* Notes that the workspace has this endpoint, for the list of a workspace's attempts. */
MUST_USE enum err state_endpoint(struct sqlite_backend *b, oid_t app, oid_t ep);

MUST_USE enum err delivery_get(struct sqlite_backend *b, oid_t msg, oid_t ep, struct delivery *out);
/* Writes the state of a delivery that is there. */
MUST_USE enum err delivery_set(struct sqlite_backend *b, const struct delivery *d);
/* Adds it; one that is there stays as it is. */
MUST_USE enum err delivery_put(struct sqlite_backend *b, const struct delivery *d);
/* Notes a payload's age in hours, so that retention finds it without an index over all payloads. */
MUST_USE enum err payload_age_note(struct sqlite_backend *b, oid_t msg, int64_t expires_ms);
MUST_USE enum err meta_put(struct conn *c, const char *key, struct str value);
MUST_USE enum err meta_get(struct conn *c, const char *key, struct buf *out);

enum err sqlite_open(const struct store_config *c, struct backend **out, const char **why);
void sqlite_close(struct backend *b);
enum err sqlite_begin(struct backend *b, int64_t now_ms);
enum err sqlite_commit(struct backend *b);
void sqlite_rollback(struct backend *b);
enum err sqlite_between(struct backend *b);
enum err sqlite_space(struct backend *b);
void sqlite_stats(struct backend *b, struct store_stats *out);
enum err sqlite_append(struct backend *b, struct store_append *op);
enum err sqlite_record(struct backend *b, struct store_record *op);
enum err sqlite_objects(struct backend *b, struct store_objects *op);
enum err sqlite_resend(struct backend *b, struct store_resend *op);
enum err sqlite_sweep(struct backend *b, struct store_sweep *op);
/* The steps of retention: payloads, messages, attempts. */
enum err sqlite_retention(struct sqlite_backend *b, struct store_sweep *op);
enum err sqlite_backup_begin(struct backend *b, const char *to_path, struct backend_backup **out, const char **why);
enum err sqlite_backup_step(struct backend *b, struct backend_backup *k, int pages, int *percent, bool *done);
enum err sqlite_backup_end(struct backend *b, struct backend_backup *k, bool keep);

MUST_USE enum err checkpointer_start(struct sqlite_backend *b);
void checkpointer_stop(struct sqlite_backend *b);
/* Ends the process: a page may be lost and may be not. */
NORETURN void checkpoint_die(const char *what, int rc);
/* Sizes the ballast and makes it. */
MUST_USE enum err space_init(struct sqlite_backend *b, const struct store_config *c);

/* ---- the readers' side
 * ------------------------------------------------------------------------------------------------------ */

enum err sqlite_reader_open(struct backend *b, struct store_reader **out);
void sqlite_reader_close(struct store_reader *r);
/* A read transaction begins: it is interrupted after READ_MAX_MS. */
void reader_begin(struct sqlite_reader *r);

enum err sqlite_get_object(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t id,
                           struct object *out);
enum err sqlite_find_object(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t env, oid_t app,
                            struct str key, struct object *out);
enum err sqlite_list_objects(struct store_reader *r, struct arena *a, const struct object_query *q, struct object **out,
                             size_t *count);
enum err sqlite_app_version(struct store_reader *r, oid_t app, uint64_t *out);
enum err sqlite_get_message(struct store_reader *r, struct arena *a, oid_t app, oid_t id, bool with_payload,
                            struct message *out);
enum err sqlite_find_message(struct store_reader *r, struct arena *a, oid_t app, struct str event_id, bool with_payload,
                             struct message *out);
enum err sqlite_list_messages(struct store_reader *r, struct arena *a, const struct message_query *q,
                              struct message **out, struct delivery **deliveries, size_t *count);
enum err sqlite_get_delivery(struct store_reader *r, oid_t msg, oid_t ep, struct delivery *out);
enum err sqlite_list_deliveries(struct store_reader *r, struct arena *a, oid_t msg, oid_t before_ep, oid_t after_ep,
                                size_t limit, struct delivery **out, size_t *count);
enum err sqlite_get_attempt(struct store_reader *r, struct arena *a, oid_t app, oid_t id, struct attempt *out);
enum err sqlite_list_attempts(struct store_reader *r, struct arena *a, const struct attempt_query *q,
                              struct attempt **out, size_t *count);
enum err sqlite_count_deliveries(struct store_reader *r, oid_t ep, int64_t since_ms, int64_t until_ms,
                                 struct delivery_counts *out);
enum err sqlite_list_pending(struct store_reader *r, struct arena *a, oid_t after_ep, size_t limit,
                             struct pending_summary **out, size_t *count);
enum err sqlite_load_pending(struct store_reader *r, struct arena *a, const struct pending_query *q,
                             struct pending_delivery **out, size_t *count, int64_t *next_pos);
enum err sqlite_get_health(struct store_reader *r, oid_t ep, struct endpoint_health *out);
enum err sqlite_count_pending(struct store_reader *r, uint64_t limit, uint64_t *out);

#endif
