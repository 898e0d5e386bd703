/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about replays share. */
#ifndef PR_API_REPLAY_H
#define PR_API_REPLAY_H

#include "api/handler.h"

/* One that is disabled would never make an attempt. False: answered. */
bool endpoint_is_enabled(struct api_call *call, const struct endpoint *ep);

#endif
