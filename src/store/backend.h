/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an embedded store implements: synchronous verbs, called by the writer (writer.c) within a group, and reads.
 * store.c dispatches store.h to it. A backend embeds the base structs as the first member of its own.
 *
 * Threads: begin … commit, between, space and backup_* run on one thread (open and close: before and after it). A
 * reader is used by one thread at a time; many readers run beside the writer and see committed groups only.
 *
 * Results of write verbs
 *  - ERR_OK, or a data result (ERR_CONFLICT, ERR_STALE, ERR_NOT_FOUND, ERR_GONE, ERR_INVALID): then nothing of this
 *    operation is applied and the group goes on.
 *  - ERR_FULL: no room. The writer rolls the group back. Verbs may be called again with the same operation later.
 *  - ERR_IO: anything else; the writer ends the process.
 * What an operation means for a delivery's state is in rules.h, the same for all backends.
 */
#ifndef PR_STORE_BACKEND_H
#define PR_STORE_BACKEND_H

#include "store/store.h"

struct backend_ops;

struct backend {
    const struct backend_ops *ops;
    struct store_identity identity; /* filled by open */
};

/* The base of every reader: store.h's functions call straight through `ops`. */
struct store_reader {
    const struct backend_ops *ops;
};

/* A copy under way. */
struct backend_backup;

struct backend_ops {
    const char *name;

    /* As store_open. */
    enum err (*open)(const struct store_config *c, struct backend **out, const char **why);
    /* Checkpoints and frees. All readers are closed. */
    void (*close)(struct backend *b);

    /* -- the writer's thread ------------------------------------------------------------------------------------- */

    /* Begins a group. now_ms: the time of this group, for the places of FIFO deliveries. ERR_OK, ERR_FULL or ERR_IO. */
    enum err (*begin)(struct backend *b, int64_t now_ms);
    /* The message, its deliveries; sets targets[].pos. A target named twice is one delivery. */
    enum err (*append)(struct backend *b, struct store_append *op);
    /* The attempt row; the delivery by rules_record; the health when given. Sets op->moved. A delivery that is gone:
     * the attempt is logged, moved = false. ERR_CONFLICT: an attempt with this id is there. */
    enum err (*record)(struct backend *b, struct store_record *op);
    /* All or none; sets failed_at on a data result and changes[].object.version on success. An update or deletion of
     * something absent, of another kind or deleted is ERR_NOT_FOUND. */
    enum err (*objects)(struct backend *b, struct store_objects *op);
    /* All or none; sets failed_at on a data result and changes[].doc.version on success. */
    enum err (*docs)(struct backend *b, struct store_docs *op);
    enum err (*resend)(struct backend *b, struct store_resend *op);
    enum err (*expunge)(struct backend *b, struct store_expunge *op);
    /* One step: visits at most about rows_max rows. A failing `reseal` is the operation's result. */
    enum err (*sweep)(struct backend *b, struct store_sweep *op);
    /* Fills made and known; ERR_NOT_FOUND: a new key. */
    enum err (*key_find)(struct backend *b, struct store_key *key);
    /* Keeps a key that is not there; forgets the hours that are over. */
    enum err (*key_put)(struct backend *b, const struct store_key *key);
    /* On disk, synced, when it returns ERR_OK. ERR_FULL: not committed, rollback comes next. ERR_IO: in doubt. */
    enum err (*commit)(struct backend *b);
    /* Forgets the group, counters in memory included. Only after ERR_FULL. */
    void (*rollback)(struct backend *b);

    /* Between two groups: upkeep that cannot wait (the write-ahead log past its cap). ERR_OK, ERR_FULL or ERR_IO. */
    enum err (*between)(struct backend *b);
    /* Once per second, also while full: ERR_FULL when appends must be refused now. Releases and restores the ballast.
     */
    enum err (*space)(struct backend *b);

    /* A copy into a new file: begin, step until *done, end (also after a failure, which removes the file). ERR_INVALID
     * when the backend has nothing to copy. */
    enum err (*backup_begin)(struct backend *b, const char *to_path, struct backend_backup **out, const char **why);
    /* Copies about `pages` × 4 KiB. percent: 0..100. */
    enum err (*backup_step)(struct backend *b, struct backend_backup *k, int pages, int *percent, bool *done);
    enum err (*backup_end)(struct backend *b, struct backend_backup *k, bool keep);

    /* -- any thread ------------------------------------------------------------------------------------------------ */

    /* Fills wal_bytes and file_bytes only. */
    void (*stats)(struct backend *b, struct store_stats *out);
    enum err (*reader_open)(struct backend *b, struct store_reader **out);
    void (*reader_close)(struct store_reader *r);

    /* -- a reader's thread: as the store_ functions of the same name -------------------------------------------------
     */

    enum err (*get_object)(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t id,
                           struct object *out);
    enum err (*find_object)(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t env, oid_t app,
                            struct str key, struct object *out);
    enum err (*list_objects)(struct store_reader *r, struct arena *a, const struct object_query *q, struct object **out,
                             size_t *count);
    enum err (*app_version)(struct store_reader *r, oid_t app, uint64_t *out);
    enum err (*get_message)(struct store_reader *r, struct arena *a, oid_t app, oid_t id, bool with_payload,
                            struct message *out);
    enum err (*find_message)(struct store_reader *r, struct arena *a, oid_t app, struct str event_id, bool with_payload,
                             struct message *out);
    enum err (*list_messages)(struct store_reader *r, struct arena *a, const struct message_query *q,
                              struct message **out, struct delivery **deliveries, size_t *count);
    enum err (*get_delivery)(struct store_reader *r, oid_t msg, oid_t ep, struct delivery *out);
    enum err (*list_deliveries)(struct store_reader *r, struct arena *a, const struct delivery_query *q,
                                struct delivery **out, size_t *count);
    enum err (*get_attempt)(struct store_reader *r, struct arena *a, oid_t app, oid_t id, struct attempt *out);
    enum err (*list_attempts)(struct store_reader *r, struct arena *a, const struct attempt_query *q,
                              struct attempt **out, size_t *count);
    enum err (*each_tally)(struct store_reader *r, const struct tally_query *q,
                           void (*visit)(void *arg, const struct tally *t), void *arg);
    enum err (*count_deliveries)(struct store_reader *r, oid_t ep, int64_t since_ms, int64_t until_ms,
                                 struct delivery_counts *out);
    enum err (*list_pending)(struct store_reader *r, struct arena *a, oid_t after_ep, size_t limit,
                             struct pending_summary **out, size_t *count);
    enum err (*load_pending)(struct store_reader *r, struct arena *a, const struct pending_query *q,
                             struct pending_delivery **out, size_t *count, int64_t *next_pos);
    enum err (*get_transformed)(struct store_reader *r, struct arena *a, oid_t msg, oid_t ep, struct transformed *out);
    enum err (*get_doc)(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t id, struct doc *out);
    enum err (*find_doc)(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t app, int64_t ref,
                         struct str key, struct doc *out);
    enum err (*list_docs)(struct store_reader *r, struct arena *a, const struct doc_query *q, struct doc **out,
                          size_t *count);
    enum err (*count_docs)(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t ref, size_t most,
                           size_t *out);
    enum err (*list_docs_by_key)(struct store_reader *r, struct arena *a, const struct doc_query *q, struct str prefix,
                                 struct doc **out, size_t *count);
    enum err (*due)(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t until_ms, struct doc_due *out,
                    size_t limit, size_t *count, int64_t *next_ms);
    enum err (*due_app)(struct store_reader *r, enum doc_kind kind, oid_t after, struct doc_due *out);
    enum err (*get_health)(struct store_reader *r, oid_t ep, struct endpoint_health *out);
    enum err (*count_pending)(struct store_reader *r, uint64_t limit, uint64_t *out);
};

extern const struct backend_ops backend_sqlite;
extern const struct backend_ops backend_mem;

/* Applies an operation, but for its key. STORE_SETTLE is the writer's alone: ERR_INVALID. */
enum err backend_apply(struct backend *b, struct store_op *op);
/* With its key: a known one stands for the operation that came first, so this one is done already; else `verb` applies
 * it, and the key is kept. */
typedef enum err backend_verb_fn(void *arg, struct store_op *op);
enum err backend_apply_keyed(struct backend *b, struct store_op *op, backend_verb_fn *verb, void *arg);

#endif
