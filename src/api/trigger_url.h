/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_TRIGGER_URL_H
#define PR_API_TRIGGER_URL_H

#include "api/trigger.h"

/* The current URL of a trigger, in the arena. ERR_NOT_FOUND: it has none. */
MUST_USE enum err trigger_url_text(const struct api *api, struct store_reader *r, struct arena *a,
                                   const struct trigger *t, struct str *out);
/* The changes that give it a new URL; those before it stay valid for grace_ms. out has room for TRIGGER_CHANGES_MAX. */
MUST_USE enum err trigger_rotate(const struct trigger_place *at, const struct object *trigger, int64_t grace_ms,
                                 struct object_change *out, size_t *count);

#endif
