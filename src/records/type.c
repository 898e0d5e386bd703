/* SPDX-License-Identifier: Apache-2.0 */
#include "records/type.h"

/* ---- the built-in rows --------------------------------------------------------------------------------------------
 */

#define S(lit)                                                                                                         \
    {                                                                                                                  \
        ("" lit), sizeof("" lit) - 1                                                                                   \
    }
#define RULE(when_, field_, value_, event_)                                                                            \
    {                                                                                                                  \
        .when = RECORD_##when_, .field = S(field_), .value = S(value_), .event = S(event_)                             \
    }
#define TYPE(number, profile_, name_, key_, rules_)                                                                    \
    {                                                                                                                  \
        .ref = (number), .name = S(name_), .profile = S(profile_), .key = S(key_), .rules = (rules_),                  \
        .rule_count = ARRAY_LEN(rules_), .builtin = true                                                               \
    }

static struct record_rule contact_rules[] = {RULE(CREATED, "", "", "contact.created"),
                                             RULE(UPDATED, "", "", "contact.updated"),
                                             RULE(DELETED, "", "", "contact.deleted")};
static struct record_rule deal_rules[] = {RULE(CHANGED, "stage", "", "deal.stage_changed")};
static struct record_rule booking_rules[] = {RULE(BECOMES, "status", "confirmed", "booking.confirmed"),
                                             RULE(BECOMES, "status", "cancelled", "booking.cancelled")};
static struct record_rule form_rules[] = {RULE(CREATED, "", "", "form.submitted")};
static struct record_rule call_rules[] = {RULE(BECOMES, "status", "completed", "call.completed")};
static struct record_rule esignature_rules[] = {RULE(BECOMES, "status", "signed", "esignature.signed")};

/* A type whose three events are named after it. */
#define PLAIN(name)                                                                                                    \
    static struct record_rule name##_rules[] = {RULE(CREATED, "", "", #name ".created"),                               \
                                                RULE(DELETED, "", "", #name ".deleted"),                               \
                                                RULE(UPDATED, "", "", #name ".updated")};
PLAIN(data_point)
PLAIN(event)
PLAIN(graph)
PLAIN(knowledge_item)
PLAIN(member)
PLAIN(objective)
PLAIN(position)
PLAIN(team)

/* The numbers are on disk: never reused. A workspace looks its own profile's up. */
static const struct record_type builtins[] = {
        TYPE(6, "metapulse", "data_point", "external_id", data_point_rules),
        TYPE(7, "metapulse", "event", "external_id", event_rules),
        TYPE(8, "metapulse", "graph", "external_id", graph_rules),
        TYPE(9, "metapulse", "knowledge_item", "external_id", knowledge_item_rules),
        TYPE(10, "metapulse", "member", "email", member_rules),
        TYPE(11, "metapulse", "objective", "external_id", objective_rules),
        TYPE(12, "metapulse", "position", "external_id", position_rules),
        TYPE(13, "metapulse", "team", "external_id", team_rules),
        TYPE(1, "myra", "booking", "external_id", booking_rules),
        TYPE(2, "myra", "call", "external_id", call_rules),
        TYPE(3, "myra", "contact", "email", contact_rules),
        TYPE(4, "myra", "deal", "external_id", deal_rules),
        TYPE(5, "myra", "esignature", "external_id", esignature_rules),
        TYPE(14, "myra", "form_submission", "external_id", form_rules),
};

const struct record_type *record_types_builtin(size_t *count)
{
    *count = ARRAY_LEN(builtins);
    return builtins;
}

const struct record_type *record_type_builtin(struct str profile, struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(builtins); i++) {
        if (str_eq(builtins[i].profile, profile) && str_eq(builtins[i].name, name))
            return &builtins[i];
    }
    return NULL;
}

/* ---- rows as JSON -------------------------------------------------------------------------------------------------
 */

static const char *const whens[] = {[RECORD_CREATED] = "created",
                                    [RECORD_UPDATED] = "updated",
                                    [RECORD_DELETED] = "deleted",
                                    [RECORD_CHANGED] = "changed",
                                    [RECORD_BECOMES] = "becomes"};

#define AT(member) offsetof(struct record_type, member)
static const struct field fields[] = {
        {.name = "name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .at = AT(name), .min = 1, .max = 64},
        {.name = "profile", .kind = FIELD_TEXT, .at = AT(profile), .min = 1, .max = 64},
        {.name = "key", .kind = FIELD_TEXT, .at = AT(key), .min = 1, .max = 64},
        {.name = "schema", .kind = FIELD_OBJECT, .at = AT(schema), .max = 65536},
};
#undef AT

static bool name_fits(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = c >= 'a' && c <= 'z';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '_')))
            return false;
    }
    return true;
}

static void rule_problem(struct problems *problems, const char *what)
{
    if (problems != NULL)
        problem_add(problems, "body", STR("rules"), STR_NULL, "value_error", "%s", what);
}

static bool rule_read(const struct json *j, struct record_rule *out, struct problems *problems)
{
    struct str when = STR_NULL;
    size_t i = 0;
    *out = (struct record_rule){0};
    (void)json_as_str(json_get(j, STR("when")), &when);
    (void)json_as_str(json_get(j, STR("field")), &out->field);
    (void)json_as_str(json_get(j, STR("value")), &out->value);
    (void)json_as_str(json_get(j, STR("event")), &out->event);
    while (i < ARRAY_LEN(whens) && !str_eq(when, str_c(whens[i])))
        i++;
    out->when = (enum record_when)i;
    bool by_field = i == RECORD_CHANGED || i == RECORD_BECOMES;
    if (i == ARRAY_LEN(whens))
        rule_problem(problems, "when must be created, updated, deleted, changed or becomes");
    else if (out->event.len == 0 || out->event.len > 256 || !chars_fit(CHARS_ID, out->event))
        rule_problem(problems, "event must be the name of an event type");
    else if (by_field && out->field.len == 0)
        rule_problem(problems, "field must be the name of a field where when is changed or becomes");
    else if (i == RECORD_BECOMES && out->value.ptr == NULL)
        rule_problem(problems, "value must be a text where when is becomes");
    else
        return true;
    return false;
}

enum err record_type_compile(struct arena *a, struct record_type *t, struct schema_fault *fault)
{
    struct json *tree;
    t->compiled = NULL;
    if (t->schema.ptr == NULL)
        return ERR_OK;
    *fault = (struct schema_fault){.at = STR_NULL, .why = "must be a JSON Schema"};
    return json_parse(a, t->schema, &tree, NULL) == ERR_OK ? schema_compile(a, tree, &t->compiled, fault) : ERR_INVALID;
}

void record_type_read(struct arena *a, const struct json *body, enum field_mode mode, struct record_type *out,
                      struct problems *problems)
{
    struct schema_fault fault;
    const struct json *rules = json_get(body, STR("rules"));
    fields_read(a, fields, ARRAY_LEN(fields), mode, body, out, problems);
    if (problems != NULL && (!name_fits(out->name) || out->name.len > 64))
        problem_add(problems, "body", STR("name"), STR_NULL, "value_error",
                    "must be a small letter, then small letters, digits and _");
    if (problems != NULL && record_type_compile(a, out, &fault) != ERR_OK)
        problem_add(problems, "body", STR("schema"), fault.at.len > 0 ? fault.at : STR_NULL, "value_error.schema", "%s",
                    fault.why);
    out->rule_count = 0;
    if (rules == NULL || json_is_null(rules))
        return;
    if (rules->type != JSON_ARRAY || rules->count > RECORD_RULES_MAX) {
        rule_problem(problems, "must be a list of at most 16 rules");
        return;
    }
    out->rules = arena_zalloc(a, (rules->count + 1) * sizeof *out->rules);
    for (const struct json *r = rules->child; r != NULL; r = r->next) {
        if (rule_read(r, &out->rules[out->rule_count], problems))
            out->rule_count++;
    }
}

void record_type_write(const struct record_type *t, struct json_writer *w)
{
    json_w_str_at(w, "name", t->name);
    json_w_opt_str_at(w, "profile", t->profile);
    json_w_opt_str_at(w, "key", t->key);
    if (t->schema.ptr != NULL)
        json_w_raw_at(w, "schema", t->schema);
    else
        json_w_null_at(w, "schema");
    json_w_name(w, STR("rules"));
    json_w_array(w);
    for (size_t i = 0; i < t->rule_count; i++) {
        const struct record_rule *r = &t->rules[i];
        json_w_object(w);
        json_w_str_at(w, "when", str_c(whens[r->when]));
        if (r->when == RECORD_CHANGED || r->when == RECORD_BECOMES)
            json_w_str_at(w, "field", r->field);
        if (r->when == RECORD_BECOMES)
            json_w_str_at(w, "value", r->value);
        json_w_str_at(w, "event", r->event);
        json_w_object_end(w);
    }
    json_w_array_end(w);
}

enum err record_type_decode(struct arena *a, const struct object *o, struct record_type *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct record_type){.ref = o->id, .created_ms = o->created_ms, .updated_ms = o->updated_ms};
    record_type_read(a, body, FIELD_LOAD, out, NULL);
    return out->name.ptr != NULL ? ERR_OK : ERR_INVALID;
}
