/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Background jobs: objects written with the change that asks for them, done in small steps by one thread, resumed at
 * start where their cursor stands. A step that a crash repeats does no harm.
 */
#ifndef PR_API_TASK_H
#define PR_API_TASK_H

#include "api/api.h"

enum task_kind {
    TASK_RECOVER,      /* one new attempt for each failed message of ep in [since, until] */
    TASK_FAIL_PENDING, /* ep was disabled or deleted: what is pending fails with `reason` */
    TASK_DELETE_APP,   /* app was deleted: its endpoints go too */
    TASK_DELETE_ENV    /* the environment `victim` was deleted: its workspaces go too */
};

enum task_status { TASK_RUNNING, TASK_FINISHED, TASK_FAILED };

struct task {
    oid_t id;
    enum task_kind kind;
    enum task_status status;
    oid_t env;
    int64_t app;    /* oid */
    int64_t ep;     /* oid */
    int64_t victim; /* oid of another environment: the task is its owner's */
    int64_t since_ms;
    int64_t until_ms;
    enum delivery_reason reason;
    int64_t cursor; /* of the sweep */
    int64_t updated_ms;
    uint64_t version;
};

/* What creates the task; goes into the commit of what asks for it. Then task_wake. */
struct object_change task_create(struct api *api, struct arena *a, const struct task *t, int64_t now_ms);
/* ERR_INVALID: damage. */
MUST_USE enum err task_decode(struct arena *a, const struct object *o, struct task *out);
const char *task_kind_name(enum task_kind k);
const char *task_status_name(enum task_status s);
/* Tells the thread, if there is one. Any thread. */
void task_wake(struct api *api, oid_t task);
/* The stored body. */
struct str task_body(struct arena *a, const struct task *t);

/* Starts the thread, which looks for tasks left running; sets api->tasks. `now` is the clock. ERR_IO: no thread or
 * reader. */
MUST_USE enum err api_tasks_start(struct api *api, int64_t (*now)(void));
/* Ends after the step under way. NULL api->tasks is fine. */
void api_tasks_stop(struct api *api);

#endif
