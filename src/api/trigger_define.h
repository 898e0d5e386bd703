/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_TRIGGER_DEFINE_H
#define PR_API_TRIGGER_DEFINE_H

#include "api/trigger.h"

/* Reads a definition into a trigger; secrets that it does not name stay. ERR_INVALID: problems were added. */
MUST_USE enum err trigger_define(const struct trigger_place *at, const struct json *definition, struct trigger *t,
                                 struct problems *problems);
/*
 * The row that a trigger verifies by, NULL: none; the caller's to free. ERR_NOT_FOUND, ERR_INVALID: *why, in the arena.
 */
MUST_USE enum err trigger_profile(struct store_reader *r, struct arena *a, const struct trigger *t,
                                  struct profile **out, struct str *why);

#endif
