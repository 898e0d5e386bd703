/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted arrays of rows, and the notes that take changes back. */
#include <stdlib.h>

#include "base/mem.h"
#include "store/store_mem.h"

size_t rows_seek(const struct rows *rows, int64_t key, int64_t sub)
{
    size_t low = 0, high = rows->len;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct row *r = rows->at[mid];
        if (r->key < key || (r->key == key && r->sub < sub))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct row *rows_get(const struct rows *rows, int64_t key, int64_t sub)
{
    size_t i = rows_seek(rows, key, sub);
    return i < rows->len && rows->at[i]->key == key && rows->at[i]->sub == sub ? rows->at[i] : NULL;
}

void *row_new(size_t size, size_t arena_bytes, int64_t key, int64_t sub)
{
    struct row *r = mem_zalloc(1, size);
    r->key = key;
    r->sub = sub;
    r->arena = arena_bytes != 0 ? arena_new(arena_bytes) : NULL;
    return r;
}

static void row_free(struct row *r)
{
    if (r == NULL)
        return;
    arena_free(r->arena);
    free(r);
}

static void index_add(struct rows *rows, struct row *r)
{
    uint64_t hash;
    r->indexed = rows->hash != NULL && rows->hash(r, &hash);
    if (r->indexed)
        table_insert(&rows->index, &r->node, hash);
}

static void index_drop(struct rows *rows, struct row *r)
{
    if (r->indexed)
        table_remove(&rows->index, &r->node);
    r->indexed = false;
}

/* Puts `is` where `was` stands; either may be NULL. */
static void rows_swap(struct rows *rows, struct row *was, struct row *is)
{
    const struct row *r = is != NULL ? is : was;
    size_t i = rows_seek(rows, r->key, r->sub);
    if (was != NULL) {
        CHECK(i < rows->len && rows->at[i] == was);
        index_drop(rows, was);
    }
    if (was == NULL) {
        if (rows->len == rows->cap) {
            rows->cap = rows->cap == 0 ? 64 : rows->cap * 2;
            rows->at = mem_realloc(rows->at, rows->cap * sizeof rows->at[0]); /* NOLINT(bugprone-sizeof-expression) */
        }
        memmove(rows->at + i + 1, rows->at + i,
                (rows->len - i) * sizeof rows->at[0]); /* NOLINT(bugprone-sizeof-expression) */
        rows->len++;
    }
    if (is != NULL) {
        rows->at[i] = is;
        index_add(rows, is);
        return;
    }
    rows->len--;
    memmove(rows->at + i, rows->at + i + 1,
            (rows->len - i) * sizeof rows->at[0]); /* NOLINT(bugprone-sizeof-expression) */
}

void rows_change(struct changes *log, struct rows *rows, struct row *was, struct row *is)
{
    CHECK(was != NULL || is != NULL);
    CHECK(was == NULL || is == NULL || (was->key == is->key && was->sub == is->sub));
    rows_swap(rows, was, is);
    if (log->len == log->cap) {
        log->cap = log->cap == 0 ? 64 : log->cap * 2;
        log->at = mem_realloc(log->at, log->cap * sizeof log->at[0]);
    }
    log->at[log->len++] = (struct change){.rows = rows, .was = was, .is = is};
}

void changes_undo(struct changes *log, size_t keep)
{
    while (log->len > keep) {
        struct change *c = &log->at[--log->len];
        rows_swap(c->rows, c->is, c->was);
        row_free(c->is);
    }
}

void changes_settle(struct changes *log)
{
    for (size_t i = 0; i < log->len; i++)
        row_free(log->at[i].was);
    log->len = 0;
}

void rows_fini(struct rows *rows)
{
    for (size_t i = 0; i < rows->len; i++)
        row_free(rows->at[i]);
    free(rows->at);
    table_fini(&rows->index);
}

struct row *rows_find(const struct rows *rows, uint64_t hash)
{
    struct table_node *n = table_find(&rows->index, hash);
    return n != NULL ? CONTAINER_OF(n, struct row, node) : NULL;
}

struct row *rows_next(const struct row *r)
{
    struct table_node *n = table_next(&r->node);
    return n != NULL ? CONTAINER_OF(n, struct row, node) : NULL;
}
