/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to trigger URLs that can be taken in on the reactor:
 *
 *   begin ─(known, and as it should be)─▶ commit ─▶ answered
 *     └─(not)─▶ relay.c ◀─(known no more, or a duplicate)─┘
 */
#include <stdlib.h>

#include "api/trigger_quick.h"
#include "base/mem.h"
#include "serve/reactor.h"
#include "serve/serve_metrics.h"
#include "sys/clock.h"

#define HOOK_ARENA 16384 /* bytes that stay with each */

struct hook {
    struct hook *next_free;
    struct reactor *reactor;
    struct http_exchange *exchange;
    struct trigger_quick quick;
};

static struct hook *new_hook(struct reactor *r, struct http_exchange *x)
{
    const struct http_request *q = http_exchange_request(x);
    struct hook *h = r->free_hooks;
    if (h != NULL) {
        r->free_hooks = h->next_free;
    } else {
        h = mem_zalloc(1, sizeof *h);
        h->quick.call =
                (struct api_call){.arena = arena_new(HOOK_ARENA), .out = BUF_INIT(4096), .problems = PROBLEMS_INIT};
        h->quick.api = &r->shared->api;
        h->reactor = r;
    }
    h->exchange = x;
    struct api_call *call = &h->quick.call;
    call->method = q->method;
    call->path = q->path;
    call->query = q->query;
    call->headers = q->headers;
    call->header_count = q->header_count;
    call->body = q->body;
    call->peer = q->peer;
    call->now_ms = clock_wall_ms();
    return h;
}

static void free_hook(struct hook *h)
{
    arena_reset(h->quick.call.arena);
    h->next_free = h->reactor->free_hooks;
    h->reactor->free_hooks = h;
}

void hook_free_all(struct reactor *r)
{
    while (r->free_hooks != NULL) {
        struct hook *h = r->free_hooks;
        r->free_hooks = h->next_free;
        arena_free(h->quick.call.arena);
        buf_fini(&h->quick.call.out);
        free(h);
    }
}

static void committed(struct store_op *op)
{
    struct hook *h = CONTAINER_OF(op, struct hook, quick.op.op);
    const struct api_call *c = &h->quick.call;
    if (trigger_quick_end(&h->quick)) {
        metrics_count_answer(c->status);
        http_respond(h->exchange, c->status, c->out_headers, c->out_header_count, buf_str(&c->out));
    } else if (h->reactor->cut) {
        relay_error(h->exchange, ERR_CLOSED, NULL);
    } else {
        relay_request(h->reactor, h->exchange);
    }
    free_hook(h);
}

bool hook_begin(struct reactor *r, struct http_exchange *x)
{
    const struct http_request *q = http_exchange_request(x);
    struct str token;
    if ((q->method != HTTP_M_POST && q->method != HTTP_M_PUT) || !trigger_quick_token(q->path, &token))
        return false;
    struct hook *h = new_hook(r, x);
    if (!trigger_quick_begin(&h->quick, token)) {
        free_hook(h);
        return false;
    }
    h->quick.op.op.home = r->loop;
    h->quick.op.op.done = committed;
    reactor_submit(r, &h->quick.op.op);
    return true;
}
