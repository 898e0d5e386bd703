/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of http/ share: a real server on a loopback port, in a thread of its own, and raw sockets that speak
 * to it.
 */
#ifndef PR_TESTS_HTTP_FIXTURE_H
#define PR_TESTS_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/server.h"

#define CRLF "\r\n"
#define HOST "Host: a" CRLF

enum { HELD_MAX = 8 };

struct fixture {
    struct loop *loop;
    struct http_server *server;
    pthread_t thread;
    int listen_fd;
    uint16_t port;
    struct http_limits limits;
    void *tls; /* NULL: plain */
    struct http_exchange *held[HELD_MAX];
    atomic_int held_count;
    atomic_int requests;
};

extern struct fixture fx;

/*
 * Starts the server with fx.limits and fx.tls. It answers with the request's body; /meta says what it saw, /empty says
 * 204, /big is 4 MiB of 'b', /defer answers 202 a little later, /hold is held until answer_held(); bodies of paths that
 * begin with /large may have limits.large_bytes_max.
 */
void fx_start(void);
void fx_stop(void);
/* fx.limits is short of nothing but bodies: 8 KiB of headers, 100,000 bytes of body. */
int fx_setup(void **state);
int fx_teardown(void **state);
#define WITH_SETUP(test, setup) cmocka_unit_test_setup_teardown(test, setup, fx_teardown)
#define WITH(test)              WITH_SETUP(test, fx_setup)

/* What the server is handed; for a second server on the same socket. */
void fx_on_request(struct http_exchange *x, void *arg);
/* Runs fn on the loop's thread and waits for it. */
void on_loop(void (*fn)(void));
/* Two for that: answers what is held; stops accepting. */
void answer_held(void);
void drain(void);
/* Connections that the server has. */
size_t connections(void);
/* Waits until it has that many; fails after a few seconds. */
void wait_for_connections(size_t count);
void wait_for(const atomic_int *what, int value);

struct answer {
    int status; /* 0: the connection ended without one */
    char head[4096];
    char *body; /* NUL-terminated; freed by the next hear() */
    size_t body_len;
};

/* The last answer heard. */
extern struct answer got;

int dial(void);
/* All of it, unless the server has had enough; false then. */
bool say(int fd, const char *text, size_t len);
bool say_z(int fd, const char *text);
/* Reads one answer and nothing behind it; its status. */
int hear(int fd, bool head_only);
/* The server has closed, in order or by a reset. */
bool at_end(int fd);
int64_t now_ms(void);

/* The topics, each in its file. */
int run_request_tests(void);
int run_body_tests(void);
int run_connection_tests(void);
int run_deadline_tests(void);
int run_linger_tests(void);
int run_tls_tests(void);

#endif
