/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curl's sockets on the event loop.
 *
 * Between two requests curl stops watching a kept-alive connection and starts again with the next; the watch stays,
 * which spares two system calls per delivery. What then arrives on an idle connection (its end, mostly) ends the watch;
 * curl finds out itself when it wants to use the connection.
 *
 * A TLS handshake costs about a millisecond: past a budget per turn the others wait for the next one, so that healthy
 * connections get their turn in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "delivery/client_impl.h"

#define HANDSHAKES_PER_TURN 16

static bool over_budget(struct sockets *s)
{
    int64_t now_ms = loop_now_ms(s->loop);
    if (now_ms != s->turn_ms) {
        s->turn_ms = now_ms;
        s->handshakes = 0;
    }
    return ++s->handshakes > HANDSHAKES_PER_TURN;
}

static void on_io(struct loop_io *io, unsigned events)
{
    struct socket *k = CONTAINER_OF(io, struct socket, io);
    struct sockets *s = &k->lane->client->sockets;
    if (k->wanted == 0) {
        loop_io_set(s->loop, io, 0);
        return;
    }
    if (k->handshaking && over_budget(s))
        return;
    if (events & LOOP_HANGUP)
        events |= k->wanted;
    int curl_events = ((events & LOOP_READ) ? CURL_CSELECT_IN : 0) | ((events & LOOP_WRITE) ? CURL_CSELECT_OUT : 0);
    s->on_ready(k->lane, io->fd, curl_events);
}

static struct socket *get_socket(struct sockets *s, struct lane *lane, int fd)
{
    if ((size_t)fd >= s->cap) {
        size_t cap = s->cap * 2 > (size_t)fd ? s->cap * 2 : (size_t)fd + 64;
        s->by_fd = mem_realloc(s->by_fd, cap * sizeof(struct socket *));
        memset(s->by_fd + s->cap, 0, (cap - s->cap) * sizeof(struct socket *));
        s->cap = cap;
    }
    if (s->by_fd[fd] != NULL)
        return s->by_fd[fd];
    struct list *spare = list_pop_front(&s->spare);
    struct socket *k = spare != NULL ? CONTAINER_OF(spare, struct socket, node) : mem_alloc(sizeof *k);
    *k = (struct socket){.lane = lane, .io = {.fd = fd, .on_ready = on_io}};
    list_init(&k->node);
    s->by_fd[fd] = k;
    return k;
}

/* Kept for reuse, never freed while the loop runs: this may happen inside the socket's own callback. */
static void drop_socket(struct sockets *s, int fd)
{
    struct socket *k = s->by_fd[fd];
    loop_io_set(s->loop, &k->io, 0);
    s->by_fd[fd] = NULL;
    list_push_front(&s->spare, &k->node);
}

void sockets_watch(struct sockets *s, struct lane *lane, curl_socket_t fd, int what)
{
    struct socket *k = get_socket(s, lane, fd);
    k->wanted = what == CURL_POLL_IN      ? LOOP_READ
                : what == CURL_POLL_OUT   ? LOOP_WRITE
                : what == CURL_POLL_INOUT ? LOOP_READ | LOOP_WRITE
                                          : 0;
    if (what == CURL_POLL_REMOVE) {
        if (!k->own)
            drop_socket(s, fd);
        else if (k->io.interest & LOOP_WRITE)
            loop_io_set(s->loop, &k->io, 0);
    } else if (k->io.interest != k->wanted) {
        loop_io_set(s->loop, &k->io, k->wanted);
    }
}

int sockets_bind(struct sockets *s, int fd, int family)
{
    if (s->bind_count == 0)
        return 0;
    for (size_t i = 0; i < s->bind_count; i++) {
        const struct address *a = &s->bind[s->next_bind++ % s->bind_count];
        if (a->sa.sa_family != family)
            continue;
        int one = 1;
        (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        return bind(fd, &a->sa, address_len(a));
    }
    errno = EADDRNOTAVAIL;
    return -1;
}

curl_socket_t sockets_open(struct sockets *s, struct lane *lane, const struct curl_sockaddr *a, bool tls, bool bound)
{
    int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (bound && sockets_bind(s, fd, a->family) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return CURL_SOCKET_BAD;
    }
    struct socket *k = get_socket(s, lane, fd);
    k->own = true;
    s->own_count++;
    k->handshaking = tls;
    return fd;
}

void sockets_handshake_done(struct sockets *s, int fd)
{
    if (fd >= 0 && (size_t)fd < s->cap && s->by_fd[fd] != NULL)
        s->by_fd[fd]->handshaking = false;
}

int sockets_close(struct sockets *s, curl_socket_t fd)
{
    if ((size_t)fd < s->cap && s->by_fd[fd] != NULL) {
        s->own_count -= s->by_fd[fd]->own;
        drop_socket(s, fd);
    }
    return close(fd);
}

bool sockets_init(struct sockets *s, struct loop *l, const char *const *bind, const char **why)
{
    s->loop = l;
    list_init(&s->spare);
    size_t n = 0;
    while (bind != NULL && bind[n] != NULL)
        n++;
    if (n == 0)
        return true;
    s->bind = mem_zalloc(n, sizeof *s->bind);
    for (; s->bind_count < n; s->bind_count++) {
        if (!address_parse(str_c(bind[s->bind_count]), 0, &s->bind[s->bind_count])) {
            *why = "a source address to send from is not an IP address";
            return false;
        }
    }
    return true;
}

void sockets_fini(struct sockets *s)
{
    for (size_t fd = 0; fd < s->cap; fd++)
        if (s->by_fd[fd] != NULL)
            drop_socket(s, (int)fd);
    for (struct list *n; (n = list_pop_front(&s->spare)) != NULL;)
        free(CONTAINER_OF(n, struct socket, node));
    free(s->by_fd);
    free(s->bind);
}
