/* SPDX-License-Identifier: Apache-2.0 */
/* Automations, their versions, the steps of runs and cues, in and out of the store. */
#include "api/automation.h"

#include "api/handler.h"
#include "api/record.h"
#include "signing/header.h"

#define BODY_MAX ((size_t)64 << 20)

static struct str taken(struct arena *a, struct buf *text)
{
    CHECK(!text->overflow); /* what goes in is limited */
    struct str s = arena_str(a, buf_str(text));
    buf_fini(text);
    return s;
}

/* ---- automations and versions -------------------------------------------------------------------------------------
 */

enum err automation_load(struct store_reader *r, struct arena *a, oid_t app, oid_t id, struct automation *out)
{
    struct object o;
    enum err e = store_get_object(r, a, OBJ_AUTOMATION, id, &o);
    if (e == ERR_OK && (o.deleted_ms != 0 || o.app != app))
        e = ERR_NOT_FOUND;
    return e == ERR_OK ? automation_decode(a, &o, out) : e;
}

enum err automation_version_decode(struct arena *a, const struct object *o, struct automation_version *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct automation_version){.id = o->id, .created_ms = o->created_ms, .body = o->body};
    const struct json *trigger = json_get(body, STR("trigger"));
    out->trigger = json_is_null(trigger) ? NULL : trigger;
    out->steps = json_get(body, STR("steps"));
    (void)json_as_i64(json_get(body, STR("published")), &out->published_ms);
    (void)json_as_i64(json_get(body, STR("concurrency")), &out->concurrency);
    bool good = json_as_i64(json_get(body, STR("number")), &out->number) && out->steps != NULL;
    return good ? ERR_OK : ERR_INVALID;
}

enum err automation_version_load(struct store_reader *r, struct arena *a, oid_t id, struct automation_version *out)
{
    struct object o;
    enum err e = store_get_object(r, a, OBJ_AUTOMATION_VERSION, id, &o);
    return e == ERR_OK ? automation_version_decode(a, &o, out) : e;
}

/* ---- steps of runs ------------------------------------------------------------------------------------------------
 */

#define AT(member) offsetof(struct run_step, member)
static const struct field step_fields[] = {
        {.name = "step", .kind = FIELD_TEXT, .at = AT(id)},
        {.name = "type", .kind = FIELD_TEXT, .at = AT(type)},
        {.name = "began", .kind = FIELD_MS, .at = AT(began_ms)},
        {.name = "ended", .kind = FIELD_MS, .at = AT(ended_ms)},
        {.name = "attempts", .kind = FIELD_MS, .at = AT(attempts)},
        {.name = "input", .kind = FIELD_OBJECT, .at = AT(input)},
        {.name = "output", .kind = FIELD_OBJECT, .at = AT(output)},
        {.name = "error", .kind = FIELD_TEXT, .at = AT(error)},
};
#undef AT

enum err run_step_decode(struct arena *a, const struct doc *d, struct run_step *out)
{
    struct json *body;
    if (json_parse(a, d->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    *out = (struct run_step){0};
    fields_read(a, step_fields, ARRAY_LEN(step_fields), FIELD_LOAD, body, out, NULL);
    return ERR_OK;
}

struct str run_step_masked(struct arena *a, struct str input)
{
    struct json *tree = NULL;
    struct buf text = BUF_INIT(BODY_MAX);
    struct json_writer w = json_writer(&text);
    if (input.ptr == NULL || json_parse(a, input, &tree, NULL) != ERR_OK || json_get(tree, STR("headers")) == NULL)
        return input;
    json_w_object(&w);
    for (const struct json *m = tree->child; m != NULL; m = m->next) {
        json_w_name(&w, m->name);
        if (!str_eq(m->name, STR("headers")) || m->type != JSON_OBJECT) {
            json_w_raw(&w, m->raw);
            continue;
        }
        json_w_object(&w);
        for (const struct json *h = m->child; h != NULL; h = h->next) {
            json_w_name(&w, h->name);
            if (header_is_sensitive(h->name))
                json_w_str(&w, STR(HEADER_MASK));
            else
                json_w_raw(&w, h->raw);
        }
        json_w_object_end(&w);
    }
    json_w_object_end(&w);
    return taken(a, &text);
}

struct str run_step_encode(struct arena *a, const struct run_step *s)
{
    struct buf text = BUF_INIT(BODY_MAX);
    struct json_writer w = json_writer(&text);
    json_w_object(&w);
    fields_write_stored(step_fields, ARRAY_LEN(step_fields), s, &w);
    json_w_object_end(&w);
    return taken(a, &text);
}

/* ---- records ------------------------------------------------------------------------------------------------------
 */

enum err automation_record(const struct api *api, struct store_reader *r, struct arena *a, oid_t app, struct str type,
                           struct str text, struct doc *d)
{
    struct object o;
    struct app ws;
    struct record_type t;
    struct record rec;
    oid_t id = 0;
    if (oid_parse(text, doc_prefix(DOC_RECORD), api->id_key, &id) == ERR_OK) {
        enum err e = store_get_doc(r, a, DOC_RECORD, id, d);
        return e == ERR_OK && d->app != app ? ERR_NOT_FOUND : e;
    }
    if (type.ptr == NULL)
        return ERR_NOT_FOUND;
    enum err e = store_get_object(r, a, OBJ_APP, app, &o);
    if (e == ERR_OK)
        e = app_decode(a, &o, &ws);
    if (e == ERR_OK)
        e = record_type_find(r, a, &ws, type, &t);
    return e == ERR_OK ? record_find(api, r, a, app, &t, text, d, &rec) : e;
}

enum err automation_record_type(struct store_reader *r, struct arena *a, int64_t ref, struct record_type *out)
{
    size_t n;
    struct object o;
    const struct record_type *builtin = record_types_builtin(&n);
    for (size_t i = 0; i < n; i++) {
        if (builtin[i].ref == ref) {
            *out = builtin[i];
            return ERR_OK;
        }
    }
    enum err e = store_get_object(r, a, OBJ_RECORD_TYPE, ref, &o);
    return e == ERR_OK ? record_type_decode(a, &o, out) : e;
}

struct str automation_record_json(const struct api *api, struct arena *a, const struct doc *d)
{
    struct record rec;
    struct json *data = NULL;
    struct buf text = BUF_INIT(BODY_MAX);
    struct json_writer w = json_writer(&text);
    char id[OID_TEXT_SIZE];
    if (record_decode(a, d, &rec) != ERR_OK || json_parse(a, rec.data, &data, NULL) != ERR_OK)
        return STR("null");
    oid_format(d->id, doc_prefix(DOC_RECORD), api->id_key, id);
    json_w_object(&w);
    json_w_str_at(&w, "id", str_c(id));
    json_w_name(&w, STR("tags"));
    json_w_array(&w);
    for (size_t i = 0; i < rec.tag_count; i++)
        json_w_str(&w, rec.tags[i]);
    json_w_array_end(&w);
    for (const struct json *m = data->child; m != NULL; m = m->next) {
        if (str_eq(m->name, STR("id")) || str_eq(m->name, STR("tags")) || json_get(data, m->name) != m)
            continue;
        json_w_name(&w, m->name);
        json_w_raw(&w, m->raw);
    }
    json_w_object_end(&w);
    return taken(a, &text);
}
