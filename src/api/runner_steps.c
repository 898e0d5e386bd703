/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps do inside Postrider: their effects go into the turn's plan. */
#include "api/handler.h"
#include "api/mail.h"
#include "api/message_check.h"
#include "api/record.h"
#include "api/runner.h"
#include "api/step_input.h"
#include "automation/wait.h"
#include "base/time.h"

#define CUES_LOOKED_AT 8  /* before a wait for an event ends without it */
#define LOOK_AGAIN_MS  50 /* for one that is on its way, then less and less often */

/* ---- records ------------------------------------------------------------------------------------------------------
 */

static enum err workspace_of(struct turn *t, struct app *out)
{
    struct object o;
    enum err e = store_get_object(t->reader, t->arena, OBJ_APP, t->run.app, &o);
    return e == ERR_OK ? app_decode(t->arena, &o, out) : e;
}

static enum err edit(struct turn *t, const struct record_type *type, const struct doc *was,
                     const struct record_edit *what, struct outcome *out)
{
    struct record rec;
    struct doc d;
    bool changed = false;
    struct record_fault fault;
    enum err e = record_plan(&t->plan, type, was, what, &rec, &changed, &fault);
    if (e == ERR_INVALID) {
        *out = turn_failed(t, "%s" STR_FMT ": %s", fault.field, STR_ARG(fault.at), fault.why);
        return ERR_OK;
    }
    if (e != ERR_OK)
        return e;
    d = was != NULL ? *was : (struct doc){.id = rec.id};
    record_encode(t->arena, &rec, &d);
    out->output = automation_record_json(t->api, t->arena, &d);
    if (t->run.target == 0) { /* from here on templates know it as `contact` */
        t->run.target = rec.id;
        t->run.key = t->run.key.ptr != NULL ? t->run.key : run_target_key(t->arena, rec.id, t->run.id);
    }
    return ERR_OK;
}

static enum err upsert(struct turn *t, struct outcome *out)
{
    struct app app;
    struct record_type type;
    struct doc d;
    const struct json *set = json_get(t->input, STR("set"));
    struct str name = turn_text(t, "record"), text, why;
    enum err e = workspace_of(t, &app);
    if (e == ERR_OK)
        e = record_type_find(t->reader, t->arena, &app, name, &type);
    if (e == ERR_NOT_FOUND) {
        *out = turn_failed(t, "record: there is no type of records \"" STR_FMT "\" here", STR_ARG(name));
        return ERR_OK;
    }
    if (e != ERR_OK)
        return e;
    if (!step_input_key(t->arena, t->input, &type, &text, &why)) {
        *out = turn_failed(t, STR_FMT, STR_ARG(why));
        return ERR_OK;
    }
    e = text.len == 0 ? ERR_NOT_FOUND : store_find_doc(t->reader, t->arena, DOC_RECORD, t->run.app, type.ref, text, &d);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    return edit(t, &type, e == ERR_OK ? &d : NULL, &(struct record_edit){.merge = set}, out);
}

bool step_target(struct turn *t, struct doc *d, struct record_type *type, enum err *e, struct outcome *out)
{
    struct str text = turn_text(t, "target");
    *e = automation_record(t->api, t->reader, t->arena, t->run.app, turn_text(t, "record"), text, d);
    if (*e == ERR_OK && type != NULL)
        *e = automation_record_type(t->reader, t->arena, d->ref, type);
    if (*e == ERR_NOT_FOUND) {
        *out = turn_failed(t, STR_FMT, STR_ARG(step_input_no_target(t->arena, t->input)));
        *e = ERR_OK;
        return false;
    }
    return *e == ERR_OK;
}

enum err step_do_records(struct turn *t, struct outcome *out)
{
    struct record_type type;
    struct doc d;
    enum err e;
    if (t->step->kind == STEP_UPSERT_RECORD)
        return upsert(t, out);
    if (!step_target(t, &d, &type, &e, out))
        return e;
    return edit(t, &type, &d, &(struct record_edit){.merge = json_get(t->input, STR("set"))}, out);
}

enum err step_do_tags(struct turn *t, struct outcome *out)
{
    struct record_type type;
    struct doc d;
    enum err e;
    struct str tag = turn_text(t, "tag");
    struct record_edit add = {.add_tags = &tag, .add_count = 1}, take = {.remove_tags = &tag, .remove_count = 1};
    if (!step_target(t, &d, &type, &e, out))
        return e;
    return edit(t, &type, &d, t->step->kind == STEP_ADD_TAG ? &add : &take, out);
}

/* ---- events -------------------------------------------------------------------------------------------------------
 */

/* What is asked of a message that comes in is asked of this one too. False: *out, or *e is a store error. */
static bool event_fits(struct turn *t, struct str event, struct str payload, enum err *e, struct outcome *out)
{
    const struct workspace *ws = catalog_get(t->api->catalog, t->run.app);
    *e = ws != NULL ? ERR_OK : catalog_load(t->api->catalog, t->reader, t->run.app, &ws);
    if (*e != ERR_OK)
        return false;
    struct match_facts facts = {.event_type = event, .payload = payload};
    struct schema_fault fault;
    bool fits = ws->types == NULL || message_fits(ws->types, &facts, t->arena, &fault);
    if (!fits)
        *out = turn_failed(t, "payload" STR_FMT ": %s: it does not fit the schema of the event type",
                           STR_ARG(str_take(fault.at, 200)), fault.why);
    match_facts_fini(&facts);
    catalog_unref(ws);
    return fits;
}

enum err step_do_emit(struct turn *t, struct outcome *out)
{
    struct str event = turn_text(t, "event"), payload = json_get(t->input, STR("payload"))->raw;
    char id[OID_TEXT_SIZE];
    enum err e = ERR_OK;
    if (!chars_fit(CHARS_ID, event)) {
        *out = turn_failed(t, "event: is no event type");
        return ERR_OK;
    }
    if (!event_fits(t, event, payload, &e, out))
        return e;
    plan_emit(&t->plan, event, payload);
    t->plan.ids_told = true;
    oid_format(t->plan.messages[t->plan.message_count - 1].id, "msg_", t->api->id_key, id);
    out->output = arena_printf(t->arena, "{\"id\":\"%s\"}", id);
    return ERR_OK;
}

/* ---- waiting ------------------------------------------------------------------------------------------------------
 */

/* A document for each event type: who hears of one finds the run by it. */
static void plan_waits(struct turn *t, const struct json *names, int64_t until_ms)
{
    const struct json *first = names->type == JSON_ARRAY ? names->child : names;
    for (const struct json *n = first; n != NULL; n = names->type == JSON_ARRAY ? n->next : NULL) {
        struct doc d = {.id = oid_next(t->api->oids, t->now_ms),
                        .kind = DOC_WAIT,
                        .app = t->run.app,
                        .ref = cue_wait_ref(n->text),
                        .purge_ms = until_ms + TIME_DAY_MS,
                        .body = arena_printf(t->arena, "{\"run\":%lld,\"step\":\"" STR_FMT "\"}", (long long)t->run.id,
                                             STR_ARG(t->step->id)),
                        .created_ms = t->now_ms,
                        .updated_ms = t->now_ms};
        plan_change(&t->plan, DOC_CREATE, &d, 0);
    }
}

static bool is_among(const struct json *names, struct str event)
{
    bool found = names->type == JSON_STRING && str_eq(names->text, event);
    for (const struct json *n = names->type == JSON_ARRAY ? names->child : NULL; n != NULL && !found; n = n->next)
        found = str_eq(n->text, event);
    return found;
}

/* Whether one of these events was accepted in time and is not told yet; behind many others one may be. */
static enum err is_on_its_way(struct turn *t, const struct json *names, bool *out)
{
    struct doc *list = NULL;
    size_t count = 0, in_time = 0;
    struct doc_query q = {
            .kind = DOC_CUE, .app = t->run.app, .after = oid_at_ms(t->state.began_ms - 1), .limit = CUES_LOOKED_AT};
    enum err e = store_list_docs(t->reader, t->arena, &q, &list, &count);
    for (size_t i = 0; i < count && e == ERR_OK; i++)
        t->view.bytes += list[i].body.len;
    for (size_t i = 0; i < count && e == ERR_OK && !*out; i++) {
        struct cue c;
        if (list[i].created_ms > run_deadline_ms(&t->run))
            continue;
        *out = ++in_time == CUES_LOOKED_AT ||
               (cue_decode(t->arena, &list[i], &c) == ERR_OK && is_among(names, c.event));
    }
    return e;
}

/* When an event was accepted decides, not how long it then waited to be told. */
static enum err time_is_up(struct turn *t, const struct json *names, struct outcome *out)
{
    bool comes = false;
    enum err e = names != NULL ? is_on_its_way(t, names, &comes) : ERR_OK;
    out->output = names != NULL ? STR("{\"timedOut\":true}") : STR("{}");
    if (!comes)
        return e;
    t->run.until_ms = run_deadline_ms(&t->run);
    int64_t late_ms = t->now_ms - t->run.until_ms;
    *out = (struct outcome){.kind = OUTCOME_WAITS};
    out->due_ms = t->now_ms + (late_ms < 2 * LOOK_AGAIN_MS    ? LOOK_AGAIN_MS
                               : late_ms < 2 * TIME_MINUTE_MS ? late_ms / 2
                                                              : TIME_MINUTE_MS);
    return e;
}

enum err step_do_wait(struct turn *t, struct outcome *out)
{
    const struct json *names = json_get(t->input, STR("event"));
    struct wait_facts facts = {t->input, t->now_ms, t->run.created_ms};
    struct str why;
    if (t->run.status == RUN_WAITING)
        return time_is_up(t, names, out);
    t->run.until_ms = 0;
    if (wait_read(t->arena, t->step, &facts, &out->due_ms, &why) != ERR_OK) {
        *out = turn_failed(t, STR_FMT, STR_ARG(why));
        return ERR_OK;
    }
    out->kind = OUTCOME_WAITS;
    if (names != NULL)
        plan_waits(t, names, out->due_ms);
    return ERR_OK;
}

/* ---- mail ---------------------------------------------------------------------------------------------------------
 */

/* Into the outbox, once: its key is the step, and its Message-ID is made of it, so that it stays what it is. */
enum err step_do_mail(struct turn *t, struct outcome *out)
{
    char id[OID_TEXT_SIZE];
    struct mail m = step_input_letter(t->input);
    m.app = t->run.app;
    m.about = t->run.id;
    m.key = t->step->id;
    const char *why = mail_on(t->api) ? mail_problem(t->arena, &m) : "no mail is sent: SMTP_URL is not set";
    if (why != NULL) {
        *out = turn_failed(t, "%s", why);
        return ERR_OK;
    }
    struct doc_change c = mail_create(t->api, t->arena, &m, t->now_ms);
    plan_change(&t->plan, c.change, &c.doc, c.expected_version);
    oid_format(c.doc.id, doc_prefix(DOC_MAIL), t->api->id_key, id);
    out->output = arena_printf(t->arena, "{\"id\":\"%s\"}", id);
    t->mail = true;
    return ERR_OK;
}
