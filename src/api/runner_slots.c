/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places for requests outside, places for the runs of an automation that has few, and what is to be left alone for a
 * while. A run that finds no place is put off in the
 * store, each a little further, so that a long queue of one workspace does not hide the runs of others; when a place
 * is given back the first of them is pulled forward, so that the queue goes as fast as the servers answer.
 */
#include "api/runner_priv.h"
#include "base/time.h"
#include "sys/clock.h"

#define SLOT_MS      100
#define SLOT_FAR_MS  (10 * TIME_MINUTE_MS)
#define PULL_LOOKS   64
#define LATER_MS     1000
#define LATER_FAR_MS TIME_MINUTE_MS
#define LATER_OLD_MS (5 * TIME_MINUTE_MS)

/* ---- places -------------------------------------------------------------------------------------------------------
 */

bool slot_is_under_way(const struct runner *r, oid_t run)
{
    for (size_t i = 0; i < r->under_way_count; i++) {
        if (r->under_way[i]->run == run)
            return true;
    }
    return false;
}

static size_t own_count(const struct runner *r, oid_t app)
{
    size_t own = 0;
    for (size_t i = 0; i < r->under_way_count; i++)
        own += r->under_way[i]->app == app;
    return own;
}

/* The more are taken the fewer a workspace gets, so that some are left for those who have none. */
size_t slot_count(struct runner *r, oid_t app)
{
    size_t own = own_count(r, app), left = RUNNER_OUTSIDE_MAX - r->under_way_count;
    size_t most = left > RUNNER_OUTSIDE_MAX / 2 ? RUNNER_OUTSIDE_PER_APP : RUNNER_OUTSIDE_PER_APP / 4;
    most = own < most ? most - own : 0;
    return most < left ? most : left;
}

bool slot_is_free(struct runner *r, oid_t app)
{
    return slot_count(r, app) > 0;
}

static void tell_count(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    r->outside = r->under_way_count;
    pthread_mutex_unlock(&r->lock);
}

void slot_take(struct runner *r, struct outside *o)
{
    CHECK(r->under_way_count < RUNNER_OUTSIDE_MAX);
    r->under_way[r->under_way_count++] = o;
    tell_count(r);
}

void slot_give_back(struct runner *r, struct outside *o)
{
    for (size_t i = 0; i < r->under_way_count; i++) {
        if (r->under_way[i] == o)
            r->under_way[i--] = r->under_way[--r->under_way_count];
    }
    tell_count(r);
}

static struct waiting_app *waiting(struct runner *r, oid_t app)
{
    return &r->apps[(uint64_t)app % APPS_KNOWN];
}

int64_t slot_next(struct runner *r, oid_t app, int64_t now_ms)
{
    struct waiting_app *w = waiting(r, app);
    if (w->app != app || w->slot_ms < now_ms)
        *w = (struct waiting_app){app, now_ms};
    if (w->slot_ms < now_ms + SLOT_FAR_MS)
        w->slot_ms += SLOT_MS;
    return w->slot_ms;
}

/* A run that is running and due later was put off. */
static bool was_put_off(struct runner *r, struct arena *a, oid_t id)
{
    struct doc d;
    return store_get_doc(r->reader, a, DOC_RUN, id, &d) == ERR_OK && d.status == RUN_RUNNING;
}

size_t slot_pull(struct runner *r, oid_t app, struct task *out, size_t room)
{
    struct doc_due due[PULL_LOOKS];
    struct waiting_app *w = waiting(r, app);
    int64_t now_ms = r->now(), next_ms;
    size_t found = 0, count = 0;
    if (room == 0 || w->app != app || w->slot_ms <= now_ms ||
        store_due(r->reader, DOC_RUN, app, INT64_MAX, due, PULL_LOOKS, &found, &next_ms) != ERR_OK)
        return 0;
    for (size_t i = 0; i < found && count < room; i++) {
        struct arena *a = arena_new(4096);
        if (due[i].due_ms > now_ms && was_put_off(r, a, due[i].id))
            out[count++] = (struct task){.run = due[i].id, .app = app, .pulled = true};
        arena_free(a);
    }
    if (count == 0 && found < PULL_LOOKS)
        w->slot_ms = now_ms; /* nobody waits any more */
    return count;
}

/* ---- places of an automation --------------------------------------------------------------------------------------
 */

/* A step that waits needs none, and gives up the one that the run had. */
bool place_is_needed(const struct turn *t)
{
    return t->concurrency > 0 && t->run.place == 0 && t->step != NULL && t->step->kind != STEP_WAIT;
}

enum err place_take(struct turn *t)
{
    struct doc *taken = NULL;
    size_t count = 0, free = 0;
    struct doc_query q = {.kind = DOC_PLACE, .app = t->run.app, .ref = t->run.automation, .limit = CONCURRENCY_MAX + 1};
    enum err e = store_list_docs(t->reader, t->arena, &q, &taken, &count);
    if (e != ERR_OK || (int64_t)count >= t->concurrency)
        return e == ERR_OK ? ERR_NOT_FOUND : e;
    struct str key = STR_NULL;
    for (bool is_taken = true; is_taken; free++) {
        key = arena_printf(t->arena, "%zu", free);
        is_taken = false;
        for (size_t i = 0; i < count; i++)
            is_taken = is_taken || str_eq(taken[i].key, key);
    }
    struct doc d = {.id = oid_next(t->api->oids, t->now_ms),
                    .kind = DOC_PLACE,
                    .app = t->run.app,
                    .ref = t->run.automation,
                    .key = key,
                    .body = arena_printf(t->arena, "{\"run\":%lld}", (long long)t->run.id),
                    .created_ms = t->now_ms,
                    .updated_ms = t->now_ms};
    plan_change(&t->plan, DOC_CREATE, &d, 0);
    t->run.place = d.id;
    return ERR_OK;
}

/* ---- trouble ------------------------------------------------------------------------------------------------------
 */

static struct later *find(const struct runner *r, oid_t id)
{
    for (size_t i = 0; i < r->later_count; i++) {
        if (r->later[i].id == id)
            return (struct later *)&r->later[i];
    }
    return NULL;
}

bool later_waits(const struct runner *r, oid_t id)
{
    const struct later *l = find(r, id);
    return l != NULL && clock_mono_ms() < l->until_ms;
}

/* Those that nobody has looked at for long have come to an end otherwise. */
static void forget_old(struct runner *r)
{
    for (size_t i = r->later_count; i-- > 0;) {
        if (clock_mono_ms() > r->later[i].until_ms + LATER_OLD_MS)
            r->later[i] = r->later[--r->later_count];
    }
}

int later_note(struct runner *r, oid_t id)
{
    struct later *l = find(r, id);
    if (l == NULL && r->later_count == LATER_MAX)
        forget_old(r);
    if (l == NULL && r->later_count == LATER_MAX)
        return 0;
    if (l == NULL) {
        l = &r->later[r->later_count++];
        *l = (struct later){.id = id};
    }
    int64_t wait_ms = l->tries < 6 ? (int64_t)LATER_MS << l->tries : LATER_FAR_MS;
    l->until_ms = clock_mono_ms() + (wait_ms < LATER_FAR_MS ? wait_ms : LATER_FAR_MS);
    return ++l->tries;
}

void later_forget(struct runner *r, oid_t id)
{
    struct later *l = find(r, id);
    if (l != NULL)
        *l = r->later[--r->later_count];
}

int64_t later_next(const struct runner *r)
{
    int64_t first = TIME_NEVER;
    for (size_t i = 0; i < r->later_count; i++)
        first = r->later[i].until_ms < first ? r->later[i].until_ms : first;
    return first;
}

bool later_is_hopeless(enum err e)
{
    return !err_may_retry(e) && e != ERR_IO;
}
