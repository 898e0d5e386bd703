/* SPDX-License-Identifier: Apache-2.0 */
/* What the trigger URLs of a process share: who was let in during the last second, and the rings of what is kept. */
#ifndef PR_API_TRIGGER_IN_H
#define PR_API_TRIGGER_IN_H

#include "api/sliding.h"
#include "api/trigger_request.h"

struct trigger_desk {
    struct sliding *accepted; /* by workspace */
    struct sliding *kept;     /* by trigger: refusals and captures are only kept so often */
    struct request_rings *rings;
    int per_second; /* accepted of a workspace that has no number of its own */
};

struct trigger_desk *trigger_desk_new(int per_second);
/* NULL is fine. */
void trigger_desk_free(struct trigger_desk *d);

#endif
