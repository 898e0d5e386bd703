/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A c-ares channel on the event loop. c-ares tells which sockets it wants watched; one timer follows its time-outs.
 *
 * resolv.conf is read when the channel is made; its modification time is looked at now and then, and when it changed
 * and no question is open the channel is made anew.
 */
#include "delivery/dns.h"

#include <ares.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"

#define TRY_TIMEOUT_MS 2000
#define TRIES          3
#define CONF_PATH      "/etc/resolv.conf"
#define CONF_CHECK_MS  10000

/* Never freed before the channel, so that a socket may go away inside its own callback. */
struct dns_socket {
    struct loop_io io;
    struct dns *dns;
    struct list node;
};

struct dns {
    struct loop *loop;
    const char *server;
    ares_channel channel;
    struct list sockets;
    struct list spare_sockets;
    struct loop_timer timer;
    size_t open_questions;
    struct timespec conf_time;
    int64_t conf_checked_ms;
};

struct question {
    struct dns *dns;
    void (*on_answer)(void *arg, const struct dns_answer *a);
    void *arg;
};

static void follow_timeout(struct dns *d)
{
    struct timeval tv;
    if (ares_timeout(d->channel, NULL, &tv) == NULL)
        loop_timer_cancel(d->loop, &d->timer);
    else
        loop_timer_set(d->loop, &d->timer, loop_now_ms(d->loop) + (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

static void on_timer(struct loop_timer *t)
{
    struct dns *d = CONTAINER_OF(t, struct dns, timer);
    ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    follow_timeout(d);
}

static void on_ready(struct loop_io *io, unsigned events)
{
    struct dns_socket *s = CONTAINER_OF(io, struct dns_socket, io);
    struct dns *d = s->dns;
    bool read = (events & (LOOP_READ | LOOP_HANGUP)) != 0, write = (events & LOOP_WRITE) != 0;
    ares_process_fd(d->channel, read ? io->fd : ARES_SOCKET_BAD, write ? io->fd : ARES_SOCKET_BAD);
    follow_timeout(d);
}

static struct dns_socket *find_socket(struct dns *d, int fd)
{
    for (LIST_EACH(n, &d->sockets)) {
        struct dns_socket *s = CONTAINER_OF(n, struct dns_socket, node);
        if (s->io.fd == fd)
            return s;
    }
    return NULL;
}

static struct dns_socket *add_socket(struct dns *d, int fd)
{
    struct list *spare = list_pop_front(&d->spare_sockets);
    struct dns_socket *s;
    if (spare != NULL) {
        s = CONTAINER_OF(spare, struct dns_socket, node);
    } else {
        s = mem_zalloc(1, sizeof *s);
        list_init(&s->node);
    }
    s->dns = d;
    s->io = (struct loop_io){.fd = fd, .on_ready = on_ready};
    list_push_back(&d->sockets, &s->node);
    return s;
}

static void on_socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct dns *d = arg;
    struct dns_socket *s = find_socket(d, fd);
    unsigned interest = (readable ? LOOP_READ : 0u) | (writable ? LOOP_WRITE : 0u);
    if (s == NULL && interest == 0)
        return;
    if (s == NULL)
        s = add_socket(d, fd);
    loop_io_set(d->loop, &s->io, interest);
    if (interest == 0) {
        list_remove(&s->node);
        list_push_back(&d->spare_sockets, &s->node);
    }
}

static struct timespec read_conf_time(void)
{
    struct stat st;
    return stat(CONF_PATH, &st) == 0 ? st.st_mtim : (struct timespec){0};
}

/* Search domains are left out: a customer's name is absolute. */
static int open_channel(struct dns *d, ares_channel *out)
{
    struct ares_options o = {.flags = ARES_FLAG_NOSEARCH,
                             .timeout = TRY_TIMEOUT_MS,
                             .tries = TRIES,
                             .ndots = 1,
                             .sock_state_cb = on_socket_state,
                             .sock_state_cb_data = d};
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_SOCK_STATE_CB |
               ARES_OPT_DOMAINS;
    int status = ares_init_options(out, &o, mask);
    if (status == ARES_SUCCESS && d->server != NULL) {
        status = ares_set_servers_ports_csv(*out, d->server);
        if (status != ARES_SUCCESS)
            ares_destroy(*out);
    }
    return status;
}

static void follow_conf(struct dns *d)
{
    int64_t now_ms = loop_now_ms(d->loop);
    if (d->server != NULL || d->open_questions > 0 || now_ms - d->conf_checked_ms < CONF_CHECK_MS)
        return;
    d->conf_checked_ms = now_ms;
    struct timespec t = read_conf_time();
    if (t.tv_sec == d->conf_time.tv_sec && t.tv_nsec == d->conf_time.tv_nsec)
        return;
    ares_channel fresh;
    if (open_channel(d, &fresh) != ARES_SUCCESS)
        return;
    ares_destroy(d->channel);
    d->channel = fresh;
    d->conf_time = t;
    log_info("dns_servers_reread", LOG_CSTR("file", CONF_PATH));
}

static void read_addresses(const struct ares_addrinfo *res, struct dns_answer *a)
{
    int64_t ttl_ms = INT64_MAX;
    for (const struct ares_addrinfo_node *n = res->nodes; n != NULL && a->count < DNS_ADDRESS_MAX; n = n->ai_next) {
        if (!address_of(n->ai_addr, &a->address[a->count]))
            continue;
        a->count++;
        int64_t t = n->ai_ttl > 0 ? (int64_t)n->ai_ttl * 1000 : 0;
        ttl_ms = t < ttl_ms ? t : ttl_ms;
    }
    a->ttl_ms = ttl_ms;
}

static const char *failure_text(int status)
{
    switch (status) {
    case ARES_ENOTFOUND:
        return "no such name";
    case ARES_ENODATA:
        return "the name has no address";
    case ARES_ETIMEOUT:
        return "the DNS servers did not answer";
    case ARES_ESERVFAIL:
        return "the DNS server failed to answer";
    case ARES_EREFUSED:
        return "the DNS server refused to answer";
    case ARES_ECONNREFUSED:
        return "the DNS servers failed or cannot be reached";
    case ARES_EBADNAME:
        return "not a host name";
    default:
        return ares_strerror(status);
    }
}

static void on_addrinfo(void *arg, int status, int timeouts, struct ares_addrinfo *res)
{
    (void)timeouts;
    struct question *q = arg;
    struct dns_answer a = {.status = DNS_OK};
    if (status == ARES_SUCCESS && res != NULL)
        read_addresses(res, &a);
    if (status == ARES_SUCCESS && a.count == 0)
        status = ARES_ENODATA;
    if (status != ARES_SUCCESS) {
        bool no_name = status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME;
        a = (struct dns_answer){.status = no_name ? DNS_NO_NAME : DNS_FAILED, .text = failure_text(status)};
    }
    if (res != NULL)
        ares_freeaddrinfo(res);
    q->dns->open_questions--;
    q->on_answer(q->arg, &a);
    free(q);
}

void dns_query(struct dns *d, const char *host, void (*on_answer)(void *arg, const struct dns_answer *a), void *arg)
{
    follow_conf(d);
    struct question *q = mem_alloc(sizeof *q);
    *q = (struct question){.dns = d, .on_answer = on_answer, .arg = arg};
    d->open_questions++;
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    ares_getaddrinfo(d->channel, host, NULL, &hints, on_addrinfo, q);
    follow_timeout(d);
}

struct dns *dns_new(struct loop *l, const char *server, const char **why)
{
    struct dns *d = mem_zalloc(1, sizeof *d);
    d->loop = l;
    d->server = server;
    d->timer.on_fire = on_timer;
    d->conf_time = read_conf_time();
    d->conf_checked_ms = loop_now_ms(l);
    list_init(&d->sockets);
    list_init(&d->spare_sockets);
    int status = open_channel(d, &d->channel);
    if (status != ARES_SUCCESS) {
        *why = ares_strerror(status);
        free(d);
        return NULL;
    }
    return d;
}

void dns_free(struct dns *d)
{
    if (d == NULL)
        return;
    ares_destroy(d->channel);
    loop_timer_cancel(d->loop, &d->timer);
    list_append_all(&d->spare_sockets, &d->sockets);
    for (struct list *n; (n = list_pop_front(&d->spare_sockets)) != NULL;) {
        struct dns_socket *s = CONTAINER_OF(n, struct dns_socket, node);
        loop_io_set(d->loop, &s->io, 0);
        free(s);
    }
    free(d);
}
