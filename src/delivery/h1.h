/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own HTTP/1.1 for the common case: plain http without a proxy. Everything else is curl's. See
 * docs/decisions/0009-lean-http1.md. Shared by the h1_*.c files and, through client_impl.h, by the client.
 *
 *   h1_exchange.c  one exchange: connect, send, read, end
 *   h1_request.c   the bytes of a request's head
 *   h1_answer.c    the bytes of an answer
 *   h1_pool.c      connections: opened, kept, closed
 *   h1_wheel.c     when exchanges end at the latest
 */
#ifndef PR_DELIVERY_H1_H
#define PR_DELIVERY_H1_H

#include "base/buf.h"
#include "base/list.h"
#include "delivery/address.h"
#include "http/parse.h"
#include "sys/loop.h"

struct client;
struct sockets;
struct transfer;

#define H1_RECEIVE_BYTES 16384
#define H1_HEAD_MAX      (1024 * 1024) /* of a request */
#define H1_LINE_MAX      (100 * 1024)  /* of an answer's head */

/* Deadlines */

#define H1_WHEEL_SLOTS   512
#define H1_WHEEL_STEP_MS 64

struct h1_due {
    struct list node;
    int64_t slot; /* counted from the clock's zero */
};

/* A ring of lists by time, one timer for all: never early, at most two steps late. */
struct h1_wheel {
    struct loop *loop;
    struct loop_timer tick;
    struct list slots[H1_WHEEL_SLOTS];
    int64_t at; /* the last slot that was emptied */
    size_t count;
    bool armed;
    void (*on_due)(struct h1_due *d);
};

void h1_wheel_init(struct h1_wheel *w, struct loop *l, void (*on_due)(struct h1_due *d));
void h1_wheel_fini(struct h1_wheel *w);
/* on_due is called once after clock_mono_ms has passed at_ms; setting again moves it. */
void h1_wheel_set(struct h1_wheel *w, struct h1_due *d, int64_t at_ms);
void h1_wheel_remove(struct h1_wheel *w, struct h1_due *d);

/* Connections */

#define H1_BUCKETS 1024

struct h1_pool {
    struct loop *loop;
    struct sockets *sockets;         /* for the source addresses */
    struct list buckets[H1_BUCKETS]; /* idle connections by target, the last used first */
    struct list idle;                /* the same, the longest idle first */
    size_t idle_count;
    size_t idle_max; /* together with `others` */
    size_t others;   /* idle connections of curl */
    struct loop_timer sweep;
    void (*on_ready)(struct transfer *t, unsigned events);
};

/* Idle (t is NULL) it is in its bucket; in use it is its transfer's. */
struct h1_conn {
    struct loop_io io;
    struct h1_pool *pool;
    struct transfer *t;
    struct list in_bucket;
    struct list in_idle;
    struct address peer;
    uint64_t hash;
    int64_t opened_ms;
    int64_t idle_ms;
    size_t host_len;
    char host[]; /* as in the URL: never shared between names, whatever stands in front of them */
};

void h1_pool_init(struct h1_pool *p, struct loop *l, struct sockets *s, size_t idle_max);
/* Closes what is idle; nothing may be in use. */
void h1_pool_fini(struct h1_pool *p);
/* An idle connection to exactly this host and address, or NULL. */
struct h1_conn *h1_pool_take(struct h1_pool *p, struct str host, const struct address *to);
/* Begins to connect and watches for the end of that; NULL: errno, and *opened says whether there was a socket. */
struct h1_conn *h1_pool_connect(struct h1_pool *p, struct str host, const struct address *to, bool *opened);
/* Keeps it, watched, for the next exchange; may close this or another one instead. */
void h1_pool_keep(struct h1_conn *c);
void h1_pool_close(struct h1_conn *c);
/* Curl keeps `others` idle: gives way to them, but for half of idle_max. */
void h1_pool_share(struct h1_pool *p, size_t others);

/* An answer */

enum h1_step {
    H1_MORE,
    H1_DONE,    /* the answer is whole */
    H1_STOPPED, /* transfer.stop says why */
    H1_INVALID, /* h1_answer.why says what */
    H1_TOO_LONG /* a line of the head */
};

enum h1_part { H1_HEAD, H1_BODY_LENGTH, H1_BODY_CHUNKS, H1_BODY_REST, H1_END };

struct h1_answer {
    enum h1_part part;
    bool received;  /* anything at all */
    bool no_body;   /* to HEAD */
    bool reusable;  /* another request may follow on the connection */
    bool folds_bad; /* the last field was one of those that frame */
    bool version_11, close, keep, has_length, chunked;
    uint64_t left; /* of the body */
    struct http_chunks chunks;
    struct buf line; /* what arrived of a line that has not ended */
    const char *why;
};

void h1_answer_begin(struct h1_answer *a, bool no_body);
/* Takes what arrived; decodes in place. */
enum h1_step h1_answer_take(struct transfer *t, char *bytes, size_t len);
/* The connection has ended: whether that ends the answer as it should. */
bool h1_answer_ends(const struct h1_answer *a);

/* How an exchange ended. */
enum h1_end {
    H1_ENDED_WELL,        /* the answer is whole */
    H1_ENDED_EARLY,       /* transfer.stop says why */
    H1_ENDED_INVALID,     /* h1_answer.why says what */
    H1_ENDED_TOO_LONG,    /* a line of the head */
    H1_ENDED_CLOSED,      /* by the peer, before the answer was whole */
    H1_ENDED_UNCONNECTED, /* or the guard refused */
    H1_ENDED_TIMEOUT
};

/* Exchanges: the part of a transfer that is ours. */
struct h1 {
    struct h1_conn *conn;
    struct h1_due due;
    struct buf head; /* of the request */
    size_t total;    /* head and body */
    size_t sent;
    int send_errno;
    bool connecting;
    bool reused;
    bool fresh; /* no kept connection for this one again */
    struct h1_answer answer;
};

/* Whether it need not go through curl. */
bool h1_suits(const struct transfer *t);
/* Writes the head; false if that cannot be, with the outcome set. */
bool h1_prepare(struct transfer *t);
/* Starts on the address in use; the end is told by client_ended, possibly from within. */
void h1_start(struct transfer *t);
/* Lets go of connection and deadline, at any time. */
void h1_leave(struct transfer *t);
void h1_on_ready(struct transfer *t, unsigned events);
void h1_on_due(struct h1_due *d);

#endif
