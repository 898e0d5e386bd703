/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of a document: which token may follow which. Nesting is a small array of the brackets that are open.
 */
#include "json/scan.h"

#include "json/build.h"
#include "json/lex.h"

#define DIGITS_OF(n) #n
#define TEXT_OF(n)   DIGITS_OF(n)

/* A member's name and its colon, up to the first byte of the value. */
static bool scan_name(struct json_lex *lx, struct json_slice *name)
{
    if (json_lex_peek(lx) != '"')
        return json_lex_fail(lx, "expected a member name in double quotes");
    if (!json_lex_string(lx, name))
        return false;
    json_lex_white(lx);
    if (json_lex_peek(lx) != ':')
        return json_lex_fail(lx, "expected ':'");
    lx->p++;
    json_lex_white(lx);
    return true;
}

/* Behind a value inside a container: over the comma to what follows (*closed false), or over the bracket. */
static bool scan_between(struct json_lex *lx, char close, bool *closed)
{
    json_lex_white(lx);
    char c = json_lex_peek(lx);
    *closed = c == close;
    if (c != close && c != ',')
        return json_lex_fail(lx, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
    lx->p++;
    if (!*closed)
        json_lex_white(lx);
    return true;
}

/* An opening bracket; *empty: its partner was next and both are consumed. */
static bool scan_open(struct json_lex *lx, char close, size_t depth, bool *empty)
{
    if (depth >= JSON_DEPTH_MAX)
        return json_lex_fail(lx, "nested deeper than " TEXT_OF(JSON_DEPTH_MAX) " levels");
    lx->p++;
    json_lex_white(lx);
    *empty = json_lex_peek(lx) == close;
    if (*empty)
        lx->p++;
    return true;
}

static bool scan_member_name(struct json_lex *lx, struct json_builder *b)
{
    struct json_slice name;
    if (!scan_name(lx, &name))
        return false;
    if (b != NULL)
        json_build_name(b, name);
    return true;
}

static bool scan_scalar(struct json_lex *lx, struct json_slice *out, struct json_builder *b)
{
    if (!json_lex_scalar(lx, out))
        return false;
    if (b != NULL)
        json_build_scalar(b, *out);
    return true;
}

/* One value of any type that begins at the cursor, inside `outside` containers. b: NULL, or what is told. */
static bool scan_value(struct json_lex *lx, size_t outside, struct json_slice *out, struct json_builder *b)
{
    char open[JSON_DEPTH_MAX]; /* the closing bracket of each container that is open, from `outside` on */
    size_t depth = outside;
    const char *from = lx->p;
    char first = json_lex_peek(lx);
    struct json_slice scalar;
    if (first != '{' && first != '[')
        return scan_scalar(lx, out, b);
    for (;;) {
        char c = json_lex_peek(lx);
        if (c == '{' || c == '[') {
            char close = c == '{' ? '}' : ']';
            const char *bracket = lx->p;
            bool empty;
            if (!scan_open(lx, close, depth, &empty))
                return false;
            if (b != NULL)
                json_build_open(b, bracket);
            if (!empty) {
                open[depth++] = close;
                if (close == '}' && !scan_member_name(lx, b))
                    return false;
                continue;
            }
            if (b != NULL)
                json_build_close(b, lx->p);
        } else if (!scan_scalar(lx, &scalar, b)) {
            return false;
        }
        bool closed = true;
        while (closed && depth > outside) {
            if (!scan_between(lx, open[depth - 1], &closed))
                return false;
            depth -= closed;
            if (closed && b != NULL)
                json_build_close(b, lx->p);
        }
        if (closed)
            break;
        if (open[depth - 1] == '}' && !scan_member_name(lx, b))
            return false;
    }
    *out = (struct json_slice){first == '{' ? JSON_OBJECT : JSON_ARRAY, false, str_of(from, (size_t)(lx->p - from))};
    return true;
}

/* The members of the top-level object, cursor on its brace. */
static bool scan_members(struct json_lex *lx, struct json_want *wants, size_t count)
{
    bool closed;
    if (!scan_open(lx, '}', 0, &closed))
        return false;
    while (!closed) {
        struct json_slice name, value;
        if (!scan_name(lx, &name) || !scan_value(lx, 1, &value, NULL))
            return false;
        for (size_t i = 0; i < count; i++)
            if (json_lex_equals(name, wants[i].name))
                wants[i].value = value;
        if (!scan_between(lx, '}', &closed))
            return false;
    }
    return true;
}

static enum err refuse(const struct json_lex *lx, struct str doc, struct json_error *error)
{
    if (error == NULL)
        return ERR_SYNTAX;
    size_t offset = (size_t)(lx->p - doc.ptr), line = 1, line_from = 0;
    for (size_t i = 0; i < offset; i++) {
        if (doc.ptr[i] == '\n') {
            line++;
            line_from = i + 1;
        }
    }
    *error = (struct json_error){offset, line, offset - line_from + 1, lx->what};
    return ERR_SYNTAX;
}

static struct json_lex begin(struct str *doc)
{
    if (doc->ptr == NULL)
        *doc = STR("");
    return (struct json_lex){.p = doc->ptr, .end = doc->ptr + doc->len};
}

/* White space before the value; a byte order mark gets a message of its own, since people cannot see it. */
static bool scan_start(struct json_lex *lx)
{
    if (str_starts(str_of(lx->p, (size_t)(lx->end - lx->p)), STR("\xef\xbb\xbf")))
        return json_lex_fail(lx, "a byte order mark is not allowed");
    json_lex_white(lx);
    return true;
}

static bool scan_end(struct json_lex *lx)
{
    json_lex_white(lx);
    return lx->p == lx->end || json_lex_fail(lx, "nothing may follow the value");
}

enum err json_check(struct str doc, struct json_slice *value, struct json_error *error)
{
    struct json_lex lx = begin(&doc);
    struct json_slice v;
    if (!scan_start(&lx) || !scan_value(&lx, 0, &v, NULL) || !scan_end(&lx))
        return refuse(&lx, doc, error);
    *value = v;
    return ERR_OK;
}

enum err json_scan(struct str doc, struct json_builder *b, struct json_error *error)
{
    struct json_lex lx = begin(&doc);
    struct json_slice v;
    if (!scan_start(&lx) || !scan_value(&lx, 0, &v, b) || !scan_end(&lx))
        return refuse(&lx, doc, error);
    return ERR_OK;
}

enum err json_pick(struct str doc, struct json_want *wants, size_t count, struct json_error *error)
{
    struct json_lex lx = begin(&doc);
    for (size_t i = 0; i < count; i++)
        wants[i].value = (struct json_slice){.type = JSON_NONE};
    bool good = scan_start(&lx);
    if (good && json_lex_peek(&lx) != '{') {
        struct json_slice other;
        return json_check(doc, &other, error) == ERR_OK ? ERR_INVALID : ERR_SYNTAX;
    }
    if (good && scan_members(&lx, wants, count) && scan_end(&lx))
        return ERR_OK;
    for (size_t i = 0; i < count; i++)
        wants[i].value = (struct json_slice){.type = JSON_NONE};
    return refuse(&lx, doc, error);
}

/* p: behind the quote that opens it. */
static const char *behind_string(const char *p, const char *end)
{
    while ((p += json_plain_run(p, end)) < end) {
        char c = *p++;
        if (c == '"')
            break;
        p += c == '\\' && p < end;
    }
    return p;
}

size_t json_depth(struct str json)
{
    size_t depth = 0, max = 0;
    const char *p = json.ptr, *end = json.ptr + json.len;
    while (p < end) {
        char c = *p++;
        if (c == '"')
            p = behind_string(p, end);
        else if (c == '[' || c == '{')
            max = ++depth > max ? depth : max;
        else if (c == ']' || c == '}')
            depth--;
    }
    return max;
}

void json_unescape(struct json_slice v, struct buf *out)
{
    struct str s = json_plain(v);
    const char *p = s.ptr, *end = s.ptr + s.len;
    while (p < end) {
        const char *stop = memchr(p, '\\', (size_t)(end - p));
        if (stop == NULL)
            stop = end;
        buf_add(out, p, (size_t)(stop - p));
        p = stop;
        if (p < end) {
            char decoded[4];
            size_t n = json_lex_escape(&p, end, decoded);
            buf_add(out, decoded, n);
        }
    }
}
