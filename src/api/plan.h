/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be written together: documents, and the messages that follow from them. Whoever changes something on the
 * incoming side puts all of it into a plan and commits it: all or none.
 */
#ifndef PR_API_PLAN_H
#define PR_API_PLAN_H

#include "api/api.h"

/* Everything lives in the arena. Fill in the first part, zero the rest. */
struct plan {
    struct api *api;
    struct store_reader *reader;
    struct arena *arena;
    oid_t app; /* the workspace */
    int64_t now_ms;
    struct str actor; /* JSON object: who causes the messages; null: nobody in particular */
    struct str via;   /* the task that does it, for the history of records; null: none */
    int64_t depth;    /* of the runs that may start because of it: runs that start runs */
    oid_t origin;     /* the run that their chain began with; 0: they begin one */

    struct doc_change *changes;
    size_t count, cap;
    struct message *messages;
    size_t message_count, message_cap;
    size_t cues;   /* for the runner, among the changes */
    bool ids_told; /* an id of its messages stands in a document: one that comes too late is ERR_STALE */
};

/* Adds a change of a document. */
void plan_change(struct plan *p, enum doc_change_kind change, const struct doc *d, uint64_t expected_version);
/* Adds an event of the workspace, whose payload is a JSON object. */
void plan_emit(struct plan *p, struct str event_type, struct str payload);
/*
 * Commits all of it, with the request's idempotency key if `call` is not NULL; messages are matched again while
 * configuration changes. ERR_STALE, ERR_CONFLICT: a document is not as it was read: read again and plan anew. Blocks.
 */
MUST_USE enum err plan_commit(struct plan *p, struct api_call *call);
/* Tells who watches of the runs among changes that are committed; plan_commit does it by itself. */
void runs_changed(const struct api *api, struct store_reader *r, oid_t app, const struct doc_change *changes,
                  size_t count);
#define PLANS_MAX 64
/* The same for several, which share a commit of the store; each has a result of its own, whatever becomes of the
 * others. */
void plan_commit_all(struct plan *const *plans, size_t count, enum err *results);

#endif
