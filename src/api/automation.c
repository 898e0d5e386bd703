/* SPDX-License-Identifier: Apache-2.0 */
/* Automations of a workspace: written as drafts, published, paused, deleted. */
#include "api/automation.h"

#include "api/automation_fit.h"
#include "api/handler.h"
#include "api/routes.h"
#include "api/run_out.h"
#include "api/schedule.h"
#include "api/trigger.h"
#include "base/time.h"

#define NAME_MAX_   256
#define CHANGES_MAX (TRIGGER_CHANGES_MAX + VERSIONS_FORGOTTEN_MAX + 2)
#define PAGE_READ   250

/* What a request says. */
struct definition_in {
    struct str name;
    const struct json *trigger; /* NULL: none */
    const struct json *steps;
    int64_t concurrency; /* 0: any number; -1: not said */
    struct start start;
    struct definition definition;
};

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static void read_concurrency(struct api_call *call, const struct json *body, struct definition_in *in)
{
    const struct json *v = json_get(body, STR("concurrency"));
    in->concurrency = v == NULL ? -1 : 0;
    if (v != NULL && !json_is_null(v) &&
        (!json_as_i64(v, &in->concurrency) || in->concurrency < 1 || in->concurrency > CONCURRENCY_MAX))
        call_problem(call, "concurrency", "value_error", "must be a whole number from 1 to 100, or null");
}

/* False: answered. */
static bool read_in(struct api_call *call, struct definition_in *in)
{
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return false;
    if (!json_as_str(json_get(body, STR("name")), &in->name) || in->name.len == 0 || in->name.len > NAME_MAX_)
        call_problem(call, "name", "value_error", "must be a text of 1 to 256 bytes");
    in->trigger = json_get(body, STR("trigger"));
    in->trigger = json_is_null(in->trigger) ? NULL : in->trigger;
    in->steps = json_get(body, STR("steps"));
    read_concurrency(call, body, in);
    if (in->steps == NULL)
        call_problem(call, "steps", "value_error.missing", "is missing");
    else
        (void)definition_compile(call->arena, in->steps, &in->definition, &call->problems);
    if (start_compile(call->arena, in->trigger, &in->start, &call->problems) != ERR_OK)
        in->start.kind = START_SEQUENCE; /* it is refused */
    return call_fits(call);
}

/* The automation of params[1]. False: answered. */
static bool find(const struct api *api, struct api_call *call, struct app *app, struct automation *out)
{
    oid_t id = 0;
    if (!call_app(api, call, app))
        return false;
    enum err e = oid_parse(call->params[1], object_prefix(OBJ_AUTOMATION), api->id_key, &id);
    if (e == ERR_OK)
        e = automation_load(call->reader, call->arena, app->id, id, out);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such automation");
        return false;
    }
    return answer_ok(call, e);
}

/* ---- answers ------------------------------------------------------------------------------------------------------
 */

static void write_trigger(const struct api *api, struct api_call *call, const struct automation *m,
                          const struct automation_version *v, struct json_writer *w)
{
    struct object o;
    struct str type = STR_NULL;
    bool is_url = json_as_str(json_get(v->trigger, STR("type")), &type) && str_eq(type, STR(TRIGGER_TYPE)) &&
                  m->trigger != 0 && store_get_object(call->reader, call->arena, OBJ_TRIGGER, m->trigger, &o) == ERR_OK;
    struct json_writer before = *w;
    size_t len = w->out->len;
    json_w_name(w, STR("trigger"));
    if (is_url) {
        json_w_object(w);
        is_url = trigger_write(api, call, &o, true, w) == ERR_OK;
        json_w_object_end(w);
    }
    if (is_url)
        return;
    w->out->len = len;
    *w = before;
    json_w_name(w, STR("trigger"));
    json_w_raw(w, v->trigger != NULL ? v->trigger->raw : STR("{\"type\":\"sequence\"}"));
}

static void write_concurrency(const struct automation_version *v, struct json_writer *w)
{
    if (v->concurrency > 0)
        json_w_i64_at(w, "concurrency", v->concurrency);
    else
        json_w_null_at(w, "concurrency");
}

/* The members, in an object that the caller has opened. */
static void write_members(const struct api *api, struct api_call *call, const struct automation *m,
                          const struct automation_version *v, struct json_writer *w)
{
    json_w_str_at(w, "id", api_id(api, call, m->id, object_prefix(OBJ_AUTOMATION)));
    json_w_str_at(w, "name", m->name);
    json_w_str_at(w, "status", str_c(automation_status_name(m)));
    json_w_i64_at(w, "version", m->number);
    json_w_name(w, STR("publishedVersion"));
    if (m->published != 0)
        json_w_i64(w, m->published_number);
    else
        json_w_null(w);
    write_trigger(api, call, m, v, w);
    write_concurrency(v, w);
    json_w_name(w, STR("steps"));
    json_w_raw(w, v->steps->raw);
    json_w_time_at(w, "createdAt", m->created_ms);
    json_w_time_at(w, "updatedAt", m->updated_ms);
}

static void answer_automation(const struct api *api, struct api_call *call, int status, const struct automation *m)
{
    struct automation_version v;
    if (!answer_ok(call, automation_version_load(call->reader, call->arena, m->latest, &v)))
        return;
    struct json_writer w = answer(call, status);
    json_w_object(&w);
    write_members(api, call, m, &v, &w);
    json_w_object_end(&w);
}

/* ---- versions -----------------------------------------------------------------------------------------------------
 */

/* What is kept of a trigger in a version: how a URL verifies is the OBJ_TRIGGER's, which seals its secrets. */
static struct str trigger_text(const struct definition_in *in)
{
    if (in->start.kind == START_WEBHOOK)
        return STR("{\"type\":\"incoming_webhook\"}");
    return in->trigger != NULL ? in->trigger->raw : STR("null");
}

/* What a version says; published_ms 0: a draft. */
struct version_text {
    struct str trigger;
    struct str steps;
    int64_t published_ms;
    int64_t concurrency; /* 0: any number */
};

static struct str version_body(struct arena *a, int64_t number, const struct version_text *v)
{
    struct buf text = BUF_INIT((size_t)4 << 20);
    struct json_writer w = json_writer(&text);
    json_w_object(&w);
    json_w_i64_at(&w, "number", number);
    json_w_i64_at(&w, "published", v->published_ms);
    if (v->concurrency > 0)
        json_w_i64_at(&w, "concurrency", v->concurrency);
    json_w_raw_at(&w, "trigger", v->trigger);
    json_w_raw_at(&w, "steps", v->steps);
    json_w_object_end(&w);
    CHECK(!text.overflow); /* requests are smaller */
    struct str s = arena_str(a, buf_str(&text));
    buf_fini(&text);
    return s;
}

static struct version_text version_text_of(const struct definition_in *in)
{
    return (struct version_text){.trigger = trigger_text(in),
                                 .steps = in->steps->raw,
                                 .concurrency = in->concurrency > 0 ? in->concurrency : 0};
}

static struct object_change version_create(struct api *api, struct api_call *call, struct automation *m,
                                           const struct definition_in *in)
{
    m->latest = oid_next(api->oids, call->now_ms);
    m->number++;
    struct version_text v = version_text_of(in);
    return (struct object_change){.change = OBJECT_CREATE,
                                  .object = {.id = m->latest,
                                             .kind = OBJ_AUTOMATION_VERSION,
                                             .env = m->env,
                                             .app = m->app,
                                             .key = automation_version_key(call->arena, m->id, m->number),
                                             .body = version_body(call->arena, m->number, &v),
                                             .created_ms = call->now_ms,
                                             .updated_ms = call->now_ms}};
}

static struct object_change version_update(struct api_call *call, const struct automation *m,
                                           const struct version_text *v)
{
    return (struct object_change){.change = OBJECT_UPDATE,
                                  .object = {.id = m->latest,
                                             .kind = OBJ_AUTOMATION_VERSION,
                                             .env = m->env,
                                             .app = m->app,
                                             .key = automation_version_key(call->arena, m->id, m->number),
                                             .body = version_body(call->arena, m->number, v),
                                             .updated_ms = call->now_ms}};
}

static struct trigger_place place_of(struct api *api, struct api_call *call, const struct automation *m)
{
    return (struct trigger_place){.api = api,
                                  .reader = call->reader,
                                  .arena = call->arena,
                                  .env = m->env,
                                  .app = m->app,
                                  .now_ms = call->now_ms,
                                  .at = "trigger"};
}

/* The OBJ_TRIGGER that the automation has. ERR_NOT_FOUND. */
static enum err trigger_of(struct api_call *call, const struct automation *m, struct object *out)
{
    return m->trigger == 0 ? ERR_NOT_FOUND : store_get_object(call->reader, call->arena, OBJ_TRIGGER, m->trigger, out);
}

/* Adds the changes that give the automation the trigger that it asks for. False: answered. */
static bool change_trigger(struct api *api, struct api_call *call, struct automation *m, const struct definition_in *in,
                           struct object_change *changes, size_t *count)
{
    struct trigger_place at = place_of(api, call, m);
    struct object o;
    size_t n = 0;
    if (in->start.kind != START_WEBHOOK)
        return true;
    enum err e = trigger_of(call, m, &o);
    if (e == ERR_NOT_FOUND) {
        e = trigger_create(&at, m->id, in->trigger, changes + *count, &n, &call->problems);
        if (e == ERR_OK)
            m->trigger = changes[*count].object.id;
    } else if (e == ERR_OK) {
        e = trigger_redefine(&at, &o, in->trigger, changes + *count, &n, &call->problems);
    }
    *count += e == ERR_OK ? n : 0;
    return e == ERR_INVALID ? call_fits(call) && answer_ok(call, e) : answer_ok(call, e);
}

/* Adds what becomes of the trigger when the automation is published, paused, or starts otherwise from now on. False:
 * answered. */
static bool move_trigger(struct api *api, struct api_call *call, struct automation *m, const struct start *s,
                         struct object_change *changes, size_t *count)
{
    struct trigger_place at = place_of(api, call, m);
    struct object o;
    size_t n = 1;
    enum err e = trigger_of(call, m, &o);
    if (s != NULL && s->kind != START_WEBHOOK && m->latest != m->published) /* the trigger is the draft's */
        return true;
    if (e == ERR_NOT_FOUND)
        return true;
    if (e == ERR_OK && s != NULL && s->kind == START_WEBHOOK)
        e = trigger_publish(&at, &o, m->status == AUTOMATION_PAUSED ? TRIGGER_PAUSED : TRIGGER_PUBLISHED, m->published,
                            changes + *count);
    else if (e == ERR_OK)
        e = trigger_delete(&at, &o, changes + *count, &n);
    if (e == ERR_OK && (s == NULL || s->kind != START_WEBHOOK))
        m->trigger = 0;
    *count += e == ERR_OK ? n : 0;
    return answer_ok(call, e);
}

static struct object_change automation_change(struct api_call *call, const struct automation *m)
{
    struct object_change c = {.change = m->doc_version == 0 ? OBJECT_CREATE : OBJECT_UPDATE,
                              .object = automation_encode(call->arena, m),
                              .expected_version = m->doc_version};
    return c;
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

static bool has_room(struct api_call *call, const struct app *app)
{
    struct object *found;
    size_t count = 0;
    struct object_query q = {.kind = OBJ_AUTOMATION, .env = app->env, .app = app->id, .limit = AUTOMATIONS_MAX};
    if (!answer_ok(call, store_list_objects(call->reader, call->arena, &q, &found, &count)))
        return false;
    if (count < AUTOMATIONS_MAX)
        return true;
    answer_error(call, ERR_CONFLICT, "a workspace has at most 500 automations");
    return false;
}

void automation_create(struct api *api, struct api_call *call)
{
    struct app app;
    struct definition_in in = {0};
    if (!read_in(call, &in) || !call_app(api, call, &app) || !has_room(call, &app))
        return;
    struct automation m = {.id = oid_next(api->oids, call->now_ms),
                           .env = app.env,
                           .app = app.id,
                           .name = in.name,
                           .created_ms = call->now_ms,
                           .updated_ms = call->now_ms};
    struct object_change changes[CHANGES_MAX];
    size_t n = 0;
    changes[n++] = version_create(api, call, &m, &in);
    if (!change_trigger(api, call, &m, &in, changes, &n))
        return;
    changes[n++] = automation_change(call, &m);
    call_made(call, OBJ_AUTOMATION, m.id, 201);
    if (answer_ok(call, call_commit(api, call, changes, n, app.env, app.id)))
        answer_automation(api, call, 201, &m);
}

void automation_get(struct api *api, struct api_call *call)
{
    struct app app;
    struct automation m;
    if (find(api, call, &app, &m))
        answer_automation(api, call, 200, &m);
}

/* A limit that is not mentioned stays. False: answered. */
static bool keep_concurrency(struct api_call *call, const struct automation *m, struct definition_in *in)
{
    struct automation_version v;
    if (in->concurrency >= 0)
        return true;
    if (!answer_ok(call, automation_version_load(call->reader, call->arena, m->latest, &v)))
        return false;
    in->concurrency = v.concurrency;
    return true;
}

/* A published version stays what it is: the change becomes a draft beside it. */
/* Whether there may be another version; adds what forgets old ones. False: answered. */
static bool version_fits(struct api_call *call, const struct automation *m, struct object_change *changes,
                         size_t *count)
{
    enum err e = automation_versions_forget(call, m, changes, count);
    if (e != ERR_TOO_LARGE)
        return answer_ok(call, e);
    answer_error(call, ERR_CONFLICT, "an automation has at most 2000 versions; a copy of it begins anew");
    return false;
}

void automation_put(struct api *api, struct api_call *call)
{
    struct app app;
    struct automation m;
    struct definition_in in = {0};
    struct object_change changes[CHANGES_MAX];
    size_t n = 0;
    if (!read_in(call, &in) || !find(api, call, &app, &m) || !call_saw(call, m.updated_ms) ||
        !keep_concurrency(call, &m, &in))
        return;
    struct version_text v = version_text_of(&in);
    m.name = in.name;
    m.updated_ms = call->now_ms;
    if (m.latest == m.published && !version_fits(call, &m, changes, &n))
        return;
    changes[n++] = m.latest == m.published ? version_create(api, call, &m, &in) : version_update(call, &m, &v);
    if (!change_trigger(api, call, &m, &in, changes, &n))
        return;
    changes[n++] = automation_change(call, &m);
    if (answer_ok(call, call_commit(api, call, changes, n, app.env, app.id)))
        answer_automation(api, call, 200, &m);
}

void automation_delete(struct api *api, struct api_call *call)
{
    struct app app;
    struct automation m;
    if (!find(api, call, &app, &m))
        return;
    struct object_change changes[CHANGES_MAX];
    size_t n = 0;
    if (!move_trigger(api, call, &m, NULL, changes, &n))
        return;
    changes[n] = (struct object_change){
            .change = OBJECT_DELETE, .object = automation_encode(call->arena, &m), .expected_version = m.doc_version};
    changes[n++].object.updated_ms = call->now_ms;
    if (answer_ok(call, call_commit(api, call, changes, n, app.env, app.id)))
        answer_empty(call);
}

/* ---- publishing ---------------------------------------------------------------------------------------------------
 */

/* Before the automation is published; it is not taken away here, since the version before may need it. */
static enum err plan_schedule(struct api *api, struct api_call *call, const struct automation *m, const struct start *s)
{
    int64_t due_ms = s->kind == START_SCHEDULE ? cron_next(&s->cron, call->now_ms) : TIME_NEVER;
    struct schedule_owner of = {m->app, m->id, STR("schedule")};
    return due_ms != TIME_NEVER ? schedule_plan(api, call, &of, due_ms) : ERR_OK;
}

static bool compile_version(struct api_call *call, const struct automation_version *v, struct start *s,
                            struct definition *d)
{
    bool good = definition_compile(call->arena, v->steps, d, &call->problems);
    good = start_compile(call->arena, v->trigger, s, &call->problems) == ERR_OK && good;
    return call_fits(call) && good;
}

static void set_status(struct api *api, struct api_call *call, enum automation_status status)
{
    struct app app;
    struct automation m;
    struct automation_version v;
    struct start s;
    struct definition d;
    struct object_change changes[CHANGES_MAX];
    size_t n = 0;
    if (!find(api, call, &app, &m) || !call_saw(call, m.updated_ms))
        return;
    int64_t in_force = status == AUTOMATION_DRAFT ? m.latest : m.published; /* publish, or resume and pause */
    if (in_force == 0) {
        answer_error(call, ERR_CONFLICT, "it was never published");
        return;
    }
    if (!answer_ok(call, automation_version_load(call->reader, call->arena, in_force, &v)) ||
        !compile_version(call, &v, &s, &d))
        return;
    struct automation_parts parts = {&app, m.id, &s, &d};
    if (status == AUTOMATION_DRAFT &&
        (!answer_ok(call, automation_fit(api, call, &parts, &call->problems)) || !call_fits(call)))
        return;
    if (v.published_ms == 0)
        changes[n++] =
                version_update(call, &m,
                               &(struct version_text){.trigger = v.trigger != NULL ? v.trigger->raw : STR("null"),
                                                      .steps = v.steps->raw,
                                                      .published_ms = call->now_ms,
                                                      .concurrency = v.concurrency});
    if (status == AUTOMATION_DRAFT) {
        m.published = m.latest;
        m.published_number = m.number;
    }
    m.status = status == AUTOMATION_PAUSED ? AUTOMATION_PAUSED : AUTOMATION_PUBLISHED;
    m.updated_ms = call->now_ms;
    automation_hear(call->arena, &m, &s, &d);
    if (m.hear_count == AUTOMATION_HEARS_MAX) {
        answer_error(call, ERR_CONFLICT, "its versions start with or wait for too many event types: make a new one");
        return;
    }
    if (!move_trigger(api, call, &m, &s, changes, &n))
        return;
    changes[n++] = automation_change(call, &m);
    if (m.status == AUTOMATION_PUBLISHED && !answer_ok(call, plan_schedule(api, call, &m, &s)))
        return;
    call_made(call, OBJ_AUTOMATION, m.id, 200);
    if (!answer_ok(call, call_commit(api, call, changes, n, app.env, app.id)))
        return;
    runner_wake(api);
    answer_automation(api, call, 200, &m);
}

/* The newest version is in force from now on. */
void automation_publish(struct api *api, struct api_call *call)
{
    set_status(api, call, AUTOMATION_DRAFT);
}

/* Nothing starts it; runs under way go on. */
void automation_pause(struct api *api, struct api_call *call)
{
    set_status(api, call, AUTOMATION_PAUSED);
}

void automation_resume(struct api *api, struct api_call *call)
{
    set_status(api, call, AUTOMATION_PUBLISHED);
}

/* ---- lists --------------------------------------------------------------------------------------------------------
 */

struct listed {
    struct automation *automations;
    struct automation_version *versions;
    bool with_runs;
};

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    const struct listed *l = items;
    json_w_object(w);
    write_members(api, call, &l->automations[i], &l->versions[i], w);
    if (l->with_runs && run_out_summary(api, call, &l->automations[i], w) != ERR_OK) {
        json_w_null_at(w, "runCount"); /* the list is worth more than the count */
        json_w_null_at(w, "lastRun");
    }
    json_w_object_end(w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    return api_id(api, call, ((const struct listed *)items)->automations[i].id, object_prefix(OBJ_AUTOMATION));
}

void automation_list(struct api *api, struct api_call *call)
{
    struct app app;
    struct page page;
    struct object *objects;
    size_t count;
    if (!call_app(api, call, &app) || !page_read(api, call, object_prefix(OBJ_AUTOMATION), PAGE_DESCENDING, &page) ||
        !answer_ok(call, list_objects(call, OBJ_AUTOMATION, app.env, app.id, &page, &objects, &count)))
        return;
    struct listed l = {arena_alloc(call->arena, (count + 1) * sizeof *l.automations),
                       arena_alloc(call->arena, (count + 1) * sizeof *l.versions),
                       query_bool(call, "with_runs", false)};
    if (!call_fits(call))
        return;
    for (size_t i = 0; i < count; i++) {
        struct automation *m = &l.automations[i];
        if (!answer_ok(call, automation_decode(call->arena, &objects[i], m)) ||
            !answer_ok(call, automation_version_load(call->reader, call->arena, m->latest, &l.versions[i])))
            return;
    }
    answer_page(api, call, &(struct page_items){&page, count, &l, write_item, name_item});
}

/* Newest first, at most 250. */
void automation_versions(struct api *api, struct api_call *call)
{
    struct app app;
    struct automation m;
    struct object *found;
    size_t count = 0;
    if (!find(api, call, &app, &m))
        return;
    int64_t first = m.number > PAGE_READ ? m.number - PAGE_READ : 0;
    if (!answer_ok(call, automation_versions_list(call, &m, first, (size_t)(m.number - first), &found, &count)))
        return;
    struct automation_version *versions = arena_alloc(call->arena, (count + 1) * sizeof *versions);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, automation_version_decode(call->arena, &found[i], &versions[i])))
            return;
    }
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("data"));
    json_w_array(&w);
    for (size_t i = count; i-- > 0;) {
        const struct automation_version *v = &versions[i];
        json_w_object(&w);
        json_w_i64_at(&w, "version", v->number);
        json_w_str_at(&w, "status",
                      v->id == m.published   ? STR("published")
                      : v->published_ms == 0 ? STR("draft")
                                             : STR("replaced"));
        json_w_name(&w, STR("publishedAt"));
        if (v->published_ms != 0)
            json_w_time(&w, v->published_ms);
        else
            json_w_null(&w);
        json_w_raw_at(&w, "trigger", v->trigger != NULL ? v->trigger->raw : STR("{\"type\":\"sequence\"}"));
        write_concurrency(v, &w);
        json_w_raw_at(&w, "steps", v->steps->raw);
        json_w_time_at(&w, "createdAt", v->created_ms);
        json_w_object_end(&w);
    }
    json_w_array_end(&w);
    json_w_object_end(&w);
}
