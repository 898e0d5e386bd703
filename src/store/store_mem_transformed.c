/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_mem.h"

static struct transformed copy(struct arena *a, const struct transformed *t)
{
    struct transformed c = *t;
    c.method = arena_str(a, t->method);
    c.url = arena_str(a, t->url);
    c.headers = arena_str(a, t->headers);
    c.content_type = arena_str(a, t->content_type);
    c.payload = arena_str(a, t->payload);
    return c;
}

void mem_transformed_put(struct mem_store *m, oid_t msg, oid_t ep, const struct transformed *t)
{
    const struct mem_message *of = (const struct mem_message *)(const void *)rows_get(&m->messages, msg, 0);
    if (of == NULL || of->message.payload.ptr == NULL || rows_get(&m->transformed, msg, ep) != NULL)
        return;
    struct mem_transformed *row = row_new(sizeof *row, t->payload.len + 512, msg, ep);
    row->transformed = copy(row->row.arena, t);
    rows_change(&m->log, &m->transformed, NULL, &row->row);
}

void mem_transformed_drop(struct mem_store *m, oid_t msg)
{
    size_t first = rows_seek(&m->transformed, msg, 0);
    while (first < m->transformed.len && m->transformed.at[first]->key == msg)
        rows_change(&m->log, &m->transformed, m->transformed.at[first], NULL);
}

enum err mem_read_get_transformed(struct store_reader *r, struct arena *a, oid_t msg, oid_t ep, struct transformed *out)
{
    struct mem_store *m = ((struct mem_reader *)(void *)r)->store;
    CHECK(pthread_rwlock_rdlock(&m->lock) == 0);
    const struct mem_transformed *t = (const struct mem_transformed *)(const void *)rows_get(&m->transformed, msg, ep);
    if (t != NULL)
        *out = copy(a, &t->transformed);
    CHECK(pthread_rwlock_unlock(&m->lock) == 0);
    return t != NULL ? ERR_OK : ERR_NOT_FOUND;
}
