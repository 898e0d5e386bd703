/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a workspace: read, written, tagged, and what they were before. */
#include "api/record.h"

#include "api/handler.h"
#include "api/idempotency.h"
#include "api/routes.h"

/* What a request says of a record. */
struct record_in {
    struct str data;
    const struct str *tags;
    size_t tag_count;
};

#define AT(member) offsetof(struct record_in, member)
const struct field record_in_fields[] = {
        {.name = "data", .kind = FIELD_OBJECT, .at = AT(data), .max = RECORD_DATA_MAX},
        {.name = "tags",
         .kind = FIELD_NAMES,
         .at = AT(tags),
         .count_at = AT(tag_count),
         .max = RECORD_TAGS_MAX,
         .item_max = RECORD_TAG_MAX},
};
const size_t record_in_field_count = ARRAY_LEN(record_in_fields);
#undef AT

/* ---- answers ------------------------------------------------------------------------------------------------------
 */

void record_write(const struct api *api, struct api_call *call, const struct record_type *t, const struct record *r,
                  struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "id", api_id(api, call, r->id, doc_prefix(DOC_RECORD)));
    json_w_str_at(w, "type", t->name);
    json_w_opt_str_at(w, "key", r->key);
    json_w_raw_at(w, "data", r->data);
    json_w_name(w, STR("tags"));
    json_w_array(w);
    for (size_t i = 0; i < r->tag_count; i++)
        json_w_str(w, r->tags[i]);
    json_w_array_end(w);
    json_w_i64_at(w, "version", (int64_t)r->version);
    json_w_time_at(w, "createdAt", r->created_ms);
    json_w_time_at(w, "updatedAt", r->updated_ms);
    json_w_object_end(w);
}

static void answer_record(const struct api *api, struct api_call *call, int status, const struct record_type *t,
                          const struct record *r)
{
    struct json_writer w = answer(call, status);
    record_write(api, call, t, r, &w);
}

/* ---- finding ------------------------------------------------------------------------------------------------------
 */

bool record_call_type(const struct api *api, struct api_call *call, struct app *app, struct record_type *t)
{
    if (!call_app(api, call, app))
        return false;
    enum err e = record_type_find(call->reader, call->arena, app, call->params[1], t);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such type of records");
        return false;
    }
    return answer_ok(call, e);
}

bool record_call(const struct api *api, struct api_call *call, struct app *app, struct record_type *t, struct doc *d,
                 struct record *r)
{
    if (!record_call_type(api, call, app, t))
        return false;
    enum err e = record_find(api, call->reader, call->arena, app->id, t, call->params[2], d, r);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such record");
        return false;
    }
    return answer_ok(call, e);
}

static struct plan plan_of(struct api *api, struct api_call *call, const struct app *app)
{
    return (struct plan){.api = api,
                         .reader = call->reader,
                         .arena = call->arena,
                         .app = app->id,
                         .now_ms = call->now_ms,
                         .actor = api_actor(api, call->arena, &call->who)};
}

/* ---- writing ------------------------------------------------------------------------------------------------------
 */

/* Writes the edit; a record that changed meanwhile lets the handler run again. */
static void write_edit(struct api *api, struct api_call *call, const struct app *app, const struct record_type *t,
                       const struct doc *was, const struct record_edit *edit, struct record *r)
{
    struct plan p = plan_of(api, call, app);
    bool changed = false;
    struct record_fault fault;
    enum err e = record_plan(&p, t, was, edit, r, &changed, &fault);
    if (e == ERR_INVALID) {
        problem_add(&call->problems, "body", str_c(fault.field), fault.at.len > 0 ? fault.at : STR_NULL,
                    fault.at.len > 0 ? "value_error.schema" : "value_error", "%s", fault.why);
        call_fits(call);
        return;
    }
    if (e == ERR_OK && was == NULL)
        call_made(call, MADE_RECORD, r->id, 201);
    if (e == ERR_OK && changed)
        e = plan_commit(&p, call);
    if (e == ERR_CONFLICT)
        answer_error(call, e, "a record of this type with this key exists");
    else if (answer_ok(call, e))
        answer_record(api, call, was == NULL ? 201 : 200, t, r);
}

static bool read_in(struct api_call *call, enum field_mode mode, struct record_in *in, const struct json **data)
{
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return false;
    fields_read(call->arena, record_in_fields, record_in_field_count, mode, body, in, &call->problems);
    *data = json_get(body, STR("data"));
    if (json_is_null(*data))
        *data = NULL;
    return call_fits(call);
}

void record_create(struct api *api, struct api_call *call)
{
    struct app app;
    struct record_type t;
    struct record_in in = {0};
    struct record r;
    struct doc d;
    const struct json *data;
    bool upsert = query_bool(call, "upsert", false);
    if (!read_in(call, FIELD_CREATE, &in, &data) || !record_call_type(api, call, &app, &t))
        return;
    struct record_edit edit = {.merge = data, .add_tags = in.tags, .add_count = in.tag_count};
    struct str text = upsert ? record_key(&t, data) : STR_NULL;
    enum err e = text.len > 0 ? store_find_doc(call->reader, call->arena, DOC_RECORD, app.id, t.ref, text, &d)
                              : ERR_NOT_FOUND;
    if (e == ERR_OK || e == ERR_NOT_FOUND)
        write_edit(api, call, &app, &t, e == ERR_OK ? &d : NULL, &edit, &r);
    else
        answer_error(call, e, NULL);
    if (call->status == 409 && text.len > 0)
        call->stale = true; /* somebody else created it meanwhile: change it */
}

void record_put(struct api *api, struct api_call *call)
{
    struct app app;
    struct record_type t;
    struct record_in in = {0};
    struct record r;
    struct doc d;
    const struct json *data;
    if (!read_in(call, FIELD_REPLACE, &in, &data) || !record_call_type(api, call, &app, &t))
        return;
    if (data == NULL) {
        call_problem(call, "data", "value_error.missing", "is missing");
        call_fits(call);
        return;
    }
    struct record_edit edit = {.replace = data, .add_tags = in.tags, .add_count = in.tag_count, .set_tags = true};
    enum err e = record_find(api, call->reader, call->arena, app.id, &t, call->params[2], &d, &r);
    struct str key = record_key(&t, data);
    bool named = key.ptr != NULL && str_eq(key, call->params[2]);
    if (e == ERR_NOT_FOUND && !named)
        answer_error(call, e, "no such record; to create it, name it in its data too");
    else if (e == ERR_NOT_FOUND && call_header(call, STR("If-Match")).ptr != NULL)
        answer_error(call, ERR_CHANGED, NULL); /* it was seen, and is gone */
    else if (e == ERR_NOT_FOUND)
        write_edit(api, call, &app, &t, NULL, &edit, &r);
    else if (e != ERR_OK)
        answer_error(call, e, NULL);
    else if (call_saw(call, r.updated_ms))
        write_edit(api, call, &app, &t, &d, &edit, &r);
    if (call->status == 409 && e == ERR_NOT_FOUND)
        call->stale = true; /* somebody else created it meanwhile: change it */
}

void record_patch(struct api *api, struct api_call *call)
{
    struct app app;
    struct record_type t;
    struct record_in in = {0};
    struct record r;
    struct doc d;
    const struct json *data;
    if (!read_in(call, FIELD_PATCH, &in, &data) || !record_call(api, call, &app, &t, &d, &r) ||
        !call_saw(call, r.updated_ms))
        return;
    struct record_edit edit = {
            .merge = data, .add_tags = in.tags, .add_count = in.tag_count, .set_tags = in.tags != NULL};
    write_edit(api, call, &app, &t, &d, &edit, &r);
}

void record_delete(struct api *api, struct api_call *call)
{
    struct app app;
    struct record_type t;
    struct record r;
    struct doc d;
    if (!record_call(api, call, &app, &t, &d, &r) || !call_saw(call, r.updated_ms))
        return;
    struct plan p = plan_of(api, call, &app);
    enum err e = record_plan_delete(&p, &t, &d);
    if (e == ERR_OK)
        e = plan_commit(&p, call);
    if (answer_ok(call, e))
        answer_empty(call);
}

/* Changes the tags of the record that the path names. */
static void edit_tags(struct api *api, struct api_call *call, const struct record_edit *edit)
{
    struct app app;
    struct record_type t;
    struct record r;
    struct doc d;
    if (record_call(api, call, &app, &t, &d, &r))
        write_edit(api, call, &app, &t, &d, edit, &r);
}

void record_tag_add(struct api *api, struct api_call *call)
{
    edit_tags(api, call, &(struct record_edit){.add_tags = &call->params[3], .add_count = 1});
}

void record_tag_remove(struct api *api, struct api_call *call)
{
    edit_tags(api, call, &(struct record_edit){.remove_tags = &call->params[3], .remove_count = 1});
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

void record_get(struct api *api, struct api_call *call)
{
    struct app app;
    struct record_type t;
    struct record r;
    struct doc d;
    if (record_call(api, call, &app, &t, &d, &r))
        answer_record(api, call, 200, &t, &r);
}
