/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the HTTP client share. Nobody else includes this.
 *
 *   client.c    exchanges from client_send to on_done: resolve, guard, start, end
 *   transfer.c  one exchange as curl sees it
 *   request.c   what is sent
 *   answer.c    what comes back
 *   outcome.c   what became of it, in words
 *   lanes.h     curl on the event loop
 *   h1.h        exchanges that need no curl
 */
#ifndef PR_DELIVERY_CLIENT_IMPL_H
#define PR_DELIVERY_CLIENT_IMPL_H

#include <curl/curl.h>

#include "base/buf.h"
#include "base/list.h"
#include "crypto/identity.h"
#include "delivery/client.h"
#include "delivery/guard.h"
#include "delivery/h1.h"
#include "delivery/lanes.h"
#include "delivery/resolve.h"
#include "delivery/target.h"

#define ANSWER_BODY_MAX           (1024 * 1024) /* read at most; then the status decides */
#define ANSWER_HEADERS_KEEP       (16 * 1024)
#define ANSWER_HEADERS_MAX        (256 * 1024) /* all header bytes, informational answers too; more is not HTTP */
#define CONNECTION_IDLE_MAX_S     50           /* below the usual 60 and 75 s of servers */
#define CONNECTION_LIFETIME_MAX_S 600
/* Bodies up to this size are joined and leave with the headers in one send; larger ones are read slice by slice. */
#define JOIN_MAX_BYTES (32 * 1024)

enum transfer_stop {
    STOP_NONE,
    STOP_ENOUGH,  /* the body passed ANSWER_BODY_MAX */
    STOP_UPGRADE, /* status 101 */
    STOP_HEADERS  /* too many header bytes */
};

/* One exchange; kept with its easy handle for the next one. */
struct transfer {
    struct list node; /* of client.starting, finished or spare */
    struct client *client;
    struct lane *lane;
    struct client_request *request; /* NULL: spare */
    bool lean;                      /* goes through h1, not curl */
    struct h1 h1;
    CURL *easy; /* NULL: never went through curl */
    bool added; /* to lane->multi */

    struct target target;
    struct guard guard;
    struct resolve_wait wait;
    struct loop_timer deadline; /* armed while it waits for the resolver */
    int64_t started_us;
    int64_t deadline_us;
    int64_t resolved_us; /* 0: not yet */

    /* What the handle was last told, to tell it only what changes. */
    bool was_http2, had_proxy, had_tls, had_reader;
    char method[16];

    /* The request. */
    char *block; /* URL, joined body and header nodes */
    size_t block_size;
    struct str body; /* what is sent: joined or the only slice; null ptr: slices are read */
    size_t body_len;
    size_t body_sent; /* by the reader */
    struct curl_slist connect_to;
    char connect_to_text[ADDRESS_PEER_SIZE + 2];

    /* What happened. */
    int open_errno; /* a socket could not be opened or bound */
    int fd;
    int64_t connected_us; /* TCP is connected, TLS begins; 0: not so far, or no TLS */
    int64_t ready_us;     /* the request was begun */
    int64_t body_sent_us; /* the reader was last asked; 0: the body left with the headers */
    int64_t first_byte_us;
    struct crypto_tls_ask *ask; /* of the connection opened for it, NULL: none, or not TLS */
    bool opened;                /* a connection was opened for it */
    bool ready;                 /* connected, and the guard agreed: the request was begun */
    int status;
    bool headers_done;
    enum transfer_stop stop;
    size_t headers_seen;
    size_t body_seen;
    int64_t retry_after_ms;
    struct buf headers;
    struct buf answer;
    char error[CURL_ERROR_SIZE];
    char words[512];
    char peer[ADDRESS_PEER_SIZE];
    struct client_result result;
};

struct client {
    struct loop *loop;
    struct client_config config;
    struct str no_proxy;
    struct resolver *resolver;
    struct sockets sockets;
    struct lane lanes[LANES];
    struct loop_timer kick; /* start, step and finish in the next turn */
    struct list starting;
    struct list finished; /* failed before curl saw them */
    struct list spare;
    size_t spare_count;
    size_t in_flight;
    size_t idle_max;   /* connections, curl's and others */
    unsigned families; /* GUARD_V4 | GUARD_V6 */
    struct h1_pool pool;
    struct h1_wheel wheel;
    char received[H1_RECEIVE_BYTES]; /* scratch, from recv to the end of what takes it */
};

/* client.c */
/* Starts, steps and reports in the next turn. */
void client_kick(struct client *c);
/* A try has ended, the outcome is set: starts the next one or reports. */
void client_ended(struct transfer *t);

/* transfer.c */
struct transfer *transfer_new(struct client *c);
void transfer_free(struct transfer *t);
/* Before it first goes through curl. */
void transfer_open_easy(struct transfer *t);
/* Forgets the last try. */
void transfer_restart(struct transfer *t);
/* Time to connect to the address in use: while there is another one, only its share of what is left. */
long transfer_connect_ms(const struct transfer *t);
/* Forgets the last exchange. */
void transfer_clear(struct transfer *t);
/* Options of the next try: the address, the time that is left. */
void transfer_aim(struct transfer *t);
/* Lets go of what belongs to the request. */
void transfer_release(struct transfer *t);

/* request.c */
/* Puts the request into the handle; false if that cannot be, with the outcome set. */
bool request_prepare(struct transfer *t);
/* "Name: value", one line, and not one of the fields that frame a request. */
bool request_header_is_clean(struct str h);
/* Lets go of what belongs to the caller. */
void request_release(struct transfer *t);
size_t request_on_read(char *to, size_t size, size_t count, void *arg);
int request_on_seek(void *arg, curl_off_t offset, int origin);

/* answer.c */
size_t answer_on_header(char *bytes, size_t size, size_t count, void *arg);
size_t answer_on_body(char *bytes, size_t size, size_t count, void *arg);

/* outcome.c */
void outcome_set(struct transfer *t, enum cause cause, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* No permitted address: from guard.reason. */
void outcome_blocked(struct transfer *t);
/* The time was over before curl had it. */
void outcome_dns_timeout(struct transfer *t);
/* What curl's result means. */
void outcome_of_curl(struct transfer *t, CURLcode code);
/* What the end of an exchange without curl means. */
void outcome_of_h1(struct transfer *t, enum h1_end how, int os_error);
/* Status, headers, body, phases and peer for on_done. */
void outcome_complete(struct transfer *t);

#endif
