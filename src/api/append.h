/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message into a workspace from within, not by the hot route: operational webhooks, broadcasts.
 */
#ifndef PR_API_APPEND_H
#define PR_API_APPEND_H

#include "api/api.h"
#include "engine/match.h"

/* In the arena, together with what it points to; the snapshot is held until append_fini. */
struct append {
    struct store_append op;
    struct message message;
    const struct workspace *ws;
    const struct message_render *own; /* that the message brought along */
    size_t own_count;
    bool keeps_id; /* set after append_init: append_run answers ERR_STALE when it is late (op.late) */
};

/*
 * Matches and renders the message (all but app and env are set; of its renders only what is no profile's) for the
 * workspace as it is now, so that op.op may be run. ERR_NOT_FOUND: no such workspace.
 */
MUST_USE enum err append_init(struct append *a, struct api *api, struct store_reader *r, struct arena *arena, oid_t app,
                              const struct message *m, int64_t now_ms);
/* What is matched of a message with its payload; match_facts_fini when done. */
struct match_facts append_facts(struct arena *arena, const struct message *m);
/* Runs it, matching again while configuration changes, with another id when its own comes too late. */
MUST_USE enum err append_run(struct append *a, struct api *api, struct store_reader *r, struct arena *arena,
                             int64_t now_ms);
/* After it was committed: those who send are told. */
void append_tell(const struct append *a, const struct api *api);
void append_fini(struct append *a);

#endif
