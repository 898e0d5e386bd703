/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory store: for tests and simulation, and the model that the others are compared with. So it is plain: sorted
 * arrays of rows that never change. A change puts another row in a row's place and notes both; a rollback walks the
 * notes backwards, a commit frees what was replaced. A group holds the lock, so readers see committed groups only.
 */
#ifndef PR_STORE_STORE_MEM_H
#define PR_STORE_STORE_MEM_H

#include <pthread.h>

#include "base/table.h"
#include "store/backend.h"
#include "store/rules.h"

/* ---- rows ---------------------------------------------------------------------------------------------------------
 */

/* The head of every row. What a row points to lives in its arena. */
struct row {
    int64_t key; /* rows of an array ascend by (key, sub) */
    int64_t sub;
    struct arena *arena; /* NULL: the row points to nothing */
    bool indexed;
    struct table_node node;
};

struct rows {
    struct row **at;
    size_t len;
    size_t cap;
    struct table index; /* of the rows for which `hash` says so */
    bool (*hash)(const struct row *r, uint64_t *out);
};

/* One replacement: `was` NULL is an insertion, `is` NULL a deletion. */
struct change {
    struct rows *rows;
    struct row *was;
    struct row *is;
};

struct changes {
    struct change *at;
    size_t len;
    size_t cap;
};

/* The index of the first row at or after (key, sub); may be rows->len. */
size_t rows_seek(const struct rows *rows, int64_t key, int64_t sub);
struct row *rows_get(const struct rows *rows, int64_t key, int64_t sub);
/* A zeroed row of `size` bytes; with an arena when arena_bytes is not 0. */
void *row_new(size_t size, size_t arena_bytes, int64_t key, int64_t sub);
/* Puts `is` in the place of `was` (same key), and notes it. Takes `is`. */
void rows_change(struct changes *log, struct rows *rows, struct row *was, struct row *is);
/* Takes back all changes but the first `keep`, and frees what they made. */
void changes_undo(struct changes *log, size_t keep);
/* Frees what the changes replaced. */
void changes_settle(struct changes *log);
void rows_fini(struct rows *rows);
/* The first indexed row with this hash, or NULL; and the next. */
struct row *rows_find(const struct rows *rows, uint64_t hash);
struct row *rows_next(const struct row *r);

/* ---- the store ----------------------------------------------------------------------------------------------------
 */

struct mem_object {
    struct row row; /* id */
    struct object object;
};

struct mem_message {
    struct row row; /* id */
    struct message message;
};

struct mem_delivery {
    struct row row; /* msg, ep */
    struct delivery delivery;
};

struct mem_attempt {
    struct row row; /* id */
    struct attempt attempt;
};

/* What is known of an endpoint, or (as a counter only) of a workspace or an environment. */
struct mem_endpoint {
    struct row row; /* ep */
    struct endpoint_health health;
};

struct mem_tally {
    struct row row; /* a hash, see store_mem_tally.c */
    bool hour;
    oid_t app;
    struct tally tally;
};

struct mem_counter {
    struct row row; /* app or env */
    uint64_t count;
};

/* An idempotency key. */
struct mem_key {
    struct row row; /* its hash */
    struct store_made made;
    int64_t hour;
};

/* What a transformation made. */
struct mem_transformed {
    struct row row; /* msg, ep */
    struct transformed transformed;
};

struct mem_doc {
    struct row row; /* id */
    struct doc doc;
};

struct mem_store {
    struct backend base;
    pthread_rwlock_t lock;  /* a group holds it for writing, a read for reading */
    int64_t now_ms;         /* of the group */
    struct changes log;     /* of the group */
    struct rows objects;    /* indexed by kind, env, scope and key, the living with a key */
    struct rows messages;   /* indexed by app and event_id, those that have one */
    struct rows deliveries; /* indexed by ep, those with pending work */
    struct rows attempts;
    struct rows tallies;
    struct rows endpoints;
    struct rows counters;
    struct rows transformed;
    struct rows docs;
    struct rows keys;
    int64_t keys_hour; /* whose old keys are dropped */
};

struct mem_reader {
    struct store_reader base;
    struct mem_store *store;
};

uint64_t mem_hash_key(enum object_kind kind, oid_t env, oid_t scope, struct str key);
uint64_t mem_hash_event(oid_t app, struct str event_id);
/* The living object with this key, or NULL. */
struct mem_object *mem_find_key(const struct mem_store *m, enum object_kind kind, oid_t env, oid_t scope,
                                struct str key);
struct mem_message *mem_find_event(const struct mem_store *m, oid_t app, struct str event_id);
struct mem_message *mem_message_get(const struct mem_store *m, oid_t app, oid_t id);
struct mem_delivery *mem_delivery_get(const struct mem_store *m, oid_t msg, oid_t ep);
uint64_t mem_app_version(const struct mem_store *m, oid_t app);

/* Copies into the arena, with all that they point to. */
struct object mem_copy_object(struct arena *a, const struct object *o);
struct message mem_copy_message(struct arena *a, const struct message *m, bool with_payload);
struct attempt mem_copy_attempt(struct arena *a, const struct attempt *t, bool with_content);

/* The first one stays. */
void mem_transformed_put(struct mem_store *m, oid_t msg, oid_t ep, const struct transformed *t);
/* Forgets those of a message. */
void mem_transformed_drop(struct mem_store *m, oid_t msg);

/* Replaces or inserts a delivery. */
void mem_delivery_set(struct mem_store *m, struct mem_delivery *was, const struct delivery *d);

void mem_tally_add(struct mem_store *m, const struct attempt *t);
enum err mem_tally_sweep(struct mem_store *m, struct store_sweep *op);

/* The verbs; see backend.h. */
enum err mem_append(struct backend *b, struct store_append *op);
enum err mem_record(struct backend *b, struct store_record *op);
enum err mem_objects(struct backend *b, struct store_objects *op);
enum err mem_docs(struct backend *b, struct store_docs *op);
/* As the verb, but what was applied before a refusal stays. */
enum err mem_docs_apply(struct mem_store *m, struct doc_change *changes, size_t count, size_t *failed_at);
enum err mem_resend(struct backend *b, struct store_resend *op);
enum err mem_expunge(struct backend *b, struct store_expunge *op);
enum err mem_sweep(struct backend *b, struct store_sweep *op);

enum err mem_key_find(struct backend *b, struct store_key *key);
enum err mem_key_put(struct backend *b, const struct store_key *key);

enum err mem_reader_open(struct backend *b, struct store_reader **out);
void mem_reader_close(struct store_reader *r);
enum err mem_read_get_object(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t id,
                             struct object *out);
enum err mem_read_find_object(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t env, oid_t app,
                              struct str key, struct object *out);
enum err mem_read_list_objects(struct store_reader *r, struct arena *a, const struct object_query *q,
                               struct object **out, size_t *count);
enum err mem_read_app_version(struct store_reader *r, oid_t app, uint64_t *out);
enum err mem_read_get_message(struct store_reader *r, struct arena *a, oid_t app, oid_t id, bool with_payload,
                              struct message *out);
enum err mem_read_find_message(struct store_reader *r, struct arena *a, oid_t app, struct str event_id,
                               bool with_payload, struct message *out);
enum err mem_read_list_messages(struct store_reader *r, struct arena *a, const struct message_query *q,
                                struct message **out, struct delivery **deliveries, size_t *count);
enum err mem_read_get_delivery(struct store_reader *r, oid_t msg, oid_t ep, struct delivery *out);
enum err mem_read_list_deliveries(struct store_reader *r, struct arena *a, const struct delivery_query *q,
                                  struct delivery **out, size_t *count);
enum err mem_read_get_attempt(struct store_reader *r, struct arena *a, oid_t app, oid_t id, struct attempt *out);
enum err mem_read_list_attempts(struct store_reader *r, struct arena *a, const struct attempt_query *q,
                                struct attempt **out, size_t *count);
enum err mem_read_each_tally(struct store_reader *r, const struct tally_query *q,
                             void (*visit)(void *arg, const struct tally *t), void *arg);
enum err mem_read_count_deliveries(struct store_reader *r, oid_t ep, int64_t since_ms, int64_t until_ms,
                                   struct delivery_counts *out);
enum err mem_read_list_pending(struct store_reader *r, struct arena *a, oid_t after_ep, size_t limit,
                               struct pending_summary **out, size_t *count);
enum err mem_read_load_pending(struct store_reader *r, struct arena *a, const struct pending_query *q,
                               struct pending_delivery **out, size_t *count, int64_t *next_pos);
enum err mem_read_get_transformed(struct store_reader *r, struct arena *a, oid_t msg, oid_t ep,
                                  struct transformed *out);
enum err mem_read_get_doc(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t id, struct doc *out);
enum err mem_read_find_doc(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t app, int64_t ref,
                           struct str key, struct doc *out);
enum err mem_read_list_docs(struct store_reader *r, struct arena *a, const struct doc_query *q, struct doc **out,
                            size_t *count);
enum err mem_read_count_docs(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t ref, size_t most,
                             size_t *out);
enum err mem_read_list_docs_by_key(struct store_reader *r, struct arena *a, const struct doc_query *q,
                                   struct str prefix, struct doc **out, size_t *count);
enum err mem_read_due(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t until_ms, struct doc_due *out,
                      size_t limit, size_t *count, int64_t *next_ms);
enum err mem_read_due_app(struct store_reader *r, enum doc_kind kind, oid_t after, struct doc_due *out);
enum err mem_read_get_health(struct store_reader *r, oid_t ep, struct endpoint_health *out);
enum err mem_read_count_pending(struct store_reader *r, uint64_t limit, uint64_t *out);

#endif
