/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guarded HTTP client: everything that leaves for an address a customer can influence goes through here. One client
 * per reactor; it drives its transfers on the reactor's loop. It resolves names itself, connects only to an address
 * that the policy permits, follows no redirect, reads a bounded answer within one time-out over the whole exchange.
 *
 * It does not limit how many transfers run: the engine does, before it asks.
 */
#ifndef PR_DELIVERY_CLIENT_H
#define PR_DELIVERY_CLIENT_H

#include "model/message.h"
#include "ssrf/ssrf.h"
#include "sys/loop.h"

struct client;

#define CLIENT_ANSWER_MAX 65536

/* What it points to must outlive the client. */
struct client_config {
    struct loop *loop;
    const struct ssrf_policy *policy;
    const char *ca_file;     /* PEM bundle; NULL: the system's */
    const char *proxy;       /* "http://user:pass@host:port" or NULL */
    const char *no_proxy;    /* comma-separated hosts and subnets, or NULL */
    const char *const *bind; /* local source addresses used in turn, NULL-terminated, or NULL */
    const char *user_agent;
    size_t idle_connections_max; /* kept alive per client, 0 = 500 */
    bool no_h1;                  /* everything through curl, plain HTTP too */
    const char *resolver;        /* "127.0.0.1:5353" in tests; NULL: /etc/resolv.conf */
};

struct client_result {
    enum cause cause;   /* CAUSE_NONE only with a 2xx whose body ended or passed 1 MiB */
    struct str error;   /* the cause in words with detail ("TLS: certificate has expired"); null on success */
    int http_status;    /* 0: no answer */
    struct str headers; /* response headers "Name: value\n"…, at most 16 KiB; headers past that are dropped */
    struct str body;    /* its first bytes, as many as the request says */
    bool body_truncated;
    int64_t retry_after_ms;       /* from Retry-After (seconds or HTTP date), -1 = none */
    struct attempt_phases phases; /* with the time that was spent before */
    struct str peer;              /* "203.0.113.7:443", null if never connected */
};

/* Owned by the caller, who keeps everything it points to until on_done. */
struct client_request {
    struct str method;          /* "POST" */
    struct str url;             /* normalised: ssrf_url.normal */
    const char *const *headers; /* "Name: value", NUL-terminated, from the caller's memory */
    size_t header_count;
    struct str body[3]; /* sent one after the other */
    size_t answer_max;  /* bytes of the answer's body that are kept, up to CLIENT_ANSWER_MAX; 0: ATTEMPT_BODY_MAX */
    int64_t timeout_ms; /* over the whole exchange, DNS to the last byte */
    int64_t spent_ms;   /* of it, before this exchange; less than timeout_ms */
    bool http2;
    struct str ca_bundle;   /* PEM, instead of the client's; null: none */
    struct str client_cert; /* PEM chain for servers that ask for one; null: none */
    struct str client_key;  /* the PEM key that belongs to it */
    /* Called once, on the loop, never from within client_send. The result's slices live until it returns. */
    void (*on_done)(struct client_request *r, const struct client_result *result);
    void *impl; /* the client's */
};

/* NULL if curl or c-ares cannot be set up; *why says what. */
struct client *client_new(const struct client_config *c, const char **why);
/* Starts an exchange. */
void client_send(struct client *c, struct client_request *r);
/* Ends an exchange early; on_done is not called. */
void client_cancel(struct client *c, struct client_request *r);
/* Exchanges under way. */
size_t client_in_flight(const struct client *c);
/* Nothing may be in flight. */
void client_free(struct client *c);

/* Once per process, before and after all clients. */
MUST_USE enum err client_global_init(void);
void client_global_fini(void);

#endif
