/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chains: the runs that come from one which began by itself, because it starts others, emits events or changes records.
 * How many they are is counted in a document (DOC_CHAIN), written with the run that is counted, so that what starts
 * more than one each time comes to an end. Runs that nothing of an automation has caused are not counted.
 */
#ifndef PR_API_RUNNER_CHAIN_H
#define PR_API_RUNNER_CHAIN_H

#include "api/plan.h"

#define CHAIN_RUNS_MAX 1000

/* The runner's: what is counted in plans that are not committed yet. */
struct chains {
    struct chain {
        oid_t origin;
        oid_t doc;
        int64_t runs;
    } open[PLANS_MAX];
    size_t count;
};

/* One plan's look at a chain. */
struct chain_count {
    oid_t origin; /* 0: nothing is counted */
    oid_t doc;
    int64_t runs;
    bool is_new;
    bool changed;
};

enum chain_room {
    CHAIN_ROOM,  /* one more was counted */
    CHAIN_ENDS,  /* it has as many as it may: to be said once */
    CHAIN_ENDED, /* that was said */
};

/* origin: the run that the chain began with; 0: none, there is always room. Store errors. */
MUST_USE enum err chain_open(const struct chains *c, struct plan *p, oid_t origin, struct chain_count *out);
enum chain_room chain_next(struct chain_count *n);
/* Adds what was counted to the plan. */
void chain_plan(struct chains *c, struct plan *p, const struct chain_count *n);
/* Why nothing more starts. */
struct str chain_words(const struct plan *p, oid_t origin);
/* After the commit of the plans, whatever became of them. */
void chains_commit(struct chains *c);

#endif
