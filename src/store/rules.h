/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operations mean, the same in every backend. Pure.
 *
 * A delivery has pending work while its schedule goes on (status PENDING, due_ms) or an attempt asked for by hand waits
 * (request). `pos` orders the pending work of an endpoint and is 0 exactly when there is none:
 *
 *                        ordinary                        FIFO (delivery.fifo)
 *   created              due_ms                          max(last pos of the endpoint + 1, now), in the commit
 *   retry                the new due_ms                  unchanged
 *   asked for by hand    min(pos, now); now without work unchanged; now without work
 *   asked for and tried  due_ms again, or 0              unchanged, or 0
 */
#ifndef PR_STORE_RULES_H
#define PR_STORE_RULES_H

#include "store/store.h"

/* Objects of one kind share keys within a scope: their workspace, or 0. A workspace lives in its environment's. */
oid_t rules_scope(enum object_kind kind, oid_t app);
/* Which counters a change of this object raises: *app and *env, 0 = none. A workspace's version is the sum of its own
 * counter and its environment's; 0 as long as its own is 0. */
void rules_raised(const struct object *o, oid_t *app, oid_t *env);

/* Whether there is pending work: the row is in the pending index. */
bool rules_pending(const struct delivery *d);
/* The delivery of a target; pos is the caller's for FIFO targets, t->pos is not read. */
struct delivery rules_created(oid_t msg, const struct store_target *t, int64_t fifo_pos);
/* The outcome of an attempt; whether the state moved. Untouched when it did not.
 *  - scheduled: counts when the delivery is pending and tries == number - 1; a stale one only finishes, with a 2xx,
 * what is still pending. A request that waits goes on waiting.
 *  - by hand: answers the request. Success finishes the delivery; failure leaves its schedule as it was. */
bool rules_record(struct delivery *d, const struct store_record *r);
/* A delivery that did not exist, for store_resend: FAIL, no schedule, the request pending; or, if_missing, as one of a
 * new message. pos of a FIFO endpoint's is the caller's, see rules_created. */
struct delivery rules_resent(const struct store_resend *r, int64_t fifo_pos);
/* Asks for an attempt by hand; a second request takes the place of the first. fifo_pos: the end of the
 * order of an endpoint that keeps one; 0: it keeps none, or the delivery has its place. */
void rules_request(struct delivery *d, enum attempt_trigger trigger, int64_t fifo_pos, int64_t now_ms);
/* Nothing is pending any more: PENDING becomes FAIL with the reason, a request is dropped. False: nothing was. */
bool rules_fail(struct delivery *d, enum delivery_reason reason);
/* Nothing is pending any more: PENDING becomes CANCELED, a request is dropped. False: nothing was. */
bool rules_cancel(struct delivery *d);
/* Whether a delivery fits, but for its message's event type, channels and tags. http_status: of its last attempt, -1 =
 * unknown. */
bool rules_replay_fits(const struct replay_filter *f, const struct delivery *d, int http_status);
/* Whether the message does. */
bool rules_replay_fits_message(const struct replay_filter *f, const struct message *m);
/* When the first thing may happen: pending_summary.due_ms. */
int64_t rules_due_ms(const struct delivery *d);

/* Whether a JSON array of strings (trusted to be well-formed; null: no) contains the value. */
bool rules_array_has(struct str array, struct str value);
/* Whether rules_message_fits can say no, or rules_attempt_fits to a candidate of the endpoint or message. */
bool rules_message_filters(const struct message_query *q);
bool rules_attempt_filters(const struct attempt_query *q);
/* Whether a delivery fits q's status. */
bool rules_delivery_fits(const struct message_query *q, const struct delivery *d);
/* Whether a message (and its delivery, NULL unless q->ep) fits q's event types, channel, tag and status. */
bool rules_message_fits(const struct message_query *q, const struct message *m, const struct delivery *d);
/* The same for an attempt and its message's channels and tags (null strs when it is gone). */
bool rules_attempt_fits(const struct attempt_query *q, const struct attempt *t, struct str channels, struct str tags);

#endif
