/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runner does what runs of automations are due for. One thread takes due cues, schedules and runs from the store
 * and does a step after the other; HTTP requests wait on a loop of their own with a guarded client.
 *
 * Invariants
 *  1. A step's effects inside, its document and the run's new state are one commit, which fails when somebody else has
 *     changed the run: so they happen once, whatever crashes when.
 *  2. A request outside carries a key made of run and step, the same in every attempt.
 *  3. At most RUNNER_OUTSIDE_PER_APP requests of a workspace are under way.
 */
#ifndef PR_API_RUNNER_H
#define PR_API_RUNNER_H

#include "api/automation.h"
#include "api/cue.h"
#include "base/list.h"
#include "delivery/client.h"

#define RUNNER_OUTSIDE_PER_APP 2
#define RUNNER_OUTSIDE_MAX     64

/* Starts the threads; sets api->runner. The configuration's loop is not used. ERR_IO: no thread, reader or client. */
MUST_USE enum err runner_start(struct api *api, int64_t (*now)(void), const struct client_config *c, const char **why);
/* Ends after the step under way; requests under way are left to the next start. NULL api->runner is fine. */
void runner_stop(struct api *api);
/* After runner_stop, when nobody can wake it any more. */
void runner_free(struct api *api);

/* ---- inside -------------------------------------------------------------------------------------------------------
 */

/* A look at a run whose step is to be done. Everything lives in the arena. */
struct turn {
    struct api *api;
    struct store_reader *reader;
    struct arena *arena;
    int64_t now_ms;
    struct run run;
    struct automation_version version;
    struct definition def;
    const struct step *step; /* NULL: there is none left */
    struct doc step_doc;     /* id 0: not begun */
    struct run_step state;
    struct run_view view;
    struct expr_env env;
    struct plan plan;
    const struct json *input; /* rendered */
    bool mail;                /* a letter is among its effects */
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
    bool final; /* FAILED: trying again would not help */
};

/* Reads the run and its step. ERR_NOT_FOUND: nothing is to be done about it. */
MUST_USE enum err turn_load(struct turn *t, oid_t run);
/* Does the step as far as the store goes: effects are in t->plan. Store errors only; what fails is an outcome. */
MUST_USE enum err turn_do(struct turn *t, struct outcome *out);
/* Writes what became of it. ERR_STALE: somebody changed something: load again. */
MUST_USE enum err turn_save(struct turn *t, const struct outcome *o);
/* The step's own work by its kind; step_wait.c, step_records.c, step_sequence.c. */
enum err step_do_records(struct turn *t, struct outcome *out);
enum err step_do_tags(struct turn *t, struct outcome *out);
enum err step_do_wait(struct turn *t, struct outcome *out);
enum err step_do_start(struct turn *t, struct outcome *out);
enum err step_do_stop(struct turn *t, struct outcome *out);
enum err step_do_mail(struct turn *t, struct outcome *out);
/* The outcome of a failed step. */
struct outcome turn_failed(struct turn *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A member of the rendered input; null: none. */
struct str turn_text(const struct turn *t, const char *name);

/* Tells automations of a due cue, or starts what a schedule is due for. */
MUST_USE enum err cue_tell(struct api *api, struct store_reader *r, struct arena *a, const struct doc *d,
                           int64_t now_ms);

/* A request outside, owned by the runner until it is `done`; runner_http.c. */
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
/* The request that a turn's step wants. False: *out says why not. */
bool outside_make(struct turn *t, struct outside *o, struct outcome *out);
void outside_send(struct outside_desk *d, struct outside *o);
void outside_free(struct outside *o);

#endif
