/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange on a connection of our own:
 *
 *   h1_start -> kept connection -> sending and reading -> ended
 *            \-> connecting ----/          |
 *                   ^--- nothing came on a kept one: once more, on a fresh one
 *
 * In the steady state that is one sendmsg and one recv. The guard is asked before a connection is opened and before a
 * request goes out on one that was kept. An exchange is ended by client_ended, after which it may be gone: every
 * function here that may get there says so by returning false.
 */
#include <errno.h>
#include <sys/uio.h>

#include "delivery/client_impl.h"
#include "sys/clock.h"

#define RECEIVES_PER_TURN 16

void h1_leave(struct transfer *t)
{
    struct h1 *h = &t->h1;
    h1_wheel_remove(&t->client->wheel, &h->due);
    if (h->conn != NULL)
        h1_pool_close(h->conn);
    h->conn = NULL;
    h->connecting = false;
}

/* The last word; always false. */
static bool end(struct transfer *t, enum h1_end how, int os_error)
{
    struct h1 *h = &t->h1;
    if (how == H1_ENDED_WELL && h->answer.reusable && h->sent == h->total) {
        h1_pool_keep(h->conn);
        h->conn = NULL;
    }
    outcome_of_h1(t, how, os_error);
    h1_leave(t);
    client_ended(t);
    return false;
}

static bool start_fresh(struct transfer *t);

/* A kept connection that ends before any of an answer was closed by the peer just as we sent. */
static bool end_closed(struct transfer *t, int os_error)
{
    struct h1 *h = &t->h1;
    if (!h->reused || h->answer.received || h->fresh)
        return end(t, H1_ENDED_CLOSED, os_error);
    h->fresh = true;
    h1_leave(t);
    transfer_restart(t);
    return start_fresh(t);
}

static bool take(struct transfer *t, char *bytes, size_t len)
{
    switch (h1_answer_take(t, bytes, len)) {
    case H1_MORE:
        return true;
    case H1_DONE:
        return end(t, H1_ENDED_WELL, 0);
    case H1_STOPPED:
        return end(t, H1_ENDED_EARLY, 0);
    case H1_INVALID:
        return end(t, H1_ENDED_INVALID, 0);
    case H1_TOO_LONG:
        break;
    }
    return end(t, H1_ENDED_TOO_LONG, 0);
}

static bool receive(struct transfer *t)
{
    struct client *c = t->client;
    for (int i = 0; i < RECEIVES_PER_TURN; i++) {
        ssize_t n = recv(t->h1.conn->io.fd, c->received, sizeof c->received, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return t->h1.send_errno == 0 || end_closed(t, t->h1.send_errno);
        if (n < 0)
            return end_closed(t, errno);
        if (n == 0 && h1_answer_ends(&t->h1.answer))
            return end(t, H1_ENDED_WELL, 0);
        if (n == 0)
            return end_closed(t, t->h1.send_errno);
        if (!take(t, c->received, (size_t)n))
            return false;
        if ((size_t)n < sizeof c->received && t->h1.send_errno == 0)
            return true;
    }
    return true;
}

/* Head and body slices behind what was sent. */
static size_t gather(const struct transfer *t, struct iovec v[4])
{
    size_t skip = t->h1.sent, count = 0;
    struct str part = buf_str(&t->h1.head);
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            part = t->request->body[i - 1];
        size_t passed = skip < part.len ? skip : part.len;
        skip -= passed;
        if (part.len > passed)
            v[count++] =
                    (struct iovec){.iov_base = (void *)(uintptr_t)(part.ptr + passed), .iov_len = part.len - passed};
    }
    return count;
}

/* As much as the connection takes. If it broke, what the peer had said before is read first. */
static bool send_more(struct transfer *t)
{
    struct h1 *h = &t->h1;
    bool at_once = h->sent == 0;
    while (h->sent < h->total) {
        struct iovec v[4];
        struct msghdr m = {.msg_iov = v, .msg_iovlen = gather(t, v)};
        ssize_t n = sendmsg(h->conn->io.fd, &m, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            loop_io_set(t->client->loop, &h->conn->io, LOOP_READ | LOOP_WRITE);
            return true;
        }
        if (n < 0) {
            h->send_errno = errno;
            return receive(t);
        }
        h->sent += (size_t)n;
        if (h->sent < h->total)
            at_once = false;
    }
    if (!at_once)
        t->body_sent_us = clock_mono_us();
    if (h->conn->io.interest != LOOP_READ)
        loop_io_set(t->client->loop, &h->conn->io, LOOP_READ);
    return true;
}

static bool begin_request(struct transfer *t)
{
    struct h1 *h = &t->h1;
    h->sent = 0;
    h->send_errno = 0;
    h1_answer_begin(&h->answer, str_eq(t->request->method, STR("HEAD")));
    h1_wheel_set(&t->client->wheel, &h->due, t->deadline_us / 1000);
    t->ready = true;
    t->ready_us = clock_mono_us();
    return send_more(t);
}

static bool start_fresh(struct transfer *t)
{
    struct client *c = t->client;
    struct h1 *h = &t->h1;
    const struct address *to = &t->guard.address[t->guard.at];
    h->reused = false;
    bool opened = false;
    if (!guard_permits_connection(&t->guard, &to->sa))
        return end(t, H1_ENDED_UNCONNECTED, 0);
    h->conn = h1_pool_connect(&c->pool, t->target.host, to, &opened);
    t->opened = opened;
    if (h->conn == NULL) {
        t->open_errno = opened ? 0 : errno;
        return end(t, H1_ENDED_UNCONNECTED, errno);
    }
    h->conn->t = t;
    h->connecting = true;
    h1_wheel_set(&c->wheel, &h->due, clock_mono_ms() + transfer_connect_ms(t));
    return true;
}

static bool on_connected(struct transfer *t)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(t->h1.conn->io.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error != 0)
        return end(t, error == ECONNRESET || error == EPIPE ? H1_ENDED_CLOSED : H1_ENDED_UNCONNECTED, error);
    t->h1.connecting = false;
    return begin_request(t);
}

void h1_start(struct transfer *t)
{
    struct h1 *h = &t->h1;
    transfer_restart(t);
    if (t->deadline_us - clock_mono_us() <= 0) {
        (void)end(t, H1_ENDED_TIMEOUT, 0);
        return;
    }
    const struct address *to = &t->guard.address[t->guard.at];
    h->conn = h->fresh ? NULL : h1_pool_take(&t->client->pool, t->target.host, to);
    if (h->conn == NULL) {
        (void)start_fresh(t);
        return;
    }
    h->conn->t = t;
    h->reused = true;
    if (guard_permits_connection(&t->guard, &h->conn->peer.sa))
        (void)begin_request(t);
    else
        (void)end(t, H1_ENDED_UNCONNECTED, 0);
}

void h1_on_ready(struct transfer *t, unsigned events)
{
    if (t->h1.connecting) {
        (void)on_connected(t);
        return;
    }
    if ((events & (LOOP_READ | LOOP_HANGUP)) && !receive(t))
        return;
    if (events & LOOP_WRITE)
        (void)send_more(t);
}

void h1_on_due(struct h1_due *d)
{
    struct transfer *t = CONTAINER_OF(d, struct transfer, h1.due);
    (void)end(t, H1_ENDED_TIMEOUT, 0);
}
