/* SPDX-License-Identifier: Apache-2.0 */
#include "signing/form.h"

#include <stdlib.h>

#include "base/check.h"

static struct str decode(struct arena *a, struct str s)
{
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int high = -1, low = -1;
        if (s.ptr[i] == '%' && i + 2 < s.len) {
            high = str_hex_digit(s.ptr[i + 1]);
            low = str_hex_digit(s.ptr[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            out[n++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[n++] = s.ptr[i] == '+' ? ' ' : s.ptr[i];
        }
    }
    out[n] = '\0';
    return str_of(out, n);
}

struct form_field *form_read(struct arena *a, struct str text, size_t *count)
{
    size_t cap = 1;
    for (size_t i = 0; i < text.len && cap < FORM_FIELDS_MAX; i++)
        cap += text.ptr[i] == '&';
    struct form_field *fields = arena_alloc(a, cap * sizeof *fields);
    *count = 0;
    while (text.len > 0 && *count < cap) {
        struct str value = str_split(&text, '&'), name = str_split(&value, '=');
        if (name.len == 0 && value.len == 0)
            continue;
        fields[(*count)++] = (struct form_field){decode(a, name), decode(a, value)};
    }
    return fields;
}

bool form_is_type(struct str content_type)
{
    struct str rest = content_type;
    return str_eq_nocase(str_trim(str_split(&rest, ';')), STR("application/x-www-form-urlencoded"));
}

static int compare(const void *a, const void *b)
{
    const struct form_field *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    return order != 0 ? order : str_cmp(x->value, y->value);
}

void form_sorted(struct arena *a, struct str text, struct buf *out)
{
    size_t count;
    struct form_field *fields = form_read(a, text, &count);
    qsort(fields, count, sizeof *fields, compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare(&fields[i - 1], &fields[i]) == 0)
            continue;
        buf_add_str(out, fields[i].name);
        buf_add_str(out, fields[i].value);
    }
}

struct str form_find(struct arena *a, struct str text, struct str name)
{
    size_t count;
    struct form_field *fields = form_read(a, text, &count);
    for (size_t i = 0; i < count; i++) {
        if (str_eq(fields[i].name, name))
            return fields[i].value;
    }
    return STR_NULL;
}
