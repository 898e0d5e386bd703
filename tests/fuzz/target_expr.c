/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text with expressions and a document, a zero byte between. A tree that it fills is JSON of the same shape; values
 * never end a header line, nor add to HTML or XML, nor change where a URL leads; what has no expression stays as it is.
 */
#include "expr/expr.h"
#include "fuzz.h"

static size_t count_of(struct str s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == c;
    return n;
}

struct run {
    struct arena *a;
    struct expr_root roots[2];
};

static struct expr_env env_of(struct run *r)
{
    return (struct expr_env){.arena = r->a, .roots = r->roots, .root_count = 2, .now_ms = FUZZ_NOW_MS};
}

static void check_dest(struct run *r, const struct expr_template *t, struct str text, enum expr_dest dest)
{
    struct expr_env env = env_of(r);
    struct buf out = BUF_INIT(EXPR_BYTES * 4);
    enum err e = expr_text(t, dest, &env, &out);
    CHECK(e == ERR_OK || ((e == ERR_INVALID || e == ERR_TOO_LARGE) && env.why.len > 0));
    CHECK(env.missing_count <= EXPR_MISSING_MAX);
    if (e == ERR_OK && dest == EXPR_HEADER && str_find(text, '\n') == text.len && str_find(text, '\r') == text.len) {
        CHECK(str_find(buf_str(&out), '\n') == out.len && str_find(buf_str(&out), '\r') == out.len);
    } else if (e == ERR_OK && dest == EXPR_HTML) {
        CHECK(count_of(buf_str(&out), '<') <= count_of(text, '<'));
        CHECK(count_of(buf_str(&out), '"') <= count_of(text, '"'));
        CHECK(count_of(buf_str(&out), '\'') <= count_of(text, '\''));
    }
    if (e == ERR_OK && dest == EXPR_FORM)
        CHECK(count_of(buf_str(&out), '&') <= count_of(text, '&'));
    if (e == ERR_OK && dest == EXPR_XML && str_find_str(buf_str(&out), STR("<![CDATA[")) == out.len) {
        CHECK(count_of(buf_str(&out), '<') <= count_of(text, '<'));
        CHECK(count_of(buf_str(&out), '>') <= count_of(text, '>'));
        CHECK(count_of(buf_str(&out), '"') <= count_of(text, '"'));
        CHECK(count_of(buf_str(&out), '\'') <= count_of(text, '\''));
    }
    if (e == ERR_OK && expr_is_plain(t))
        CHECK(str_eq(buf_str(&out), text));
    buf_fini(&out);
}

/* Names, numbers of members and what is text stay; only what is exactly one expression may become something else. */
static void check_shape(struct run *r, const struct json *from, const struct json *to)
{
    const struct expr_template *t;
    struct expr_error error;
    if (from->type == JSON_STRING && expr_compile(r->a, from->text, &t, &error) == ERR_OK && expr_is_single(t))
        return;
    CHECK(from->type == to->type && from->count == to->count);
    const struct json *c = from->child, *d = to->child;
    for (; c != NULL && d != NULL; c = c->next, d = d->next) {
        CHECK(str_eq(c->name, d->name));
        check_shape(r, c, d);
    }
    CHECK(c == NULL && d == NULL);
}

/* One expression behind a host and behind a path: what follows is part of a name, or of one segment. */
static void check_url(struct run *r, struct str text)
{
    static const char *const before[] = {"https://api.example.com", "https://api.example.com/a/"};
    struct expr_error error;
    const struct expr_template *t;
    if (expr_compile(r->a, text, &t, &error) != ERR_OK || !expr_is_single(t))
        return;
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        struct expr_env env = env_of(r);
        struct buf out = BUF_INIT(EXPR_BYTES * 4);
        CHECK(expr_compile(r->a, arena_printf(r->a, "%s" STR_FMT, before[i], STR_ARG(text)), &t, &error) == ERR_OK ||
              text.len > EXPR_TEXT_MAX - 100);
        if (expr_text(t, EXPR_URL, &env, &out) == ERR_OK) {
            CHECK(str_starts(buf_str(&out), str_c(before[i])));
            struct str rest = str_skip(buf_str(&out), strlen(before[i]));
            CHECK(i == 0 || (!str_eq(rest, STR(".")) && !str_eq(rest, STR(".."))));
            for (size_t k = 0; k < rest.len; k++) {
                char c = rest.ptr[k];
                bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' || c == '_';
                CHECK(plain || (i == 1 && c != '\0' && strchr(".~%", c) != NULL));
            }
        }
        buf_fini(&out);
    }
}

static void check_tree(struct run *r, struct str text)
{
    struct buf doc = BUF_INIT(1 << 20), out = BUF_INIT(EXPR_BYTES * 8);
    struct json_writer w = json_writer(&doc), o = json_writer(&out);
    struct json *from, *to;
    const struct expr_tree *tree;
    struct expr_error error;
    struct str pointer;
    json_w_object(&w);
    json_w_str_at(&w, "a", text);
    json_w_str_at(&w, "b", arena_printf(r->a, "<" STR_FMT ">", STR_ARG(text)));
    json_w_name(&w, text);
    json_w_array(&w);
    json_w_str(&w, text);
    json_w_i64(&w, 1);
    json_w_array_end(&w);
    json_w_object_end(&w);
    CHECK(!doc.overflow && json_parse(r->a, buf_str(&doc), &from, NULL) == ERR_OK);
    struct expr_env env = env_of(r);
    if (expr_tree_compile(r->a, from, &tree, &error, &pointer) == ERR_OK && expr_tree_fill(tree, &env, &o) == ERR_OK) {
        CHECK(!out.overflow && json_parse(r->a, buf_str(&out), &to, NULL) == ERR_OK);
        check_shape(r, from, to);
    }
    buf_fini(&doc);
    buf_fini(&out);
}

static void check_value(struct run *r, const struct expr_template *t)
{
    const struct json *v;
    struct expr_env env = env_of(r);
    struct buf out = BUF_INIT(EXPR_BYTES * 8);
    struct json_writer w = json_writer(&out);
    if (expr_value(t, &env, &v) == ERR_OK) {
        expr_value_write(v, &w);
        CHECK(!out.overflow && fuzz_is_json(buf_str(&out)));
    }
    buf_fini(&out);
}

static void run(struct str in)
{
    struct str text = fuzz_part(&in);
    struct run r = {.a = arena_new(8192), .roots = {{.name = STR("trigger")}, {.name = STR("steps")}}};
    struct json *doc;
    const struct expr_template *t;
    struct expr_error error = {.at = 0};
    if (json_parse(r.a, in, &doc, NULL) == ERR_OK)
        r.roots[0].value = doc;
    if (expr_compile(r.a, text, &t, &error) == ERR_OK) {
        check_dest(&r, t, text, EXPR_TEXT);
        check_dest(&r, t, text, EXPR_URL);
        check_dest(&r, t, text, EXPR_HEADER);
        check_dest(&r, t, text, EXPR_HTML);
        check_dest(&r, t, text, EXPR_FORM);
        check_dest(&r, t, text, EXPR_XML);
        check_value(&r, t);
    } else {
        CHECK(error.at <= text.len && error.what.len > 0);
    }
    check_url(&r, text);
    if (str_is_utf8(text))
        check_tree(&r, text);
    arena_free(r.a);
}

#define DOC                                                                                                            \
    "{\"body\":{\"name\":\"<A & \\\"b\\\">\\n\",\"n\":1.50,\"list\":[3,1,2],\"t\":\"2026-11-21T09:30:00Z\",\"odd "     \
    "name\":null}}"

static const struct str seeds[] = {
        STR("Hello {{ trigger.body.name | default: \"you\" }}!\0" DOC),
        STR("{{ trigger.body.list[-1] }}\0" DOC),
        STR("{{trigger[\"body\"][\"odd name\"] | required}} {{ \"{{\" }}\0" DOC),
        STR("{{ trigger.body.list | sort | reverse | join: ', ' | upcase | truncate: 5 }}\0" DOC),
        STR("{{ trigger.body.n | plus: 1 | times: 2 | round: 1 }}{{ now | date: \"%Y-%m-%d\" }}\0" DOC),
        STR("{{ trigger | json }}{{ trigger.body.name | url_encode | size }}\0" DOC),
        STR("no expression at all } {\0{}"),
        STR("{{ trigger.body.host }}\0{\"body\":{\"host\":\".evil.example/..\"}}"),
        STR("<a b=\"{{ trigger.body.name }}\"><!-- {{ trigger.body.t }} --><![CDATA[{{ trigger.body.name "
            "}}]]></a>\0" DOC),
        STR("{{ trigger.body.dots }}\0{\"body\":{\"dots\":\"..\"}}"),
        STR("{{ trigger.body }}\0{\"body\":\"\\\",\\\"x\\\":1}\\r\\nX: 1\"}"),
};
#define FILTERS_MAX 128
static const char *words[FILTERS_MAX] = {"{{",  "}}", "trigger.", "steps.", "[-1]", "[\"",
                                         " | ", ": ", "'",        "\\n",    "null", NULL};

/* The names of the filters are words of the dictionary. */
__attribute__((constructor)) static void add_filters(void)
{
    size_t n = 0;
    while (words[n] != NULL)
        n++;
    for (size_t i = 0; i < expr_filter_count() && n + 1 < FILTERS_MAX; i++)
        words[n++] = expr_filter_doc(i).name;
}

const struct fuzz_target fuzz_expr = {
        .name = "expr", .run = run, .seeds = seeds, .seed_count = ARRAY_LEN(seeds), .words = words, .len_max = 1024};
