/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists with filters as walks: a batch of candidate ids from the one index that has them in order, then row by row. A
 * batch and its rows are one read transaction, unless it takes long: then it is several, so that a filter that hardly
 * ever fits holds no snapshot. A walk with a budget ends when it is spent; see struct visit_budget.
 */
#ifndef PR_STORE_SQLITE_WALK_H
#define PR_STORE_SQLITE_WALK_H

#include "store/sqlite_reader.h"

#define WALK_BATCH 256

struct walk {
    struct sqlite_reader *r;
    oid_t ids[WALK_BATCH];
    size_t count;
    size_t at;    /* the next of ids */
    oid_t before; /* exclusive bounds that move as the walk goes on */
    oid_t after;
    bool ascending;
    size_t want; /* candidates of the next batch, at most WALK_BATCH */
    size_t visited;
    size_t visit_max; /* 0 = no budget */
    int64_t end_ms;
    oid_t stopped; /* where the budget was spent, 0 = it was not */
    bool late;     /* a walk without a budget takes too long */
};

struct walk_plan {
    oid_t before; /* exclusive, 0 = none */
    oid_t after;
    bool ascending;
    bool filtered; /* a candidate may not fit */
    size_t limit;  /* of the list */
    size_t visit_max;
};

void walk_init(struct walk *w, struct sqlite_reader *r, const struct walk_plan *p);
/* Runs a statement over (key ?1, before ?2, after ?3, limit ?4) whose first column is the id and appends to ids. */
MUST_USE enum err walk_fill(struct walk *w, struct conn *c, sqlite3_stmt *st, oid_t key);
/* Puts sorted `more` ids among those there, keeping the `want` nearest. */
void walk_merge(struct walk *w, const oid_t *more, size_t count);
/* The next candidate. False: the batch has no more, or the budget is spent. */
bool walk_next(struct walk *w, oid_t *id);
/* After a batch: moves the bounds. False: that was the last, or the walk is stopped or late. */
bool walk_goes_on(struct walk *w);

#endif
