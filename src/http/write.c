/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers out: status line, the fields that framing needs, the handler's fields, the body; one system call when the
 * socket takes it all. What it does not take is copied and follows when it can.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "base/mem.h"
#include "http/conn.h"
#include "sys/clock.h"

/* Bodies up to this size are copied behind the head; with TLS both then share a record. */
enum { COPY_MAX = 12 * 1024, OUT_KEEP = 64 * 1024, HEAD_MAX = 1024 * 1024 };

static const struct {
    int status;
    const char *line;
} reasons[] = {
        {200, "HTTP/1.1 200 OK\r\n"},
        {201, "HTTP/1.1 201 Created\r\n"},
        {202, "HTTP/1.1 202 Accepted\r\n"},
        {204, "HTTP/1.1 204 No Content\r\n"},
        {301, "HTTP/1.1 301 Moved Permanently\r\n"},
        {302, "HTTP/1.1 302 Found\r\n"},
        {303, "HTTP/1.1 303 See Other\r\n"},
        {304, "HTTP/1.1 304 Not Modified\r\n"},
        {400, "HTTP/1.1 400 Bad Request\r\n"},
        {401, "HTTP/1.1 401 Unauthorized\r\n"},
        {403, "HTTP/1.1 403 Forbidden\r\n"},
        {404, "HTTP/1.1 404 Not Found\r\n"},
        {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
        {408, "HTTP/1.1 408 Request Timeout\r\n"},
        {409, "HTTP/1.1 409 Conflict\r\n"},
        {410, "HTTP/1.1 410 Gone\r\n"},
        {413, "HTTP/1.1 413 Content Too Large\r\n"},
        {415, "HTTP/1.1 415 Unsupported Media Type\r\n"},
        {417, "HTTP/1.1 417 Expectation Failed\r\n"},
        {422, "HTTP/1.1 422 Unprocessable Content\r\n"},
        {429, "HTTP/1.1 429 Too Many Requests\r\n"},
        {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
        {500, "HTTP/1.1 500 Internal Server Error\r\n"},
        {501, "HTTP/1.1 501 Not Implemented\r\n"},
        {502, "HTTP/1.1 502 Bad Gateway\r\n"},
        {503, "HTTP/1.1 503 Service Unavailable\r\n"},
        {504, "HTTP/1.1 504 Gateway Timeout\r\n"},
        {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
};

static void add_status_line(struct buf *o, int status)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (reasons[i].status == status) {
            buf_add_str(o, str_c(reasons[i].line));
            return;
        }
    buf_addf(o, "HTTP/1.1 %d Status\r\n", status);
}

/* RFC 9110, section 5.6.7; made anew once per second. */
static struct str date_line(struct http_server *s)
{
    int64_t second = loop_now_ms(s->config.loop) / 1000;
    if (second != s->date_second) {
        time_t wall = (time_t)(clock_wall_ms() / 1000);
        struct tm tm;
        gmtime_r(&wall, &tm);
        strftime(s->date, sizeof s->date, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        s->date_second = second;
    }
    return str_c(s->date);
}

void http_write_head(struct http_conn *c, struct buf *o, int status, const struct http_header *headers, size_t count,
                     size_t body_len)
{
    add_status_line(o, status);
    buf_add_str(o, date_line(c->server));
    if (status != 204 && status != 304 && body_len != SIZE_MAX) {
        buf_add_str(o, STR("Content-Length: "));
        buf_add_u64(o, body_len);
        buf_add_str(o, STR("\r\n"));
    }
    for (size_t i = 0; i < count; i++) {
        buf_add_str(o, headers[i].name);
        buf_add_str(o, STR(": "));
        buf_add_str(o, headers[i].value);
        buf_add_str(o, STR("\r\n"));
    }
}

ssize_t http_write_some(struct http_conn *c, struct str a, struct str b)
{
    if (c->tls == NULL) {
        struct iovec v[2] = {{.iov_base = (void *)(uintptr_t)a.ptr, .iov_len = a.len},
                             {.iov_base = (void *)(uintptr_t)b.ptr, .iov_len = b.len}};
        struct msghdr m = {.msg_iov = v, .msg_iovlen = b.len > 0 ? 2 : 1};
        ssize_t n;
        do
            n = b.len > 0 ? sendmsg(c->io.fd, &m, MSG_NOSIGNAL) : send(c->io.fd, a.ptr, a.len, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        if (n >= 0)
            return n;
        return errno == EAGAIN ? HTTP_IO_WANT_WRITE : HTTP_IO_ERROR;
    }
    size_t done = 0;
    while (done < a.len + b.len) {
        struct str part = done < a.len ? str_skip(a, done) : str_skip(b, done - a.len);
        ssize_t n = http_tls_write(c->tls, part.ptr, part.len);
        if (n == HTTP_IO_ERROR)
            return n;
        if (n <= 0)
            return done > 0 ? (ssize_t)done : n;
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static void begin_linger(struct http_conn *c)
{
    if (c->tls != NULL)
        http_tls_shutdown(c->tls);
    if (shutdown(c->io.fd, SHUT_WR) != 0) {
        http_conn_close(c);
        return;
    }
    c->state = CONN_LINGER;
    c->window_bytes = 0;
    c->linger_until_ms = loop_now_ms(c->server->config.loop) + c->server->config.limits.linger_max_ms;
    http_conn_wait(c, WAIT_LINGER);
    loop_io_set(c->server->config.loop, &c->io, LOOP_READ);
}

/* The answer is out. */
static void written(struct http_conn *c)
{
    if (!c->close_after) {
        c->state = CONN_IDLE;
    } else if (c->linger_after) {
        begin_linger(c);
    } else {
        if (c->tls != NULL)
            http_tls_shutdown(c->tls);
        http_conn_close(c);
    }
}

static void keep_rest(struct http_conn *c, struct str a, struct str b, size_t done)
{
    size_t total = a.len + b.len;
    struct str rest_a = str_skip(a, done);
    struct str rest_b = str_skip(b, done > a.len ? done - a.len : 0);
    c->out_len = total - done;
    c->out_at = 0;
    c->out = mem_alloc(c->out_len);
    memcpy(c->out, rest_a.ptr, rest_a.len);
    if (rest_b.len > 0)
        memcpy(c->out + rest_a.len, rest_b.ptr, rest_b.len);
    c->state = CONN_WRITE;
    http_conn_wait(c, WAIT_WRITE);
    loop_io_set(c->server->config.loop, &c->io, LOOP_WRITE);
}

void http_write_answer(struct http_conn *c, int status, const struct http_header *headers, size_t header_count,
                       struct str body, bool head_only, bool old_keep_alive)
{
    struct buf *o = &c->server->out;
    o->max = HEAD_MAX + COPY_MAX;
    buf_clear(o);
    http_write_head(c, o, status, headers, header_count, body.len);
    if (c->close_after)
        buf_add_str(o, STR("Connection: close\r\n"));
    else if (old_keep_alive)
        buf_add_str(o, STR("Connection: keep-alive\r\n"));
    buf_add_str(o, STR("\r\n"));
    if (head_only || status == 204 || status == 304)
        body = STR_NULL;
    if (body.len <= COPY_MAX) {
        buf_add_str(o, body);
        body = STR_NULL;
    }
    CHECK(!o->overflow);
    ssize_t n = http_write_some(c, buf_str(o), body);
    if (n == HTTP_IO_ERROR)
        http_conn_close(c);
    else if (n < 0 || (size_t)n < o->len + body.len)
        keep_rest(c, buf_str(o), body, n < 0 ? 0 : (size_t)n);
    else
        written(c);
    if (o->cap > OUT_KEEP)
        buf_fini(o);
}

void http_write_refusal(struct http_conn *c, struct http_refusal why)
{
    struct http_server *s = c->server;
    struct buf body = BUF_INIT(4096);
    const struct http_header headers[] = {
            {.name = STR("Content-Type"), .value = STR("application/json")},
            {.name = STR("Retry-After"), .value = STR("1")},
    };
    http_exchange_release(c->x);
    c->x = NULL;
    if (s->config.error_body != NULL)
        s->config.error_body(why.status, why.detail, &body);
    c->close_after = c->linger_after = true;
    size_t count = why.status == 503 ? 2 : 1;
    http_write_answer(c, why.status, headers, count, buf_str(&body), false, false);
    buf_fini(&body);
}

void http_write_flush(struct http_conn *c)
{
    ssize_t n = http_write_some(c, str_of(c->out + c->out_at, c->out_len - c->out_at), STR_NULL);
    if (n == HTTP_IO_ERROR) {
        http_conn_close(c);
        return;
    }
    if (n > 0) {
        c->out_at += (size_t)n;
        http_conn_wait(c, WAIT_NONE); /* it reads: the deadline starts anew */
        http_conn_wait(c, WAIT_WRITE);
    }
    if (c->out_at < c->out_len)
        return;
    free(c->out);
    c->out = NULL;
    written(c);
}

bool http_write_continue(struct http_conn *c)
{
    struct str line = STR("HTTP/1.1 100 Continue\r\n\r\n");
    return http_write_some(c, line, STR_NULL) == (ssize_t)line.len;
}
