/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether what an automation says can work here: looked at when it is published, and in tests; drafts may say anything.
 * Only what is certain is refused: of texts with expressions no more than what stands before the first.
 */
#include "api/automation_fit.h"

#include "api/handler.h"
#include "api/mail.h"
#include "api/message_check.h"
#include "api/record.h"
#include "api/runner.h"
#include "base/time.h"
#include "catalog/catalog.h"
#include "signing/header.h"

struct fitting {
    const struct api *api;
    struct api_call *call;
    const struct automation_parts *of;
    const struct step *step;
    struct problems *problems;
};

static struct str below(struct fitting *f, const char *name)
{
    return arena_printf(f->call->arena, STR_FMT ".%s", STR_ARG(f->step->path), name);
}

/* At a member of the step, or below one ("set.email"). */
static void refuse(struct fitting *f, struct str at, struct str what)
{
    problem_add(f->problems, "body", STR("steps"), at, "value_error", STR_FMT, STR_ARG(what));
}

static void refuse_at(struct fitting *f, const char *name, const char *what)
{
    refuse(f, below(f, name), str_c(what));
}

static void refuse_start(struct fitting *f, const char *name, struct str what)
{
    problem_add(f->problems, "body", STR("trigger"), str_c(name), "value_error", STR_FMT, STR_ARG(what));
}

/* The text of a member that has no expressions. */
static bool plain(const struct step *s, const char *name, struct str *out)
{
    const struct step_value *v = step_value(s, name);
    if (v == NULL || v->text == NULL || !expr_is_plain(v->text))
        return false;
    *out = v->json->text;
    return true;
}

/* ---- records ------------------------------------------------------------------------------------------------------
 */

/* ERR_NOT_FOUND: there is none, and *why says so. */
static enum err find_type(struct fitting *f, struct str name, struct record_type *out, struct str *why)
{
    enum err e = record_type_find(f->call->reader, f->call->arena, f->of->app, name, out);
    if (e == ERR_NOT_FOUND)
        *why = arena_printf(f->call->arena,
                            "there is no type of records \"" STR_FMT "\" in this workspace: choose one that is there, "
                            "or make it first",
                            STR_ARG(str_take(name, 64)));
    return e;
}

/* The field that names records must be among what an upsert sets, and not be empty. */
static void check_key(struct fitting *f, const struct record_type *type)
{
    const struct step_value *key = step_value(f->step, "key"), *set = step_value(f->step, "set");
    struct arena *a = f->call->arena;
    if (key != NULL && type->key.len == 0)
        refuse_at(f, "key", "records of this type have no key: leave it out");
    else if (key != NULL && !str_eq(key->json->text, type->key))
        refuse(f, below(f, "key"),
               arena_printf(a, "records of this type are named by \"" STR_FMT "\": write that, or leave it out",
                            STR_ARG(type->key)));
    if (set == NULL || type->key.len == 0)
        return;
    struct str at = arena_printf(a, STR_FMT ".set." STR_FMT, STR_ARG(f->step->path), STR_ARG(type->key));
    const struct json *v = json_get(set->json, type->key);
    if (v == NULL)
        refuse(f, at, STR("is missing: it names the record, so add it to what is set"));
    else if (json_is_null(v) || (v->type == JSON_STRING && str_trim(v->text).len == 0))
        refuse(f, at, STR("is empty: it names the record, so give it a value"));
}

static enum err check_record(struct fitting *f)
{
    const struct step_value *v = step_value(f->step, "record");
    struct record_type type;
    struct str why;
    if (v == NULL)
        return ERR_OK;
    enum err e = find_type(f, v->json->text, &type, &why);
    if (e == ERR_NOT_FOUND)
        refuse(f, below(f, "record"), why);
    if (e == ERR_OK && f->step->kind == STEP_UPSERT_RECORD)
        check_key(f, &type);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* ---- events -------------------------------------------------------------------------------------------------------
 */

static const char no_type[] = "is no event type: letters, digits, '-', '_' and '.' only, 256 at most";

static bool is_event_type(const struct json *name)
{
    return name->type == JSON_STRING && name->text.len > 0 && name->text.len <= 256 && chars_fit(CHARS_ID, name->text);
}

/* A text, or a list of them. */
static bool are_event_types(const struct json *names)
{
    bool good = names->type == JSON_ARRAY || is_event_type(names);
    for (const struct json *n = names->type == JSON_ARRAY ? names->child : NULL; n != NULL; n = n->next)
        good = good && is_event_type(n);
    return good;
}

static bool is_written_out(const struct json *v)
{
    bool out = v->type != JSON_STRING || str_find_str(v->text, STR("{{")) == v->text.len;
    for (const struct json *c = v->child; c != NULL && out; c = c->next)
        out = is_written_out(c);
    return out;
}

/* A payload without expressions is what it will be: it must fit the schema that the event type has. */
static enum err check_payload(struct fitting *f, struct str event, const struct json *payload)
{
    const struct workspace *ws = catalog_get(f->api->catalog, f->of->app->id);
    enum err e = ws != NULL ? ERR_OK : catalog_load(f->api->catalog, f->call->reader, f->of->app->id, &ws);
    if (e != ERR_OK)
        return e;
    struct match_facts facts = {.event_type = event, .payload = payload->raw};
    struct schema_fault fault;
    if (ws->types != NULL && !message_fits(ws->types, &facts, f->call->arena, &fault)) {
        struct str at = fault.at.len > 0 ? arena_printf(f->call->arena, " at " STR_FMT, STR_ARG(fault.at)) : STR("");
        refuse(f, below(f, "payload"),
               arena_printf(f->call->arena, "does not fit the schema of the event type" STR_FMT ": %s", STR_ARG(at),
                            fault.why));
    }
    match_facts_fini(&facts);
    catalog_unref(ws);
    return ERR_OK;
}

static enum err check_emit(struct fitting *f)
{
    const struct step_value *event = step_value(f->step, "event"), *payload = step_value(f->step, "payload");
    if (event != NULL && !is_event_type(event->json))
        refuse_at(f, "event", no_type);
    else if (event != NULL && payload != NULL && is_written_out(payload->json))
        return check_payload(f, event->json->text, payload->json);
    return ERR_OK;
}

/* ---- waiting ------------------------------------------------------------------------------------------------------
 */

static void check_duration(struct fitting *f, const char *name, int64_t most_ms, const char *why)
{
    struct str text;
    int64_t ms;
    if (plain(f->step, name, &text) && time_parse_duration(str_trim(text), &ms) == ERR_OK && ms > most_ms)
        refuse_at(f, name, why);
}

static void check_wait(struct fitting *f)
{
    const struct step_value *event = step_value(f->step, "event");
    if (event != NULL && !are_event_types(event->json))
        refuse_at(f, "event", no_type);
    check_duration(f, "for", RUN_LIFE_MS - 1, "must be less than a year: a run lives a year at most");
    check_duration(f, "timeout", RUN_LIFE_MS, "must be a year at most, which is how long a run lives");
}

/* ---- what goes outside --------------------------------------------------------------------------------------------
 */

static bool may_become(struct str head, struct str whole)
{
    return head.len < whole.len && str_starts_nocase(whole, head);
}

/* What is known of a URL: all of it, or what stands before the first expression. */
static void check_url(struct fitting *f)
{
    const struct step_value *v = step_value(f->step, "url");
    struct ssrf_url url;
    const char *why = NULL;
    if (v == NULL || v->text == NULL)
        return;
    struct str head = expr_part_text(v->text, 0);
    if (!expr_is_plain(v->text)) {
        size_t scheme = str_find_str(head, STR("://"));
        if (head.len == 0 || may_become(head, STR("https://")) || may_become(head, STR("http://")))
            return;
        size_t host = scheme < head.len ? scheme + 3 : head.len, end = host;
        while (end < head.len && strchr("/?#", head.ptr[end]) == NULL)
            end++;
        bool is_http = str_starts_nocase(head, STR("http://")) || str_starts_nocase(head, STR("https://"));
        if (is_http && end == head.len) /* the host is not complete */
            return;
        head = arena_printf(f->call->arena, STR_FMT "/", STR_ARG(str_take(head, end)));
    }
    if (ssrf_parse_url(f->api->urls, head, &url, &why) != ERR_OK)
        refuse_at(f, "url", why);
    else
        ssrf_url_fini(&url);
}

static void check_headers(struct fitting *f)
{
    const struct step_value *v = step_value(f->step, "headers");
    size_t n = 0;
    for (const struct json *h = v != NULL && v->texts != NULL ? v->json->child : NULL; h != NULL; h = h->next, n++) {
        const struct expr_template *t = v->texts[n];
        const char *why = n + 1 < OUTSIDE_HEADERS_MAX ? outside_header_refusal(h->name) : "is one too many: 39 at most";
        for (size_t i = 0; t != NULL && i < expr_part_count(t) && why == NULL; i++) {
            struct str text = expr_part_text(t, i);
            if (text.ptr != NULL && !header_is_value(text))
                why = "must have a value without control characters, such as line ends";
        }
        if (why == NULL)
            continue;
        refuse(f,
               arena_printf(f->call->arena, STR_FMT ".headers." STR_FMT, STR_ARG(f->step->path),
                            STR_ARG(str_take(h->name, 100))),
               str_c(why));
    }
}

static void check_mail(struct fitting *f)
{
    struct mail m = {.subject = STR(""), .text = STR("")};
    const char *why = plain(f->step, "to", &m.to) ? mail_problem(f->call->arena, &m) : NULL;
    if (why != NULL)
        refuse_at(f, "to", why);
}

/* ---- sequences ----------------------------------------------------------------------------------------------------
 */

static enum err check_sequence(struct fitting *f)
{
    const struct step_value *v = step_value(f->step, "automation");
    struct automation m;
    oid_t id = 0;
    if (v == NULL)
        return ERR_OK;
    enum err e = oid_parse(v->json->text, object_prefix(OBJ_AUTOMATION), f->api->id_key, &id);
    if (e == ERR_OK && id == f->of->own)
        return ERR_OK;
    if (e == ERR_OK)
        e = automation_load(f->call->reader, f->call->arena, f->of->app->id, id, &m);
    if (e == ERR_NOT_FOUND || e == ERR_INVALID)
        refuse_at(f, "automation", "there is none of this id: choose another, or make it first");
    else if (e != ERR_OK)
        return e;
    else if (f->step->kind == STEP_START_SEQUENCE && m.published == 0)
        refuse_at(f, "automation", "it is a draft: publish it first");
    return ERR_OK;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------
 */

/* What expressions name must be able to be there: a typing error would be empty in every run. */
static void check_reads(struct fitting *f)
{
    const struct step_reads *r = &f->step->reads;
    struct arena *a = f->call->arena;
    if (r->unknown.ptr != NULL)
        refuse(f, f->step->path,
               arena_printf(a,
                            "names \"" STR_FMT "\", which is never there: expressions begin with trigger, steps, vars, "
                            "target, contact or run",
                            STR_ARG(str_take(r->unknown, 64))));
    for (size_t i = 0; i < r->step_count; i++) {
        if (definition_find(f->of->definition, r->steps[i]) < 0)
            refuse(f, f->step->path,
                   arena_printf(a, "names the step \"" STR_FMT "\", and there is none of this id",
                                STR_ARG(str_take(r->steps[i], 64))));
    }
}

static enum err check_step(struct fitting *f)
{
    switch (f->step->kind) {
    case STEP_UPSERT_RECORD:
    case STEP_UPDATE_RECORD:
    case STEP_ADD_TAG:
    case STEP_REMOVE_TAG:
        return check_record(f);
    case STEP_EMIT_EVENT:
        return check_emit(f);
    case STEP_START_SEQUENCE:
    case STEP_STOP_SEQUENCE:
        return check_sequence(f);
    case STEP_WAIT:
        check_wait(f);
        return ERR_OK;
    case STEP_HTTP_REQUEST:
        check_url(f);
        check_headers(f);
        return ERR_OK;
    case STEP_SEND_EMAIL:
        check_mail(f);
        return ERR_OK;
    case STEP_SET:
    case STEP_BRANCH:
    case STEP_KINDS:
        break;
    }
    return ERR_OK;
}

static enum err check_start(struct fitting *f, const struct start *s)
{
    struct record_type type;
    struct str why;
    enum err e = s->kind == START_RECORD ? find_type(f, s->record, &type, &why) : ERR_OK;
    if (e == ERR_NOT_FOUND)
        refuse_start(f, "record", why);
    if (s->kind == START_EVENT && !are_event_types(s->names))
        refuse_start(f, "event", str_c(no_type));
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err automation_fit(const struct api *api, struct api_call *call, const struct automation_parts *of,
                        struct problems *problems)
{
    struct fitting f = {.api = api, .call = call, .of = of, .problems = problems};
    enum err e = of->start != NULL ? check_start(&f, of->start) : ERR_OK;
    for (size_t i = 0; i < of->definition->count && e == ERR_OK; i++) {
        f.step = &of->definition->steps[i];
        check_reads(&f);
        e = check_step(&f);
    }
    return e;
}
