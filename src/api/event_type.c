/* SPDX-License-Identifier: Apache-2.0 */
/* Event types of an environment, by name. Archived ones stay readable; expunged ones are gone. */
#include "api/event_type.h"

#include "api/describe.h"
#include "api/message_check.h"
#include "api/routes.h"

enum err event_type_find(struct api_call *call, struct str name, struct object *out)
{
    if (call->env == 0 || name.len == 0 || name.len > 256)
        return ERR_NOT_FOUND;
    return store_find_object(call->reader, call->arena, OBJ_EVENT_TYPE, call->env, 0, name, out);
}

/* What messages are checked with must work. */
static void check_schemas(struct api_call *call, const struct event_type *t)
{
    if (t->validate)
        schemas_check(call->arena, t->schemas, &call->problems);
}

void event_type_write(const struct object *o, const struct event_type *t, struct json_writer *w)
{
    json_w_object(w);
    fields_write_answer(event_type_fields, event_type_field_count, t, w);
    json_w_opt_str_at(w, "profile", t->profile);
    json_w_time_at(w, "createdAt", o->created_ms);
    json_w_time_at(w, "updatedAt", o->updated_ms);
    json_w_object_end(w);
}

static void answer_type(struct api_call *call, int status, const struct object *o, const struct event_type *t)
{
    struct json_writer w = answer(call, status);
    event_type_write(o, t, &w);
}

/* Creates (old NULL) or replaces. */
static void save(struct api *api, struct api_call *call, const struct object *old, const struct event_type *t)
{
    struct object_change change = {.change = old != NULL ? OBJECT_UPDATE : OBJECT_CREATE};
    if (old != NULL) {
        change.object = *old;
        change.expected_version = old->version;
    } else {
        change.object = (struct object){.id = oid_next(api->oids, call->now_ms),
                                        .kind = OBJ_EVENT_TYPE,
                                        .env = call->env,
                                        .created_ms = call->now_ms};
    }
    change.object.key = t->name;
    change.object.updated_ms = call->now_ms;
    change.object.body = event_type_encode(call->arena, t);
    call_made(call, OBJ_EVENT_TYPE, change.object.id, 201);
    enum err e = call_commit(api, call, &change, 1, call->env, 0);
    if (e == ERR_CONFLICT)
        answer_error(call, e, "an event type of this name exists");
    else if (answer_ok(call, e))
        answer_type(call, old != NULL ? 200 : 201, &change.object, t);
}

void event_type_create(struct api *api, struct api_call *call)
{
    const struct json *body = call_json(call, false);
    struct event_type t = {0};
    struct object old;
    if (body == NULL)
        return;
    fields_read(call->arena, event_type_fields, event_type_field_count, FIELD_CREATE, body, &t, &call->problems);
    check_schemas(call, &t);
    if (!call_fits(call))
        return;
    enum err e = event_type_find(call, t.name, &old);
    struct event_type before;
    if (e == ERR_OK && event_type_decode(call->arena, &old, &before) == ERR_OK && before.archived) {
        /* To create what was archived brings it back. */
        struct object_change change = {.change = OBJECT_UPDATE, .object = old, .expected_version = old.version};
        change.object.updated_ms = call->now_ms;
        change.object.body = event_type_encode(call->arena, &t);
        call_made(call, OBJ_EVENT_TYPE, old.id, 201);
        if (answer_ok(call, call_commit(api, call, &change, 1, call->env, 0)))
            answer_type(call, 201, &change.object, &t);
    } else if (e == ERR_OK) {
        answer_error(call, ERR_CONFLICT, "an event type of this name exists");
    } else if (e == ERR_NOT_FOUND) {
        save(api, call, NULL, &t);
    } else {
        answer_error(call, e, NULL);
    }
}

bool call_event_type(struct api_call *call, struct object *o, struct event_type *t)
{
    enum err e = event_type_find(call, call->params[0], o);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such event type");
        return false;
    }
    return answer_ok(call, e) && answer_ok(call, event_type_decode(call->arena, o, t));
}

void event_type_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct event_type t;
    (void)api;
    if (call_event_type(call, &o, &t))
        answer_type(call, 200, &o, &t);
}

static void change_type(struct api *api, struct api_call *call, enum field_mode mode)
{
    struct object o;
    struct event_type t = {0};
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return;
    enum err e = event_type_find(call, call->params[0], &o);
    bool create = e == ERR_NOT_FOUND && mode == FIELD_REPLACE;
    if (e == ERR_NOT_FOUND && !create) {
        answer_error(call, e, "no such event type");
        return;
    }
    if (!create && (!answer_ok(call, e) || !answer_ok(call, event_type_decode(call->arena, &o, &t))))
        return;
    t.name = call->params[0];
    if (!chars_fit(CHARS_ID, t.name) || t.name.len > 256)
        problem_add(&call->problems, "path", STR("event_type_name"), STR_NULL, "value_error.pattern", "is not a name");
    /* The first row is the name: the path has it. */
    fields_read(call->arena, event_type_fields + 1, event_type_change_field_count, mode, body, &t, &call->problems);
    check_schemas(call, &t);
    if (call_fits(call))
        save(api, call, create ? NULL : &o, &t);
}

void event_type_put(struct api *api, struct api_call *call)
{
    change_type(api, call, FIELD_REPLACE);
}

void event_type_patch(struct api *api, struct api_call *call)
{
    change_type(api, call, FIELD_PATCH);
}

void event_type_delete(struct api *api, struct api_call *call)
{
    struct object o;
    struct event_type t;
    bool expunge = query_bool(call, "expunge", false);
    if (!call_fits(call) || !call_event_type(call, &o, &t))
        return;
    struct object_change change = {
            .change = expunge ? OBJECT_DELETE : OBJECT_UPDATE, .object = o, .expected_version = o.version};
    t.archived = true;
    change.object.updated_ms = call->now_ms;
    change.object.body = event_type_encode(call->arena, &t);
    if (answer_ok(call, call_commit(api, call, &change, 1, call->env, 0)))
        answer_empty(call);
}

/* ---- list ---------------------------------------------------------------------------------------------------------
 */

struct listed {
    struct object object;
    struct event_type type;
};

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    const struct listed *l = (const struct listed *)items + i;
    (void)api;
    (void)call;
    event_type_write(&l->object, &l->type, w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    (void)api;
    (void)call;
    return ((const struct listed *)items)[i].type.name;
}

void event_type_list(struct api *api, struct api_call *call)
{
    struct page page;
    bool archived = query_bool(call, "include_archived", false), content = query_bool(call, "with_content", false);
    if (!page_read(api, call, NULL, PAGE_ASCENDING, &page))
        return;
    struct listed *found = arena_alloc(call->arena, (page.limit + 1) * sizeof *found);
    struct str after = page.at_name;
    size_t n = 0, got = call->env != 0 ? page.limit + 1 : 0;
    while (n <= page.limit && got == page.limit + 1) {
        struct object *objects;
        struct object_query q = {.kind = OBJ_EVENT_TYPE,
                                 .env = call->env,
                                 .by_key = true,
                                 .descending = page_asks_descending(&page),
                                 .after_key = after,
                                 .limit = page.limit + 1};
        if (!answer_ok(call, store_list_objects(call->reader, call->arena, &q, &objects, &got)))
            return;
        for (size_t i = 0; i < got && n <= page.limit; i++) {
            struct listed *l = &found[n];
            after = objects[i].key;
            l->object = objects[i];
            if (event_type_decode(call->arena, &objects[i], &l->type) != ERR_OK || (l->type.archived && !archived))
                continue;
            if (!content)
                l->type.schemas = STR_NULL;
            n++;
        }
    }
    answer_page(api, call, &(struct page_items){&page, n, found, write_item, name_item});
}

/* ---- for others ---------------------------------------------------------------------------------------------------
 */

enum err event_types_missing(struct api *api, struct api_call *call, struct str profile_row, struct object_change **out,
                             size_t *count)
{
    struct json *row;
    if (json_parse(call->arena, profile_row, &row, NULL) != ERR_OK)
        return ERR_INVALID;
    const struct json *list = json_get(row, STR("eventTypes"));
    struct str profile = STR_NULL;
    json_as_str(json_get(row, STR("name")), &profile);
    size_t n = 0;
    *out = arena_zalloc(call->arena, ((list != NULL ? list->count : 0) + 1) * sizeof **out);
    for (const struct json *i = list != NULL ? list->child : NULL; i != NULL; i = i->next) {
        struct event_type t = {.description = STR(""), .profile = profile};
        struct object old;
        if (!json_as_str(json_get(i, STR("name")), &t.name))
            continue;
        json_as_str(json_get(i, STR("description")), &t.description);
        enum err e = event_type_find(call, t.name, &old);
        if (e == ERR_OK)
            continue;
        if (e != ERR_NOT_FOUND)
            return e;
        (*out)[n++] = (struct object_change){.change = OBJECT_CREATE,
                                             .object = {.id = oid_next(api->oids, call->now_ms),
                                                        .kind = OBJ_EVENT_TYPE,
                                                        .env = call->env,
                                                        .key = t.name,
                                                        .body = event_type_encode(call->arena, &t),
                                                        .created_ms = call->now_ms,
                                                        .updated_ms = call->now_ms}};
    }
    *count = n;
    return ERR_OK;
}

struct str event_type_example(struct arena *a, const struct object *type, int64_t index)
{
    struct event_type t;
    struct json *schemas;
    const struct json *example = NULL;
    if (event_type_decode(a, type, &t) != ERR_OK || t.schemas.ptr == NULL ||
        json_parse(a, t.schemas, &schemas, NULL) != ERR_OK)
        return STR_NULL;
    const struct json *last = event_type_newest(schemas);
    const struct json *list = json_get(last, STR("examples"));
    if (list != NULL && list->type == JSON_ARRAY) {
        example = list->child;
        for (int64_t i = 0; i < index && example != NULL; i++)
            example = example->next;
    } else if (index == 0) {
        example = json_get(last, STR("example"));
    }
    return example != NULL && example->type == JSON_OBJECT ? example->raw : STR_NULL;
}
