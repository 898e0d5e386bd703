/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cues: a message or a change of a record, told first to the automations that start with it, in one change with the
 * note that they were, then to the runs that wait for it, a page at a time. A run is woken in a change that takes away
 * the document by which it was found: a crash between repeats nothing.
 */
#include "api/cue.h"

#include "api/handler.h"
#include "api/runner_priv.h"
#include "api/schedule.h"
#include "api/source_cron.h"
#include "base/log.h"
#include "base/time.h"
#include "sys/clock.h"

#define PAGE       BATCH             /* of those who wait */
#define PAGE_BYTES ((size_t)4 << 20) /* of what they have read */
#define GIVE_UP    20

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

/* The published automations of a workspace, read once for the cues that are told together. */
struct audience {
    oid_t app;
    struct automation *automations;
    size_t count;
};

struct telling {
    struct runner *runner;
    struct api *api;
    struct store_reader *reader;
    struct arena *arena;
    struct doc doc;
    struct cue cue;
    struct happened what;
    const struct json *trigger; /* what.trigger, parsed */
    int64_t now_ms;
    struct plan plan;
    struct chain_count chain; /* that it belongs to */
    bool planned;
    enum err result;
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
    const struct known_version *v;
    enum err e = known_version_get(&t->runner->versions, t->reader, m->published, &v);
    if (e != ERR_OK && later_is_hopeless(e)) { /* the others start nevertheless */
        log_error("automation_damaged", LOG_INT("automation", m->id), LOG_CSTR("error", err_text(e)));
        return ERR_OK;
    }
    if (e != ERR_OK || !v->starts || !starts_with(t, &v->start))
        return e;
    enum chain_room room = chain_next(&t->chain);
    if (room == CHAIN_ENDED)
        return ERR_OK;
    struct str refused = room == CHAIN_ENDS ? chain_words(&t->plan, t->cue.origin) : STR_NULL;
    if (room == CHAIN_ROOM && t->cue.depth > RUN_DEPTH_MAX)
        refused = STR("not started: runs start runs more than 10 deep");
    struct run_start start = {.app = m->app,
                              .automation = m->id,
                              .version = m->published,
                              .trigger_json = t->what.trigger,
                              .depth = t->cue.depth,
                              .origin = t->cue.origin,
                              .refused = refused,
                              .now_ms = t->now_ms};
    struct doc_change c = run_create(t->api, t->arena, &start);
    plan_change(&t->plan, DOC_CREATE, &c.doc, 0);
    return ERR_OK;
}

static enum err load_audience(struct telling *t, struct arena *a, struct audience *out)
{
    struct object o, *found = NULL;
    size_t count = 0;
    *out = (struct audience){.app = t->doc.app};
    enum err e = store_get_object(t->reader, a, OBJ_APP, t->doc.app, &o);
    if (e != ERR_OK || o.deleted_ms != 0)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    struct object_query q = {.kind = OBJ_AUTOMATION, .env = o.env, .app = o.id, .limit = AUTOMATIONS_MAX};
    e = store_list_objects(t->reader, a, &q, &found, &count);
    out->automations = arena_alloc(a, (count + 1) * sizeof *out->automations);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        struct automation *m = &out->automations[out->count];
        e = automation_decode(a, &found[i], m);
        out->count += e == ERR_OK && m->status == AUTOMATION_PUBLISHED && m->published != 0 ? 1 : 0;
    }
    return e;
}

static enum err start_all(struct telling *t, const struct audience *who)
{
    enum err e = chain_open(&t->runner->chains, &t->plan, t->cue.origin, &t->chain);
    for (size_t i = 0; i < who->count && e == ERR_OK; i++) {
        const struct automation *m = &who->automations[i];
        bool heard = false;
        for (size_t k = 0; k < m->hear_count && !heard; k++)
            heard = str_eq(m->hears[k], t->cue.event);
        if (heard)
            e = start_one(t, m);
    }
    if (e == ERR_OK)
        chain_plan(&t->runner->chains, &t->plan, &t->chain);
    return e;
}

/* ---- who waits ----------------------------------------------------------------------------------------------------
 */

/* A run that may wait for it, found by a DOC_WAIT. */
struct waiting {
    const struct doc *wait;
    struct turn turn;
    bool gone;    /* it waits no more */
    bool planned; /* there is something to commit */
};

/* Whether the run is still where this document found it, and the event fits. */
static enum err look_at(struct telling *t, struct waiting *w, int64_t run, struct str step, bool *fits)
{
    struct turn *turn = &w->turn;
    *fits = false;
    w->gone = true;
    enum err e = turn_load(turn, run);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    if (e != ERR_OK)
        return e;
    if (turn->run.status != RUN_WAITING || turn->step == NULL || !str_eq(turn->step->id, step))
        return ERR_OK;
    w->gone = false;
    if (run_deadline_ms(&turn->run) != 0 && t->doc.created_ms > run_deadline_ms(&turn->run))
        return ERR_OK; /* too late: its time-out is only waiting for its turn */
    const struct step_value *where = step_value(turn->step, "where");
    if (where == NULL) {
        *fits = true;
        return ERR_OK;
    }
    e = run_view_load(t->api, t->reader, t->arena, &turn->run, &turn->step->reads, t->trigger, &turn->view);
    struct expr_env env = run_env(t->arena, &turn->view, t->now_ms);
    *fits = e == ERR_OK && condition_holds(where->condition, &env, fits) == ERR_OK && *fits;
    return e;
}

/* The event becomes the step's output. */
static enum err plan_go_on(struct telling *t, struct waiting *w)
{
    struct outcome o = {
            .kind = OUTCOME_DONE,
            .next = w->turn.step->next,
            .output = arena_printf(t->arena, "{\"timedOut\":false,\"event\":" STR_FMT "}", STR_ARG(t->what.trigger))};
    plan_change(&w->turn.plan, DOC_DELETE, w->wait, 0);
    return turn_plan(&w->turn, &o);
}

static void plan_forget(struct telling *t, struct waiting *w)
{
    w->turn.plan = (struct plan){
            .api = t->api, .reader = t->reader, .arena = t->arena, .app = w->wait->app, .now_ms = t->now_ms};
    plan_change(&w->turn.plan, DOC_DELETE, w->wait, 0);
}

/* Plans that the run goes on, or that the document goes away. */
static enum err plan_wake(struct telling *t, struct waiting *w)
{
    struct json *body;
    int64_t run = 0;
    struct str step;
    bool fits = false;
    w->gone = true;
    w->turn = (struct turn){.api = t->api,
                            .reader = t->reader,
                            .versions = &t->runner->versions,
                            .arena = t->arena,
                            .now_ms = t->now_ms};
    enum err e = ERR_OK;
    if (json_parse(t->arena, w->wait->body, &body, NULL) == ERR_OK && json_as_i64(json_get(body, STR("run")), &run) &&
        json_as_str(json_get(body, STR("step")), &step))
        e = look_at(t, w, run, step, &fits);
    if (e == ERR_OK && w->gone)
        plan_forget(t, w);
    else if (e == ERR_OK && fits)
        e = plan_go_on(t, w);
    w->planned = e == ERR_OK && (fits || w->gone);
    if (e != ERR_OK && later_is_hopeless(e)) { /* it is found out when its time comes */
        log_error("automation_run_not_woken", LOG_INT("run", run), LOG_CSTR("error", err_text(e)));
        return ERR_OK;
    }
    return e;
}

/* The first error that matters. */
static enum err commit_wakes(struct waiting *list, size_t count)
{
    struct plan *plans[PAGE] = {NULL};
    enum err results[PAGE], e = ERR_OK;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i].planned)
            plans[n++] = &list[i].turn.plan;
    }
    plan_commit_all(plans, n, results);
    for (size_t i = 0; i < n && e == ERR_OK; i++)
        e = results[i] == ERR_NOT_FOUND ? ERR_OK : results[i];
    return e;
}

/* ---- one cue ------------------------------------------------------------------------------------------------------
 */

static void plan_cue(struct telling *t, bool over)
{
    struct doc d = t->doc;
    d.body = cue_encode(t->api->oids, t->arena, d.app, &t->cue, t->now_ms).body;
    d.due_ms = t->now_ms; /* those that came meanwhile are told before its next page */
    d.updated_ms = t->now_ms;
    plan_change(&t->plan, over ? DOC_DELETE : DOC_UPDATE, &d, t->doc.version);
    t->planned = true;
}

static enum err list_waiting(struct telling *t, size_t limit, struct doc **waits, size_t *count)
{
    struct doc_query q = {.kind = DOC_WAIT,
                          .app = t->doc.app,
                          .ref = cue_wait_ref(t->cue.event),
                          .after = t->cue.after,
                          .limit = limit};
    enum err e = store_list_docs(t->reader, t->arena, &q, waits, count);
    for (size_t i = 0; i < *count && e == ERR_OK; i++) {
        if ((*waits)[i].id > t->doc.id) /* waits since after it happened */
            *count = i;
    }
    return e;
}

/* A page of them; that it was told is written after they have gone on. */
static enum err tell_waiting(struct telling *t)
{
    struct waiting *list = arena_zalloc(t->arena, PAGE * sizeof *list);
    struct doc *waits = NULL;
    size_t count = 0, n = 0, bytes = 0;
    enum err e = list_waiting(t, PAGE, &waits, &count);
    for (; n < count && bytes < PAGE_BYTES && e == ERR_OK; n++) {
        list[n].wait = &waits[n];
        e = plan_wake(t, &list[n]);
        bytes += list[n].turn.view.bytes + t->what.trigger.len;
    }
    if (e == ERR_OK)
        e = commit_wakes(list, n);
    if (e != ERR_OK)
        return e;
    t->cue.after = n > 0 ? waits[n - 1].id : t->cue.after;
    plan_cue(t, n == count && count < PAGE);
    return ERR_OK;
}

/* Whoever starts with it starts now; whoever waits for it is told next. */
static enum err tell_starting(struct telling *t, const struct audience *who)
{
    struct doc *waits = NULL;
    size_t count = 0;
    enum err e = start_all(t, who);
    if (e == ERR_OK && t->cue.msg != 0)
        e = list_waiting(t, 1, &waits, &count);
    t->cue.told = true;
    if (e == ERR_OK)
        plan_cue(t, count == 0);
    return e;
}

static enum err read_cue(struct telling *t)
{
    struct json *tree = NULL;
    enum err e = cue_decode(t->arena, &t->doc, &t->cue);
    if (e == ERR_OK && t->cue.msg == 0)
        record_event(t->arena, &t->cue, &t->what);
    else if (e == ERR_OK)
        e = message_event(t->api, t->reader, t->arena, t->doc.app, &t->cue, &t->what);
    if (e == ERR_OK)
        e = json_parse(t->arena, t->what.trigger, &tree, NULL);
    t->trigger = tree;
    return e;
}

/* ---- schedules ----------------------------------------------------------------------------------------------------
 */

static enum err load_schedule(struct telling *t, struct automation *m, const struct cron **cron)
{
    const struct known_version *v;
    *cron = NULL;
    enum err e = automation_load(t->reader, t->arena, t->doc.app, t->doc.ref, m);
    if (e == ERR_OK && m->status == AUTOMATION_PUBLISHED && m->published != 0) {
        e = known_version_get(&t->runner->versions, t->reader, m->published, &v);
        if (e == ERR_OK && v->starts && v->start.kind == START_SCHEDULE)
            *cron = &v->start.cron;
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Starts one run, however many times were missed. */
static enum err tell_schedule(struct telling *t)
{
    struct automation m;
    const struct cron *cron;
    char at[TIME_TEXT_SIZE];
    enum err e = load_schedule(t, &m, &cron);
    if (e != ERR_OK)
        return e;
    t->planned = true;
    if (!schedule_next(&t->plan, cron, &t->doc))
        return ERR_OK;
    time_format(t->doc.due_ms, at);
    struct run_start start = {
            .app = m.app,
            .automation = m.id,
            .version = m.published,
            .trigger_json = arena_printf(t->arena, "{\"type\":\"schedule\",\"body\":{\"scheduledAt\":\"%s\"}}", at),
            .now_ms = t->now_ms};
    struct doc_change c = run_create(t->api, t->arena, &start);
    plan_change(&t->plan, DOC_CREATE, &c.doc, 0);
    return ERR_OK;
}

/* ---- many ---------------------------------------------------------------------------------------------------------
 */

/* Those who are told together, by workspace. */
struct audiences {
    struct arena *arena;
    struct audience all[BATCH];
    size_t count;
};

static enum err audience_of(struct telling *t, struct audiences *known, const struct audience **out)
{
    for (size_t i = 0; i < known->count; i++) {
        if (known->all[i].app == t->doc.app) {
            *out = &known->all[i];
            return ERR_OK;
        }
    }
    enum err e = load_audience(t, known->arena, &known->all[known->count]);
    if (e == ERR_OK)
        *out = &known->all[known->count++];
    return e;
}

static enum err tell(struct telling *t, struct audiences *known)
{
    const struct audience *who;
    if (source_cron_has(&t->doc)) {
        t->planned = true;
        return source_cron_tell(&t->plan, &t->doc);
    }
    if (t->doc.ref != 0)
        return tell_schedule(t);
    enum err e = read_cue(t);
    if (e == ERR_NOT_FOUND) { /* expunged meanwhile */
        plan_cue(t, true);
        return ERR_OK;
    }
    if (e == ERR_OK && t->cue.told)
        return tell_waiting(t);
    if (e == ERR_OK)
        e = audience_of(t, known, &who);
    return e == ERR_OK ? tell_starting(t, who) : e;
}

static void telling_begin(struct runner *r, struct telling *t, const struct doc_due *due, struct audiences *known)
{
    *t = (struct telling){
            .runner = r, .api = r->api, .reader = r->reader, .arena = arena_new(16384), .now_ms = r->now()};
    t->result = store_get_doc(r->reader, t->arena, DOC_CUE, due->id, &t->doc);
    if (t->result == ERR_NOT_FOUND)
        t->doc = (struct doc){.id = due->id};
    if (t->result == ERR_NOT_FOUND || (t->result == ERR_OK && (t->doc.due_ms == 0 || t->doc.due_ms > t->now_ms))) {
        t->result = ERR_OK;
        return;
    }
    t->plan =
            (struct plan){.api = r->api, .reader = r->reader, .arena = t->arena, .app = due->app, .now_ms = t->now_ms};
    if (t->result == ERR_OK)
        t->result = tell(t, known);
    t->planned = t->planned && t->result == ERR_OK;
}

/* What cannot be told is not told for ever. */
static void drop_cue(struct runner *r, const struct doc_due *due, enum err why)
{
    struct doc_change c = {.change = DOC_DELETE, .doc = {.id = due->id, .kind = DOC_CUE}};
    struct store_docs op = {.op = {.kind = STORE_DOCS}, .app = due->app, .changes = &c, .count = 1};
    log_error("automation_cue_lost", LOG_INT("cue", due->id), LOG_CSTR("error", err_text(why)));
    enum err e = store_run(r->api->store, &op.op);
    if (e == ERR_OK || e == ERR_NOT_FOUND)
        later_forget(r, due->id);
    else
        (void)later_note(r, due->id);
}

/* False: the store cannot now. */
static bool telling_end(struct runner *r, const struct doc_due *due, enum err e)
{
    if (e == ERR_OK || e == ERR_STALE) {
        later_forget(r, due->id);
        return true;
    }
    if (e == ERR_FULL || e == ERR_BUSY || e == ERR_CLOSED)
        return false;
    int tries = later_is_hopeless(e) ? GIVE_UP : later_note(r, due->id);
    if (tries >= GIVE_UP)
        drop_cue(r, due, e);
    return tries > 0;
}

/* Whether it is the turn of runs before the cue at this place: a long list of some does not hold up the others. */
static bool is_enough(const struct cue_list *l, size_t at)
{
    bool had_turn = false;
    if (at >= l->count || clock_mono_ms() < l->until_ms)
        return false;
    for (size_t i = 0; i < at && !had_turn; i++)
        had_turn = l->due[i].app == l->due[at].app;
    return had_turn;
}

bool cues_tell(struct runner *r, struct cue_list *l, size_t *at)
{
    const struct doc_due *due = l->due + *at;
    struct audiences known = {.arena = arena_new(65536)};
    struct telling *list = arena_alloc(known.arena, BATCH * sizeof *list);
    bool good = true, last = false;
    for (size_t i = 0, first = 0, bytes = 0; good && !last; i++, ++*at) {
        struct plan *plans[BATCH] = {NULL};
        enum err results[BATCH];
        size_t n = 0, k = 0;
        telling_begin(r, &list[i], &due[i], &known);
        bytes += list[i].what.trigger.len;
        if (is_enough(l, *at + 1))
            l->count = *at + 1;
        last = i + 1 == BATCH || *at + 1 == l->count;
        if (!last && bytes < PAGE_BYTES)
            continue;
        for (size_t j = first; j <= i; j++) {
            if (list[j].planned)
                plans[n++] = &list[j].plan;
        }
        plan_commit_all(plans, n, results);
        chains_commit(&r->chains);
        for (; first <= i; first++) {
            enum err e = list[first].planned ? results[k++] : list[first].result;
            if (list[first].planned && e == ERR_NOT_FOUND) /* what it would change is gone: it is read again */
                e = ERR_STALE;
            good = telling_end(r, &due[first], e) && good;
            arena_free(list[first].arena);
        }
        bytes = 0;
    }
    known_versions_trim(&r->versions);
    arena_free(known.arena);
    return good;
}
