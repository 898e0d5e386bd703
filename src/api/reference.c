/* SPDX-License-Identifier: Apache-2.0 */
/* The description for people: one page, which asks nobody for anything and runs nothing. */
#include "api/describe.h"
#include "api/routes.h"
#include "crypto/crypto.h"

static const char style[] =
        "body{font:16px/1.5 system-ui,sans-serif;margin:0 "
        "auto;max-width:60rem;padding:1rem;color:#1b1f24;background:#fff}"
        "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.5rem;border-bottom:1px solid #d5d9de}"
        "nav a{margin-right:1rem}a{color:#0a58ca}summary{cursor:pointer;padding:.35rem 0}"
        "code{font:14px ui-monospace,monospace}.m{display:inline-block;min-width:4.5rem;font-weight:600}"
        "table{border-collapse:collapse;margin:.25rem 0 1rem}td,th{padding:.2rem .8rem .2rem 0;text-align:left;"
        "vertical-align:top}.s{display:block;margin-left:4.7rem;color:#59636e}"
        "@media(prefers-color-scheme:dark){body{background:#14171a;color:#e4e7ea}a{color:#7ab7ff}.s{color:#9aa4ae}"
        "h2{border-color:#3a4046}}";

static void add_text(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '<')
            buf_add_str(out, STR("&lt;"));
        else if (s.ptr[i] == '&')
            buf_add_str(out, STR("&amp;"));
        else
            buf_add_c(out, s.ptr[i]);
    }
}

/* <tag>text</tag> */
static void add_element(struct buf *out, const char *tag, struct str text)
{
    buf_addf(out, "<%s>", tag);
    add_text(out, text);
    buf_addf(out, "</%s>", tag);
}

static struct str words_of_type(const struct property *p)
{
    static const char *const words[] = {
            [FIELD_TEXT] = "string",      [FIELD_BOOL] = "bool",     [FIELD_INT] = "int",
            [FIELD_MS] = "int",           [FIELD_TIME] = "time",     [FIELD_NAMES] = "[string]",
            [FIELD_SECONDS] = "[number]", [FIELD_OBJECT] = "object", [FIELD_STRINGS] = "strings",
            [FIELD_HEADERS] = "strings"};
    return p->field != NULL ? str_c(words[p->field->kind]) : p->type;
}

/* A type's name, linked when it is a schema's. */
static void add_type(struct buf *out, struct str type)
{
    struct str name = type.len > 0 && type.ptr[0] == '[' ? str_of(type.ptr + 1, type.len - 2) : type;
    buf_add_str(out, STR("<code>"));
    if (schema_find(name) != NULL)
        buf_addf(out, "<a href=\"#" STR_FMT "\">" STR_FMT "</a>", STR_ARG(name), STR_ARG(type));
    else
        add_text(out, type);
    buf_add_str(out, STR("</code>"));
}

static void add_schema(struct buf *out, const struct schema *s)
{
    struct property_walk walk = schema_walk(s);
    struct property p;
    buf_addf(out, "<h3 id=\"%s\">%s</h3><table>", s->name, s->name);
    while (schema_next(&walk, &p)) {
        bool maybe = s->use == SCHEMA_OUT && !p.required;
        buf_add_str(out, STR("<tr><td>"));
        add_element(out, "code", p.name);
        buf_add_str(out, STR("</td><td>"));
        add_type(out, words_of_type(&p));
        buf_addf(out, "</td><td>%s</td></tr>",
                 maybe                                ? "not always there"
                 : s->use != SCHEMA_OUT && p.required ? "required"
                 : s->use == SCHEMA_OUT && p.nullable ? "or null"
                                                      : "");
    }
    buf_add_str(out, STR("</table>"));
}

static void add_roles(struct buf *out, const struct route *r)
{
    static const struct {
        unsigned who;
        const char *name;
    } roles[] = {{WHO_OWNER, "owner"},
                 {WHO_EDITOR, "editor"},
                 {WHO_VIEWER, "viewer"},
                 {WHO_PORTAL, "portal"},
                 {WHO_PORTAL_READ, "portal, read-only"},
                 {WHO_INTEGRATION, "integration"},
                 {WHO_POLLER, "poller"}};
    buf_add_str(out, STR("<p>Who may: "));
    const char *comma = "";
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if ((r->who & roles[i].who) == 0)
            continue;
        buf_addf(out, "%s%s", comma, roles[i].name);
        comma = "; ";
    }
    buf_addf(out, "%s.</p>", (r->flags & ROUTE_PUBLIC) != 0 ? "everybody" : "");
}

static void add_operation(struct buf *out, const struct route *r, const struct description *d)
{
    static const char *const names[] = {[HTTP_M_GET] = "GET",
                                        [HTTP_M_POST] = "POST",
                                        [HTTP_M_PUT] = "PUT",
                                        [HTTP_M_PATCH] = "PATCH",
                                        [HTTP_M_DELETE] = "DELETE"};
    struct str query = str_c(d->query != NULL ? d->query : "");
    const struct query_parameter *q;
    buf_addf(out, "<details><summary><span class=m>%s</span><code>%s</code><span class=s>%s</span></summary>",
             names[d->method], d->pattern, d->summary);
    add_roles(out, r);
    if (d->query != NULL)
        buf_add_str(out, STR("<table>"));
    while ((q = query_parameter_next(&query)) != NULL) {
        buf_addf(out, "<tr><td><code>?%s</code></td><td>", q->name);
        add_type(out, str_c(q->type));
        buf_addf(out, "</td><td>%s</td></tr>", q->text);
    }
    if (d->query != NULL)
        buf_add_str(out, STR("</table>"));
    if (d->in != NULL) {
        buf_add_str(out, STR("<p>Body: "));
        add_type(out, str_c(d->in));
        buf_add_str(out, STR("</p>"));
    }
    buf_addf(out, "<p>Answer: %d ", d->status);
    if (d->out != NULL)
        add_type(out, str_c(d->out));
    buf_add_str(out, STR("</p></details>"));
}

static void add_page(struct buf *out)
{
    struct str group = STR("");
    buf_addf(out,
             "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport "
             "content=\"width=device-width\"><title>Postrider: API</title><style>%s</style></head><body>"
             "<h1>Postrider: API</h1><p>Requests carry <code>Authorization: Bearer TOKEN</code>. For programs: "
             "<a href=\"/api/v1/openapi.json\">openapi.json</a>. Lists answer <code>{data, iterator, prevIterator, "
             "done}</code>.</p><main>",
             style);
    for (size_t i = 0; i < api_route_count; i++) {
        const struct description *d = description_of(&api_routes[i]);
        if (d == NULL)
            continue;
        if (!str_eq(group, description_group(d)))
            add_element(out, "h2", group = description_group(d));
        add_operation(out, &api_routes[i], d);
    }
    buf_add_str(out, STR("<h2>Bodies</h2>"));
    for (size_t i = 0; i < api_schema_count; i++)
        add_schema(out, &api_schemas[i]);
    buf_add_str(out, STR("</main></body></html>\n"));
}

void reference_get(struct api *api, struct api_call *call)
{
    unsigned char digest[CRYPTO_SHA256_LEN];
    struct buf hash = BUF_INIT(128);
    (void)api;
    crypto_sha256(str_c(style), digest);
    crypto_base64(str_of((const char *)digest, sizeof digest), &hash);
    call->status = 200;
    add_page(&call->out);
    answer_header(call, STR("Content-Type"), STR("text/html; charset=utf-8"));
    answer_header(call, STR("X-Content-Type-Options"), STR("nosniff"));
    answer_header(call, STR("Content-Security-Policy"),
                  arena_printf(call->arena,
                               "default-src 'none'; style-src 'sha256-" STR_FMT
                               "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
                               STR_ARG(buf_str(&hash))));
    buf_fini(&hash);
}
