/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often somebody may try: per name a burst, then one try per interval (the generic cell rate algorithm). A fixed
 * amount of memory; when it is full the names that tried least are forgotten. Thread-safe, reads no clock.
 */
#ifndef PR_AUTH_THROTTLE_H
#define PR_AUTH_THROTTLE_H

#include "base/hash.h"
#include "base/str.h"

struct throttle;

struct throttle_rate {
    int burst; /* tries at once */
    int64_t interval_ms;
};

struct throttle *throttle_new(struct hash_key key);
void throttle_free(struct throttle *t);
/* Counts a try under this name. 0: it may be made, else how long to wait, and it does not count. */
int64_t throttle_try(struct throttle *t, struct throttle_rate rate, struct str name, int64_t now_ms);
/* The try was no guess: it does not count. */
void throttle_forgive(struct throttle *t, struct throttle_rate rate, struct str name);

#endif
