/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curl on the event loop: its multis and its sockets. Part of client_impl.h.
 *
 *   lanes.c    the multis
 *   sockets.c  the sockets, and the source addresses of all connections
 */
#ifndef PR_DELIVERY_LANES_H
#define PR_DELIVERY_LANES_H

#include <curl/curl.h>

#include "base/list.h"
#include "delivery/address.h"
#include "sys/loop.h"

struct client;
struct transfer;

/* Hosts are hashed to a few multis, so that no connection cache grows long. */
#define LANES 4

struct lane {
    CURLM *multi;
    struct client *client;
    struct loop_timer timer;
    bool due;
    size_t active;
    long connections_max;
};

/* A socket that curl opened, by descriptor. */
struct socket {
    struct loop_io io;
    struct lane *lane;
    struct list node; /* of sockets.spare */
    unsigned wanted;  /* what curl waits for */
    bool own;         /* opened by sockets_open: its end is told by sockets_close */
    bool handshaking; /* TLS is being set up: costs a millisecond, so it counts */
};

struct sockets {
    struct loop *loop;
    struct socket **by_fd;
    size_t cap;
    size_t own_count; /* opened by sockets_open, not closed yet */
    struct list spare;
    struct address *bind; /* source addresses, used in turn */
    size_t bind_count;
    size_t next_bind;
    int64_t turn_ms; /* handshakes are counted by the turn's time */
    int handshakes;
    void (*on_ready)(struct lane *lane, int fd, int curl_events);
};

/* lanes.c */
/* False if curl refuses. */
bool lane_open(struct client *c, struct lane *l);
void lane_close(struct lane *l);
struct lane *lane_of(struct client *c, struct str host);
/* Gives the transfer to curl. */
void lane_enter(struct transfer *t);
/* Takes it back, if it is there. */
void lane_leave(struct transfer *t);
/* curl has asked to be called at once, or a socket is ready. */
void lane_step(struct lane *l, int fd, int curl_events);

/* sockets.c */
bool sockets_init(struct sockets *s, struct loop *l, const char *const *bind, const char **why);
void sockets_fini(struct sockets *s);
/* A socket for this address, bound to the next source address if `bound`; CURL_SOCKET_BAD with errno. */
curl_socket_t sockets_open(struct sockets *s, struct lane *lane, const struct curl_sockaddr *a, bool tls, bool bound);
/* Binds to the next source address of the family, if any are given; -1 with errno. */
int sockets_bind(struct sockets *s, int fd, int family);
/* TLS is set up. */
void sockets_handshake_done(struct sockets *s, int fd);
int sockets_close(struct sockets *s, curl_socket_t fd);
/* What curl waits for: CURL_POLL_… */
void sockets_watch(struct sockets *s, struct lane *lane, curl_socket_t fd, int what);

#endif
