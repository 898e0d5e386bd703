/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of an answer is kept. A receiver that sends 16 KiB with every answer could fill the disk of its operator:
 * each endpoint has a budget of captured bytes, and an answer like the one before is kept short as soon as half of it
 * is used. What is cut is marked as truncated.
 */
#ifndef PR_SERVE_CAPTURE_H
#define PR_SERVE_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* What is always kept. */
#define CAPTURE_SHORT_BYTES 1024
/* An endpoint's budget: this much at once, then this much a second. */
#define CAPTURE_BURST_BYTES (1024 * 1024)
#define CAPTURE_RATE_BYTES  (16 * 1024)

struct capture {
    int64_t budget_bytes;
    int64_t filled_ms;  /* 0: never used, the budget is full */
    uint64_t last_hash; /* of the last long answer that was kept whole */
    size_t last_len;
};

/* How many bytes of `body` to keep. Pure but for the state in *c. */
size_t capture_bytes(struct capture *c, struct str body, int64_t now_ms);

#endif
