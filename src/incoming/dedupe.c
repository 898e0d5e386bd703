/* SPDX-License-Identifier: Apache-2.0 */
#include "incoming/dedupe.h"

#include "expr/expr.h"
#include "signing/form.h"
#include "signing/profile_incoming.h"

#define KEY_MAX 65536

static bool take_kind(struct str *expression, struct str kind)
{
    if (!str_starts(*expression, kind))
        return false;
    *expression = str_trim(str_skip(*expression, kind.len));
    return true;
}

/* "order.id" as an expression; a filter, or two of them, would be more than a path. */
static enum err compile_path(struct arena *a, struct str path, const struct expr_template **out)
{
    struct expr_error error;
    const char *dot = path.len > 0 && path.ptr[0] == '[' ? "" : ".";
    if (path.len == 0 || str_find(path, '|') < path.len || str_find(path, '}') < path.len)
        return ERR_SYNTAX;
    return expr_compile(a, arena_printf(a, "{{ trigger.body%s" STR_FMT " }}", dot, STR_ARG(path)), out, &error);
}

const char *dedupe_check(struct arena *a, struct str expression)
{
    const struct expr_template *t;
    if (expression.len > DEDUPE_MAX)
        return "must be at most 256 bytes";
    if (str_eq(expression, STR("none")))
        return NULL;
    if (take_kind(&expression, STR("header:")) || take_kind(&expression, STR("query:")))
        return expression.len > 0 ? NULL : "must name a header or a parameter";
    if (!take_kind(&expression, STR("body:")))
        return "must be header:NAME, body:PATH, query:NAME or none";
    return compile_path(a, expression, &t) == ERR_OK ? NULL : "must be a path in the body, such as body:order.id";
}

const char *dedupe_check_row(struct arena *a, const struct profile *p)
{
    struct str dedupe = profile_rules(p)->dedupe;
    return dedupe.len == 0 || profile_rules_signed(profile_rules(p)) ? NULL : dedupe_check(a, dedupe);
}

/* A text, read as what its bytes say. The type of a body is signed by nobody: one that is sent again under another
 * type is still the same. */
static const struct json *read_text(struct arena *a, const struct incoming *in, const struct json *trigger)
{
    struct http_header type = {STR("Content-Type"), STR("application/x-www-form-urlencoded")};
    struct incoming as = {.method = in->method, .headers = &type, .header_count = 1, .body = in->body};
    const struct json *body = json_get(trigger, STR("body")), *again;
    struct incoming_json parts;
    enum content kind;
    const char *media;
    struct str why;
    if (body == NULL || body->type != JSON_STRING || content_kind(&as, &kind, &media) != ERR_OK ||
        content_read(a, &as, kind, STR_NULL, &parts, &why) != ERR_OK)
        return trigger;
    again = content_tree(a, in->method, &parts);
    return again != NULL ? again : trigger;
}

static struct str body_key(struct arena *a, struct str path, const struct incoming *in, const struct json *trigger)
{
    const struct expr_template *t;
    struct expr_root root = {.name = STR("trigger"), .value = read_text(a, in, trigger)};
    struct expr_env env = {.arena = a, .roots = &root, .root_count = 1};
    struct buf out = BUF_INIT(KEY_MAX);
    struct str key = STR_NULL;
    if (compile_path(a, path, &t) == ERR_OK && expr_text(t, EXPR_TEXT, &env, &out) == ERR_OK && out.len > 0)
        key = arena_str(a, buf_str(&out));
    buf_fini(&out);
    return key;
}

struct str dedupe_key(struct arena *a, struct str expression, const struct incoming *in, const struct json *trigger)
{
    struct str value = STR_NULL;
    if (take_kind(&expression, STR("header:"))) {
        while (expression.len > 0 && value.len == 0)
            value = incoming_header(in, str_trim(str_split(&expression, ',')));
    } else if (take_kind(&expression, STR("query:"))) {
        value = form_find(a, in->query, expression);
    } else if (take_kind(&expression, STR("body:"))) {
        value = body_key(a, expression, in, trigger);
    }
    return value.len > 0 ? value : STR_NULL;
}
