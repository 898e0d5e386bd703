/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sealed value that is made with the store and opened at every start: fresh keys beside an old database would
 * otherwise be noticed only when the first endpoint secret does not open.
 */
#ifndef PR_SERVE_CANARY_H
#define PR_SERVE_CANARY_H

#include "serve/reactor.h"

/* ERR_INVALID: the keys are not this database's, *why says what to do; store errors. */
MUST_USE enum err canary_check(struct shared *s, const char **why);
/* Whether these keys open it; without a store at hand. ERR_INVALID: they are another's. */
MUST_USE enum err canary_open(const struct keyring *keys, oid_t id, struct str sealed);

#endif
