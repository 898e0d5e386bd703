/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a broadcast in the store; see broadcast.h. */
#ifndef PR_API_BROADCAST_PART_H
#define PR_API_BROADCAST_PART_H

#include "base/arena.h"
#include "base/oid.h"

struct broadcast_item {
    oid_t app;
    oid_t msg;
};

struct broadcast_part {
    struct broadcast_item *items;
    size_t count;
};

/* The key of a batch; number -1: of the message itself. */
struct str broadcast_key(struct arena *a, oid_t task, int64_t number);
/* {"items":[[app,msg],…]} */
struct str broadcast_part_body(struct arena *a, const struct broadcast_part *p);
/* ERR_INVALID: damage. */
MUST_USE enum err broadcast_part_read(struct arena *a, struct str body, struct broadcast_part *out);

#endif
