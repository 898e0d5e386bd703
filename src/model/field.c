/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: one function per kind turns a JSON value into the member, or reports one problem and leaves it. */
#include "model/field.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/time.h"
#include "model/config.h"

#define METADATA_BYTES_MAX 4096

struct reading {
    struct arena *arena;
    const struct field *field;
    const struct json *value;
    enum field_mode mode;
    void *to;    /* the member */
    size_t *len; /* the count of a list */
    struct problems *problems;
};

void problems_fini(struct problems *p)
{
    buf_fini(&p->json);
}

void problem_add(struct problems *p, const char *where, struct str name, struct str sub, const char *type,
                 const char *fmt, ...)
{
    char text[300];
    va_list ap;
    if (p == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (p->count++ > 0)
        buf_add_c(&p->json, ',');
    struct json_writer w = json_writer(&p->json);
    json_w_object(&w);
    json_w_name(&w, STR("loc"));
    json_w_array(&w);
    json_w_str(&w, str_c(where));
    if (name.ptr != NULL)
        json_w_str(&w, name);
    if (sub.ptr != NULL)
        json_w_str(&w, str_take(sub, 256));
    json_w_array_end(&w);
    json_w_str_at(&w, "msg", str_c(text));
    json_w_str_at(&w, "type", str_c(type));
    json_w_object_end(&w);
}

#define COMPLAIN(r, sub, type, ...)                                                                                    \
    problem_add((r)->problems, "body", str_c((r)->field->name), (sub), (type), __VA_ARGS__)

bool chars_fit(enum field_chars chars, struct str s)
{
    static const char *const more[] = {
            [CHARS_ANY] = "", [CHARS_ID] = "_.-", [CHARS_CHANNEL] = "_.-:+", [CHARS_TAG] = "_.-/\\#"};
    if (chars == CHARS_ANY)
        return true;
    /* Clients resolve them away, so that nobody could name them in a path. */
    if (chars == CHARS_ID && (str_eq(s, STR(".")) || str_eq(s, STR(".."))))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr(more[chars], c) == NULL))
            return false;
    }
    return true;
}

static const char *chars_words(enum field_chars chars)
{
    static const char *const words[] = {[CHARS_ANY] = "text",
                                        [CHARS_ID] = "letters, digits, '-', '_' and '.', and may not be '.' or '..'",
                                        [CHARS_CHANNEL] = "letters, digits, '-', '_', '.', ':' and '+'",
                                        [CHARS_TAG] = "letters, digits, '-', '_', '.', '/', '\\' and '#'"};
    return words[chars];
}

static void read_text(const struct reading *r)
{
    const struct field *f = r->field;
    struct str s;
    if (!json_as_str(r->value, &s)) {
        COMPLAIN(r, STR_NULL, "type_error.string", "must be a string");
        return;
    }
    if (r->mode != FIELD_LOAD) {
        if ((int64_t)s.len < f->min)
            COMPLAIN(r, STR_NULL, "value_error.min_length", "must have at least %lld character%s", (long long)f->min,
                     f->min == 1 ? "" : "s");
        else if (f->max > 0 && (int64_t)s.len > f->max)
            COMPLAIN(r, STR_NULL, "value_error.max_length", "must have at most %lld bytes", (long long)f->max);
        else if (!chars_fit(f->chars, s))
            COMPLAIN(r, STR_NULL, "value_error.pattern", "may only hold %s", chars_words(f->chars));
        else if (f->not_prefix != NULL && str_starts(s, str_c(f->not_prefix)))
            COMPLAIN(r, STR_NULL, "value_error.pattern", "must not begin with '%s'", f->not_prefix);
    }
    *(struct str *)r->to = s;
}

static void read_bool(const struct reading *r)
{
    if (!json_as_bool(r->value, r->to))
        COMPLAIN(r, STR_NULL, "type_error.bool", "must be true or false");
}

static void read_number(const struct reading *r)
{
    const struct field *f = r->field;
    int64_t v;
    if (!json_as_i64(r->value, &v)) {
        COMPLAIN(r, STR_NULL, "type_error.integer", "must be a whole number");
        return;
    }
    int64_t min = r->mode == FIELD_PATCH ? 0 : f->min;
    if (r->mode != FIELD_LOAD && (v < min || (f->max > 0 && v > f->max))) {
        COMPLAIN(r, STR_NULL, "value_error.range", "must be between %lld and %lld", (long long)f->min,
                 (long long)f->max);
        return;
    }
    if (f->kind == FIELD_INT)
        *(int *)r->to = (int)v;
    else
        *(int64_t *)r->to = v;
}

static void read_time(const struct reading *r)
{
    struct str s;
    int64_t ms;
    if (!json_as_str(r->value, &s) || time_parse(s, &ms) != ERR_OK) {
        COMPLAIN(r, STR_NULL, "value_error.datetime", "must be a date and time such as 2026-11-21T09:30:00Z");
        return;
    }
    *(int64_t *)r->to = ms;
}

static bool list_fits(const struct reading *r)
{
    const struct field *f = r->field;
    if (r->value->type != JSON_ARRAY) {
        COMPLAIN(r, STR_NULL, "type_error.list", "must be a list");
        return false;
    }
    if (r->mode == FIELD_LOAD)
        return true;
    if (f->max > 0 && (int64_t)r->value->count > f->max) {
        COMPLAIN(r, STR_NULL, "value_error.max_items", "may have at most %lld items", (long long)f->max);
        return false;
    }
    if ((int64_t)r->value->count < f->min && r->mode != FIELD_PATCH) {
        COMPLAIN(r, STR_NULL, "value_error.min_items", "must have at least %lld item%s", (long long)f->min,
                 f->min == 1 ? "" : "s");
        return false;
    }
    return true;
}

static bool name_fits(const struct reading *r, const struct json *item, const struct str *before, size_t count)
{
    const struct field *f = r->field;
    if (item->type != JSON_STRING) {
        COMPLAIN(r, STR_NULL, "type_error.string", "every item must be a string");
    } else if (item->text.len == 0 || (f->item_max > 0 && (int64_t)item->text.len > f->item_max)) {
        COMPLAIN(r, STR_NULL, "value_error.length", "every item must have 1 to %lld characters",
                 (long long)f->item_max);
    } else if (!chars_fit(f->chars, item->text)) {
        COMPLAIN(r, STR_NULL, "value_error.pattern", "items may only hold %s", chars_words(f->chars));
    } else {
        for (size_t i = 0; i < count; i++) {
            if (str_eq(before[i], item->text)) {
                COMPLAIN(r, STR_NULL, "value_error.unique_items", "items must differ");
                return false;
            }
        }
        return true;
    }
    return false;
}

static void set_list(const struct reading *r, const void *items, size_t count)
{
    CHECK(r->len != NULL); /* the table's rows of lists have a count */
    *(const void **)r->to = items;
    *r->len = count;
}

static void read_names(const struct reading *r)
{
    if (!list_fits(r))
        return;
    size_t n = 0;
    struct str *items = arena_alloc(r->arena, (r->value->count + 1) * sizeof *items);
    for (const struct json *item = r->value->child; item != NULL; item = item->next) {
        if (r->mode != FIELD_LOAD && !name_fits(r, item, items, n))
            return;
        items[n++] = item->text;
    }
    set_list(r, n > 0 ? items : NULL, n);
}

static void read_seconds(const struct reading *r)
{
    if (!list_fits(r))
        return;
    size_t n = 0;
    int64_t *ms = arena_alloc(r->arena, (r->value->count + 1) * sizeof *ms);
    for (const struct json *item = r->value->child; item != NULL; item = item->next) {
        double s = 0;
        if (!json_as_double(item, &s) || !(s >= 0) || s * 1000 > (double)r->field->item_max) {
            COMPLAIN(r, STR_NULL, "value_error.range", "every item must be a number of seconds from 0 to %lld",
                     (long long)(r->field->item_max / 1000));
            return;
        }
        ms[n++] = (int64_t)(s * 1000 + 0.5);
    }
    set_list(r, ms, n);
}

static void read_strings(const struct reading *r)
{
    if (r->value->type != JSON_OBJECT) {
        COMPLAIN(r, STR_NULL, "type_error.dict", "must be an object");
        return;
    }
    struct buf out = BUF_INIT(1 << 20);
    struct json_writer w = json_writer(&out);
    bool fits = true;
    json_w_object(&w);
    for (const struct json *m = r->value->child; m != NULL; m = m->next) {
        if (m->type != JSON_STRING) {
            COMPLAIN(r, m->name, "type_error.string", "must be a string");
            fits = false;
            continue;
        }
        json_w_name(&w, m->name);
        json_w_str(&w, m->text);
    }
    json_w_object_end(&w);
    if (r->mode != FIELD_LOAD && (out.overflow || out.len > METADATA_BYTES_MAX)) {
        COMPLAIN(r, STR_NULL, "value_error.max_length", "must have at most %d bytes as JSON", METADATA_BYTES_MAX);
        fits = false;
    }
    if (fits)
        *(struct str *)r->to = arena_str(r->arena, buf_str(&out));
    buf_fini(&out);
}

static void read_object(const struct reading *r)
{
    if (r->value->type != JSON_OBJECT)
        COMPLAIN(r, STR_NULL, "type_error.dict", "must be an object");
    else if (r->mode != FIELD_LOAD && r->field->max > 0 && (int64_t)r->value->raw.len > r->field->max)
        COMPLAIN(r, STR_NULL, "value_error.max_length", "must have at most %lld bytes", (long long)r->field->max);
    else
        *(struct str *)r->to = r->value->raw;
}

static void read_headers(const struct reading *r)
{
    if (r->value->type != JSON_OBJECT) {
        COMPLAIN(r, STR_NULL, "type_error.dict", "must be an object");
        return;
    }
    size_t n = 0;
    struct header_pair *pairs = arena_alloc(r->arena, (r->value->count + 1) * sizeof *pairs);
    for (const struct json *m = r->value->child; m != NULL; m = m->next) {
        if (m->type != JSON_STRING) {
            COMPLAIN(r, m->name, "type_error.string", "must be a string");
            return;
        }
        pairs[n++] = (struct header_pair){.name = m->name, .value = m->text};
    }
    set_list(r, n > 0 ? pairs : NULL, n);
}

static void set_default(const struct reading *r)
{
    const struct field *f = r->field;
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_OBJECT:
    case FIELD_STRINGS:
        *(struct str *)r->to = str_c(f->fallback);
        return;
    case FIELD_BOOL:
        *(bool *)r->to = f->fallback != NULL;
        return;
    case FIELD_INT:
        *(int *)r->to = 0;
        return;
    case FIELD_MS:
    case FIELD_TIME:
        *(int64_t *)r->to = 0;
        return;
    case FIELD_NAMES:
    case FIELD_SECONDS:
    case FIELD_HEADERS:
        set_list(r, NULL, 0);
        return;
    }
}

static void read_value(const struct reading *r)
{
    switch (r->field->kind) {
    case FIELD_TEXT:
        read_text(r);
        return;
    case FIELD_BOOL:
        read_bool(r);
        return;
    case FIELD_INT:
    case FIELD_MS:
        read_number(r);
        return;
    case FIELD_TIME:
        read_time(r);
        return;
    case FIELD_NAMES:
        read_names(r);
        return;
    case FIELD_SECONDS:
        read_seconds(r);
        return;
    case FIELD_OBJECT:
        read_object(r);
        return;
    case FIELD_STRINGS:
        read_strings(r);
        return;
    case FIELD_HEADERS:
        read_headers(r);
        return;
    }
}

static bool keeps_when_absent(const struct field *f, enum field_mode mode)
{
    return mode == FIELD_PATCH || (mode == FIELD_REPLACE && (f->flags & FIELD_EXTENSION) != 0);
}

void fields_read(struct arena *a, const struct field *table, size_t count, enum field_mode mode,
                 const struct json *body, void *into, struct problems *problems)
{
    for (size_t i = 0; i < count; i++) {
        const struct field *f = &table[i];
        if (mode != FIELD_LOAD && (f->flags & FIELD_STORED) != 0)
            continue;
        struct field named = *f; /* as the caller calls it */
        const struct json *v = json_get(body, str_c(f->name));
        if (v == NULL && f->alias != NULL && (v = json_get(body, str_c(f->alias))) != NULL)
            named.name = f->alias;
        struct reading r = {.arena = a,
                            .field = &named,
                            .value = v,
                            .mode = mode,
                            .to = (char *)into + f->at,
                            .len = f->count_at != 0 ? (size_t *)(void *)((char *)into + f->count_at) : NULL,
                            .problems = mode == FIELD_LOAD ? NULL : problems};
        if (v == NULL && keeps_when_absent(f, mode))
            continue;
        if (v != NULL && !json_is_null(v)) {
            read_value(&r);
            continue;
        }
        if ((f->flags & FIELD_REQUIRED) != 0)
            COMPLAIN(&r, STR_NULL, "value_error.missing", "%s", v == NULL ? "is missing" : "must not be null");
        else
            set_default(&r);
    }
}

static const struct str *own_names(struct arena *a, const struct str *names, size_t count)
{
    struct str *copy = arena_alloc(a, count * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = arena_str(a, names[i]);
    return copy;
}

static const struct header_pair *own_headers(struct arena *a, const struct header_pair *pairs, size_t count)
{
    struct header_pair *copy = arena_alloc(a, count * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = (struct header_pair){.name = arena_str(a, pairs[i].name), .value = arena_str(a, pairs[i].value)};
    return copy;
}

static void own_field(struct arena *a, const struct field *f, void *at, size_t count)
{
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_OBJECT:
    case FIELD_STRINGS: {
        struct str *s = at;
        /* Defaults are static: most rows share them. */
        *s = f->fallback != NULL && str_eq(*s, str_c(f->fallback)) ? str_c(f->fallback) : arena_str(a, *s);
        return;
    }
    case FIELD_NAMES:
        if (count > 0)
            *(const struct str **)at = own_names(a, *(const struct str **)at, count);
        return;
    case FIELD_SECONDS:
        if (*(const int64_t **)at != NULL) {
            int64_t *copy = arena_alloc(a, (count + 1) * sizeof *copy);
            memcpy(copy, *(const int64_t **)at, count * sizeof *copy);
            *(const int64_t **)at = copy;
        }
        return;
    case FIELD_HEADERS:
        if (count > 0)
            *(const struct header_pair **)at = own_headers(a, *(const struct header_pair **)at, count);
        return;
    case FIELD_BOOL:
    case FIELD_INT:
    case FIELD_MS:
    case FIELD_TIME:
        return;
    }
}

void fields_own(struct arena *a, const struct field *table, size_t count, void *item)
{
    for (size_t i = 0; i < count; i++) {
        const struct field *f = &table[i];
        size_t n = f->count_at != 0 ? *(size_t *)(void *)((char *)item + f->count_at) : 0;
        own_field(a, f, (char *)item + f->at, n);
    }
}
