/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every request but the hot one: to an API worker and back; and there again, for those whose answer takes its time.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "serve/live.h"
#include "serve/reactor.h"
#include "serve/serve_metrics.h"
#include "sys/clock.h"

#define ANSWER_BYTES_MAX ((size_t)768 << 20) /* a page of 250 payloads of 2 MiB, escaped; far below in practice */

struct relay {
    struct pool_job job;
    struct loop_task task;
    struct reactor *reactor;
    struct http_exchange *exchange;
    struct loop_timer again;
    struct list later; /* reactor.later */
    struct api_call call;
};

void relay_error(struct http_exchange *x, enum err e, const char *detail)
{
    static const struct http_header headers[] = {{{"Content-Type", 12}, {"application/json", 16}},
                                                 {{"Access-Control-Allow-Origin", 27}, {"*", 1}},
                                                 {{"Retry-After", 11}, {"1", 1}}};
    struct buf out = BUF_INIT(65536);
    api_error_json(e, detail, &out);
    metrics_count_answer(err_http_status(e));
    http_respond(x, err_http_status(e), headers, err_may_retry(e) ? 3 : 2, buf_str(&out));
    buf_fini(&out);
}

static void end(struct relay *y)
{
    struct api_call *c = &y->call;
    buf_fini(&c->out);
    problems_fini(&c->problems);
    arena_free(c->arena);
    free(y);
}

static void go_on(struct loop_timer *t)
{
    struct relay *y = CONTAINER_OF(t, struct relay, again);
    list_remove(&y->later);
    pool_submit_always(y->reactor->shared->workers, &y->job);
}

static void wait(struct relay *y)
{
    struct reactor *r = y->reactor;
    if (r->cut) {
        relay_error(y->exchange, ERR_CLOSED, NULL);
        end(y);
        return;
    }
    list_push_back(&r->later, &y->later);
    y->again.on_fire = go_on;
    loop_timer_set(r->loop, &y->again, loop_now_ms(r->loop) + y->call.later.in_ms);
}

void relay_cut(struct reactor *r)
{
    for (struct list *n; (n = list_pop_front(&r->later)) != NULL;) {
        struct relay *y = CONTAINER_OF(n, struct relay, later);
        loop_timer_cancel(r->loop, &y->again);
        relay_error(y->exchange, ERR_CLOSED, NULL);
        end(y);
    }
}

static void answer(struct loop_task *task)
{
    struct relay *y = CONTAINER_OF(task, struct relay, task);
    struct api_call *c = &y->call;
    if (c->later.go_on != NULL) {
        wait(y);
        return;
    }
    if (c->live.on && c->status == 200 && c->method == HTTP_M_GET) {
        live_open(y->reactor, y->exchange, c);
    } else {
        metrics_count_answer(c->status);
        http_respond(y->exchange, c->status, c->out_headers, c->out_header_count, buf_str(&c->out));
    }
    end(y);
}

/* The texts of one-time links and trigger URLs are secrets. */
static struct str shown_path(struct str path)
{
    static const char *const before[] = {"/api/v1/console/link/", "/v1/webhooks/in/", "/in/", "/inbound/msg/"};
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        size_t at = str_find_str(path, str_c(before[i]));
        if (at < path.len)
            return str_take(path, at + strlen(before[i]));
    }
    return path;
}

static void run(struct pool_job *job, struct store_reader *reader)
{
    struct relay *y = CONTAINER_OF(job, struct relay, job);
    y->call.reader = reader;
    y->call.now_ms = clock_wall_ms();
    if (y->call.later.go_on != NULL)
        api_resume(&y->reactor->shared->api, &y->call);
    else
        api_handle(&y->reactor->shared->api, &y->call);
    if (y->call.later.go_on == NULL)
        log_debug("request", LOG_STR("path", shown_path(y->call.path)), LOG_INT("status", y->call.status),
                  LOG_STR("peer", y->call.peer));
    y->task.run = answer;
    loop_post(y->reactor->loop, &y->task);
}

void relay_request(struct reactor *r, struct http_exchange *x)
{
    const struct http_request *q = http_exchange_request(x);
    struct relay *y = mem_zalloc(1, sizeof *y);
    y->reactor = r;
    y->exchange = x;
    list_init(&y->later);
    y->job.run = run;
    y->call = (struct api_call){.arena = arena_new(16384),
                                .method = q->method,
                                .path = q->path,
                                .query = q->query,
                                .headers = q->headers,
                                .header_count = q->header_count,
                                .body = q->body,
                                .peer = q->peer,
                                .problems = PROBLEMS_INIT,
                                .out = BUF_INIT(ANSWER_BYTES_MAX)};
    if (pool_submit(r->shared->workers, &y->job))
        return;
    arena_free(y->call.arena);
    free(y);
    relay_error(x, ERR_BUSY, NULL);
}
