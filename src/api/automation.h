/* SPDX-License-Identifier: Apache-2.0 */
/* Automations and their runs in the store: what the API and the runner share. */
#ifndef PR_API_AUTOMATION_H
#define PR_API_AUTOMATION_H

#include "api/plan.h"
#include "automation/automation.h"
#include "automation/run.h"
#include "base/time.h"
#include "records/type.h"

/* ERR_NOT_FOUND: none of this workspace, or deleted. */
MUST_USE enum err automation_load(struct store_reader *r, struct arena *a, oid_t app, oid_t id, struct automation *out);

/* A definition. */
struct automation_version {
    oid_t id;
    int64_t number;
    int64_t published_ms; /* 0: a draft */
    int64_t concurrency;  /* runs that may be at work at a time; 0: any number */
    int64_t created_ms;
    const struct json *trigger; /* NULL: none given */
    const struct json *steps;   /* a list */
    struct str body;
};
MUST_USE enum err automation_version_load(struct store_reader *r, struct arena *a, oid_t id,
                                          struct automation_version *out);
/* Of the object. ERR_INVALID: damage. */
MUST_USE enum err automation_version_decode(struct arena *a, const struct object *o, struct automation_version *out);

/* No run needs a version that was replaced so long ago: none is so old, and what has ended is forgotten. */
#define VERSION_KEEP_MS        (RUN_LIFE_MS + RUN_KEEP_MS + 5 * TIME_DAY_MS)
#define VERSIONS_MAX           2000 /* that an automation keeps */
#define VERSIONS_FORGOTTEN_MAX 2    /* for each that is made, so that they become fewer */
/* The versions after this number, in their order; the objects are of the call's arena. Store errors. */
MUST_USE enum err automation_versions_list(struct api_call *call, const struct automation *m, int64_t after,
                                           size_t limit, struct object **out, size_t *count);
/* Adds the changes that forget the oldest versions. ERR_TOO_LARGE: too many are younger. Store errors. */
MUST_USE enum err automation_versions_forget(struct api_call *call, const struct automation *m,
                                             struct object_change *changes, size_t *count);

/* What is stored of a step that was begun. */
struct run_step {
    struct str id; /* "trigger": no step, its output is the run's trigger */
    struct str type;
    int64_t began_ms;
    int64_t ended_ms; /* 0: not yet */
    int64_t attempts;
    struct str input;  /* JSON; null: none */
    struct str output; /* JSON; null: none */
    struct str error;  /* null: none */
};
MUST_USE enum err run_step_decode(struct arena *a, const struct doc *d, struct run_step *out);
/* The rendered input of an http_request step with values of headers that are secrets masked. */
struct str run_step_masked(struct arena *a, struct str input);
/* The document's body. */
struct str run_step_encode(struct arena *a, const struct run_step *s);

/* The roots of a run's templates, with what they hold. */
#define RUN_ROOTS 7
struct run_view {
    struct expr_root roots[RUN_ROOTS];
    size_t count;
    size_t bytes; /* of the JSON that was read for them */
    /* Templates name the request that started it, which was kept too short. */
    bool trigger_is_gone;
};
/* steps: {"id": output…}; event: NULL, or what `event` is. */
struct run_facts {
    const struct run *run;
    const struct json *trigger;
    const struct json *steps;
    const struct json *event;
    const struct step_reads *reads; /* NULL: everything; else what it does not name is left out */
};
MUST_USE enum err run_view_make(const struct api *api, struct store_reader *r, struct arena *a,
                                const struct run_facts *f, struct run_view *out);
/* Of a stored run, for a step of it. */
MUST_USE enum err run_view_load(const struct api *api, struct store_reader *r, struct arena *a, const struct run *run,
                                const struct step_reads *reads, const struct json *event, struct run_view *out);
/* What started a run: its own, or made of the request; null: nothing, or what is not kept any more. */
MUST_USE enum err run_trigger_json(struct store_reader *r, struct arena *a, const struct run *run, struct str *out);
struct expr_env run_env(struct arena *a, const struct run_view *v, int64_t now_ms);

#define CONCURRENCY_MAX 100
/* The run gives up its place, if it has one. */
void run_plan_leave(struct plan *p, struct run *run);
/* Ends a run in a plan: its document as it was read, without key and due time. */
void run_plan_end(struct plan *p, const struct run *run, enum run_status status, struct str error);
/* A record by id, whatever its type. ERR_NOT_FOUND. */
MUST_USE enum err automation_record(const struct api *api, struct store_reader *r, struct arena *a, oid_t app,
                                    struct str type, struct str text, struct doc *d);
/* The type that a DOC_RECORD's ref names. ERR_NOT_FOUND. */
MUST_USE enum err automation_record_type(struct store_reader *r, struct arena *a, int64_t ref, struct record_type *out);
/* The id, key, tags and data of a record as templates see it. */
struct str automation_record_json(const struct api *api, struct arena *a, const struct doc *d);

#endif
