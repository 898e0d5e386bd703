/* SPDX-License-Identifier: Apache-2.0 */
/* The description for programs: OpenAPI 3.0.3, https://spec.openapis.org/oas/v3.0.3. */
#include <stdio.h>

#include "api/describe.h"
#include "api/routes.h"

#define REF "#/components/schemas/"

static void write_ref(struct str name, struct json_writer *w)
{
    char path[96];
    snprintf(path, sizeof path, REF STR_FMT, STR_ARG(name));
    CHECK(str_eq(name, STR("any")) || schema_find(name) != NULL);
    json_w_str_at(w, "$ref", str_c(path));
}

/* Members of a schema object. */
static void write_type(struct str type, struct json_writer *w)
{
    static const struct {
        const char *name, *type, *format;
    } plain[] = {{"string", "string", NULL}, {"time", "string", "date-time"}, {"int", "integer", "int64"},
                 {"number", "number", NULL}, {"bool", "boolean", NULL},       {"object", "object", NULL}};
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        if (!str_eq(type, str_c(plain[i].name)))
            continue;
        json_w_str_at(w, "type", str_c(plain[i].type));
        if (plain[i].format != NULL)
            json_w_str_at(w, "format", str_c(plain[i].format));
        return;
    }
    if (str_eq(type, STR("any")))
        return;
    if (str_eq(type, STR("strings"))) {
        json_w_str_at(w, "type", STR("object"));
        json_w_raw_at(w, "additionalProperties", STR("{\"type\":\"string\"}"));
    } else if (type.ptr[0] == '[') {
        json_w_str_at(w, "type", STR("array"));
        json_w_name(w, STR("items"));
        json_w_object(w);
        write_type(str_of(type.ptr + 1, type.len - 2), w);
        json_w_object_end(w);
    } else {
        write_ref(type, w);
    }
}

static void write_chars(enum field_chars chars, struct json_writer *w)
{
    static const char *const patterns[] = {[CHARS_ANY] = NULL,
                                           [CHARS_ID] = "^[A-Za-z0-9_.-]*$",
                                           [CHARS_CHANNEL] = "^[A-Za-z0-9_.:+-]*$",
                                           [CHARS_TAG] = "^[A-Za-z0-9_.:+/\\\\#-]*$"};
    if (patterns[chars] != NULL)
        json_w_str_at(w, "pattern", str_c(patterns[chars]));
}

static void write_bounds(const char *min, const char *max, int64_t lo, int64_t hi, struct json_writer *w)
{
    if (lo != 0)
        json_w_i64_at(w, min, lo);
    if (hi != 0)
        json_w_i64_at(w, max, hi);
}

static const char *type_of(enum field_kind kind)
{
    static const char *const types[] = {
            [FIELD_TEXT] = "string",      [FIELD_BOOL] = "bool",     [FIELD_INT] = "int",
            [FIELD_MS] = "int",           [FIELD_TIME] = "time",     [FIELD_NAMES] = "[string]",
            [FIELD_SECONDS] = "[number]", [FIELD_OBJECT] = "object", [FIELD_STRINGS] = "strings",
            [FIELD_HEADERS] = "strings"};
    return types[kind];
}

static void write_field(const struct field *f, struct json_writer *w)
{
    if (f->kind != FIELD_NAMES) {
        write_type(str_c(type_of(f->kind)), w);
    } else {
        json_w_str_at(w, "type", STR("array"));
        json_w_name(w, STR("items"));
        json_w_object(w);
        json_w_str_at(w, "type", STR("string"));
        write_bounds("", "maxLength", 0, f->item_max, w);
        write_chars(f->chars, w);
        json_w_object_end(w);
    }
    if (f->kind == FIELD_TEXT)
        write_bounds("minLength", "maxLength", f->min, f->max, w);
    if (f->kind == FIELD_INT || f->kind == FIELD_MS)
        write_bounds("minimum", "maximum", f->min, f->max, w);
    if (f->kind == FIELD_NAMES || f->kind == FIELD_SECONDS)
        write_bounds("minItems", "maxItems", f->min, f->max, w);
    if (f->kind == FIELD_TEXT)
        write_chars(f->chars, w);
}

static void write_property(const struct property *p, struct json_writer *w)
{
    bool is_ref = p->field == NULL && p->type.ptr[0] >= 'A' && p->type.ptr[0] <= 'Z';
    json_w_name(w, p->name);
    json_w_object(w);
    if (is_ref && p->nullable) {
        json_w_name(w, STR("allOf"));
        json_w_array(w);
        json_w_object(w);
        write_ref(p->type, w);
        json_w_object_end(w);
        json_w_array_end(w);
    } else if (p->field != NULL) {
        write_field(p->field, w);
    } else {
        write_type(p->type, w);
    }
    if (p->nullable)
        json_w_bool_at(w, "nullable", true);
    json_w_object_end(w);
}

static void write_schema(const struct schema *s, struct json_writer *w)
{
    struct property_walk walk = schema_walk(s);
    struct property p;
    bool any = false;
    json_w_name(w, str_c(s->name));
    json_w_object(w);
    json_w_str_at(w, "type", STR("object"));
    json_w_name(w, STR("properties"));
    json_w_object(w);
    while (schema_next(&walk, &p)) {
        write_property(&p, w);
        any = any || p.required;
    }
    json_w_object_end(w);
    if (any) {
        json_w_name(w, STR("required"));
        json_w_array(w);
        for (walk = schema_walk(s); schema_next(&walk, &p);) {
            if (p.required)
                json_w_str(w, p.name);
        }
        json_w_array_end(w);
    }
    json_w_object_end(w);
}

static void write_parameter(struct str name, const char *in, const char *type, const char *text, struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "name", name);
    json_w_str_at(w, "in", str_c(in));
    if (strcmp(in, "path") == 0)
        json_w_bool_at(w, "required", true);
    if (text != NULL)
        json_w_str_at(w, "description", str_c(text));
    json_w_name(w, STR("schema"));
    json_w_object(w);
    write_type(str_c(type), w);
    json_w_object_end(w);
    json_w_object_end(w);
}

static void write_parameters(const struct route *r, const struct description *d, struct json_writer *w)
{
    struct str path = str_skip(str_c(d->pattern), 1), query = str_c(d->query != NULL ? d->query : "");
    const struct query_parameter *q;
    json_w_name(w, STR("parameters"));
    json_w_array(w);
    while (path.len > 0) {
        struct str part = str_split(&path, '/');
        if (part.len > 2 && part.ptr[0] == '{')
            write_parameter(str_of(part.ptr + 1, part.len - 2), "path", "string", NULL, w);
    }
    while ((q = query_parameter_next(&query)) != NULL)
        write_parameter(str_c(q->name), "query", q->type, q->text, w);
    if (d->method == HTTP_M_POST && (r->flags & ROUTE_PUBLIC) == 0)
        write_parameter(STR("idempotency-key"), "header", "string",
                        "The same key gets the first answer again, for twelve hours", w);
    json_w_array_end(w);
}

/* A body that is a file. */
static void write_file(struct json_writer *w)
{
    static const char *const types[] = {"text/csv", "application/x-ndjson"};
    json_w_name(w, STR("content"));
    json_w_object(w);
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        json_w_raw_at(w, types[i], STR("{\"schema\":{\"type\":\"string\"}}"));
    json_w_object_end(w);
}

static void write_content(const char *type, struct json_writer *w)
{
    struct str name = str_c(type);
    json_w_name(w, STR("content"));
    json_w_object(w);
    json_w_name(w, STR("application/json"));
    json_w_object(w);
    json_w_name(w, STR("schema"));
    json_w_object(w);
    if (type[0] == '[') {
        json_w_str_at(w, "type", STR("object"));
        json_w_name(w, STR("properties"));
        json_w_object(w);
        json_w_name(w, STR("data"));
        json_w_object(w);
        write_type(name, w);
        json_w_object_end(w);
        json_w_raw_at(w, "iterator", STR("{\"type\":\"string\",\"nullable\":true}"));
        json_w_raw_at(w, "prevIterator", STR("{\"type\":\"string\",\"nullable\":true}"));
        json_w_raw_at(w, "done", STR("{\"type\":\"boolean\"}"));
        json_w_object_end(w);
        json_w_raw_at(w, "required", STR("[\"data\",\"iterator\",\"prevIterator\",\"done\"]"));
    } else {
        write_type(name, w);
    }
    json_w_object_end(w);
    json_w_object_end(w);
    json_w_object_end(w);
}

static void write_answer(const char *status, const char *text, const char *type, struct json_writer *w)
{
    json_w_name(w, str_c(status));
    json_w_object(w);
    json_w_str_at(w, "description", str_c(text));
    if (type != NULL)
        write_content(type, w);
    json_w_object_end(w);
}

static void write_operation(const struct route *r, const struct description *d, struct json_writer *w)
{
    char status[16];
    snprintf(status, sizeof status, "%d", d->status);
    json_w_object(w);
    json_w_str_at(w, "operationId", str_c(d->id));
    json_w_str_at(w, "summary", str_c(d->summary));
    json_w_name(w, STR("tags"));
    json_w_array(w);
    json_w_str(w, description_group(d));
    json_w_array_end(w);
    write_parameters(r, d, w);
    if (d->in != NULL) {
        json_w_name(w, STR("requestBody"));
        json_w_object(w);
        if (strcmp(d->in, "file") == 0)
            write_file(w);
        else
            write_content(d->in, w);
        json_w_object_end(w);
    }
    json_w_name(w, STR("responses"));
    json_w_object(w);
    write_answer(status, "Done", d->out, w);
    snprintf(status, sizeof status, "%d", d->also);
    if (d->also != 0)
        write_answer(status, "Created", d->out, w);
    if (d->in != NULL || d->query != NULL)
        write_answer("422", "Something does not fit", "ValidationError", w);
    write_answer("default", "An error", "Error", w);
    json_w_object_end(w);
    json_w_raw_at(w, "security", (r->flags & ROUTE_PUBLIC) != 0 ? STR("[]") : STR("[{\"token\":[]}]"));
    json_w_object_end(w);
}

/* Operations of one path stand together; the first route of a path brings them all. */
static void write_path(size_t first, struct json_writer *w)
{
    static const char *const names[] = {[HTTP_M_GET] = "get",
                                        [HTTP_M_POST] = "post",
                                        [HTTP_M_PUT] = "put",
                                        [HTTP_M_PATCH] = "patch",
                                        [HTTP_M_DELETE] = "delete"};
    const char *pattern = api_routes[first].pattern;
    for (size_t i = 0; i < first; i++) {
        if (strcmp(api_routes[i].pattern, pattern) == 0)
            return;
    }
    json_w_name(w, str_c(pattern));
    json_w_object(w);
    for (size_t i = first; i < api_route_count; i++) {
        const struct description *d = description_of(&api_routes[i]);
        if (strcmp(api_routes[i].pattern, pattern) != 0 || d == NULL)
            continue;
        json_w_name(w, str_c(names[d->method]));
        write_operation(&api_routes[i], d, w);
    }
    json_w_object_end(w);
}

void openapi_write(struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "openapi", STR("3.0.3"));
    json_w_raw_at(w, "info", STR("{\"title\":\"Postrider\",\"version\":\"1\"}"));
    json_w_name(w, STR("paths"));
    json_w_object(w);
    for (size_t i = 0; i < api_route_count; i++)
        write_path(i, w);
    json_w_object_end(w);
    json_w_name(w, STR("components"));
    json_w_object(w);
    json_w_name(w, STR("schemas"));
    json_w_object(w);
    for (size_t i = 0; i < api_schema_count; i++)
        write_schema(&api_schemas[i], w);
    json_w_object_end(w);
    json_w_raw_at(w, "securitySchemes", STR("{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}}"));
    json_w_object_end(w);
    json_w_object_end(w);
}

void openapi_get(struct api *api, struct api_call *call)
{
    (void)api;
    struct json_writer w = answer(call, 200);
    openapi_write(&w);
}
