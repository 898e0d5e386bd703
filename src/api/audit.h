/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit log of an environment: who did what, when, from where; never with what values. OBJ_AUDIT, append-only, a
 * chain: each entry has the SHA-256 of the one before it and of itself, so that nothing can be changed, taken out or
 * put in between without it showing. What changes objects is written in the same commit as the change.
 *
 * An action is the operation's id in the description of the API without its "v1.": "endpoint.update". All operations
 * that change something are written but those of the event stream itself (audit_skips), and so is the reveal of a
 * secret.
 */
#ifndef PR_API_AUDIT_H
#define PR_API_AUDIT_H

#include "api/handler.h"
#include "auth/user.h"

struct audit_place {
    oid_t env;
    struct str name; /* "org_…" */
};
struct audit_what {
    const char *action;
    struct str target;       /* an id or a name; null: none */
    struct str app;          /* the workspace; null: none */
    const struct user *user; /* who did it, NULL: call->who */
};

/* Runs the operation with an entry for each place. ERR_CONFLICT and op->failed_at speak of the operation's own changes
 * only. */
MUST_USE enum err audit_run(struct api *api, struct api_call *call, struct store_objects *op,
                            const struct audit_what *what, const struct audit_place *places, size_t count);
/* As store_run, with the entry that the call's operation deserves. */
MUST_USE enum err audit_commit(struct api *api, struct api_call *call, struct store_objects *op);
/* After the handler: an entry if the call deserves one and has none yet. What cannot be written is not answered. */
void audit_finish(struct api *api, struct api_call *call);
/* In all environments that the user is a member of, or becomes one by these changes (count 0: nothing but entries). */
MUST_USE enum err audit_user_run(struct api *api, struct api_call *call, const struct user *u, const char *action,
                                 struct object_change *changes, size_t count);

#endif
