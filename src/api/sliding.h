/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many in any sliding second, exactly: the times of those that were let in are kept for a second. Per id (of a
 * workspace, of a trigger), in memory only, any thread.
 */
#ifndef PR_API_SLIDING_H
#define PR_API_SLIDING_H

#include "base/oid.h"

struct sliding;

struct sliding *sliding_new(void);
/* NULL is fine. */
void sliding_free(struct sliding *s);
/* Lets one in if fewer than per_second were in the second before now_us (monotonic); *at_us: when it was, to give back.
 */
bool sliding_take(struct sliding *s, oid_t id, int per_second, int64_t now_us, int64_t *at_us);
/* One that was let in came to nothing. */
void sliding_give_back(struct sliding *s, oid_t id, int64_t at_us);

#endif
