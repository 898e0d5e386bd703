/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What trigger URLs lead to: as it is committed, and as it was when it was last asked for, so that a request can be
 * judged without the store.
 *
 * What is known may be old, so nothing is refused by it, and what is taken in by it says at which version of the
 * workspace it was read (store_docs.app_version): the commit finds out, and it is forgotten. Any thread.
 */
#ifndef PR_API_TRIGGER_KNOWN_H
#define PR_API_TRIGGER_KNOWN_H

#include "api/trigger.h"
#include "automation/definition.h"
#include "model/config.h"
#include "signing/profile_incoming.h"

struct trigger_goal {
    struct trigger trigger;
    struct app app;
    struct profile *profile;        /* NULL: everybody may, or not read */
    const struct definition *ahead; /* the steps that it starts, if the first can be done at once (run_ahead.h) */
    uint64_t version;               /* of the workspace; 0: not read */
    int64_t expires_ms;             /* of the URL; 0: never */
};

/* Reads trigger and workspace of a token into the arena. ERR_NOT_FOUND: it leads nowhere; ERR_GONE: the automation was
 * deleted. Store errors. */
MUST_USE enum err trigger_goal_read(const struct api *api, struct store_reader *r, struct arena *a, struct str token,
                                    int64_t now_ms, struct trigger_goal *out);

struct known_triggers;
struct known_triggers *known_triggers_new(void);
/* NULL is fine. */
void known_triggers_free(struct known_triggers *k);
/* Immutable, the caller's until it is let go; NULL: not known, or its URL has ended. */
const struct trigger_goal *known_trigger_get(const struct api *api, struct str token, int64_t now_ms);
void known_trigger_let_go(const struct trigger_goal *g);
/* It turned out to be old. */
void known_trigger_forget(const struct api *api, const struct trigger_goal *g);
/* Reads what a token leads to and remembers it, unless it is known; what does not take requests is not remembered. */
void known_trigger_learn(const struct api *api, struct store_reader *r, struct str token, int64_t now_ms);

#endif
