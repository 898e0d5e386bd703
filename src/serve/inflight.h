/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on its way, in a mapped file beside the database that nobody syncs: it survives the end of the process,
 * however that comes, and says at the next start which deliveries may have been begun without a record. Should one of
 * them be what ends the process, it must not do so for ever:
 *
 *   in flight at 1 crash    goes again like any other; its attempt is logged with epoch 1
 *   in flight at 2 crashes  goes again while no other of these is on its way
 *   in flight at 3 crashes  is parked: failed, visible, sent again only by hand
 *
 * The file is a hint: lost or damaged, it costs nothing but these precautions.
 */
#ifndef PR_SERVE_INFLIGHT_H
#define PR_SERVE_INFLIGHT_H

#include "store/store.h"

struct inflight;

#define INFLIGHT_ALONE_CRASHES 2
#define INFLIGHT_PARK_CRASHES  3

/*
 * Opens the file for `slots` flights, reads what the last process left, and drops what the store knows to be over.
 * *left: deliveries that were on their way. ERR_IO: errno says why.
 */
MUST_USE enum err inflight_open(const char *path, size_t slots, struct store_reader *reader, struct inflight **out,
                                size_t *left);
/* Nothing is on its way any more when `clean`: the file is emptied. NULL is fine. */
void inflight_close(struct inflight *f, bool clean);

/* How often a process has ended with this delivery on its way. Any thread, as all below. */
int inflight_crashes(struct inflight *f, oid_t msg, oid_t ep);
/* A delivery goes on its way; the slot is for inflight_end. */
size_t inflight_begin(struct inflight *f, oid_t msg, oid_t ep);
/* Its outcome is recorded, or it was taken back. */
void inflight_end(struct inflight *f, size_t slot);
/* For those that go alone: false, another is on its way. End it with inflight_leave. */
bool inflight_enter(struct inflight *f);
void inflight_leave(struct inflight *f);

#endif
