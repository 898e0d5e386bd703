/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_PROFILE_USE_H
#define PR_API_PROFILE_USE_H

#include "api/handler.h"

/* Whether a workspace or an endpoint of the call's environment names this profile. Looks at all of them. */
MUST_USE enum err profile_in_use(struct api_call *call, struct str name, bool *used);

#endif
