/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk in memory for SQLite. What is written is seen at once and is durable from the next sync of its file on; when
 * the power fails, each write since then is there, is not, or is there in part, whatever came before or behind it. One
 * thread, and the only source of chance and time is the seed and sim_disk_time.
 */
#ifndef PR_TESTS_SIM_VFS_H
#define PR_TESTS_SIM_VFS_H

#include "base/str.h"

/* What the disk will do. A countdown counts writes, truncations and syncs; 0: never. */
struct sim_faults {
    uint64_t stop_at;        /* the process stops at this one: nothing works until sim_disk_restart */
    uint64_t write_error_at; /* a write fails */
    uint64_t sync_error_at;  /* a sync fails: what it was for may be durable or not, and is never written again */
    uint64_t read_error_at;  /* counts reads */
    uint64_t full_from;      /* files cannot grow, … */
    uint64_t full_for;       /* … for as many writes */
};

struct sim_disk_stats {
    uint64_t writes;
    uint64_t syncs;
    uint64_t reads;
    uint64_t errors; /* that were injected, refusals to grow included */
    uint64_t lost;   /* writes that a power failure took, in whole */
    uint64_t torn;   /* or in part */
    uint64_t hash;   /* over everything that was written */
};

/* An empty disk. The first call makes it SQLite's default for this process. */
void sim_disk_reset(uint64_t seed);
void sim_disk_arm(struct sim_faults f);
bool sim_disk_stopped(void);
/* Files that are opened from now on know no trouble: for reads that only look on. */
void sim_disk_calm(bool calm);
/* The process ends now. */
void sim_disk_stop(void);
/* The process is gone, and with power_failed what was not synced. Every file is closed. */
void sim_disk_restart(bool power_failed);
/* Whether a failed sync left something that is seen but may never be durable. */
bool sim_disk_has_ghosts(void);
void sim_disk_time(int64_t now_ms);
struct sim_disk_stats sim_disk_stats(void);
/* 0..n-1, from the same chance. */
uint64_t sim_pick(uint64_t n);

#endif
