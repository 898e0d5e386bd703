/* SPDX-License-Identifier: Apache-2.0 */
/* Until when a wait step waits. */
#ifndef PR_AUTOMATION_WAIT_H
#define PR_AUTOMATION_WAIT_H

#include "automation/definition.h"
#include "automation/run.h"

struct wait_facts {
    const struct json *input; /* of the step, rendered */
    int64_t now_ms;
    int64_t began_ms; /* the run, which ends RUN_LIFE_MS later */
};

/*
 * ERR_INVALID: *why, in the arena: a text that is no duration or time, or a time after the end of the run. A wait for
 * an event ends with the run at the latest.
 */
MUST_USE enum err wait_read(struct arena *a, const struct step *s, const struct wait_facts *f, int64_t *due_ms,
                            struct str *why);

#endif
