/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a row's JSON to a profile. Everything that could go wrong later goes wrong here, with the field's path.
 */
#include "signing/parse.h"

#include <stdio.h>

#define ROW_ARENA      4096
#define TEXT_MAX       4096
#define ENVELOPE_MAX   8192
#define HEADER_MAX     1024
#define NAME_MAX_LEN   64
#define SEPARATOR_MAX  16
#define RETRY_MAX_S    (30.0 * 86400)
#define TIMEOUT_MAX_MS 60000
#define TYPES_MAX      1000
#define TYPE_NAME_MAX  256

static const double default_retry_s[] = {5, 300, 1800, 7200, 18000, 36000, 36000};
#define DEFAULT_TIMEOUT_MS 15000

/* --- readers ---------------------------------------------------------------------------------------------------- */

bool parser_fail(struct parser *ps, const char *path, const char *why)
{
    struct str p = str_c(path);
    if (str_ends(p, STR(".")))
        p.len--;
    ps->path = arena_str(ps->scratch, p);
    ps->why = arena_str(ps->scratch, str_c(why));
    return false;
}

const char *parser_path(struct parser *ps, const char *at, const char *name)
{
    return arena_printf(ps->scratch, "%s%s", at, name).ptr;
}

bool parser_is_line(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

/* The member unless it is absent or null. */
static const struct json *find_member(const struct json *obj, const char *name)
{
    const struct json *j = json_get(obj, str_c(name));
    return json_is_null(j) ? NULL : j;
}

bool parser_text(struct parser *ps, const struct json *obj, const char *at, const char *name, size_t max,
                 struct str *out)
{
    const struct json *j = find_member(obj, name);
    struct str text;
    if (j == NULL)
        return true;
    if (!json_as_str(j, &text))
        return parser_fail(ps, parser_path(ps, at, name), "must be a string");
    if (text.len > max)
        return parser_fail(ps, parser_path(ps, at, name),
                           arena_printf(ps->scratch, "is longer than %zu bytes", max).ptr);
    *out = arena_str(ps->p->arena, text);
    return true;
}

bool parser_number(struct parser *ps, const struct json *obj, const char *at, const char *name, int64_t min,
                   int64_t max, int64_t *out)
{
    const struct json *j = find_member(obj, name);
    int64_t v;
    if (j == NULL)
        return true;
    if (!json_as_i64(j, &v) || v < min || v > max)
        return parser_fail(
                ps, parser_path(ps, at, name),
                arena_printf(ps->scratch, "must be a whole number from %lld to %lld", (long long)min, (long long)max)
                        .ptr);
    *out = v;
    return true;
}

bool parser_flag(struct parser *ps, const struct json *obj, const char *at, const char *name, bool *out)
{
    const struct json *j = find_member(obj, name);
    return j == NULL || json_as_bool(j, out) || parser_fail(ps, parser_path(ps, at, name), "must be true or false");
}

bool parser_choice(struct parser *ps, const struct json *obj, const char *at, const char *name,
                   const struct choice *choices, size_t count, int *out)
{
    const struct json *j = find_member(obj, name);
    struct str text, all = STR("must be one of");
    if (j == NULL)
        return true;
    for (size_t i = 0; i < count; i++) {
        if (json_as_str(j, &text) && str_eq(text, str_c(choices[i].name))) {
            *out = choices[i].value;
            return true;
        }
        all = arena_printf(ps->scratch, STR_FMT "%s %s", STR_ARG(all), i > 0 ? "," : "", choices[i].name);
    }
    return parser_fail(ps, parser_path(ps, at, name), all.ptr);
}

const struct json *parser_member(struct parser *ps, const struct json *obj, const char *at, const char *name,
                                 enum json_type type, bool *ok)
{
    const struct json *j = find_member(obj, name);
    if (j == NULL || j->type == type)
        return j;
    *ok = parser_fail(ps, parser_path(ps, at, name), type == JSON_OBJECT ? "must be an object" : "must be an array");
    return NULL;
}

bool parser_template(struct parser *ps, const char *path, struct str text, size_t max, unsigned allowed,
                     struct template *out)
{
    struct str why;
    if (text.len > max)
        return parser_fail(ps, path, arena_printf(ps->scratch, "is longer than %zu bytes", max).ptr);
    if (template_compile(ps->p->arena, ps->scratch, text, allowed, out, &why) != ERR_OK)
        return parser_fail(ps, path, arena_cstr(ps->scratch, why));
    return true;
}

/* --- the parts of a row ----------------------------------------------------------------------------------------- */

static bool read_name(struct parser *ps, const struct json *row)
{
    struct str *s = &ps->p->name;
    if (ps->incoming)
        *s = STR("custom");
    if (!parser_text(ps, row, "", "name", NAME_MAX_LEN, s))
        return false;
    bool good = s->len > 0;
    for (size_t i = 0; i < s->len; i++) {
        char c = s->ptr[i];
        good = good && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (i > 0 && (c == '-' || c == '_')));
    }
    if (!good)
        return parser_fail(ps, "name", "must be lower-case letters, digits, - and _, and begin with a letter or digit");
    return parser_text(ps, row, "", "description", TEXT_MAX, &ps->p->description);
}

static bool read_body(struct parser *ps, const struct json *row)
{
    static const struct choice types[] = {{"raw", true}, {"envelope", false}};
    struct str text = STR("");
    bool ok = true;
    int raw = true;
    const struct json *body = parser_member(ps, row, "", "body", JSON_OBJECT, &ok);
    if (!ok || !parser_choice(ps, body, "body.", "type", types, ARRAY_LEN(types), &raw))
        return false;
    ps->p->raw = raw;
    if (raw)
        return true;
    if (!parser_text(ps, body, "body.", "template", ENVELOPE_MAX, &text) ||
        !parser_template(ps, "body.template", text, ENVELOPE_MAX, FIELDS_ENVELOPE, &ps->p->envelope))
        return false;
    if (template_occurs(&ps->p->envelope, FIELD_DATA) != 1)
        return parser_fail(ps, "body.template", "must hold {data} exactly once");
    return template_is_json(&ps->p->envelope) ||
           parser_fail(ps, "body.template", "must be JSON in which each placeholder stands for a whole value");
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return s.len > 0 && s.len <= NAME_MAX_LEN;
}

/* Headers that say how the message is framed or belong to the connection, and those that the client writes. */
static bool is_reserved(struct str name)
{
    static const char *const names[] = {"host",    "connection", "expect",     "keep-alive",        "te",    "trailer",
                                        "upgrade", "cookie",     "user-agent", "transfer-encoding", "accept"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_nocase(name, str_c(names[i])))
            return true;
    }
    return str_starts_nocase(name, STR("content-")) || str_starts_nocase(name, STR("proxy-"));
}

static bool read_header(struct parser *ps, const struct json *j)
{
    struct str text;
    struct profile *p = ps->p;
    const char *path = arena_printf(ps->scratch, "headers." STR_FMT, STR_ARG(j->name)).ptr;
    if (p->header_count == PROFILE_HEADERS_MAX)
        return parser_fail(ps, "headers", arena_printf(ps->scratch, "are more than %d", PROFILE_HEADERS_MAX).ptr);
    if (!is_token(j->name))
        return parser_fail(ps, path, "is not a header name of at most 64 characters (RFC 9110 token)");
    if (is_reserved(j->name))
        return parser_fail(ps, path, "is not a profile's to set");
    if (profile_owns_header(p, j->name))
        return parser_fail(ps, path, "is there twice");
    if (!json_as_str(j, &text) || text.len == 0)
        return parser_fail(ps, path, "must be a string that is not empty");
    if (!parser_is_line(text))
        return parser_fail(ps, path, "must not hold line breaks or other control characters");
    struct header_row *h = &p->headers[p->header_count];
    h->name = arena_str(p->arena, j->name);
    if (!parser_template(ps, path, text, HEADER_MAX, FIELDS_HEADER, &h->value))
        return false;
    p->header_count++;
    return true;
}

static bool read_headers(struct parser *ps, const struct json *row)
{
    bool ok = true;
    const struct json *headers = parser_member(ps, row, "", "headers", JSON_OBJECT, &ok);
    for (const struct json *j = headers != NULL ? headers->child : NULL; ok && j != NULL; j = j->next)
        ok = read_header(ps, j);
    return ok;
}

static bool read_signed_string(struct parser *ps, const struct json *row)
{
    static const struct choice encodings[] = {{"hex", FORM_HEX}, {"base64", FORM_BASE64}, {"raw", FORM_RAW}};
    struct profile *p = ps->p;
    unsigned allowed = FIELDS_SIGNED | (ps->incoming ? FIELD_BIT(FORM) | FIELD_BIT(BODY_TIME) : 0);
    struct str text = STR("{body}");
    int encoding = FORM_HEX;
    p->separator = STR("");
    if (!parser_text(ps, row, "", "signedString", HEADER_MAX, &text) ||
        !parser_template(ps, "signedString", text, HEADER_MAX, allowed, &p->signed_string) ||
        !parser_choice(ps, row, "", "encoding", encodings, ARRAY_LEN(encodings) - !ps->incoming, &encoding) ||
        !parser_text(ps, row, "", "signatureSeparator", SEPARATOR_MAX, &p->separator))
        return false;
    p->encoding = (enum text_form)encoding;
    if (!parser_is_line(p->separator))
        return parser_fail(ps, "signatureSeparator", "must not hold control characters");
    return template_occurs(&p->signed_string, FIELD_BODY) + template_occurs(&p->signed_string, FIELD_FORM) == 1 ||
           parser_fail(ps, "signedString", "must hold {body} exactly once");
}

/* A receiver must find the signature and everything that is signed, but for what it knows itself. */
static bool check_headers_suffice(struct parser *ps)
{
    static const struct {
        unsigned bit;
        const char *why;
    } needs[] = {{FIELD_BIT(SIGNATURE), "no header holds {signature}"},
                 {FIELD_BIT(TIMESTAMP), "the signed string holds {timestamp}, so a header must"},
                 {FIELD_BIT(TIMESTAMP_MS), "the signed string holds {timestamp_ms}, so a header must"},
                 {FIELD_BIT(MESSAGE_ID), "the signed string holds {message_id}, so a header must"}};
    unsigned have = 0, wanted = ps->p->signed_string.fields | FIELD_BIT(SIGNATURE);
    for (size_t i = 0; i < ps->p->header_count; i++)
        have |= ps->p->headers[i].value.fields;
    for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
        if ((wanted & needs[i].bit) != 0 && (have & needs[i].bit) == 0)
            return parser_fail(ps, "headers", needs[i].why);
    }
    return true;
}

static bool read_schedule(struct parser *ps, const struct json *row)
{
    struct profile *p = ps->p;
    bool ok = true;
    const struct json *list = parser_member(ps, row, "", "retrySchedule", JSON_ARRAY, &ok);
    if (!ok)
        return false;
    if (list == NULL) {
        for (size_t i = 0; i < ARRAY_LEN(default_retry_s); i++)
            p->retry_ms[p->retry_count++] = (int64_t)(default_retry_s[i] * 1000);
    }
    for (const struct json *j = list != NULL ? list->child : NULL; j != NULL; j = j->next) {
        char path[40];
        double s;
        snprintf(path, sizeof path, "retrySchedule.%zu", p->retry_count);
        if (p->retry_count == PROFILE_RETRIES_MAX)
            return parser_fail(ps, "retrySchedule", "has more than 64 delays");
        if (!json_as_double(j, &s) || s < 0 || s > RETRY_MAX_S)
            return parser_fail(ps, path, "must be seconds, from 0 to 2592000");
        p->retry_ms[p->retry_count++] = (int64_t)(s * 1000 + 0.5);
    }
    p->timeout_ms = DEFAULT_TIMEOUT_MS;
    return parser_number(ps, row, "", "timeoutMs", 1, TIMEOUT_MAX_MS, &p->timeout_ms) &&
           parser_flag(ps, row, "", "disableOn410", &p->disable_on_410);
}

static bool read_event_type(struct parser *ps, const struct json *j, const char *at, struct profile_event_type *out)
{
    bool ok = true;
    if (j->type != JSON_OBJECT)
        return parser_fail(ps, at, "must be an object");
    if (!parser_text(ps, j, at, "name", TYPE_NAME_MAX, &out->name) ||
        !parser_text(ps, j, at, "description", TEXT_MAX, &out->description))
        return false;
    for (size_t i = 0; i < out->name.len; i++) {
        char c = out->name.ptr[i];
        ok = ok && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                    c == '_' || c == '.');
    }
    if (!ok || out->name.len == 0)
        return parser_fail(ps, parser_path(ps, at, "name"), "must be letters, digits, -, _ and .");
    const struct json *example = parser_member(ps, j, at, "example", JSON_OBJECT, &ok);
    if (example != NULL)
        out->example = arena_str(ps->p->arena, example->raw);
    return ok;
}

static bool read_event_types(struct parser *ps, const struct json *row)
{
    bool ok = true;
    const struct json *list = parser_member(ps, row, "", "eventTypes", JSON_ARRAY, &ok);
    if (!ok || list == NULL)
        return ok;
    if (list->count > TYPES_MAX)
        return parser_fail(ps, "eventTypes", "are more than 1000");
    struct profile_event_type *types = arena_zalloc(ps->p->arena, list->count * sizeof *types);
    for (const struct json *j = list->child; ok && j != NULL; j = j->next) {
        char at[40];
        snprintf(at, sizeof at, "eventTypes.%zu.", ps->p->event_type_count);
        ok = read_event_type(ps, j, at, &types[ps->p->event_type_count++]);
    }
    ps->p->event_types = types;
    return ok;
}

static bool read_row(struct parser *ps, const struct json *row)
{
    if (row->type != JSON_OBJECT)
        return parser_fail(ps, "", "must be an object");
    return read_name(ps, row) && read_body(ps, row) && read_headers(ps, row) && read_signed_string(ps, row) &&
           check_headers_suffice(ps) && parser_keys(ps, row) && read_schedule(ps, row) && read_event_types(ps, row) &&
           parser_verify(ps, row);
}

static enum err parse(struct arena *a, struct str json, bool incoming, struct profile **out, struct str *path,
                      struct str *why)
{
    struct json *row;
    struct json_error error;
    if (json_parse(a, json, &row, &error) != ERR_OK) {
        *path = STR("");
        *why = arena_printf(a, "line %zu, column %zu: %s", error.line, error.column, error.what);
        return ERR_INVALID;
    }
    struct arena *own = arena_new(ROW_ARENA);
    struct profile *p = arena_zalloc(own, sizeof *p);
    struct parser ps = {.p = p, .incoming = incoming, .scratch = a};
    p->arena = own;
    if (read_row(&ps, row)) {
        *out = p;
        return ERR_OK;
    }
    profile_free(p);
    *path = ps.path;
    *why = ps.why;
    return ERR_INVALID;
}

enum err profile_parse(struct arena *a, struct str json, struct profile **out, struct str *path, struct str *why)
{
    return parse(a, json, false, out, path, why);
}

enum err profile_parse_incoming(struct arena *a, struct str json, struct profile **out, struct str *path,
                                struct str *why)
{
    return parse(a, json, true, out, path, why);
}
