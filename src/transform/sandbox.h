/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker process may do once it is locked: compute, take memory up to a limit, and talk on the one descriptor
 * that it has. There is no way back.
 */
#ifndef PR_TRANSFORM_SANDBOX_H
#define PR_TRANSFORM_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* At the very start: nothing inherited but the descriptors up to `keep_fd`; dies with its parent. */
void sandbox_enter(int keep_fd);
/* memory_bytes: that may be taken beyond what is taken now. NULL, or why it cannot be locked, in words. */
const char *sandbox_lock(size_t memory_bytes);

#endif
