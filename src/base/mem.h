/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heap memory that is there or the process is not: like Postfix's mymalloc, these succeed or end the process.
 * Everything that a stranger can make us allocate has a limit of its own long before memory runs out, and ending is
 * safe by design (see docs/decisions/0002-out-of-memory.md).
 */
#ifndef PR_BASE_MEM_H
#define PR_BASE_MEM_H

#include <stddef.h>

#include "base/check.h"

/* Uninitialised memory; size 0 gives a pointer that may be freed. Owned by the caller, free(3). */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
/* Zeroed memory for count items; overflow of the product ends the process. */
void *mem_zalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
/* Grows or shrinks; `old` may be NULL. */
void *mem_realloc(void *old, size_t size) __attribute__((returns_nonnull));
/* A NUL-terminated copy of len bytes. */
char *mem_strndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));
/* Frees and clears secrets: overwrites len bytes first. NULL is fine. */
void mem_free_secret(void *p, size_t len);

/* free() for a variable that dies with its scope: `AUTO_FREE char *p = …`. */
void mem_auto_free(void *pp);
#define AUTO_FREE __attribute__((cleanup(mem_auto_free)))

#endif
