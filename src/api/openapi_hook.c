/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each entry of `webhooks` (OpenAPI 3.1) and `x-webhooks` (before) is an event type. Its name is the entry's, or the
 * operation's id where that is no name; its schema is what the request's body has, made to stand alone. A schema that
 * differs becomes the next version; the older ones stay while there is room.
 */
#include "api/openapi_hook.h"

#include "api/bundle.h"
#include "api/message_check.h"
#include "json/number.h"
#include "json/pointer.h"

#define TYPES_MAX       5000
#define SCHEMAS_MAX     262144             /* of one event type, as event_type_fields has it */
#define TOTAL_MAX       ((size_t)16 << 20) /* of all schemas of an import */
#define EXAMPLES_MAX    20
#define DESCRIPTION_MAX 8192

static void complain(struct openapi_in *in, struct str at, const char *why)
{
    problem_add(&in->call->problems, "body", str_c(in->field), arena_str(in->call->arena, at), "value_error.openapi",
                "%s", why);
}

static const struct json *operation_of(const struct json *path)
{
    static const char *const methods[] = {"post", "put", "patch", "get", "delete"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        const struct json *op = json_get(path, str_c(methods[i]));
        if (op != NULL && op->type == JSON_OBJECT)
            return op;
    }
    return NULL;
}

static bool is_name(struct str s)
{
    return s.len > 0 && s.len <= 256 && chars_fit(CHARS_ID, s);
}

/* Follows what the member refers to, into *place. False: there is none, or a problem. */
static bool member(struct openapi_in *in, struct arena *a, const struct json *of, struct str base, const char *name,
                   struct bundle_place *place)
{
    const char *why;
    const struct json *node = json_get(of, str_c(name));
    if (node == NULL)
        return false;
    *place = (struct bundle_place){.node = node, .pointer = arena_printf(a, STR_FMT "/%s", STR_ARG(base), name)};
    if (bundle_follow(a, in->document, place, &why))
        return true;
    complain(in, place->pointer, why);
    return false;
}

static struct str escaped(struct arena *a, struct str name)
{
    struct json_step step = {.name = name};
    return json_pointer_write(a, &step); /* "/name" */
}

/* The media type that is JSON, or the first. */
static bool choose_media(struct arena *a, const struct bundle_place *content, struct bundle_place *out)
{
    const struct json *best = NULL;
    for (const struct json *m = content->node->child; m != NULL; m = m->next) {
        bool json = str_starts(m->name, STR("application/json")) || str_ends(m->name, STR("+json"));
        if (best == NULL || (json && !str_starts(best->name, STR("application/json"))))
            best = m;
    }
    if (best == NULL || content->node->type != JSON_OBJECT)
        return false;
    *out = (struct bundle_place){
            .node = best,
            .pointer = arena_printf(a, STR_FMT STR_FMT, STR_ARG(content->pointer), STR_ARG(escaped(a, best->name)))};
    return true;
}

/* `example` and `examples` beside the schema. */
static size_t read_examples(struct openapi_in *in, struct arena *a, const struct bundle_place *media, struct str *out)
{
    size_t n = 0;
    const struct json *one = json_get(media->node, STR("example")), *many = json_get(media->node, STR("examples"));
    if (one != NULL)
        out[n++] = one->raw;
    for (const struct json *m = many != NULL && many->type == JSON_OBJECT ? many->child : NULL;
         m != NULL && n < EXAMPLES_MAX; m = m->next) {
        struct bundle_place place = {.node = m};
        const char *why;
        const struct json *value = bundle_follow(a, in->document, &place, &why) ? json_get(place.node, STR("value"))
                                                                                : NULL;
        if (value != NULL)
            out[n++] = value->raw;
    }
    return n;
}

/* The schema of the request's body as text in the call's arena; the null str: there is none. */
static struct str read_schema(struct openapi_in *in, struct arena *a, const struct bundle_place *op,
                              struct str *description)
{
    struct bundle_place body, content, media, schema;
    struct str examples[EXAMPLES_MAX], at;
    const char *why;
    if (!member(in, a, op->node, op->pointer, "requestBody", &body))
        return STR_NULL;
    if (description->ptr == NULL)
        json_as_str(json_get(body.node, STR("description")), description);
    if (!member(in, a, body.node, body.pointer, "content", &content) || !choose_media(a, &content, &media) ||
        !member(in, a, media.node, media.pointer, "schema", &schema))
        return STR_NULL;
    struct buf out = BUF_INIT(SCHEMAS_MAX - 64);
    struct str text = STR_NULL;
    size_t n = read_examples(in, a, &media, examples);
    if (bundle_write(a, in->document, &schema, examples, n, &out, &at, &why))
        text = arena_str(in->call->arena, buf_str(&out));
    else
        complain(in, schema.pointer, arena_cstr(a, arena_printf(a, "%s: " STR_FMT, why, STR_ARG(str_take(at, 200)))));
    buf_fini(&out);
    in->total += text.len;
    if (in->total > TOTAL_MAX && in->total - text.len <= TOTAL_MAX)
        call_problem(in->call, in->field, "value_error.max_length", "its schemas are too large together");
    return in->total <= TOTAL_MAX ? text : STR_NULL;
}

static bool same_schema(const struct json *a, struct arena *arena, struct str text)
{
    struct json *b;
    size_t steps = 1000000;
    return a != NULL && json_parse(arena, text, &b, NULL) == ERR_OK && json_equal(a, b, &steps);
}

/* With the schema as the newest version; what is oldest goes when there is no room. */
static struct str next_version(struct api_call *call, struct arena *a, struct str schemas, struct str schema)
{
    struct json *tree = NULL;
    if (schemas.ptr != NULL && json_parse(a, schemas, &tree, NULL) != ERR_OK)
        tree = NULL;
    const struct json *newest = tree != NULL ? event_type_newest(tree) : NULL;
    if (same_schema(newest, a, schema))
        return schemas;
    uint64_t number = 0;
    if (newest != NULL && str_to_u64(newest->name, &number) != ERR_OK)
        number = tree->count;
    size_t skip = 0, size = schemas.len + schema.len + 32;
    const struct json *m = tree != NULL ? tree->child : NULL;
    for (; m != NULL && size - skip > SCHEMAS_MAX; m = m->next)
        skip += m->raw.len + m->name.len;
    struct buf out = BUF_INIT(2 * SCHEMAS_MAX);
    struct json_writer w = json_writer(&out);
    json_w_object(&w);
    for (; m != NULL; m = m->next) {
        json_w_name(&w, m->name);
        json_w_raw(&w, m->raw);
    }
    json_w_name(&w, arena_printf(a, "%llu", (unsigned long long)number + 1));
    json_w_raw(&w, schema);
    json_w_object_end(&w);
    struct str text = arena_str(call->arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

/* x-svix-… of the operation, else of the path. */
static const struct json *extension(const struct json *op, const struct json *path, const char *name)
{
    const struct json *found = json_get(op, str_c(name));
    return found != NULL ? found : json_get(path, str_c(name));
}

static void read_flags(struct openapi_in *in, const struct json *op, const struct json *path, struct event_type *t)
{
    const struct json *list = extension(op, path, "x-svix-feature-flags");
    struct str one, *names;
    size_t n = 0;
    if (json_as_str(extension(op, path, "x-svix-group-name"), &one) && is_name(one))
        t->group_name = one;
    if (json_as_str(extension(op, path, "x-svix-feature-flag"), &one) && is_name(one))
        t->feature_flag = one;
    if (list == NULL || list->type != JSON_ARRAY || list->count > 50)
        return;
    names = arena_alloc(in->call->arena, (list->count + 1) * sizeof *names);
    for (const struct json *item = list->child; item != NULL; item = item->next) {
        if (json_as_str(item, &names[n]) && is_name(names[n]))
            n++;
    }
    t->feature_flags = n > 0 ? names : NULL;
    t->feature_flag_count = n;
}

/* Not within a character. */
static struct str shortened(struct str s)
{
    for (s = str_take(s, DESCRIPTION_MAX); s.len > 0 && !str_is_utf8(s);)
        s.len--;
    return s;
}

/* What the document says over what is there. */
static enum err make_type(struct openapi_in *in, struct arena *a, struct str name, const struct json *path,
                          const struct bundle_place *op)
{
    struct openapi_item *item = &in->items[in->count];
    struct str description = STR_NULL;
    *item = (struct openapi_item){.changed = true};
    struct event_type *t = &item->type;
    enum err e = event_type_find(in->call, name, &item->old);
    if (e == ERR_OK)
        e = event_type_decode(in->call->arena, &item->old, t);
    else if (e == ERR_NOT_FOUND)
        e = ERR_OK;
    if (e != ERR_OK)
        return e;
    if (!json_as_str(json_get(op->node, STR("description")), &description))
        json_as_str(json_get(op->node, STR("summary")), &description);
    struct str schema = read_schema(in, a, op, &description);
    t->name = name;
    t->archived = false;
    t->deprecated = false;
    json_as_bool(json_get(op->node, STR("deprecated")), &t->deprecated);
    if (description.ptr != NULL)
        t->description = shortened(description);
    else if (t->description.ptr == NULL)
        t->description = STR("");
    read_flags(in, op->node, path, t);
    if (schema.ptr != NULL)
        t->schemas = next_version(in->call, a, t->schemas, schema);
    if (t->validate)
        schemas_check(in->call->arena, t->schemas, &in->call->problems);
    item->changed = item->old.id == 0 || !str_eq(item->old.body, event_type_encode(in->call->arena, t));
    in->count++;
    return ERR_OK;
}

static bool is_known(const struct openapi_in *in, struct str name)
{
    for (size_t i = 0; i < in->count; i++) {
        if (str_eq(in->items[i].type.name, name))
            return true;
    }
    return false;
}

static enum err take_webhook(struct openapi_in *in, struct arena *a, const char *list, const struct json *hook)
{
    struct bundle_place path = {.node = hook,
                                .pointer = arena_printf(a, "/%s" STR_FMT, list, STR_ARG(escaped(a, hook->name)))};
    const char *why;
    struct str name = hook->name;
    if (!bundle_follow(a, in->document, &path, &why)) {
        complain(in, path.pointer, why);
        return ERR_OK;
    }
    struct bundle_place op = {.node = operation_of(path.node)};
    if (op.node == NULL) {
        complain(in, path.pointer, "has no operation such as post");
        return ERR_OK;
    }
    op.pointer = arena_printf(a, STR_FMT "/" STR_FMT, STR_ARG(path.pointer), STR_ARG(op.node->name));
    if (!is_name(name))
        json_as_str(json_get(op.node, STR("operationId")), &name);
    if (!is_name(name) || is_known(in, name)) {
        complain(in, path.pointer,
                 is_name(name) ? "is there twice"
                               : "has no name for an event type: letters, digits, '-', '_' and '.', as its name or "
                                 "operationId");
        return ERR_OK;
    }
    return make_type(in, a, name, path.node, &op);
}

enum err openapi_hooks_read(struct openapi_in *in)
{
    static const char *const lists[] = {"webhooks", "x-webhooks"};
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const struct json *list = json_get(in->document, str_c(lists[i]));
        count += list != NULL && list->type == JSON_OBJECT ? list->count : 0;
    }
    if (count == 0 || count > TYPES_MAX) {
        call_problem(in->call, in->field, "value_error.openapi",
                     count == 0 ? "has no webhooks: they are under `webhooks` or `x-webhooks`"
                                : "has too many webhooks");
        return ERR_OK;
    }
    in->items = arena_alloc(in->call->arena, count * sizeof *in->items);
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        const struct json *list = json_get(in->document, str_c(lists[i]));
        const struct json *hook = list != NULL && list->type == JSON_OBJECT ? list->child : NULL;
        for (; hook != NULL; hook = hook->next) {
            struct arena *a = arena_new(16384);
            enum err e = take_webhook(in, a, lists[i], hook);
            arena_free(a);
            if (e != ERR_OK)
                return e;
        }
    }
    return ERR_OK;
}
