/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reactor: one thread with an event loop that accepts requests, owns the engine of its shards of endpoints, and
 * drives its own transfers. What is here is shared by the files of serve/ only.
 *
 *   ingest.c   a POST …/msg becomes a body and a store_append, then a 202 and a hand-over
 *   hook.c     most requests to trigger URLs become a store_docs, then what the sender wants to hear
 *   pump.c     the engine's decisions become transfers, their results become store_records
 *   prepare.c  what a transfer needs before: a token, of tokens.h
 *   targets.c  what the pump knows of an endpoint: its snapshot, its signers
 *   loader.c   reads due work and configuration for the engines
 *   relay.c    every other request goes to an API worker and back
 */
#ifndef PR_SERVE_REACTOR_H
#define PR_SERVE_REACTOR_H

#include <pthread.h>

#include "api/api.h"
#include "base/list.h"
#include "config/settings.h"
#include "console/console.h"
#include "delivery/client.h"
#include "engine/engine.h"
#include "serve/body.h"
#include "serve/capture.h"
#include "serve/descriptors.h"
#include "serve/gates.h"
#include "serve/inflight.h"
#include "serve/pool.h"

/* See live.h. */
struct live_watch {
    atomic_uint streams;
    atomic_uint by_name[1024]; /* streams whose workspace, or environment, falls here by hash */
};

#define REACTORS_MAX GATES_REACTORS_MAX

struct reactor;

/* What all reactors share; everything but the atomics is set before they start. */
struct shared {
    const struct settings *settings;
    struct store *store;
    struct catalog *catalog;
    struct keyring *keys;
    struct hash_key id_key;
    struct oid_source oids;
    struct api api;
    struct console_config console;
    struct gates *gates;
    struct pace *pace;
    struct inflight *inflight;
    struct transform_pool *transforms;
    struct pool *workers; /* API requests */
    struct pool *loader;  /* due work and configuration; one thread, so that its jobs stay in order */
    struct reactor *reactors;
    unsigned reactor_count;
    struct descriptors share;
    atomic_uint auth_epoch; /* raised when tokens or their rights change: cached principals are then asked again */
    struct live_watch live;
    atomic_bool draining;
    atomic_uint_fast64_t disabling; /* endpoints being disabled by themselves */
};

struct reactor {
    struct shared *shared;
    unsigned index;
    pthread_t thread;
    struct loop *loop;
    struct http_server *http;
    struct engine *engine;
    struct client *client;
    struct loop_timer timer;

    /* store operations of this turn, submitted together */
    struct store_op *ops_first;
    struct store_op **ops_last;
    /* hand-overs of this turn, by destination */
    struct loop_task *out_first[REACTORS_MAX];
    struct loop_task *out_last[REACTORS_MAX];

    struct auth_cache *auth;
    struct flight *free_flights;
    struct ingest *free_ingests;
    struct hook *free_hooks;
    uint64_t random_state[2];
    struct tokens *tokens;
    struct list preparing;     /* flights that wait for what they need: rewrite.h, prepare.c */
    struct list sending;       /* flights on the wire */
    struct list waiting_alone; /* flights that wait for their turn to be the only one of their kind */
    struct list signing;       /* targets that have signers, least recently used first */
    size_t signing_count;
    struct list later; /* requests whose answer takes its time, see relay.c */
    struct list live;  /* who watches, see live.c */
    struct loop_timer live_timer;
    atomic_uint live_count;
    struct buf scratch; /* answers are written here */
    bool cut;           /* the store is closing: requests are refused */
    bool sealed;        /* the store is closed, or about to be: it may not be called */
    bool store_full;    /* as last seen: nothing starts */

    int64_t published_at_ms;
    atomic_size_t published_running, published_breakers, published_connections; /* for other threads */
};

/* ---- reactor.c ---- */
MUST_USE enum err reactor_open(struct reactor *r, struct shared *s, unsigned index, int listen_fd, void *tls,
                               const char **why);
void reactor_start(struct reactor *r);
/* After the loop has ended. */
void reactor_close(struct reactor *r);
/* Which reactor owns an endpoint: 256 virtual shards, dealt out in turn. */
struct reactor *reactor_of(struct shared *s, oid_t ep);
/* Adds an operation to this turn's chain. */
void reactor_submit(struct reactor *r, struct store_op *op);
/* Ends this turn's chain and hand-overs now; nothing goes to the store after. */
void reactor_seal(struct reactor *r);
/* Hands a task to another reactor (or this one) at the end of the turn. */
void reactor_send(struct reactor *r, struct reactor *to, struct loop_task *t);

/* ---- ingest.c ---- */
/* Whether this is the hot route; then *app is the path's segment. */
bool ingest_matches(struct reactor *r, const struct http_request *q, struct str *app);
void ingest_begin(struct reactor *r, struct http_exchange *x, struct str app);
void ingest_free_all(struct reactor *r);

/* ---- hook.c ---- */
/* Takes in a request to a trigger URL; false: it is not one, or one for relay_request. */
bool hook_begin(struct reactor *r, struct http_exchange *x);
void hook_free_all(struct reactor *r);

/* ---- relay.c ---- */
void relay_request(struct reactor *r, struct http_exchange *x);
/* Refuses what was left for later. */
void relay_cut(struct reactor *r);
/* Answers with an API error at once. */
void relay_error(struct http_exchange *x, enum err e, const char *detail);

/* ---- auth_cache.c ---- */
struct auth_cache;
struct auth_cache *auth_cache_new(struct hash_key key);
void auth_cache_free(struct auth_cache *c);
struct auth_entry {
    struct principal who;
    oid_t env;
    char name[128]; /* backs who.name */
};
/* NULL: not known, or older than a minute, or from before the epoch. */
const struct auth_entry *auth_cache_get(struct auth_cache *c, struct str authorization, unsigned epoch, int64_t now_ms);
void auth_cache_put(struct auth_cache *c, struct str authorization, unsigned epoch, int64_t now_ms,
                    const struct principal *who, oid_t env);

/* ---- pump.c ---- */
extern const struct engine_env pump_engine_env; /* arg: the reactor */
void pump_free_all(struct reactor *r);
/* Tries those again that wait to go alone; about once a second. */
void pump_launch_waiting(struct reactor *r);
/* Takes back what is on the wire; nothing more is sent or submitted after. */
void pump_cut(struct reactor *r);
/* A committed delivery to an endpoint of this reactor. */
void pump_take(struct reactor *r, const struct workspace *ws, struct body *body, const struct store_target *target);

/* ---- targets.c ---- */
struct target {
    struct engine_endpoint *engine;
    struct reactor *reactor;
    struct list signing;                   /* reactor.signing, while it has signers */
    const struct workspace *ws;            /* a reference */
    const struct endpoint *ep;             /* inside ws */
    char *host;                            /* "name:port" */
    const struct catalog_profile *profile; /* of the signers */
    struct profile_signers *signers;
    size_t signer_count; /* secrets that were valid when the signers were made */
    bool health_known;
    struct capture capture;
};
/* Makes or refreshes the target from a snapshot; NULL when the endpoint is not in it or is disabled (then it is
 * closed). */
struct target *target_apply(struct reactor *r, const struct workspace *ws, oid_t ep);
/* Signers for a profile version at a time (secrets expire). */
struct profile_signers *target_signers(struct target *t, const struct catalog_profile *p, int64_t now_ms);
void target_forget(struct engine_endpoint *ep);
/* All targets of a workspace get a new snapshot (NULL: it is gone). */
void targets_reload(struct reactor *r, oid_t app, const struct workspace *ws);

/* ---- loader.c ---- */
void loader_refill(struct reactor *r, struct engine_endpoint *ep, int64_t from_pos, int64_t until_pos, size_t limit);
/* Reads the new snapshot of a workspace and gives it to every reactor. Any thread. */
void loader_reload(struct shared *s, oid_t app);
/* Tells the owner that the store has new work for the endpoint. Any thread. */
void loader_pending(struct shared *s, oid_t ep, int64_t pos);
/* Tells the owner that an attempt by hand is in the store. Any thread. */
void loader_by_hand(struct shared *s, oid_t ep);
/* Tells the owner that this delivery is over, its payload gone. Any thread. */
void loader_expunged(struct shared *s, oid_t msg, oid_t ep);
/* Tells the owner that much of what was pending for the endpoint is no longer. Any thread. */
void loader_reread(struct shared *s, oid_t ep);
/* Lists the pending work of the whole store and tells the owners; on the calling thread, before the reactors run or
 * while they do. */
MUST_USE enum err loader_start(struct shared *s, struct store_reader *reader, size_t *endpoints);

/* ---- disable.c ---- */
/* Disables an endpoint that is gone (410) or has failed for too long; on an API worker. */
void disable_endpoint(struct shared *s, oid_t ep, const char *reason);

#endif
