/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Live streams: who watches a workspace is told what happens in it as soon as it is committed, over server-sent events
 * (WHATWG HTML, section 9.2). A stream gets what it can take; then a `lagged` event tells that something was left out.
 * While nobody watches, all this costs one look at a counter.
 *
 * The request of a stream is looked at again every LIVE_BEAT_MS and when rights change: whoever may not ask any more,
 * for instance because the session is over, is not told any more.
 */
#ifndef PR_SERVE_LIVE_H
#define PR_SERVE_LIVE_H

#include "serve/reactor.h"

#define LIVE_BEAT_MS 15000

/* Takes over an answered call whose live.on is set: the exchange becomes a stream. The call stays the caller's. */
void live_open(struct reactor *r, struct http_exchange *x, const struct api_call *call);
/* A message was accepted, an attempt recorded; on the reactor's thread. */
void live_message(struct reactor *r, const struct message *m);
void live_attempt(struct reactor *r, oid_t env, const struct attempt *t);
/* An endpoint was made, changed or deleted. Any thread. */
void live_endpoint(struct shared *s, oid_t env, oid_t app, oid_t ep);
/* A request came in at a trigger URL, taken or refused, and is kept. Any thread. */
void live_request(struct shared *s, oid_t env, oid_t app, oid_t trigger, oid_t request);
/* A run began, went on or ended. Any thread. env 0: not known, asked of the thread's reader, which else may be NULL. */
void live_run(struct shared *s, struct store_reader *r, oid_t env, oid_t app, const struct doc *run);
/* Rights changed: every stream is looked at. Any thread. */
void live_recheck(struct shared *s);
/* The reactor's timer has fired. */
void live_beat(struct loop_timer *timer);

#endif
