/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 server connections of one reactor, over plain TCP or TLS: framing, limits and deadlines. It knows nothing of
 * what is served. RFC 9110, RFC 9112.
 *
 * Strict: a request with both Content-Length and Transfer-Encoding, with two lengths, a bad chunk or a bare LF in
 * framing is answered 400 and the connection closed. One request at a time per connection: what is pipelined waits.
 * A request may outlive its connection (the commit is in flight while the client leaves): the exchange then answers
 * into nothing.
 */
#ifndef PR_HTTP_SERVER_H
#define PR_HTTP_SERVER_H

#include "base/buf.h"
#include "http/header.h"
#include "sys/loop.h"

struct http_server;
struct http_exchange;

enum http_method {
    HTTP_M_GET,
    HTTP_M_HEAD,
    HTTP_M_POST,
    HTTP_M_PUT,
    HTTP_M_PATCH,
    HTTP_M_DELETE,
    HTTP_M_OPTIONS,
    HTTP_M_OTHER
};

/* All slices live until the exchange is answered. */
struct http_request {
    enum http_method method;
    struct str method_text;
    struct str path;  /* as sent, percent-encoded, without the query */
    struct str query; /* behind '?', empty if none */
    const struct http_header *headers;
    size_t header_count;
    struct str body;
    struct str peer; /* textual address of the other end, without port */
    bool tls;
};

struct http_limits {
    size_t header_bytes_max;      /* request line and headers; over it 431 */
    size_t body_bytes_max;        /* over it 413, unless large_path says otherwise */
    size_t buffered_bytes_max;    /* of all requests past their first 4 KiB, in this server; over it 503; 0 = no cap */
    size_t large_bytes_max;       /* body of a request that large_path is true for */
    int connections_max;          /* of this server; over it whoever has been without a request longest goes */
    int connections_per_peer_max; /* over it the new connection is closed; 0 = no cap */
    int64_t header_timeout_ms;    /* from the first byte (or accept) to the end of the headers; then 408 */
    int64_t body_timeout_ms;      /* at least body_rate_min must arrive, measured over this window; then 408 */
    size_t body_rate_min;         /* bytes per second */
    int64_t idle_timeout_ms;      /* keep-alive without a request; then closed */
    int64_t write_timeout_ms;     /* the client does not read its answer */
    int64_t linger_timeout_ms;    /* it has its answer, and what it still sends is dropped: until it falls silent … */
    int64_t linger_max_ms;        /* … or for so long */
};

/*
 * 16 KiB headers, 10 s, 15 s, 1 KiB/s, 75 s, 30 s, 1 s, 30 s, 20,000 connections, no cap per peer; body_bytes_max is 2
 * MiB, buffered_bytes_max 64 MiB. A request has at most 100 header fields.
 */
extern const struct http_limits http_limits_default;

struct http_server_config {
    struct loop *loop;
    int listen_fd; /* non-blocking, listening; shared by the reactors; stays the caller's */
    void *tls;     /* from http_tls_load, or NULL for plain TCP */
    struct http_limits limits;
    /* Whether bodies may be as large as large_bytes_max there; they have a room of their own, for two at a time. May be
     * NULL: nowhere. */
    bool (*large_path)(enum http_method method, struct str path);
    /* A whole request has arrived. Answer it, within this call or later, exactly once, by http_respond. */
    void (*on_request)(struct http_exchange *x, void *arg);
    /* How an error found by the framing is worded: writes a JSON body for `status` into out. May be NULL (empty body).
     */
    void (*error_body)(int status, const char *detail, struct buf *out);
    void *arg;
};

/* Opens a listening socket on "host:port", "[v6]:port" or ":port". ERR_INVALID: bad text; ERR_IO: errno says why. */
MUST_USE enum err http_listen(struct str address, int *fd_out);
/* The port that it got, which matters when it asked for port 0. */
int http_listen_port(int fd);
/* Loads a PEM certificate chain and key (TLS 1.2 or newer). On error *why points to a static or thread-local text. */
MUST_USE enum err http_tls_load(const char *cert_path, const char *key_path, void **tls_out, const char **why);
/* After the servers that use it are freed. NULL is fine. */
void http_tls_free(void *tls);

struct http_server *http_server_new(const struct http_server_config *c);
/* Stops accepting; idle connections close, busy ones after their answer ("Connection: close"). */
void http_server_drain(struct http_server *s);
/* Connections still open. */
size_t http_server_connections(const struct http_server *s);
/*
 * Closes what is left. Exchanges that are still unanswered stay valid until answered. Not from within on_request.
 * NULL is fine.
 */
void http_server_free(struct http_server *s);

const struct http_request *http_exchange_request(const struct http_exchange *x);
/* The value of a request header, name compared without case; null str if absent. First one wins. */
struct str http_exchange_header(const struct http_exchange *x, struct str name);
/* Free for the handler; NULL at first. */
void *http_exchange_data(const struct http_exchange *x);
void http_exchange_set_data(struct http_exchange *x, void *data);

/*
 * Answers and ends the exchange: it, its request and everything that points into it are gone after the call. Adds
 * Content-Length, Date and Connection; `headers` must have no CR or LF. HEAD gets no body. Loop thread only.
 */
void http_respond(struct http_exchange *x, int status, const struct http_header *headers, size_t header_count,
                  struct str body);

/* ---- answers without an end ---------------------------------------------------------------------------------------
 */

struct http_stream;
struct http_stream_config {
    size_t waiting_bytes_max; /* what may wait for the client */
    /* The connection is gone, or about to be: the stream is no more after the call. Not from within http_stream_*. */
    void (*on_gone)(void *arg);
    void *arg;
};

/*
 * Answers with a body that goes on until the connection ends; the exchange is over after the call. NULL: the client has
 * left already. Draining ends it. Loop thread only, as everything below.
 */
struct http_stream *http_stream_open(struct http_exchange *x, int status, const struct http_header *headers,
                                     size_t header_count, const struct http_stream_config *config);
/* Adds bytes, which leave with the others of this turn. False: too much waits already, nothing was added. */
bool http_stream_write(struct http_stream *s, struct str bytes);
/* Ends it soon; on_gone is called all the same. */
void http_stream_end(struct http_stream *s);

#endif
