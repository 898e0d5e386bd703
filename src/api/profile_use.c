/* SPDX-License-Identifier: Apache-2.0 */
#include "api/profile_use.h"

#define PAGE 250

/* Whether the body's "profile" is this name. */
static bool names_it(struct arena *a, const struct object *o, struct str name)
{
    struct json *body;
    struct str text;
    return json_parse(a, o->body, &body, NULL) == ERR_OK && json_as_str(json_get(body, STR("profile")), &text) &&
           str_eq(text, name);
}

/* Looks through all objects of a kind; for each workspace also through its endpoints. */
static enum err look(struct api_call *call, enum object_kind kind, oid_t app, struct str name, bool *used)
{
    oid_t after = 0;
    size_t n = 0;
    do {
        struct arena *a = arena_new(65536);
        struct object *page = NULL;
        struct object_query q = {.kind = kind, .env = call->env, .app = app, .after = after, .limit = PAGE};
        enum err e = store_list_objects(call->reader, a, &q, &page, &n);
        for (size_t i = 0; e == ERR_OK && i < n && !*used; i++) {
            after = page[i].id;
            *used = names_it(a, &page[i], name);
            if (!*used && kind == OBJ_APP)
                e = look(call, OBJ_ENDPOINT, page[i].id, name, used);
        }
        arena_free(a);
        if (e != ERR_OK)
            return e;
    } while (n == PAGE && !*used);
    return ERR_OK;
}

enum err profile_in_use(struct api_call *call, struct str name, bool *used)
{
    *used = false;
    return look(call, OBJ_APP, 0, name, used);
}
