/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The readers' side of the SQLite backend: the functions of backend.h's reads, see store.h for what they answer.
 */
#ifndef PR_STORE_SQLITE_READER_H
#define PR_STORE_SQLITE_READER_H

#include "store/backend.h"
#include "store/sqlite_conn.h"

/* The endpoints of a workspace in pages of 256: ?1 app, ?2 the last one of the page before. */
#define APP_ENDPOINTS_SQL "SELECT ep FROM app_endpoint WHERE app=? AND ep>? ORDER BY ep LIMIT 256"

struct sqlite_reader {
    struct store_reader base;
    struct conn c;
    int64_t deadline_ms; /* of the read transaction under way */
    bool held;           /* several statements share one */
};

static inline struct sqlite_reader *reader_of(struct store_reader *r)
{
    return CONTAINER_OF(r, struct sqlite_reader, base);
}

enum err sqlite_reader_open(struct backend *b, struct store_reader **out);
void sqlite_reader_close(struct store_reader *r);
/* A read transaction begins: it is interrupted after READ_MAX_MS. */
void reader_begin(struct sqlite_reader *r);
/* The statements until reader_let_go share one transaction, which spares its beginning for each row. The caller lets go
 * after about VISIT_MAX_MS. */
void reader_hold(struct sqlite_reader *r);
void reader_let_go(struct sqlite_reader *r);

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
enum err sqlite_list_deliveries(struct store_reader *r, struct arena *a, const struct delivery_query *q,
                                struct delivery **out, size_t *count);
enum err sqlite_get_attempt(struct store_reader *r, struct arena *a, oid_t app, oid_t id, struct attempt *out);
enum err sqlite_list_attempts(struct store_reader *r, struct arena *a, const struct attempt_query *q,
                              struct attempt **out, size_t *count);
enum err sqlite_each_tally(struct store_reader *r, const struct tally_query *q,
                           void (*visit)(void *arg, const struct tally *t), void *arg);
enum err sqlite_count_deliveries(struct store_reader *r, oid_t ep, int64_t since_ms, int64_t until_ms,
                                 struct delivery_counts *out);
enum err sqlite_list_pending(struct store_reader *r, struct arena *a, oid_t after_ep, size_t limit,
                             struct pending_summary **out, size_t *count);
enum err sqlite_load_pending(struct store_reader *r, struct arena *a, const struct pending_query *q,
                             struct pending_delivery **out, size_t *count, int64_t *next_pos);
enum err sqlite_get_transformed(struct store_reader *r, struct arena *a, oid_t msg, oid_t ep, struct transformed *out);
enum err sqlite_get_doc(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t id, struct doc *out);
enum err sqlite_find_doc(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t app, int64_t ref,
                         struct str key, struct doc *out);
enum err sqlite_list_docs(struct store_reader *r, struct arena *a, const struct doc_query *q, struct doc **out,
                          size_t *count);
enum err sqlite_count_docs(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t ref, size_t most,
                           size_t *out);
enum err sqlite_list_docs_by_key(struct store_reader *r, struct arena *a, const struct doc_query *q, struct str prefix,
                                 struct doc **out, size_t *count);
enum err sqlite_due(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t until_ms, struct doc_due *out,
                    size_t limit, size_t *count, int64_t *next_ms);
enum err sqlite_due_app(struct store_reader *r, enum doc_kind kind, oid_t after, struct doc_due *out);
enum err sqlite_get_health(struct store_reader *r, oid_t ep, struct endpoint_health *out);
enum err sqlite_count_pending(struct store_reader *r, uint64_t limit, uint64_t *out);

#endif
