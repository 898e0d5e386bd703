/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Customers' JavaScript, run where it can reach nothing: a few worker processes without environment, descriptors, files
 * or network, a fresh engine for every run, limits of time and memory that end the worker and not the server.
 *
 *   turns.c    whose turn it is: workspaces in turn, then their endpoints in turn
 *   pool.c     a thread for each worker process; starts at the first need, rests when idle
 *   process.c  the parent's end: start, ask, watch, kill
 *   worker.c   the other end: `postrider transform-worker`; jsc.c the engine, prelude.c what the code finds,
 *              sandbox.c what it does not
 *   call.c     what the handler is given; result.c what its answer means
 *
 * The engine is JavaScriptCore of libjavascriptcoregtk, loaded by the worker alone, when there is something to run.
 */
#ifndef PR_TRANSFORM_TRANSFORM_H
#define PR_TRANSFORM_TRANSFORM_H

#include "base/arena.h"
#include "base/list.h"
#include "model/transformed.h"
#include "signing/profile.h"
#include "ssrf/ssrf.h"
#include "store/store.h"

#define TRANSFORM_CODE_MIN 10 /* bytes */
#define TRANSFORM_CODE_MAX 51200
#define TRANSFORM_PACKAGE  "libjavascriptcoregtk-4.1-0"

struct transform_pool;
struct transform_process;

struct transform_limits {
    int workers;
    int64_t wall_ms;     /* of a run, from the moment a worker has it */
    int64_t cpu_ms;      /* of a run */
    size_t memory_bytes; /* of a run, beyond what an idle worker takes */
    size_t output_bytes; /* of a payload */
};

/* ---- one run ----------------------------------------------------------------------------------------------------- */

struct transform_call {
    bool only_check;      /* syntax, top level, and whether there is a handler; nothing is called */
    struct str code;      /* UTF-8 */
    struct str variables; /* JSON object; null: none */
    struct str url;
    struct str event_type;
    struct str event_id; /* null: none */
    struct str message_id;
    struct str channels; /* JSON array, or null */
    struct str params;   /* transformationsParams, a JSON object, or null */
    struct str payload;
    bool payload_is_text; /* not JSON: the handler gets a string */
    int64_t now_ms;       /* what the code takes for the time */
    uint64_t seed;        /* of Math.random */
    bool want_logs;
};

enum transform_status {
    TRANSFORM_OK,
    TRANSFORM_FAILED,  /* the code's own doing: an exception, no handler, a result that cannot be used */
    TRANSFORM_KILLED,  /* it passed a limit and took its worker along */
    TRANSFORM_MISSING, /* there is no engine on this machine, or it cannot be started; *text names the package */
    TRANSFORM_BUSY     /* too many wait in this workspace */
};

struct transform_result {
    enum transform_status status;
    struct str text; /* TRANSFORM_OK: the worker's JSON; else what is wrong, in words, with the line. In the arena */
};

/* Runs on the worker process of the calling pool thread and waits; *out lives in `a`. */
void transform_run(struct transform_process *p, const struct transform_call *call, struct arena *a,
                   struct transform_result *out);

/* What the handler said, checked: url, method, headers, body; slices of `a` and of the call. logs (may be NULL): a JSON
 * array of strings. NULL, or why it cannot be used, in words. */
const char *transform_read(const struct transform_limits *limits, const struct ssrf_policy *urls,
                           const struct profile *profile, const struct transform_call *call, struct str text,
                           struct arena *a, struct transformed *out, struct str *logs);

/* ---- the pool ---------------------------------------------------------------------------------------------------- */

/* Embedded in its owner; `run` is called once on a pool's thread, and may free it. NULL, NULL: the pool ends, nothing
 * can be run. */
struct transform_job {
    struct list node; /* the pool's; list_init before */
    oid_t app, ep;    /* whose turn it takes */
    void (*run)(struct transform_job *job, struct transform_process *p, struct store_reader *reader);
};

/* Makes no thread and no process yet. */
struct transform_pool *transform_pool_new(struct store *store, const struct transform_limits *limits);
const struct transform_limits *transform_pool_limits(const struct transform_pool *p);
/* TRANSFORM_OK: taken. TRANSFORM_BUSY: too many of this workspace wait. TRANSFORM_MISSING: no thread or no reader
 * could be had. Any thread. */
enum transform_status transform_submit(struct transform_pool *p, struct transform_job *job);
/* Runs it and waits for its end. Not on a loop's thread. */
enum transform_status transform_submit_wait(struct transform_pool *p, const struct transform_call *call, oid_t app,
                                            oid_t ep, struct arena *a, struct transform_result *out);
/* Lets everybody go who waits, ends threads and processes. NULL is fine. */
void transform_pool_free(struct transform_pool *p);

/* Whether a worker would find its library. Loads it: for a command that ends soon. */
bool transform_engine_is_here(void);
/* The command that a worker process is. Returns its exit status. */
int transform_worker_main(void);
#define TRANSFORM_WORKER_COMMAND "transform-worker"

#endif
