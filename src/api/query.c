/* SPDX-License-Identifier: Apache-2.0 */
/* What a request says: body, headers, query. A parameter that cannot be read is noted and answered by call_fits. */
#include "api/handler.h"
#include "base/time.h"

const struct json *call_json(struct api_call *call, bool optional)
{
    struct json *j;
    struct json_error error;
    struct str body = str_trim(call->body);
    if (optional && body.len == 0)
        body = STR("{}");
    if (json_parse(call->arena, body, &j, &error) != ERR_OK) {
        answer(call, err_http_status(ERR_SYNTAX));
        api_syntax_json(&error, &call->out);
        return NULL;
    }
    if (j->type != JSON_OBJECT) {
        problem_add(&call->problems, "body", STR_NULL, STR_NULL, "type_error.dict", "must be an object");
        call_fits(call);
        return NULL;
    }
    return j;
}

struct str call_header(const struct api_call *call, struct str name)
{
    for (size_t i = 0; i < call->header_count; i++) {
        if (str_eq_nocase(call->headers[i].name, name))
            return call->headers[i].value;
    }
    return STR_NULL;
}

bool call_saw(struct api_call *call, int64_t updated_ms)
{
    struct str seen = call_header(call, STR("If-Match"));
    char now[TIME_TEXT_SIZE];
    if (seen.ptr == NULL || str_eq(str_trim(seen), STR("*")))
        return true;
    time_format(updated_ms, now);
    seen = str_trim(seen);
    if (seen.len > 2 && seen.ptr[0] == '"' && str_eq(str_of(seen.ptr + 1, seen.len - 2), str_c(now)))
        return true;
    answer_error(call, ERR_CHANGED, NULL);
    return false;
}

bool text_decode(struct arena *a, struct str s, bool query, struct str *out)
{
    char *to = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            int high = i + 2 < s.len ? str_hex_digit(s.ptr[i + 1]) : -1;
            int low = i + 2 < s.len ? str_hex_digit(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (query && c == '+') {
            c = ' ';
        }
        to[n++] = c;
    }
    to[n] = '\0';
    *out = str_of(to, n);
    return str_is_utf8(*out);
}

void path_normal(struct str path, struct buf *out)
{
    for (size_t i = 0; i < path.len; i++) {
        int high = path.ptr[i] == '%' && i + 2 < path.len ? str_hex_digit(path.ptr[i + 1]) : -1;
        int low = high >= 0 ? str_hex_digit(path.ptr[i + 2]) : -1;
        char c = low >= 0 ? (char)(high * 16 + low) : '\0';
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~", c) != NULL);
        buf_add_c(out, plain ? c : path.ptr[i]);
        i += plain ? 2 : 0;
    }
}

/* The next `name=value` of *rest whose name fits; false at the end. A malformed one is noted. */
static bool query_next(struct api_call *call, const char *name, struct str *rest, struct str *value)
{
    while (rest->len > 0) {
        struct str v = str_split(rest, '&'), key = str_split(&v, '='), plain;
        if (!text_decode(call->arena, key, true, &plain)) {
            call->bad_query = "name";
        } else if (str_eq(plain, str_c(name))) {
            if (text_decode(call->arena, v, true, value))
                return true;
            call->bad_query = name;
        }
    }
    return false;
}

struct str query_text(struct api_call *call, const char *name)
{
    struct str rest = call->query, value;
    return query_next(call, name, &rest, &value) ? value : STR_NULL;
}

bool query_bool(struct api_call *call, const char *name, bool fallback)
{
    struct str s = query_text(call, name);
    if (s.ptr == NULL || s.len == 0)
        return fallback;
    if (str_eq_nocase(s, STR("true")) || str_eq(s, STR("1")))
        return true;
    if (!str_eq_nocase(s, STR("false")) && !str_eq(s, STR("0")))
        call->bad_query = name;
    return false;
}

int64_t query_int(struct api_call *call, const char *name, int64_t min, int64_t max, int64_t fallback)
{
    struct str s = query_text(call, name);
    int64_t v = fallback;
    if (s.ptr == NULL || s.len == 0)
        return fallback;
    if (str_to_i64(s, &v) != ERR_OK)
        call->bad_query = name;
    else if (v < min || v > max)
        problem_add(&call->problems, "query", str_c(name), STR_NULL, "value_error.range", "must be from %lld to %lld",
                    (long long)min, (long long)max);
    else
        return v;
    return fallback;
}

int64_t query_time(struct api_call *call, const char *name)
{
    struct str s = query_text(call, name);
    int64_t ms = 0;
    if (s.ptr == NULL || s.len == 0)
        return 0;
    /* A '+' that was not encoded has become a blank: "…T00:00:00 02:00". */
    if (time_parse(s, &ms) != ERR_OK) {
        char *fixed = arena_cstr(call->arena, s);
        char *blank = strrchr(fixed, ' ');
        if (blank != NULL)
            *blank = '+';
        if (time_parse(str_c(fixed), &ms) != ERR_OK)
            call->bad_query = name;
    }
    return ms;
}

const struct str *query_values(struct api_call *call, const char *name, size_t *count)
{
    size_t max = 1, n = 0;
    for (size_t i = 0; i < call->query.len; i++)
        max += call->query.ptr[i] == '&';
    struct str *list = arena_alloc(call->arena, max * sizeof *list), rest = call->query, value;
    while (query_next(call, name, &rest, &value))
        list[n++] = value;
    *count = n;
    return n > 0 ? list : NULL;
}

const struct str *query_list(struct api_call *call, const char *name, size_t *count)
{
    size_t max = 1, n = 0;
    for (size_t i = 0; i < call->query.len; i++)
        max += call->query.ptr[i] == '&' || call->query.ptr[i] == ',' || call->query.ptr[i] == '%';
    struct str *list = arena_alloc(call->arena, max * sizeof *list), value;
    const char *const names[] = {name, arena_printf(call->arena, "%s[]", name).ptr};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str rest = call->query;
        while (query_next(call, names[i], &rest, &value)) {
            while (value.len > 0) {
                struct str item = str_split(&value, ',');
                if (item.len > 0)
                    list[n++] = item;
            }
        }
    }
    *count = n;
    return n > 0 ? list : NULL;
}
