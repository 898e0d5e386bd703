/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operators and their tools ask: is it alive, is it ready, its metrics.
 */
#ifndef PR_SERVE_OPS_H
#define PR_SERVE_OPS_H

#include "serve/reactor.h"

/* Answers /livez and /readyz, and /metrics too on the metrics listener; false: the request is another's. */
bool ops_answer(struct shared *s, struct http_exchange *x, bool metrics);

#endif
