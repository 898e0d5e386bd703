/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first steps of a run that a request starts, as far as they need nothing but the request: conditions and
 * variables. They are done where the request came in, before the run is in the store, and are written with it in one
 * commit; a filter that does not hold so costs no second one. What is not plain, takes long or fails is left to the
 * runner, which then finds a run that is due, as if nothing had been tried. Nothing here reads the store. Any thread.
 */
#ifndef PR_API_RUN_AHEAD_H
#define PR_API_RUN_AHEAD_H

#include "api/automation.h"

#define RUN_AHEAD_MAX   8     /* steps */
#define RUN_AHEAD_BODY  32768 /* bytes of a request; reading a larger one would hold up others */
#define RUN_AHEAD_BYTES 2048  /* of the JSON of these steps */

/* Whether the first step of a version can be done so. */
bool run_ahead_may(const struct automation_version *v, const struct definition *d);
/* Goes on with a run that has just begun (run_begin); trigger: what started it. Fills the documents of the steps done,
 * which live in the arena; how many there are. */
size_t run_ahead(struct api *api, struct arena *a, const struct definition *d, const struct json *trigger,
                 struct run *run, struct doc_change steps[RUN_AHEAD_MAX]);

#endif
