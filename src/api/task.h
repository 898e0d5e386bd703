/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Background tasks: objects written with the change that asks for them, done in small steps by one thread that gives
 * environments their turns, resumed at start where their cursor stands. A step that a crash repeats does no harm: it
 * finds done what it did. A kind of task is a row in task_types.
 */
#ifndef PR_API_TASK_H
#define PR_API_TASK_H

#include "api/api.h"

enum task_kind {
    TASK_RECOVER,      /* one new attempt for each failed message of ep in [since, until] */
    TASK_FAIL_PENDING, /* ep was disabled or deleted: what is pending fails with `reason` */
    TASK_DELETE_APP,   /* app was deleted: what it has goes too */
    TASK_DELETE_ENV,   /* the environment `victim` was deleted: its workspaces go too */
    TASK_BULK_REPLAY,  /* one new attempt for each message of ep in [since, until] that fits `filter` */
    TASK_REPLAY,       /* a delivery to ep for each message in [since, until] that fits ep and has none */
    TASK_CANCEL,       /* what is pending for ep of messages before `until` is canceled */
    TASK_BROADCAST,    /* a message to each workspace that was there when it was asked for; see broadcast.h */
    TASK_PURGE,        /* the payloads of all messages of app up to `until` are erased */
    TASK_EXPORT,       /* event types as an OpenAPI document, which its data shows once it has ended */
    TASK_APP_STATS,    /* the attempts of workspaces in [since, until] */
    TASK_EVENT_TYPES,  /* the event types that workspaces are subscribed to */
    TASK_IMPORT,       /* records of app from a file; see import.h */
    TASK_TELL,         /* ep was changed: those who want to hear of it do; see operational.h */
    TASK_KINDS
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
    enum delivery_reason reason; /* of TASK_TELL: enum operational_news */
    struct replay_filter filter;
    int64_t cursor; /* of the walk: an id */
    int64_t cursor_pos;
    int64_t processed;      /* rows looked at */
    int64_t done;           /* what task_type.result counts */
    int64_t skipped;        /* what would have fitted, had its payload not been gone; workspaces that refused */
    int64_t parts;          /* of a broadcast: batches so far; of a purge: counted and not yet erased */
    bool open;              /* the last of them is planned, not yet sent */
    bool canceled;          /* by somebody; the status is FAILED, which is what clients know */
    const struct str *apps; /* of statistics: ids of the workspaces; none: all */
    size_t app_count;
    struct str output; /* of statistics: JSON items with commas between, so far */
    struct str error;  /* why it failed; null: it did not */
    int64_t updated_ms;
    uint64_t version;
    int64_t listed_from; /* not stored: of a broadcast, the batch from which on its messages are listed */
};

/* What a step works with. Changes put here are committed with the task, `changes` has room for TASK_CHANGES. */
#define TASK_CHANGES 4
struct task_run {
    struct api *api;
    struct store_reader *reader;
    struct arena *arena; /* of this step */
    int64_t now_ms;
    struct object_change changes[TASK_CHANGES];
    size_t change_count;
};

/*
 * One step: bounded work, the task moved on. *more: again. An error that may be retried leaves the step to be done
 * again, another one fails the task; so does a step that sets task->error.
 */
typedef enum err task_step_fn(struct task_run *r, struct task *t, bool *more);

struct task_type {
    const char *name;
    const char *result; /* the member of `data` that says how many; NULL: none */
    bool known;         /* other servers of this API have it: clients know the name */
    bool kept;          /* after its end, for TASK_KEEP_MS */
    bool cancelable;
    bool theirs;  /* of one workspace, begun by who may change what it concerns: to be seen by them too */
    bool by_time; /* the cursor goes from since to until: how far it is can be said */
    task_step_fn *step;
};
extern const struct task_type task_types[TASK_KINDS];
#define TASK_KEEP_MS (90 * TIME_DAY_MS)

task_step_fn task_step_recover, task_step_bulk_replay, task_step_fail_pending, task_step_cancel, task_step_delete_app;
task_step_fn task_step_replay, task_step_broadcast, task_step_purge, task_step_delete_env, task_step_export;
task_step_fn task_step_app_stats, task_step_event_types, task_step_import, task_step_tell;

/* What creates the task; goes into the commit of what asks for it. Then task_wake. */
struct object_change task_create(struct api *api, struct arena *a, const struct task *t, int64_t now_ms);
/* What writes its state. ERR_STALE on commit: somebody canceled it. */
struct object_change task_update(struct arena *a, const struct task *t, int64_t now_ms);
/* ERR_INVALID: damage. */
MUST_USE enum err task_decode(struct arena *a, const struct object *o, struct task *out);
const char *task_status_name(enum task_status s);
/* Percent, -1: not known. */
int task_percent(const struct task *t);
/* The task has ended: adds what goes with it, at most TASK_CHANGES; *count moves on. */
MUST_USE enum err task_ended(struct store_reader *r, struct arena *a, const struct task *t, int64_t now_ms,
                             struct object_change *changes, size_t *count);
/* Commits the task alone and wakes the thread; the answer is the task's, 202. False: answered. */
bool task_start(struct api *api, struct api_call *call, struct task *t, const struct object_change *extra);
/* The task that a text names, if it is of this kind and workspace and theirs who ask. False: answered. */
bool task_find(struct api *api, struct api_call *call, struct str text, enum task_kind kind, oid_t app,
               struct task *out);
/* Cancels the task, reading it anew while its steps go on, and answers. */
void task_cancel(struct api *api, struct api_call *call, struct task *t);
/* Answers with the task. */
void task_answer(const struct api *api, struct api_call *call, int status, const struct task *t);
/* Tells the thread, if there is one. Any thread. */
void task_wake(struct api *api, oid_t task);

/* Starts the thread, which looks for tasks left running; sets api->tasks. `now` is the clock. ERR_IO: no thread or
 * reader. */
MUST_USE enum err api_tasks_start(struct api *api, int64_t (*now)(void));
/* Ends after the step under way. NULL api->tasks is fine. */
void api_tasks_stop(struct api *api);

#endif
