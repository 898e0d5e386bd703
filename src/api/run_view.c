/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run's templates see:
 *   trigger  what started it: body, and what its kind of trigger adds
 *   steps    the outputs of the steps before, by id
 *   vars     what `set` steps have set
 *   target   the record that the run is about; `contact` is another name for it
 *   run      id, automation, startedAt
 *   event    in the condition of a wait: the event that came
 */
#include "api/automation.h"

#include "api/handler.h"
#include "api/trigger_request.h"
#include "base/time.h"

#define STEPS_BYTES_MAX ((size_t)64 << 20)
#define TRIGGER_STEP    "trigger" /* no step: what started the run, moved out of it */

static enum err parse(struct arena *a, struct str text, const struct json **out)
{
    struct json *tree = NULL;
    enum err e = text.ptr == NULL ? ERR_OK : json_parse(a, text, &tree, NULL);
    *out = tree;
    return e == ERR_OK ? ERR_OK : ERR_INVALID;
}

static void add_root(struct run_view *v, const char *name, const struct json *value)
{
    v->roots[v->count++] = (struct expr_root){.name = str_c(name), .value = value};
}

static struct str run_text(const struct api *api, struct arena *a, const struct run *run)
{
    struct buf text = BUF_INIT(4096);
    struct json_writer w = json_writer(&text);
    char id[OID_TEXT_SIZE], of[OID_TEXT_SIZE];
    oid_format(run->id, doc_prefix(DOC_RUN), api->id_key, id);
    oid_format(run->automation, object_prefix(OBJ_AUTOMATION), api->id_key, of);
    json_w_object(&w);
    json_w_str_at(&w, "id", str_c(id));
    json_w_str_at(&w, "automation", str_c(of));
    json_w_time_at(&w, "startedAt", run->created_ms);
    json_w_object_end(&w);
    struct str s = arena_str(a, buf_str(&text));
    buf_fini(&text);
    return s;
}

enum err run_view_make(const struct api *api, struct store_reader *r, struct arena *a, const struct run_facts *f,
                       struct run_view *out)
{
    const struct json *vars = NULL, *target = NULL, *own = NULL;
    struct doc d;
    *out = (struct run_view){0};
    enum err e = parse(a, f->run->vars, &vars);
    if (e == ERR_OK && f->run->target != 0 && (f->reads == NULL || f->reads->target)) {
        e = store_get_doc(r, a, DOC_RECORD, f->run->target, &d);
        if (e == ERR_OK)
            e = parse(a, automation_record_json(api, a, &d), &target);
        e = e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    if (e == ERR_OK)
        e = parse(a, run_text(api, a, f->run), &own);
    add_root(out, "trigger", f->trigger);
    add_root(out, "steps", f->steps);
    add_root(out, "vars", vars);
    add_root(out, "target", target);
    add_root(out, "contact", target);
    add_root(out, "run", own);
    add_root(out, "event", f->event);
    return e;
}

/* What a step of the run has given; the null str: nothing yet. */
static enum err read_output(struct arena *a, struct store_reader *r, const struct run *run, struct str id,
                            struct str *out)
{
    struct doc d;
    struct run_step s = {0};
    enum err e = store_find_doc(r, a, DOC_STEP, run->app, run->id, id, &d);
    if (e == ERR_OK)
        e = run_step_decode(a, &d, &s);
    *out = s.output;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err write_output(struct arena *a, struct store_reader *r, const struct run *run, struct str id,
                             struct json_writer *w)
{
    struct str output;
    enum err e = read_output(a, r, run, id, &output);
    if (output.ptr != NULL && !str_eq(id, STR(TRIGGER_STEP)))
        json_w_name(w, id), json_w_raw(w, output);
    return e;
}

static enum err write_outputs(struct arena *a, struct store_reader *r, const struct run *run, struct json_writer *w)
{
    struct doc *docs = NULL;
    size_t count = 0;
    struct doc_query q = {.kind = DOC_STEP, .app = run->app, .ref = run->id, .limit = RUN_STEPS_MAX};
    enum err e = store_list_docs(r, a, &q, &docs, &count);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        struct run_step s;
        e = run_step_decode(a, &docs[i], &s);
        if (e == ERR_OK && s.output.ptr != NULL && !str_eq(s.id, STR(TRIGGER_STEP)))
            json_w_name(w, s.id), json_w_raw(w, s.output);
    }
    return e;
}

/* {"id": output…} of the steps that are named and have given something. */
static enum err outputs(struct arena *a, struct store_reader *r, const struct run *run, const struct step_reads *reads,
                        const struct json **steps)
{
    struct buf text = BUF_INIT(STEPS_BYTES_MAX);
    struct json_writer w = json_writer(&text);
    enum err e = ERR_OK;
    json_w_object(&w);
    if (reads->all_steps)
        e = write_outputs(a, r, run, &w);
    for (size_t i = 0; i < reads->step_count && !reads->all_steps && e == ERR_OK; i++)
        e = write_output(a, r, run, reads->steps[i], &w);
    json_w_object_end(&w);
    if (e == ERR_OK)
        e = text.overflow ? ERR_TOO_LARGE : parse(a, arena_str(a, buf_str(&text)), steps);
    buf_fini(&text);
    return e;
}

enum err run_trigger_json(struct store_reader *r, struct arena *a, const struct run *run, struct str *out)
{
    struct doc d;
    struct request rq;
    *out = run->trigger;
    if (run->trigger.ptr != NULL || run->request_until_ms == 0)
        return ERR_OK;
    enum err e = store_get_doc(r, a, DOC_REQUEST, run->request, &d);
    if (e == ERR_OK)
        e = request_decode(a, &d, &rq);
    if (e == ERR_OK)
        e = request_trigger_json(a, &rq, out);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err run_view_load(const struct api *api, struct store_reader *r, struct arena *a, const struct run *run,
                       const struct step_reads *reads, const struct json *event, struct run_view *out)
{
    struct str trigger = STR_NULL;
    struct run_facts f = {.run = run, .event = event, .reads = reads};
    bool moved = run->trigger.ptr == NULL && run->request_until_ms == 0; /* maybe before the first step */
    enum err e = ERR_OK;
    if (reads->trigger)
        e = moved ? read_output(a, r, run, STR(TRIGGER_STEP), &trigger) : run_trigger_json(r, a, run, &trigger);
    if (e == ERR_OK && run->steps > 0 && (reads->all_steps || reads->step_count > 0))
        e = outputs(a, r, run, reads, &f.steps);
    if (e == ERR_OK)
        e = parse(a, trigger, &f.trigger);
    if (e == ERR_OK)
        e = run_view_make(api, r, a, &f, out);
    out->trigger_is_gone = reads->trigger && run->request_until_ms != 0 && trigger.ptr == NULL;
    out->bytes = trigger.len + run->vars.len + (f.steps != NULL ? f.steps->raw.len : 0);
    return e;
}

struct expr_env run_env(struct arena *a, const struct run_view *v, int64_t now_ms)
{
    return (struct expr_env){.arena = a, .roots = v->roots, .root_count = v->count, .now_ms = now_ms};
}

void run_plan_leave(struct plan *p, struct run *run)
{
    struct doc d = {.id = run->place, .kind = DOC_PLACE};
    if (run->place != 0)
        plan_change(p, DOC_DELETE, &d, 0);
    run->place = 0;
}

void run_plan_end(struct plan *p, const struct run *run, enum run_status status, struct str error)
{
    struct run r = *run;
    struct doc d;
    r.status = status;
    r.key = STR_NULL;
    r.due_ms = 0;
    r.ended_ms = r.updated_ms = p->now_ms;
    r.error = error;
    run_plan_leave(p, &r);
    run_encode(p->arena, &r, &d);
    plan_change(p, DOC_UPDATE, &d, run->doc_version);
}
