/* SPDX-License-Identifier: Apache-2.0 */
/* From templates to values and text. */
#include <stdarg.h>
#include <stdio.h>

#include "expr/expr_impl.h"

#define BYTES_PER_STEP 256 /* of a text that is looked at */

const struct json value_missing = {.type = JSON_NULL, .raw = {"null", 4}};

/* ---- budgets and failures ---- */

static bool refuse(struct expr_env *env, const char *fmt, ...) PRINTF_LIKE(2, 3);
static bool refuse(struct expr_env *env, const char *fmt, ...)
{
    char why[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    env->why = arena_str(env->arena, str_c(why));
    return false;
}

bool spend_steps(struct expr_env *env, size_t n)
{
    env->steps += n < EXPR_STEPS ? n : EXPR_STEPS + 1;
    return env->steps <= EXPR_STEPS || refuse(env, "this takes more than %d steps", EXPR_STEPS);
}

bool spend_bytes(struct expr_env *env, size_t n)
{
    env->bytes += n < EXPR_BYTES ? n : EXPR_BYTES + 1;
    return env->bytes <= EXPR_BYTES || refuse(env, "this makes more than %u bytes", EXPR_BYTES);
}

static enum err error_of(const struct expr_env *env)
{
    return env->steps > EXPR_STEPS || env->bytes > EXPR_BYTES ? ERR_TOO_LARGE : ERR_INVALID;
}

const struct json *filter_failed(struct filter_call *c, const char *fmt, ...)
{
    char why[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    refuse(c->env, "%s of " STR_FMT ": %s", c->name, STR_ARG(str_take(c->path, 200)), why);
    return NULL;
}

/* ---- values ---- */

static struct json *value_new(struct expr_env *env, enum json_type type)
{
    struct json *j = arena_zalloc(env->arena, sizeof *j);
    j->type = type;
    return j;
}

const struct json *value_string(struct expr_env *env, struct str text)
{
    struct json *j = value_new(env, JSON_STRING);
    j->text = text;
    return j;
}

const struct json *value_number(struct expr_env *env, struct str text)
{
    struct json *j = value_new(env, JSON_NUMBER);
    j->raw = text;
    return j;
}

const struct json *value_i64(struct expr_env *env, int64_t v)
{
    return value_number(env, arena_printf(env->arena, "%lld", (long long)v));
}

const struct json *value_bool(bool v)
{
    static const struct json yes = {.type = JSON_TRUE, .raw = {"true", 4}};
    static const struct json no = {.type = JSON_FALSE, .raw = {"false", 5}};
    return v ? &yes : &no;
}

const struct json *filter_result(struct filter_call *c, struct buf *out)
{
    const struct json *v = NULL;
    if (out->overflow)
        spend_bytes(c->env, EXPR_BYTES + 1);
    else if (spend_bytes(c->env, out->len))
        v = value_string(c->env, arena_str(c->env->arena, out->len > 0 ? buf_str(out) : STR("")));
    buf_fini(out);
    return v;
}

void expr_value_write(const struct json *v, struct json_writer *w)
{
    if (v->raw.ptr != NULL) {
        json_w_raw(w, v->raw);
        return;
    }
    switch (v->type) {
    case JSON_STRING:
        json_w_str(w, v->text);
        break;
    case JSON_ARRAY:
        json_w_array(w);
        for (const struct json *c = v->child; c != NULL; c = c->next)
            expr_value_write(c, w);
        json_w_array_end(w);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        json_w_bool(w, v->type == JSON_TRUE);
        break;
    default: /* objects are never made */
        json_w_null(w);
    }
}

bool value_text(struct expr_env *env, const struct json *v, struct str *out)
{
    struct buf b = BUF_INIT(EXPR_BYTES);
    *out = STR("");
    if (v->type == JSON_NULL)
        return true;
    if (v->type == JSON_STRING || v->raw.ptr != NULL) {
        *out = v->type == JSON_STRING ? v->text : v->raw;
        return spend_steps(env, 1 + out->len / BYTES_PER_STEP);
    }
    struct json_writer w = json_writer(&b);
    expr_value_write(v, &w);
    bool fits = spend_bytes(env, b.overflow ? EXPR_BYTES + 1 : b.len);
    if (fits)
        *out = arena_str(env->arena, buf_str(&b));
    buf_fini(&b);
    return fits;
}

enum err expr_value_text(const struct json *v, struct expr_env *env, struct buf *out)
{
    struct str text;
    if (!value_text(env, v, &text) || !spend_bytes(env, text.len))
        return error_of(env);
    buf_add_str(out, text);
    return ERR_OK;
}

/* ---- paths ---- */

static const struct json *item(const struct json *array, int64_t index)
{
    const struct json *c = array->child;
    if (index < 0)
        index += (int64_t)array->count;
    if (index < 0 || index >= (int64_t)array->count)
        return NULL;
    for (; c != NULL && index > 0; index--)
        c = c->next;
    return c;
}

static void note_missing(struct expr_env *env, struct str path)
{
    for (size_t i = 0; i < env->missing_count; i++) {
        if (str_eq(env->missing[i], path))
            return;
    }
    if (env->missing_count < EXPR_MISSING_MAX)
        env->missing[env->missing_count++] = path;
}

/* NULL: over the budget. */
static const struct json *follow(struct expr_env *env, const struct operand *o)
{
    const struct json *v = NULL;
    for (size_t i = 0; i < env->root_count && v == NULL; i++) {
        if (str_eq(env->roots[i].name, o->segments[0].name))
            v = env->roots[i].value;
    }
    for (size_t i = 1; i < o->count && v != NULL; i++) {
        const struct segment *s = &o->segments[i];
        if (!spend_steps(env, v->count + 1))
            return NULL;
        if (v->type == JSON_OBJECT)
            v = s->name.ptr != NULL ? json_get(v, s->name) : NULL;
        else if (v->type == JSON_ARRAY && (s->name.ptr == NULL || (s->index > 0 || str_eq(s->name, STR("0")))))
            v = item(v, s->index);
        else
            v = NULL;
    }
    return v != NULL ? v : &value_missing;
}

static const struct json *operand_value(struct expr_env *env, const struct operand *o)
{
    return o->literal != NULL ? o->literal : follow(env, o);
}

/* Whether what comes next takes care of a missing value. */
static bool is_cared_for(const struct expression *e)
{
    return e->filter_count > 0 && (strcmp(e->filters[0].row->name, "default") == 0);
}

/* NULL: failed. */
static const struct json *evaluate(struct expr_env *env, const struct expression *e)
{
    const struct json *v = operand_value(env, &e->operand);
    if (v == &value_missing && !is_cared_for(e))
        note_missing(env, e->operand.path);
    for (size_t i = 0; i < e->filter_count && v != NULL; i++) {
        const struct filter_use *use = &e->filters[i];
        struct filter_call c = {
                .env = env, .name = use->row->name, .path = e->operand.path, .in = v, .arg_count = use->arg_count};
        if (!spend_steps(env, 1))
            return NULL;
        for (size_t k = 0; k < use->arg_count; k++) {
            c.args[k] = operand_value(env, &use->args[k]);
            if (c.args[k] == NULL)
                return NULL;
            if (c.args[k] == &value_missing)
                note_missing(env, use->args[k].path);
        }
        v = use->row->run(&c);
    }
    return v;
}

/* ---- destinations ---- */

static void add_url(struct str s, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~';
        if (plain) {
            buf_add_c(out, (char)c);
        } else {
            buf_add_c(out, '%');
            buf_add_c(out, digits[c >> 4]);
            buf_add_c(out, digits[c & 15]);
        }
    }
}

static void add_html(struct str s, struct buf *out)
{
    static const struct {
        char c;
        const char *text;
    } rows[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    for (size_t i = 0; i < s.len; i++) {
        const char *text = NULL;
        for (size_t k = 0; k < ARRAY_LEN(rows); k++)
            text = rows[k].c == s.ptr[i] ? rows[k].text : text;
        if (text != NULL)
            buf_add_str(out, str_c(text));
        else
            buf_add_c(out, s.ptr[i]);
    }
}

static bool add_header(struct expr_env *env, const struct expression *e, struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < ' ' && c != '\t') || c == 127)
            return refuse(env, STR_FMT ": a header takes no line breaks or other control characters",
                          STR_ARG(str_take(e->operand.path, 200)));
    }
    buf_add_str(out, s);
    return true;
}

/* Where in a URL comes next what is added to `built`. */
enum url_place { URL_HOST_FIRST, URL_HOST, URL_PATH, URL_REST };
static enum url_place url_place(struct str built)
{
    size_t scheme = str_find_str(built, STR("://"));
    struct str rest = str_skip(built, scheme + 3);
    if (scheme == built.len)
        return URL_PATH; /* of no host that a value could be part of */
    for (size_t i = 0; i < rest.len; i++) {
        if (strchr("?#", rest.ptr[i]) != NULL)
            return URL_REST;
    }
    for (size_t i = 0; i < rest.len; i++) {
        if (strchr("/\\", rest.ptr[i]) != NULL)
            return URL_PATH;
    }
    return rest.len == 0 ? URL_HOST_FIRST : URL_HOST;
}

/* A value must not lead to another host than the one that the author wrote, nor out of the folder that it stands in. */
static bool add_url_value(struct expr_env *env, const struct expression *e, struct str built, struct str s,
                          struct buf *out)
{
    enum url_place place = url_place(built);
    bool host = place == URL_HOST_FIRST || place == URL_HOST;
    for (size_t i = 0; i < s.len && host; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool letter = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_';
        if (!letter && (c != '.' || place == URL_HOST))
            return refuse(env, STR_FMT ": here, in the host of a URL, a value is letters, digits and hyphens",
                          STR_ARG(str_take(e->operand.path, 200)));
    }
    if (place == URL_PATH && (str_eq(s, STR(".")) || str_eq(s, STR(".."))))
        return refuse(env, STR_FMT ": a value of dots would lead elsewhere in the URL",
                      STR_ARG(str_take(e->operand.path, 200)));
    add_url(s, out);
    return true;
}

/* Where in JSON comes next what is added. */
struct json_place {
    bool inside;  /* a string */
    bool escaped; /* a backslash stands right before */
};

static void pass_json(struct json_place *at, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (at->escaped)
            at->escaped = false;
        else if (c == '"')
            at->inside = !at->inside;
        else
            at->escaped = at->inside && c == '\\';
    }
}

static bool ends_with(const struct expression *e, const char *filter)
{
    return e->filter_count > 0 && strcmp(e->filters[e->filter_count - 1].row->name, filter) == 0;
}

/* What it adds is whole, the inside of a string or a value: the place stays what it was. */
static bool add_json(struct expr_env *env, const struct expression *e, const struct json_place *at,
                     const struct json *v, struct buf *out)
{
    size_t before = out->len;
    struct str text;
    if (at->escaped)
        return refuse(env, STR_FMT ": right behind a backslash no value can stand in JSON",
                      STR_ARG(str_take(e->operand.path, 200)));
    if (!value_text(env, v, &text))
        return false;
    if (at->inside) {
        json_escape(text, out);
    } else if (ends_with(e, "json") && v->type == JSON_STRING) {
        buf_add_str(out, text);
    } else {
        struct json_writer w = json_writer(out);
        expr_value_write(v, &w);
    }
    return spend_bytes(env, out->overflow ? EXPR_BYTES + 1 : out->len - before);
}

/* Where in a text comes next what is added. */
struct place {
    size_t begin; /* where in the buffer the text begins */
    bool first;   /* nothing stands before the expression in its template */
    struct json_place json;
    struct xml_place xml;
};

static bool add_xml(struct expr_env *env, const struct expression *e, struct place *at, struct str s, struct buf *out)
{
    xml_read(&at->xml, str_skip(buf_str(out), at->begin));
    const char *why = xml_add(&at->xml, s, out);
    return why == NULL || refuse(env, STR_FMT ": %s", STR_ARG(str_take(e->operand.path, 200)), why);
}

static bool add_encoded(struct expr_env *env, const struct expression *e, enum expr_dest dest, struct place *at,
                        struct str s, struct buf *out)
{
    size_t before = out->len;
    bool fits = true;
    if (dest == EXPR_URL && !at->first)
        fits = add_url_value(env, e, str_skip(buf_str(out), at->begin), s, out);
    else if (dest == EXPR_FORM && !ends_with(e, "urlencode"))
        add_url(s, out);
    else if (dest == EXPR_HTML)
        add_html(s, out);
    else if (dest == EXPR_HEADER)
        fits = add_header(env, e, s, out);
    else if (dest == EXPR_XML)
        fits = add_xml(env, e, at, s, out);
    else
        buf_add_str(out, s);
    return fits && spend_bytes(env, out->overflow ? EXPR_BYTES + 1 : out->len - before);
}

enum err expr_text(const struct expr_template *t, enum expr_dest dest, struct expr_env *env, struct buf *out)
{
    struct place place = {.begin = out->len};
    for (size_t i = 0; i < t->count; i++) {
        const struct part *p = &t->parts[i];
        struct str text;
        if (p->expression == NULL) {
            if (!spend_bytes(env, p->text.len))
                return error_of(env);
            buf_add_str(out, p->text);
            pass_json(&place.json, p->text);
            continue;
        }
        const struct json *v = evaluate(env, p->expression);
        if (v != NULL && dest == EXPR_JSON) {
            if (!add_json(env, p->expression, &place.json, v, out))
                return error_of(env);
            continue;
        }
        place.first = i == 0;
        if (v == NULL || !value_text(env, v, &text) || !add_encoded(env, p->expression, dest, &place, text, out))
            return error_of(env);
    }
    return ERR_OK;
}

enum err expr_value(const struct expr_template *t, struct expr_env *env, const struct json **out)
{
    if (expr_is_single(t)) {
        *out = evaluate(env, t->parts[0].expression);
        return *out != NULL ? ERR_OK : error_of(env);
    }
    struct buf text = BUF_INIT(EXPR_BYTES);
    enum err e = expr_text(t, EXPR_TEXT, env, &text);
    if (e == ERR_OK)
        *out = value_string(env, arena_str(env->arena, text.len > 0 ? buf_str(&text) : STR("")));
    buf_fini(&text);
    return e;
}
