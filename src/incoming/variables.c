/* SPDX-License-Identifier: Apache-2.0 */
#include "incoming/variables.h"

#include "base/hash.h"

#define DEPTH_MAX 30 /* a path has at most 32 segments */

struct variable {
    struct str path;
    const struct json *value;
    size_t parent; /* number of the item + 1; 0: none */
};

struct variables {
    struct arena *arena;
    struct variable *items;
    size_t count;
};

static const char *type_name(const struct json *j)
{
    static const char *const names[] = {
            [JSON_NONE] = "null",     [JSON_NULL] = "null",     [JSON_FALSE] = "boolean", [JSON_TRUE] = "boolean",
            [JSON_NUMBER] = "number", [JSON_STRING] = "string", [JSON_ARRAY] = "array",   [JSON_OBJECT] = "object"};
    return names[j->type];
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '-')))
            return false;
    }
    return s.len > 0;
}

/* trigger.body + "odd key" = trigger.body["odd key"]; names may hold any character, also zero. */
static struct str join(struct arena *a, struct str path, struct str name)
{
    struct buf out = BUF_INIT(path.len + 2 * name.len + 5);
    bool plain = is_name(name);
    buf_add_str(&out, path);
    buf_add_str(&out, plain ? STR(".") : STR("[\""));
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '"' || c == '\\' || c == '\n' || c == '\t')
            buf_add_c(&out, '\\');
        buf_add_c(&out, c == '\n' ? 'n' : c == '\t' ? 't' : c);
    }
    if (!plain)
        buf_add_str(&out, STR("\"]"));
    struct str joined = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return joined;
}

/* trigger.body[0] */
static struct str join_first(struct arena *a, struct str path)
{
    struct buf out = BUF_INIT(path.len + 3);
    buf_add_str(&out, path);
    buf_add_str(&out, STR("[0]"));
    struct str joined = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return joined;
}

static void walk(struct variables *v, struct str path, const struct json *j, size_t parent, int depth)
{
    if (v->count == VARIABLES_MAX || depth > DEPTH_MAX)
        return;
    v->items[v->count++] = (struct variable){path, j, parent};
    parent = v->count;
    if (j->type == JSON_ARRAY && j->child != NULL)
        walk(v, join_first(v->arena, path), j->child, parent, depth + 1);
    if (j->type != JSON_OBJECT)
        return;
    for (const struct json *m = j->child; m != NULL && v->count < VARIABLES_MAX; m = m->next)
        walk(v, join(v->arena, path, m->name), m, parent, depth + 1);
}

/* ---- by path ----------------------------------------------------------------------------------------------------- */

struct index {
    size_t *slots; /* number of the item + 1; 0: free */
    size_t mask;
    const struct variables *of;
};

static size_t *find_slot(const struct index *x, struct str path)
{
    size_t i = (size_t)hash_sip((struct hash_key){0}, path.ptr, path.len) & x->mask;
    while (x->slots[i] != 0 && !str_eq(x->of->items[x->slots[i] - 1].path, path))
        i = (i + 1) & x->mask;
    return &x->slots[i];
}

static struct index index_of(struct arena *a, const struct variables *v)
{
    size_t size = 16;
    while (size < 2 * v->count + 1)
        size *= 2;
    struct index x = {.slots = arena_zalloc(a, size * sizeof *x.slots), .mask = size - 1, .of = v};
    for (size_t i = 0; i < v->count; i++)
        *find_slot(&x, v->items[i].path) = i + 1;
    return x;
}

static const struct json *find_value(const struct index *x, struct str path)
{
    size_t slot = *find_slot(x, path);
    return slot != 0 ? x->of->items[slot - 1].value : NULL;
}

/* Of names that come again the last one counts: the others go, and what is in them. */
static void drop_overridden(struct variables *v)
{
    struct index x = index_of(v->arena, v);
    bool *gone = arena_zalloc(v->arena, v->count + 1);
    size_t n = 0;
    for (size_t i = 0; i < v->count; i++) {
        size_t parent = v->items[i].parent;
        gone[i] = find_value(&x, v->items[i].path) != v->items[i].value || (parent > 0 && gone[parent - 1]);
    }
    for (size_t i = 0; i < v->count; i++) {
        if (!gone[i])
            v->items[n++] = v->items[i];
    }
    v->count = n;
}

static struct variables list(struct arena *a, const struct json *trigger)
{
    static const char *const roots[] = {"body", "headers", "query", "method"};
    struct variables v = {.arena = a, .items = arena_alloc(a, VARIABLES_MAX * sizeof *v.items)};
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        const struct json *j = json_get(trigger, str_c(roots[i]));
        if (j != NULL)
            walk(&v, arena_printf(a, "trigger.%s", roots[i]), j, 0, 0);
    }
    drop_overridden(&v);
    return v;
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

/* Headers come and go with every request: they are no drift. */
static bool may_drift(struct str path)
{
    return str_starts(path, STR("trigger.body"));
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* At most max bytes, no character torn. */
static struct str cut(struct str s, size_t max)
{
    while (s.len > max && max > 0 && ((unsigned char)s.ptr[max] & 0xc0) == 0x80)
        max--;
    return str_take(s, max);
}

static void write_item(const struct variable *v, const char *change, struct json_writer *w)
{
    json_w_object(w);
    json_w_str_at(w, "path", v->path);
    json_w_str_at(w, "type", str_c(type_name(v->value)));
    if (v->value->type == JSON_STRING)
        json_w_str_at(w, "example", cut(v->value->text, VARIABLE_EXAMPLE_MAX));
    else if (v->value->raw.len <= VARIABLE_EXAMPLE_MAX)
        json_w_raw_at(w, "example", v->value->raw);
    else
        json_w_null_at(w, "example");
    json_w_opt_str_at(w, "change", str_c(change));
    json_w_object_end(w);
}

static const char *change_of(const struct variable *v, const struct index *later)
{
    const struct json *now = find_value(later, v->path);
    if (!may_drift(v->path))
        return NULL;
    if (now == NULL)
        return "removed";
    return strcmp(type_name(now), type_name(v->value)) != 0 ? "type" : NULL;
}

size_t variables_write(struct arena *a, const struct json *trigger, const struct json *later, struct json_writer *w)
{
    struct variables mine = list(a, trigger), theirs = {.count = 0};
    struct index here = index_of(a, &mine), there = {.slots = NULL};
    size_t changed = 0;
    if (later != NULL) {
        theirs = list(a, later);
        there = index_of(a, &theirs);
    }
    json_w_array(w);
    for (size_t i = 0; i < mine.count; i++) {
        const char *change = later != NULL ? change_of(&mine.items[i], &there) : NULL;
        changed += change != NULL;
        write_item(&mine.items[i], change, w);
    }
    for (size_t i = 0; i < theirs.count; i++) {
        if (!may_drift(theirs.items[i].path) || find_value(&here, theirs.items[i].path) != NULL)
            continue;
        changed++;
        write_item(&theirs.items[i], "added", w);
    }
    json_w_array_end(w);
    return changed;
}
