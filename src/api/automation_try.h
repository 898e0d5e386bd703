/* SPDX-License-Identifier: Apache-2.0 */
/* Trying an automation without effects: what is tried, with which sample, and what was "done" so far. */
#ifndef PR_API_AUTOMATION_TRY_H
#define PR_API_AUTOMATION_TRY_H

#include "api/automation.h"
#include "api/handler.h"

struct trying {
    struct api *api;
    struct api_call *call;
    struct app app;
    struct automation automation;
    struct automation_version version;
    const struct json *steps; /* those of the request, or of the newest version */
    struct run run;
    oid_t request; /* the one that is the sample; 0: none */
    const struct json *trigger;
    const struct json *target; /* the record that the run would be about */
    struct buf outputs;        /* {"id": output… without its end */
    size_t outputs_count;
    struct problems problems; /* that would keep it from being published */
    struct arena *scratch;    /* what is read and rendered for one step; goes with the next look */
    struct json_writer w;
};

/*
 * Of the request. The body, all of it optional: "trigger", {"body": …}, is the sample, for all kinds of triggers;
 * "sample" names one of its requests; without either it is the sample that was chosen, or the newest request. "steps"
 * are tried instead of those of the newest version, "target" is the record that the run is about. False: answered; else
 * trying_fini.
 */
bool trying_begin(struct api *api, struct api_call *call, struct trying *t);
void trying_fini(struct trying *t);
/* What templates see now, until the next look. */
MUST_USE enum err trying_look(struct trying *t, struct run_view *v);
/* The step's input, until the next look; the null str: *error. */
struct str trying_render(struct trying *t, const struct step *s, struct expr_env *env, struct str *error);
/* From now on the step was done with this input (the null str: without any). Returns the id of the record that it would
 * change; the null str: of none. */
struct str trying_do(struct trying *t, const struct step *s, struct str input);
/* Members of an object of the answer. */
void trying_write_missing(struct trying *t, const struct expr_env *env);
void trying_write_sample(struct trying *t);

#endif
