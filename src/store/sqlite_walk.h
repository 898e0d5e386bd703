/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists with filters as walks: a batch of candidate ids from the one index that has them in order, then row by row.
 * Each batch and each row is a transaction of its own, so that a filter that hardly ever fits holds no snapshot.
 */
#ifndef PR_STORE_SQLITE_WALK_H
#define PR_STORE_SQLITE_WALK_H

#include "store/sqlite_reader.h"

#define WALK_BATCH 256

struct walk {
    oid_t ids[WALK_BATCH];
    size_t count;
    oid_t before; /* exclusive bounds that move as the walk goes on */
    oid_t after;
    bool ascending;
    size_t want; /* candidates of the next batch, at most WALK_BATCH */
    int64_t end_ms;
};

/* limit: of the list; filtered: whether a candidate may not fit. */
void walk_init(struct walk *w, oid_t before, oid_t after, bool ascending, size_t limit, bool filtered);
/* Runs a statement over (key ?1, before ?2, after ?3, limit ?4) whose first column is the id and appends to ids. */
MUST_USE enum err walk_fill(struct walk *w, struct conn *c, sqlite3_stmt *st, oid_t key);
/* Puts sorted `more` ids among those there, keeping the `want` nearest. */
void walk_merge(struct walk *w, const oid_t *more, size_t count);
/* After a batch: moves the bounds. False: that was the last. ERR_UNAVAILABLE by *late: it takes too long. */
bool walk_goes_on(struct walk *w, bool *late);

#endif
