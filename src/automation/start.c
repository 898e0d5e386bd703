/* SPDX-License-Identifier: Apache-2.0 */
/* What starts an automation, as its definition says it. */
#include "automation/automation.h"

struct compiling {
    struct arena *arena;
    struct problems *problems;
    bool bad;
};

static void refuse(struct compiling *c, const char *name, struct str what)
{
    c->bad = true;
    problem_add(c->problems, "body", STR("trigger"), str_c(name), "value_error", STR_FMT, STR_ARG(what));
}

bool start_names_have(const struct json *names, struct str name)
{
    if (names->type == JSON_STRING)
        return str_eq(names->text, name);
    for (const struct json *n = names->child; n != NULL; n = n->next) {
        if (n->type == JSON_STRING && str_eq(n->text, name))
            return true;
    }
    return false;
}

static bool are_names(const struct json *v)
{
    bool good = v != NULL && (v->type == JSON_STRING || (v->type == JSON_ARRAY && v->count > 0 && v->count <= 50));
    for (const struct json *n = good && v->type == JSON_ARRAY ? v->child : NULL; n != NULL; n = n->next)
        good = good && n->type == JSON_STRING && n->text.len > 0 && n->text.len <= 256;
    return good;
}

static void check_members(struct compiling *c, const struct json *from, const char *known)
{
    for (const struct json *m = from->child; m != NULL; m = m->next) {
        struct str rest = str_c(known);
        bool found = str_eq(m->name, STR("type"));
        while (!found && rest.len > 0)
            found = str_eq(m->name, str_split(&rest, ' '));
        if (!found)
            refuse(c, arena_cstr(c->arena, m->name), STR("is not known in a trigger of this type"));
    }
}

static void read_event(struct compiling *c, const struct json *from, struct start *out)
{
    check_members(c, from, "event where");
    out->names = json_get(from, STR("event"));
    if (!are_names(out->names))
        refuse(c, "event", STR("must be an event type, or a list of 1 to 50 of them"));
}

static void read_record(struct compiling *c, const struct json *from, struct start *out)
{
    check_members(c, from, "record on where");
    if (!json_as_str(json_get(from, STR("record")), &out->record) || out->record.len == 0 || out->record.len > 64)
        refuse(c, "record", STR("must be a type of records"));
    out->names = json_get(from, STR("on"));
    if (json_is_null(out->names))
        out->names = NULL;
    bool good = out->names == NULL || are_names(out->names);
    for (const struct json *n = good && out->names != NULL ? out->names : NULL; n != NULL; n = NULL) {
        const struct json *first = n->type == JSON_ARRAY ? n->child : n;
        for (const struct json *i = first; i != NULL && good; i = n->type == JSON_ARRAY ? i->next : NULL)
            good = str_eq(i->text, STR("created")) || str_eq(i->text, STR("updated")) ||
                   str_eq(i->text, STR("deleted"));
    }
    if (!good)
        refuse(c, "on", STR("must be created, updated, deleted, or a list of these"));
}

static void read_where(struct compiling *c, const struct json *from, struct start *out)
{
    struct condition_error error;
    const struct json *where = json_get(from, STR("where"));
    if (where == NULL || json_is_null(where))
        return;
    if (condition_compile(c->arena, where, &out->where, &error) != ERR_OK)
        refuse(c, error.path.len > 0 ? arena_printf(c->arena, "where." STR_FMT, STR_ARG(error.path)).ptr : "where",
               error.what);
}

static void read_schedule(struct compiling *c, const struct json *from, struct start *out)
{
    struct str text = STR("");
    const char *why = "must be a text";
    check_members(c, from, "cron");
    if (!json_as_str(json_get(from, STR("cron")), &text) || cron_parse(text, &out->cron, &why) != ERR_OK)
        refuse(c, "cron", str_c(why));
    else if (cron_next(&out->cron, 1735689600000) == INT64_MAX)
        refuse(c, "cron", STR("never comes"));
}

enum err start_compile(struct arena *a, const struct json *from, struct start *out, struct problems *problems)
{
    static const char *const names[] = {"incoming_webhook", "event", "record_changed", "schedule", "sequence"};
    struct compiling c = {a, problems, false};
    struct str type;
    size_t kind = 0;
    *out = (struct start){.kind = START_SEQUENCE};
    if (from == NULL || json_is_null(from))
        return ERR_OK;
    bool is_text = json_as_str(json_get(from, STR("type")), &type);
    while (kind < ARRAY_LEN(names) && !(is_text && str_eq(type, str_c(names[kind]))))
        kind++;
    if (kind == ARRAY_LEN(names)) {
        refuse(&c, "type", STR("must be one of incoming_webhook, event, record_changed, schedule, sequence"));
        return ERR_INVALID;
    }
    out->kind = (enum start_kind)kind;
    if (out->kind == START_EVENT)
        read_event(&c, from, out);
    if (out->kind == START_RECORD)
        read_record(&c, from, out);
    if (out->kind == START_EVENT || out->kind == START_RECORD)
        read_where(&c, from, out);
    if (out->kind == START_SCHEDULE)
        read_schedule(&c, from, out);
    if (out->kind == START_SEQUENCE)
        check_members(&c, from, "");
    return c.bad ? ERR_INVALID : ERR_OK;
}
