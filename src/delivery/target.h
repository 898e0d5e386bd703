/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a normalised URL points.
 */
#ifndef PR_DELIVERY_TARGET_H
#define PR_DELIVERY_TARGET_H

#include "base/str.h"

struct target {
    struct str host; /* a slice of the URL, without brackets */
    unsigned port;   /* 1..65535 */
    bool https;
};

/* Takes a normalised URL apart; NULL, or why it cannot be used, in words. */
const char *target_parse(struct str url, struct target *out);

#endif
