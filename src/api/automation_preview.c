/* SPDX-License-Identifier: Apache-2.0 */
/* What single texts of a step become, for those who write it. */
#include "api/automation_try.h"

#include "api/routes.h"

#define PREVIEWS_MAX  100
#define PREVIEW_BYTES ((size_t)1 << 20)

/* Takes a step as done, if there is nothing wrong with it. */
static void pass(struct trying *t, const struct json *step)
{
    struct json one = *step;
    struct json list = {.type = JSON_ARRAY, .raw = step->raw, .count = 1, .child = &one};
    struct arena *a = arena_new(65536);
    struct problems problems = PROBLEMS_INIT;
    struct definition d;
    struct run_view v;
    struct str error, id;
    one.next = NULL;
    bool known = json_as_str(json_get(step, STR("id")), &id) && definition_compile(a, &list, &d, &problems);
    if (known && d.count > 0 && trying_look(t, &v) == ERR_OK) {
        struct expr_env env = run_env(t->scratch, &v, t->call->now_ms);
        struct str input = trying_render(t, &d.steps[0], &env, &error);
        (void)trying_do(t, &d.steps[0], input);
    }
    problems_fini(&problems);
    arena_free(a);
}

static enum err fill(const struct expr_template *text, struct str as, struct expr_env *env, struct json_writer *w)
{
    static const struct {
        const char *name;
        enum expr_dest dest;
    } dests[] = {{"text", EXPR_TEXT}, {"url", EXPR_URL},   {"header", EXPR_HEADER}, {"html", EXPR_HTML},
                 {"json", EXPR_JSON}, {"form", EXPR_FORM}, {"xml", EXPR_XML}};
    const struct json *value;
    struct buf out = BUF_INIT(PREVIEW_BYTES);
    for (size_t i = 0; i < ARRAY_LEN(dests); i++) {
        if (!str_eq(as, str_c(dests[i].name)))
            continue;
        enum err e = expr_text(text, dests[i].dest, env, &out);
        if (e == ERR_OK)
            json_w_str_at(w, "value", buf_str(&out));
        buf_fini(&out);
        return e;
    }
    enum err e = expr_value(text, env, &value);
    if (e != ERR_OK)
        return e;
    json_w_name(w, STR("value"));
    expr_value_write(value, w);
    return e;
}

static void preview_text(struct trying *t, const struct json *item, const struct run_view *v)
{
    struct arena *a = t->call->arena;
    const struct expr_template *text;
    struct expr_error error;
    struct expr_env env = run_env(a, v, t->call->now_ms);
    struct str written = STR_NULL, as = STR("value"), why = STR_NULL;
    json_as_str(json_get(item, STR("text")), &written);
    json_as_str(json_get(item, STR("as")), &as);
    json_w_object(&t->w);
    if (expr_compile(a, written, &text, &error) != ERR_OK)
        why = arena_printf(a, STR_FMT " (at character %zu)", STR_ARG(error.what), error.at + 1);
    else if (fill(text, as, &env, &t->w) != ERR_OK)
        why = env.why;
    if (why.ptr != NULL)
        json_w_null_at(&t->w, "value");
    json_w_opt_str_at(&t->w, "error", why);
    trying_write_missing(t, &env);
    json_w_object_end(&t->w);
}

/* What is wrong with the lists of the body. */
static const struct json *check_lists(struct trying *t, const struct json *body)
{
    const struct json *texts = json_get(body, STR("texts"));
    if (texts == NULL || texts->type != JSON_ARRAY || texts->count > PREVIEWS_MAX)
        call_problem(t->call, "texts", "value_error", "must be a list of at most %d objects", PREVIEWS_MAX);
    if (t->steps->type != JSON_ARRAY || t->steps->count > DEFINITION_STEPS_MAX)
        call_problem(t->call, "steps", "value_error", "must be a list of at most %d steps", DEFINITION_STEPS_MAX);
    return call_fits(t->call) ? texts : NULL;
}

/*
 * {"texts": [{"text": "{{ … }}", "as": "value" | "text" | "url" | "header" | "html" | "json" | "form" | "xml"}…]} and
 * the members that a test takes; "steps" are those before the texts, all taken as done, and those that have mistakes as
 * not there.
 */
void automation_preview(struct api *api, struct api_call *call)
{
    struct trying t;
    struct run_view v;
    if (!trying_begin(api, call, &t))
        return;
    const struct json *texts = check_lists(&t, call_json(call, true));
    if (texts == NULL) {
        trying_fini(&t);
        return;
    }
    for (const struct json *s = t.steps->child; s != NULL; s = s->next)
        pass(&t, s);
    if (!answer_ok(call, trying_look(&t, &v))) {
        trying_fini(&t);
        return;
    }
    t.w = answer(call, 200);
    json_w_object(&t.w);
    trying_write_sample(&t);
    json_w_name(&t.w, STR("data"));
    json_w_array(&t.w);
    for (const struct json *i = texts->child; i != NULL; i = i->next)
        preview_text(&t, i, &v);
    json_w_array_end(&t.w);
    json_w_object_end(&t.w);
    trying_fini(&t);
}
