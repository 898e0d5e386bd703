/* SPDX-License-Identifier: Apache-2.0 */
#include "incoming/content.h"

#include "incoming/multipart.h"
#include "signing/form.h"
#include "signing/header.h"
#include "signing/profile_incoming.h"
#include "json/write.h"

#define OUT_MAX (8 * INCOMING_BODY_MAX)

struct str incoming_header(const struct incoming *in, struct str name)
{
    for (size_t i = 0; i < in->header_count; i++) {
        if (str_eq_nocase(in->headers[i].name, name))
            return in->headers[i].value;
    }
    return STR_NULL;
}

static struct str media_type(const struct incoming *in)
{
    struct str type = incoming_header(in, STR("Content-Type"));
    return str_trim(str_split(&type, ';'));
}

static bool ends_nocase(struct str s, struct str suffix)
{
    return s.len >= suffix.len && str_eq_nocase(str_skip(s, s.len - suffix.len), suffix);
}

/* Without the mark that some senders put before UTF-8. */
static struct str without_mark(struct str body)
{
    return str_starts(body, STR("\xef\xbb\xbf")) ? str_skip(body, 3) : body;
}

static bool looks_like_json(struct str body)
{
    struct json_slice value;
    body = str_trim(without_mark(body));
    return body.len > 0 && (body.ptr[0] == '{' || body.ptr[0] == '[') && json_check(body, &value, NULL) == ERR_OK;
}

/* Whether a line of this header says something, and not `value`. */
static bool says_other(const struct incoming *in, struct str name, struct str value)
{
    for (size_t i = 0; i < in->header_count; i++) {
        const struct http_header *h = &in->headers[i];
        if (str_eq_nocase(h->name, name) && h->value.len > 0 && !str_eq_nocase(h->value, value))
            return true;
    }
    return false;
}

enum err content_kind(const struct incoming *in, enum content *out, const char **why)
{
    struct str type = media_type(in);
    *why = "the content type must be JSON, a form, XML or text";
    if (in->body.len == 0) {
        *out = CONTENT_NONE;
        return ERR_OK;
    }
    if (says_other(in, STR("Content-Encoding"), STR("identity"))) {
        *why = "compressed bodies are not taken";
        return ERR_MEDIA_TYPE;
    }
    if (says_other(in, STR("Content-Type"), incoming_header(in, STR("Content-Type")))) {
        *why = "there are two content types";
        return ERR_MEDIA_TYPE;
    }
    if (str_eq_nocase(type, STR("application/json")) || str_eq_nocase(type, STR("text/json")) ||
        ends_nocase(type, STR("+json")))
        *out = CONTENT_JSON;
    else if (form_is_type(type)) /* `curl -d` calls everything a form */
        *out = looks_like_json(in->body) ? CONTENT_JSON : CONTENT_FORM;
    else if (str_eq_nocase(type, STR("multipart/form-data")))
        *out = CONTENT_MULTIPART;
    else if (type.len == 0)
        *out = looks_like_json(in->body) ? CONTENT_JSON : CONTENT_TEXT;
    else if (str_starts_nocase(type, STR("text/")) || str_eq_nocase(type, STR("application/xml")) ||
             ends_nocase(type, STR("+xml")))
        *out = CONTENT_TEXT;
    else
        return ERR_MEDIA_TYPE;
    return ERR_OK;
}

/* ---- secrets -----------------------------------------------------------------------------------------------------
 */

/* Besides those of header_is_sensitive. A signature without a time is as good as a key for its body. */
static const char *const key_headers[] = {"*authorization*", "*api-key*", "x-auth*"};
static const char *const signature_headers[] = {"*signature*", "*hmac*"};
static const char *const secret_parameters[] = {"*token",    "*secret*", "*password*", "*signature*", "*api_key*",
                                                "*api-key*", "*apikey*", "access_key", "sig",         "auth"};

static bool fits_any(struct str name, const char *const *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (header_name_fits(str_c(patterns[i]), name))
            return true;
    }
    return false;
}

bool content_is_key(struct str header)
{
    return header_is_sensitive(header) || fits_any(header, key_headers, ARRAY_LEN(key_headers));
}

/* ---- members that may come more than once ------------------------------------------------------------------------ */

/* A name and its value, JSON. */
struct member {
    struct str name;
    struct str json;
    bool done;
};

/* An object of them; a name that comes again makes its value an array. */
static void write_members(struct member *m, size_t count, struct json_writer *w)
{
    json_w_object(w);
    for (size_t i = 0; i < count; i++) {
        if (m[i].done)
            continue;
        bool several = false;
        for (size_t k = i + 1; k < count && !several; k++)
            several = str_eq(m[k].name, m[i].name);
        json_w_name(w, m[i].name);
        if (several)
            json_w_array(w);
        for (size_t k = i; k < count; k++) {
            if (m[k].done || !str_eq(m[k].name, m[i].name))
                continue;
            json_w_raw(w, m[k].json);
            m[k].done = true;
            if (!several)
                break;
        }
        if (several)
            json_w_array_end(w);
    }
    json_w_object_end(w);
}

static struct str json_text(struct arena *a, struct str s)
{
    struct buf out = BUF_INIT(6 * s.len + 2);
    struct json_writer w = json_writer(&out);
    json_w_str(&w, s);
    struct str kept = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return kept;
}

static bool is_secret_parameter(const struct incoming *in, struct str name)
{
    struct str signature = in->profile != NULL ? profile_rules(in->profile)->signature_query : STR_NULL;
    return fits_any(name, secret_parameters, ARRAY_LEN(secret_parameters)) ||
           (signature.len > 0 && str_eq(name, signature));
}

/* A form's body, or what stands behind '?' in a URL, where some values are secrets. */
static enum err write_form(struct arena *a, const struct incoming *in, bool is_query, struct json_writer *w,
                           const char **why)
{
    size_t count;
    struct form_field *fields = form_read(a, is_query ? in->query : in->body, &count);
    struct member *m = arena_zalloc(a, (count + 1) * sizeof *m);
    *why = is_query ? "the URL has more than 1,000 parameters" : "the form has more than 1,000 fields";
    if (count > MULTIPART_MAX)
        return ERR_SYNTAX;
    for (size_t i = 0; i < count; i++) {
        bool secret = is_query && is_secret_parameter(in, fields[i].name);
        m[i] = (struct member){.name = fields[i].name, .json = json_text(a, secret ? STR("***") : fields[i].value)};
    }
    write_members(m, count, w);
    return ERR_OK;
}

static struct str part_json(struct arena *a, const struct part *p)
{
    struct buf out = BUF_INIT(4096 + 6 * (p->filename.len + p->type.len));
    struct json_writer w = json_writer(&out);
    if (p->filename.ptr == NULL)
        return json_text(a, p->body);
    json_w_object(&w);
    json_w_str_at(&w, "filename", p->filename);
    json_w_opt_str_at(&w, "contentType", p->type);
    json_w_i64_at(&w, "size", (int64_t)p->body.len);
    json_w_object_end(&w);
    struct str kept = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return kept;
}

static enum err write_multipart(struct arena *a, const struct incoming *in, struct json_writer *w, const char **why)
{
    struct part *parts = arena_alloc(a, MULTIPART_MAX * sizeof *parts);
    size_t count;
    enum err e =
            multipart_read(a, incoming_header(in, STR("Content-Type")), in->body, parts, MULTIPART_MAX, &count, why);
    if (e != ERR_OK)
        return e;
    struct member *m = arena_zalloc(a, (count + 1) * sizeof *m);
    for (size_t i = 0; i < count; i++)
        m[i] = (struct member){.name = parts[i].name, .json = part_json(a, &parts[i])};
    write_members(m, count, w);
    return ERR_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static struct str lower(struct arena *a, struct str s)
{
    char *out = arena_cstr(a, s);
    for (size_t i = 0; i < s.len; i++)
        out[i] = (char)(out[i] >= 'A' && out[i] <= 'Z' ? out[i] + ('a' - 'A') : out[i]);
    return str_of(out, s.len);
}

static void write_headers(struct arena *a, const struct incoming *in, struct str secret_header, struct json_writer *w)
{
    struct member *m = arena_zalloc(a, (in->header_count + 1) * sizeof *m);
    for (size_t i = 0; i < in->header_count; i++) {
        const struct http_header *h = &in->headers[i];
        bool secret = content_is_key(h->name) || fits_any(h->name, signature_headers, ARRAY_LEN(signature_headers)) ||
                      (secret_header.len > 0 && str_eq_nocase(h->name, secret_header)) ||
                      (in->profile != NULL && profile_signs_header(in->profile, h->name));
        m[i] = (struct member){.name = lower(a, h->name), .json = json_text(a, secret ? STR("***") : h->value)};
    }
    write_members(m, in->header_count, w);
}

/* tree: it is to be read. */
static enum err check_body(struct arena *a, const struct incoming *in, bool tree, struct incoming_json *out,
                           struct str *why)
{
    struct json_slice value = {.type = JSON_NONE};
    struct json_error error;
    struct json *read = NULL;
    struct str text = without_mark(in->body);
    enum err e = tree ? json_parse_deep(a, text, &read, &out->depth, &error) : json_check(text, &value, &error);
    if (e != ERR_OK) {
        *why = arena_printf(a, "the body is no JSON: line %zu, column %zu: %s", error.line, error.column, error.what);
        return e;
    }
    out->tree = read;
    out->body = tree ? read->raw : value.raw;
    out->depth = tree ? out->depth : json_depth(out->body);
    return ERR_OK;
}

/* Of a body that is not JSON as it came. */
static enum err write_body(struct arena *a, const struct incoming *in, enum content kind, struct json_writer *w,
                           struct str *why)
{
    const char *trouble = NULL;
    enum err e = ERR_OK;
    switch (kind) {
    case CONTENT_NONE:
    case CONTENT_JSON:
        json_w_null(w);
        break;
    case CONTENT_FORM:
        e = write_form(a, in, false, w, &trouble);
        break;
    case CONTENT_MULTIPART:
        e = write_multipart(a, in, w, &trouble);
        break;
    case CONTENT_TEXT:
        json_w_str(w, without_mark(in->body));
        break;
    }
    if (e != ERR_OK && trouble != NULL)
        *why = str_c(trouble);
    return e;
}

static enum err write_parts(struct arena *a, const struct incoming *in, enum content kind, struct str secret_header,
                            struct incoming_json *out, struct str *why)
{
    struct buf text = BUF_INIT(OUT_MAX);
    struct json_writer w = json_writer(&text);
    size_t to[2];
    const char *trouble = NULL;
    json_w_array(&w);
    write_headers(a, in, secret_header, &w);
    to[0] = text.len;
    enum err e = write_form(a, in, true, &w, &trouble);
    to[1] = text.len;
    if (e == ERR_OK)
        e = write_body(a, in, kind, &w, why);
    else
        *why = str_c(trouble);
    if (e == ERR_OK && text.overflow) {
        *why = STR("the body is too large when it is written as JSON");
        e = ERR_TOO_LARGE;
    }
    if (e == ERR_OK) {
        const char *all = arena_str(a, buf_str(&text)).ptr;
        out->headers = str_of(all + 1, to[0] - 1);
        out->query = str_of(all + to[0] + 1, to[1] - to[0] - 1);
        out->body = str_of(all + to[1] + 1, text.len - to[1] - 1);
        out->tree = NULL;
        out->depth = kind == CONTENT_MULTIPART || kind == CONTENT_FORM ? json_depth(out->body) : 0;
    }
    buf_fini(&text);
    return e;
}

enum err content_json(struct arena *a, const struct incoming *in, enum content kind, struct str secret_header,
                      struct incoming_json *out, struct str *why)
{
    enum err e = write_parts(a, in, kind, secret_header, out, why);
    return e == ERR_OK && kind == CONTENT_JSON ? check_body(a, in, false, out, why) : e;
}

enum err content_read(struct arena *a, const struct incoming *in, enum content kind, struct str secret_header,
                      struct incoming_json *out, struct str *why)
{
    enum err e = write_parts(a, in, kind, secret_header, out, why);
    return e == ERR_OK && kind == CONTENT_JSON ? check_body(a, in, true, out, why) : e;
}

struct str content_checked(struct str body)
{
    return str_trim(without_mark(body));
}

struct str content_whole(struct arena *a, struct str method, const struct incoming_json *parts)
{
    const struct str all[] = {STR("{\"method\":\""),
                              method,
                              STR("\",\"headers\":"),
                              parts->headers,
                              STR(",\"query\":"),
                              parts->query,
                              STR(",\"body\":"),
                              parts->body,
                              STR("}")};
    struct str whole = STR("");
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        whole.len += all[i].len;
    char *to = arena_alloc(a, whole.len);
    whole.ptr = to;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        memcpy(to, all[i].ptr, all[i].len);
        to += all[i].len;
    }
    return whole;
}

static struct json **add_member(struct json *to, struct json **end, const char *name, struct json *value)
{
    value->name = str_c(name);
    to->count++;
    *end = value;
    return &value->next;
}

static bool read_part(struct arena *a, struct str text, struct json **out)
{
    return json_parse(a, text, out, NULL) == ERR_OK;
}

const struct json *content_tree(struct arena *a, struct str method, const struct incoming_json *parts)
{
    struct json *whole = arena_zalloc(a, sizeof *whole), *m = arena_zalloc(a, sizeof *m), **end = &whole->child;
    struct json *headers, *query, *body;
    if (!read_part(a, parts->headers, &headers) || !read_part(a, parts->query, &query))
        return NULL;
    if (parts->tree != NULL)
        *(body = arena_alloc(a, sizeof *body)) = *parts->tree;
    else if (!read_part(a, parts->body, &body))
        return NULL;
    *whole = (struct json){.type = JSON_OBJECT, .raw = content_whole(a, method, parts)};
    *m = (struct json){.type = JSON_STRING, .text = method};
    m->raw = str_of(whole->raw.ptr + sizeof "{\"method\":" - 1, method.len + 2);
    end = add_member(whole, end, "method", m);
    end = add_member(whole, end, "headers", headers);
    end = add_member(whole, end, "query", query);
    add_member(whole, end, "body", body);
    return whole;
}
