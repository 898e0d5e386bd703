/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most requests to trigger URLs: the trigger is known, the request is what it asks for, and is new. They are taken in
 * without reading the store and without waiting for it. Everything else is for trigger_receive: what is refused, seems
 * to have come before, only tries a draft, shakes hands, or is large.
 */
#ifndef PR_API_TRIGGER_QUICK_H
#define PR_API_TRIGGER_QUICK_H

#include "api/trigger_arrival.h"
#include "api/trigger_known.h"

struct trigger_quick {
    /* The caller's: arena, method, path, query, headers, body, peer, now_ms; out is its to free. */
    struct api_call call;
    struct api *api;
    struct store_docs op; /* to be submitted; its home and done are the caller's */

    struct arrival arrival;
    struct arrival_docs docs;
    const struct trigger_goal *known;
};

/* Whether the path names a trigger URL, and its token. */
bool trigger_quick_token(struct str path, struct str *token);
/* Whether it can be taken in so; else nothing has happened. Does not block. */
bool trigger_quick_begin(struct trigger_quick *q, struct str token);
/* After op is done, exactly once. False: it is for trigger_receive; else the call holds the answer. Does not block. */
bool trigger_quick_end(struct trigger_quick *q);

#endif
