/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the benchmark programs share: the clock, a histogram of latencies, sockets on the loopback address. They are
 * tools: what goes wrong ends them with status 3 and a line on standard error.
 */
#ifndef PR_BENCH_COMMON_H
#define PR_BENCH_COMMON_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* One clock for all programs of a run: the payload carries it from the load generator to the receiver. */
static inline int64_t bench_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- latencies ---- */

/* Buckets of 1/32 of a power of two: at most 3 % wide. Microseconds. */
#define BENCH_BUCKETS (40 * 32)

struct bench_histogram {
    uint64_t count;
    int64_t max_us;
    uint64_t buckets[BENCH_BUCKETS];
};

static inline unsigned bench_bucket(int64_t us)
{
    if (us < 32)
        return us < 0 ? 0 : (unsigned)us;
    unsigned log2 = 63u - (unsigned)__builtin_clzll((unsigned long long)us);
    unsigned i = (log2 - 4) * 32 + ((unsigned)(us >> (log2 - 5)) & 31u);
    return i < BENCH_BUCKETS ? i : BENCH_BUCKETS - 1;
}

static inline void bench_add(struct bench_histogram *h, int64_t us)
{
    h->count++;
    h->buckets[bench_bucket(us)]++;
    if (us > h->max_us)
        h->max_us = us;
}

/* The upper bound of the bucket in which the share (0..1) lies, microseconds. */
static inline int64_t bench_quantile(const struct bench_histogram *h, double share)
{
    uint64_t want = (uint64_t)((double)h->count * share), seen = 0;
    for (unsigned i = 0; i < BENCH_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen > want)
            return i < 32 ? i : ((int64_t)32 + i % 32 + 1) << (i / 32 + 4 - 5);
    }
    return h->max_us;
}

/* ---- what cannot fail ---- */

static inline void bench_check(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(3);
}

static inline void *bench_alloc(size_t size)
{
    void *p = calloc(1, size);
    bench_check(p != NULL, "calloc");
    return p;
}

/* Before anything else: writing to a closed connection is an error, not a signal; as many descriptors as are allowed.
 */
static inline void bench_init(void)
{
    struct rlimit lim;
    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
        lim.rlim_cur = lim.rlim_max;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
}

/* ---- sockets ---- */

static inline void bench_nodelay(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* A non-blocking listener on a free port of 127.0.0.1. */
static inline int bench_listen(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bench_check(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 4096) == 0, "listen");
    bench_check(getsockname(fd, (struct sockaddr *)&a, &len) == 0, "getsockname");
    *port = ntohs(a.sin_port);
    return fd;
}

/* A non-blocking connection to 127.0.0.1. */
static inline int bench_connect(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bench_check(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0, "connect");
    bench_nodelay(fd);
    bench_check(ioctl(fd, FIONBIO, &on) == 0, "ioctl");
    return fd;
}

/* -1: no more are waiting. */
static inline int bench_accept(int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        bench_nodelay(fd);
    return fd;
}

static inline void bench_watch(int epoll_fd, int fd, void *what)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = what};
    bench_check(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0, "epoll_ctl");
}

#endif
