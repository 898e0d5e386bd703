/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that runs automations. It owns its reader and what is under way outside; other threads wake it, and the
 * desk gives back answered requests. A run that may not be asked outside now, because its workspace has enough under
 * way, is put off in the store, each a little longer than the one before, so that many of them do not hide others.
 */
#include "api/runner.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "sys/clock.h"

#define DUE_MAX    200
#define IN_A_ROW   20 /* steps of a run before others come */
#define AGAIN_MS   1000
#define LOOK_MS    60000 /* at the latest; a clock may jump */
#define SLOT_MS    100
#define TRIES      5
#define APPS_KNOWN 256

struct waiting_app {
    oid_t app;
    int64_t slot_ms; /* the next time that has not been given away */
};

struct runner {
    struct api *api;
    int64_t (*now)(void);
    struct store_reader *reader;
    struct outside_desk *desk;
    struct outside *under_way[RUNNER_OUTSIDE_MAX];
    size_t under_way_count;
    struct waiting_app apps[APPS_KNOWN];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct outside *answered;
    bool news;
    bool stop;
};

struct doc_change run_create(struct api *api, struct arena *a, const struct run_start *s)
{
    struct run r = {.id = oid_next(api->oids, s->now_ms),
                    .app = s->app,
                    .automation = s->automation,
                    .status = RUN_RUNNING,
                    .key = s->key,
                    .due_ms = s->now_ms,
                    .created_ms = s->now_ms,
                    .updated_ms = s->now_ms,
                    .version = s->version,
                    .request = s->request,
                    .parent = s->parent,
                    .target = s->target,
                    .depth = s->depth,
                    .trigger = s->trigger_json,
                    .request_until_ms = s->trigger_json.ptr == NULL ? s->request_until_ms : 0};
    struct doc_change c = {.change = DOC_CREATE};
    run_encode(a, &r, &c.doc);
    return c;
}

void runner_wake(const struct api *api)
{
    struct runner *r = api->runner;
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->news = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

/* On the desk's thread. */
static void answered(void *arg, struct outside *o)
{
    struct runner *r = arg;
    pthread_mutex_lock(&r->lock);
    o->next = r->answered;
    r->answered = o;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

static bool stopping(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    bool stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

/* ---- outside ------------------------------------------------------------------------------------------------------
 */

static bool is_under_way(const struct runner *r, oid_t run)
{
    for (size_t i = 0; i < r->under_way_count; i++) {
        if (r->under_way[i]->run == run)
            return true;
    }
    return false;
}

static bool has_slot(const struct runner *r, oid_t app)
{
    size_t own = 0;
    for (size_t i = 0; i < r->under_way_count; i++)
        own += r->under_way[i]->app == app;
    return own < RUNNER_OUTSIDE_PER_APP && r->under_way_count < RUNNER_OUTSIDE_MAX;
}

/* When to look again at a run that found no slot. */
static int64_t next_slot(struct runner *r, oid_t app, int64_t now_ms)
{
    struct waiting_app *w = &r->apps[(uint64_t)app % APPS_KNOWN];
    if (w->app != app || w->slot_ms < now_ms)
        *w = (struct waiting_app){app, now_ms};
    if (w->slot_ms < now_ms + 10 * TIME_MINUTE_MS)
        w->slot_ms += SLOT_MS;
    return w->slot_ms;
}

static enum err put_off(struct runner *r, struct turn *t)
{
    uint64_t expected = t->run.doc_version;
    struct doc d;
    t->run.due_ms = next_slot(r, t->run.app, t->now_ms);
    run_encode(t->arena, &t->run, &d);
    plan_change(&t->plan, DOC_UPDATE, &d, expected);
    return plan_commit(&t->plan, NULL);
}

/* The run says so before the request goes out. */
static enum err send_out(struct runner *r, struct turn *t, const struct outcome *sent)
{
    struct outcome failed = *sent;
    struct outside *o = mem_zalloc(1, sizeof *o);
    o->arena = arena_new(8192);
    list_init(&o->node);
    bool made = outside_make(t, o, &failed);
    enum err e = turn_save(t, made ? sent : &failed);
    if (!made || e != ERR_OK) {
        outside_free(o);
        return e;
    }
    r->under_way[r->under_way_count++] = o;
    outside_send(r->desk, o);
    return ERR_OK;
}

static enum err write_answer(struct runner *r, struct arena *a, struct outside *o)
{
    struct turn t = {.api = r->api, .reader = r->reader, .arena = a, .now_ms = r->now()};
    enum err e = turn_load(&t, o->run);
    if (e == ERR_NOT_FOUND)
        return ERR_OK; /* cancelled meanwhile */
    if (e != ERR_OK)
        return e;
    if (t.step == NULL || t.step->kind != STEP_HTTP_REQUEST || t.run.status != RUN_RUNNING || t.step_doc.id == 0)
        return ERR_OK;
    o->outcome.next = t.step->next;
    return turn_save(&t, &o->outcome);
}

static void take_answers(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    struct outside *first = r->answered;
    r->answered = NULL;
    pthread_mutex_unlock(&r->lock);
    while (first != NULL) {
        struct outside *o = first;
        enum err e = ERR_STALE;
        first = o->next;
        for (int i = 0; i < TRIES && e == ERR_STALE; i++) {
            struct arena *a = arena_new(65536);
            e = write_answer(r, a, o);
            arena_free(a);
        }
        if (e != ERR_OK && e != ERR_CLOSED) /* it is asked again, with the same key */
            log_error("automation_answer_lost", LOG_INT("run", o->run), LOG_CSTR("error", err_text(e)));
        for (size_t i = 0; i < r->under_way_count; i++) {
            if (r->under_way[i] == o)
                r->under_way[i--] = r->under_way[--r->under_way_count];
        }
        outside_free(o);
    }
}

/* ---- runs ---------------------------------------------------------------------------------------------------------
 */

/* A step. *more: the next is due at once. */
static enum err step(struct runner *r, struct arena *a, oid_t run, bool *more)
{
    struct turn t = {.api = r->api, .reader = r->reader, .arena = a, .now_ms = r->now()};
    struct outcome o = {.kind = OUTCOME_DONE};
    enum err e = turn_load(&t, run);
    *more = false;
    if (e == ERR_NOT_FOUND || (e == ERR_OK && t.run.due_ms > t.now_ms))
        return ERR_OK;
    if (e != ERR_OK)
        return e;
    if (t.step != NULL && t.step->kind == STEP_HTTP_REQUEST && !has_slot(r, t.run.app))
        return put_off(r, &t);
    if (t.step != NULL)
        e = turn_do(&t, &o);
    if (e == ERR_OK && o.kind == OUTCOME_SENT)
        return send_out(r, &t, &o);
    if (e == ERR_OK)
        e = turn_save(&t, &o);
    *more = e == ERR_OK && !run_is_over(t.run.status) && t.run.due_ms != 0 && t.run.due_ms <= t.now_ms;
    return e;
}

/* What cannot be done is not tried for ever: the run fails where even that it does can be written. */
static void give_up(struct runner *r, const struct doc *d, enum err why)
{
    struct arena *a = arena_new(16384);
    struct run run;
    struct doc now;
    struct plan p = {.api = r->api, .reader = r->reader, .arena = a, .app = d->app, .now_ms = r->now()};
    log_error("automation_run_failed", LOG_INT("run", d->id), LOG_CSTR("error", err_text(why)));
    enum err e = store_get_doc(r->reader, a, DOC_RUN, d->id, &now);
    if (e == ERR_OK && run_decode(a, &now, &run) == ERR_OK && !run_is_over(run.status)) {
        run_plan_end(&p, &run, RUN_FAILED, str_c(err_text(why)));
        e = plan_commit(&p, NULL);
    } else if (e == ERR_OK) { /* damaged: it is due no more */
        now.due_ms = 0;
        plan_change(&p, DOC_UPDATE, &now, now.version);
        e = plan_commit(&p, NULL);
    }
    if (e != ERR_OK)
        log_error("automation_run_stuck", LOG_INT("run", d->id), LOG_CSTR("error", err_text(e)));
    arena_free(a);
}

/* False: the store cannot now. */
static bool run_some(struct runner *r, const struct doc *d)
{
    bool more = true;
    int stale = 0;
    enum err e = ERR_OK;
    for (int i = 0; i < IN_A_ROW && more && !stopping(r); i++) {
        struct arena *a = arena_new(65536);
        e = step(r, a, d->id, &more);
        if (e == ERR_STALE && ++stale < TRIES) {
            more = true;
            e = ERR_OK;
        }
        arena_free(a);
    }
    if (e != ERR_OK && !err_may_retry(e))
        give_up(r, d, e);
    return e == ERR_OK || e == ERR_STALE || !err_may_retry(e);
}

static bool do_runs(struct runner *r, int64_t *next_ms, bool *more)
{
    struct arena *a = arena_new(65536);
    struct doc *docs = NULL;
    size_t count = 0, done = 0;
    bool good = store_due_docs(r->reader, a, DOC_RUN, r->now(), DUE_MAX, &docs, &count, next_ms) == ERR_OK;
    for (size_t i = 0; i < count && good && !stopping(r); i++) {
        if (is_under_way(r, docs[i].id))
            continue;
        good = run_some(r, &docs[i]);
        done++;
        take_answers(r);
    }
    *more = *more || done > 0;
    arena_free(a);
    return good;
}

static bool do_cues(struct runner *r, int64_t *next_ms, bool *more)
{
    struct arena *list = arena_new(65536);
    struct doc *docs = NULL;
    size_t count = 0;
    bool good = store_due_docs(r->reader, list, DOC_CUE, r->now(), DUE_MAX, &docs, &count, next_ms) == ERR_OK;
    for (size_t i = 0; i < count && good && !stopping(r); i++) {
        struct arena *a = arena_new(65536);
        enum err e = cue_tell(r->api, r->reader, a, &docs[i], r->now());
        arena_free(a);
        good = e == ERR_OK || e == ERR_STALE || !err_may_retry(e);
        if (e == ERR_OK || e == ERR_STALE || err_may_retry(e))
            continue;
        log_error("automation_cue_lost", LOG_INT("cue", docs[i].id), LOG_CSTR("error", err_text(e)));
        struct doc_change c = {.change = DOC_DELETE, .doc = docs[i]};
        struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = docs[i].app, .changes = &c, .count = 1};
        good = store_run(r->api->store, &op.op) != ERR_CLOSED;
    }
    *more = *more || count > 0;
    arena_free(list);
    return good;
}

/* ---- the thread ---------------------------------------------------------------------------------------------------
 */

/* Until something is due (by the wall clock), news, an answer, or the end. */
static void rest(struct runner *r, int64_t due_ms)
{
    int64_t wait_ms = due_ms == TIME_NEVER ? LOOK_MS : due_ms - r->now();
    wait_ms = wait_ms < 1 ? 1 : wait_ms > LOOK_MS ? LOOK_MS : wait_ms;
    int64_t until_ms = clock_mono_ms() + wait_ms;
    struct timespec at = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&r->lock);
    while (!r->stop && !r->news && r->answered == NULL && clock_mono_ms() < until_ms)
        pthread_cond_clockwait(&r->wake, &r->lock, CLOCK_MONOTONIC, &at);
    r->news = false;
    pthread_mutex_unlock(&r->lock);
}

static void *run_thread(void *arg)
{
    struct runner *r = arg;
    while (!stopping(r)) {
        int64_t cue_ms = TIME_NEVER, run_ms = TIME_NEVER;
        bool more = false;
        take_answers(r);
        bool good = do_cues(r, &cue_ms, &more) && do_runs(r, &run_ms, &more);
        if (!good)
            rest(r, r->now() + AGAIN_MS);
        else if (!more)
            rest(r, cue_ms < run_ms ? cue_ms : run_ms);
    }
    return NULL;
}

enum err runner_start(struct api *api, int64_t (*now)(void), const struct client_config *c, const char **why)
{
    struct runner *r = mem_zalloc(1, sizeof *r);
    r->api = api;
    r->now = now;
    *why = "no thread";
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
    enum err e = store_reader_open(api->store, &r->reader);
    if (e == ERR_OK && (r->desk = outside_open(c, answered, r, why)) == NULL)
        e = ERR_IO;
    api->runner = r;
    if (e == ERR_OK && pthread_create(&r->thread, NULL, run_thread, r) == 0)
        return ERR_OK;
    api->runner = NULL;
    if (r->desk != NULL)
        outside_close(r->desk);
    if (r->reader != NULL)
        store_reader_close(r->reader);
    free(r);
    return ERR_IO;
}

void runner_stop(struct api *api)
{
    struct runner *r = api->runner;
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_broadcast(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    outside_close(r->desk);
    store_reader_close(r->reader);
}

void runner_free(struct api *api)
{
    struct runner *r = api->runner;
    if (r == NULL)
        return;
    while (r->answered != NULL) {
        struct outside *o = r->answered;
        r->answered = o->next;
        outside_free(o);
    }
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    api->runner = NULL;
    free(r);
}
