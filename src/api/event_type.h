/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_EVENT_TYPE_H
#define PR_API_EVENT_TYPE_H

#include "api/handler.h"
#include "model/event_type.h"

/* The answer, an object. */
void event_type_write(const struct object *o, const struct event_type *t, struct json_writer *w);
/* The type of params[0]. False: answered. */
bool call_event_type(struct api_call *call, struct object *o, struct event_type *t);

/* ERR_NOT_FOUND: the environment has no event type of this name (archived ones count). */
MUST_USE enum err event_type_find(struct api_call *call, struct str name, struct object *out);
/* Changes that add what the profile's catalogue has and the environment lacks. */
MUST_USE enum err event_types_missing(struct api *api, struct api_call *call, struct str profile_row,
                                      struct object_change **out, size_t *count);
/* The first example of a type: JSON object in the arena; null str when there is none at this index. */
struct str event_type_example(struct arena *a, const struct object *type, int64_t index);

#endif
