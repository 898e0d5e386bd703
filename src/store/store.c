/* SPDX-License-Identifier: Apache-2.0 */
/* The store's front: chooses the backend, puts the writer before it, passes reads straight through. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/backend.h"
#include "store/writer.h"

#define QUEUE_BYTES ((size_t)64 << 20)

struct store {
    struct backend *backend;
    struct writer *writer;
};

enum err store_open(const struct store_config *c, struct store **out, const char **why)
{
    const struct backend_ops *ops = c->path != NULL ? &backend_sqlite : &backend_mem;
    struct backend *b;
    enum err e = ops->open(c, &b, why);
    if (e != ERR_OK)
        return e;
    struct store *s = mem_zalloc(1, sizeof *s);
    s->backend = b;
    s->writer = writer_start(b, c->queue_bytes_max != 0 ? c->queue_bytes_max : QUEUE_BYTES);
    *out = s;
    return ERR_OK;
}

void store_close(struct store *s)
{
    writer_stop(s->writer);
    s->backend->ops->close(s->backend);
    free(s);
}

const struct store_identity *store_identity(const struct store *s)
{
    return &s->backend->identity;
}

void store_stats(struct store *s, struct store_stats *out)
{
    writer_stats(s->writer, out);
    s->backend->ops->stats(s->backend, out);
}

/* ---- writing --------------------------------------------------------------------------------------------------- */

void store_submit(struct store *s, struct store_op *op)
{
    op->next = NULL;
    writer_submit(s->writer, op);
}

void store_submit_chain(struct store *s, struct store_op *first, struct store_op *last)
{
    last->next = NULL;
    writer_submit(s->writer, first);
}

/* Who waits for operations; found through the operation's task, which is not used without a home. */
struct waiter {
    struct loop_task link;
    pthread_mutex_t lock;
    pthread_cond_t done;
    size_t left;
};

static void waiter_wake(struct store_op *op)
{
    struct waiter *w = CONTAINER_OF(op->task.next, struct waiter, link);
    pthread_mutex_lock(&w->lock);
    if (--w->left == 0)
        pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
}

void store_run_all(struct store *s, struct store_op *const *ops, size_t count)
{
    struct waiter w = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .left = count};
    for (size_t i = 0; i < count; i++) {
        ops[i]->home = NULL;
        ops[i]->done = waiter_wake;
        ops[i]->task = (struct loop_task){.next = &w.link};
        ops[i]->next = i + 1 < count ? ops[i + 1] : NULL;
    }
    if (count > 0)
        store_submit_chain(s, ops[0], ops[count - 1]);
    pthread_mutex_lock(&w.lock);
    while (w.left > 0)
        pthread_cond_wait(&w.done, &w.lock);
    pthread_mutex_unlock(&w.lock);
    pthread_cond_destroy(&w.done);
    pthread_mutex_destroy(&w.lock);
}

enum err store_run(struct store *s, struct store_op *op)
{
    store_run_all(s, &op, 1);
    return op->result;
}

enum err store_find_key(struct store *s, struct store_key *key)
{
    struct store_objects op = {.op = {.kind = STORE_OBJECTS, .key = key}};
    key->only_look = true;
    enum err e = store_run(s, &op.op);
    key->only_look = false;
    return e;
}

/* ---- keeping --------------------------------------------------------------------------------------------------- */

static enum err path_sync(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    int failed = fsync(fd);
    close(fd);
    return failed == 0 ? ERR_OK : ERR_IO;
}

enum err store_backup(struct store *s, const char *to_path, void (*progress)(void *arg, int percent), void *arg,
                      const char **why)
{
    enum err e = writer_backup(s->writer, to_path, progress, arg, why);
    if (e != ERR_OK)
        return e;
    AUTO_FREE char *copy = mem_strndup(to_path, strlen(to_path));
    e = path_sync(to_path, O_RDONLY);
    if (e == ERR_OK)
        e = path_sync(dirname(copy), O_RDONLY | O_DIRECTORY);
    if (e != ERR_OK) {
        *why = "the copy could not be synced: look at the disk of the new file";
        (void)unlink(to_path);
    }
    return e;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

enum err store_reader_open(struct store *s, struct store_reader **out)
{
    return s->backend->ops->reader_open(s->backend, out);
}

void store_reader_close(struct store_reader *r)
{
    if (r != NULL)
        r->ops->reader_close(r);
}

enum err store_get_object(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t id, struct object *out)
{
    return r->ops->get_object(r, a, kind, id, out);
}

enum err store_find_object(struct store_reader *r, struct arena *a, enum object_kind kind, oid_t env, oid_t app,
                           struct str key, struct object *out)
{
    return r->ops->find_object(r, a, kind, env, app, key, out);
}

enum err store_list_objects(struct store_reader *r, struct arena *a, const struct object_query *q, struct object **out,
                            size_t *count)
{
    return r->ops->list_objects(r, a, q, out, count);
}

enum err store_app_version(struct store_reader *r, oid_t app, uint64_t *out)
{
    return r->ops->app_version(r, app, out);
}

enum err store_get_message(struct store_reader *r, struct arena *a, oid_t app, oid_t id, bool with_payload,
                           struct message *out)
{
    return r->ops->get_message(r, a, app, id, with_payload, out);
}

enum err store_find_message(struct store_reader *r, struct arena *a, oid_t app, struct str event_id, bool with_payload,
                            struct message *out)
{
    return r->ops->find_message(r, a, app, event_id, with_payload, out);
}

enum err store_list_messages(struct store_reader *r, struct arena *a, const struct message_query *q,
                             struct message **out, struct delivery **deliveries, size_t *count)
{
    return r->ops->list_messages(r, a, q, out, deliveries, count);
}

enum err store_get_delivery(struct store_reader *r, oid_t msg, oid_t ep, struct delivery *out)
{
    return r->ops->get_delivery(r, msg, ep, out);
}

enum err store_list_deliveries(struct store_reader *r, struct arena *a, const struct delivery_query *q,
                               struct delivery **out, size_t *count)
{
    return r->ops->list_deliveries(r, a, q, out, count);
}

enum err store_get_attempt(struct store_reader *r, struct arena *a, oid_t app, oid_t id, struct attempt *out)
{
    return r->ops->get_attempt(r, a, app, id, out);
}

enum err store_list_attempts(struct store_reader *r, struct arena *a, const struct attempt_query *q,
                             struct attempt **out, size_t *count)
{
    return r->ops->list_attempts(r, a, q, out, count);
}

enum err store_each_tally(struct store_reader *r, const struct tally_query *q,
                          void (*visit)(void *arg, const struct tally *t), void *arg)
{
    return r->ops->each_tally(r, q, visit, arg);
}

enum err store_count_deliveries(struct store_reader *r, oid_t ep, int64_t since_ms, int64_t until_ms,
                                struct delivery_counts *out)
{
    return r->ops->count_deliveries(r, ep, since_ms, until_ms, out);
}

enum err store_list_pending(struct store_reader *r, struct arena *a, oid_t after_ep, size_t limit,
                            struct pending_summary **out, size_t *count)
{
    return r->ops->list_pending(r, a, after_ep, limit, out, count);
}

enum err store_load_pending(struct store_reader *r, struct arena *a, const struct pending_query *q,
                            struct pending_delivery **out, size_t *count, int64_t *next_pos)
{
    return r->ops->load_pending(r, a, q, out, count, next_pos);
}

enum err store_get_transformed(struct store_reader *r, struct arena *a, oid_t msg, oid_t ep, struct transformed *out)
{
    return r->ops->get_transformed(r, a, msg, ep, out);
}

enum err store_get_doc(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t id, struct doc *out)
{
    return r->ops->get_doc(r, a, kind, id, out);
}

enum err store_find_doc(struct store_reader *r, struct arena *a, enum doc_kind kind, oid_t app, int64_t ref,
                        struct str key, struct doc *out)
{
    return r->ops->find_doc(r, a, kind, app, ref, key, out);
}

enum err store_list_docs(struct store_reader *r, struct arena *a, const struct doc_query *q, struct doc **out,
                         size_t *count)
{
    return r->ops->list_docs(r, a, q, out, count);
}

enum err store_count_docs(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t ref, size_t most, size_t *out)
{
    return r->ops->count_docs(r, kind, app, ref, most, out);
}

enum err store_list_docs_by_key(struct store_reader *r, struct arena *a, const struct doc_query *q, struct str prefix,
                                struct doc **out, size_t *count)
{
    return r->ops->list_docs_by_key(r, a, q, prefix, out, count);
}

enum err store_due(struct store_reader *r, enum doc_kind kind, oid_t app, int64_t until_ms, struct doc_due *out,
                   size_t limit, size_t *count, int64_t *next_ms)
{
    return r->ops->due(r, kind, app, until_ms, out, limit, count, next_ms);
}

enum err store_due_app(struct store_reader *r, enum doc_kind kind, oid_t after, struct doc_due *out)
{
    return r->ops->due_app(r, kind, after, out);
}

enum err store_get_health(struct store_reader *r, oid_t ep, struct endpoint_health *out)
{
    return r->ops->get_health(r, ep, out);
}

enum err store_count_pending(struct store_reader *r, uint64_t limit, uint64_t *out)
{
    return r->ops->count_pending(r, limit, out);
}
