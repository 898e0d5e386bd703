/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of an automation, compiled: every string is a template (expr/expr.h), every condition checked, and branches
 * laid out flat, so that where a run stands is one step's id.
 *
 * A kind of step is a row of definition_kinds with its fields; the same rows check what is saved, render what is done,
 * and describe it.
 */
#ifndef PR_AUTOMATION_DEFINITION_H
#define PR_AUTOMATION_DEFINITION_H

#include "automation/condition.h"
#include "model/field.h"

#define DEFINITION_STEPS_MAX 200
#define DEFINITION_DEPTH_MAX 10 /* branches within branches */
#define DEFINITION_ARMS_MAX  20 /* of one branch */
#define DEFINITION_BYTES_MAX 262144
#define STEP_FIELDS_MAX      8
#define STEP_RETRIES_MAX     20
#define STEP_INPUT_MAX       ((size_t)1 << 20) /* bytes that it renders to */

enum step_kind {
    STEP_UPSERT_RECORD,
    STEP_UPDATE_RECORD,
    STEP_ADD_TAG,
    STEP_REMOVE_TAG,
    STEP_SET,
    STEP_EMIT_EVENT,
    STEP_BRANCH,
    STEP_WAIT,
    STEP_START_SEQUENCE,
    STEP_STOP_SEQUENCE,
    STEP_HTTP_REQUEST,
    STEP_SEND_EMAIL,
    STEP_KINDS
};

enum step_value_kind {
    VALUE_PLAIN,  /* text that is no template */
    VALUE_TEXT,   /* a template */
    VALUE_OBJECT, /* a JSON object whose strings are templates */
    VALUE_JSON,   /* any JSON whose strings are templates */
    VALUE_TEXTS,  /* an object of templates */
    VALUE_NAMES,  /* a text, or a list of them; no templates */
    VALUE_NUMBER, /* a whole number */
    VALUE_CONDITION
};

struct step_field {
    const char *name;
    enum step_value_kind kind;
    bool required;
    enum expr_dest dest; /* of TEXT and TEXTS */
    int64_t min, max;    /* of NUMBER; max of PLAIN: bytes */
    const char *what;
};

struct step_type {
    const char *name;
    const char *what;
    bool outside; /* what it does is not of the store: it may fail and be tried again */
    struct step_field fields[STEP_FIELDS_MAX];
};
extern const struct step_type step_types[STEP_KINDS];

/* A field as it was given. */
struct step_value {
    const struct step_field *field;
    const struct json *json;
    const struct expr_template *text;         /* TEXT; of JSON: a text that Content-Type has a way to encode for */
    enum expr_dest dest;                      /* of that text */
    const struct expr_tree *tree;             /* OBJECT, JSON */
    const struct expr_template *const *texts; /* TEXTS, in the order of json's members */
    const struct condition *condition;        /* CONDITION */
};

struct step_arm {
    const struct condition *when;
    int first; /* the step to go on with */
};

/* What the templates of a step name, so that no more is read for it. */
struct step_reads {
    bool trigger;
    bool target;             /* also as `contact` */
    bool all_steps;          /* `steps` by itself */
    const struct str *steps; /* else the ids that follow it, each once */
    size_t step_count;
    struct str unknown; /* the first that expressions never have; null: none */
};

struct step {
    struct str id;
    enum step_kind kind;
    const struct json *json;
    struct str path; /* below "steps", as problems name it */
    struct step_value values[STEP_FIELDS_MAX];
    size_t value_count;
    const int64_t *retry_ms; /* waits between its attempts */
    size_t retry_count;
    bool goes_on; /* when it has failed for good: with its next step */
    int next;     /* -1: the end */
    struct step_reads reads;
    struct step_arm *arms;
    size_t arm_count;
    int otherwise; /* no arm's condition holds */
};

struct definition {
    struct step *steps;
    size_t count;
    int first; /* -1: there are none */
};

/*
 * Compiles the list of steps, which must outlive it. False: problems at "steps", with the path below it
 * ("0.set.email").
 */
bool definition_compile(struct arena *a, const struct json *steps, struct definition *out, struct problems *problems);
/* The step of this id; -1: none. */
int definition_find(const struct definition *d, struct str id);
/* The field as it was given; NULL: it was not. */
const struct step_value *step_value(const struct step *s, const char *name);

/*
 * Writes {field: rendering…}, the input of a step, conditions excepted. ERR_INVALID, ERR_TOO_LARGE: env->why, and
 * env->at names the field.
 */
MUST_USE enum err step_render(const struct step *s, struct expr_env *env, struct buf *out);

/* Fills in s->reads; the step is compiled and without problems. */
void step_find_reads(struct arena *a, struct step *s);
/* Calls for each event type that a step waits for. */
void definition_each_awaited(const struct definition *d, void (*visit)(void *arg, struct str event_type), void *arg);

#endif
