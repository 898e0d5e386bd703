/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer that is born with a maximum. An append past the maximum sets `overflow` and drops the
 * bytes: append freely, look at `overflow` once at the end. Owned memory; fini or take ends it.
 */
#ifndef PR_BASE_BUF_H
#define PR_BASE_BUF_H

#include "base/str.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    bool overflow;
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

static inline struct str buf_str(const struct buf *b)
{
    return str_of(b->ptr, b->len);
}

/* Room for n more bytes; returns where to write (then add to len), or NULL past the maximum. */
char *buf_reserve(struct buf *b, size_t n);
void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_c(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t v);
void buf_add_i64(struct buf *b, int64_t v);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Drops the first n bytes (n clipped). */
void buf_consume(struct buf *b, size_t n);
/* Empties, keeps the memory. */
void buf_clear(struct buf *b);
/* Frees the memory; the buffer may be used again. NULL is fine. */
void buf_fini(struct buf *b);
/* Moves the memory out (free(3)), as much as is used; the buffer is empty after. Always NUL-terminated; *len_out may be
 * NULL. */
char *buf_take(struct buf *b, size_t *len_out);

#endif
