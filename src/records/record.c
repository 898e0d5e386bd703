/* SPDX-License-Identifier: Apache-2.0 */
#include "records/record.h"

#include "json/number.h"

#define EQUAL_STEPS 100000

/* ---- stored form --------------------------------------------------------------------------------------------------
 */

static const struct str *tags_read(struct arena *a, const struct json *list, size_t *count)
{
    *count = 0;
    if (list == NULL || list->type != JSON_ARRAY)
        return NULL;
    struct str *tags = arena_alloc(a, (list->count + 1) * sizeof *tags);
    for (const struct json *c = list->child; c != NULL; c = c->next) {
        if (c->type == JSON_STRING)
            tags[(*count)++] = c->text;
    }
    return tags;
}

enum err record_decode(struct arena *a, const struct doc *d, struct record *out)
{
    struct json *body;
    if (json_parse(a, d->body, &body, NULL) != ERR_OK)
        return ERR_INVALID;
    const struct json *data = json_get(body, STR("data"));
    if (data == NULL || data->type != JSON_OBJECT)
        return ERR_INVALID;
    *out = (struct record){.id = d->id,
                           .key = d->key,
                           .data = data->raw,
                           .created_ms = d->created_ms,
                           .updated_ms = d->updated_ms,
                           .version = d->version};
    out->tags = tags_read(a, json_get(body, STR("tags")), &out->tag_count);
    return ERR_OK;
}

static void tags_write(const struct record *r, struct json_writer *w)
{
    json_w_name(w, STR("tags"));
    json_w_array(w);
    for (size_t i = 0; i < r->tag_count; i++)
        json_w_str(w, r->tags[i]);
    json_w_array_end(w);
}

static struct str taken(struct arena *a, struct buf *out)
{
    CHECK(!out->overflow); /* what goes in is limited */
    struct str s = arena_str(a, buf_str(out));
    buf_fini(out);
    return s;
}

void record_encode(struct arena *a, const struct record *r, struct doc *out)
{
    struct buf text = BUF_INIT((size_t)4 * RECORD_DATA_MAX);
    struct json_writer w = json_writer(&text);
    json_w_object(&w);
    json_w_raw_at(&w, "data", r->data);
    tags_write(r, &w);
    json_w_object_end(&w);
    out->key = r->key;
    out->body = taken(a, &text);
}

/* ---- merge patches ------------------------------------------------------------------------------------------------
 */

static void merge(const struct json *target, const struct json *patch, size_t depth, struct json_writer *w)
{
    bool both = target != NULL && target->type == JSON_OBJECT;
    if (patch->type != JSON_OBJECT || depth == JSON_DEPTH_MAX) {
        json_w_raw(w, patch->raw);
        return;
    }
    json_w_object(w);
    for (const struct json *m = both ? target->child : NULL; m != NULL; m = m->next) {
        const struct json *p = json_get(patch, m->name);
        if (json_get(target, m->name) != m || json_is_null(p))
            continue; /* named again later, or taken away */
        json_w_name(w, m->name);
        if (p == NULL)
            json_w_raw(w, m->raw);
        else
            merge(m, p, depth + 1, w);
    }
    for (const struct json *p = patch->child; p != NULL; p = p->next) {
        if (json_is_null(p) || json_get(patch, p->name) != p || (both && json_get(target, p->name) != NULL))
            continue;
        json_w_name(w, p->name);
        merge(NULL, p, depth + 1, w);
    }
    json_w_object_end(w);
}

static bool same_json(struct arena *a, struct str x, struct str y)
{
    struct json *p, *q;
    size_t steps = EQUAL_STEPS;
    if (str_eq(x, y))
        return true;
    return json_parse(a, x, &p, NULL) == ERR_OK && json_parse(a, y, &q, NULL) == ERR_OK && json_equal(p, q, &steps);
}

/* ---- edits --------------------------------------------------------------------------------------------------------
 */

static bool has_tag(const struct str *tags, size_t count, struct str tag)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(tags[i], tag))
            return true;
    }
    return false;
}

/* Whether its objects are small and it is flat enough. */
static const char *shape_check(const struct json *j, size_t depth)
{
    const char *why = NULL;
    if (depth > RECORD_DEPTH_MAX)
        return "is too deeply nested";
    if (j->type == JSON_OBJECT && j->count > RECORD_FIELDS_MAX)
        return "an object has at most 2,000 fields";
    for (const struct json *c = j->child; c != NULL && why == NULL; c = c->next)
        why = c->child != NULL ? shape_check(c, depth + 1) : NULL;
    return why;
}

static const char *tags_apply(struct arena *a, const struct record *was, const struct record_edit *edit,
                              struct record *out)
{
    size_t old = was != NULL && !edit->set_tags ? was->tag_count : 0, n = 0;
    struct str *tags = arena_alloc(a, (old + edit->add_count + 1) * sizeof *tags);
    for (size_t i = 0; i < old; i++) {
        if (!has_tag(edit->remove_tags, edit->remove_count, was->tags[i]))
            tags[n++] = was->tags[i];
    }
    for (size_t i = 0; i < edit->add_count; i++) {
        struct str tag = edit->add_tags[i];
        if (tag.len == 0 || tag.len > RECORD_TAG_MAX)
            return "a tag must have 1 to 128 bytes";
        if (!has_tag(tags, n, tag))
            tags[n++] = tag;
    }
    out->tags = tags;
    out->tag_count = n;
    return n <= RECORD_TAGS_MAX ? NULL : "a record has at most 100 tags";
}

static const char *data_apply(struct arena *a, const struct record *was, const struct record_edit *edit,
                              struct record *out)
{
    struct json *before = NULL;
    struct buf text = BUF_INIT((size_t)4 * RECORD_DATA_MAX);
    struct json_writer w = json_writer(&text);
    const struct json *given = edit->replace != NULL ? edit->replace : edit->merge;
    const char *why = given != NULL ? shape_check(given, 1) : NULL;
    if (why != NULL)
        return why;
    out->data = was != NULL ? was->data : STR("{}");
    if ((edit->replace != NULL && edit->replace->type != JSON_OBJECT) ||
        (edit->merge != NULL && edit->merge->type != JSON_OBJECT))
        return "the data must be an object";
    if (edit->replace != NULL)
        out->data = edit->replace->raw;
    if (edit->merge != NULL) {
        if (json_parse(a, out->data, &before, NULL) != ERR_OK)
            return "the data must be an object";
        merge(before, edit->merge, 0, &w);
        if (text.overflow) {
            buf_fini(&text);
            return "the data is larger than 65,536 bytes";
        }
        out->data = taken(a, &text);
    }
    return out->data.len <= RECORD_DATA_MAX ? NULL : "the data is larger than 65,536 bytes";
}

struct str record_key(const struct record_type *t, const struct json *data)
{
    const struct json *v = t->key.len > 0 ? json_get(data, t->key) : NULL;
    if (v == NULL || (v->type != JSON_STRING && v->type != JSON_NUMBER))
        return STR_NULL;
    return v->type == JSON_STRING ? v->text : v->raw;
}

static const char *key_apply(const struct record_type *t, const struct json *data, struct record *out)
{
    const struct json *v = t->key.len > 0 ? json_get(data, t->key) : NULL;
    if (t->key.len == 0)
        return NULL;
    if (v == NULL || v->type == JSON_NULL) {
        out->key = STR_NULL;
        return NULL;
    }
    if (v->type != JSON_STRING && v->type != JSON_NUMBER)
        return "the field that names the record must be a text or a number";
    out->key = record_key(t, data);
    if (out->key.len == 0 || out->key.len > RECORD_KEY_MAX)
        return "the field that names the record must have 1 to 256 bytes";
    return NULL;
}

static bool same_tags(const struct record *x, const struct record *y)
{
    for (size_t i = 0; i < x->tag_count && x->tag_count == y->tag_count; i++) {
        if (!str_eq(x->tags[i], y->tags[i]))
            return false;
    }
    return x->tag_count == y->tag_count;
}

static enum err schema_apply(struct arena *a, const struct record_type *t, const struct json *data,
                             struct record_fault *fault)
{
    struct schema_fault at = {.at = STR_NULL, .why = "the type's schema cannot be read"};
    struct record_type own = *t;
    enum err e = t->schema.ptr == NULL || t->compiled != NULL ? ERR_OK : record_type_compile(a, &own, &at);
    if (e == ERR_OK && own.compiled != NULL)
        e = schema_check(own.compiled, a, data, &at);
    if (e != ERR_OK)
        *fault = (struct record_fault){.field = "data", .at = at.at, .why = at.why};
    return e;
}

enum err record_apply(struct arena *a, const struct record_type *t, const struct record *was,
                      const struct record_edit *edit, struct record *out, bool *changed, struct record_fault *fault)
{
    struct json *data = NULL;
    *out = was != NULL ? *was : (struct record){0};
    *fault = (struct record_fault){.field = "data", .why = data_apply(a, was, edit, out)};
    if (fault->why == NULL && json_parse(a, out->data, &data, NULL) != ERR_OK)
        fault->why = "the data must be an object";
    if (fault->why == NULL)
        fault->why = key_apply(t, data, out);
    /* What was merged may be more than both parts. */
    if (fault->why == NULL && edit->merge != NULL && was != NULL)
        fault->why = shape_check(data, 1);
    if (fault->why == NULL)
        *fault = (struct record_fault){.field = "tags", .why = tags_apply(a, was, edit, out)};
    if (fault->why != NULL)
        return ERR_INVALID;
    bool same_data = was != NULL && same_json(a, was->data, out->data);
    *changed = !same_data || !same_tags(was, out);
    return same_data ? ERR_OK : schema_apply(a, t, data, fault);
}

/* ---- events -------------------------------------------------------------------------------------------------------
 */

static const struct json *field_of(const struct json *data, struct str name)
{
    return data != NULL ? json_get(data, name) : NULL;
}

static bool same_field(const struct json *x, const struct json *y)
{
    size_t steps = EQUAL_STEPS;
    bool nothing = x == NULL || json_is_null(x);
    if (nothing || y == NULL || json_is_null(y))
        return nothing && (y == NULL || json_is_null(y));
    return json_equal(x, y, &steps);
}

static bool has_value(const struct json *v, struct str value)
{
    return v != NULL &&
           ((v->type == JSON_STRING && str_eq(v->text, value)) || (v->type != JSON_STRING && str_eq(v->raw, value)));
}

static bool fires(const struct record_rule *r, const struct json *was, const struct json *is)
{
    switch (r->when) {
    case RECORD_CREATED:
        return was == NULL;
    case RECORD_UPDATED:
        return was != NULL && is != NULL;
    case RECORD_DELETED:
        return is == NULL;
    case RECORD_CHANGED:
        return was != NULL && is != NULL && !same_field(field_of(was, r->field), field_of(is, r->field));
    case RECORD_BECOMES:
        return is != NULL && has_value(field_of(is, r->field), r->value) &&
               !has_value(field_of(was, r->field), r->value);
    }
    return false;
}

static struct json *data_tree(struct arena *a, const struct record *r)
{
    struct json *data = NULL;
    if (r == NULL || json_parse(a, r->data, &data, NULL) != ERR_OK)
        return NULL;
    return data;
}

size_t record_events(struct arena *a, const struct record_type *t, const struct record *was, const struct record *is,
                     const struct record_rule **out)
{
    const struct json *before = data_tree(a, was), *after = data_tree(a, is);
    size_t n = 0;
    for (size_t i = 0; i < t->rule_count; i++) {
        if (fires(&t->rules[i], before, after))
            out[n++] = &t->rules[i];
    }
    return n;
}

struct str record_payload(struct arena *a, const struct record_type *t, const struct record_rule *rule,
                          const struct record *was, const struct record *is, struct str id_text)
{
    const struct record *r = is != NULL ? is : was;
    const struct json *data = data_tree(a, r), *before = data_tree(a, was);
    struct buf text = BUF_INIT((size_t)4 * RECORD_DATA_MAX);
    struct json_writer w = json_writer(&text);
    struct str previous = arena_printf(a, "previous_" STR_FMT, STR_ARG(rule->field));
    json_w_object(&w);
    json_w_str_at(&w, "id", id_text);
    json_w_str_at(&w, "object", t->name);
    for (const struct json *m = data != NULL ? data->child : NULL; m != NULL; m = m->next) {
        static const char *const ours[] = {"id", "object", "tags", "created_at", "updated_at"};
        bool own = rule->when == RECORD_CHANGED && str_eq(m->name, previous);
        for (size_t i = 0; i < ARRAY_LEN(ours); i++)
            own = own || str_eq(m->name, str_c(ours[i]));
        if (own || json_get(data, m->name) != m)
            continue;
        json_w_name(&w, m->name);
        json_w_raw(&w, m->raw);
    }
    if (rule->when == RECORD_CHANGED) {
        const struct json *old = field_of(before, rule->field);
        json_w_name(&w, previous);
        json_w_raw(&w, old != NULL ? old->raw : STR("null"));
    }
    tags_write(r, &w);
    json_w_time_at(&w, "created_at", r->created_ms);
    json_w_time_at(&w, "updated_at", r->updated_ms);
    json_w_object_end(&w);
    return taken(a, &text);
}

/* ---- history ------------------------------------------------------------------------------------------------------
 */

static void difference(struct json_writer *w, struct str path, const struct json *from, const struct json *to)
{
    json_w_object(w);
    json_w_str_at(w, "path", path);
    json_w_raw_at(w, "from", from != NULL ? from->raw : STR("null"));
    json_w_raw_at(w, "to", to != NULL ? to->raw : STR("null"));
    json_w_object_end(w);
}

static struct json *tags_tree(struct arena *a, const struct record *r)
{
    struct buf text = BUF_INIT((size_t)4 * RECORD_DATA_MAX);
    struct json_writer w = json_writer(&text);
    struct json *list = NULL;
    json_w_array(&w);
    for (size_t i = 0; r != NULL && i < r->tag_count; i++)
        json_w_str(&w, r->tags[i]);
    json_w_array_end(&w);
    return json_parse(a, taken(a, &text), &list, NULL) == ERR_OK ? list : NULL;
}

struct str record_differences(struct arena *a, const struct record *was, const struct record *is)
{
    const struct json *before = data_tree(a, was), *after = data_tree(a, is);
    const struct json *tags[2] = {tags_tree(a, was), tags_tree(a, is)};
    struct buf text = BUF_INIT((size_t)16 * RECORD_DATA_MAX);
    struct json_writer w = json_writer(&text);
    json_w_array(&w);
    for (const struct json *m = before != NULL ? before->child : NULL; m != NULL; m = m->next) {
        const struct json *to = field_of(after, m->name);
        if (json_get(before, m->name) == m && (to == NULL || !same_field(m, to)))
            difference(&w, m->name, m, to);
    }
    for (const struct json *m = after != NULL ? after->child : NULL; m != NULL; m = m->next) {
        if (json_get(after, m->name) == m && field_of(before, m->name) == NULL)
            difference(&w, m->name, NULL, m);
    }
    if (!same_field(tags[0], tags[1]))
        difference(&w, STR("tags"), tags[0], tags[1]);
    json_w_array_end(&w);
    return taken(a, &text);
}
