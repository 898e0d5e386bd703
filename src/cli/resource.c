/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a row of the table of verbs: flags become path, query and body; the answer is shown. */
#include "cli/resource.h"

#include <stdio.h>

#include "cli/local.h"
#include "cli/offline.h"
#include "json/write.h"

#define PATH_MAX_BYTES ((size_t)64 << 10)
#define BODY_MAX       ((size_t)64 << 20)
#define VERBS_MAX      16

/* ---- path and query ---------------------------------------------------------------------------------------------- */

/* What stands for a placeholder, or NULL. */
static const char *placeholder_value(const struct args *a, struct arena *arena, struct str name)
{
    if (name.len == 0)
        return a->operand_count > 0 ? a->operands[0] : NULL;
    return args_text(a, arena_cstr(arena, name));
}

/* False: a placeholder has no value. */
static bool fill_path(const struct args *a, struct arena *arena, const char *pattern, struct buf *out)
{
    struct str rest = str_c(pattern);
    while (rest.len > 0) {
        size_t open = str_find(rest, '{');
        buf_add_str(out, str_take(rest, open));
        rest = str_skip(rest, open);
        if (rest.len == 0)
            break;
        size_t close = str_find(rest, '}');
        const char *value = placeholder_value(a, arena, str_of(rest.ptr + 1, close - 1));
        if (value == NULL)
            return false;
        speak_escape(str_c(value), out);
        rest = str_skip(rest, close + 1);
    }
    return true;
}

static void add_query(const struct args *a, struct buf *out)
{
    char mark = '?';
    for (size_t i = 0; i < a->given_count; i++) {
        const struct arg_flag *f = a->given[i].flag;
        if (f->place != PLACE_QUERY)
            continue;
        buf_add_c(out, mark);
        buf_addf(out, "%s=", f->field);
        speak_escape(str_c(a->given[i].text != NULL ? a->given[i].text : "true"), out);
        mark = '&';
    }
}

int resource_path(const struct args *a, struct arena *arena, const char *pattern, struct buf *out)
{
    if (!fill_path(a, arena, pattern, out))
        return args_refuse(a, "a flag is missing for %s", pattern);
    add_query(a, out);
    return ARGS_GO_ON;
}

/* The first flag that a path wants and has not got. */
static const char *missing_flag(const struct args *a, struct arena *arena, const char *pattern)
{
    struct str rest = str_c(pattern);
    while (str_find(rest, '{') < rest.len) {
        rest = str_skip(rest, str_find(rest, '{') + 1);
        struct str name = str_split(&rest, '}');
        if (placeholder_value(a, arena, name) == NULL)
            return name.len > 0 ? arena_cstr(arena, name) : a->page->operands;
    }
    return "?";
}

/* Flags that are always needed were asked for before: what is missing here is one of two. */
static int refuse_path(const struct args *a, struct arena *arena, const struct resource_verb *v)
{
    const char *first = missing_flag(a, arena, v->path);
    if (v->path_else == NULL)
        return args_refuse(a, "--%s is missing", first);
    return args_refuse(a, "--%s or --%s is missing", first, missing_flag(a, arena, v->path_else));
}

static int make_path(const struct resource_verb *v, const struct args *a, struct arena *arena, struct buf *out)
{
    if (!fill_path(a, arena, v->path, out)) {
        buf_clear(out);
        if (v->path_else == NULL || !fill_path(a, arena, v->path_else, out))
            return refuse_path(a, arena, v);
    }
    add_query(a, out);
    return ARGS_GO_ON;
}

/* ---- body -------------------------------------------------------------------------------------------------------- */

static void write_value(const struct args *a, const struct arg_flag *f, const char *text, struct json_writer *w)
{
    const char *items[ARGS_GIVEN_MAX];
    switch (f->kind) {
    case ARG_NUMBER:
    case ARG_YES_NO:
    case ARG_JSON:
        json_w_raw(w, str_c(text));
        return;
    case ARG_SWITCH:
        json_w_bool(w, true);
        return;
    case ARG_LIST: {
        size_t n = args_list(a, f->name, items, ARRAY_LEN(items));
        json_w_array(w);
        for (size_t i = 0; i < n; i++)
            json_w_str(w, str_c(items[i]));
        json_w_array_end(w);
        return;
    }
    case ARG_TEXT:
    case ARG_DURATION:
        json_w_str(w, str_c(text));
        return;
    }
}

static bool is_overridden(const struct args *a, struct str name)
{
    for (size_t i = 0; i < a->given_count; i++)
        if (a->given[i].flag->place == PLACE_BODY && str_eq(name, str_c(a->given[i].flag->field)))
            return true;
    return false;
}

/* Whether this is the last time that the flag was given: that one counts. */
static bool is_last(const struct args *a, size_t at)
{
    for (size_t i = at + 1; i < a->given_count; i++)
        if (a->given[i].flag == a->given[at].flag)
            return false;
    return true;
}

/* The object of --data with the flags' members in their places. */
static int make_body(struct speak *s, struct str *out)
{
    const struct args *a = s->args;
    const char *data = args_text(a, "data");
    struct json *base = NULL;
    struct str text = STR_NULL;
    struct buf body = BUF_INIT(BODY_MAX);
    struct json_writer w = json_writer(&body);
    if (data != NULL && data[0] == '{')
        text = str_c(data);
    else if (data != NULL && speak_read(s, data, &text) != ARGS_GO_ON)
        return CLI_USAGE;
    if (text.ptr != NULL && (json_parse(s->arena, text, &base, NULL) != ERR_OK || base->type != JSON_OBJECT))
        return args_refuse(a, "--data is no JSON object");
    json_w_object(&w);
    for (const struct json *m = base != NULL ? base->child : NULL; m != NULL; m = m->next)
        if (!is_overridden(a, m->name)) {
            json_w_name(&w, m->name);
            json_w_raw(&w, m->raw);
        }
    for (size_t i = 0; i < a->given_count; i++)
        if (a->given[i].flag->place == PLACE_BODY && is_last(a, i)) {
            json_w_name(&w, str_c(a->given[i].flag->field));
            write_value(a, a->given[i].flag, a->given[i].text, &w);
        }
    json_w_object_end(&w);
    *out = arena_str(s->arena, buf_str(&body));
    buf_fini(&body);
    return ARGS_GO_ON;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

int resource_call(struct speak *s, bool offline, const char *method, const char *path, struct str body,
                  struct speak_answer *out)
{
    if (!offline || !s->is_local)
        return speak_call(s, method, path, body, out);
    int status = speak_try(s, method, path, body, true, out);
    if (status != ARGS_GO_ON && s->trouble == ERR_UNAVAILABLE)
        status = offline_call(s, args_text(s->args, "env"), method, path, body, out);
    else if (status != ARGS_GO_ON)
        local_could_not(s->args, s->url, err_text(s->trouble));
    if (status == ARGS_GO_ON && (out->status < 200 || out->status > 299))
        status = speak_refused(s, out);
    return status;
}

static int run_verb(const struct resource_verb *v, struct speak *s)
{
    struct buf path = BUF_INIT(PATH_MAX_BYTES);
    struct str body = STR_NULL;
    struct speak_answer answer;
    size_t columns = 0;
    int status = make_path(v, s->args, s->arena, &path);
    bool has_body = strcmp(v->method, "GET") != 0 && strcmp(v->method, "DELETE") != 0;
    if (status == ARGS_GO_ON && has_body)
        status = make_body(s, &body);
    if (status == ARGS_GO_ON)
        status = resource_call(s, v->offline, v->method, arena_cstr(s->arena, buf_str(&path)), body, &answer);
    buf_fini(&path);
    if (status != ARGS_GO_ON)
        return status;
    while (v->columns != NULL && v->columns[columns] != NULL)
        columns++;
    speak_show(s, &answer, v->columns, columns);
    return CLI_DONE;
}

/* The verbs of a resource, in the order of the table. */
static size_t list_verbs(const char *resource, const struct resource_verb **out, const char **words,
                         const char **summaries)
{
    size_t n = 0;
    for (size_t i = 0; i < resource_verb_count && n < VERBS_MAX; i++) {
        const struct resource_verb *v = &resource_verbs[i];
        if (strcmp(v->resource, resource) != 0)
            continue;
        out[n] = v;
        words[n] = v->verb;
        summaries[n++] = v->page.summary;
    }
    return n;
}

int cli_resource(int argc, char **argv)
{
    const struct resource_verb *verbs[VERBS_MAX];
    const char *words[VERBS_MAX], *summaries[VERBS_MAX];
    struct args_words w = {argv[0], words, summaries, list_verbs(argv[0], verbs, words, summaries)};
    struct args a;
    struct speak s;
    int status;
    int at = args_word(&w, argc, argv, &status);
    if (at < 0)
        return status;
    status = args_read(&verbs[at]->page, argc - 1, argv + 1, &a);
    if (status == ARGS_GO_ON && verbs[at]->run != NULL)
        return verbs[at]->run(&a);
    if (status == ARGS_GO_ON)
        status = speak_open(&s, &a, args_text(&a, "env"));
    if (status != ARGS_GO_ON)
        return status;
    status = run_verb(verbs[at], &s);
    speak_close(&s);
    return status;
}
