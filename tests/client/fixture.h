/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client's tests share: a server with one thread, a DNS server, and the client under test on a loop of its
 * own.
 */
#ifndef PR_TESTS_CLIENT_FIXTURE_H
#define PR_TESTS_CLIENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "delivery/client.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* The server reads whole requests and answers each with the same bytes. */

enum after {
    AFTER_KEEP,      /* serve the next request */
    AFTER_CLOSE,     /* close in order */
    AFTER_RESET,     /* RST */
    AFTER_HANG,      /* say nothing more, keep it open */
    AFTER_REPEAT,    /* send the bytes again and again */
    BEFORE_RESET,    /* RST without an answer once the request is read */
    BEFORE_CLOSE,    /* close without an answer */
    BEFORE_ACCEPTED, /* RST at once, request unread */
    BEFORE_NOTHING,  /* accept, read nothing */
    FIRST_ONLY       /* answer one request per connection, then close in silence when the next arrives */
};

struct server {
    int fd;
    unsigned port;
    pthread_t thread;
    int stop[2];
    struct str once; /* sent before the answer, at the first request of a connection */
    struct str answer;
    enum after after;
    atomic_int connections;
    atomic_int requests;
    unsigned peer; /* of the last connection, host order */
    size_t request_len;
    char first[4096];     /* the first one, cut */
    char request[400000]; /* the last one */
};

/* s->port, once and the like may be set before; 0: any port. */
void server_start(struct server *s, const char *ip, struct str answer, enum after after);
void server_stop(struct server *s);

/* The DNS server answers the address questions for a few names. */

struct name {
    const char *name;
    const char *ip[3]; /* A or AAAA records */
    const char *then;  /* the only one from the second question on; NULL: the same again */
    int rcode;         /* 3: no such name, 2: server failure, -1: no answer at all */
    bool then_fails;   /* server failure from the second question on */
    atomic_int asked;  /* A questions */
};

struct dns_server {
    int fd;
    char address[40];
    pthread_t thread;
    struct name *names;
    size_t count;
};

void dns_start(struct dns_server *d, struct name *names, size_t count);
void dns_stop(struct dns_server *d);

/* The client under test. */

struct fixture {
    struct loop *loop;
    struct client *client;
    struct ssrf_subnet allow[2];
    struct ssrf_policy policy;
    struct client_config config;
    size_t pending;
};

struct exchange {
    struct client_request request;
    struct fixture *fixture;
    char url[512];
    bool done;
    enum cause cause;
    int status;
    char error[512];
    char headers[20000];
    char peer[64];
    size_t body_len;
    bool truncated;
    int64_t retry_after_ms;
    struct attempt_phases phases;
};

/* Everything through curl. */
extern bool fixture_no_h1;

/* Config may be set before; `allow`: a subnet that the policy permits, or NULL. */
void fixture_open(struct fixture *f, const char *allow);
void fixture_close(struct fixture *f);
/* A POST to http://host:port/hook; free(3). */
struct exchange *exchange_new(struct fixture *f, const char *host, unsigned port);
/* Another URL. */
void exchange_aim(struct exchange *x, const char *fmt, ...) PRINTF_LIKE(2, 3);
void send_exchange(struct exchange *x);
/* Sends and lets the loop run until it is done. */
void run_exchange(struct exchange *x);
/* Lets the loop turn for a while. */
void pause_loop(struct fixture *f, int64_t ms);

/* The groups, each in its file. */
int run_answer_tests(void);
int run_request_tests(void);
int run_guard_tests(void);
int run_name_tests(void);
int run_proxy_tests(void);
int run_tls_tests(void);
int run_h1_tests(void);

#endif
