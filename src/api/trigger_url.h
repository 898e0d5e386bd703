/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_TRIGGER_URL_H
#define PR_API_TRIGGER_URL_H

#include "api/trigger.h"

/* The current URL of a trigger, in the arena. ERR_NOT_FOUND: it has none. */
MUST_USE enum err trigger_url_text(const struct api *api, struct store_reader *r, struct arena *a,
                                   const struct trigger *t, struct str *out);
/* The URL as it is shown to who may not use it: without its token. */
struct str trigger_url_covered(struct arena *a, struct str url);
/* The changes that give it a new URL; those before it stay valid for grace_ms. out has room for TRIGGER_CHANGES_MAX. */
MUST_USE enum err trigger_rotate(const struct trigger_place *at, const struct object *trigger, int64_t grace_ms,
                                 struct object_change *out, size_t *count);
/* How many URLs before the current one are still valid. */
MUST_USE enum err trigger_urls_before(const struct trigger_place *at, const struct trigger *t, size_t *out);

/* ---- triggers that no automation has: what they are is set in *t ------------------------------------------------ */

/* The two changes that make it, with its URL: out[0].object is the trigger. Sets id and times. */
void trigger_make(const struct trigger_place *at, struct trigger *t, struct object_change out[2]);
/* The change that stores it as it is now. */
void trigger_save(const struct trigger_place *at, struct trigger *t, struct object_change *out);
/* The changes that delete it with its URLs, which nobody knows from then on. out as trigger_rotate's. */
MUST_USE enum err trigger_remove(const struct trigger_place *at, const struct object *trigger,
                                 struct object_change *out, size_t *count);

#endif
