/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cues: a message or a change of a record, told first to the automations that start with it, in one commit with the
 * note that they were, then to the runs that wait for it, a page at a time. A run that is woken is so in a commit of
 * its own, which takes away the document by which it was found: a crash between repeats nothing.
 */
#include "api/cue.h"

#include "api/handler.h"
#include "api/runner.h"
#include "base/log.h"
#include "base/time.h"

#define PAGE     100
#define WAKE_TRY 3

/* ---- what happened, as JSON ---------------------------------------------------------------------------------------
 */

struct happened {
    struct str event;   /* {"id","type","occurredAt"}, or {"type","change"} */
    struct str body;    /* the payload, or the record */
    struct str trigger; /* all of it, as the root `trigger` */
};

static struct str taken(struct arena *a, struct buf *text)
{
    CHECK(!text->overflow); /* what goes in is limited */
    struct str s = arena_str(a, buf_str(text));
    buf_fini(text);
    return s;
}

static enum err message_event(struct api *api, struct store_reader *r, struct arena *a, oid_t app, const struct cue *c,
                              struct happened *out)
{
    struct message m;
    struct buf text = BUF_INIT((size_t)64 << 20);
    struct json_writer w = json_writer(&text);
    char id[OID_TEXT_SIZE];
    enum err e = store_get_message(r, a, app, c->msg, true, &m);
    if (e != ERR_OK)
        return e;
    oid_format(m.id, "msg_", api->id_key, id);
    json_w_object(&w);
    json_w_str_at(&w, "type", STR("event"));
    json_w_str_at(&w, "id", str_c(id));
    json_w_str_at(&w, "event", m.event_type);
    json_w_time_at(&w, "occurredAt", m.occurred_ms);
    json_w_name(&w, STR("body"));
    if (m.payload.ptr == NULL)
        json_w_null(&w);
    else if (m.content_type.ptr != NULL || json_depth(m.payload) > RUN_JSON_DEPTH)
        json_w_str(&w, m.payload);
    else
        json_w_raw(&w, m.payload);
    json_w_object_end(&w);
    out->trigger = taken(a, &text);
    return ERR_OK;
}

static void record_event(struct arena *a, const struct cue *c, struct happened *out)
{
    struct buf text = BUF_INIT((size_t)64 << 20);
    struct json_writer w = json_writer(&text);
    json_w_object(&w);
    json_w_str_at(&w, "type", STR("record_changed"));
    json_w_str_at(&w, "record", str_skip(c->event, 7));
    json_w_str_at(&w, "change", c->change);
    json_w_raw_at(&w, "body", c->record);
    json_w_object_end(&w);
    out->trigger = taken(a, &text);
}

/* ---- who starts ---------------------------------------------------------------------------------------------------
 */

struct telling {
    struct api *api;
    struct store_reader *reader;
    struct arena *arena;
    const struct doc *doc;
    struct cue cue;
    struct happened what;
    const struct json *trigger; /* what.trigger, parsed */
    int64_t now_ms;
    struct plan plan;
};

static bool starts_with(struct telling *t, const struct start *s)
{
    struct run none = {0};
    struct run_facts f = {.run = &none, .trigger = t->trigger};
    struct run_view v;
    bool holds = true;
    bool is_record = t->cue.msg == 0;
    if (s->kind != (is_record ? START_RECORD : START_EVENT))
        return false;
    if (is_record && !str_eq(s->record, str_skip(t->cue.event, 7)))
        return false;
    if (is_record ? s->names != NULL && !start_names_have(s->names, t->cue.change)
                  : !start_names_have(s->names, t->cue.event))
        return false;
    if (s->where == NULL)
        return true;
    if (run_view_make(t->api, t->reader, t->arena, &f, &v) != ERR_OK)
        return false;
    struct expr_env env = run_env(t->arena, &v, t->now_ms);
    return condition_holds(s->where, &env, &holds) == ERR_OK && holds;
}

static enum err start_one(struct telling *t, const struct automation *m)
{
    struct automation_version v;
    struct start s;
    struct problems problems = PROBLEMS_INIT;
    enum err e = automation_version_load(t->reader, t->arena, m->published, &v);
    bool fits = e == ERR_OK && start_compile(t->arena, v.trigger, &s, &problems) == ERR_OK && starts_with(t, &s);
    problems_fini(&problems);
    if (!fits)
        return e;
    if (t->cue.depth > RUN_DEPTH_MAX) {
        log_warn("automation_too_deep", LOG_INT("automation", m->id),
                 LOG_CSTR("note", "runs start runs more than 10 deep: this one was not started"));
        return ERR_OK;
    }
    struct run_start start = {.app = m->app,
                              .automation = m->id,
                              .version = m->published,
                              .trigger_json = t->what.trigger,
                              .depth = t->cue.depth,
                              .now_ms = t->now_ms};
    struct doc_change c = run_create(t->api, t->arena, &start);
    plan_change(&t->plan, DOC_CREATE, &c.doc, 0);
    return ERR_OK;
}

static enum err start_all(struct telling *t)
{
    struct object o, *found = NULL;
    size_t count = 0;
    enum err e = store_get_object(t->reader, t->arena, OBJ_APP, t->doc->app, &o);
    if (e != ERR_OK || o.deleted_ms != 0)
        return e;
    struct object_query q = {.kind = OBJ_AUTOMATION, .env = o.env, .app = o.id, .limit = AUTOMATIONS_MAX};
    e = store_list_objects(t->reader, t->arena, &q, &found, &count);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        struct automation m;
        e = automation_decode(t->arena, &found[i], &m);
        bool heard = false;
        for (size_t k = 0; e == ERR_OK && k < m.hear_count; k++)
            heard = heard || str_eq(m.hears[k], t->cue.event);
        if (heard && m.status == AUTOMATION_PUBLISHED && m.published != 0)
            e = start_one(t, &m);
    }
    return e;
}

/* ---- who waits ----------------------------------------------------------------------------------------------------
 */

/* Whether the run is still where this document found it, and the event fits; then the turn's plan has the rest. */
static enum err wake(struct telling *t, const struct doc *wait, int64_t run, struct str step, bool *gone)
{
    struct turn turn = {.api = t->api, .reader = t->reader, .arena = t->arena, .now_ms = t->now_ms};
    bool holds = true;
    *gone = true;
    enum err e = turn_load(&turn, run);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    if (e != ERR_OK)
        return e;
    if (turn.run.status != RUN_WAITING || turn.step == NULL || !str_eq(turn.step->id, step))
        return ERR_OK;
    const struct step_value *where = step_value(turn.step, "where");
    if (where != NULL) {
        struct run_view v;
        e = run_view_load(t->api, t->reader, t->arena, &turn.run, t->trigger, &v);
        struct expr_env env = run_env(t->arena, &v, t->now_ms);
        holds = e == ERR_OK && condition_holds(where->condition, &env, &holds) == ERR_OK && holds;
    }
    if (e != ERR_OK || !holds) {
        *gone = false;
        return e;
    }
    struct outcome o = {.kind = OUTCOME_DONE,
                        .next = turn.step->next,
                        .output = arena_printf(t->arena, "{\"timedOut\":false,\"event\":" STR_FMT "}",
                                               STR_ARG(t->what.trigger.len <= 32768 ? t->what.trigger : STR("null")))};
    plan_change(&turn.plan, DOC_DELETE, wait, 0);
    return turn_save(&turn, &o);
}

static enum err wake_one(struct telling *t, const struct doc *wait)
{
    struct json *body;
    int64_t run = 0;
    struct str step;
    bool gone = true;
    enum err e = ERR_STALE;
    bool good = json_parse(t->arena, wait->body, &body, NULL) == ERR_OK &&
                json_as_i64(json_get(body, STR("run")), &run) && json_as_str(json_get(body, STR("step")), &step);
    for (int i = 0; good && i < WAKE_TRY && e == ERR_STALE; i++)
        e = wake(t, wait, run, step, &gone);
    if (good && (e != ERR_OK || !gone))
        return e;
    struct doc_change c = {.change = DOC_DELETE, .doc = *wait};
    struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = wait->app, .changes = &c, .count = 1};
    e = store_run(t->api->store, &op.op);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* ---- one cue ------------------------------------------------------------------------------------------------------
 */

static enum err write_cue(struct telling *t, bool over)
{
    struct doc d = *t->doc;
    d.body = cue_encode(t->api->oids, t->arena, d.app, &t->cue, t->now_ms).body;
    d.updated_ms = t->now_ms;
    plan_change(&t->plan, over ? DOC_DELETE : DOC_UPDATE, &d, t->doc->version);
    return plan_commit(&t->plan, NULL);
}

static enum err tell_waiting(struct telling *t)
{
    struct doc *waits = NULL;
    size_t count = 0;
    struct doc_query q = {.kind = DOC_WAIT,
                          .app = t->doc->app,
                          .ref = cue_wait_ref(t->cue.event),
                          .after = t->cue.after,
                          .limit = PAGE};
    enum err e = store_list_docs(t->reader, t->arena, &q, &waits, &count);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        t->cue.after = waits[i].id;
        if (waits[i].id > t->doc->id) /* waits since after it happened */
            count = 0;
        else
            e = wake_one(t, &waits[i]);
    }
    return e == ERR_OK ? write_cue(t, count < PAGE) : e;
}

static enum err tell_happened(struct telling *t)
{
    struct json *tree = NULL;
    enum err e = cue_decode(t->arena, t->doc, &t->cue);
    if (e == ERR_OK && t->cue.msg == 0)
        record_event(t->arena, &t->cue, &t->what);
    else if (e == ERR_OK)
        e = message_event(t->api, t->reader, t->arena, t->doc->app, &t->cue, &t->what);
    if (e == ERR_NOT_FOUND)
        return write_cue(t, true); /* expunged meanwhile */
    if (e == ERR_OK)
        e = json_parse(t->arena, t->what.trigger, &tree, NULL);
    t->trigger = tree;
    if (e == ERR_OK && t->cue.told)
        return tell_waiting(t);
    if (e == ERR_OK)
        e = start_all(t);
    t->cue.told = true;
    return e == ERR_OK ? write_cue(t, t->cue.msg == 0) : e;
}

/* ---- schedules ----------------------------------------------------------------------------------------------------
 */

static enum err tell_schedule(struct telling *t)
{
    struct automation m;
    struct automation_version v;
    struct start s = {.kind = START_SEQUENCE};
    struct problems problems = PROBLEMS_INIT;
    struct doc d = *t->doc;
    char at[TIME_TEXT_SIZE];
    enum err e = automation_load(t->reader, t->arena, t->doc->app, t->doc->ref, &m);
    bool on = e == ERR_OK && m.status == AUTOMATION_PUBLISHED && m.published != 0;
    if (on && (e = automation_version_load(t->reader, t->arena, m.published, &v)) == ERR_OK)
        on = start_compile(t->arena, v.trigger, &s, &problems) == ERR_OK && s.kind == START_SCHEDULE;
    problems_fini(&problems);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    d.due_ms = on ? cron_next(&s.cron, t->now_ms) : TIME_NEVER;
    plan_change(&t->plan, d.due_ms != TIME_NEVER ? DOC_UPDATE : DOC_DELETE, &d, t->doc->version);
    if (on) {
        time_format(t->doc->due_ms, at);
        struct run_start start = {
                .app = m.app,
                .automation = m.id,
                .version = m.published,
                .trigger_json = arena_printf(t->arena, "{\"type\":\"schedule\",\"body\":{\"scheduledAt\":\"%s\"}}", at),
                .now_ms = t->now_ms};
        struct doc_change c = run_create(t->api, t->arena, &start);
        plan_change(&t->plan, DOC_CREATE, &c.doc, 0);
    }
    return plan_commit(&t->plan, NULL);
}

enum err cue_tell(struct api *api, struct store_reader *r, struct arena *a, const struct doc *d, int64_t now_ms)
{
    struct telling t = {.api = api,
                        .reader = r,
                        .arena = a,
                        .doc = d,
                        .now_ms = now_ms,
                        .plan = {.api = api, .reader = r, .arena = a, .app = d->app, .now_ms = now_ms}};
    return d->ref != 0 ? tell_schedule(&t) : tell_happened(&t);
}
