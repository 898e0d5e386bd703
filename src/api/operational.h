/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operational webhooks: what happens to endpoints and deliveries of an environment, told to endpoints of the
 * environment's own. These belong to a workspace of each environment that nobody sees; events are ordinary messages in
 * it. The same goes to the workspace of the environment MANAGEMENT_ENV whose uid is the name of the environment.
 * What a commit of objects means is told by a task in the same commit (TASK_TELL), so that it is never lost. What
 * became of an attempt is appended after its record: a crash between the two loses it.
 */
#ifndef PR_API_OPERATIONAL_H
#define PR_API_OPERATIONAL_H

#include "api/handler.h"
#include "api/task.h"

/* The uid of the workspace that nobody sees; no other can have it. */
#define OPERATIONAL_UID "$operational"

/* Also those of ingest sources (incoming/source.h), whose uids begin the same way. */
static inline bool operational_hides(struct str uid)
{
    return str_starts(uid, STR("$"));
}

/* What a change of an endpoint means, to be told in this order; the bits of a TASK_TELL's `reason`, on disk. */
enum operational_news {
    NEWS_CREATED = 1,
    NEWS_UPDATED = 2,
    NEWS_DISABLED = 4,
    NEWS_ENABLED = 8,
    NEWS_DELETED = 16,
    NEWS_MAIL = 32 /* with NEWS_DISABLED: by itself, which those hear of by mail whom it concerns */
};

struct operational_event {
    const char *type;
    oid_t app;
    oid_t ep;
    /* of message.attempt.… */
    oid_t msg; /* 0: it is about the endpoint */
    oid_t attempt;
    int http_status;
    int64_t at_ms;
    struct str event_id; /* null: none; of two with the same the second is not appended */
};

/* The workspace that nobody sees, made if it is not there: params[0] becomes its id, what was there params[1]. False:
 * answered. */
bool operational_enter(struct api *api, struct api_call *call);
/* From now on events are kept in this workspace (of operational_enter) also while it has no endpoint for them. Store
 * errors. */
MUST_USE enum err operational_keep(struct api *api, struct api_call *call, const struct object *o, struct app *app);
/*
 * What goes into the commit of a change of an endpoint, so that `news` of it is told: adds the task to changes[*count],
 * if there is anybody to be told. After the commit: operational_wake. Store errors.
 */
MUST_USE enum err operational_plan(struct api *api, struct store_reader *r, struct arena *a, const struct task *about,
                                   unsigned news, int64_t now_ms, struct object_change *changes, size_t *count);
/* Wakes every task that was created by changes. */
void operational_wake(struct api *api, const struct object_change *changes, size_t count);
/* Appends the event where somebody listens. Store errors; blocks. */
MUST_USE enum err operational_append(struct api *api, struct store_reader *r, struct arena *a,
                                     const struct operational_event *ev, int64_t now_ms);
/* Appends the event where somebody listens; a failure is logged. Blocks. */
void operational_send(struct api *api, struct store_reader *r, const struct operational_event *ev, int64_t now_ms);

#endif
