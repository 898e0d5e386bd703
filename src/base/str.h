/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed bytes: a pointer and a length, not NUL-terminated, never owned. The same type carries text and binary.
 */
#ifndef PR_BASE_STR_H
#define PR_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

struct str {
    const char *ptr;
    size_t len;
};

/* A str of a string literal. */
#define STR(lit) ((struct str){.ptr = ("" lit), .len = sizeof("" lit) - 1})
#define STR_NULL ((struct str){.ptr = NULL, .len = 0})
/* For printf: printf("%.*s", STR_ARG(s)). Longer than INT_MAX is cut. */
#define STR_FMT    "%.*s"
#define STR_ARG(s) ((int)((s).len > 0x7fffffff ? 0x7fffffff : (s).len)), ((s).ptr != NULL ? (s).ptr : "")

static inline struct str str_of(const char *ptr, size_t len)
{
    return (struct str){.ptr = ptr, .len = len};
}

/* Borrow a NUL-terminated string; NULL gives the null str. */
static inline struct str str_c(const char *z)
{
    return z != NULL ? str_of(z, strlen(z)) : STR_NULL;
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* Order by bytes, shorter first on a tie: <0, 0, >0. */
int str_cmp(struct str a, struct str b);
/* ASCII only: A-Z equal a-z. */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Index of the first `c`, or s.len. */
size_t str_find(struct str s, char c);
/* Index of the first `needle`, or s.len. */
size_t str_find_str(struct str s, struct str needle);
/* Without the first n bytes (n clipped to the length). */
struct str str_skip(struct str s, size_t n);
/* At most the first n bytes. */
struct str str_take(struct str s, size_t n);
/* Without ASCII blanks (space, tab, CR, LF) at both ends. */
struct str str_trim(struct str s);
/* Levenshtein's distance, for "did you mean"; SIZE_MAX when either is longer than 64 bytes. */
size_t str_distance(struct str a, struct str b);
/* Splits at the first `c`: returns what is before it and moves *rest behind it; without `c` the whole, *rest empty. */
struct str str_split(struct str *rest, char c);

/* Decimal, no sign, no blanks, no empty string. ERR_INVALID on anything else or overflow; *out is then untouched. */
MUST_USE enum err str_to_u64(struct str s, uint64_t *out);
/* As above with an optional leading '-'. */
MUST_USE enum err str_to_i64(struct str s, int64_t *out);

/* The value of a hexadecimal digit, either case; -1 for any other character. */
int str_hex_digit(char c);

/* Whether every byte sequence is well-formed UTF-8 (RFC 3629: no overlongs, no surrogates, at most U+10FFFF). */
bool str_is_utf8(struct str s);

#endif
