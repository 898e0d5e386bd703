/* SPDX-License-Identifier: Apache-2.0 */
/* What the trigger URLs of a process share: who was let in during the last second, and the rings of what is kept; the
 * kinds of URLs that there are. */
#ifndef PR_API_TRIGGER_IN_H
#define PR_API_TRIGGER_IN_H

#include "api/sliding.h"
#include "api/trigger_request.h"

struct trigger_desk {
    struct sliding *accepted; /* by workspace */
    struct sliding *kept;     /* by trigger: refusals and captures are only kept so often */
    struct request_rings *rings;
    struct known_triggers *known; /* see trigger_known.h */
    int per_second;               /* accepted of a workspace that has no number of its own */
};

struct trigger_desk *trigger_desk_new(int per_second);
/* NULL is fine. */
void trigger_desk_free(struct trigger_desk *d);

/* Which kind of URL a request came to. */
struct trigger_way {
    enum trigger_use use;
    struct str owner; /* the name, in the path, of what the trigger belongs to; null: the path has none */
    struct str token;
    struct str rest; /* of the path, behind the token; null: nothing */
};
/* Takes a request and answers it. */
void trigger_receive_at(struct api *api, struct api_call *call, const struct trigger_way *way);

#endif
