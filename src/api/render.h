/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile puts around a message's payload. */
#ifndef PR_API_RENDER_H
#define PR_API_RENDER_H

#include "api/api.h"

/* {"id","uid","name"} of the workspace, for profile_facts. */
struct str render_workspace(const struct api *api, struct arena *a, const struct app *app);
/* The message's envelope under this profile version. False: the body is raw, nothing goes around it. A raw payload (any
 * text, content_type set) is never wrapped either. */
bool render_message(const struct api *api, struct arena *a, const struct app *app,
                    const struct catalog_profile *profile, const struct message *m, struct message_render *out);

#endif
