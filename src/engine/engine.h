/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine of one reactor: what is due, who may send now, what an outcome means, when to try again. It owns the
 * endpoints of its shards and nothing else: no clock, no randomness, no system call of its own. Times are Unix
 * milliseconds.
 *
 * Work is one delivery in memory:
 *
 *   add / refill ─▶ WAITING ─(due)─▶ READY ─(start)─▶ RUNNING ─(outcome)─▶ RECORDING ─(committed)─▶ gone, or WAITING
 * again
 *
 * Invariants
 *  1. A delivery is in memory at most once; loading it again is harmless.
 *  2. An endpoint is resident while all of its pending work that lies before `stored_pos`, but what is asked for by
 * hand from `by_hand_pos` on, is in memory; hand-over adds
 * to memory only then, else it only moves the mark and the work comes back by an ordered refill.
 *  3. Work that ended while a refill was being read leaves a tombstone until that refill is in, so that a stale row
 * cannot start it a second time.
 *  4. What is in flight or being recorded is bounded by limits.total; an endpoint's by its window; a host's by its
 * gate.
 *  5. A FIFO endpoint has one piece of work beyond READY at most, the one with the smallest pos, until its outcome is
 * final.
 */
#ifndef PR_ENGINE_ENGINE_H
#define PR_ENGINE_ENGINE_H

#include "engine/breaker.h"
#include "model/message.h"
#include "model/object.h"

struct engine;
struct engine_endpoint;

struct engine_limits {
    int per_endpoint;         /* in flight */
    int total;                /* in flight or being recorded, of this engine */
    size_t resident_max;      /* pieces of work in memory per endpoint */
    size_t bytes_max;         /* of bodies in memory, all endpoints */
    size_t idle_max;          /* endpoints kept that have nothing to do; past it the longest idle is forgotten */
    int64_t horizon_ms;       /* work due later than this need not stay in memory */
    int64_t disable_after_ms; /* an exhaustion this long after an earlier one, without success between, disables */
};

/* A piece of work in memory; the engine's. `body` is the driver's, which is told when it is no longer needed. */
struct work {
    struct engine_endpoint *ep;
    oid_t msg;
    oid_t profile_version;
    oid_t transform;              /* 0: none */
    int tries;                    /* scheduled attempts made */
    enum attempt_trigger trigger; /* of the next attempt */
    int64_t due_ms;
    int64_t pos;
    size_t body_bytes;
    void *body;
};

/* What the driver knows of an endpoint; strings and arrays stay valid until the next engine_configure. */
struct engine_config {
    oid_t app;
    const char *host;         /* "name:port", the key of the host's gate */
    int rate_per_second;      /* 0 = unlimited */
    int workspace_per_second; /* of all endpoints of the workspace, of all engines; 0 = unlimited */
    bool fifo;
    int64_t enabled_ms; /* its health before then does not count */
};

/* How the driver does what the engine decides. None of these calls back into the engine. */
struct engine_env {
    void *arg;
    uint64_t (*random)(void *arg);
    /* Begin an attempt; ends with engine_outcome. */
    void (*start)(void *arg, struct work *w);
    /* Read pending work of the endpoint with from_pos <= pos <= until_pos, in order, at most `limit` rows; ends with
     * engine_refilled. */
    void (*refill)(void *arg, struct engine_endpoint *ep, int64_t from_pos, int64_t until_pos, size_t limit);
    /* The work is leaving memory: drop its body. */
    void (*release)(void *arg, struct work *w);
    /* The endpoint is going (closed, and nothing of it under way): drop its user data. */
    void (*forget)(void *arg, struct engine_endpoint *ep);
    /* One more request for a workspace that has a limit: takes its place and returns now_ms, or when to ask again. */
    int64_t (*workspace_pace)(void *arg, oid_t app, int per_second, int64_t now_ms);
    /* One more request to this host? False: engine_host_freed is called when it may be asked again. */
    bool (*host_acquire)(void *arg, void *gate);
    void (*host_release)(void *arg, void *gate);
    void *(*host_open)(void *arg, const char *host);
    void (*host_close)(void *arg, void *gate);
};

struct engine *engine_new(const struct engine_limits *limits, const struct engine_env *env);
/* Nothing may be running. */
void engine_free(struct engine *e);

/* ---- endpoints ---- */

/* NULL if the engine has not met it. */
struct engine_endpoint *engine_find(struct engine *e, oid_t ep);
/* Finds or makes it; without configuration it starts nothing. */
struct engine_endpoint *engine_meet(struct engine *e, oid_t ep);
void engine_configure(struct engine *e, struct engine_endpoint *ep, const struct engine_config *c, int64_t now_ms);
/* Disabled or deleted: forgets its waiting work; what runs ends by itself. */
void engine_close_endpoint(struct engine *e, struct engine_endpoint *ep);
/* What is stored; outcomes may have come before it. */
void engine_set_health(struct engine_endpoint *ep, const struct endpoint_health *stored);
oid_t engine_endpoint_id(const struct engine_endpoint *ep);
void *engine_endpoint_user(const struct engine_endpoint *ep);
void engine_endpoint_set_user(struct engine_endpoint *ep, void *user);
const struct breaker *engine_endpoint_breaker(const struct engine_endpoint *ep);
/* Calls fn for each endpoint of a workspace (app = 0: of all). fn must not add or remove endpoints. */
void engine_each(struct engine *e, oid_t app, void (*fn)(struct engine_endpoint *ep, void *arg), void *arg);

/* ---- work comes in ---- */

/* A committed delivery from memory. Returns whether it was taken; if not, its body is not needed. */
bool engine_add(struct engine *e, struct engine_endpoint *ep, const struct work *w, int64_t now_ms);
/* The store has work of this endpoint at `pos` (0: somewhere) that the engine may not know of. */
void engine_pending(struct engine *e, struct engine_endpoint *ep, int64_t pos, int64_t now_ms);
/* The store has an attempt that somebody asked for by hand: it is read at once, however much waits in memory (not for a
 * FIFO endpoint). */
void engine_by_hand(struct engine *e, struct engine_endpoint *ep, int64_t now_ms);
/* The store has ended this delivery before it was tried: what waits of it leaves memory, what runs ends by itself,
 * without another try. */
void engine_forget(struct engine *e, struct engine_endpoint *ep, oid_t msg, int64_t now_ms);
/* The store has changed what is pending of this endpoint, of many deliveries at once: what waits leaves memory and is
 * read again, what runs ends by itself and is looked at again then. */
void engine_reread(struct engine *e, struct engine_endpoint *ep, int64_t now_ms);
/*
 * What a refill read. Bodies of rows that are not taken are released. next_pos: of the first row that was not read,
 * TIME_NEVER if none. failed: nothing was read, try again later.
 */
void engine_refilled(struct engine *e, struct engine_endpoint *ep, const struct work *rows, size_t count,
                     int64_t next_pos, bool failed, int64_t now_ms);

/* ---- attempts ---- */

struct engine_outcome {
    bool success;
    bool gone;              /* the endpoint said 410 and its profile says that this disables */
    bool final;             /* no retry makes sense (expired payload) */
    bool breaker_counts;    /* a failure that says something about the endpoint's health */
    int64_t retry_after_ms; /* -1 = none */
    const int64_t *schedule_ms;
    size_t schedule_count;
};

/* What the outcome means; to be recorded. */
struct engine_verdict {
    enum delivery_status status;
    enum delivery_reason reason;
    int64_t due_ms; /* with PENDING */
    bool in_order;  /* the delivery keeps its place in the endpoint's order */
    bool health_changed;
    struct endpoint_health health;
    const char *disable; /* disable the endpoint: "gone" or "failing"; NULL: no */
};

/* The attempt has ended. The work stays until engine_recorded. */
void engine_outcome(struct engine *e, struct work *w, const struct engine_outcome *o, int64_t now_ms,
                    struct engine_verdict *v);
/* The verdict is on disk. again: the store moved nothing because its row says otherwise; what is pending comes by
 * refill. */
void engine_recorded(struct engine *e, struct work *w, bool again, int64_t now_ms);
/* The attempt never left (no slot, shutting down): back to READY, nothing consumed. */
void engine_unstart(struct engine *e, struct work *w, int64_t now_ms);

/* ---- time ---- */

/* Starts what may start and asks for what must be read. */
void engine_step(struct engine *e, int64_t now_ms);
/* When to step again at the latest; TIME_NEVER if nothing waits. */
int64_t engine_next_ms(const struct engine *e);
/* A host's gate has room again. */
void engine_host_freed(struct engine *e, const char *host);
/*
 * Lets everything try again that waits for a host or for other suspects; about once a second. Each end of an attempt
 * lets one in; should that one have nothing to send any more, nobody else would be let in its place.
 */
void engine_retry_blocked(struct engine *e);
/* While paused nothing starts (the store is full, or draining). */
void engine_pause(struct engine *e, bool paused);

struct engine_stats {
    size_t endpoints;
    size_t running;
    size_t recording;
    size_t in_memory;
    size_t bytes;
    size_t breakers_open;
};
void engine_stats(const struct engine *e, struct engine_stats *out);

#endif
