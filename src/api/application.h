/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_APPLICATION_H
#define PR_API_APPLICATION_H

#include "api/handler.h"

/* The current version of a profile of the call's environment, by name. ERR_NOT_FOUND. */
MUST_USE enum err profile_row_find(struct api_call *call, struct str name, struct object *version);

#endif
