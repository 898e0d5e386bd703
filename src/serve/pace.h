/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast requests leave for workspaces that have a limit (`throttleRate`): so many a second, evenly, for all of a
 * workspace's endpoints and all reactors together. In memory only: a restart begins anew. Any thread.
 */
#ifndef PR_SERVE_PACE_H
#define PR_SERVE_PACE_H

#include "base/oid.h"

struct pace;

struct pace *pace_new(void);
void pace_free(struct pace *p);
/* Takes a place and returns now_ms, if one is free; else when to ask again. per_second > 0. */
int64_t pace_take(struct pace *p, oid_t app, int per_second, int64_t now_ms);

#endif
