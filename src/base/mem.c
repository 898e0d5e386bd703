/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void check_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "postrider: bug: \"%s\" does not hold at %s:%d\n", cond, file, line);
    fflush(stderr);
    abort();
}

NORETURN static void out_of_memory(size_t size)
{
    fprintf(stderr, "postrider: out of memory: %zu bytes were needed\n", size);
    fflush(stderr);
    abort();
}

void *mem_alloc(size_t size)
{
    void *p = malloc(size > 0 ? size : 1);
    if (p == NULL)
        out_of_memory(size);
    return p;
}

void *mem_zalloc(size_t count, size_t size)
{
    void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
    if (p == NULL)
        out_of_memory(size);
    return p;
}

void *mem_realloc(void *old, size_t size)
{
    void *p = realloc(old, size > 0 ? size : 1);
    if (p == NULL)
        out_of_memory(size);
    return p;
}

char *mem_strndup(const char *s, size_t len)
{
    CHECK(len < SIZE_MAX);
    char *p = mem_alloc(len + 1);
    if (len > 0)
        memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

void mem_free_secret(void *p, size_t len)
{
    if (p == NULL)
        return;
    explicit_bzero(p, len);
    free(p);
}

void mem_auto_free(void *pp)
{
    void **p = pp;
    free(*p);
}
