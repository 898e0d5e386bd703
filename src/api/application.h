/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_APPLICATION_H
#define PR_API_APPLICATION_H

#include "api/handler.h"

/* The current version of a profile of the call's environment, by name. ERR_NOT_FOUND. */
MUST_USE enum err profile_row_find(struct api_call *call, struct str name, struct object *version);

/*
 * The workspace that a body brings along: found by its uid, or created. `uid` is the path's text; the body's own must
 * be the same. ERR_INVALID: call->problems says what does not fit; the environment must exist. Blocks.
 */
MUST_USE enum err application_bring(struct api *api, struct api_call *call, const struct json *body, struct str uid,
                                    oid_t *out);

#endif
