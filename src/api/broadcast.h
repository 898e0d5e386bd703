/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message to every workspace of an environment, as a task. The workspaces are taken in batches. A batch is an
 * object (OBJ_TASK_PART, key "<task>:<number>") that is written first, with the ids that its messages will have;
 * sending it again after a crash finds those that are there already, so each workspace gets its message once.
 * Afterwards it is what the answer lists.
 */
#ifndef PR_API_BROADCAST_H
#define PR_API_BROADCAST_H

#include "api/task.h"

/* About so many of the messages are listed in an answer that lists tasks, and in one about this task alone. */
#define BROADCAST_LISTED       250
#define BROADCAST_LISTED_ALONE 10000

/* The members messagesCreated, whole batches from t->listed_from on until there are `max` of them, and messagesNext,
 * where the rest begins (null: there is none, or not yet). Store errors. */
MUST_USE enum err broadcast_write(const struct api *api, struct api_call *call, const struct task *t, size_t max,
                                  struct json_writer *w);
/* The task has ended: its message is erased. See task_ended. */
MUST_USE enum err broadcast_ended(struct store_reader *r, struct arena *a, const struct task *t, int64_t now_ms,
                                  struct object_change *changes, size_t *count);

#endif
