/* SPDX-License-Identifier: Apache-2.0 */
#include "api/run_out.h"

#include "api/mail.h"
#include "api/record.h"
#include "base/time.h"

#define NAME_SHOWN 256 /* bytes of what a record is called */

static void write_time(struct json_writer *w, const char *name, int64_t ms)
{
    if (ms != 0)
        json_w_time_at(w, name, ms);
    else
        json_w_null_at(w, name);
}

static void write_id(const struct api *api, struct api_call *call, struct json_writer *w, const char *name, oid_t id,
                     const char *prefix)
{
    json_w_opt_str_at(w, name, id != 0 ? api_id(api, call, id, prefix) : STR_NULL);
}

/* ---- what is read for it ------------------------------------------------------------------------------------------
 */

/* An automation by id, also a deleted one; empty when it cannot be read. */
static struct automation automation_of(struct api_call *call, oid_t id)
{
    struct object o;
    struct automation m = {.id = 0};
    if (store_get_object(call->reader, call->arena, OBJ_AUTOMATION, id, &o) != ERR_OK ||
        automation_decode(call->arena, &o, &m) != ERR_OK)
        m = (struct automation){.id = 0};
    return m;
}

static void take_down(struct api_call *call, struct run_shelf *shelf, const struct run *r)
{
    if (shelf->version.id != r->version &&
        automation_version_load(call->reader, call->arena, r->version, &shelf->version) != ERR_OK)
        shelf->version = (struct automation_version){.id = 0}; /* damage */
    if (shelf->of.id != r->automation)
        shelf->of = automation_of(call, r->automation);
}

/* The step of this id in a list of steps, as it was given, also within branches. NULL: none. */
static const struct json *find_step(const struct json *steps, struct str id)
{
    struct str text;
    const struct json *found = NULL;
    for (const struct json *s = steps != NULL && steps->type == JSON_ARRAY ? steps->child : NULL; s != NULL && !found;
         s = s->next) {
        if (json_as_str(json_get(s, STR("id")), &text) && str_eq(text, id))
            return s;
        const struct json *arms = json_get(s, STR("branches"));
        for (const struct json *b = arms != NULL ? arms->child : NULL; b != NULL && !found; b = b->next)
            found = find_step(json_get(b, STR("steps")), id);
        if (found == NULL)
            found = find_step(json_get(s, STR("else")), id);
    }
    return found;
}

/* Where it stands, or failed; null: it has gone through. */
static struct str step_id(const struct run *r, const struct run_shelf *shelf)
{
    struct str first = STR_NULL;
    const struct json *steps = shelf->version.steps;
    if (run_is_over(r->status) && r->status != RUN_FAILED)
        return STR_NULL;
    if (r->at.ptr == NULL && steps != NULL && steps->type == JSON_ARRAY)
        (void)json_as_str(json_get(steps->child, STR("id")), &first);
    return r->at.ptr != NULL ? r->at : first;
}

/* ---- a run --------------------------------------------------------------------------------------------------------
 */

/* {"id","type","key","name"} of the record that it is about; null when it has none or it is gone. */
static void write_record(const struct api *api, struct api_call *call, const struct run *r, struct json_writer *w)
{
    struct doc d;
    struct record rec;
    struct record_type type;
    struct json *data = NULL;
    struct str name = STR_NULL;
    json_w_name(w, STR("record"));
    if (r->target == 0 || store_get_doc(call->reader, call->arena, DOC_RECORD, r->target, &d) != ERR_OK ||
        record_decode(call->arena, &d, &rec) != ERR_OK ||
        automation_record_type(call->reader, call->arena, d.ref, &type) != ERR_OK) {
        json_w_null(w);
        return;
    }
    if (json_parse(call->arena, rec.data, &data, NULL) == ERR_OK)
        (void)json_as_str(json_get(data, STR("name")), &name);
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, r->target, doc_prefix(DOC_RECORD)));
    json_w_str_at(w, "type", type.name);
    json_w_opt_str_at(w, "key", rec.key);
    json_w_opt_str_at(w, "name", name.len <= NAME_SHOWN ? name : STR_NULL);
    json_w_object_end(w);
}

static void write_events(const struct json *names, struct json_writer *w)
{
    json_w_name(w, STR("events"));
    json_w_array(w);
    if (names != NULL && names->type == JSON_STRING)
        json_w_str(w, names->text);
    for (const struct json *n = names != NULL && names->type == JSON_ARRAY ? names->child : NULL; n != NULL;
         n = n->next) {
        if (n->type == JSON_STRING)
            json_w_str(w, n->text);
    }
    json_w_array_end(w);
}

/* {"type":"event"|"time"|"retry"|"turn","events":[…],"until"}: what it waits for; null when it does not. A step that is
 * none of waiting waits to be tried again; a run that is due later without waiting was put off until there is room. */
static void write_waiting(const struct run *r, const struct json *step, struct str type, int64_t now_ms,
                          struct json_writer *w)
{
    const struct json *names = str_eq(type, STR("wait")) ? json_get(step, STR("event")) : NULL;
    bool turn = r->status == RUN_RUNNING && r->due_ms > now_ms;
    struct str what = turn                         ? STR("turn")
                      : !str_eq(type, STR("wait")) ? STR("retry")
                      : names != NULL              ? STR("event")
                                                   : STR("time");
    json_w_name(w, STR("waitingFor"));
    if (r->status != RUN_WAITING && !turn) {
        json_w_null(w);
        return;
    }
    json_w_object(w);
    json_w_str_at(w, "type", what);
    write_events(names, w);
    int64_t until_ms = names != NULL ? run_deadline_ms(r) : r->due_ms;
    write_time(w, "until", turn ? 0 : until_ms); /* its turn comes when another is done */
    json_w_object_end(w);
}

void run_out_members(const struct api *api, struct api_call *call, struct run_shelf *shelf, const struct run *r,
                     struct json_writer *w)
{
    struct str type = STR_NULL;
    take_down(call, shelf, r);
    struct str at = step_id(r, shelf);
    const struct json *step = at.ptr != NULL ? find_step(shelf->version.steps, at) : NULL;
    (void)json_as_str(json_get(step, STR("type")), &type);
    json_w_str_at(w, "id", api_id(api, call, r->id, doc_prefix(DOC_RUN)));
    json_w_str_at(w, "automationId", api_id(api, call, r->automation, object_prefix(OBJ_AUTOMATION)));
    json_w_opt_str_at(w, "automationName", shelf->of.name);
    json_w_str_at(w, "status", str_c(run_status_name(r->status)));
    json_w_i64_at(w, "version", shelf->version.number);
    json_w_opt_str_at(w, "step", at);
    json_w_opt_str_at(w, "stepType", type);
    write_waiting(r, step, type, call->now_ms, w);
    write_id(api, call, w, "request", r->request, doc_prefix(DOC_REQUEST));
    write_id(api, call, w, "parent", r->parent, doc_prefix(DOC_RUN));
    write_id(api, call, w, "target", r->target, doc_prefix(DOC_RECORD));
    write_record(api, call, r, w);
    json_w_opt_str_at(w, "error", r->error);
    json_w_time_at(w, "startedAt", r->created_ms);
    write_time(w, "endedAt", r->ended_ms);
    write_time(w, "dueAt", run_is_over(r->status) ? 0 : r->due_ms);
}

/* ---- its steps ----------------------------------------------------------------------------------------------------
 */

/* What became of the letter of a step; null when there is none, or it is forgotten. */
static enum err write_mail(const struct api *api, struct api_call *call, const struct run *r, const struct run_step *s,
                           struct json_writer *w)
{
    static const char *const names[] = {[MAIL_QUEUED] = "queued", [MAIL_SENT] = "sent", [MAIL_FAILED] = "failed"};
    struct doc d;
    struct mail_doc m;
    if (!str_eq(s->type, STR("send_email")))
        return ERR_OK;
    enum err e = store_find_doc(call->reader, call->arena, DOC_MAIL, r->app, r->id, s->id, &d);
    if (e == ERR_OK)
        e = mail_decode(call->arena, api->keys, &d, &m);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    json_w_name(w, STR("mail"));
    if (e == ERR_NOT_FOUND || m.status < MAIL_QUEUED || m.status > MAIL_FAILED) {
        json_w_null(w);
        return ERR_OK;
    }
    json_w_object(w);
    json_w_str_at(w, "status", str_c(names[m.status]));
    json_w_str_at(w, "to", m.to);
    json_w_i64_at(w, "attempts", m.attempts);
    json_w_opt_str_at(w, "error", m.error);
    write_time(w, "nextAttempt", m.status == MAIL_QUEUED ? m.due_ms : 0);
    json_w_object_end(w);
    return ERR_OK;
}

/* A step that was under way when the run ended, ended with it. */
static enum err write_step(const struct api *api, struct api_call *call, const struct run *r, const struct doc *d,
                           const struct run_step *s, struct json_writer *w)
{
    bool open = !run_is_over((enum run_status)d->status), cut = open && run_is_over(r->status);
    json_w_object(w);
    json_w_str_at(w, "id", s->id);
    json_w_str_at(w, "type", s->type);
    json_w_str_at(w, "status", str_c(run_status_name(cut ? r->status : (enum run_status)d->status)));
    json_w_time_at(w, "startedAt", s->began_ms);
    write_time(w, "endedAt", cut ? r->ended_ms : open ? 0 : s->ended_ms);
    json_w_i64_at(w, "attempts", s->attempts);
    json_w_raw_at(w, "input", s->input.ptr != NULL ? s->input : STR("null"));
    json_w_raw_at(w, "output", s->output.ptr != NULL ? s->output : STR("null"));
    json_w_opt_str_at(w, "error", s->error);
    enum err e = write_mail(api, call, r, s, w);
    json_w_object_end(w);
    return e;
}

/* The run that started it belongs to another automation, which links to it need. */
static void write_parent(const struct api *api, struct api_call *call, const struct run *r, struct json_writer *w)
{
    struct doc d;
    struct automation m = {.id = 0};
    if (r->parent != 0 && store_get_doc(call->reader, call->arena, DOC_RUN, r->parent, &d) == ERR_OK)
        m = automation_of(call, d.ref);
    write_id(api, call, w, "parentAutomationId", m.id, object_prefix(OBJ_AUTOMATION));
    json_w_opt_str_at(w, "parentAutomationName", m.name);
}

void run_out_answer(const struct api *api, struct api_call *call, const struct run *r)
{
    struct doc *docs = NULL;
    size_t count = 0;
    enum err e = ERR_OK;
    struct str trigger;
    struct run_shelf shelf = {.of = {.id = 0}};
    struct doc_query q = {.kind = DOC_STEP, .app = r->app, .ref = r->id, .limit = RUN_STEPS_MAX + 1};
    if (!answer_ok(call, run_trigger_json(call->reader, call->arena, r, &trigger)) ||
        !answer_ok(call, store_list_docs(call->reader, call->arena, &q, &docs, &count)))
        return;
    struct run_step *steps = arena_alloc(call->arena, (count + 1) * sizeof *steps);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, run_step_decode(call->arena, &docs[i], &steps[i])))
            return;
        if (str_eq(steps[i].id, STR("trigger")))
            trigger = steps[i].output;
    }
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    run_out_members(api, call, &shelf, r, &w);
    write_parent(api, call, r, &w);
    json_w_raw_at(&w, "trigger", trigger.ptr != NULL ? trigger : STR("null"));
    json_w_raw_at(&w, "vars", r->vars.ptr != NULL ? r->vars : STR("{}"));
    json_w_raw_at(&w, "definition", shelf.version.steps != NULL ? shelf.version.steps->raw : STR("[]"));
    json_w_name(&w, STR("steps"));
    json_w_array(&w);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        if (!str_eq(steps[i].id, STR("trigger")))
            e = write_step(api, call, r, &docs[i], &steps[i], &w);
    }
    json_w_array_end(&w);
    json_w_object_end(&w);
    (void)answer_ok(call, e);
}

enum err run_out_summary(const struct api *api, struct api_call *call, const struct automation *m,
                         struct json_writer *w)
{
    struct doc *docs = NULL;
    size_t total = 0, found = 0;
    struct run last;
    struct run_shelf shelf = {.of = *m};
    struct doc_query q = {.kind = DOC_RUN, .app = m->app, .ref = m->id, .descending = true, .limit = 1};
    enum err e = store_count_docs(call->reader, DOC_RUN, m->app, m->id, RUN_COUNT_MAX, &total);
    if (e == ERR_OK)
        e = store_list_docs(call->reader, call->arena, &q, &docs, &found);
    if (e == ERR_OK && found > 0)
        e = run_decode(call->arena, &docs[0], &last);
    if (e != ERR_OK)
        return e;
    json_w_i64_at(w, "runCount", (int64_t)total);
    json_w_name(w, STR("lastRun"));
    if (found > 0) {
        json_w_object(w);
        run_out_members(api, call, &shelf, &last, w);
        json_w_object_end(w);
    } else {
        json_w_null(w);
    }
    return ERR_OK;
}
