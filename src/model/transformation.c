/* SPDX-License-Identifier: Apache-2.0 */
#include "model/transformation.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "json/tree.h"
#include "json/write.h"

#define STORED_BYTES_MAX (4u << 20)

static struct str seal_identity(oid_t id, char text[24])
{
    int n = snprintf(text, 24, "%" PRId64, id);
    return str_of(text, (size_t)n);
}

enum err transformation_decode(struct arena *a, const struct keyring *keys, const struct object *o,
                               struct transformation *out)
{
    struct json *body;
    if (json_parse(a, o->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    struct transformation t = {.id = o->id, .env = o->env, .app = o->app, .created_ms = o->created_ms};
    (void)json_as_str(json_get(body, STR("code")), &t.code);
    if (o->sealed.ptr != NULL) {
        char id[24];
        struct buf plain = BUF_INIT(STORED_BYTES_MAX);
        enum err e = keyring_open(keys, o->sealed, seal_identity(o->id, id), &plain);
        if (e == ERR_OK)
            t.variables = arena_str(a, buf_str(&plain));
        mem_free_secret(plain.ptr, plain.len);
        if (e != ERR_OK)
            return ERR_INVALID;
    }
    *out = t;
    return ERR_OK;
}

void transformation_encode(struct arena *a, const struct keyring *keys, const struct transformation *t,
                           struct object *out)
{
    struct buf body = BUF_INIT(STORED_BYTES_MAX), sealed = BUF_INIT(STORED_BYTES_MAX);
    struct json_writer w = json_writer(&body);
    char id[24];
    json_w_object(&w);
    json_w_opt_str_at(&w, "code", t->code);
    json_w_object_end(&w);
    if (t->variables.ptr != NULL)
        keyring_seal(keys, t->variables, seal_identity(t->id, id), &sealed);
    CHECK(!body.overflow && !sealed.overflow);
    *out = (struct object){.id = t->id,
                           .kind = OBJ_TRANSFORMATION,
                           .env = t->env,
                           .app = t->app,
                           .body = arena_str(a, buf_str(&body)),
                           .sealed = t->variables.ptr != NULL ? arena_str(a, buf_str(&sealed)) : STR_NULL,
                           .created_ms = t->created_ms,
                           .updated_ms = t->created_ms};
    buf_fini(&body);
    buf_fini(&sealed);
}
