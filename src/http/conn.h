/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside http/: the server of one reactor, its connections and their exchanges. Everything belongs to the loop's
 * thread.
 *
 *     HANDSHAKE (TLS) ─▶ HEAD ─▶ BODY ─▶ BUSY ─▶ (WRITE) ─▶ IDLE ─▶ HEAD …
 *                          └──────┴─ refused ─▶ (WRITE) ─▶ LINGER ─▶ closed
 *
 * 1. A connection has an exchange from the first byte of a request to its answer; an idle one has none, and no buffer.
 * 2. Each state waits in the list of its class; a class has one time-out, so each list is ordered by deadline and one
 *    timer serves all. BUSY has no deadline: the handler owes the answer.
 * 3. An exchange that the handler has (BUSY) may lose its connection: `conn` is then NULL.
 */
#ifndef PR_HTTP_CONN_H
#define PR_HTTP_CONN_H

#include <netinet/in.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/table.h"
#include "http/parse.h"
#include "http/server.h"

enum { HTTP_BASE_SIZE = 4096, HTTP_PEER_SIZE = INET6_ADDRSTRLEN };

enum http_conn_state {
    CONN_HANDSHAKE,
    CONN_IDLE,
    CONN_HEAD,
    CONN_BODY,
    CONN_BUSY,
    CONN_WRITE,
    CONN_LINGER,
    CONN_STREAM, /* an answer without an end, see stream.c */
    CONN_CLOSED
};

/* Classes of deadlines; WAIT_NONE has no list. */
enum http_wait { WAIT_HEAD, WAIT_BODY, WAIT_IDLE, WAIT_WRITE, WAIT_LINGER, WAIT_COUNT, WAIT_NONE = WAIT_COUNT };

struct http_exchange {
    struct http_server *server;
    struct http_conn *conn;
    struct list link; /* the pool */
    void *data;
    struct http_request request;
    struct http_head head;
    struct http_scan scan;
    struct http_chunks chunks;
    size_t body_at;
    size_t body_max;
    bool large; /* counted in buffered_large */
    size_t end; /* of this request in the buffer; what follows is pipelined. Set when BUSY */
    char *buf;  /* `base`, or on the heap once it grew */
    size_t len;
    size_t cap;
    char peer[HTTP_PEER_SIZE];
    struct http_header headers[HTTP_HEADERS_MAX];
    char base[HTTP_BASE_SIZE];
};

/* Connections of one address. */
struct http_peer {
    struct table_node node;
    unsigned char address[16];
    int count;
};

struct http_conn {
    struct loop_io io;
    struct http_server *server;
    struct http_exchange *x;
    void *tls;
    struct list wait;   /* server->waits[class] */
    struct list all;    /* server->conns */
    struct list resume; /* server->resumes: a pipelined request is in the buffer */
    int64_t deadline_ms;
    enum http_wait class;
    enum http_conn_state state;
    bool stepping;
    bool may_read;       /* the socket may hold more than the last read took */
    bool close_after;    /* when the answer is out */
    bool linger_after;   /* the client may still be sending: let it see the answer before the reset */
    size_t window_bytes; /* of the body, in the current rate window; in LINGER what was discarded */
    int64_t linger_until_ms;
    char *out; /* what the socket did not take yet */
    size_t out_len;
    size_t out_at;
    struct http_stream *stream; /* CONN_STREAM */
    struct http_peer *peer;
    char peer_text[HTTP_PEER_SIZE];
};

struct http_server {
    struct http_server_config config;
    struct loop_io listener;
    struct loop_timer sweep;
    struct loop_timer resume;
    struct loop_timer accept_again;
    struct list waits[WAIT_COUNT];
    struct list conns;
    struct list resumes;
    struct list pool;
    size_t pool_len;
    size_t conn_count;
    size_t live;     /* exchanges that the handler has */
    size_t buffered; /* bytes of grown buffers, but those of large requests */
    size_t buffered_large;
    struct table peers;
    struct hash_key peer_key;
    struct buf out; /* the answer being written */
    int64_t date_second;
    char date[40];
    int reserve_fd;
    int64_t shed_log_ms;
    bool draining;
    bool gone; /* freed but for exchanges still out */
};

/* conn.c */
void http_conn_open(struct http_server *s, int fd, const struct sockaddr_storage *address);
/* Closes at once; an exchange in the handler's hands is left to it. Frees the connection unless it is stepping. */
void http_conn_close(struct http_conn *c);
/* Goes on with what has arrived. */
void http_conn_step(struct http_conn *c);
/* The handler answered outside of a step: waits for the next request, or looks at a pipelined one in the next turn. */
void http_conn_answered(struct http_conn *c);
/* Its deadline has passed. */
void http_conn_expire(struct http_conn *c);
/* Moves to a class; keeps the deadline if it is there already. */
void http_conn_wait(struct http_conn *c, enum http_wait class);

/* read.c: bytes in, requests out. */
enum http_progress { PROGRESS_AGAIN, PROGRESS_STATE, PROGRESS_GONE };
/* Looks at what has arrived: PROGRESS_AGAIN wants more bytes, PROGRESS_STATE changed the state. */
enum http_progress http_read_advance(struct http_conn *c);
/* One read: PROGRESS_STATE got bytes, PROGRESS_AGAIN there are none, PROGRESS_GONE the peer is. */
enum http_progress http_read_fill(struct http_conn *c);

/* write.c: answers out. */
/* Writes an answer, keeps what the socket does not take; then CONN_WRITE, or what http_write_done makes of it. */
void http_write_answer(struct http_conn *c, int status, const struct http_header *headers, size_t header_count,
                       struct str body, bool head_only, bool old_keep_alive);
/* Answers an error that the framing found, and closes. The connection has an exchange; it is released. */
void http_write_refusal(struct http_conn *c, struct http_refusal why);
/* Continues an answer. */
void http_write_flush(struct http_conn *c);
/* Appends status line and fields of an answer; body_len SIZE_MAX: it ends with the connection. */
void http_write_head(struct http_conn *c, struct buf *o, int status, const struct http_header *headers, size_t count,
                     size_t body_len);
/* Bytes written of both, or HTTP_IO_…; writes of TLS go on until all is out or the socket is full. */
ssize_t http_write_some(struct http_conn *c, struct str a, struct str b);
/* "100 Continue"; false when the socket is gone. */
bool http_write_continue(struct http_conn *c);

/* exchange.c */
struct http_exchange *http_exchange_take(struct http_server *s);
void http_exchange_release(struct http_exchange *x);
/* Room for at least one more byte, `want` bytes in all if that is not much more; false over the server's budget. */
bool http_exchange_grow(struct http_exchange *x, size_t want);
/* Drops the answered request; false if nothing was pipelined behind it. */
bool http_exchange_next(struct http_exchange *x);
/* Counts it among the large ones, or not. */
void http_exchange_set_large(struct http_exchange *x, bool large);
/* What its text says. */
enum http_method http_exchange_method(const struct http_exchange *x);
void http_exchange_fill_request(struct http_exchange *x, size_t body_len);

/* stream.c */
void http_stream_ready(struct http_conn *c, unsigned events);
/* The connection closes: tells the stream's owner, frees the stream. */
void http_stream_gone(struct http_conn *c);

/* server.c */
void http_server_arm(struct http_server *s, int64_t deadline_ms);
void http_server_conn_closed(struct http_server *s);
void http_server_unref(struct http_server *s);

/* peer.c */
/* Counts a connection; NULL without a cap. False: over the cap. */
bool http_peer_enter(struct http_server *s, const struct sockaddr_storage *a, struct http_peer **out);
void http_peer_leave(struct http_server *s, struct http_peer *p);
void http_peer_format(const struct sockaddr_storage *a, char out[HTTP_PEER_SIZE]);

/* Results of reading and writing besides a count: 0 is the end of the stream. */
enum { HTTP_IO_WANT_READ = -1, HTTP_IO_WANT_WRITE = -2, HTTP_IO_ERROR = -3 };

/* tls.c */
void *http_tls_open(void *tls, int fd);
void http_tls_close(void *ssl);
/* 1 done, else HTTP_IO_… */
int http_tls_handshake(void *ssl);
ssize_t http_tls_read(void *ssl, char *to, size_t n);
ssize_t http_tls_write(void *ssl, const char *from, size_t n);
/* Tells the peer that nothing follows; best effort. */
void http_tls_shutdown(void *ssl);
bool http_tls_pending(const void *ssl);

#endif
