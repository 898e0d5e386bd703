/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real SQLite store on a disk that fails (vfs.h), beside the memory store, which does not and is the model; and the
 * real engine, fed from the former. One thread, one seed, a clock of its own: the same seed is the same run.
 *
 *   world.c   both stores, groups of operations, crashes and what must hold after them
 *   crew.c    the engine, its receivers, and what it records
 *   main.c    seeds, options, what is printed
 */
#ifndef PR_TESTS_SIM_H
#define PR_TESTS_SIM_H

#include "../store/same.h"
#include "engine/engine.h"
#include "store/backend.h"
#include "vfs.h"

struct crew;

/* Chosen by the seed: what may go wrong in this run, in percent of its groups. */
struct sim_options {
    unsigned stops; /* the process ends in the middle of a write or sync */
    unsigned power; /* of those, and the power with it */
    unsigned write_errors;
    unsigned sync_errors;
    unsigned read_errors;
    unsigned full;
    unsigned group_max; /* operations */
    size_t cache_bytes; /* small: pages are spilled in the middle of a group */
    size_t log_bytes;   /* the log's cap */
};

struct sim_counts {
    uint64_t groups;        /* acknowledged */
    uint64_t operations;    /* applied, by group or not */
    uint64_t crashes;       /* recoveries */
    uint64_t power_cuts;    /* with loss of what was not synced */
    uint64_t in_doubt;      /* groups whose commit failed or was cut off, … */
    uint64_t in_doubt_kept; /* … and that were there afterwards */
    uint64_t rolled_back;   /* groups for want of room */
    uint64_t failed_opens;
    uint64_t attempts;
};

struct sim {
    struct same s; /* its first store is the real one, its second the model */
    struct sim_options options;
    struct sim_counts counts;
    struct backend *backend[2];
    oid_t marker;     /* an object that every group writes: it says how far the store is */
    uint64_t group;   /* the last that was begun */
    uint64_t acked;   /* the last that was acknowledged */
    bool committing;  /* the group under way has come to its commit */
    bool model_open;  /* the model waits for what became of the group */
    enum err trouble; /* with s.broken */
    struct crew *crew;
    uint64_t trace; /* over all results */
};

/* world.c */
void world_open(struct sim *w, uint64_t seed);
void world_close(struct sim *w);
/* A step of the clock, a group of operations, and with what the options say of trouble. */
void world_step(struct sim *w);
/* The end of all trouble: everything that the crew has becomes terminal. */
void world_heal(struct sim *w);
/* For the crew: an operation to both stores, within a group. False: it was refused, or s.broken. */
bool world_apply(struct sim *w, struct store_op *real, struct store_op *model);

/* For both: what may go wrong, chosen by the seed; the real store on the disk of w->s.f[0].path, with a reader. */
struct sim_options world_options(void);
MUST_USE enum err world_disk_open(struct sim *w);
void world_disk_close(struct sim *w);
/* The process is gone, perhaps the power with it: opens again, which may be cut off a few times as well. */
void world_disk_reopen(struct sim *w);
/* Trouble of the options within so many writes. */
void world_disk_arm(struct sim *w, uint64_t within);
/* Between groups: the log's upkeep, and what the checkpointer's thread would do. False: the process ends. */
bool world_upkeep(struct sim *w);

/* crew.c */
void crew_open(struct sim *w);
void crew_close(struct sim *w);
/* Within a group: what has ended is recorded, new messages come, people ask. */
void crew_apply(struct sim *w);
/* The group is on disk. */
void crew_committed(struct sim *w);
/* The group is gone, the process is not. */
void crew_rolled_back(struct sim *w);
/* The process is gone: a new engine, which knows nothing. */
void crew_crashed(struct sim *w);
void crew_recovered(struct sim *w);
/* Between groups: time passes, the engine starts what is due. */
void crew_run(struct sim *w);
/* When it wants to be run again. */
int64_t crew_next_ms(struct sim *w);
/* Receivers say yes from now on. */
void crew_heal(struct sim *w);
size_t crew_pending(struct sim *w);
/* Prints what is pending. */
void crew_say_stuck(struct sim *w);
/* What holds of every delivery; at_end: all are terminal. */
void crew_check(struct sim *w, bool at_end);

#endif
