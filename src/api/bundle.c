/* SPDX-License-Identifier: Apache-2.0 */
#include "api/bundle.h"

#include "api/handler.h"
#include "json/pointer.h"
#include "json/write.h"

#define FOLLOW_MAX      32
#define DEFINITIONS_MAX 1000

struct definition {
    struct bundle_place place;
    struct str name;
};

struct bundle {
    struct arena *arena;
    const struct json *document;
    struct bundle_place root;
    const struct json *own; /* the root's own $defs, or NULL */
    struct str into;        /* of bundle_embed: where it goes; else null */
    struct definition *definitions;
    size_t count;
    struct json_writer w;
    const char *why; /* NULL: all is well */
    struct str at;
};

/* "#/a/b" → the pointer "/a/b". */
static bool local_pointer(struct arena *a, struct str ref, struct str *pointer, const char **why)
{
    *why = "refers to another document";
    if (!str_starts(ref, STR("#")))
        return false;
    *why = "is not a reference";
    return text_decode(a, str_skip(ref, 1), false, pointer) && (pointer->len == 0 || pointer->ptr[0] == '/');
}

bool bundle_follow(struct arena *a, const struct json *document, struct bundle_place *place, const char **why)
{
    for (int i = 0; i < FOLLOW_MAX; i++) {
        struct str ref;
        if (place->node->type != JSON_OBJECT || place->node->count != 1 ||
            !json_as_str(json_get(place->node, STR("$ref")), &ref))
            return true;
        if (!local_pointer(a, ref, &place->pointer, why))
            return false;
        const struct json *node = json_pointer_follow(a, document, place->pointer);
        *why = "refers to what is not there";
        if (node == NULL)
            return false;
        place->node = node;
    }
    *why = "refers to itself";
    return false;
}

static void fail(struct bundle *b, struct str at, const char *why)
{
    if (b->why == NULL) {
        b->why = why;
        b->at = at;
    }
}

static bool is_taken(const struct bundle *b, struct str name)
{
    for (size_t i = 0; i < b->count; i++) {
        if (str_eq(b->definitions[i].name, name))
            return true;
    }
    return json_get(b->own, name) != NULL;
}

/* After the last part of its pointer, with what a reference may hold. */
static struct str new_name(const struct bundle *b, struct str pointer)
{
    size_t from = pointer.len;
    while (from > 0 && pointer.ptr[from - 1] != '/')
        from--;
    struct str part = str_take(str_skip(pointer, from), 100);
    char *text = arena_alloc(b->arena, part.len + 1);
    for (size_t i = 0; i < part.len; i++)
        text[i] = chars_fit(CHARS_ID, str_of(part.ptr + i, 1)) ? part.ptr[i] : '_';
    text[part.len] = '\0';
    struct str base = part.len > 0 ? str_of(text, part.len) : STR("root"), name = base;
    for (unsigned n = 2; is_taken(b, name); n++)
        name = arena_printf(b->arena, STR_FMT "_%u", STR_ARG(base), n);
    return name;
}

/* Where a reference points to in what is written. */
static struct str moved(struct bundle *b, struct str ref)
{
    struct bundle_place place = {0};
    const char *why;
    if (b->into.ptr != NULL)
        return str_starts(ref, STR("#"))
                       ? arena_printf(b->arena, "#" STR_FMT STR_FMT, STR_ARG(b->into), STR_ARG(str_skip(ref, 1)))
                       : ref;
    if (!local_pointer(b->arena, ref, &place.pointer, &why)) {
        fail(b, ref, why);
        return ref;
    }
    struct str inside = str_skip(place.pointer, b->root.pointer.len);
    if (str_starts(place.pointer, b->root.pointer) && (inside.len == 0 || inside.ptr[0] == '/'))
        return arena_printf(b->arena, "#" STR_FMT, STR_ARG(inside));
    for (size_t i = 0; i < b->count; i++) {
        if (str_eq(b->definitions[i].place.pointer, place.pointer))
            return arena_printf(b->arena, "#/$defs/" STR_FMT, STR_ARG(b->definitions[i].name));
    }
    place.node = json_pointer_follow(b->arena, b->document, place.pointer);
    if (place.node == NULL || b->count == DEFINITIONS_MAX) {
        fail(b, ref, place.node == NULL ? "refers to what is not there" : "is one reference too many");
        return ref;
    }
    struct definition *d = &b->definitions[b->count];
    *d = (struct definition){.place = place, .name = new_name(b, place.pointer)};
    b->count++;
    return arena_printf(b->arena, "#/$defs/" STR_FMT, STR_ARG(d->name));
}

/* Members whose names are anybody's and whose values are schemas. */
static bool holds_schemas(struct str name)
{
    static const char *const names[] = {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(name, str_c(names[i])))
            return true;
    }
    return false;
}

/* Members whose values are data, whatever they look like. */
static bool holds_data(struct str name)
{
    static const char *const names[] = {"example", "examples", "default", "const", "enum"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq(name, str_c(names[i])))
            return true;
    }
    return false;
}

static void write_node(struct bundle *b, const struct json *node, bool schemas);

static void write_member(struct bundle *b, const struct json *m, bool schemas)
{
    json_w_name(&b->w, m->name);
    if (!schemas && str_eq(m->name, STR("$ref")) && m->type == JSON_STRING)
        json_w_str(&b->w, moved(b, m->text));
    else if (!schemas && holds_data(m->name))
        json_w_raw(&b->w, m->raw);
    else
        write_node(b, m, !schemas && holds_schemas(m->name));
}

/* The depth is that of the document, which is bounded. */
static void write_node(struct bundle *b, const struct json *node, bool schemas)
{
    if (b->why != NULL || b->w.out->overflow || (node->type != JSON_OBJECT && node->type != JSON_ARRAY)) {
        json_w_raw(&b->w, node->raw);
        return;
    }
    if (node->type == JSON_OBJECT)
        json_w_object(&b->w);
    else
        json_w_array(&b->w);
    for (const struct json *m = node->child; m != NULL; m = m->next) {
        if (node->type == JSON_OBJECT)
            write_member(b, m, schemas);
        else
            write_node(b, m, false);
    }
    if (node->type == JSON_OBJECT)
        json_w_object_end(&b->w);
    else
        json_w_array_end(&b->w);
}

/* Writing one definition may ask for more. */
static void write_definitions(struct bundle *b)
{
    if (b->own == NULL && b->count == 0)
        return;
    json_w_name(&b->w, STR("$defs"));
    json_w_object(&b->w);
    for (const struct json *m = b->own != NULL ? b->own->child : NULL; m != NULL; m = m->next)
        write_member(b, m, true);
    for (size_t i = 0; i < b->count && b->why == NULL; i++) {
        json_w_name(&b->w, b->definitions[i].name);
        write_node(b, b->definitions[i].place.node, false);
    }
    json_w_object_end(&b->w);
}

static void write_examples(struct bundle *b, const struct str *examples, size_t count)
{
    if (count == 0 || json_get(b->root.node, STR("examples")) != NULL || json_get(b->root.node, STR("example")) != NULL)
        return;
    json_w_name(&b->w, STR("examples"));
    json_w_array(&b->w);
    for (size_t i = 0; i < count; i++)
        json_w_raw(&b->w, examples[i]);
    json_w_array_end(&b->w);
}

bool bundle_write(struct arena *a, const struct json *document, const struct bundle_place *place,
                  const struct str *examples, size_t example_count, struct buf *out, struct str *at, const char **why)
{
    struct bundle b = {.arena = a, .document = document, .root = *place, .w = json_writer(out)};
    if (place->node->type != JSON_OBJECT) {
        json_w_raw(&b.w, place->node->raw);
        return true;
    }
    const struct json *own = json_get(place->node, STR("$defs"));
    b.own = own != NULL && own->type == JSON_OBJECT ? own : NULL;
    b.definitions = arena_alloc(a, DEFINITIONS_MAX * sizeof *b.definitions);
    json_w_object(&b.w);
    for (const struct json *m = place->node->child; m != NULL; m = m->next) {
        if (m != b.own)
            write_member(&b, m, false);
    }
    write_examples(&b, examples, example_count);
    write_definitions(&b);
    json_w_object_end(&b.w);
    if (b.why == NULL && out->overflow)
        fail(&b, place->pointer, "becomes too large");
    *why = b.why;
    *at = b.at;
    return b.why == NULL;
}

void bundle_embed(struct arena *a, const struct json *schema, struct str pointer, struct json_writer *w)
{
    struct bundle b = {.arena = a, .into = pointer, .w = *w};
    write_node(&b, schema, false);
    *w = b.w;
}
