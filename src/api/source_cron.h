/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources of type cron: no URL, but a payload that becomes a message whenever its schedule says so. When it is due next
 * is a DOC_CUE of the source, as that of an automation with a schedule is; the runner finds it.
 */
#ifndef PR_API_SOURCE_CRON_H
#define PR_API_SOURCE_CRON_H

#include "api/plan.h"
#include "api/source.h"

/* {"schedule","payload","contentType"} as it is kept and shown. Adds problems; null then. */
struct str source_cron_read(struct api_call *call, const struct json *config);
/* Writes the document, before the source is committed. Whoever finds it due looks at what the source says then. */
MUST_USE enum err source_cron_plan(struct api *api, struct api_call *call, const struct source *s);
/* What follows from a document that is due: the message, if this is a time of the schedule, and the next time. */
MUST_USE enum err source_cron_tell(struct plan *p, const struct doc *d);
/* Whether a DOC_CUE is of a source. */
bool source_cron_has(const struct doc *d);

#endif
