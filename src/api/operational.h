/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operational webhooks: what happens to endpoints and deliveries of an environment, told to endpoints of the
 * environment's own. These belong to a workspace of each environment that nobody sees; events are ordinary messages in
 * it. The same goes to the workspace of the environment MANAGEMENT_ENV whose uid is the name of the environment.
 * An event is appended after the change that it tells of: a crash between the two loses it.
 */
#ifndef PR_API_OPERATIONAL_H
#define PR_API_OPERATIONAL_H

#include "api/handler.h"

/* The uid of the workspace that nobody sees; no other can have it. */
#define OPERATIONAL_UID "$operational"

static inline bool operational_hides(struct str uid)
{
    return uid.len > 0 && uid.ptr[0] == '$';
}

struct operational_event {
    const char *type;
    oid_t app;
    oid_t ep;
    /* of message.attempt.… */
    oid_t msg; /* 0: it is about the endpoint */
    oid_t attempt;
    int http_status;
    int64_t at_ms;
};

/* The workspace that nobody sees, made if it is not there: params[0] becomes its id, what was there params[1]. False:
 * answered. */
bool operational_enter(struct api *api, struct api_call *call);
/* From now on events are kept in this workspace (of operational_enter) also while it has no endpoint for them. Store
 * errors. */
MUST_USE enum err operational_keep(struct api *api, struct api_call *call, const struct object *o, struct app *app);
/* Appends the event where somebody listens; a failure is logged. Blocks. */
void operational_send(struct api *api, struct store_reader *r, const struct operational_event *ev, int64_t now_ms);

#endif
