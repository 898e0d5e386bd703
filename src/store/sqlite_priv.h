/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite backend's inside: what the writer's thread works on. Message ids are rowids and grow with time: inserts
 * append, and a range of time is a range of ids.
 */
#ifndef PR_STORE_SQLITE_PRIV_H
#define PR_STORE_SQLITE_PRIV_H

#include <pthread.h>

#include "base/table.h"
#include "store/backend.h"
#include "store/sqlite_conn.h"
#include "store/sqlite_keys.h"
#include "store/tally_code.h"

struct checkpointer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_cond_t idle;
    struct conn conn;
    bool busy;
    bool running;
    bool stop;
    bool wanted;
};

/* Counts of attempts on their way to their table (sqlite_tally.c). */
struct tallies {
    struct table rows;       /* struct tally_row */
    struct tally_row *fresh; /* what this group counts in */
    struct arena *arena;     /* of the rows */
    struct buf body;         /* a row of the log */
    int64_t since_ms;        /* when the first row of the log was written; 0: there is none, or it is not known */
    bool known;              /* the log was read, or written, by this process */
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
    struct keys keys;        /* idempotency keys (sqlite_keys.c) */
    struct tallies tallies;  /* what is counted (sqlite_tally.c) */
    bool transformed_any;    /* the table may have rows (sqlite_transformed.c) */
    bool transformed_known;  /* and whether it does was looked up */
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

static inline struct sqlite_backend *backend_of(struct backend *b)
{
    return CONTAINER_OF(b, struct sqlite_backend, base);
}

/* The highest id ever: what the tables have, or had before retention. */
#define HIGHEST_SQL                                                                                                    \
    "max(ifnull((SELECT max(id) FROM message),0),ifnull((SELECT max(id) FROM attempt),0),"                             \
    "ifnull((SELECT max(id) FROM object),0),ifnull((SELECT max(id) FROM doc),0),"                                      \
    "ifnull((SELECT CAST(value AS INTEGER) FROM meta WHERE key='highest_oid'),0))"

#define SCHEMA_VERSION        10
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
/* What a transformation made: the first one stays. */
MUST_USE enum err transformed_put(struct sqlite_backend *b, oid_t msg, oid_t ep, const struct transformed *t);
/* Forgets those of a message. Costs nothing in a store that never had one. */
MUST_USE enum err transformed_drop(struct sqlite_backend *b, oid_t msg);
MUST_USE enum err meta_put(struct conn *c, const char *key, struct str value);
MUST_USE enum err meta_get(struct conn *c, const char *key, struct buf *out);

/* Idempotency keys: the statements and filters of the hourly tables. */
void keys_init(struct sqlite_backend *b);
/* Before the connection closes. */
void keys_fini(struct sqlite_backend *b);
/* After a rollback. */
void keys_forget(struct sqlite_backend *b);
/* Once an hour: which table is whose. Within a group. */
MUST_USE enum err keys_turn(struct sqlite_backend *b);
/* A step of emptying the tables whose hours are over; *more is only ever set. Within a group. */
MUST_USE enum err keys_drop(struct sqlite_backend *b, size_t rows_max, bool *more);
/* A step of filling the filters of hours from before the start; between groups. */
MUST_USE enum err keys_load(struct sqlite_backend *b);
enum err sqlite_key_find(struct backend *b, struct store_key *key);
enum err sqlite_key_put(struct backend *b, const struct store_key *key);

/* Counts of attempts: collected while a group is made, logged by its commit, added to their table now and then. */
void tally_init(struct sqlite_backend *b);
void tally_fini(struct sqlite_backend *b);
void tally_add(struct sqlite_backend *b, const struct attempt *t);
/* After a rollback. */
void tally_forget(struct sqlite_backend *b);
/* Before the commit. */
MUST_USE enum err tally_flush(struct sqlite_backend *b);
/* All that is counted so far goes to the table. Within a group. */
MUST_USE enum err tally_settle(struct sqlite_backend *b);
/* Binds the columns start_ms, app, ep, type, succeeded, failed, total_us, longest_us to 1 to 8 and runs it. */
MUST_USE enum err tally_put(struct conn *c, sqlite3_stmt *st, const struct tally_entry *t);
/* SWEEP_FOLD, SWEEP_TALLIES */
enum err tally_sweep(struct sqlite_backend *b, struct store_sweep *op);

/* path and suffix; free(3). */
char *sqlite_path_with(const char *path, const char *suffix);
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
enum err sqlite_docs(struct backend *b, struct store_docs *op);
/* A message, its deliveries and documents, without a savepoint: what is refused may have left documents behind. */
MUST_USE enum err append_apply(struct sqlite_backend *b, struct store_append *op);
/* The changes without a savepoint of their own; failed_at counts on from what it is. */
MUST_USE enum err docs_apply(struct sqlite_backend *b, struct doc_change *changes, size_t count, size_t *failed_at);
/* Before rows are deleted: the highest id that was ever given stays known. */
MUST_USE enum err highest_keep(struct sqlite_backend *b);
/* The steps of SWEEP_DOCS and SWEEP_APP_DOCS. */
MUST_USE enum err docs_sweep(struct sqlite_backend *b, struct store_sweep *op);
enum err sqlite_resend(struct backend *b, struct store_resend *op);
enum err sqlite_expunge(struct backend *b, struct store_expunge *op);
enum err sqlite_sweep(struct backend *b, struct store_sweep *op);
/* The steps of retention: payloads, messages, attempts. */
enum err sqlite_retention(struct sqlite_backend *b, struct store_sweep *op);
enum err sqlite_backup_begin(struct backend *b, const char *to_path, struct backend_backup **out, const char **why);
enum err sqlite_backup_step(struct backend *b, struct backend_backup *k, int pages, int *percent, bool *done);
enum err sqlite_backup_end(struct backend *b, struct backend_backup *k, bool keep);

MUST_USE enum err checkpointer_start(struct sqlite_backend *b);
void checkpointer_stop(struct sqlite_backend *b);
/* Until the pass under way has ended. The writer's thread, which is the only one that asks for passes. */
void checkpointer_wait(struct sqlite_backend *b);
/* Ends the process: a page may be lost and may be not. */
NORETURN void checkpoint_die(const char *what, int rc);
/* Before the database is opened: gives up the ballast if the disk is so full that recovery could not be done. */
void space_for_recovery(struct sqlite_backend *b);
/* Sizes the ballast and makes it. */
MUST_USE enum err space_init(struct sqlite_backend *b, const struct store_config *c);

/* The columns of a document, in the order in which they are bound and read. */
#define DOC_COLUMNS "id,kind,app,ref,key,status,due_ms,purge_ms,body,data,created_ms,updated_ms,version,about"

#endif
