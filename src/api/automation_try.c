/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying an automation without effects: what each step would do with a sample, and what single texts become. Steps that
 * were not done are given outputs of the shape that they will have, so that later ones can speak of them.
 */
#include "api/automation_try.h"

#include "api/automation_fit.h"
#include "api/record.h"
#include "api/routes.h"
#include "api/step_input.h"
#include "api/trigger.h"
#include "automation/wait.h"
#include "base/time.h"

#define OUTPUTS_MAX  ((size_t)1 << 20)
#define RECORD_BYTES ((size_t)1 << 20)

static const struct json *parsed(struct arena *a, struct str text)
{
    struct json *tree = NULL;
    return json_parse(a, text, &tree, NULL) == ERR_OK ? tree : NULL;
}

/* ---- the sample ---------------------------------------------------------------------------------------------------
 */

/* An object of the body, or NULL. */
static const struct json *read_object(struct api_call *call, const struct json *body, const char *name)
{
    const struct json *j = json_get(body, str_c(name));
    if (j == NULL || json_is_null(j))
        return NULL;
    if (j->type != JSON_OBJECT)
        call_problem(call, name, "value_error", "must be an object");
    return j;
}

/* The request that the body names, else the one that is the sample, else the newest. ERR_NOT_FOUND: there is none. */
static enum err find_request(struct trying *t, const struct json *body)
{
    struct object o;
    struct str name, text = STR_NULL;
    struct api_call *call = t->call;
    bool named = json_as_str(json_get(body, STR("sample")), &name);
    struct trigger_owner of = {t->app.env, t->app.id, t->automation.id};
    enum err e = named ? oid_parse(name, doc_prefix(DOC_REQUEST), t->api->id_key, &t->request) : ERR_OK;
    if (e == ERR_OK)
        e = trigger_find(call->reader, call->arena, &of, &o);
    if (e == ERR_OK && named)
        e = trigger_request(t->api, call->reader, call->arena, &o, t->request, &text);
    else if (e == ERR_OK)
        e = trigger_sample(t->api, call->reader, call->arena, &o, &t->request, &text);
    if (e == ERR_NOT_FOUND && named) {
        call_problem(call, "sample", "value_error", "is no request of its trigger");
        return e;
    }
    if (e == ERR_OK)
        t->trigger = parsed(call->arena, text);
    return e;
}

bool trying_begin(struct api *api, struct api_call *call, struct trying *t)
{
    oid_t id;
    const struct json *body = call_json(call, true);
    *t = (struct trying){.api = api, .call = call, .outputs = BUF_INIT(OUTPUTS_MAX), .problems = PROBLEMS_INIT};
    if (body == NULL || !call_app(api, call, &t->app))
        return false;
    enum err e = oid_parse(call->params[1], object_prefix(OBJ_AUTOMATION), api->id_key, &id);
    if (e == ERR_OK)
        e = automation_load(call->reader, call->arena, t->app.id, id, &t->automation);
    if (e == ERR_NOT_FOUND)
        answer_error(call, e, "no such automation");
    if (e == ERR_NOT_FOUND || !answer_ok(call, e) ||
        !answer_ok(call, automation_version_load(call->reader, call->arena, t->automation.latest, &t->version)))
        return false;
    t->run = (struct run){.automation = t->automation.id, .app = t->app.id, .created_ms = call->now_ms};
    t->target = read_object(call, body, "target");
    t->trigger = read_object(call, body, "trigger");
    t->steps = json_get(body, STR("steps"));
    if (t->steps == NULL || json_is_null(t->steps))
        t->steps = t->version.steps;
    e = t->trigger == NULL ? find_request(t, body) : ERR_OK;
    if (!call_fits(call) || (e != ERR_NOT_FOUND && !answer_ok(call, e)))
        return false;
    if (t->trigger == NULL)
        t->trigger = parsed(call->arena, STR("{\"body\":{}}"));
    return true;
}

/* ---- outputs of what was not done ---------------------------------------------------------------------------------
 */

/* The members of both; those of `set` count. */
static struct str merged(struct arena *a, const struct json *is, const struct json *set, size_t bytes_max)
{
    struct buf text = BUF_INIT(bytes_max);
    struct json_writer w = json_writer(&text);
    json_w_object(&w);
    for (const struct json *m = is != NULL ? is->child : NULL; m != NULL; m = m->next) {
        if (json_get(set, m->name) == NULL)
            json_w_name(&w, m->name), json_w_raw(&w, m->raw);
    }
    for (const struct json *m = set != NULL ? set->child : NULL; m != NULL; m = m->next) {
        if (json_get(set, m->name) == m && !(is != NULL && str_eq(m->name, STR("id"))))
            json_w_name(&w, m->name), json_w_raw(&w, m->raw);
    }
    json_w_object_end(&w);
    struct str s = text.overflow ? STR("{}") : arena_str(a, buf_str(&text));
    buf_fini(&text);
    return s;
}

/* The record that an upsert would find. ERR_NOT_FOUND: it would make one. */
static enum err find_record(struct trying *t, const struct json *input, const struct json *set, struct doc *d)
{
    struct record_type type;
    struct str name, text;
    struct api_call *call = t->call;
    if (!json_as_str(json_get(input, STR("record")), &name))
        return ERR_NOT_FOUND;
    enum err e = record_type_find(call->reader, call->arena, &t->app, name, &type);
    const struct json *key = e == ERR_OK && type.key.len > 0 ? json_get(set, type.key) : NULL;
    if (e != ERR_OK || key == NULL || json_is_null(key))
        return e == ERR_OK ? ERR_NOT_FOUND : e;
    text = key->type == JSON_STRING ? key->text : key->raw;
    return store_find_doc(call->reader, call->arena, DOC_RECORD, t->app.id, type.ref, text, d);
}

/* *id: the record that it would change; null: a new one. */
static struct str pretend_record(struct trying *t, const struct step *s, const struct json *input, struct str *id)
{
    struct doc d;
    struct str target;
    struct api_call *call = t->call;
    const struct json *set = json_get(input, STR("set")), *is;
    enum err e = ERR_NOT_FOUND;
    if (s->kind == STEP_UPSERT_RECORD)
        e = find_record(t, input, set, &d);
    else if (json_as_str(json_get(input, STR("target")), &target)) {
        struct str type = STR_NULL;
        json_as_str(json_get(input, STR("record")), &type);
        e = automation_record(t->api, call->reader, call->arena, t->app.id, type, target, &d);
    }
    if (e == ERR_OK) {
        *id = api_id(t->api, call, d.id, doc_prefix(DOC_RECORD));
        is = parsed(t->scratch, automation_record_json(t->api, t->scratch, &d));
    } else {
        bool same = s->kind != STEP_UPSERT_RECORD && t->target != NULL;
        is = same ? t->target : parsed(t->scratch, STR("{\"id\":\"rec_sample\",\"tags\":[]}"));
    }
    struct str out = merged(call->arena, is, set, RECORD_BYTES);
    if (s->kind == STEP_UPSERT_RECORD && t->target == NULL)
        t->target = parsed(call->arena, out);
    return out;
}

static struct str pretend(struct trying *t, const struct step *s, const struct json *input, struct str *id)
{
    const struct json *set = json_get(input, STR("set"));
    switch (s->kind) {
    case STEP_UPSERT_RECORD:
    case STEP_UPDATE_RECORD:
    case STEP_ADD_TAG:
    case STEP_REMOVE_TAG:
        return input != NULL ? pretend_record(t, s, input, id) : STR("{}");
    case STEP_SET:
        if (set != NULL)
            t->run.vars = merged(t->call->arena, parsed(t->scratch, t->run.vars), set, RUN_VARS_MAX);
        return set != NULL ? set->raw : STR("{}");
    case STEP_START_SEQUENCE:
        return STR("{\"started\":true,\"run\":\"run_sample\"}");
    case STEP_STOP_SEQUENCE:
        return STR("{\"stopped\":0}");
    case STEP_HTTP_REQUEST:
        return STR("{\"status\":200,\"body\":{}}");
    case STEP_SEND_EMAIL:
        return STR("{\"id\":\"mail_sample\"}");
    case STEP_EMIT_EVENT:
        return STR("{\"id\":\"msg_sample\"}");
    case STEP_WAIT:
        return step_value(s, "event") != NULL ? STR("{\"timedOut\":false,\"event\":{}}") : STR("{}");
    case STEP_BRANCH:
    case STEP_KINDS:
        break;
    }
    return STR("{}");
}

struct str trying_do(struct trying *t, const struct step *s, struct str input)
{
    struct str record = STR_NULL;
    struct str output = pretend(t, s, input.ptr != NULL ? parsed(t->scratch, input) : NULL, &record);
    struct json_writer w = json_writer(&t->outputs);
    buf_add_c(&t->outputs, t->outputs_count++ == 0 ? '{' : ',');
    json_w_str(&w, s->id);
    buf_add_c(&t->outputs, ':');
    buf_add_str(&t->outputs, output);
    return record;
}

void trying_fini(struct trying *t)
{
    buf_fini(&t->outputs);
    problems_fini(&t->problems);
    arena_free(t->scratch);
}

enum err trying_look(struct trying *t, struct run_view *v)
{
    arena_free(t->scratch);
    struct arena *a = t->scratch = arena_new(65536);
    struct str outputs = t->outputs_count == 0 ? STR("{}")
                                               : arena_printf(a, STR_FMT "}", STR_ARG(buf_str(&t->outputs)));
    struct run_facts f = {.run = &t->run, .trigger = t->trigger, .steps = parsed(a, outputs)};
    enum err e = run_view_make(t->api, t->call->reader, a, &f, v);
    for (size_t i = 0; i < v->count; i++) {
        if (str_eq(v->roots[i].name, STR("target")) || str_eq(v->roots[i].name, STR("contact")))
            v->roots[i].value = t->target;
    }
    return e;
}

/* ---- test: the steps in their order -------------------------------------------------------------------------------
 */

void trying_write_missing(struct trying *t, const struct expr_env *env)
{
    json_w_name(&t->w, STR("missing"));
    json_w_array(&t->w);
    for (size_t i = 0; i < env->missing_count && i < EXPR_MISSING_MAX; i++)
        json_w_str(&t->w, env->missing[i]);
    json_w_array_end(&t->w);
}

/* Which way a branch goes, or -1 with the words why not. */
static int choose(struct trying *t, const struct step *s, struct expr_env *env, struct str *error)
{
    for (size_t i = 0; i < s->arm_count; i++) {
        bool holds = false;
        if (condition_holds(s->arms[i].when, env, &holds) != ERR_OK) {
            *error = env->why;
            return -1;
        }
        if (holds) {
            json_w_i64_at(&t->w, "branch", (int64_t)i);
            return s->arms[i].first;
        }
    }
    json_w_null_at(&t->w, "branch");
    return s->otherwise;
}

struct str trying_render(struct trying *t, const struct step *s, struct expr_env *env, struct str *error)
{
    struct buf text = BUF_INIT(STEP_INPUT_MAX);
    struct str input = STR_NULL;
    if (step_render(s, env, &text) == ERR_OK)
        input = arena_str(t->scratch, buf_str(&text));
    else
        *error = arena_printf(t->call->arena, STR_FMT ": " STR_FMT, STR_ARG(env->at), STR_ARG(env->why));
    buf_fini(&text);
    return input;
}

static struct str check_key(struct trying *t, const struct json *input)
{
    struct record_type type;
    struct str name = step_input_text(input, "record"), key, why = STR_NULL;
    if (record_type_find(t->call->reader, t->call->arena, &t->app, name, &type) == ERR_OK)
        (void)step_input_key(t->call->arena, input, &type, &key, &why);
    return why; /* that there is no such type is among the problems */
}

static struct str check_wait(struct trying *t, const struct step *s, const struct json *input)
{
    struct wait_facts facts = {.input = input, .now_ms = t->call->now_ms, .began_ms = t->call->now_ms};
    struct str why;
    int64_t due_ms;
    return wait_read(t->call->arena, s, &facts, &due_ms, &why) != ERR_OK ? why : STR_NULL;
}

/* Why a run would fail with this input, as far as it is seen without doing anything; null: it is not. */
static struct str check_input(struct trying *t, const struct step *s, const struct json *input)
{
    struct mail letter;
    const char *why;
    switch (s->kind) {
    case STEP_UPSERT_RECORD:
        return check_key(t, input);
    case STEP_UPDATE_RECORD:
    case STEP_ADD_TAG:
    case STEP_REMOVE_TAG:
    case STEP_STOP_SEQUENCE: /* a record that steps before would make cannot be found: only that none is named */
        return step_input_text(input, "target").len == 0 ? step_input_no_target(t->call->arena, input) : STR_NULL;
    case STEP_WAIT:
        return check_wait(t, s, input);
    case STEP_SEND_EMAIL:
        letter = step_input_letter(input);
        why = mail_problem(t->scratch, &letter);
        return why != NULL ? str_c(why) : STR_NULL;
    case STEP_SET:
    case STEP_EMIT_EVENT:
    case STEP_HTTP_REQUEST:
    case STEP_BRANCH:
    case STEP_START_SEQUENCE:
    case STEP_KINDS:
        break;
    }
    return STR_NULL;
}

/* Renders one step. Returns the next. */
static int try_step(struct trying *t, const struct definition *d, int at, const struct run_view *v)
{
    const struct step *s = &d->steps[at];
    struct expr_env env = run_env(t->scratch, v, t->call->now_ms);
    struct str error = STR_NULL;
    int next = s->next;
    json_w_object(&t->w);
    json_w_str_at(&t->w, "id", s->id);
    json_w_str_at(&t->w, "type", str_c(step_types[s->kind].name));
    struct str input = trying_render(t, s, &env, &error);
    const struct json *tree = input.ptr != NULL ? parsed(t->scratch, input) : NULL;
    if (tree != NULL)
        error = check_input(t, s, tree);
    if (s->kind == STEP_BRANCH)
        next = choose(t, s, &env, &error);
    json_w_raw_at(&t->w, "input", input.ptr != NULL ? input : STR("null"));
    json_w_opt_str_at(&t->w, "error", error);
    json_w_opt_str_at(&t->w, "record", trying_do(t, s, input));
    trying_write_missing(t, &env);
    json_w_object_end(&t->w);
    return next;
}

void trying_write_sample(struct trying *t)
{
    json_w_opt_str_at(&t->w, "sample",
                      t->request != 0 ? api_id(t->api, t->call, t->request, doc_prefix(DOC_REQUEST)) : STR_NULL);
}

/* What publishing would refuse: of the steps, and of what starts it if it is what is stored that is tried. */
static bool find_problems(struct trying *t, const struct definition *d)
{
    struct start start;
    struct problems none = PROBLEMS_INIT;
    bool stored = t->steps == t->version.steps;
    bool starts = stored && start_compile(t->call->arena, t->version.trigger, &start, &none) == ERR_OK;
    struct automation_parts parts = {&t->app, t->automation.id, starts ? &start : NULL, d};
    problems_fini(&none);
    return answer_ok(t->call, automation_fit(t->api, t->call, &parts, &t->problems));
}

static void write_problems(struct trying *t)
{
    json_w_name(&t->w, STR("problems"));
    json_w_array(&t->w);
    if (t->problems.count > 0)
        json_w_raw(&t->w, buf_str(&t->problems.json));
    json_w_array_end(&t->w);
}

/* Ends the answer, unless the store is in trouble: half a trial is none. */
static void write_trial(struct trying *t, const struct definition *d)
{
    struct run_view v;
    enum err e = ERR_OK;
    int at = d->first;
    t->w = answer(t->call, 200);
    json_w_object(&t->w);
    json_w_i64_at(&t->w, "version", t->automation.number);
    trying_write_sample(t);
    json_w_name(&t->w, STR("steps"));
    json_w_array(&t->w);
    for (size_t i = 0; i < DEFINITION_STEPS_MAX && at >= 0 && e == ERR_OK; i++) {
        e = trying_look(t, &v);
        if (e == ERR_OK)
            at = try_step(t, d, at, &v);
    }
    json_w_array_end(&t->w);
    write_problems(t);
    json_w_object_end(&t->w);
    (void)answer_ok(t->call, e);
}

void automation_test(struct api *api, struct api_call *call)
{
    struct trying t;
    struct definition d;
    if (!trying_begin(api, call, &t))
        return;
    bool good = definition_compile(call->arena, t.steps, &d, &call->problems);
    if (call_fits(call) && good && find_problems(&t, &d))
        write_trial(&t, &d);
    trying_fini(&t);
}
