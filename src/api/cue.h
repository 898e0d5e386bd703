/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cues: documents that say that something happened that automations of the workspace may hear of, a message or a change
 * of a record. Written in the transaction of what happened; the runner tells them to those who start with it or wait
 * for it. A workspace whose automations hear of nothing pays one comparison.
 */
#ifndef PR_API_CUE_H
#define PR_API_CUE_H

#include "api/plan.h"

struct cue {
    int64_t msg;       /* oid of the message; 0: a record changed */
    struct str event;  /* its event type, or "record:<type>" */
    struct str change; /* created, updated, deleted */
    struct str record; /* JSON of the record */
    int64_t depth;     /* of the runs that it starts */
    oid_t origin;      /* the run that their chain began with; 0: they begin one */
    int64_t after;     /* the last of those who wait that was told */
    bool told;         /* automations have started */
};
MUST_USE enum err cue_decode(struct arena *a, const struct doc *d, struct cue *out);
struct doc cue_encode(struct oid_source *oids, struct arena *a, oid_t app, const struct cue *c, int64_t now_ms);
/* Whether an automation of the workspace hears of it. */
bool cue_is_heard(const struct workspace *ws, struct str event);
/* What those who wait for an event type belong to, of a DOC_WAIT. */
int64_t cue_wait_ref(struct str event);

/* What is to be written with a message; NULL: nobody hears of it. Then runner_wake. */
struct doc_change *cue_of_message(struct oid_source *oids, struct arena *a, const struct workspace *ws,
                                  const struct message *m, int64_t depth, oid_t origin, int64_t now_ms);
/* Adds what is to be written with the change of a record: created, updated, deleted. */
void cue_plan_record(struct plan *p, struct str type, const char *change, const struct doc *d);

#endif
