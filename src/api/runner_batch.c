/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of many runs, a step of each at a time, which share a commit. Those that touched the same document are done
 * one after the other; a run that meets trouble of its own does not hold up the others.
 */
#include "api/runner_priv.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

#define IN_A_ROW    20 /* steps of a run before others come */
#define TRIES       5
#define GIVE_UP     20                /* with growing waits: about a quarter of an hour */
#define BATCH_BYTES ((size_t)4 << 20) /* of what the runs of one commit have read */

struct seat {
    struct task *task;
    struct arena *arena;
    struct turn turn;
    struct outcome outcome;
    struct outside *sending;
    enum err result;
    bool planned;
    bool put_off;
    bool had_place;
    bool more;  /* its next step is due at once */
    bool stale; /* it is to be looked at anew */
};

/* ---- one run ------------------------------------------------------------------------------------------------------
 */

static void plan_put_off(struct runner *r, struct seat *s)
{
    struct turn *t = &s->turn;
    s->result = turn_put_off(t, slot_next(r, t->run.app, t->now_ms));
    s->put_off = s->planned = s->result == ERR_OK;
}

static void plan_step(struct runner *r, struct seat *s)
{
    struct turn *t = &s->turn;
    s->outcome = (struct outcome){.kind = OUTCOME_DONE};
    s->result = t->step != NULL ? turn_do(t, &s->outcome) : ERR_OK;
    if (s->result != ERR_OK)
        return;
    if (s->outcome.kind == OUTCOME_SENT && (s->sending = outside_make(t, &s->outcome)) != NULL)
        slot_take(r, s->sending);
    s->result = turn_plan(t, &s->outcome);
    s->planned = s->result == ERR_OK;
}

/* The step, or that it must wait for a place. */
static void plan_next(struct runner *r, struct seat *s)
{
    struct turn *t = &s->turn;
    bool outside = t->step != NULL && t->step->kind == STEP_HTTP_REQUEST;
    if (outside && runner_draining(r))
        return;
    enum err e = place_is_needed(t) ? place_take(t) : ERR_OK;
    if (e == ERR_NOT_FOUND || (e == ERR_OK && outside && !slot_is_free(r, t->run.app)))
        plan_put_off(r, s);
    else if (e == ERR_OK)
        plan_step(r, s);
    else
        s->result = e;
}

/* What came back is written, unless somebody has ended the run meanwhile. */
static void plan_answer(struct seat *s)
{
    struct turn *t = &s->turn;
    if (t->step == NULL || t->step->kind != STEP_HTTP_REQUEST || t->run.status != RUN_RUNNING || t->step_doc.id == 0) {
        s->task->written = true;
        return;
    }
    s->outcome = s->task->answer->outcome;
    s->outcome.next = t->step->next;
    s->result = turn_plan(t, &s->outcome);
    s->planned = s->result == ERR_OK;
}

static void seat_begin(struct runner *r, struct seat *s)
{
    struct task *k = s->task;
    struct turn *t = &s->turn;
    *s = (struct seat){.task = k, .arena = arena_new(16384)};
    *t = (struct turn){.api = r->api,
                       .reader = r->reader,
                       .versions = &r->versions,
                       .chains = &r->chains,
                       .arena = s->arena,
                       .now_ms = r->now()};
    s->result = turn_load(t, k->run);
    if (s->result == ERR_NOT_FOUND) { /* it is over */
        s->result = ERR_OK;
        k->written = true;
        return;
    }
    if (s->result != ERR_OK)
        return;
    s->had_place = t->run.place != 0;
    bool pulled = k->pulled && t->run.status == RUN_RUNNING;
    if (k->answer != NULL)
        plan_answer(s);
    else if (t->run.due_ms != 0 && (t->run.due_ms <= t->now_ms || pulled))
        plan_next(r, s);
}

/* What cannot be done is not tried for ever: the run fails where even that it does can be written. */
static void give_up(struct runner *r, const struct task *k, enum err why)
{
    struct arena *a = arena_new(16384);
    struct run run;
    struct doc now;
    struct plan p = {.api = r->api, .reader = r->reader, .arena = a, .app = k->app, .now_ms = r->now()};
    log_error("automation_run_failed", LOG_INT("run", k->run), LOG_CSTR("error", err_text(why)));
    enum err e = store_get_doc(r->reader, a, DOC_RUN, k->run, &now);
    if (e == ERR_OK && run_decode(a, &now, &run) == ERR_OK && !run_is_over(run.status)) {
        run_plan_end(&p, &run, RUN_FAILED, str_c(err_text(why)));
        e = plan_commit(&p, NULL);
    } else if (e == ERR_OK && now.due_ms != 0) { /* damaged: it is due no more */
        now.due_ms = 0;
        plan_change(&p, DOC_UPDATE, &now, now.version);
        e = plan_commit(&p, NULL);
    }
    if (e == ERR_OK || e == ERR_NOT_FOUND)
        later_forget(r, k->run);
    else
        (void)later_note(r, k->run);
    arena_free(a);
}

/* False: the store cannot now. */
static bool meet_trouble(struct runner *r, struct task *k, enum err e)
{
    if (later_is_hopeless(e)) {
        give_up(r, k, e);
        k->written = true;
        return true;
    }
    if (e == ERR_FULL || e == ERR_BUSY || e == ERR_CLOSED)
        return false;
    int tries = later_note(r, k->run);
    if (tries == 1)
        log_warn("automation_run_waits", LOG_INT("run", k->run), LOG_CSTR("error", err_text(e)));
    if (tries >= GIVE_UP)
        give_up(r, k, e);
    return tries > 0;
}

/* False: the store cannot now. */
static bool seat_end(struct runner *r, struct seat *s)
{
    struct turn *t = &s->turn;
    struct task *k = s->task;
    enum err e = s->result;
    bool good = true;
    if (s->planned)
        e = turn_end(t, e);
    if (s->sending != NULL && e == ERR_OK)
        outside_send(r->desk, s->sending);
    if (s->sending != NULL && e != ERR_OK) {
        slot_give_back(r, s->sending);
        outside_free(s->sending);
    }
    s->stale = e == ERR_STALE;
    s->more = e == ERR_OK && s->planned && s->sending == NULL && !s->put_off && !run_is_over(t->run.status) &&
              t->run.due_ms != 0 && t->run.due_ms <= t->now_ms;
    if (e == ERR_OK) {
        later_forget(r, k->run);
        if (k->answer != NULL)
            slot_give_back(r, k->answer);
        k->written = true;
        k->answer = NULL; /* what follows is another step */
        k->pulled = false;
        k->left = k->left || (s->had_place && t->run.place == 0);
    } else if (!s->stale) {
        good = meet_trouble(r, k, e);
    }
    arena_free(s->arena);
    s->arena = NULL;
    return good;
}

/* ---- many ---------------------------------------------------------------------------------------------------------
 */

static bool commit(struct runner *r, struct seat *seats, size_t count)
{
    struct plan *plans[BATCH] = {NULL};
    enum err results[BATCH];
    size_t n = 0;
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        if (seats[i].planned)
            plans[n++] = &seats[i].turn.plan;
    }
    plan_commit_all(plans, n, results);
    chains_commit(&r->chains);
    for (size_t i = 0, k = 0; i < count; i++) {
        if (seats[i].planned)
            seats[i].result = results[k++];
        good = seat_end(r, &seats[i]) && good;
    }
    return good;
}

/* A step of each. */
static bool step_all(struct runner *r, struct seat *seats, size_t count)
{
    size_t first = 0, bytes = 0;
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        seat_begin(r, &seats[i]);
        bytes += seats[i].turn.view.bytes;
        if (i + 1 < count && bytes < BATCH_BYTES)
            continue;
        good = commit(r, seats + first, i + 1 - first);
        first = i + 1;
        bytes = 0;
    }
    return good;
}

/* Those of a commit that came second, one after the other. */
static bool step_stale(struct runner *r, struct seat *s)
{
    bool good = true;
    for (int i = 0; i < TRIES && s->stale && good; i++) {
        seat_begin(r, s);
        good = commit(r, s, 1);
    }
    if (s->stale && good)
        good = meet_trouble(r, s->task, ERR_STALE);
    return good;
}

bool batch_run(struct runner *r, struct task *tasks, size_t count)
{
    struct seat *seats = mem_zalloc(count + 1, sizeof *seats);
    size_t left = count;
    bool good = true;
    CHECK(count <= BATCH);
    for (size_t i = 0; i < count; i++)
        seats[i] = (struct seat){.task = &tasks[i]};
    for (int round = 0; round < IN_A_ROW && left > 0 && good && !runner_stopping(r); round++) {
        good = step_all(r, seats, left);
        size_t n = 0;
        for (size_t i = 0; i < left && good; i++) {
            if (seats[i].stale)
                good = step_stale(r, &seats[i]);
            if (seats[i].more)
                seats[n++] = seats[i];
        }
        left = n;
    }
    known_versions_trim(&r->versions);
    free(seats);
    return good;
}
