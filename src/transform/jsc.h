/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JavaScript engine of a worker process: one fresh virtual machine for each run, nothing kept between runs.
 */
#ifndef PR_TRANSFORM_JSC_H
#define PR_TRANSFORM_JSC_H

#include "transform/wire.h"

/* Loads the library and warms it up. NULL, or why it cannot be used, in words (static or of the loader). */
const char *jsc_open(void);
/* Runs; a whole frame with the answer is appended. */
void jsc_run(const struct wire_ask *ask, struct buf *out);

/* What every run finds before the customer's code: a function of (now, seedLow, seedHigh, wantLogs, outputMax). */
extern const char prelude_js[];

#endif
