/* SPDX-License-Identifier: Apache-2.0 */
/* Types of records: what a workspace has, and those that an environment adds. */
#include "api/handler.h"
#include "api/record.h"
#include "api/routes.h"

#define TYPES_MAX 200    /* of an environment */
#define COUNT_MAX 100000 /* records, where they are counted */
#define APPS_PAGE 250

static void write_type(struct api_call *call, const struct record_type *t, struct json_writer *w)
{
    (void)call;
    json_w_object(w);
    record_type_write(t, w);
    json_w_bool_at(w, "builtin", t->builtin);
    json_w_object_end(w);
}

/* Those of an environment, by name. */
static enum err own_types(struct api_call *call, struct record_type **out, size_t *count)
{
    struct object *objects;
    struct object_query q = {.kind = OBJ_RECORD_TYPE, .env = call->env, .by_key = true, .limit = TYPES_MAX};
    size_t n = 0;
    *out = arena_zalloc(call->arena, (TYPES_MAX + 1) * sizeof **out);
    *count = 0;
    if (call->env == 0)
        return ERR_OK;
    enum err e = store_list_objects(call->reader, call->arena, &q, &objects, &n);
    for (size_t i = 0; i < n && e == ERR_OK; i++)
        e = record_type_decode(call->arena, &objects[i], &(*out)[(*count)++]);
    return e;
}

/* Built-in ones first; profile null: of all. */
static void answer_types(struct api_call *call, struct str profile)
{
    struct record_type *own;
    size_t own_count, builtin_count;
    const struct record_type *builtin = record_types_builtin(&builtin_count);
    if (!answer_ok(call, own_types(call, &own, &own_count)))
        return;
    struct json_writer w = answer(call, 200);
    json_w_object(&w);
    json_w_name(&w, STR("data"));
    json_w_array(&w);
    for (size_t i = 0; i < builtin_count + own_count; i++) {
        const struct record_type *t = i < builtin_count ? &builtin[i] : &own[i - builtin_count];
        bool fits = profile.ptr == NULL || (t->profile.ptr == NULL && !t->builtin) || str_eq(t->profile, profile);
        if (fits)
            write_type(call, t, &w);
    }
    json_w_array_end(&w);
    json_w_object_end(&w);
}

void record_type_list(struct api *api, struct api_call *call)
{
    (void)api;
    answer_types(call, STR_NULL);
}

void record_type_list_app(struct api *api, struct api_call *call)
{
    struct app app;
    if (call_app(api, call, &app))
        answer_types(call, app.profile);
}

/* One of the environment's own. False: answered. */
static bool call_own(struct api_call *call, struct object *o, struct record_type *t)
{
    enum err e = call->env == 0 ? ERR_NOT_FOUND
                                : store_find_object(call->reader, call->arena, OBJ_RECORD_TYPE, call->env, 0,
                                                    call->params[0], o);
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such type of records of this environment");
        return false;
    }
    return answer_ok(call, e) && answer_ok(call, record_type_decode(call->arena, o, t));
}

static struct str encode(struct arena *a, const struct record_type *t)
{
    struct buf out = BUF_INIT(1u << 20);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    record_type_write(t, &w);
    json_w_object_end(&w);
    CHECK(!out.overflow);
    struct str s = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return s;
}

static bool is_builtin_name(struct str name)
{
    size_t count;
    const struct record_type *all = record_types_builtin(&count);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(all[i].name, name))
            return true;
    }
    return false;
}

static bool read_type(struct api_call *call, enum field_mode mode, struct record_type *t)
{
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return false;
    record_type_read(call->arena, body, mode, t, &call->problems);
    if (is_builtin_name(t->name))
        call_problem(call, "name", "value_error", "is the name of a built-in type");
    return call_fits(call);
}

void record_type_create(struct api *api, struct api_call *call)
{
    struct record_type t = {0};
    if (!read_type(call, FIELD_CREATE, &t))
        return;
    struct object_change change = {.change = OBJECT_CREATE,
                                   .object = {.id = oid_next(api->oids, call->now_ms),
                                              .kind = OBJ_RECORD_TYPE,
                                              .env = call->env,
                                              .key = t.name,
                                              .body = encode(call->arena, &t),
                                              .created_ms = call->now_ms,
                                              .updated_ms = call->now_ms}};
    call_made(call, OBJ_RECORD_TYPE, change.object.id, 201);
    enum err e = call_commit(api, call, &change, 1, call->env, 0);
    if (e == ERR_CONFLICT) {
        answer_error(call, e, "a type of records with this name exists");
    } else if (answer_ok(call, e)) {
        struct json_writer w = answer(call, 201);
        write_type(call, &t, &w);
    }
}

void record_type_get(struct api *api, struct api_call *call)
{
    struct object o;
    struct record_type t;
    (void)api;
    if (!call_own(call, &o, &t))
        return;
    struct json_writer w = answer(call, 200);
    write_type(call, &t, &w);
}

/* Its records in all workspaces of the environment, at most COUNT_MAX, and in how many they are. */
static enum err count_records(struct api_call *call, const struct record_type *t, size_t *records, size_t *workspaces)
{
    struct object_query q = {.kind = OBJ_APP, .env = call->env, .limit = APPS_PAGE};
    size_t count = APPS_PAGE, n;
    enum err e = ERR_OK;
    *records = *workspaces = 0;
    while (e == ERR_OK && count == APPS_PAGE) {
        struct arena *a = arena_new(65536);
        struct object *apps;
        e = store_list_objects(call->reader, a, &q, &apps, &count);
        for (size_t i = 0; e == ERR_OK && i < count && *records < COUNT_MAX; i++) {
            q.after = apps[i].id;
            e = store_count_docs(call->reader, DOC_RECORD, q.after, t->ref, COUNT_MAX - *records, &n);
            *records += e == ERR_OK ? n : 0;
            *workspaces += e == ERR_OK && n > 0;
        }
        arena_free(a);
        if (*records == COUNT_MAX)
            break;
    }
    return e;
}

/* Whether there are none of it; else 409 is answered, which says how many. */
static bool has_none(struct api_call *call, const struct record_type *t, const char *what)
{
    size_t records, workspaces;
    if (!answer_ok(call, count_records(call, t, &records, &workspaces)))
        return false;
    if (records == 0)
        return true;
    struct str detail = arena_printf(call->arena, "%s%zu record%s of this type exist%s in %zu workspace%s: %s",
                                     records == COUNT_MAX ? "at least " : "", records, records == 1 ? "" : "s",
                                     records == 1 ? "s" : "", workspaces, workspaces == 1 ? "" : "s", what);
    answer_error(call, ERR_CONFLICT, arena_cstr(call->arena, detail));
    return false;
}

void record_type_put(struct api *api, struct api_call *call)
{
    struct object o;
    struct record_type t, is = {0};
    if (!call_own(call, &o, &t) || !read_type(call, FIELD_CREATE, &is))
        return;
    if (!str_eq(is.name, t.name)) {
        call_problem(call, "name", "value_error", "cannot be changed");
        call_fits(call);
        return;
    }
    if (!str_eq(is.key, t.key) && !has_none(call, &t, "they are named by the key that it has"))
        return;
    struct object_change change = {.change = OBJECT_UPDATE, .object = o, .expected_version = o.version};
    change.object.body = encode(call->arena, &is);
    change.object.updated_ms = call->now_ms;
    if (!answer_ok(call, api_commit(api, &change, 1, call->env, 0)))
        return;
    struct json_writer w = answer(call, 200);
    write_type(call, &is, &w);
}

void record_type_delete(struct api *api, struct api_call *call)
{
    struct object o;
    struct record_type t;
    if (!call_own(call, &o, &t) || !has_none(call, &t, "delete them first"))
        return;
    struct object_change change = {.change = OBJECT_DELETE, .object = o, .expected_version = o.version};
    change.object.updated_ms = call->now_ms;
    if (answer_ok(call, api_commit(api, &change, 1, call->env, 0)))
        answer_empty(call);
}
