/* SPDX-License-Identifier: Apache-2.0 */
#include "api/step_input.h"

struct str step_input_text(const struct json *input, const char *name)
{
    struct str s = STR_NULL;
    (void)json_as_str(json_get(input, str_c(name)), &s);
    return s;
}

bool step_input_key(struct arena *a, const struct json *input, const struct record_type *type, struct str *key,
                    struct str *why)
{
    struct str named = step_input_text(input, "key");
    const struct json *set = json_get(input, STR("set"));
    const struct json *v = type->key.len > 0 ? json_get(set, type->key) : NULL;
    *key = v == NULL ? STR_NULL : v->type == JSON_STRING ? v->text : v->raw;
    *why = STR_NULL;
    if (named.ptr != NULL && !str_eq(named, type->key))
        *why = arena_printf(a, "key: records of this type are named by \"" STR_FMT "\"", STR_ARG(type->key));
    else if (type->key.len > 0 && (v == NULL || json_is_null(v) || key->len == 0))
        *why = arena_printf(a, "set: \"" STR_FMT "\", which names the record, is empty", STR_ARG(type->key));
    return why->ptr == NULL;
}

struct str step_input_no_target(struct arena *a, const struct json *input)
{
    struct str text = step_input_text(input, "target");
    return arena_printf(a, "target: there is no record \"" STR_FMT "\"", STR_ARG(str_take(text, 200)));
}

struct mail step_input_letter(const struct json *input)
{
    return (struct mail){.to = step_input_text(input, "to"),
                         .subject = step_input_text(input, "subject"),
                         .text = step_input_text(input, "text"),
                         .html = step_input_text(input, "html")};
}
