/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that runs automations. It owns its reader and what is under way outside; other threads wake it, and the
 * desk gives back answered requests.
 */
#include "api/runner.h"

#include <stdlib.h>

#include "api/runner_priv.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "sys/clock.h"

#define AGAIN_MS 1000  /* after trouble with the store */
#define PULLS    20    /* that follow each other */
#define IDLE_MS  50    /* when all that is due is under way */
#define CUES_MS  100   /* of a look that runs wait for, if every workspace had a turn */
#define LOOK_MS  60000 /* at the latest; a clock may jump */

struct run run_begin(struct api *api, struct arena *a, const struct run_start *s)
{
    struct run r = {.id = oid_next(api->oids, s->now_ms),
                    .app = s->app,
                    .automation = s->automation,
                    .status = RUN_RUNNING,
                    .due_ms = s->now_ms,
                    .created_ms = s->now_ms,
                    .updated_ms = s->now_ms,
                    .version = s->version,
                    .request = s->request,
                    .parent = s->parent,
                    .target = s->target,
                    .depth = s->depth,
                    .origin = s->origin,
                    .trigger = s->trigger_json,
                    .request_until_ms = s->trigger_json.ptr == NULL ? s->request_until_ms : 0};
    if (s->target != 0)
        r.key = s->alone ? run_target_prefix(a, s->target) : run_target_key(a, s->target, r.id);
    if (s->refused.ptr != NULL) {
        r.status = RUN_FAILED;
        r.error = s->refused;
        r.due_ms = 0;
        r.ended_ms = s->now_ms;
    }
    return r;
}

struct doc_change run_create(struct api *api, struct arena *a, const struct run_start *s)
{
    struct doc_change c = {.change = DOC_CREATE};
    struct run r = run_begin(api, a, s);
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

bool runner_stopping(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    bool stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

bool runner_draining(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    bool draining = r->draining;
    pthread_mutex_unlock(&r->lock);
    return draining;
}

/* ---- answers ------------------------------------------------------------------------------------------------------
 */

/* Moves what the desk has given back to what is to be written. */
static void fetch_answers(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    struct outside *first = r->answered;
    r->answered = NULL;
    pthread_mutex_unlock(&r->lock);
    while (first != NULL) {
        struct outside *o = first;
        first = o->next;
        o->next = r->unwritten;
        r->unwritten = o;
    }
}

/* Runs that wait for the places that these have given back: those of requests, or of their automations. */
static size_t find_next(struct runner *r, const struct task *given_back, size_t count, bool requests, struct task *out)
{
    size_t n = 0;
    for (size_t i = 0; i < count && n < BATCH; i++) {
        bool known = false;
        size_t places = requests ? slot_count(r, given_back[i].app) : 0;
        for (size_t k = 0; k < count; k++) {
            known = known || (k < i && given_back[k].app == given_back[i].app);
            places += given_back[k].app == given_back[i].app && given_back[k].left ? 1 : 0;
        }
        if (!known)
            n += slot_pull(r, given_back[i].app, out + n, places < BATCH - n ? places : BATCH - n);
    }
    return n;
}

/* Pulls them forward, and those that follow them. */
static bool pull(struct runner *r, const struct task *given_back, size_t count, bool requests)
{
    struct task tasks[2][BATCH];
    bool good = true;
    for (int i = 0; i < PULLS && count > 0 && good && !runner_stopping(r); i++) {
        struct task *next = tasks[i % 2];
        count = find_next(r, given_back, count, requests, next);
        good = count == 0 || batch_run(r, next, count);
        given_back = next;
        requests = false;
    }
    return good;
}

/* At most BATCH of them. An answer that cannot be written now stays for the next time. */
static bool write_answers(struct runner *r)
{
    struct task tasks[BATCH];
    struct outside *these[BATCH], **at = &r->unwritten;
    size_t count = 0;
    for (struct outside *o = r->unwritten; o != NULL && count < BATCH; o = o->next) {
        if (later_waits(r, o->run))
            continue;
        these[count] = o;
        tasks[count++] = (struct task){.run = o->run, .app = o->app, .answer = o};
    }
    bool good = count == 0 || batch_run(r, tasks, count);
    for (size_t i = 0; i < count; i++) { /* in the list's own order */
        while (*at != these[i])
            at = &(*at)->next;
        if (!tasks[i].written)
            continue;
        *at = these[i]->next;
        slot_give_back(r, these[i]);
        outside_free(these[i]);
    }
    return good && pull(r, tasks, count, true);
}

static bool take_answers(struct runner *r)
{
    bool good = true;
    fetch_answers(r);
    for (size_t i = 0; i < RUNNER_OUTSIDE_MAX / BATCH && r->unwritten != NULL && good; i++)
        good = write_answers(r);
    return good;
}

/* ---- what is due --------------------------------------------------------------------------------------------------
 */

static void do_runs(struct runner *r, struct look *l)
{
    struct doc_due due[DUE_PAGE];
    struct task tasks[BATCH];
    size_t count = 0, n = 0;
    int64_t next_ms = TIME_NEVER;
    l->good = due_take(&r->runs, r->reader, r->now(), 2 * RUNNER_OUTSIDE_PER_APP, due, &count, &next_ms) == ERR_OK;
    for (size_t i = 0; i < count && l->good && !runner_stopping(r); i++) {
        if (!slot_is_under_way(r, due[i].id) && !later_waits(r, due[i].id))
            tasks[n++] = (struct task){.run = due[i].id, .app = due[i].app};
        if (n == 0 || (n < BATCH && i + 1 < count))
            continue;
        l->good = batch_run(r, tasks, n) && pull(r, tasks, n, false) && take_answers(r);
        l->worked = true;
        n = 0;
    }
    l->next_ms = next_ms < l->next_ms ? next_ms : l->next_ms;
}

static void do_cues(struct runner *r, struct look *l)
{
    struct cue_list c = {.until_ms = clock_mono_ms() + CUES_MS};
    size_t count = 0;
    int64_t next_ms = TIME_NEVER;
    l->good = due_take(&r->cues, r->reader, r->now(), 1, c.due, &count, &next_ms) == ERR_OK;
    for (size_t i = 0; i < count && l->good; i++) {
        if (!later_waits(r, c.due[i].id))
            c.due[c.count++] = c.due[i];
    }
    for (size_t at = 0; at < c.count && l->good && !runner_stopping(r);) {
        l->good = cues_tell(r, &c, &at) && take_answers(r);
        l->worked = true;
    }
    l->next_ms = next_ms < l->next_ms ? next_ms : l->next_ms;
}

struct look runner_look(struct runner *r)
{
    struct look l = {.good = take_answers(r), .next_ms = TIME_NEVER};
    if (l.good)
        do_cues(r, &l);
    if (l.good)
        do_runs(r, &l);
    return l;
}

/* ---- the thread ---------------------------------------------------------------------------------------------------
 */

/* For so long, until news, an answer, or the end. */
static void rest(struct runner *r, int64_t wait_ms, bool news)
{
    wait_ms = wait_ms < 1 ? 1 : wait_ms > LOOK_MS ? LOOK_MS : wait_ms;
    int64_t until_ms = clock_mono_ms() + wait_ms;
    struct timespec at = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&r->lock);
    while (!r->stop && !(news && (r->news || r->answered != NULL)) && clock_mono_ms() < until_ms)
        pthread_cond_clockwait(&r->wake, &r->lock, CLOCK_MONOTONIC, &at);
    if (news)
        r->news = false;
    pthread_mutex_unlock(&r->lock);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void *run_thread(void *arg)
{
    struct runner *r = arg;
    pthread_setname_np(pthread_self(), "runner");
    while (!runner_stopping(r)) {
        struct look l = runner_look(r);
        if (!l.good) {
            rest(r, AGAIN_MS, false);
        } else if (!l.worked) {
            int64_t now_ms = r->now(), later_ms = later_next(r);
            int64_t wait_ms = l.next_ms == TIME_NEVER ? LOOK_MS : l.next_ms - now_ms;
            if (l.next_ms <= now_ms)
                wait_ms = IDLE_MS;
            if (r->unwritten != NULL)
                wait_ms = least(wait_ms, AGAIN_MS);
            rest(r, least(wait_ms, later_ms == TIME_NEVER ? LOOK_MS : later_ms - clock_mono_ms()), true);
        } else if (runner_draining(r)) {
            rest(r, IDLE_MS, true); /* what is due may be what does not go out any more */
        }
    }
    return NULL;
}

void runner_init(struct runner *r, struct api *api, int64_t (*now)(void))
{
    *r = (struct runner){
            .api = api, .now = now, .cues = {.kind = DOC_CUE, .at = -1}, .runs = {.kind = DOC_RUN, .at = -1}};
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->wake, NULL);
}

enum err runner_start(struct api *api, int64_t (*now)(void), const struct client_config *c, const char **why)
{
    struct runner *r = mem_zalloc(1, sizeof *r);
    runner_init(r, api, now);
    *why = "no thread";
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
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    free(r);
    return ERR_IO;
}

size_t runner_drain(struct api *api)
{
    struct runner *r = api->runner;
    if (r == NULL)
        return 0;
    pthread_mutex_lock(&r->lock);
    r->draining = true;
    size_t outside = r->outside;
    pthread_mutex_unlock(&r->lock);
    return outside;
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
    known_versions_fini(&r->versions);
    store_reader_close(r->reader);
}

static void free_all(struct outside *first)
{
    while (first != NULL) {
        struct outside *o = first;
        first = o->next;
        outside_free(o);
    }
}

void runner_free(struct api *api)
{
    struct runner *r = api->runner;
    if (r == NULL)
        return;
    free_all(r->answered);
    free_all(r->unwritten);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    api->runner = NULL;
    free(r);
}
