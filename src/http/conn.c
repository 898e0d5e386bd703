/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection: its states (see conn.h), its deadlines, its end. Nothing is freed while `stepping` is on the stack.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/conn.h"

/* Reads per step: others wait. */
enum { READS_MAX = 16, DISCARD_MAX = 1024 * 1024 };

static int64_t timeout_ms(const struct http_limits *l, enum http_wait class)
{
    switch (class) {
    case WAIT_HEAD:
        return l->header_timeout_ms;
    case WAIT_BODY:
        return l->body_timeout_ms;
    case WAIT_IDLE:
        return l->idle_timeout_ms;
    case WAIT_WRITE:
        return l->write_timeout_ms;
    case WAIT_LINGER:
        return l->linger_timeout_ms;
    case WAIT_NONE:
        break;
    }
    return 0;
}

void http_conn_wait(struct http_conn *c, enum http_wait class)
{
    struct http_server *s = c->server;
    if (c->class == class)
        return;
    list_remove(&c->wait);
    c->class = class;
    if (class == WAIT_NONE)
        return;
    c->deadline_ms = loop_now_ms(s->config.loop) + timeout_ms(&s->config.limits, class);
    list_push_back(&s->waits[class], &c->wait);
    http_server_arm(s, c->deadline_ms);
}

static void free_conn(struct http_conn *c)
{
    free(c->out);
    free(c);
}

void http_conn_close(struct http_conn *c)
{
    struct http_server *s = c->server;
    if (c->state != CONN_CLOSED) {
        loop_io_set(s->config.loop, &c->io, 0);
        if (c->tls != NULL)
            http_tls_close(c->tls);
        close(c->io.fd);
        http_conn_wait(c, WAIT_NONE);
        list_remove(&c->all);
        list_remove(&c->resume);
        http_peer_leave(s, c->peer);
        if (c->x != NULL && c->state == CONN_BUSY)
            c->x->conn = NULL; /* it is the handler's now */
        else if (c->x != NULL)
            http_exchange_release(c->x);
        c->x = NULL;
        c->state = CONN_CLOSED;
        http_stream_gone(c);
        http_server_conn_closed(s);
    }
    if (!c->stepping)
        free_conn(c);
}

static void resume_later(struct http_conn *c)
{
    struct http_server *s = c->server;
    if (list_on(&c->resume))
        return;
    list_push_back(&s->resumes, &c->resume);
    loop_timer_set(s->config.loop, &s->resume, loop_now_ms(s->config.loop));
}

/* All that has arrived is handled: waits for more, without a buffer if nothing is in it. */
static void rest(struct http_conn *c)
{
    struct http_server *s = c->server;
    if (c->x != NULL && c->x->len == 0) {
        http_exchange_release(c->x);
        c->x = NULL;
    }
    if (c->state == CONN_IDLE && c->x == NULL && s->draining) {
        http_conn_close(c);
        return;
    }
    if (c->state == CONN_IDLE)
        http_conn_wait(c, c->x != NULL ? WAIT_HEAD : WAIT_IDLE);
    if (!(c->io.interest & LOOP_READ))
        loop_io_set(s->config.loop, &c->io, LOOP_READ);
    if (c->may_read && c->tls != NULL)
        resume_later(c);
}

/* False: it needs the peer, or is over. */
static bool shake_hands(struct http_conn *c)
{
    int r = http_tls_handshake(c->tls);
    if (r == HTTP_IO_ERROR) {
        http_conn_close(c);
        return false;
    }
    unsigned interest = r == HTTP_IO_WANT_WRITE ? LOOP_READ | LOOP_WRITE : LOOP_READ;
    loop_io_set(c->server->config.loop, &c->io, interest);
    if (r != 1)
        return false;
    c->state = CONN_HEAD;
    c->may_read = true;
    return true;
}

static void step_reading(struct http_conn *c)
{
    for (int reads = 0; c->state <= CONN_BODY;) {
        enum http_progress p = http_read_advance(c);
        if (p == PROGRESS_STATE)
            continue;
        if (p == PROGRESS_AGAIN && c->may_read && reads++ < READS_MAX)
            p = http_read_fill(c);
        if (p == PROGRESS_GONE) {
            http_conn_close(c);
            return;
        }
        if (p == PROGRESS_AGAIN) {
            rest(c);
            return;
        }
    }
}

void http_conn_step(struct http_conn *c)
{
    CHECK(!c->stepping);
    c->stepping = true;
    list_remove(&c->resume);
    if (c->state != CONN_HANDSHAKE || shake_hands(c))
        step_reading(c);
    c->stepping = false;
    if (c->state == CONN_CLOSED)
        free_conn(c);
}

void http_conn_answered(struct http_conn *c)
{
    if (c->state == CONN_CLOSED) {
        free_conn(c);
    } else if (c->state == CONN_IDLE) {
        c->may_read = c->tls != NULL && http_tls_pending(c->tls);
        rest(c);
        if (c->state == CONN_IDLE && c->x != NULL)
            resume_later(c);
    }
}

/* Drops what the client still sends: a reset would take the answer from a client that reads it only when all is sent.
 */
static void discard(struct http_conn *c)
{
    ssize_t n = recv(c->io.fd, NULL, DISCARD_MAX, MSG_TRUNC); /* tcp(7): not copied */
    if (n > 0)
        c->window_bytes += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        http_conn_close(c);
}

/* The client sent something since it was last asked, and not for too long. */
static bool still_sends(struct http_conn *c)
{
    return c->state == CONN_LINGER && c->window_bytes > 0 && !c->server->draining &&
           loop_now_ms(c->server->config.loop) < c->linger_until_ms;
}

static void wait_again(struct http_conn *c)
{
    enum http_wait class = c->class;
    c->window_bytes = 0;
    http_conn_wait(c, WAIT_NONE);
    http_conn_wait(c, class);
}

static void flush(struct http_conn *c)
{
    c->stepping = true;
    http_write_flush(c);
    c->stepping = false;
    if (c->state == CONN_IDLE) {
        c->may_read = c->tls != NULL;
        http_conn_step(c);
    } else if (c->state == CONN_CLOSED) {
        free_conn(c);
    }
}

static void on_ready(struct loop_io *io, unsigned events)
{
    struct http_conn *c = CONTAINER_OF(io, struct http_conn, io);
    switch (c->state) {
    case CONN_HANDSHAKE:
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_BODY:
        c->may_read = true;
        http_conn_step(c);
        break;
    case CONN_BUSY:
        if (events & LOOP_HANGUP)
            http_conn_close(c);
        else
            loop_io_set(c->server->config.loop, io, 0); /* pipelined bytes or an end: later */
        break;
    case CONN_WRITE:
        flush(c);
        break;
    case CONN_LINGER:
        discard(c);
        break;
    case CONN_STREAM:
        http_stream_ready(c, events);
        break;
    case CONN_CLOSED:
        CHECK(c->state != CONN_CLOSED);
    }
}

void http_conn_expire(struct http_conn *c)
{
    const struct http_limits *l = &c->server->config.limits;
    if (c->state == CONN_BODY && (int64_t)c->window_bytes >= (int64_t)l->body_rate_min * l->body_timeout_ms / 1000) {
        wait_again(c);
    } else if (still_sends(c)) {
        wait_again(c);
    } else if ((c->state == CONN_HEAD || c->state == CONN_BODY) && c->x != NULL) {
        http_write_refusal(c, (struct http_refusal){.status = 408, .detail = "the request took too long to arrive"});
    } else {
        http_conn_close(c);
    }
}

void http_conn_open(struct http_server *s, int fd, const struct sockaddr_storage *address)
{
    struct http_peer *peer;
    if (!http_peer_enter(s, address, &peer)) {
        close(fd);
        return;
    }
    struct http_conn *c = mem_zalloc(1, sizeof *c);
    c->io = (struct loop_io){.fd = fd, .on_ready = on_ready};
    c->server = s;
    c->peer = peer;
    c->class = WAIT_NONE;
    c->state = CONN_HEAD;
    list_init(&c->wait);
    list_init(&c->resume);
    list_init(&c->all);
    http_peer_format(address, c->peer_text);
    if (s->config.tls != NULL) {
        c->state = CONN_HANDSHAKE;
        c->tls = http_tls_open(s->config.tls, fd);
    }
    list_push_back(&s->conns, &c->all);
    s->conn_count++;
    http_conn_wait(c, WAIT_HEAD);
    loop_io_set(s->config.loop, &c->io, LOOP_READ);
}
