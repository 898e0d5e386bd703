/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_DELIVERY_RETRY_AFTER_H
#define PR_DELIVERY_RETRY_AFTER_H

#include "base/str.h"

/*
 * The wait that a Retry-After value asks for (RFC 9110 section 10.2.3: seconds, or one of the three HTTP dates), in
 * milliseconds from now_ms, 0 for a date that has passed; at most a year. -1 if it is neither.
 */
int64_t retry_after_parse(struct str value, int64_t now_ms);

#endif
