/* SPDX-License-Identifier: Apache-2.0 */
/* Runs as answers: in lists, and with their steps. */
#ifndef PR_API_RUN_OUT_H
#define PR_API_RUN_OUT_H

#include "api/automation.h"
#include "api/handler.h"

/* What the runs of one answer have in common is read once. Zero it; it lives as long as the call. */
struct run_shelf {
    struct automation_version version; /* id 0: none yet */
    struct automation of;              /* as above */
};

/* Writes the members of a run into an object that the caller has opened. What cannot be read is null. */
void run_out_members(const struct api *api, struct api_call *call, struct run_shelf *shelf, const struct run *r,
                     struct json_writer *w);
/* Writes `runCount` (at most RUN_COUNT_MAX) and `lastRun` of an automation. Store errors. */
#define RUN_COUNT_MAX 10000
MUST_USE enum err run_out_summary(const struct api *api, struct api_call *call, const struct automation *m,
                                  struct json_writer *w);
/* Answers 200 with the run and its steps, or with what is wrong. */
void run_out_answer(const struct api *api, struct api_call *call, const struct run *r);

#endif
