/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on its way, in a mapped file beside the database that nobody syncs: it survives the end of the process,
 * however that comes, and says at the next start which deliveries may have been begun without a record. Should one of
 * them be what makes the process fault (a signal such as SIGSEGV, or a CHECK that does not hold), it must not do so for
 * ever:
 *
 *   on its way at 1 fault    goes again like any other
 *   on its way at 2 faults   goes again while no other of these is on its way
 *   on its way at 3 faults   is parked: failed, visible, sent again only by hand
 *
 * An end from outside (SIGKILL, a power cut) is no delivery's fault: it raises the epoch of the attempt and nothing
 * else. The file is a hint: lost or damaged, it costs nothing but these precautions.
 */
#ifndef PR_SERVE_INFLIGHT_H
#define PR_SERVE_INFLIGHT_H

#include "store/store.h"

struct inflight;

#define INFLIGHT_ALONE_FAULTS 2
#define INFLIGHT_PARK_FAULTS  3

/*
 * Opens the file for `slots` flights, reads what the last process left, and drops what the store knows to be over.
 * *left: deliveries that were on their way. ERR_IO: errno says why.
 */
MUST_USE enum err inflight_open(const char *path, size_t slots, struct store_reader *reader, struct inflight **out,
                                size_t *left);
/* Nothing is on its way any more when `clean`: the file is emptied. NULL is fine. */
void inflight_close(struct inflight *f, bool clean);

/* What earlier processes left of a delivery. */
struct inflight_past {
    int epoch;  /* how often one ended with it on its way */
    int faults; /* of these, by a fault */
};
/* All zero if nothing is known. Any thread, as all below. */
struct inflight_past inflight_look(struct inflight *f, oid_t msg, oid_t ep);
/* A delivery goes on its way; the slot is for inflight_end. */
size_t inflight_begin(struct inflight *f, oid_t msg, oid_t ep);
/* Its outcome is recorded, or it was taken back. */
void inflight_end(struct inflight *f, size_t slot);
/* For those that go alone: false, another is on its way. End it with inflight_leave. */
bool inflight_enter(struct inflight *f);
void inflight_leave(struct inflight *f);

#endif
