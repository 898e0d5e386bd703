/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers without an end. What is to be sent gathers in a buffer and leaves when the loop says that the socket takes
 * it, so that what happens in one turn is one write. The client has nothing more to say: what it sends is dropped, and
 * its end is the stream's.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "http/conn.h"

struct http_stream {
    struct http_conn *conn;
    struct http_stream_config config;
    struct buf waiting;
    bool ending;
};

enum { HEAD_MAX = 16 * 1024 };

static void watch(struct http_conn *c)
{
    bool writes = c->stream->waiting.len > 0;
    loop_io_set(c->server->config.loop, &c->io, writes ? LOOP_READ | LOOP_WRITE : LOOP_READ);
    if (!c->stream->ending)
        http_conn_wait(c, writes ? WAIT_WRITE : WAIT_NONE);
}

struct http_stream *http_stream_open(struct http_exchange *x, int status, const struct http_header *headers,
                                     size_t header_count, const struct http_stream_config *config)
{
    struct http_conn *c = x->conn;
    struct http_server *s = x->server;
    s->live--;
    if (c == NULL || s->draining) {
        if (c != NULL) {
            c->x = NULL;
            http_conn_close(c);
        }
        http_exchange_release(x);
        http_server_unref(s);
        return NULL;
    }
    CHECK(c->x == x && c->state == CONN_BUSY && !c->stepping);
    struct http_stream *st = mem_zalloc(1, sizeof *st);
    st->conn = c;
    st->config = *config;
    st->waiting = BUF_INIT(HEAD_MAX + config->waiting_bytes_max);
    http_write_head(c, &st->waiting, status, headers, header_count, SIZE_MAX);
    buf_add_str(&st->waiting, STR("Connection: close\r\n\r\n"));
    CHECK(!st->waiting.overflow);
    c->stream = st;
    c->state = CONN_STREAM;
    c->x = NULL;
    http_exchange_release(x);
    watch(c);
    return st;
}

bool http_stream_write(struct http_stream *s, struct str bytes)
{
    if (s->ending || s->waiting.len + bytes.len > s->config.waiting_bytes_max)
        return false;
    bool idle = s->waiting.len == 0;
    buf_add_str(&s->waiting, bytes);
    if (idle)
        watch(s->conn);
    return true;
}

/* Its time is over at once: the sweep closes it. */
void http_stream_end(struct http_stream *s)
{
    s->ending = true;
    http_conn_wait(s->conn, WAIT_NONE);
    http_conn_wait(s->conn, WAIT_LINGER);
}

/* False: the connection was closed. */
static bool drop_input(struct http_conn *c)
{
    char bytes[2048];
    ssize_t n;
    if (c->tls != NULL) {
        n = http_tls_read(c->tls, bytes, sizeof bytes);
    } else {
        n = recv(c->io.fd, bytes, sizeof bytes, 0);
        if (n < 0)
            n = errno == EAGAIN || errno == EINTR ? HTTP_IO_WANT_READ : HTTP_IO_ERROR;
    }
    if (n != 0 && n != HTTP_IO_ERROR)
        return true;
    http_conn_close(c);
    return false;
}

void http_stream_ready(struct http_conn *c, unsigned events)
{
    struct http_stream *s = c->stream;
    if ((events & (LOOP_READ | LOOP_HANGUP)) != 0 && !drop_input(c))
        return;
    if ((events & LOOP_WRITE) == 0 || s->waiting.len == 0)
        return;
    ssize_t n = http_write_some(c, buf_str(&s->waiting), STR_NULL);
    if (n == HTTP_IO_ERROR) {
        http_conn_close(c);
        return;
    }
    if (n > 0)
        buf_consume(&s->waiting, (size_t)n);
    if (n > 0 && !s->ending)
        http_conn_wait(c, WAIT_NONE); /* it reads: the deadline starts anew */
    watch(c);
}

void http_stream_gone(struct http_conn *c)
{
    struct http_stream *s = c->stream;
    if (s == NULL)
        return;
    c->stream = NULL;
    s->config.on_gone(s->config.arg);
    buf_fini(&s->waiting);
    free(s);
}
