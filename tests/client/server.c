/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server with one thread on loopback, mostly ill-behaved.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

#include "delivery/address.h"

static void reset_connection(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

static bool wait_for(struct server *s, int fd, short events)
{
    struct pollfd p[] = {{.fd = fd, .events = events}, {.fd = s->stop[0], .events = POLLIN}};
    return poll(p, 2, 20000) > 0 && p[1].revents == 0;
}

/* An idle connection gives way to a new one: there is one thread. */
static bool is_idle_and_awaited(struct server *s, int fd)
{
    struct pollfd p[] = {
            {.fd = fd, .events = POLLIN}, {.fd = s->fd, .events = POLLIN}, {.fd = s->stop[0], .events = POLLIN}};
    return poll(p, 3, 20000) > 0 && p[0].revents == 0;
}

/* One request into s->request; false at the end of the connection. */
static bool read_request(struct server *s, int fd)
{
    size_t len = 0, want = 0;
    while (want == 0 || len < want) {
        if (!wait_for(s, fd, POLLIN))
            return false;
        ssize_t n = read(fd, s->request + len, sizeof s->request - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        s->request[len] = '\0';
        char *end = strstr(s->request, "\r\n\r\n");
        if (want == 0 && end != NULL) {
            const char *cl = strcasestr(s->request, "content-length:");
            want = (size_t)(end + 4 - s->request) + (cl != NULL ? strtoul(cl + 15, NULL, 10) : 0);
        }
    }
    s->request_len = len;
    if (atomic_fetch_add(&s->requests, 1) == 0)
        snprintf(s->first, sizeof s->first, "%.4000s", s->request);
    return true;
}

static bool send_all(struct server *s, int fd, struct str bytes)
{
    while (bytes.len > 0) {
        if (!wait_for(s, fd, POLLOUT))
            return false;
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0)
            return false;
        bytes = str_skip(bytes, (size_t)n);
    }
    return true;
}

/* The answer again and again, some of them at a time. */
static void send_endlessly(struct server *s, int fd)
{
    char many[8192];
    size_t len = 0;
    for (; len + s->answer.len <= sizeof many; len += s->answer.len)
        memcpy(many + len, s->answer.ptr, s->answer.len);
    while (send_all(s, fd, str_of(many, len))) {
    }
}

static void serve_connection(struct server *s, int fd)
{
    if (s->after == BEFORE_ACCEPTED) {
        reset_connection(fd);
        return;
    }
    if (s->after == BEFORE_NOTHING)
        (void)wait_for(s, -1, 0);
    int served = 0;
    while (s->after != BEFORE_NOTHING && !(served > 0 && is_idle_and_awaited(s, fd)) && read_request(s, fd)) {
        if (s->after == BEFORE_RESET) {
            reset_connection(fd);
            return;
        }
        if (s->after == BEFORE_CLOSE || (s->after == FIRST_ONLY && served > 0) || !send_all(s, fd, s->once) ||
            !send_all(s, fd, s->answer))
            break;
        served++;
        if (s->after == AFTER_REPEAT)
            send_endlessly(s, fd);
        if (s->after == AFTER_RESET) {
            reset_connection(fd);
            return;
        }
        if (s->after == AFTER_HANG)
            (void)wait_for(s, -1, 0);
        if (s->after != AFTER_KEEP && s->after != FIRST_ONLY)
            break;
    }
    close(fd);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    while (wait_for(s, s->fd, POLLIN)) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        int fd = accept(s->fd, (struct sockaddr *)&peer, &len);
        if (fd < 0)
            continue;
        s->peer = ntohl(peer.sin_addr.s_addr);
        atomic_fetch_add(&s->connections, 1);
        serve_connection(s, fd);
    }
    return NULL;
}

void server_start(struct server *s, const char *ip, struct str answer, enum after after)
{
    struct address a;
    socklen_t len = sizeof a;
    int one = 1;
    s->answer = answer;
    s->after = after;
    assert_true(address_parse(str_c(ip), s->port, &a));
    s->fd = socket(a.sa.sa_family, SOCK_STREAM, 0);
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(s->fd, &a.sa, address_len(&a)), 0);
    assert_int_equal(listen(s->fd, 64), 0);
    assert_int_equal(getsockname(s->fd, &a.sa, &len), 0);
    s->port = ntohs(a.sa.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
    assert_int_equal(pipe(s->stop), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

void server_stop(struct server *s)
{
    assert_int_equal(write(s->stop[1], "", 1), 1);
    pthread_join(s->thread, NULL);
    close(s->fd);
    close(s->stop[0]);
    close(s->stop[1]);
}
