/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exchanges: the bytes of a request and what they say. They come from a small pool per server, with 4 KiB each; a
 * longer request moves to the heap, within the server's budget.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "http/conn.h"

enum { POOL_MAX = 256, LARGE_AT_ONCE = 2, READ_AHEAD = 65536 };

static size_t *counter(struct http_exchange *x)
{
    return x->large ? &x->server->buffered_large : &x->server->buffered;
}

void http_exchange_set_large(struct http_exchange *x, bool large)
{
    size_t held = x->buf == x->base ? 0 : x->cap;
    *counter(x) -= held;
    x->large = large;
    *counter(x) += held;
}

static void reset(struct http_exchange *x)
{
    http_exchange_set_large(x, false);
    x->body_max = 0;
    x->data = NULL;
    x->scan = (struct http_scan){.start = 0};
    x->head = (struct http_head){.header_count = 0};
    x->body_at = 0;
    x->end = 0;
}

struct http_exchange *http_exchange_take(struct http_server *s)
{
    struct list *n = list_pop_front(&s->pool);
    struct http_exchange *x;
    if (n != NULL) {
        x = CONTAINER_OF(n, struct http_exchange, link);
        s->pool_len--;
    } else {
        x = mem_alloc(sizeof *x);
        list_init(&x->link);
        x->server = s;
        x->large = false;
        x->buf = x->base;
        x->cap = HTTP_BASE_SIZE;
    }
    x->conn = NULL;
    x->len = 0;
    reset(x);
    return x;
}

static void drop_grown(struct http_exchange *x)
{
    if (x->buf == x->base)
        return;
    *counter(x) -= x->cap;
    free(x->buf);
    x->buf = x->base;
    x->cap = HTTP_BASE_SIZE;
}

void http_exchange_release(struct http_exchange *x)
{
    struct http_server *s = x->server;
    drop_grown(x);
    if (s->gone || s->pool_len >= POOL_MAX) {
        free(x);
        return;
    }
    list_push_front(&s->pool, &x->link);
    s->pool_len++;
}

static void rebase(struct str *s, const char *from, size_t len, const char *to)
{
    if (s->ptr >= from && s->ptr <= from + len)
        s->ptr = to + (s->ptr - from);
}

bool http_exchange_grow(struct http_exchange *x, size_t want)
{
    struct http_server *s = x->server;
    size_t cap = x->cap * 2;
    if (want > cap && want <= x->cap * 8)
        cap = want;
    const struct http_limits *limits = &s->config.limits;
    /* No more than a body may take, and what is read ahead of its end. */
    size_t most = x->body_max != 0 ? x->body_at + x->body_max + READ_AHEAD : SIZE_MAX;
    if (cap > most && most > x->cap)
        cap = most;
    size_t held = x->buf == x->base ? 0 : x->cap;
    size_t budget = x->large ? LARGE_AT_ONCE * (limits->large_bytes_max + limits->header_bytes_max + READ_AHEAD)
                             : limits->buffered_bytes_max;
    if (budget != 0 && *counter(x) - held + cap > budget)
        return false;
    char *buf = mem_alloc(cap);
    memcpy(buf, x->buf, x->len);
    rebase(&x->head.method, x->buf, x->len, buf);
    rebase(&x->head.path, x->buf, x->len, buf);
    rebase(&x->head.query, x->buf, x->len, buf);
    for (size_t i = 0; i < x->head.header_count; i++) {
        rebase(&x->headers[i].name, x->buf, x->len, buf);
        rebase(&x->headers[i].value, x->buf, x->len, buf);
    }
    drop_grown(x);
    x->buf = buf;
    x->cap = cap;
    *counter(x) += cap;
    return true;
}

bool http_exchange_next(struct http_exchange *x)
{
    size_t left = x->len - x->end;
    char *from = x->buf + x->end;
    if (left == 0)
        return false;
    if (x->buf != x->base && left <= HTTP_BASE_SIZE) {
        memcpy(x->base, from, left);
        drop_grown(x);
    } else {
        memmove(x->buf, from, left);
    }
    x->len = left;
    reset(x);
    return true;
}

enum http_method http_exchange_method(const struct http_exchange *x)
{
    static const struct {
        struct str text;
        enum http_method method;
    } rows[] = {
            {{"POST", 4}, HTTP_M_POST},       {{"GET", 3}, HTTP_M_GET},     {{"HEAD", 4}, HTTP_M_HEAD},
            {{"PUT", 3}, HTTP_M_PUT},         {{"PATCH", 5}, HTTP_M_PATCH}, {{"DELETE", 6}, HTTP_M_DELETE},
            {{"OPTIONS", 7}, HTTP_M_OPTIONS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (str_eq(rows[i].text, x->head.method))
            return rows[i].method;
    return HTTP_M_OTHER;
}

void http_exchange_fill_request(struct http_exchange *x, size_t body_len)
{
    struct http_conn *c = x->conn;
    memcpy(x->peer, c->peer_text, sizeof x->peer);
    x->request = (struct http_request){
            .method = http_exchange_method(x),
            .method_text = x->head.method,
            .path = x->head.path,
            .query = x->head.query,
            .headers = x->headers,
            .header_count = x->head.header_count,
            .body = str_of(x->buf + x->body_at, body_len),
            .peer = str_c(x->peer),
            .tls = c->tls != NULL,
    };
}

const struct http_request *http_exchange_request(const struct http_exchange *x)
{
    return &x->request;
}

struct str http_exchange_header(const struct http_exchange *x, struct str name)
{
    for (size_t i = 0; i < x->request.header_count; i++)
        if (x->headers[i].name.len == name.len && str_eq_nocase(x->headers[i].name, name))
            return x->headers[i].value;
    return STR_NULL;
}

void *http_exchange_data(const struct http_exchange *x)
{
    return x->data;
}

void http_exchange_set_data(struct http_exchange *x, void *data)
{
    x->data = data;
}

void http_respond(struct http_exchange *x, int status, const struct http_header *headers, size_t header_count,
                  struct str body)
{
    struct http_conn *c = x->conn;
    struct http_server *s = x->server;
    CHECK(status >= 200 && status <= 599);
    CHECK(s->live > 0);
    s->live--;
    if (c == NULL) {
        http_exchange_release(x);
        http_server_unref(s);
        return;
    }
    CHECK(c->x == x && c->state == CONN_BUSY);
    bool stepping = c->stepping;
    c->stepping = true; /* it may close, but must not be freed below us */
    c->x = NULL;
    c->close_after = !x->head.keep_alive || x->large || s->draining; /* the next must not keep a large one's buffer */
    c->linger_after = x->head.keep_alive || x->len > x->end;
    http_write_answer(c, status, headers, header_count, body, x->request.method == HTTP_M_HEAD,
                      !x->head.version_11 && !c->close_after);
    if (!c->close_after && c->state != CONN_CLOSED && http_exchange_next(x))
        c->x = x;
    else
        http_exchange_release(x);
    c->stepping = stepping;
    if (!stepping)
        http_conn_answered(c);
}
