/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes in, requests out. A request is read into its exchange's buffer and stays there: head, then body (a chunked one
 * is decoded in place), then whatever the client pipelined.
 */
#include <errno.h>
#include <sys/socket.h>

#include "http/conn.h"

static enum http_progress refuse(struct http_conn *c, int status, const char *detail)
{
    http_write_refusal(c, (struct http_refusal){.status = status, .detail = detail});
    return PROGRESS_STATE;
}

static enum http_progress complete(struct http_conn *c, size_t body_len, size_t end)
{
    struct http_exchange *x = c->x;
    struct http_server *s = c->server;
    x->end = end;
    http_exchange_fill_request(x, body_len);
    c->state = CONN_BUSY;
    http_conn_wait(c, WAIT_NONE);
    s->live++;
    s->config.on_request(x, s->config.arg);
    return PROGRESS_STATE;
}

static enum http_progress advance_body(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    if (!x->head.chunked) {
        size_t want = (size_t)x->head.content_length;
        return x->len - x->body_at >= want ? complete(c, want, x->body_at + want) : PROGRESS_AGAIN;
    }
    struct http_chunks *k = &x->chunks;
    struct http_refusal r = http_chunks_decode(k, x->buf, x->len, x->body_max);
    if (r.status != 0)
        return refuse(c, r.status, r.detail);
    if (k->state == HTTP_CHUNK_DONE)
        return complete(c, k->body, k->in);
    x->len = k->in = k->out; /* all input was taken: what was framing is free again */
    return PROGRESS_AGAIN;
}

/* How large the body may be. */
static void limit_body(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    const struct http_server_config *config = &c->server->config;
    bool plain = !x->head.chunked && x->head.content_length <= config->limits.body_bytes_max;
    x->body_max = config->limits.body_bytes_max;
    if (plain || config->large_path == NULL || config->limits.large_bytes_max <= x->body_max ||
        !config->large_path(http_exchange_method(x), x->head.path))
        return;
    x->body_max = config->limits.large_bytes_max;
    http_exchange_set_large(x, true);
}

static enum http_progress begin_body(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    limit_body(c);
    x->body_at = x->scan.line;
    x->chunks = (struct http_chunks){.in = x->body_at, .out = x->body_at};
    if (x->head.content_length > x->body_max)
        return refuse(c, 413, "request body too large");
    if (!x->head.chunked && x->head.content_length == 0)
        return complete(c, 0, x->body_at);
    if (x->head.expect_continue && x->len == x->body_at && !http_write_continue(c))
        return PROGRESS_GONE;
    c->state = CONN_BODY;
    c->window_bytes = 0;
    enum http_progress p = advance_body(c);
    if (p == PROGRESS_AGAIN)
        http_conn_wait(c, WAIT_BODY);
    return p;
}

static enum http_progress advance_head(struct http_conn *c)
{
    struct http_exchange *x = c->x;
    size_t header_max = c->server->config.limits.header_bytes_max;
    struct http_refusal r = http_scan_head(&x->scan, x->buf, x->len, header_max);
    if (r.status == 0 && x->scan.done)
        r = http_parse_head(str_of(x->buf + x->scan.start, x->scan.line - x->scan.start), &x->head, x->headers);
    if (r.status != 0)
        return refuse(c, r.status, r.detail);
    if (x->scan.done)
        return begin_body(c);
    http_conn_wait(c, WAIT_HEAD);
    return PROGRESS_AGAIN;
}

enum http_progress http_read_advance(struct http_conn *c)
{
    if (c->x == NULL || c->x->len == 0)
        return PROGRESS_AGAIN;
    if (c->state == CONN_BODY)
        return advance_body(c);
    c->state = CONN_HEAD;
    return advance_head(c);
}

static ssize_t read_some(struct http_conn *c, char *to, size_t n)
{
    if (c->tls != NULL)
        return http_tls_read(c->tls, to, n);
    ssize_t got;
    do
        got = recv(c->io.fd, to, n, 0);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        return got;
    return errno == EAGAIN ? HTTP_IO_WANT_READ : HTTP_IO_ERROR;
}

enum http_progress http_read_fill(struct http_conn *c)
{
    if (c->x == NULL) {
        c->x = http_exchange_take(c->server);
        c->x->conn = c;
    }
    struct http_exchange *x = c->x;
    if (x->len == x->cap) {
        size_t body = c->state == CONN_BODY && !x->head.chunked ? (size_t)x->head.content_length : 0;
        if (!http_exchange_grow(x, x->body_at + body))
            return refuse(c, 503, "too many large requests at once");
    }
    size_t room = x->cap - x->len;
    ssize_t got = read_some(c, x->buf + x->len, room);
    if (got == 0 || got == HTTP_IO_ERROR)
        return PROGRESS_GONE;
    if (got < 0) {
        loop_io_set(c->server->config.loop, &c->io, got == HTTP_IO_WANT_WRITE ? LOOP_READ | LOOP_WRITE : LOOP_READ);
        c->may_read = false;
        return PROGRESS_AGAIN;
    }
    if (c->io.interest != LOOP_READ)
        loop_io_set(c->server->config.loop, &c->io, LOOP_READ);
    x->len += (size_t)got;
    c->window_bytes += (size_t)got;
    c->may_read = (size_t)got == room || (c->tls != NULL && http_tls_pending(c->tls));
    return PROGRESS_STATE;
}
