/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer from its bytes. Lines may end in a bare LF and fields may be folded: receivers do that, and an exchange
 * that ends with this connection cannot be confused by it. What frames the body is read strictly. What is kept of it
 * all is answer.c's business.
 */
#include "delivery/client_impl.h"

static const char status_prefix[] = "HTTP/1.";

void h1_answer_begin(struct h1_answer *a, bool no_body)
{
    struct buf line = a->line;
    buf_clear(&line);
    line.overflow = false;
    *a = (struct h1_answer){.no_body = no_body, .line = line};
}

static enum h1_step refuse(struct h1_answer *a, const char *why)
{
    a->why = why;
    return H1_INVALID;
}

/* As far as it has arrived. */
static bool is_status_line(struct str line)
{
    size_t n = sizeof status_prefix - 1;
    return memcmp(line.ptr, status_prefix, line.len < n ? line.len : n) == 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200" and perhaps a blank and words. */
static enum h1_step take_status(struct h1_answer *a, struct str line)
{
    const char *p = line.ptr;
    if (!is_status_line(line) || line.len < 12 || !is_digit(p[7]) || p[8] != ' ' || p[9] < '1' || p[9] > '9' ||
        !is_digit(p[10]) || !is_digit(p[11]) || (line.len > 12 && p[12] != ' '))
        return refuse(a, "not an HTTP/1 status line");
    a->version_11 = p[7] >= '1';
    a->close = a->keep = a->has_length = a->chunked = a->folds_bad = false;
    a->left = 0;
    return H1_MORE;
}

static enum h1_step take_length(struct h1_answer *a, struct str value)
{
    uint64_t n;
    if (str_to_u64(value, &n) != ERR_OK || n > INT64_MAX)
        return refuse(a, "malformed Content-Length");
    if (a->has_length && n != a->left)
        return refuse(a, "different Content-Length fields");
    a->has_length = true;
    a->left = n;
    return H1_MORE;
}

static enum h1_step take_coding(struct h1_answer *a, struct str value)
{
    if (str_eq_nocase(value, STR("identity")))
        return H1_MORE;
    if (a->chunked || !str_eq_nocase(value, STR("chunked")))
        return refuse(a, "unknown Transfer-Encoding");
    a->chunked = true;
    return H1_MORE;
}

static enum h1_step take_connection(struct h1_answer *a, struct str value)
{
    while (value.len > 0) {
        struct str option = str_trim(str_split(&value, ','));
        a->close = a->close || str_eq_nocase(option, STR("close"));
        a->keep = a->keep || str_eq_nocase(option, STR("keep-alive"));
    }
    return H1_MORE;
}

static enum h1_step take_field(struct h1_answer *a, struct str line)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return a->folds_bad ? refuse(a, "a field that frames the body is folded") : H1_MORE;
    size_t name_len = str_find(line, ':');
    if (name_len == line.len || name_len == 0)
        return refuse(a, "a header line without a name");
    struct str name = str_take(line, name_len), value = str_trim(str_skip(line, name_len + 1));
    enum h1_step (*take)(struct h1_answer *, struct str) = NULL;
    if (name_len == 14 && str_eq_nocase(name, STR("content-length")))
        take = take_length;
    else if (name_len == 17 && str_eq_nocase(name, STR("transfer-encoding")))
        take = take_coding;
    else if (name_len == 10 && str_eq_nocase(name, STR("connection")))
        take = take_connection;
    a->folds_bad = take != NULL;
    return take != NULL ? take(a, value) : H1_MORE;
}

/* After the empty line of a final answer. */
static void begin_body(struct h1_answer *a, int status)
{
    bool empty = a->no_body || status == 204 || status == 304;
    a->reusable = a->version_11 ? !a->close : a->keep && !a->close;
    if (a->chunked && a->has_length)
        a->reusable = false;
    if (empty || (a->has_length && !a->chunked && a->left == 0)) {
        a->part = H1_END;
    } else if (a->chunked) {
        a->part = H1_BODY_CHUNKS;
    } else if (a->has_length) {
        a->part = H1_BODY_LENGTH;
    } else {
        a->part = H1_BODY_REST;
        a->reusable = false;
    }
}

/* A whole line, its end included. */
static enum h1_step take_line(struct transfer *t, struct str line)
{
    struct h1_answer *a = &t->h1.answer;
    struct str text = line;
    bool first = t->status == 0 || t->headers_done;
    text.len -= text.len > 1 && text.ptr[text.len - 2] == '\r' ? 2 : 1;
    enum h1_step step = H1_MORE;
    if (memchr(text.ptr, '\0', text.len) != NULL)
        step = refuse(a, "a zero byte in the head");
    else if (first)
        step = take_status(a, text);
    else if (text.len > 0)
        step = take_field(a, text);
    if (step != H1_MORE)
        return step;
    if (answer_on_header((char *)(uintptr_t)line.ptr, 1, line.len, t) != line.len)
        return H1_STOPPED;
    if (!first && text.len == 0 && t->status >= 200)
        begin_body(a, t->status);
    return H1_MORE;
}

/* The rest of what arrived, without the end of its line. */
static enum h1_step keep_rest(struct transfer *t, struct str rest)
{
    struct h1_answer *a = &t->h1.answer;
    buf_add_str(&a->line, rest);
    if (a->line.overflow)
        return H1_TOO_LONG;
    if ((t->status == 0 || t->headers_done) && !is_status_line(buf_str(&a->line)))
        return refuse(a, "not an HTTP/1 status line");
    return H1_MORE;
}

static enum h1_step take_head(struct transfer *t, const char *bytes, size_t len, size_t *at)
{
    struct h1_answer *a = &t->h1.answer;
    enum h1_step step = H1_MORE;
    while (step == H1_MORE && a->part == H1_HEAD && *at < len) {
        struct str rest = str_of(bytes + *at, len - *at);
        const char *lf = memchr(rest.ptr, '\n', rest.len);
        if (lf == NULL) {
            *at = len;
            return keep_rest(t, rest);
        }
        struct str line = str_take(rest, (size_t)(lf - rest.ptr) + 1);
        *at += line.len;
        if (a->line.len == 0) {
            step = take_line(t, line);
            continue;
        }
        buf_add_str(&a->line, line);
        if (a->line.overflow)
            return H1_TOO_LONG;
        step = take_line(t, buf_str(&a->line));
        buf_clear(&a->line);
    }
    return step;
}

static enum h1_step give_body(struct transfer *t, char *bytes, size_t len)
{
    return len == 0 || answer_on_body(bytes, 1, len, t) == len ? H1_MORE : H1_STOPPED;
}

static enum h1_step take_chunks(struct transfer *t, char *bytes, size_t len, size_t *at)
{
    struct h1_answer *a = &t->h1.answer;
    struct http_chunks *k = &a->chunks;
    size_t start = *at;
    k->in = k->out = start;
    struct http_refusal bad = http_chunks_decode(k, bytes, len, SIZE_MAX);
    *at = k->in;
    enum h1_step step = give_body(t, bytes + start, k->out - start);
    if (step != H1_MORE)
        return step;
    if (bad.status != 0)
        return refuse(a, bad.detail);
    if (k->state == HTTP_CHUNK_DONE)
        a->part = H1_END;
    return H1_MORE;
}

static enum h1_step take_counted(struct transfer *t, char *bytes, size_t len, size_t *at)
{
    struct h1_answer *a = &t->h1.answer;
    size_t n = len - *at < a->left ? len - *at : (size_t)a->left;
    enum h1_step step = give_body(t, bytes + *at, n);
    *at += n;
    a->left -= n;
    if (a->left == 0)
        a->part = H1_END;
    return step;
}

enum h1_step h1_answer_take(struct transfer *t, char *bytes, size_t len)
{
    struct h1_answer *a = &t->h1.answer;
    size_t at = 0;
    a->received = true;
    enum h1_step step = take_head(t, bytes, len, &at);
    if (step == H1_MORE && at < len) {
        if (a->part == H1_BODY_CHUNKS)
            step = take_chunks(t, bytes, len, &at);
        else if (a->part == H1_BODY_LENGTH)
            step = take_counted(t, bytes, len, &at);
        else if (a->part == H1_BODY_REST)
            return give_body(t, bytes + at, len - at);
    }
    if (step != H1_MORE || a->part != H1_END)
        return step;
    if (at < len)
        a->reusable = false; /* nobody asked for what follows */
    return H1_DONE;
}

bool h1_answer_ends(const struct h1_answer *a)
{
    return a->part == H1_BODY_REST;
}
