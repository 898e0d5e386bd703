/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct chunk {
    struct chunk *next;
    size_t cap;
    size_t used;
    _Alignas(max_align_t) char bytes[];
};

struct arena {
    struct chunk *head; /* the one that is filled */
    struct chunk *first;
};

static struct chunk *new_chunk(size_t cap)
{
    struct chunk *c = mem_alloc(sizeof *c + cap);
    c->next = NULL;
    c->cap = cap;
    c->used = 0;
    return c;
}

struct arena *arena_new(size_t chunk_size)
{
    struct arena *a = mem_alloc(sizeof *a);
    a->first = a->head = new_chunk(chunk_size < 256 ? 256 : chunk_size);
    return a;
}

static void free_chunks(struct chunk *c, const struct chunk *until)
{
    while (c != until) {
        struct chunk *next = c->next;
        free(c);
        c = next;
    }
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    free_chunks(a->head, NULL);
    free(a);
}

void arena_reset(struct arena *a)
{
    free_chunks(a->head, a->first);
    a->head = a->first;
    a->first->used = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size_t align = _Alignof(max_align_t);
    CHECK(size < SIZE_MAX / 2);
    size = (size + align - 1) & ~(align - 1);
    struct chunk *c = a->head;
    if (c->cap - c->used < size) {
        size_t cap = a->first->cap > size ? a->first->cap : size;
        c = new_chunk(cap);
        c->next = a->head;
        a->head = c;
    }
    void *p = c->bytes + c->used;
    c->used += size;
    return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
    return memset(arena_alloc(a, size), 0, size);
}

struct str arena_str(struct arena *a, struct str s)
{
    if (s.ptr == NULL)
        return s;
    return str_of(arena_cstr(a, s), s.len);
}

char *arena_cstr(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.len + 1);
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    CHECK(fmt != NULL);
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    CHECK(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return str_of(p, (size_t)n);
}
