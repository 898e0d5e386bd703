/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of one reactor: accepting, the timer that serves all deadlines, draining. The listening socket is shared
 * by the reactors; each takes a few connections per wake-up, so that the others get theirs.
 */
#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "http/conn.h"

enum {
    ACCEPTS_MAX = 4,
    ACCEPT_PAUSE_MS = 200,
    EVICT_IDLE_MS = 1000,
    EVICT_HEAD_MS = 3000,
    SWEEP_MIN_MS = 20,
    SHED_LOG_MS = 60000
};

const struct http_limits http_limits_default = {
        .header_bytes_max = 16 * 1024,
        .body_bytes_max = 2 * 1024 * 1024,
        .buffered_bytes_max = 64 * 1024 * 1024,
        .connections_max = 20000,
        .header_timeout_ms = 10 * TIME_SECOND_MS,
        .body_timeout_ms = 15 * TIME_SECOND_MS,
        .body_rate_min = 1024,
        .idle_timeout_ms = 75 * TIME_SECOND_MS,
        .write_timeout_ms = 30 * TIME_SECOND_MS,
        .linger_timeout_ms = TIME_SECOND_MS,
        .linger_max_ms = 30 * TIME_SECOND_MS,
};

static void set_listening(struct http_server *s)
{
    bool listen = !s->draining && !heap_on(&s->accept_again.node);
    loop_io_set(s->config.loop, &s->listener, listen ? LOOP_READ | LOOP_EXCLUSIVE : 0);
}

static void pause_accepting(struct http_server *s)
{
    struct loop *l = s->config.loop;
    loop_timer_set(l, &s->accept_again, loop_now_ms(l) + ACCEPT_PAUSE_MS);
    set_listening(s);
}

/* Waits for a request, and none has begun to arrive. */
static bool is_quiet(const struct http_conn *c)
{
    char byte;
    bool idle = c->x == NULL && (c->state == CONN_IDLE || c->state == CONN_HEAD);
    return idle && recv(c->io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

/* The connection that has waited longest in a class, and for how long; NULL: none does. */
static struct http_conn *longest(const struct http_server *s, enum http_wait class, int64_t timeout_ms,
                                 int64_t *waited_ms)
{
    struct list *n = list_first(&s->waits[class]);
    if (n == NULL)
        return NULL;
    struct http_conn *c = CONTAINER_OF(n, struct http_conn, wait);
    *waited_ms = loop_now_ms(s->config.loop) - (c->deadline_ms - timeout_ms);
    return c;
}

/*
 * Makes room for somebody who has something to say: closes the connection that has been idle longest, else the one that
 * for longest has not brought a request to the end of its headers, sooner if it has said nothing at all.
 */
static bool evict(struct http_server *s)
{
    const struct http_limits *l = &s->config.limits;
    int64_t waited_ms = 0;
    struct http_conn *c = longest(s, WAIT_IDLE, l->idle_timeout_ms, &waited_ms);
    if (c == NULL || waited_ms < EVICT_IDLE_MS || !is_quiet(c)) {
        c = longest(s, WAIT_HEAD, l->header_timeout_ms, &waited_ms);
        if (c == NULL || waited_ms < (is_quiet(c) ? EVICT_IDLE_MS : EVICT_HEAD_MS))
            return false;
    }
    http_conn_close(c);
    return true;
}

/*
 * No descriptor is left: the waiting connection is accepted on the one kept in reserve and closed, else the listener
 * would stay ready and the loop would spin. Without the reserve, accepting pauses.
 */
static void shed_connection(struct http_server *s)
{
    int64_t now_ms = loop_now_ms(s->config.loop);
    if (s->shed_log_ms == 0 || now_ms - s->shed_log_ms >= SHED_LOG_MS) {
        s->shed_log_ms = now_ms;
        log_warn("out_of_descriptors", LOG_INT("connections", s->conn_count));
    }
    if (evict(s))
        return;
    if (s->reserve_fd >= 0) {
        close(s->reserve_fd);
        int fd = accept4(s->listener.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
    }
    s->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (s->reserve_fd < 0)
        pause_accepting(s);
}

/* False: nothing more to accept now. Only the first of a batch, known to wait, is worth an eviction. */
static bool accept_one(struct http_server *s, bool first)
{
    struct sockaddr_storage a = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof a;
    if (s->conn_count >= (size_t)s->config.limits.connections_max) {
        if (!first)
            return false;
        if (!evict(s)) {
            pause_accepting(s);
            return false;
        }
    }
    int fd = accept4(s->listener.fd, (struct sockaddr *)&a, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        http_conn_open(s, fd, &a);
    else if (errno == EMFILE || errno == ENFILE)
        shed_connection(s);
    else if (errno == ENOBUFS || errno == ENOMEM)
        pause_accepting(s);
    return fd >= 0 || errno != EAGAIN;
}

/* Watching anew puts this loop behind the others in the kernel's queue: they get the next connections. */
static void on_accept(struct loop_io *io, unsigned events)
{
    struct http_server *s = CONTAINER_OF(io, struct http_server, listener);
    (void)events;
    int accepted = 0;
    while (accepted < ACCEPTS_MAX && io->interest != 0 && accept_one(s, accepted == 0))
        accepted++;
    if (accepted > 0) {
        loop_io_set(s->config.loop, io, 0);
        set_listening(s);
    }
}

static void on_accept_again(struct loop_timer *t)
{
    set_listening(CONTAINER_OF(t, struct http_server, accept_again));
}

void http_server_conn_closed(struct http_server *s)
{
    s->conn_count--;
    if (!s->gone && heap_on(&s->accept_again.node)) { /* there is room again */
        loop_timer_cancel(s->config.loop, &s->accept_again);
        set_listening(s);
    }
}

void http_server_arm(struct http_server *s, int64_t deadline_ms)
{
    if (!heap_on(&s->sweep.node) || s->sweep.node.key > deadline_ms)
        loop_timer_set(s->config.loop, &s->sweep, deadline_ms);
}

static void on_sweep(struct loop_timer *t)
{
    struct http_server *s = CONTAINER_OF(t, struct http_server, sweep);
    int64_t now_ms = loop_now_ms(s->config.loop);
    int64_t next_ms = TIME_NEVER;
    for (size_t i = 0; i < WAIT_COUNT; i++) {
        struct list *n;
        while ((n = list_first(&s->waits[i])) != NULL) {
            struct http_conn *c = CONTAINER_OF(n, struct http_conn, wait);
            if (c->deadline_ms > now_ms) {
                next_ms = c->deadline_ms < next_ms ? c->deadline_ms : next_ms;
                break;
            }
            http_conn_expire(c);
        }
    }
    if (next_ms != TIME_NEVER)
        http_server_arm(s, next_ms > now_ms + SWEEP_MIN_MS ? next_ms : now_ms + SWEEP_MIN_MS);
}

static void on_resume(struct loop_timer *t)
{
    struct http_server *s = CONTAINER_OF(t, struct http_server, resume);
    struct list batch;
    struct list *n;
    list_init(&batch);
    list_append_all(&batch, &s->resumes);
    while ((n = list_pop_front(&batch)) != NULL)
        http_conn_step(CONTAINER_OF(n, struct http_conn, resume));
}

struct http_server *http_server_new(const struct http_server_config *config)
{
    struct http_server *s = mem_zalloc(1, sizeof *s);
    int one = 1;
    const struct http_limits *l = &config->limits;
    CHECK(l->header_bytes_max > 0 && l->connections_max > 0 && l->header_timeout_ms > 0 && l->body_timeout_ms > 0 &&
          l->idle_timeout_ms > 0 && l->write_timeout_ms > 0 && l->linger_timeout_ms > 0);
    s->config = *config;
    s->listener = (struct loop_io){.fd = config->listen_fd, .on_ready = on_accept};
    s->sweep.on_fire = on_sweep;
    s->resume.on_fire = on_resume;
    s->accept_again.on_fire = on_accept_again;
    for (size_t i = 0; i < WAIT_COUNT; i++)
        list_init(&s->waits[i]);
    list_init(&s->conns);
    list_init(&s->resumes);
    list_init(&s->pool);
    table_init(&s->peers);
    CHECK(getrandom(&s->peer_key, sizeof s->peer_key, 0) == (ssize_t)sizeof s->peer_key);
    s->date_second = -1;
    s->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setsockopt(config->listen_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* accepted sockets inherit it */
    set_listening(s);
    return s;
}

void http_server_drain(struct http_server *s)
{
    s->draining = true;
    set_listening(s);
    for (LIST_EACH_SAFE(n, tmp, &s->conns)) {
        struct http_conn *c = CONTAINER_OF(n, struct http_conn, all);
        if (c->state == CONN_HANDSHAKE || c->state == CONN_STREAM || is_quiet(c))
            http_conn_close(c);
    }
}

size_t http_server_connections(const struct http_server *s)
{
    return s->conn_count;
}

void http_server_unref(struct http_server *s)
{
    if (!s->gone || s->live > 0)
        return;
    table_fini(&s->peers);
    free(s);
}

void http_server_free(struct http_server *s)
{
    if (s == NULL)
        return;
    struct loop *l = s->config.loop;
    s->gone = true; /* nothing is pooled from here on */
    loop_io_set(l, &s->listener, 0);
    for (LIST_EACH_SAFE(n, tmp, &s->conns))
        http_conn_close(CONTAINER_OF(n, struct http_conn, all));
    loop_timer_cancel(l, &s->sweep);
    loop_timer_cancel(l, &s->resume);
    loop_timer_cancel(l, &s->accept_again);
    struct list *n;
    while ((n = list_pop_front(&s->pool)) != NULL)
        free(CONTAINER_OF(n, struct http_exchange, link));
    buf_fini(&s->out);
    if (s->reserve_fd >= 0)
        close(s->reserve_fd);
    http_server_unref(s);
}
