/* SPDX-License-Identifier: Apache-2.0 */
/* What an event type asks of a message. */
#ifndef PR_API_MESSAGE_CHECK_H
#define PR_API_MESSAGE_CHECK_H

#include "catalog/types.h"
#include "engine/match.h"
#include "model/field.h"

/*
 * Whether the payload fits the event type's schema; else one problem at body.payload, with the place inside as a JSON
 * pointer. types NULL, or a type that asks for nothing: it does. A raw payload fits no schema. `facts` keeps the tree
 * for filters.
 */
bool message_check(const struct catalog_types *types, struct match_facts *facts, struct problems *problems);
/* The same; false: *fault, in the arena. */
bool message_fits(const struct catalog_types *types, struct match_facts *facts, struct arena *a,
                  struct schema_fault *fault);
/* Whether the newest schema of these can be compiled; else a problem at body.schemas. */
bool schemas_check(struct arena *a, struct str schemas, struct problems *problems);

#endif
