/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an endpoint's transformation makes of a message, before the request is written. Runs on a thread of the
 * transformation pool; belongs to its flight once it is done.
 */
#ifndef PR_SERVE_REWRITE_H
#define PR_SERVE_REWRITE_H

#include "serve/reactor.h"
#include "transform/transform.h"

struct flight;

struct rewrite {
    struct transform_job job;
    struct loop_task task;
    struct reactor *reactor;
    struct flight *flight; /* the reactor's to read; NULL: nobody waits any more */
    struct arena *arena;   /* of the outcome and what it points to */
    struct body *body;     /* a reference */
    const struct workspace *ws;
    const struct endpoint *ep; /* inside ws, a reference */
    const struct catalog_profile *profile;
    oid_t version; /* of the transformation */
    bool by_hand;

    bool done; /* the reactor has been told */
    enum transform_status status;
    const char *why; /* with any status but TRANSFORM_OK: in words */
    struct transformed made;
    bool fresh; /* not in the store yet */
};

/* Begins; ends with rewrite_done, on the loop of the flight's reactor and never from within. */
void rewrite_start(struct flight *f);
/* Nobody waits for it any more. */
void rewrite_abandon(struct rewrite *p);
/* NULL is fine. */
void rewrite_free(struct rewrite *p);

/* ---- pump.c ---- */
void rewrite_done(struct flight *f);

#endif
