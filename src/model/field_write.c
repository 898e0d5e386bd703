/* SPDX-License-Identifier: Apache-2.0 */
/* Writing: the same tables turn a struct into JSON members, for the store and for answers. */
#include <inttypes.h>
#include <stdio.h>

#include "model/config.h"
#include "model/field.h"

static void write_seconds(struct json_writer *w, const int64_t *ms, size_t count)
{
    json_w_array(w);
    for (size_t i = 0; i < count; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "%" PRId64 ".%03d", ms[i] / 1000, (int)(ms[i] % 1000));
        while (text[n - 1] == '0')
            n--;
        if (text[n - 1] == '.')
            n--;
        json_w_raw(w, str_of(text, (size_t)n));
    }
    json_w_array_end(w);
}

static void write_names(struct json_writer *w, const struct str *names, size_t count)
{
    json_w_array(w);
    for (size_t i = 0; i < count; i++)
        json_w_str(w, names[i]);
    json_w_array_end(w);
}

static void write_headers(struct json_writer *w, const struct header_pair *pairs, size_t count)
{
    json_w_object(w);
    for (size_t i = 0; i < count; i++) {
        json_w_name(w, pairs[i].name);
        json_w_str(w, pairs[i].value);
    }
    json_w_object_end(w);
}

static bool is_null(const struct field *f, const void *at)
{
    switch (f->kind) {
    case FIELD_TEXT:
    case FIELD_OBJECT:
    case FIELD_STRINGS:
        return ((const struct str *)at)->ptr == NULL;
    case FIELD_BOOL:
        return false;
    case FIELD_INT:
        return *(const int *)at == 0;
    case FIELD_MS:
    case FIELD_TIME:
        return *(const int64_t *)at == 0;
    case FIELD_NAMES:
    case FIELD_SECONDS:
    case FIELD_HEADERS:
        return *(const void *const *)at == NULL;
    }
    return true;
}

static void write_value(const struct field *f, const void *from, struct json_writer *w)
{
    const void *at = (const char *)from + f->at;
    size_t count = f->count_at != 0 ? *(const size_t *)(const void *)((const char *)from + f->count_at) : 0;
    if (is_null(f, at)) {
        json_w_null(w);
        return;
    }
    switch (f->kind) {
    case FIELD_TEXT:
        json_w_str(w, *(const struct str *)at);
        return;
    case FIELD_OBJECT:
    case FIELD_STRINGS:
        json_w_raw(w, *(const struct str *)at);
        return;
    case FIELD_BOOL:
        json_w_bool(w, *(const bool *)at);
        return;
    case FIELD_INT:
        json_w_i64(w, *(const int *)at);
        return;
    case FIELD_MS:
        json_w_i64(w, *(const int64_t *)at);
        return;
    case FIELD_TIME:
        json_w_time(w, *(const int64_t *)at);
        return;
    case FIELD_NAMES:
        write_names(w, *(const struct str *const *)at, count);
        return;
    case FIELD_SECONDS:
        write_seconds(w, *(const int64_t *const *)at, count);
        return;
    case FIELD_HEADERS:
        write_headers(w, *(const struct header_pair *const *)at, count);
        return;
    }
}

void fields_write_answer(const struct field *table, size_t count, const void *from, struct json_writer *w)
{
    for (size_t i = 0; i < count; i++) {
        const struct field *f = &table[i];
        if ((f->flags & (FIELD_STORED | FIELD_ANSWER_NOT | FIELD_KEPT_APART)) != 0)
            continue;
        json_w_name(w, str_c(f->name));
        write_value(f, from, w);
        if (f->alias != NULL) {
            json_w_name(w, str_c(f->alias));
            write_value(f, from, w);
        }
    }
}

void fields_write_stored(const struct field *table, size_t count, const void *from, struct json_writer *w)
{
    for (size_t i = 0; i < count; i++) {
        const struct field *f = &table[i];
        if ((f->flags & FIELD_KEPT_APART) != 0 || is_null(f, (const char *)from + f->at))
            continue;
        json_w_name(w, str_c(f->name));
        write_value(f, from, w);
    }
}
