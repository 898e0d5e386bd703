/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: the least that a durable webhook sender can do on this machine. It receives, appends to a log with
 * fdatasync in groups, answers, signs, sends, reads the answer and makes the outcome durable the same way. No
 * configuration, no retries, no log to look at, no restart.
 *
 * usage: floor LOG LOG_MIB ANSWER_BYTES CONNECTIONS PORT…
 * Listens on a free port and prints {"port":N}; delivers on CONNECTIONS connections spread over the receiver's PORTs.
 *
 * Invariants: 1. Nothing is answered or delivered before the fdatasync that covers it has returned.
 * 2. One group is being written while the next one fills: no timer, no delay when idle.
 * 3. The reactor owns everything but the group that the commit thread writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <http_parser.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "base/hash.h"
#include "bench_common.h"

#define BODY_MAX   4096
#define ANSWER_MAX 4096

struct conn;

struct event {
    struct event *next;
    struct conn *from;
    uint64_t number;
    size_t len;
    char body[BODY_MAX];
};

enum kind { LISTENER, COMMITTED, INGEST, DELIVERY };

struct conn {
    struct conn *next_idle;
    enum kind kind;
    int fd, port;
    bool closed;
    unsigned waiting; /* events of it that are being committed */
    http_parser parser;
    struct event *event; /* being read (INGEST) or delivered (DELIVERY) */
};

/* What one fdatasync covers. */
struct group {
    char *bytes;
    size_t len, cap;
    struct event *accepted, **accepted_last;
};

struct record_head {
    uint32_t len, kind;
    uint64_t number, time, status, checksum;
};

struct floor {
    int epoll_fd, event_fd, log_fd;
    off_t log_at, log_size;
    struct group groups[2];
    unsigned filling;
    bool writing;
    struct event *due, **due_last, *free_events;
    struct conn *idle;
    uint64_t last_number;
    EVP_MAC_CTX *mac;
    char answer[ANSWER_MAX + 256];
    size_t answer_len;

    pthread_mutex_t lock;
    pthread_cond_t work;
    struct group *to_write; /* under the lock */
};

static struct floor me = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER};

/* ---- the log ---- */

static void append(uint32_t kind, const struct event *e, uint64_t status, const char *body, size_t len)
{
    struct group *g = &me.groups[me.filling];
    struct record_head h = {.len = (uint32_t)len, .kind = kind, .number = e->number, .status = status};
    h.time = (uint64_t)bench_now_us();
    h.checksum = hash_sip((struct hash_key){h.number, h.time}, body, len);
    if (g->len + sizeof h + len > g->cap) {
        g->cap = 2 * (g->cap + sizeof h + len);
        g->bytes = realloc(g->bytes, g->cap);
        bench_check(g->bytes != NULL, "realloc");
    }
    memcpy(g->bytes + g->len, &h, sizeof h);
    memcpy(g->bytes + g->len + sizeof h, body, len);
    g->len += sizeof h + len;
}

/* On the commit thread. The log is a ring: its blocks exist, so that fdatasync writes data and no metadata. */
static void write_group(const struct group *g)
{
    if (me.log_at + (off_t)g->len > me.log_size)
        me.log_at = 0;
    bench_check(pwrite(me.log_fd, g->bytes, g->len, me.log_at) == (ssize_t)g->len, "log");
    bench_check(fdatasync(me.log_fd) == 0, "fdatasync");
    me.log_at += (off_t)g->len;
}

static void *commit_run(void *arg)
{
    (void)arg;
    for (;;) {
        pthread_mutex_lock(&me.lock);
        while (me.to_write == NULL)
            pthread_cond_wait(&me.work, &me.lock);
        struct group *g = me.to_write;
        me.to_write = NULL;
        pthread_mutex_unlock(&me.lock);
        write_group(g);
        bench_check(eventfd_write(me.event_fd, 1) == 0, "eventfd");
    }
    return NULL;
}

static void commit_step(void)
{
    struct group *g = &me.groups[me.filling];
    if (me.writing || g->len == 0)
        return;
    me.writing = true;
    me.filling ^= 1;
    pthread_mutex_lock(&me.lock);
    me.to_write = g;
    pthread_cond_signal(&me.work);
    pthread_mutex_unlock(&me.lock);
}

static void log_open(const char *path, int mib)
{
    static char zeros[1 << 20];
    me.log_fd = open(path, O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
    bench_check(me.log_fd >= 0, path);
    for (int i = 0; i < mib; i++)
        bench_check(write(me.log_fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros, path);
    bench_check(fsync(me.log_fd) == 0, path);
    me.log_size = (off_t)mib << 20;
}

/* ---- out ---- */

static void sign(const struct event *e, const char *id, const char *time, char out[64])
{
    unsigned char mac[32];
    size_t len = 0;
    char prefix[96];
    int n = snprintf(prefix, sizeof prefix, "%s.%s.", id, time);
    bench_check(EVP_MAC_init(me.mac, NULL, 0, NULL) == 1 &&
                        EVP_MAC_update(me.mac, (const unsigned char *)prefix, (size_t)n) == 1 &&
                        EVP_MAC_update(me.mac, (const unsigned char *)e->body, e->len) == 1 &&
                        EVP_MAC_final(me.mac, mac, &len, sizeof mac) == 1,
                "EVP_MAC");
    EVP_EncodeBlock((unsigned char *)out, mac, (int)len);
}

/* The headers that Postrider sends, so that the requests have the same size. */
static void deliver(struct conn *c, struct event *e)
{
    char id[48], time_text[24], signature[64], head[768];
    snprintf(id, sizeof id, "msg_%027llu", (unsigned long long)e->number);
    snprintf(time_text, sizeof time_text, "%lld", (long long)time(NULL));
    sign(e, id, time_text, signature);
    int n = snprintf(head, sizeof head,
                     "POST /hook HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: Postrider/0.1.0\r\nAccept: */*\r\n"
                     "Content-Type: application/json\r\nwebhook-id: %s\r\nwebhook-timestamp: %s\r\n"
                     "webhook-signature: v1,%s\r\nsvix-id: %s\r\nsvix-timestamp: %s\r\nsvix-signature: v1,%s\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     c->port, id, time_text, signature, id, time_text, signature, e->len);
    struct iovec parts[2] = {{head, (size_t)n}, {e->body, e->len}};
    c->event = e;
    bench_check(writev(c->fd, parts, 2) == (ssize_t)((size_t)n + e->len), "delivery");
}

static void deliver_due(void)
{
    while (me.idle != NULL && me.due != NULL) {
        struct conn *c = me.idle;
        struct event *e = me.due;
        me.idle = c->next_idle;
        me.due = e->next;
        if (me.due == NULL)
            me.due_last = &me.due;
        deliver(c, e);
    }
}

static void delivered(struct conn *c)
{
    struct event *e = c->event;
    append(2, e, c->parser.status_code, "ok", 2);
    c->event = NULL;
    e->next = me.free_events;
    me.free_events = e;
    c->next_idle = me.idle;
    me.idle = c;
}

/* ---- in ---- */

static void close_ingest(struct conn *c)
{
    close(c->fd);
    c->closed = true;
    if (c->waiting == 0) {
        free(c->event);
        free(c);
    }
}

static struct event *event_of(struct conn *c)
{
    if (c->event != NULL)
        return c->event;
    struct event *e = me.free_events;
    if (e != NULL)
        me.free_events = e->next;
    else
        e = bench_alloc(sizeof *e);
    e->len = 0;
    e->next = NULL;
    c->event = e;
    return e;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
    struct conn *c = p->data;
    if (c->kind != INGEST)
        return 0;
    struct event *e = event_of(c);
    if (len > BODY_MAX - e->len)
        return 1;
    memcpy(e->body + e->len, at, len);
    e->len += len;
    return 0;
}

static void received(struct conn *c)
{
    struct group *g = &me.groups[me.filling];
    struct event *e = event_of(c);
    c->event = NULL;
    c->waiting++;
    e->from = c;
    e->number = ++me.last_number;
    append(1, e, 0, e->body, e->len);
    *g->accepted_last = e;
    g->accepted_last = &e->next;
}

static int on_complete(http_parser *p)
{
    struct conn *c = p->data;
    if (c->kind == INGEST)
        received(c);
    else
        delivered(c);
    return 0;
}

static const http_parser_settings callbacks = {.on_body = on_body, .on_message_complete = on_complete};

static void answer(struct conn *c)
{
    c->waiting--;
    if (c->closed && c->waiting == 0)
        free(c);
    else if (!c->closed && write(c->fd, me.answer, me.answer_len) != (ssize_t)me.answer_len)
        shutdown(c->fd, SHUT_RDWR); /* a client that does not read */
}

static void group_reset(struct group *g)
{
    g->len = 0;
    g->accepted = NULL;
    g->accepted_last = &g->accepted;
}

/* The group that is not being filled is durable. */
static void committed(void)
{
    struct group *g = &me.groups[me.filling ^ 1];
    eventfd_t n;
    if (eventfd_read(me.event_fd, &n) != 0)
        return;
    me.writing = false;
    for (struct event *e = g->accepted; e != NULL; e = e->next)
        answer(e->from);
    if (g->accepted != NULL) {
        *me.due_last = g->accepted;
        me.due_last = g->accepted_last;
    }
    group_reset(g);
}

static void accept_all(int listen_fd)
{
    int fd;
    while ((fd = bench_accept(listen_fd)) >= 0) {
        struct conn *c = bench_alloc(sizeof *c);
        c->kind = INGEST;
        c->fd = fd;
        http_parser_init(&c->parser, HTTP_REQUEST);
        c->parser.data = c;
        bench_watch(me.epoll_fd, fd, c);
    }
}

static void read_conn(struct conn *c)
{
    static char in[65536];
    ssize_t n = read(c->fd, in, sizeof in);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0 && http_parser_execute(&c->parser, &callbacks, in, (size_t)n) == (size_t)n)
        return;
    if (c->kind == INGEST) {
        close_ingest(c);
        return;
    }
    fprintf(stderr, "floor: the receiver closed a connection\n");
    exit(3);
}

/* ---- start ---- */

static void connect_all(int count, char **ports, int port_count)
{
    for (int i = 0; i < count; i++) {
        struct conn *c = bench_alloc(sizeof *c);
        c->kind = DELIVERY;
        c->port = atoi(ports[i % port_count]);
        c->fd = bench_connect(c->port);
        http_parser_init(&c->parser, HTTP_RESPONSE);
        c->parser.data = c;
        c->next_idle = me.idle;
        me.idle = c;
        bench_watch(me.epoll_fd, c->fd, c);
    }
}

static void mac_open(void)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, sizeof digest - 1),
                                 OSSL_PARAM_END};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    me.mac = EVP_MAC_CTX_new(hmac);
    bench_check(EVP_MAC_init(me.mac, (const unsigned char *)"0123456789abcdef0123456789abcdef", 32, params) == 1,
                "EVP_MAC");
    EVP_MAC_free(hmac);
}

static void answer_make(int bytes)
{
    char body[ANSWER_MAX + 1];
    int n = snprintf(body, sizeof body, "{\"id\":\"msg_2b3XtBkjRwDqZ3pPcyvEoSDkZ1H\",\"pad\":\"");
    bench_check(bytes >= n + 2 && bytes <= ANSWER_MAX, "ANSWER_BYTES");
    memset(body + n, 'x', (size_t)(bytes - n));
    memcpy(body + bytes - 2, "\"}", 3);
    me.answer_len = (size_t)snprintf(me.answer, sizeof me.answer,
                                     "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: "
                                     "%d\r\n\r\n%s",
                                     bytes, body);
}

static void run(struct conn *listener, struct conn *commits)
{
    struct epoll_event ev[512];
    for (;;) {
        int n = epoll_wait(me.epoll_fd, ev, 512, -1);
        for (int i = 0; i < n; i++) {
            struct conn *c = ev[i].data.ptr;
            if (c == listener)
                accept_all(c->fd);
            else if (c == commits)
                committed();
            else
                read_conn(c);
        }
        deliver_due();
        commit_step();
    }
}

int main(int argc, char **argv)
{
    static struct conn listener = {.kind = LISTENER}, commits = {.kind = COMMITTED};
    pthread_t thread;
    if (argc < 6) {
        fprintf(stderr, "usage: floor LOG LOG_MIB ANSWER_BYTES CONNECTIONS PORT...\n");
        return 2;
    }
    bench_init();
    log_open(argv[1], atoi(argv[2]));
    answer_make(atoi(argv[3]));
    mac_open();
    group_reset(&me.groups[0]);
    group_reset(&me.groups[1]);
    me.due_last = &me.due;
    me.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    me.event_fd = commits.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    listener.fd = bench_listen(&listener.port);
    bench_watch(me.epoll_fd, listener.fd, &listener);
    bench_watch(me.epoll_fd, commits.fd, &commits);
    connect_all(atoi(argv[4]), argv + 5, argc - 5);
    bench_check(pthread_create(&thread, NULL, commit_run, NULL) == 0, "thread");
    printf("{\"port\":%d}\n", listener.port);
    fflush(stdout);
    run(&listener, &commits);
}
