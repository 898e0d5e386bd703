/* SPDX-License-Identifier: Apache-2.0 */
/* The runner's inside: the thread (runner.c), places for requests outside (runner_slots.c), runs (runner_batch.c). */
#ifndef PR_API_RUNNER_PRIV_H
#define PR_API_RUNNER_PRIV_H

#include <pthread.h>

#include "api/due.h"
#include "api/runner.h"
#include "api/runner_chain.h"

#define BATCH      PLANS_MAX /* runs that go on together */
#define LATER_MAX  64
#define APPS_KNOWN 256

/* A run or cue that met trouble: not before then. */
struct later {
    oid_t id;
    int64_t until_ms; /* monotonic */
    int tries;
};

struct waiting_app {
    oid_t app;
    int64_t slot_ms; /* the next time that has not been given away */
};

struct runner {
    struct api *api;
    int64_t (*now)(void);
    struct store_reader *reader;
    struct known_versions versions;
    struct chains chains;
    struct due_turns cues, runs;
    struct later later[LATER_MAX];
    size_t later_count;
    struct outside_desk *desk;
    struct outside *unwritten; /* answered, but not in the store yet */
    struct outside *under_way[RUNNER_OUTSIDE_MAX];
    size_t under_way_count;
    struct waiting_app apps[APPS_KNOWN];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    /* under the lock */
    struct outside *answered;
    size_t outside; /* under_way_count */
    bool news;
    bool draining;
    bool stop;
};

/* All but the reader, the desk and the thread. */
void runner_init(struct runner *r, struct api *api, int64_t (*now)(void));

/* What one look found. */
struct look {
    bool good;       /* the store can */
    bool worked;     /* something was done */
    int64_t next_ms; /* when there is more, as far as known */
};
/* What the thread does again and again: writes the answers that came, tells cues, does steps of runs that are due. */
struct look runner_look(struct runner *r);

bool runner_stopping(struct runner *r);
bool runner_draining(struct runner *r);

/* What is to be done with a run: its step, or the answer to its request. */
struct task {
    oid_t run;
    oid_t app;
    bool pulled;            /* put off, but there is a place for its request now */
    struct outside *answer; /* freed by whoever made the task, when it is written */
    bool written;           /* out: the answer is, or it is of no use any more */
    bool left;              /* out: it has given up its place */
};
/* Does steps of runs, at most BATCH. False: the store cannot now. */
bool batch_run(struct runner *r, struct task *tasks, size_t count);

/* ---- trouble ------------------------------------------------------------------------------------------------------
 */

/* Whether it is to be left alone for now. */
bool later_waits(const struct runner *r, oid_t id);
/* Notes that it met trouble; how often so far. 0: there is too much trouble to note more. */
int later_note(struct runner *r, oid_t id);
void later_forget(struct runner *r, oid_t id);
/* When the first of them may be tried, monotonic; TIME_NEVER. */
int64_t later_next(const struct runner *r);
/* What no other try would change. */
bool later_is_hopeless(enum err e);

/* ---- places for requests outside ----------------------------------------------------------------------------------
 */

bool slot_is_under_way(const struct runner *r, oid_t run);
/* Whether the workspace may ask once more. */
bool slot_is_free(struct runner *r, oid_t app);
void slot_take(struct runner *r, struct outside *o);
void slot_give_back(struct runner *r, struct outside *o);
/* When to look again at a run that found no place. */
int64_t slot_next(struct runner *r, oid_t app, int64_t now_ms);
/* How many more requests of the workspace may go out. */
size_t slot_count(struct runner *r, oid_t app);
/* The first runs of the workspace that were put off, at most `room`. */
size_t slot_pull(struct runner *r, oid_t app, struct task *out, size_t room);

/* Whether the run needs a place among the few of its automation for its step. */
bool place_is_needed(const struct turn *t);
/* Plans that it takes one. ERR_NOT_FOUND: there is none. */
MUST_USE enum err place_take(struct turn *t);

/* Due cues, the first of each workspace before the second of any. */
struct cue_list {
    struct doc_due due[DUE_PAGE];
    size_t count;
    int64_t until_ms; /* monotonic: then it is the turn of runs, once each workspace has had one */
};
/* Tells automations of the next cues, at most BATCH, or starts what schedules are due for. *at: the first that was not
 * told; l->count when it is the turn of runs. False: the store cannot now. */
bool cues_tell(struct runner *r, struct cue_list *l, size_t *at);

#endif
