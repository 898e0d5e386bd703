/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose step comes next: environments take turns, and within one its tasks, so that nobody's long task makes another's
 * wait for more than a step. Not thread-safe.
 */
#ifndef PR_API_TASK_QUEUE_H
#define PR_API_TASK_QUEUE_H

#include "base/list.h"
#include "base/oid.h"

struct task_queue {
    struct list envs; /* in the order of their turns */
};

void task_queue_init(struct task_queue *q);
void task_queue_fini(struct task_queue *q);
/* Behind the others of its environment, not to be taken before not_before_ms; one that is there already stays. */
void task_queue_put(struct task_queue *q, oid_t env, oid_t task, int64_t not_before_ms);
/* The next task, 0: none may be taken now, and *at_ms (TIME_NEVER: there is none at all) says when to ask again. */
oid_t task_queue_take(struct task_queue *q, int64_t now_ms, int64_t *at_ms);

#endif
