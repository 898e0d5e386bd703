/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose turn it is: workspaces one after the other, in each its endpoints one after the other, in each what came first.
 * So a workspace waits for at most one run of each other workspace, however much those have. Not thread-safe.
 */
#ifndef PR_TRANSFORM_TURNS_H
#define PR_TRANSFORM_TURNS_H

#include "transform/transform.h"

#define TURNS_PER_APP_MAX 256 /* that wait */

struct turns {
    struct list apps;
    size_t count;
};

void turns_init(struct turns *t);
/* False: too many of this workspace wait. */
bool turns_add(struct turns *t, struct transform_job *job);
/* The next one, no longer here; NULL: nothing waits. */
struct transform_job *turns_take(struct turns *t);

#endif
