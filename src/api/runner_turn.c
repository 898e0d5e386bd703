/* SPDX-License-Identifier: Apache-2.0 */
/* One step of one run: read, done, written. */
#include <stdarg.h>
#include <stdio.h>

#include "api/handler.h"
#include "api/mail.h"
#include "api/runner.h"
#include "api/step_input.h"
#include "base/time.h"

#define OUTPUT_MAX     65536 /* bytes that are kept of what a step gives */
#define TRIGGER_IN_RUN 2048  /* a larger one is moved out of the run, which is written with each step */
#define TEXT_MAX_      1000
#define AHEAD_STEPS    2000
#define AHEAD_BYTES    65536

struct outcome turn_failed(struct turn *t, const char *fmt, ...)
{
    char text[TEXT_MAX_];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return (struct outcome){.kind = OUTCOME_FAILED, .final = true, .error = arena_str(t->arena, str_c(text))};
}

struct str turn_text(const struct turn *t, const char *name)
{
    return step_input_text(t->input, name);
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

enum err turn_find_step(struct turn *t)
{
    int at = t->run.at.ptr == NULL ? t->def->first : definition_find(t->def, t->run.at);
    if (t->run.at.ptr != NULL && at < 0)
        return ERR_INVALID;
    t->step = at >= 0 ? &t->def->steps[at] : NULL;
    t->step_doc = (struct doc){0};
    if (t->step != NULL)
        t->state = (struct run_step){.id = t->step->id, .type = str_c(step_types[t->step->kind].name)};
    return ERR_OK;
}

static enum err load_step(struct turn *t)
{
    enum err e = turn_find_step(t);
    if (e != ERR_OK || t->step == NULL)
        return e;
    e = ERR_NOT_FOUND;
    if (t->run.steps > 0)
        e = store_find_doc(t->reader, t->arena, DOC_STEP, t->run.app, t->run.id, t->step->id, &t->step_doc);
    if (e == ERR_NOT_FOUND) {
        t->step_doc = (struct doc){0};
        return ERR_OK;
    }
    return e == ERR_OK ? run_step_decode(t->arena, &t->step_doc, &t->state) : e;
}

static struct str actor_of(struct turn *t, const struct automation *m)
{
    struct buf text = BUF_INIT(4096);
    struct json_writer w = json_writer(&text);
    char id[OID_TEXT_SIZE];
    oid_format(t->run.automation, object_prefix(OBJ_AUTOMATION), t->api->id_key, id);
    json_w_object(&w);
    json_w_str_at(&w, "type", STR("automation"));
    json_w_str_at(&w, "id", str_c(id));
    json_w_opt_str_at(&w, "name", m->name);
    json_w_object_end(&w);
    struct str s = arena_str(t->arena, buf_str(&text));
    buf_fini(&text);
    return s;
}

/* Who causes what the step causes. */
static enum err load_actor(struct turn *t)
{
    struct automation m = {0};
    enum err e = automation_load(t->reader, t->arena, t->run.app, t->run.automation, &m);
    t->plan.actor = actor_of(t, &m);
    return e == ERR_NOT_FOUND ? ERR_OK : e; /* its runs go on when it is deleted */
}

static enum err load_definition(struct turn *t)
{
    const struct known_version *v;
    enum err e = known_version_get(t->versions, t->reader, t->run.version, &v);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && !v->runs))
        return ERR_INVALID; /* damage, or an older program took it */
    if (e == ERR_OK) {
        t->def = &v->def;
        t->concurrency = v->version.concurrency;
    }
    return e;
}

enum err turn_load(struct turn *t, oid_t run)
{
    struct doc d;
    enum err e = store_get_doc(t->reader, t->arena, DOC_RUN, run, &d);
    if (e == ERR_OK)
        e = run_decode(t->arena, &d, &t->run);
    if (e != ERR_OK || run_is_over(t->run.status))
        return e == ERR_OK ? ERR_NOT_FOUND : e;
    t->plan = (struct plan){.api = t->api,
                            .reader = t->reader,
                            .arena = t->arena,
                            .app = t->run.app,
                            .now_ms = t->now_ms,
                            .depth = t->run.depth + 1,
                            .origin = t->run.origin != 0 ? t->run.origin : t->run.id};
    e = load_definition(t);
    if (e == ERR_OK)
        e = load_step(t);
    return e == ERR_NOT_FOUND ? ERR_INVALID : e;
}

/* ---- doing --------------------------------------------------------------------------------------------------------
 */

static struct outcome trouble(struct turn *t, const char *field)
{
    struct str at = t->env.at.len > 0 ? t->env.at : str_c(field);
    return turn_failed(t, STR_FMT ": " STR_FMT, STR_ARG(at), STR_ARG(t->env.why));
}

/* Fills t->input. False: *out says what does not work. */
static bool render(struct turn *t, struct outcome *out)
{
    struct buf text = BUF_INIT(STEP_INPUT_MAX);
    struct json *tree = NULL;
    enum err e = step_render(t->step, &t->env, &text);
    if (e == ERR_OK)
        t->state.input = arena_str(t->arena, buf_str(&text));
    if (e == ERR_OK &&
        (json_parse(t->arena, t->state.input, &tree, NULL) != ERR_OK || json_depth(t->state.input) > STEP_JSON_DEPTH)) {
        t->env.why = tree != NULL ? STR("is nested deeper than 116 levels") : STR("does not become JSON");
        t->state.input = STR_NULL;
        e = ERR_INVALID;
    }
    buf_fini(&text);
    t->input = tree;
    if (e != ERR_OK)
        *out = trouble(t, "the step");
    return e == ERR_OK;
}

static enum err do_branch(struct turn *t, struct outcome *out)
{
    for (size_t i = 0; i < t->step->arm_count; i++) {
        bool holds = false;
        if (condition_holds(t->step->arms[i].when, &t->env, &holds) != ERR_OK) {
            *out = turn_failed(t, "branches.%zu.when: " STR_FMT, i, STR_ARG(t->env.why));
            return ERR_OK;
        }
        if (!holds)
            continue;
        out->next = t->step->arms[i].first;
        out->output = arena_printf(t->arena, "{\"branch\":%zu}", i);
        return ERR_OK;
    }
    out->next = t->step->otherwise;
    out->output = STR("{\"branch\":null}");
    return ERR_OK;
}

/* Later values replace earlier ones of the same name. */
static enum err do_set(struct turn *t, struct outcome *out)
{
    struct json *old = NULL;
    const struct json *set = json_get(t->input, STR("set"));
    struct buf text = BUF_INIT(RUN_VARS_MAX);
    struct json_writer w = json_writer(&text);
    if (t->run.vars.ptr != NULL && json_parse(t->arena, t->run.vars, &old, NULL) != ERR_OK)
        return ERR_INVALID;
    json_w_object(&w);
    for (const struct json *m = old != NULL ? old->child : NULL; m != NULL; m = m->next) {
        if (json_get(set, m->name) == NULL)
            json_w_name(&w, m->name), json_w_raw(&w, m->raw);
    }
    for (const struct json *m = set->child; m != NULL; m = m->next) {
        if (json_get(set, m->name) == m)
            json_w_name(&w, m->name), json_w_raw(&w, m->raw);
    }
    json_w_object_end(&w);
    if (text.overflow)
        *out = turn_failed(t, "the variables of a run are larger than 65,536 bytes");
    else
        t->run.vars = arena_str(t->arena, buf_str(&text));
    out->output = set->raw;
    buf_fini(&text);
    return ERR_OK;
}

/* No record, no message. */
static bool causes_nothing(enum step_kind k)
{
    return k == STEP_BRANCH || k == STEP_SET || k == STEP_WAIT || k == STEP_HTTP_REQUEST;
}

/* So much and no more may be looked at where other requests wait. */
static enum err load_view_ahead(struct turn *t)
{
    const struct run_facts f = {.run = &t->run, .trigger = t->trigger};
    enum err e = run_view_make(t->api, NULL, t->arena, &f, &t->view);
    t->env = run_env(t->arena, &t->view, t->now_ms);
    t->env.steps = EXPR_STEPS - AHEAD_STEPS;
    t->env.bytes = EXPR_BYTES - AHEAD_BYTES;
    t->env.compared_max = AHEAD_STEPS;
    return e;
}

static enum err load_view(struct turn *t)
{
    if (t->ahead)
        return load_view_ahead(t);
    enum err e = run_view_load(t->api, t->reader, t->arena, &t->run, &t->step->reads, NULL, &t->view);
    t->env = run_env(t->arena, &t->view, t->now_ms);
    return e == ERR_OK && !causes_nothing(t->step->kind) ? load_actor(t) : e;
}

/* Goes on with an attempt that has begun: the time that it waited for has come, or a request went out, and the program
 * ended before the answer was written. */
static bool is_resumed(const struct turn *t)
{
    if (t->step->kind == STEP_WAIT)
        return t->run.status == RUN_WAITING;
    return t->step->kind == STEP_HTTP_REQUEST && t->run.status == RUN_RUNNING && t->run.attempt > 0 &&
           t->step_doc.id != 0 && t->step_doc.status == RUN_RUNNING;
}

enum err turn_do(struct turn *t, struct outcome *out)
{
    *out = (struct outcome){.kind = OUTCOME_DONE, .next = t->step->next};
    t->state.began_ms = t->state.began_ms != 0 ? t->state.began_ms : t->now_ms;
    enum err e = load_view(t);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_INVALID : e;
    if (!is_resumed(t)) {
        t->run.attempt++;
        t->state.attempts++; /* and those before a retry by hand */
    }
    t->state.ended_ms = 0;         /* of a try before */
    if (t->view.trigger_is_gone) { /* better nothing than what the step does with empty values */
        *out = turn_failed(t, "the request that started the run is not kept any more");
        return ERR_OK;
    }
    if (!render(t, out))
        return ERR_OK;
    switch (t->step->kind) {
    case STEP_UPSERT_RECORD:
    case STEP_UPDATE_RECORD:
        return step_do_records(t, out);
    case STEP_ADD_TAG:
    case STEP_REMOVE_TAG:
        return step_do_tags(t, out);
    case STEP_SET:
        return do_set(t, out);
    case STEP_EMIT_EVENT:
        return step_do_emit(t, out);
    case STEP_BRANCH:
        return do_branch(t, out);
    case STEP_WAIT:
        return step_do_wait(t, out);
    case STEP_START_SEQUENCE:
        return step_do_start(t, out);
    case STEP_STOP_SEQUENCE:
        return step_do_stop(t, out);
    case STEP_SEND_EMAIL:
        return step_do_mail(t, out);
    case STEP_HTTP_REQUEST:
        out->kind = OUTCOME_SENT;
        return ERR_OK;
    case STEP_KINDS:
        break;
    }
    return ERR_INTERNAL;
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static void plan_step(struct turn *t, enum run_status status)
{
    bool is_new = t->step_doc.id == 0;
    struct doc d = t->step_doc;
    if (is_new)
        d = (struct doc){.id = oid_next(t->api->oids, t->now_ms),
                         .kind = DOC_STEP,
                         .app = t->run.app,
                         .ref = t->run.id,
                         .key = t->step->id,
                         .created_ms = t->now_ms};
    if (t->step->kind == STEP_HTTP_REQUEST)
        t->state.input = run_step_masked(t->arena, t->state.input);
    if (t->state.input.len > OUTPUT_MAX)
        t->state.input = STR("{\"truncated\":true}");
    d.status = (int)status;
    d.updated_ms = t->now_ms;
    d.purge_ms = 0; /* it goes with its run */
    d.body = run_step_encode(t->arena, &t->state);
    plan_change(&t->plan, is_new ? DOC_CREATE : DOC_UPDATE, &d, is_new ? 0 : t->step_doc.version);
    t->run.step_doc = d.id;
    t->run.steps += is_new ? 1 : 0;
}

/* A large trigger is written once, not with every step; one that stands in a request only when that goes too soon. */
static enum err move_trigger(struct turn *t)
{
    struct str trigger = STR_NULL;
    bool goes = t->run.request_until_ms != 0 && t->run.request_until_ms < run_needs_trigger_ms(&t->run);
    bool large = t->run.trigger.len > TRIGGER_IN_RUN && !run_is_over(t->run.status);
    enum err e = goes || large ? run_trigger_json(t->reader, t->arena, &t->run, &trigger) : ERR_OK;
    if (e != ERR_OK || trigger.ptr == NULL)
        return e;
    struct run_step s = {.id = STR("trigger"), .output = trigger};
    struct doc d = {.id = oid_next(t->api->oids, t->now_ms),
                    .kind = DOC_STEP,
                    .app = t->run.app,
                    .ref = t->run.id,
                    .key = STR("trigger"),
                    .status = RUN_DONE,
                    .body = run_step_encode(t->arena, &s),
                    .created_ms = t->now_ms,
                    .updated_ms = t->now_ms};
    plan_change(&t->plan, DOC_CREATE, &d, 0);
    t->run.trigger = STR_NULL;
    t->run.request_until_ms = 0;
    return ERR_OK;
}

static void finish(struct turn *t, enum run_status status, struct str error)
{
    run_plan_leave(&t->plan, &t->run);
    t->run.status = status;
    t->run.error = error;
    t->run.key = STR_NULL;
    t->run.due_ms = 0;
    t->run.ended_ms = t->now_ms;
}

static void go_on(struct turn *t, int next)
{
    t->run.status = RUN_RUNNING;
    t->run.attempt = 0;
    t->run.due_ms = t->now_ms;
    t->run.step_doc = 0;
    if (next < 0)
        finish(t, RUN_DONE, STR_NULL);
    else
        t->run.at = t->def->steps[next].id;
}

static void save_done(struct turn *t, const struct outcome *o)
{
    t->state.output = o->output.ptr != NULL ? o->output : STR("{}");
    t->state.error = STR_NULL;
    t->state.ended_ms = t->now_ms;
    plan_step(t, RUN_DONE);
    go_on(t, o->next);
}

static void save_failed(struct turn *t, const struct outcome *o)
{
    size_t tried = (size_t)t->run.attempt;
    bool again = !o->final && tried >= 1 && tried <= t->step->retry_count;
    t->state.error = o->error;
    t->state.output = o->output; /* not that of an attempt before */
    if (again) {
        plan_step(t, RUN_WAITING);
        t->run.status = RUN_WAITING;
        t->run.due_ms = t->now_ms + (o->retry_after_ms > t->step->retry_ms[tried - 1] ? o->retry_after_ms
                                                                                      : t->step->retry_ms[tried - 1]);
        return;
    }
    t->state.ended_ms = t->now_ms;
    plan_step(t, RUN_FAILED);
    if (t->step->goes_on)
        go_on(t, t->step->next);
    else
        finish(t, RUN_FAILED, arena_printf(t->arena, STR_FMT ": " STR_FMT, STR_ARG(t->step->id), STR_ARG(o->error)));
}

static void go_somewhere(struct turn *t, const struct outcome *o)
{
    if (t->step == NULL) {
        finish(t, RUN_DONE, STR_NULL);
        return;
    }
    switch (o->kind) {
    case OUTCOME_DONE:
        save_done(t, o);
        return;
    case OUTCOME_FAILED:
        save_failed(t, o);
        return;
    case OUTCOME_WAITS:
        plan_step(t, RUN_WAITING);
        run_plan_leave(&t->plan, &t->run);
        t->run.status = RUN_WAITING;
        t->run.due_ms = o->due_ms == TIME_NEVER ? 0 : o->due_ms;
        return;
    case OUTCOME_SENT:
        plan_step(t, RUN_RUNNING);
        t->run.status = RUN_RUNNING;
        t->run.due_ms = t->now_ms;
        return;
    }
}

enum err turn_plan(struct turn *t, const struct outcome *o)
{
    uint64_t expected = t->run.doc_version;
    struct doc d;
    go_somewhere(t, o);
    if (!run_is_over(t->run.status) && (t->run.steps > RUN_STEPS_MAX || t->now_ms - t->run.created_ms > RUN_LIFE_MS))
        finish(t, RUN_FAILED, t->run.steps > RUN_STEPS_MAX ? STR("more than 1,000 steps") : STR("older than a year"));
    t->run.updated_ms = t->now_ms;
    if (t->ahead)
        return ERR_OK;
    enum err e = move_trigger(t);
    if (e != ERR_OK)
        return e;
    run_encode(t->arena, &t->run, &d);
    plan_change(&t->plan, DOC_UPDATE, &d, expected);
    return ERR_OK;
}

enum err turn_put_off(struct turn *t, int64_t due_ms)
{
    uint64_t expected = t->run.doc_version;
    struct doc d;
    t->run.due_ms = due_ms;
    enum err e = move_trigger(t);
    if (e != ERR_OK)
        return e;
    run_encode(t->arena, &t->run, &d);
    plan_change(&t->plan, DOC_UPDATE, &d, expected);
    return ERR_OK;
}

enum err turn_end(struct turn *t, enum err committed)
{
    if (committed == ERR_OK && t->mail)
        mail_wake(t->api);
    /* Somebody was faster, or has deleted what the step read. */
    return committed == ERR_CONFLICT || committed == ERR_NOT_FOUND ? ERR_STALE : committed;
}
