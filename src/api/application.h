/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_APPLICATION_H
#define PR_API_APPLICATION_H

#include "api/handler.h"

/*
 * The workspace that a message brings along: found by its uid, or created. Needs call->env, reader, arena, now_ms.
 * ERR_INVALID: call->problems says what does not fit.
 */
MUST_USE enum err application_ensure(struct api *api, struct api_call *call, struct str json, oid_t *out);
/* The current version of a profile of the call's environment, by name. ERR_NOT_FOUND. */
MUST_USE enum err profile_row_find(struct api_call *call, struct str name, struct object *version);

#endif
