/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles of an environment. A change makes a new version; what was accepted under an older one keeps it. The rows
 * that the program brings along can be edited (it then leaves them alone) but not deleted. Known senders are verified
 * by rows of their own (signing/providers.c), so nothing that would be verified otherwise may have their names.
 */
#include "api/application.h"
#include "api/env.h"
#include "api/env_settings.h"
#include "api/profile_use.h"
#include "api/routes.h"
#include "incoming/dedupe.h"
#include "signing/profile_incoming.h"

struct found {
    struct object object;
    struct env_profile is;
    struct object version;
};

static enum err load(struct api_call *call, const struct object *o, struct found *f)
{
    f->object = *o;
    enum err e = env_profile_read(call->arena, o, &f->is);
    return e == ERR_OK ? store_get_object(call->reader, call->arena, OBJ_PROFILE_VERSION, f->is.current, &f->version)
                       : e;
}

static bool find(struct api_call *call, struct found *f)
{
    struct object o;
    struct str name = call->params[0];
    enum err e = name.len <= 64 ? store_find_object(call->reader, call->arena, OBJ_PROFILE, call->env, 0, name, &o)
                                : ERR_NOT_FOUND;
    if (e == ERR_NOT_FOUND) {
        answer_error(call, e, "no such profile");
        return false;
    }
    return answer_ok(call, e) && answer_ok(call, load(call, &o, f));
}

static void write_profile(const struct api *api, struct api_call *call, const struct found *f, struct json_writer *w)
{
    struct json *row;
    json_w_object(w);
    if (json_parse(call->arena, f->version.body, &row, NULL) == ERR_OK) {
        for (const struct json *m = row->child; m != NULL; m = m->next) {
            json_w_name(w, m->name);
            json_w_raw(w, m->raw);
        }
    }
    json_w_str_at(w, "version", api_id(api, call, f->is.current, "profv_"));
    json_w_bool_at(w, "builtin", f->is.builtin);
    json_w_time_at(w, "createdAt", f->object.created_ms);
    json_w_time_at(w, "updatedAt", f->object.updated_ms);
    json_w_object_end(w);
}

static void answer_profile(const struct api *api, struct api_call *call, int status, const struct found *f)
{
    struct json_writer w = answer(call, status);
    write_profile(api, call, f, &w);
}

/* What an answer adds to a row, so that an answer can be sent back. */
static bool is_answer_only(struct str name)
{
    static const char *const names[] = {"version", "builtin", "createdAt", "updatedAt"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(name, str_c(names[i])))
            return true;
    }
    return false;
}

static const struct api_profile_row *find_row(const struct api *api, struct str name)
{
    for (size_t i = 0; i < api->row_count; i++) {
        if (str_eq(name, api->rows[i].name))
            return &api->rows[i];
    }
    return NULL;
}

/* What would hold for requests that nobody verifies by this row. */
static void check_verify(struct api_call *call, struct str name, const struct json *verify)
{
    if (verify != NULL && verify->count > 0 && provider_find(name) != NULL)
        call_problem(call, "verify", "value_error",
                     "requests of \"" STR_FMT "\" are verified as that sender, which is known, signs them; "
                     "leave this out, or choose another name",
                     STR_ARG(name));
}

/* The row of a body, compact, under the name of the path if there is one. NULL str: answered. */
static struct str read_row(struct api_call *call, struct str path_name, struct str *name)
{
    const struct json *body = call_json(call, false);
    if (body == NULL)
        return STR_NULL;
    *name = path_name;
    if (path_name.ptr == NULL && !json_as_str(json_get(body, STR("name")), name))
        call_problem(call, "name", "value_error.missing", "is missing");
    check_verify(call, *name, json_get(body, STR("verify")));
    struct buf out = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    json_w_opt_str_at(&w, "name", *name);
    for (const struct json *m = body->child; m != NULL; m = m->next) {
        if (is_answer_only(m->name) || str_eq(m->name, STR("name")))
            continue;
        json_w_name(&w, m->name);
        json_w_raw(&w, m->raw);
    }
    json_w_object_end(&w);
    struct str row = arena_str(call->arena, buf_str(&out)), path, why;
    if (out.overflow)
        call_problem(call, "name", "value_error.max_length", "the row is too large");
    buf_fini(&out);
    struct profile *parsed;
    if (call->problems.count == 0) {
        if (profile_parse(call->arena, row, &parsed, &path, &why) == ERR_OK) {
            const char *dedupe_why = dedupe_check_row(call->arena, parsed);
            if (dedupe_why != NULL)
                call_problem(call, "verify.dedupe", "value_error", "%s", dedupe_why);
            profile_free(parsed);
        } else {
            problem_add(&call->problems, "body", path, STR_NULL, "value_error", STR_FMT, STR_ARG(why));
        }
    }
    return call_fits(call) ? row : STR_NULL;
}

/* Writes a new version, and the profile (old NULL: new) that points to it. */
static void save(struct api *api, struct api_call *call, const struct object *old, struct str name, struct str row)
{
    struct object base = {.env = call->env, .created_ms = call->now_ms, .updated_ms = call->now_ms};
    if (old == NULL && provider_find(name) != NULL && find_row(api, name) == NULL) {
        call_problem(call, "name", "value_error", "this is the name of a known sender, which would be meant by it");
        call_fits(call);
        return;
    }
    struct object_change two[2] = {{.change = OBJECT_CREATE, .object = base},
                                   {.change = old != NULL ? OBJECT_UPDATE : OBJECT_CREATE, .object = base}};
    two[0].object.kind = OBJ_PROFILE_VERSION;
    two[0].object.id = oid_next(api->oids, call->now_ms);
    two[0].object.body = row;
    if (old != NULL) {
        two[1].object = *old;
        two[1].expected_version = old->version;
        two[1].object.updated_ms = call->now_ms;
    } else {
        two[1].object.id = oid_next(api->oids, call->now_ms);
        two[1].object.kind = OBJ_PROFILE;
        two[1].object.key = name;
    }
    two[1].object.body = env_profile_body(call->arena, two[0].object.id, false);
    call_made(call, OBJ_PROFILE, two[1].object.id, 201);
    enum err e = call_commit(api, call, two, 2, call->env, 0);
    if (e == ERR_CONFLICT) {
        answer_error(call, e, "a profile of this name exists");
    } else if (answer_ok(call, e)) {
        struct found f = {.object = two[1].object, .is = {.current = two[0].object.id}, .version = two[0].object};
        answer_profile(api, call, old != NULL ? 200 : 201, &f);
    }
}

void profile_create(struct api *api, struct api_call *call)
{
    struct str name, row = read_row(call, STR_NULL, &name);
    if (row.ptr != NULL)
        save(api, call, NULL, name, row);
}

void profile_get(struct api *api, struct api_call *call)
{
    struct found f;
    if (find(call, &f))
        answer_profile(api, call, 200, &f);
}

void profile_put(struct api *api, struct api_call *call)
{
    struct object old;
    struct str name, row = read_row(call, call->params[0], &name);
    if (row.ptr == NULL)
        return;
    enum err e = store_find_object(call->reader, call->arena, OBJ_PROFILE, call->env, 0, name, &old);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        answer_error(call, e, NULL);
    else
        save(api, call, e == ERR_OK ? &old : NULL, name, row);
}

/* One that Postrider brings along goes back to what it was, for what is accepted from now on. */
static void restore(struct api *api, struct api_call *call, const struct found *f, const struct api_profile_row *row)
{
    struct env_settings s;
    struct object_change two[2];
    if (f->is.builtin) {
        answer_error(call, ERR_CONFLICT, "the profiles that Postrider brings along stay, and this one is unchanged");
        return;
    }
    if (!answer_ok(call, env_settings_own(api, call, &s)))
        return;
    struct str wanted = env_profile_wanted(call->arena, row, env_settings_plain(&s));
    env_profile_replace(api, call->arena, &f->object, wanted, true, call->now_ms, two);
    if (answer_ok(call, call_commit(api, call, two, 2, call->env, 0)))
        answer_empty(call);
}

void profile_delete(struct api *api, struct api_call *call)
{
    struct found f;
    bool used;
    if (!find(call, &f))
        return;
    const struct api_profile_row *row = find_row(api, f.object.key);
    if (row != NULL) {
        restore(api, call, &f, row);
        return;
    }
    if (!answer_ok(call, profile_in_use(call, f.object.key, &used)))
        return;
    if (used) {
        answer_error(call, ERR_CONFLICT, "applications or endpoints use this profile");
        return;
    }
    struct object_change change = {.change = OBJECT_DELETE, .object = f.object, .expected_version = f.object.version};
    change.object.updated_ms = call->now_ms;
    if (answer_ok(call, call_commit(api, call, &change, 1, call->env, 0)))
        answer_empty(call);
}

static void write_item(const struct api *api, struct api_call *call, const void *items, size_t i, struct json_writer *w)
{
    write_profile(api, call, (const struct found *)items + i, w);
}

static struct str name_item(const struct api *api, struct api_call *call, const void *items, size_t i)
{
    (void)api;
    (void)call;
    return ((const struct found *)items)[i].object.key;
}

void profile_list(struct api *api, struct api_call *call)
{
    struct page page;
    struct object *objects;
    size_t count;
    if (!page_read(api, call, NULL, PAGE_ASCENDING, &page))
        return;
    struct object_query q = {.kind = OBJ_PROFILE,
                             .env = call->env,
                             .by_key = true,
                             .descending = page_asks_descending(&page),
                             .after_key = page.at_name,
                             .limit = page.limit + 1};
    if (!answer_ok(call, store_list_objects(call->reader, call->arena, &q, &objects, &count)))
        return;
    struct found *found = arena_alloc(call->arena, (count + 1) * sizeof *found);
    for (size_t i = 0; i < count; i++) {
        if (!answer_ok(call, load(call, &objects[i], &found[i])))
            return;
    }
    answer_page(api, call, &(struct page_items){&page, count, found, write_item, name_item});
}
