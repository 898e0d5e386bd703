/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message in memory, in one block, shared by the deliveries that need its payload; counted, thread-safe.
 */
#ifndef PR_SERVE_BODY_H
#define PR_SERVE_BODY_H

#include <stdatomic.h>

#include "model/message.h"

struct body {
    atomic_int refs;
    size_t bytes; /* of the block */
    struct message msg;
    char uuid[OID_UUID_SIZE]; /* the event's: event_id if that is a UUID, else made from the id */
    char id_text[OID_TEXT_SIZE];
};

/* A copy of everything that `m` points to; one reference. */
struct body *body_new(const struct message *m, struct hash_key id_key);
struct body *body_ref(struct body *b);
/* Frees with the last reference; NULL is fine. */
void body_unref(struct body *b);
/* What surrounds the payload under a profile version; NULL: nothing does. */
const struct message_render *body_render(const struct body *b, oid_t profile_version);

#endif
