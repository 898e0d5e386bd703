/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a workspace's messages are settled: nothing with an id up to its mark will be committed any more. Ids are
 * made before the commit, so whoever reads by id and remembers where it was reads up to a mark only. Only workspaces
 * that are read so have marks. In memory: what is not committed when a process ends never is. The writer's thread only.
 */
#ifndef PR_STORE_MARKS_H
#define PR_STORE_MARKS_H

#include "base/table.h"
#include "store/lanes.h"

struct marks {
    struct table table; /* by workspace */
    oid_t floor;        /* of all */
};

/* floor: the highest id that the store has seen; what has one below it was made by an earlier process. */
void marks_init(struct marks *m, oid_t floor);
void marks_fini(struct marks *m);
oid_t marks_get(const struct marks *m, oid_t app);
/* A mark never goes back. */
void marks_raise(struct marks *m, oid_t app, oid_t to);
/* Whether the message comes too late: it needs another id. */
static inline bool marks_passed(const struct marks *m, const struct message *msg)
{
    return msg->id <= m->floor || (UNLIKELY(m->table.len > 0) && msg->id <= marks_get(m, msg->app));
}

/* The smallest id of a message of this workspace among operations linked by `next`, at most `least`. */
oid_t ops_least(const struct store_op *first, oid_t app, oid_t least);

#endif
