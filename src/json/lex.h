/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of JSON, for scan.c and tree.c: a cursor over the document and one function per kind of token. A function
 * that returns false left `p` at the first byte that does not fit and said why in `what`. Nothing here allocates.
 */
#ifndef PR_JSON_LEX_H
#define PR_JSON_LEX_H

#include "json/scan.h"

struct json_lex {
    const char *p;
    const char *end;
    const char *what; /* set by the function that fails */
};

/* How many bytes from p on stand for themselves inside a string: printable ASCII but the quote and the backslash. */
size_t json_plain_run(const char *p, const char *end);

static inline bool json_lex_fail(struct json_lex *lx, const char *what)
{
    lx->what = lx->p == lx->end ? "unexpected end" : what;
    return false;
}

/* The byte at the cursor; 0 at the end, where no token begins. */
static inline char json_lex_peek(const struct json_lex *lx)
{
    return lx->p < lx->end ? *lx->p : '\0';
}

/* To the next byte that is not white space. */
static inline void json_lex_white(struct json_lex *lx)
{
    while (lx->p < lx->end && *lx->p <= ' ' && (*lx->p == ' ' || *lx->p == '\n' || *lx->p == '\r' || *lx->p == '\t'))
        lx->p++;
}

/* A string that begins at the cursor, quotes included. */
bool json_lex_string(struct json_lex *lx, struct json_slice *out);
/* A string, number, true, false or null. */
bool json_lex_scalar(struct json_lex *lx, struct json_slice *out);

/* The decoded bytes (1..4) of the escape at *p, which is valid; moves *p behind it (both halves of a surrogate pair).
 */
size_t json_lex_escape(const char **p, const char *end, char out[4]);
/* Whether the decoded text of a string value is `text`. */
bool json_lex_equals(struct json_slice v, struct str text);

#endif
