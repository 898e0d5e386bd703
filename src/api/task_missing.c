/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step of replay-missing: the next messages of the workspace, matched with the endpoint as it is now. What fits and
 * never had a delivery to it gets one, as if it had just been accepted.
 */
#include "api/append.h"
#include "api/render.h"
#include "api/task.h"
#include "base/time.h"

#define STEP_MESSAGES 100

struct missing {
    struct task_run *run;
    struct task *task;
    const struct workspace *ws;
    const struct endpoint *ep;
    const struct catalog_profile *profile;
    struct store_resend resends[STEP_MESSAGES];
    struct store_op *ops[STEP_MESSAGES];
    size_t count;
};

/* False: the endpoint is not there or is disabled, and the task has an error. */
static bool find_endpoint(struct missing *m)
{
    for (size_t i = 0; i < m->ws->endpoint_count && m->ep == NULL; i++) {
        if (m->ws->endpoints[i].id == m->task->ep) {
            m->ep = &m->ws->endpoints[i];
            m->profile = m->ws->profiles[i];
        }
    }
    if (m->ep == NULL)
        m->task->error = STR("the endpoint was deleted");
    else if (m->ep->disabled)
        m->task->error = STR("the endpoint was disabled");
    return m->task->error.ptr == NULL;
}

/* Payloads are read only where a filter wants them, and one at a time. */
static enum err look_inside(struct missing *m, const struct message *head, bool *fits)
{
    struct message whole;
    struct arena *a = arena_new(65536);
    enum err e = store_get_message(m->run->reader, a, head->app, head->id, true, &whole);
    if (e == ERR_OK && whole.payload.ptr == NULL) {
        *fits = true; /* nobody knows; it is counted as skipped */
    } else if (e == ERR_OK) {
        struct match_facts facts = append_facts(a, &whole);
        *fits = match_endpoint(m->ep, &facts);
        match_facts_fini(&facts);
    }
    arena_free(a);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err fits_endpoint(struct missing *m, const struct message *head, bool *fits)
{
    struct delivery d;
    *fits = false;
    enum err e = store_get_delivery(m->run->reader, head->id, m->ep->id, &d);
    if (e != ERR_NOT_FOUND)
        return e;
    struct endpoint open = *m->ep; /* all but the filter, which costs the payload */
    open.filter = STR_NULL;
    open.wants = NULL;
    struct match_facts facts = append_facts(m->run->arena, head);
    *fits = match_endpoint(&open, &facts);
    match_facts_fini(&facts);
    return *fits && m->ep->filter.ptr != NULL ? look_inside(m, head, fits) : ERR_OK;
}

static void add_resend(struct missing *m, const struct message *head)
{
    struct task_run *r = m->run;
    struct message_render *render = arena_alloc(r->arena, sizeof *render);
    struct store_resend *op = &m->resends[m->count];
    *op = (struct store_resend){.op = {.kind = STORE_RESEND},
                                .app = head->app,
                                .msg = head->id,
                                .ep = m->ep->id,
                                .profile_version = m->profile->version,
                                .transform = endpoint_transform(m->ep),
                                .trigger = TRIGGER_SCHEDULE,
                                .now_ms = head->deliver_at_ms > r->now_ms ? head->deliver_at_ms : r->now_ms,
                                .if_missing = true,
                                .fifo = m->ep->fifo};
    if (render_message(r->api, r->arena, &m->ws->app, m->profile, head, render))
        op->render = render;
    m->ops[m->count++] = &op->op;
}

/* A step that a crash repeats finds its deliveries there: they were made, but are not counted. */
static enum err count_results(struct missing *m)
{
    enum err e = ERR_OK;
    for (size_t i = 0; i < m->count && e == ERR_OK; i++) {
        e = m->resends[i].op.result;
        m->task->done += e == ERR_OK && m->resends[i].changed;
        m->task->skipped += e == ERR_GONE;
        if (e == ERR_GONE || e == ERR_NOT_FOUND)
            e = ERR_OK;
    }
    return e;
}

static enum err walk(struct missing *m, bool *more)
{
    struct task_run *r = m->run;
    struct task *t = m->task;
    struct message *list;
    size_t count;
    oid_t from = oid_at_ms(t->since_ms) - 1;
    struct message_query q = {.app = t->app,
                              .after = t->cursor > from ? t->cursor : from,
                              .before = oid_at_ms(t->until_ms + 1),
                              .ascending = true,
                              .status = -1,
                              .limit = STEP_MESSAGES};
    enum err e = store_list_messages(r->reader, r->arena, &q, &list, NULL, &count);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        bool fits;
        e = fits_endpoint(m, &list[i], &fits);
        if (e == ERR_OK && fits)
            add_resend(m, &list[i]);
    }
    if (e != ERR_OK || count == 0)
        return e;
    store_run_all(r->api->store, m->ops, m->count);
    e = count_results(m);
    if (e != ERR_OK)
        return e;
    t->cursor = list[count - 1].id;
    t->processed += (int64_t)count;
    *more = count == STEP_MESSAGES;
    if (m->count > 0 && r->api->on_pending != NULL)
        r->api->on_pending(r->api->hook_arg, t->ep);
    return ERR_OK;
}

enum err task_step_replay(struct task_run *r, struct task *t, bool *more)
{
    struct missing m = {.run = r, .task = t};
    enum err e = ERR_OK;
    m.ws = catalog_get(r->api->catalog, t->app);
    if (m.ws == NULL)
        e = catalog_load(r->api->catalog, r->reader, t->app, &m.ws);
    if (e == ERR_NOT_FOUND) {
        t->error = STR("the application was deleted");
        return ERR_OK;
    }
    if (e != ERR_OK)
        return e;
    if (find_endpoint(&m))
        e = walk(&m, more);
    catalog_unref(m.ws);
    return e;
}
