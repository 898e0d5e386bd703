/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz targets: one file each, with the function that is fed, the inputs to begin with and the words of its dictionary.
 * The same targets are built twice: into `fuzzer` (libFuzzer: finds inputs) and into `replay` (any compiler: runs the
 * seeds and what was found before). A broken promise is a CHECK.
 */
#ifndef PR_TESTS_FUZZ_H
#define PR_TESTS_FUZZ_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "json/scan.h"

struct fuzz_target {
    const char *name;
    void (*run)(struct str in); /* any bytes; keeps nothing */
    const struct str *seeds;
    size_t seed_count;
    const char *const *words; /* NULL-terminated, or NULL; no escapes needed */
    size_t len_max;           /* bytes of an input */
};

extern const struct fuzz_target *const fuzz_targets[]; /* NULL-terminated */
/* NULL: there is none of this name. */
const struct fuzz_target *fuzz_find(const char *name);

/* ---- for targets ---- */

/* A later moment than any in the seeds. */
#define FUZZ_NOW_MS ((int64_t)1795000000000)

/* Takes the first byte; 0 at the end. */
static inline unsigned fuzz_byte(struct str *in)
{
    unsigned c = in->len > 0 ? (unsigned char)in->ptr[0] : 0;
    *in = str_skip(*in, 1);
    return c;
}

/* Takes what stands before the next zero byte: seeds join their parts with \0. Never the null str. */
static inline struct str fuzz_part(struct str *in)
{
    struct str part = str_split(in, '\0');
    return part.ptr != NULL ? part : STR("");
}

static inline bool fuzz_is_json(struct str text)
{
    struct json_slice value;
    return json_check(text, &value, NULL) == ERR_OK;
}

/* A copy of its own, so that a step beyond its end is seen; free(3). */
static inline char *fuzz_copy(struct str s)
{
    char *p = mem_alloc(s.len);
    if (s.len > 0)
        memcpy(p, s.ptr, s.len);
    return p;
}

#endif
