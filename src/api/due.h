/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is due of a kind of documents, so that workspaces take turns: one with very much of it waits for itself.
 */
#ifndef PR_API_DUE_H
#define PR_API_DUE_H

#include "store/store.h"

#define DUE_PAGE 512

struct due_turns {
    enum doc_kind kind;
    oid_t at; /* the workspace that had the last turn */
};

/*
 * Documents that are due at now_ms, at most DUE_PAGE, one of each workspace in turn: all of them if they fit, else
 * some workspaces' share, those behind `at` first, at least `least` of each, if it has so many. *next_ms: when there
 * will be more, TIME_NEVER: nobody knows of any; now_ms: at once.
 */
MUST_USE enum err due_take(struct due_turns *t, struct store_reader *r, int64_t now_ms, size_t least,
                           struct doc_due out[DUE_PAGE], size_t *count, int64_t *next_ms);

#endif
