/* SPDX-License-Identifier: Apache-2.0 */
#include "incoming/multipart.h"

#define BOUNDARY_MAX 70 /* RFC 2046 */
#define HEAD_MAX     8192

static bool is_escape(struct str s, size_t i)
{
    return s.ptr[i] == '\\' && i + 1 < s.len && s.ptr[i + 1] == '"';
}

/* What stands in quotes at the beginning of *value, escaped as it is; *value goes on behind it. */
static struct str take_quoted(struct str *value)
{
    struct str s = str_skip(*value, 1);
    size_t n = 0;
    while (n < s.len && s.ptr[n] != '"')
        n += is_escape(s, n) ? 2 : 1;
    *value = str_skip(s, n + 1);
    str_split(value, ';');
    return str_take(s, n);
}

static struct str unescape(struct arena *a, struct str s)
{
    char *out = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        i += is_escape(s, i);
        out[n++] = s.ptr[i];
    }
    return str_of(out, n);
}

/* A parameter of a header's value, unquoted; the null str: there is none. */
static struct str find_parameter(struct arena *a, struct str value, struct str name)
{
    str_split(&value, ';');
    while (value.len > 0) {
        value = str_trim(value);
        size_t equals = str_find(value, '=');
        struct str key = str_trim(str_take(value, equals));
        value = str_skip(value, equals + 1);
        bool quoted = value.len > 0 && value.ptr[0] == '"';
        struct str found = quoted ? take_quoted(&value) : str_trim(str_split(&value, ';'));
        if (str_eq_nocase(key, name))
            return quoted ? unescape(a, found) : found;
    }
    return STR_NULL;
}

/* The part's headers; false: there is no name. */
static bool read_headers(struct arena *a, struct str head, struct part *out)
{
    *out = (struct part){.name = STR_NULL};
    while (head.len > 0) {
        struct str line = str_trim(str_split(&head, '\n')), value = line, name = str_split(&value, ':');
        if (str_eq_nocase(name, STR("Content-Disposition"))) {
            out->name = find_parameter(a, value, STR("name"));
            out->filename = find_parameter(a, value, STR("filename"));
            if (out->filename.ptr == NULL) /* RFC 8187: charset'language'percent-encoded; shown as it is */
                out->filename = find_parameter(a, value, STR("filename*"));
        } else if (str_eq_nocase(name, STR("Content-Type"))) {
            out->type = str_trim(value);
        }
    }
    return out->name.ptr != NULL;
}

enum err multipart_read(struct arena *a, struct str content_type, struct str text, struct part *parts, size_t max,
                        size_t *count, const char **why)
{
    struct str boundary = find_parameter(a, content_type, STR("boundary"));
    *count = 0;
    *why = "the content type has no boundary";
    if (boundary.len == 0 || boundary.len > BOUNDARY_MAX)
        return ERR_SYNTAX;
    struct str next = arena_printf(a, "\r\n--" STR_FMT, STR_ARG(boundary)), first = str_skip(next, 2);
    *why = "the form does not begin with its boundary";
    if (!str_starts(text, first)) { /* where a line begins: no other body can be read as a form of no parts */
        text = str_skip(text, str_find_str(text, next));
        first = next;
    }
    if (text.len == 0)
        return ERR_SYNTAX;
    text = str_skip(text, first.len);
    while (!str_starts(text, STR("--"))) {
        size_t head = str_find_str(text, STR("\r\n\r\n")), end = str_find_str(str_skip(text, head), next);
        *why = "a part of the form has no end";
        if (head == text.len || head + end == text.len)
            return ERR_SYNTAX;
        *why = "the header of a part of the form is too long";
        if (head > HEAD_MAX)
            return ERR_SYNTAX;
        *why = "the form has too many parts";
        if (*count == max)
            return ERR_SYNTAX;
        *why = "a part of the form has no name";
        if (!read_headers(a, str_take(text, head), &parts[*count]))
            return ERR_SYNTAX;
        size_t body = head + 4 < head + end ? head + 4 : head + end;
        parts[*count].body = str_of(text.ptr + body, head + end - body);
        (*count)++;
        text = str_skip(text, head + end + next.len);
    }
    return ERR_OK;
}
