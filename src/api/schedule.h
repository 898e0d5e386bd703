/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a schedule is due next: a DOC_CUE of what has it, which the runner finds. It is written before what it is for
 * comes into force, so that a crash between loses no time; so a time that is not in the schedule in force starts
 * nothing, and a young document of no schedule waits a little.
 */
#ifndef PR_API_SCHEDULE_H
#define PR_API_SCHEDULE_H

#include "api/plan.h"
#include "automation/cron.h"

/* Whose: ref is what has it, key the document's. */
struct schedule_owner {
    oid_t app;
    oid_t ref;
    struct str key;
};

/* Commits that it is due then, or before: what is in force now may be due sooner. ERR_STALE: somebody was faster: once
 * more. Blocks. */
MUST_USE enum err schedule_plan(struct api *api, struct api_call *call, const struct schedule_owner *of,
                                int64_t due_ms);
/* Adds to the plan what becomes of a document that is due, by the schedule in force (NULL: none). Whether its time is
 * one of the schedule. */
bool schedule_next(struct plan *p, const struct cron *in_force, const struct doc *d);

#endif
