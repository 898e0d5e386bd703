/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An arena: many allocations, one end. One per API request; nothing from it outlives it. Not thread-safe.
 */
#ifndef PR_BASE_ARENA_H
#define PR_BASE_ARENA_H

#include "base/str.h"

struct arena;

/* The first chunk holds chunk_size bytes (at least 256); more is added as needed. */
struct arena *arena_new(size_t chunk_size);
/* Frees everything that came from it. NULL is fine. */
void arena_free(struct arena *a);
/* Forgets all allocations but keeps the first chunk. */
void arena_reset(struct arena *a);
/* Uninitialised, aligned for any type. Ends the process when memory does. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
void *arena_zalloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
/* A copy, NUL-terminated behind its length; the null str stays null. */
struct str arena_str(struct arena *a, struct str s);
/* A NUL-terminated copy. */
char *arena_cstr(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
