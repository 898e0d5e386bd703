/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What operational webhooks tell of deliveries: that a message fails, that it is given up, that it got through after
 * all; and mail to those whose endpoint fails. Noticed after the record is committed; an API worker does the rest.
 */
#include <stdlib.h>

#include "api/endpoint_mail.h"
#include "api/operational.h"
#include "base/mem.h"
#include "serve/flight.h"
#include "sys/clock.h"

#define FAILING_AT    4  /* this failure of a message is told */
#define LOOK_BACK_MAX 50 /* attempts */

struct notice {
    struct pool_job job;
    struct shared *shared;
    struct operational_event ev;
    bool by_hand;
    bool failing;
};

static bool was_told(const struct attempt *last)
{
    return last->status == DELIVERY_FAIL && (last->number >= FAILING_AT || last->next_ms == 0);
}

/* An attempt by hand got through: whether the message was told to fail before, and has not got through since. */
static enum err look_back(struct store_reader *reader, const struct operational_event *ev, bool *told)
{
    struct attempt_query q = {.app = ev->app,
                              .ep = ev->ep,
                              .msg = ev->msg,
                              .before = ev->attempt,
                              .status = -1,
                              .status_class = -1,
                              .limit = LOOK_BACK_MAX};
    struct arena *a = arena_new(16384);
    struct attempt *list = NULL;
    size_t count = 0;
    *told = false;
    enum err e = store_list_attempts(reader, a, &q, &list, &count);
    for (size_t i = 0; e == ERR_OK && i < count && list[i].status == DELIVERY_FAIL; i++) {
        if (list[i].trigger != TRIGGER_SCHEDULE)
            continue;
        *told = was_told(&list[i]);
        break;
    }
    arena_free(a);
    return e;
}

/* An endpoint fails if it did for half the time that the message was tried: one that takes others is not to blame. */
static void mail_failing(const struct notice *n, struct store_reader *reader, int64_t now_ms)
{
    int64_t came_ms = oid_time_ms(n->ev.msg);
    endpoint_mail_failing(&n->shared->api, reader, n->ev.ep, came_ms + (n->ev.at_ms - came_ms) / 2, now_ms);
}

static void run(struct pool_job *job, struct store_reader *reader)
{
    struct notice *n = CONTAINER_OF(job, struct notice, job);
    int64_t now_ms = clock_wall_ms();
    bool told = true;
    enum err e = n->by_hand ? look_back(reader, &n->ev, &told) : ERR_OK;
    if (e != ERR_OK)
        log_warn("operational_webhook_lost", LOG_CSTR("type", n->ev.type), LOG_CSTR("error", err_text(e)));
    else if (told)
        operational_send(&n->shared->api, reader, &n->ev, now_ms);
    if (n->failing)
        mail_failing(n, reader, now_ms);
    free(n);
}

static const char *type_of(const struct attempt *t, const struct store_record *r)
{
    bool scheduled = t->trigger == TRIGGER_SCHEDULE;
    if (t->status == DELIVERY_SUCCESS)
        return !scheduled || t->number > FAILING_AT ? "message.attempt.recovered" : NULL;
    if (!scheduled)
        return NULL;
    if (r->status == DELIVERY_FAIL)
        return r->reason == REASON_EXHAUSTED ? "message.attempt.exhausted" : NULL;
    return t->number == FAILING_AT ? "message.attempt.failing" : NULL;
}

void notice_recorded(struct flight *f)
{
    const struct attempt *t = &f->attempt;
    const char *type = type_of(t, &f->record);
    struct reactor *r = f->reactor;
    if (type == NULL || r->cut || operational_hides(f->ws->app.uid))
        return;
    struct notice *n = mem_zalloc(1, sizeof *n);
    n->job.run = run;
    n->shared = r->shared;
    n->by_hand = t->trigger != TRIGGER_SCHEDULE;
    n->failing = t->status == DELIVERY_FAIL;
    n->ev = (struct operational_event){.type = type,
                                       .app = t->app,
                                       .ep = t->ep,
                                       .msg = t->msg,
                                       .attempt = t->id,
                                       .http_status = t->http_status,
                                       .at_ms = t->started_ms};
    pool_submit_always(r->shared->workers, &n->job);
}
