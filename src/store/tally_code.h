/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts of attempts as the log of a group holds them: each told by what differs from the one before, about 25 bytes.
 */
#ifndef PR_STORE_TALLY_CODE_H
#define PR_STORE_TALLY_CODE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/oid.h"

/* A row of struct tally, with its workspace. */
struct tally_entry {
    int64_t start_ms;
    oid_t app;
    oid_t ep;
    struct str type;
    int64_t succeeded;
    int64_t failed;
    int64_t total_us;
    int64_t longest_us;
};

/* By time, workspace, endpoint, type: 0 when both are of the same row. For qsort(3). */
int tally_compare(const void *a, const void *b);
/* Adds `more`, which is of the same row. */
void tally_merge(struct tally_entry *t, const struct tally_entry *more);
/* Appends one; before: the one before it, NULL for the first. */
void tally_encode(const struct tally_entry *before, const struct tally_entry *t, struct buf *out);
/* The next one of *rest. `entry` holds the one before, at first zeros; its type is a slice of the encoded text. False
 * at the end, and when the rest makes no sense: then *rest is not empty. */
bool tally_decode(struct str *rest, struct tally_entry *entry);

#endif
