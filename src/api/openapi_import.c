/* SPDX-License-Identifier: Apache-2.0 */
/* Event types out of an OpenAPI document, given as JSON or YAML; all or nothing. */
#include "api/describe.h"
#include "api/openapi_hook.h"
#include "api/routes.h"
#include "json/yaml.h"

#define YAML_MAX ((size_t)8 << 20) /* of the JSON that YAML becomes */
#define PAGE     250

struct in {
    bool dry_run;
    bool replace_all;
    struct str raw;
};

#define AT(member) offsetof(struct in, member)
const struct field openapi_import_fields[] = {
        {.name = "dryRun", .kind = FIELD_BOOL, .at = AT(dry_run)},
        {.name = "replaceAll", .kind = FIELD_BOOL, .at = AT(replace_all)},
        {.name = "specRaw", .kind = FIELD_TEXT, .at = AT(raw), .min = 1},
};
const size_t openapi_import_field_count = ARRAY_LEN(openapi_import_fields);

/* ---- the document -------------------------------------------------------------------------------------------------
 */

static const struct json *read_raw(struct openapi_in *in, struct str raw)
{
    struct json *document;
    struct json_error bad;
    struct yaml_error error;
    struct api_call *call = in->call;
    struct str text = str_trim(raw);
    if (str_starts(text, STR("{")) && json_parse(call->arena, text, &document, &bad) == ERR_OK)
        return document;
    struct buf out = BUF_INIT(YAML_MAX);
    enum err e = yaml_to_json(raw, &out, &error);
    if (e == ERR_OK) {
        e = json_parse(call->arena, arena_str(call->arena, buf_str(&out)), &document, &bad);
        error = (struct yaml_error){.line = 1, .column = 1, .why = "is not a document that JSON could say"};
    }
    buf_fini(&out);
    if (e == ERR_OK)
        return document;
    problem_add(&call->problems, "body", str_c(in->field), STR_NULL, "value_error.yaml", "line %zu, column %zu: %s",
                error.line, error.column, error.why);
    return NULL;
}

/* NULL: a problem, or answered. */
static const struct json *read_document(struct openapi_in *in, const struct json *body, const struct in *given)
{
    const struct json *spec = json_get(body, STR("spec"));
    bool has_spec = spec != NULL && !json_is_null(spec), has_raw = given->raw.ptr != NULL;
    in->field = has_spec ? "spec" : "specRaw";
    if (has_spec == has_raw) {
        answer_error(in->call, ERR_SYNTAX, "give either `spec` or `specRaw`");
        return NULL;
    }
    const struct json *document = has_spec ? spec : read_raw(in, given->raw);
    if (document != NULL && document->type != JSON_OBJECT) {
        call_problem(in->call, in->field, "type_error.dict", "must be an OpenAPI document: an object");
        return NULL;
    }
    return document;
}

/* ---- commit and answer --------------------------------------------------------------------------------------------
 */

/* What is there, not archived and not in the document. */
static enum err archive_others(struct openapi_in *in)
{
    struct api_call *call = in->call;
    struct str after = STR_NULL;
    size_t got, named = in->count, room = in->count;
    do {
        struct object *objects;
        struct object_query q = {
                .kind = OBJ_EVENT_TYPE, .env = call->env, .by_key = true, .after_key = after, .limit = PAGE};
        enum err e = store_list_objects(call->reader, call->arena, &q, &objects, &got);
        if (e != ERR_OK)
            return e;
        struct openapi_item *more = arena_alloc(call->arena, (room + got + 1) * sizeof *more);
        memcpy(more, in->items, in->count * sizeof *more);
        in->items = more;
        room += got;
        for (size_t i = 0; i < got; i++) {
            struct openapi_item *item = &in->items[in->count];
            bool known = false;
            after = objects[i].key;
            for (size_t j = 0; j < named && !known; j++)
                known = str_eq(in->items[j].type.name, objects[i].key);
            *item = (struct openapi_item){.old = objects[i], .changed = true};
            if (known || event_type_decode(call->arena, &objects[i], &item->type) != ERR_OK || item->type.archived)
                continue;
            item->type.archived = true;
            in->count++;
        }
    } while (got == PAGE);
    return ERR_OK;
}

static enum err commit(struct api *api, const struct openapi_in *in)
{
    struct api_call *call = in->call;
    struct object_change *changes = arena_alloc(call->arena, (in->count + 1) * sizeof *changes);
    size_t n = 0;
    for (size_t i = 0; i < in->count; i++) {
        const struct openapi_item *item = &in->items[i];
        if (!item->changed)
            continue;
        struct object_change *c = &changes[n++];
        *c = (struct object_change){.change = OBJECT_CREATE,
                                    .object = {.kind = OBJ_EVENT_TYPE, .env = call->env, .created_ms = call->now_ms}};
        if (item->old.id != 0)
            *c = (struct object_change){
                    .change = OBJECT_UPDATE, .object = item->old, .expected_version = item->old.version};
        else
            c->object.id = oid_next(api->oids, call->now_ms);
        c->object.key = item->type.name;
        c->object.body = event_type_encode(call->arena, &item->type);
        c->object.updated_ms = call->now_ms;
    }
    return n > 0 ? api_commit(api, changes, n, call->env, 0) : ERR_OK;
}

static void write_type(const struct event_type *t, struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "name", t->name);
    json_w_str_at(w, "description", t->description);
    json_w_bool_at(w, "deprecated", t->deprecated);
    json_w_raw_at(w, "schemas", t->schemas.ptr != NULL ? t->schemas : STR("null"));
    json_w_opt_str_at(w, "groupName", t->group_name);
    json_w_name(w, STR("featureFlags"));
    if (t->feature_flag_count == 0) {
        json_w_null(w);
    } else {
        json_w_array(w);
        for (size_t i = 0; i < t->feature_flag_count; i++)
            json_w_str(w, t->feature_flags[i]);
        json_w_array_end(w);
    }
    json_w_object_end(w);
}

/* `to_modify` and `to_archive` of a dry run, `modified` of a real one: what differs. */
static void answer_import(const struct openapi_in *in, bool dry_run)
{
    struct json_writer w = answer(in->call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("data"));
    json_w_object(&w);
    json_w_name(&w, STR("modified"));
    json_w_array(&w);
    for (size_t i = 0; i < in->count && !dry_run; i++) {
        if (in->items[i].changed)
            json_w_str(&w, in->items[i].type.name);
    }
    json_w_array_end(&w);
    json_w_name(&w, STR("to_modify"));
    if (dry_run) {
        json_w_array(&w);
        for (size_t i = 0; i < in->count; i++) {
            if (in->items[i].changed && !in->items[i].type.archived)
                write_type(&in->items[i].type, &w);
        }
        json_w_array_end(&w);
        json_w_name(&w, STR("to_archive"));
        json_w_array(&w);
        for (size_t i = 0; i < in->count; i++) {
            if (in->items[i].changed && in->items[i].type.archived)
                json_w_str(&w, in->items[i].type.name);
        }
        json_w_array_end(&w);
    } else {
        json_w_null(&w);
    }
    json_w_object_end(&w);
    json_w_object_end(&w);
}

void event_type_import_openapi(struct api *api, struct api_call *call)
{
    struct in given = {0};
    struct openapi_in in = {.call = call};
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    fields_read(call->arena, openapi_import_fields, openapi_import_field_count, FIELD_CREATE, body, &given,
                &call->problems);
    if (!call_fits(call))
        return;
    in.document = read_document(&in, body, &given);
    if (in.document == NULL) {
        if (call->problems.count > 0)
            call_fits(call);
        return;
    }
    enum err e = openapi_hooks_read(&in);
    if (!answer_ok(call, e) || !call_fits(call))
        return;
    if (given.replace_all && !answer_ok(call, archive_others(&in)))
        return;
    if (!given.dry_run && !answer_ok(call, commit(api, &in)))
        return;
    answer_import(&in, given.dry_run);
}
