/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner does what runs of automations are due for. One thread takes due cues, schedules and runs from the store,
 * workspaces in turn, and does a step of each of many runs at a time; HTTP requests wait on a loop of their own with a
 * guarded client.
 *
 * Invariants
 *  1. A step's effects inside, its document and the run's new state are one change of the store, which is refused when
 *     somebody else has changed the run: so they happen once, whatever crashes when. Steps of several runs share a
 *     commit, and none of them fails because of another.
 *  2. A request outside carries a key made of run and step, the same in every attempt; that it goes out is committed
 *     before.
 *  3. At most RUNNER_OUTSIDE_PER_APP requests of a workspace are under way.
 *  4. A run that begins to wait does so in a commit that is over before the next cue is told.
 */
#ifndef PR_API_RUNNER_H
#define PR_API_RUNNER_H

#include "api/automation.h"
#include "api/cue.h"
#include "api/known_version.h"
#include "api/record.h"
#include "base/list.h"
#include "delivery/client.h"

#define RUNNER_OUTSIDE_PER_APP 8
#define RUNNER_OUTSIDE_MAX     256

/* Starts the threads; sets api->runner. The configuration's loop is not used. ERR_IO: no thread, reader or client. */
MUST_USE enum err runner_start(struct api *api, int64_t (*now)(void), const struct client_config *c, const char **why);
/* From now on no request goes out. How many are still under way. NULL api->runner is fine. */
size_t runner_drain(struct api *api);
/* Ends after the steps under way; requests under way are left to the next start. NULL api->runner is fine. */
void runner_stop(struct api *api);
/* After runner_stop, when nobody can wake it any more. */
void runner_free(struct api *api);

struct chains; /* runner_chain.h */

/* ---- a step -------------------------------------------------------------------------------------------------------
 */

/* A look at a run whose step is to be done. Everything lives in the arena. */
struct turn {
    struct api *api;
    struct store_reader *reader;
    struct known_versions *versions;
    struct chains *chains;
    struct arena *arena;
    int64_t now_ms;
    struct run run;
    const struct definition *def;
    int64_t concurrency;     /* of its version */
    const struct step *step; /* NULL: there is none left */
    struct doc step_doc;     /* id 0: not begun */
    struct run_step state;
    struct run_view view;
    struct expr_env env;
    struct plan plan;
    const struct json *input; /* rendered */
    bool mail;                /* a letter is among its effects */
    /* A run that is not in the store yet (run_ahead.h): what started it. Nothing is read, and the run is not planned.
     */
    bool ahead;
    const struct json *trigger;
};

enum outcome_kind {
    OUTCOME_DONE,   /* goes on with `next` */
    OUTCOME_FAILED, /* of this attempt, with `error` */
    OUTCOME_WAITS,  /* until due_ms, TIME_NEVER: for ever */
    OUTCOME_SENT    /* is to be asked outside */
};

struct outcome {
    enum outcome_kind kind;
    int next;
    struct str output; /* JSON object; null: none */
    struct str error;
    int64_t due_ms;
    int64_t retry_after_ms; /* FAILED: what the server asks for, 0: nothing */
    bool final;             /* FAILED: trying again would not help */
};

/* Reads the run and its step. ERR_NOT_FOUND: nothing is to be done about it. */
MUST_USE enum err turn_load(struct turn *t, oid_t run);
/* Goes to the run's step; what is stored of it is not read. ERR_INVALID: there is no such step. */
MUST_USE enum err turn_find_step(struct turn *t);
/* Does the step as far as the store goes: effects are in t->plan. Store errors only; what fails is an outcome. */
MUST_USE enum err turn_do(struct turn *t, struct outcome *out);
/* Adds what became of it to the plan. */
MUST_USE enum err turn_plan(struct turn *t, const struct outcome *o);
/* Adds to the plan that the run is due later, for nothing of its own. */
MUST_USE enum err turn_put_off(struct turn *t, int64_t due_ms);
/* After the plan's commit with this result. ERR_STALE: somebody changed something: load again. */
MUST_USE enum err turn_end(struct turn *t, enum err committed);
/* The step's own work by its kind. */
enum err step_do_records(struct turn *t, struct outcome *out);
enum err step_do_tags(struct turn *t, struct outcome *out);
enum err step_do_emit(struct turn *t, struct outcome *out);
enum err step_do_wait(struct turn *t, struct outcome *out);
enum err step_do_start(struct turn *t, struct outcome *out);
enum err step_do_stop(struct turn *t, struct outcome *out);
enum err step_do_mail(struct turn *t, struct outcome *out);
/* The record that `target` names, and its type unless NULL. False: *out, or *e is a store error. */
bool step_target(struct turn *t, struct doc *d, struct record_type *type, enum err *e, struct outcome *out);
/* The outcome of a failed step. */
struct outcome turn_failed(struct turn *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A member of the rendered input; null: none. */
struct str turn_text(const struct turn *t, const char *name);

/* ---- requests outside ---------------------------------------------------------------------------------------------
 */

#define OUTSIDE_HEADERS_MAX 40 /* the key that comes with each among them */
/* NULL, or why a step may not set it, in words (static). */
const char *outside_header_refusal(struct str name);
/* A request outside; runner_http.c. */
struct outside_desk;
struct outside {
    struct outside *next;
    struct outside_desk *desk;
    struct list node;
    oid_t run;
    oid_t app;
    struct arena *arena; /* of the request and its answer */
    struct client_request request;
    struct loop_task task;
    struct ssrf_url url;
    /* the result */
    struct outcome outcome;
};
/* done is called on the desk's thread. NULL: *why. */
struct outside_desk *outside_open(const struct client_config *c, void (*done)(void *arg, struct outside *o), void *arg,
                                  const char **why);
void outside_close(struct outside_desk *d);
/* The request that a turn's step wants. NULL: *out says why not. */
struct outside *outside_make(struct turn *t, struct outcome *out);
void outside_send(struct outside_desk *d, struct outside *o);
void outside_free(struct outside *o);

#endif
