/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs of automations: what is stored of one (a DOC_RUN; each step that was begun has a DOC_STEP), and how one starts.
 *
 * Invariants
 *  1. A run has due_ms != 0 exactly while there is something to be done about it: always while RUN_RUNNING, and while
 *     RUN_WAITING unless it waits for an event without end.
 *  2. Its version (OBJ_AUTOMATION_VERSION) never changes, whatever becomes of the automation.
 *  3. The key of a run that is about a record begins with run_target_prefix, so that the runs about it are found; it
 *     is given up when the run ends, as is its place. Of runs that may not be side by side it is the prefix itself,
 * which is unique.
 */
#ifndef PR_AUTOMATION_RUN_H
#define PR_AUTOMATION_RUN_H

#include "base/arena.h"
#include "model/doc.h"

#define RUN_STEPS_MAX 1000 /* begun by one run, retries by hand included */
#define RUN_DEPTH_MAX 10   /* runs that start runs */
/* How deep the JSON is nested that a run may hold: documents of ours have it some levels further down. */
#define RUN_JSON_DEPTH  100
#define STEP_JSON_DEPTH 116 /* of what a step's input becomes */
#define RUN_LIFE_MS     ((int64_t)365 * 24 * 3600 * 1000)
#define RUN_KEEP_MS     ((int64_t)30 * 24 * 3600 * 1000) /* after its end */
#define RUN_VARS_MAX    65536                            /* bytes of its variables */

/* Of a DOC_RUN and of a DOC_STEP; on disk. */
enum run_status { RUN_RUNNING, RUN_WAITING, RUN_DONE, RUN_FAILED, RUN_CANCELLED };
const char *run_status_name(enum run_status s);
static inline bool run_is_over(enum run_status s)
{
    return s >= RUN_DONE;
}

struct run {
    oid_t id;
    oid_t app;
    oid_t automation;
    enum run_status status;
    struct str key; /* null: none, or given up */
    int64_t due_ms;
    int64_t created_ms;
    int64_t updated_ms;
    uint64_t doc_version;
    /* the body */
    int64_t version;    /* oid of the OBJ_AUTOMATION_VERSION */
    int64_t request;    /* oid of the DOC_REQUEST that started it; 0: none */
    int64_t parent;     /* oid of the run that started it; 0: none */
    int64_t target;     /* oid of the record that it is about; 0: none. Also the document's `about` */
    struct str held;    /* its key, also after it was given up */
    struct str trigger; /* JSON object: root `trigger` of its templates; null: it stands in a step's document, or: */
    int64_t request_until_ms; /* until then it is made of the request, which is kept so long; 0: it is not */
    struct str vars;          /* JSON object: root `vars`; null: none set */
    struct str at;            /* id of the step to be done; null: the first */
    int64_t step_doc;         /* oid of the DOC_STEP of that step; 0: not begun */
    int64_t attempt;          /* of that step, so far */
    int64_t depth;            /* 0: started from outside */
    int64_t origin;           /* oid of the run that it comes from, however far; 0: it began by itself */
    int64_t place;            /* oid of the DOC_PLACE that it holds, of an automation with few; 0: none */
    int64_t until_ms;         /* a wait for an event that is put off: its deadline; 0: due_ms is */
    int64_t steps;            /* begun so far */
    int64_t ended_ms;         /* 0: not yet */
    struct str error;         /* why it failed; null: it did not */
};

/* ERR_INVALID: damage. */
MUST_USE enum err run_decode(struct arena *a, const struct doc *d, struct run *out);
/* The document as it shall be written. */
void run_encode(struct arena *a, const struct run *r, struct doc *out);
/* While it waits for an event: only what was accepted until then counts; 0: whatever comes. */
static inline int64_t run_deadline_ms(const struct run *r)
{
    return r->until_ms != 0 ? r->until_ms : r->due_ms;
}
/* Until when what started it is needed, at the time of its last change: for its next step, or to be tried again. */
int64_t run_needs_trigger_ms(const struct run *r);

struct str run_target_prefix(struct arena *a, oid_t target);
/* The key of a run beside which there may be others. */
struct str run_target_key(struct arena *a, oid_t target, oid_t run);

/* ---- starting one -------------------------------------------------------------------------------------------------
 */

struct api;

struct run_start {
    oid_t app;
    oid_t automation;
    oid_t version;            /* the one that is published: OBJ_AUTOMATION_VERSION */
    oid_t request;            /* the DOC_REQUEST; 0: none */
    struct str trigger_json;  /* JSON object: what templates know as `trigger`; null: the request has it */
    int64_t request_until_ms; /* then: how long it is kept */
    bool alone;               /* ERR_CONFLICT while there is such a run that has not ended and is about `target` */
    int64_t now_ms;
    /* set by those who start runs from runs; else 0 */
    oid_t parent;
    oid_t target;
    int64_t depth;
    oid_t origin;
    struct str refused; /* why it fails at once; null: it does not */
};

/* A run, due now, that is not stored yet. */
struct run run_begin(struct api *api, struct arena *a, const struct run_start *s);
/* The DOC_RUN to be created, due now; goes into the commit of what starts it, then runner_wake. */
struct doc_change run_create(struct api *api, struct arena *a, const struct run_start *s);
/* Something may be due: the runner looks. Any thread; nothing where there is no runner. */
void runner_wake(const struct api *api);

#endif
