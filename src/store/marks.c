/* SPDX-License-Identifier: Apache-2.0 */
#include "store/marks.h"

#include <stdlib.h>

#include "base/mem.h"

/* More workspaces than this are not told apart: they share the highest mark. */
#define MARKS_MAX 16384

struct mark {
    struct table_node node;
    oid_t app;
    oid_t at;
};

void marks_init(struct marks *m, oid_t floor)
{
    *m = (struct marks){.floor = floor};
    table_init(&m->table);
}

static struct mark *find(const struct marks *m, oid_t app)
{
    for (struct table_node *n = table_find(&m->table, hash_u64((uint64_t)app)); n != NULL; n = table_next(n)) {
        struct mark *k = CONTAINER_OF(n, struct mark, node);
        if (k->app == app)
            return k;
    }
    return NULL;
}

static void fold_one(struct table_node *n, void *arg)
{
    struct marks *m = arg;
    struct mark *k = CONTAINER_OF(n, struct mark, node);
    if (k->at > m->floor)
        m->floor = k->at;
    free(k);
}

/* Forgets all, and the highest of them becomes the floor. */
static void fold(struct marks *m)
{
    table_each(&m->table, fold_one, m);
    table_fini(&m->table);
    table_init(&m->table);
}

void marks_fini(struct marks *m)
{
    fold(m);
    table_fini(&m->table);
}

oid_t marks_get(const struct marks *m, oid_t app)
{
    const struct mark *k = find(m, app);
    return k != NULL && k->at > m->floor ? k->at : m->floor;
}

void marks_raise(struct marks *m, oid_t app, oid_t to)
{
    if (to <= marks_get(m, app))
        return;
    struct mark *k = find(m, app);
    if (k == NULL) {
        if (m->table.len >= MARKS_MAX)
            fold(m);
        k = mem_zalloc(1, sizeof *k);
        k->app = app;
        table_insert(&m->table, &k->node, hash_u64((uint64_t)app));
    }
    k->at = to;
}

static oid_t append_least(const struct store_append *op, oid_t app, oid_t least)
{
    return op->message->app == app && op->message->id < least ? op->message->id : least;
}

oid_t ops_least(const struct store_op *first, oid_t app, oid_t least)
{
    for (const struct store_op *op = first; op != NULL; op = op->next) {
        if (op->kind == STORE_APPEND)
            least = append_least(CONTAINER_OF(op, const struct store_append, op), app, least);
        if (op->kind != STORE_DOCS)
            continue;
        const struct store_docs *d = CONTAINER_OF(op, const struct store_docs, op);
        for (size_t i = 0; i < d->append_count; i++)
            least = append_least(&d->appends[i], app, least);
    }
    return least;
}
