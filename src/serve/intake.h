/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages per second of workspaces that have a limit (`throttleRate`): so many at once at most, refilled evenly, for
 * all reactors together. In memory only: a restart begins with full buckets. Any thread.
 */
#ifndef PR_SERVE_INTAKE_H
#define PR_SERVE_INTAKE_H

#include "base/oid.h"

struct intake;

struct intake *intake_new(void);
void intake_free(struct intake *t);
/* Takes one of per_second (0: no limit). False: there is none left. */
bool intake_take(struct intake *t, oid_t app, int per_second, int64_t now_ms);

#endif
