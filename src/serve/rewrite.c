/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transformation on its way: what the store has of it, or a run of the version that the delivery was accepted with.
 *
 * What was made once stays (docs/decisions): every later attempt takes it from the store. As long as nothing was made,
 * nothing can have been sent; an attempt that is asked for by hand then takes the endpoint's transformation as it is
 * now, so that messages which failed for a mistake in the code can still be delivered once it is mended.
 */
#include "serve/rewrite.h"

#include <stdlib.h>

#include "base/mem.h"
#include "model/transformation.h"
#include "serve/flight.h"

void rewrite_free(struct rewrite *p)
{
    if (p == NULL)
        return;
    body_unref(p->body);
    catalog_unref(p->ws);
    arena_free(p->arena);
    free(p);
}

void rewrite_abandon(struct rewrite *p)
{
    p->flight = NULL;
}

static void finish(struct loop_task *task)
{
    struct rewrite *p = CONTAINER_OF(task, struct rewrite, task);
    if (p->flight == NULL) {
        rewrite_free(p);
    } else {
        p->done = true;
        rewrite_done(p->flight);
    }
}

static void fail(struct rewrite *p, enum transform_status status, const char *why)
{
    p->status = status;
    p->why = why;
}

static void run_code(struct rewrite *p, struct transform_process *process, const struct transformation *t)
{
    const struct shared *s = p->reactor->shared;
    const struct message *m = &p->body->msg;
    const struct message_render *params = body_render(p->body, RENDER_PARAMS);
    struct transform_result res;
    struct transform_call call = {.code = t->code,
                                  .variables = t->variables,
                                  .url = p->ep->url,
                                  .event_type = m->event_type,
                                  .event_id = m->event_id,
                                  .message_id = str_c(p->body->id_text),
                                  .channels = m->channels,
                                  .params = params != NULL ? params->head : STR_NULL,
                                  .payload = m->payload,
                                  .payload_is_text = m->content_type.ptr != NULL,
                                  .now_ms = oid_time_ms(m->id),
                                  .seed = hash_u64((uint64_t)m->id)};
    transform_run(process, &call, p->arena, &res);
    if (res.status != TRANSFORM_OK) {
        fail(p, res.status, arena_cstr(p->arena, res.text));
        return;
    }
    const char *why = transform_read(transform_pool_limits(s->transforms), s->api.urls, p->profile->profile, &call,
                                     res.text, p->arena, &p->made, NULL);
    if (why != NULL)
        fail(p, TRANSFORM_FAILED, why);
}

static enum err load(struct rewrite *p, struct store_reader *reader, struct transformation *t)
{
    struct object o;
    enum err e = store_get_object(reader, p->arena, OBJ_TRANSFORMATION, p->version, &o);
    return e == ERR_OK ? transformation_decode(p->arena, p->reactor->shared->keys, &o, t) : e;
}

/* On a thread of the pool. */
static void run(struct transform_job *job, struct transform_process *process, struct store_reader *reader)
{
    struct rewrite *p = CONTAINER_OF(job, struct rewrite, job);
    struct transformation t;
    enum err e = ERR_CLOSED;
    if (process != NULL)
        e = store_get_transformed(reader, p->arena, p->body->msg.id, p->ep->id, &p->made);
    p->fresh = e == ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND && p->by_hand)
        p->version = endpoint_transform(p->ep);
    if (e == ERR_NOT_FOUND && p->version == 0) {
        p->made = (struct transformed){
                .method = STR("POST"), .same = true, .as_is = p->body->msg.content_type.ptr != NULL};
    } else if (e == ERR_NOT_FOUND) {
        e = load(p, reader, &t);
        if (e == ERR_OK)
            run_code(p, process, &t);
        p->made.version = p->version;
    } else if (e == ERR_OK) {
        p->version = p->made.version;
    }
    if (e != ERR_OK && !(e == ERR_NOT_FOUND && p->version == 0))
        fail(p, TRANSFORM_MISSING, "the transformation cannot be read");
    p->task.run = finish;
    loop_post(p->reactor->loop, &p->task);
}

void rewrite_start(struct flight *f)
{
    struct rewrite *p = mem_zalloc(1, sizeof *p);
    struct reactor *r = f->reactor;
    p->job = (struct transform_job){.app = f->ep->app, .ep = f->ep->id, .run = run};
    list_init(&p->job.node);
    p->reactor = r;
    p->flight = f;
    p->arena = arena_new(4096);
    p->body = body_ref(f->body);
    catalog_ref(f->ws);
    p->ws = f->ws;
    p->ep = f->ep;
    p->profile = f->profile;
    p->version = f->work->transform;
    p->by_hand = f->work->trigger != TRIGGER_SCHEDULE;
    f->rewrite = p;
    enum transform_status s = transform_submit(r->shared->transforms, &p->job);
    if (s == TRANSFORM_OK)
        return;
    fail(p, s,
         s == TRANSFORM_BUSY ? "too many transformations of this workspace wait"
                             : "no worker for transformations could be started");
    p->task.run = finish;
    loop_post(r->loop, &p->task);
}
