/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of our own HTTP/1.1. An idle one stays watched, so that taking and keeping it costs no system call; what
 * arrives on it meanwhile, mostly its end, closes it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "delivery/client_impl.h"

#define SWEEP_MS 5000

static void on_io(struct loop_io *io, unsigned events)
{
    struct h1_conn *c = CONTAINER_OF(io, struct h1_conn, io);
    if (c->t == NULL)
        h1_pool_close(c);
    else
        c->pool->on_ready(c->t, events);
}

static uint64_t hash_host(struct str host)
{
    return hash_sip((struct hash_key){0}, host.ptr, host.len);
}

static struct list *bucket_of(struct h1_pool *p, uint64_t hash)
{
    return &p->buckets[hash % H1_BUCKETS];
}

static void leave_idle(struct h1_conn *c)
{
    if (!list_on(&c->in_idle))
        return;
    list_remove(&c->in_bucket);
    list_remove(&c->in_idle);
    c->pool->idle_count--;
}

static bool is_too_old(const struct h1_conn *c, int64_t now_ms)
{
    return now_ms - c->idle_ms > CONNECTION_IDLE_MAX_S * 1000 ||
           now_ms - c->opened_ms > CONNECTION_LIFETIME_MAX_S * 1000;
}

static void on_sweep(struct loop_timer *timer)
{
    struct h1_pool *p = CONTAINER_OF(timer, struct h1_pool, sweep);
    int64_t now_ms = loop_now_ms(p->loop);
    for (struct list *n; (n = list_first(&p->idle)) != NULL;) {
        struct h1_conn *c = CONTAINER_OF(n, struct h1_conn, in_idle);
        if (!is_too_old(c, now_ms))
            break;
        h1_pool_close(c);
    }
    if (p->idle_count > 0)
        loop_timer_set(p->loop, &p->sweep, now_ms + SWEEP_MS);
}

static bool is_for(const struct h1_conn *c, uint64_t hash, struct str host, const struct address *to)
{
    return c->hash == hash && str_eq(str_of(c->host, c->host_len), host) && address_same_ip(&c->peer, to) &&
           address_port(&c->peer) == address_port(to);
}

struct h1_conn *h1_pool_take(struct h1_pool *p, struct str host, const struct address *to)
{
    uint64_t hash = hash_host(host);
    int64_t now_ms = loop_now_ms(p->loop);
    for (LIST_EACH_SAFE(n, next, bucket_of(p, hash))) {
        struct h1_conn *c = CONTAINER_OF(n, struct h1_conn, in_bucket);
        if (!is_for(c, hash, host, to))
            continue;
        if (is_too_old(c, now_ms)) {
            h1_pool_close(c);
            continue;
        }
        leave_idle(c);
        return c;
    }
    return NULL;
}

static int open_socket(struct h1_pool *p, const struct address *to)
{
    int one = 1, fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return -1;
    if (sockets_bind(p->sockets, fd, to->sa.sa_family) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

struct h1_conn *h1_pool_connect(struct h1_pool *p, struct str host, const struct address *to, bool *opened)
{
    int fd = open_socket(p, to);
    *opened = fd >= 0;
    if (fd < 0)
        return NULL;
    if (connect(fd, &to->sa, address_len(to)) != 0 && errno != EINPROGRESS) {
        int saved = errno;
        close(fd);
        errno = saved;
        return NULL;
    }
    struct h1_conn *c = mem_alloc(sizeof *c + host.len);
    *c = (struct h1_conn){.io = {.fd = fd, .on_ready = on_io},
                          .pool = p,
                          .peer = *to,
                          .hash = hash_host(host),
                          .opened_ms = loop_now_ms(p->loop),
                          .host_len = host.len};
    memcpy(c->host, host.ptr, host.len);
    list_init(&c->in_bucket);
    list_init(&c->in_idle);
    loop_io_set(p->loop, &c->io, LOOP_WRITE);
    return c;
}

static void trim(struct h1_pool *p)
{
    size_t half = p->idle_max / 2, left = p->others < p->idle_max ? p->idle_max - p->others : 0;
    size_t most = left > half ? left : half;
    while (p->idle_count > most)
        h1_pool_close(CONTAINER_OF(list_first(&p->idle), struct h1_conn, in_idle));
}

void h1_pool_share(struct h1_pool *p, size_t others)
{
    p->others = others;
    trim(p);
}

void h1_pool_keep(struct h1_conn *c)
{
    struct h1_pool *p = c->pool;
    int64_t now_ms = loop_now_ms(p->loop);
    c->t = NULL;
    c->idle_ms = now_ms;
    if (is_too_old(c, now_ms)) {
        h1_pool_close(c);
        return;
    }
    if (c->io.interest != LOOP_READ)
        loop_io_set(p->loop, &c->io, LOOP_READ);
    list_push_front(bucket_of(p, c->hash), &c->in_bucket);
    list_push_back(&p->idle, &c->in_idle);
    p->idle_count++;
    if (!heap_on(&p->sweep.node))
        loop_timer_set(p->loop, &p->sweep, now_ms + SWEEP_MS);
    trim(p);
}

void h1_pool_close(struct h1_conn *c)
{
    leave_idle(c);
    loop_io_set(c->pool->loop, &c->io, 0);
    close(c->io.fd);
    free(c);
}

void h1_pool_init(struct h1_pool *p, struct loop *l, struct sockets *s, size_t idle_max)
{
    p->loop = l;
    p->sockets = s;
    p->idle_max = idle_max;
    p->on_ready = h1_on_ready;
    p->sweep.on_fire = on_sweep;
    list_init(&p->idle);
    for (size_t i = 0; i < H1_BUCKETS; i++)
        list_init(&p->buckets[i]);
}

void h1_pool_fini(struct h1_pool *p)
{
    for (struct list *n; (n = list_first(&p->idle)) != NULL;)
        h1_pool_close(CONTAINER_OF(n, struct h1_conn, in_idle));
    loop_timer_cancel(p->loop, &p->sweep);
}
