/* SPDX-License-Identifier: Apache-2.0 */
#include "automation/definition.h"

#include "base/time.h"

struct compiling {
    struct arena *arena;
    struct definition *out;
    struct problems *problems;
    bool bad;
};

static const int64_t retries_default[] = {30000, 300000, 1800000, 7200000};

static struct str below(struct compiling *c, struct str path, struct str name)
{
    return path.len == 0 ? name : arena_printf(c->arena, STR_FMT "." STR_FMT, STR_ARG(path), STR_ARG(name));
}

static struct str below_c(struct compiling *c, struct str path, const char *name)
{
    return below(c, path, str_c(name));
}

static void refuse(struct compiling *c, struct str path, struct str what)
{
    c->bad = true;
    problem_add(c->problems, "body", STR("steps"), path.len > 0 ? path : STR_NULL, "value_error", STR_FMT,
                STR_ARG(what));
}

static void refuse_template(struct compiling *c, struct str path, const struct expr_error *e)
{
    refuse(c, path, arena_printf(c->arena, STR_FMT " (at character %zu)", STR_ARG(e->what), e->at + 1));
}

/* ---- fields of a step ---------------------------------------------------------------------------------------------
 */

static const struct expr_template *compile_text(struct compiling *c, const struct json *v, struct str path)
{
    const struct expr_template *t = NULL;
    struct expr_error error;
    if (v->type != JSON_STRING)
        refuse(c, path, STR("must be a text"));
    else if (expr_compile(c->arena, v->text, &t, &error) != ERR_OK)
        refuse_template(c, path, &error);
    return t;
}

static void compile_texts(struct compiling *c, struct step_value *v, struct str path)
{
    const struct expr_template **texts = arena_alloc(c->arena, (v->json->count + 1) * sizeof(void *));
    size_t n = 0;
    if (v->json->type != JSON_OBJECT)
        refuse(c, path, STR("must be an object"));
    else
        for (const struct json *m = v->json->child; m != NULL; m = m->next)
            texts[n++] = compile_text(c, m, below(c, path, m->name));
    v->texts = texts;
}

static void compile_tree(struct compiling *c, struct step_value *v, struct str path)
{
    struct expr_error error;
    struct str pointer;
    if (v->field->kind == VALUE_OBJECT && v->json->type != JSON_OBJECT) {
        refuse(c, path, STR("must be an object"));
        return;
    }
    if (expr_tree_compile(c->arena, v->json, &v->tree, &error, &pointer) == ERR_OK)
        return;
    char *dots = arena_cstr(c->arena, str_skip(pointer, 1)); /* "/a/b" reads a.b as other paths do */
    for (char *p = dots; *p != '\0'; p++)
        *p = *p == '/' ? '.' : *p;
    refuse_template(c, dots[0] != '\0' ? below_c(c, path, dots) : path, &error);
}

static void check_names(struct compiling *c, const struct json *v, struct str path)
{
    bool good = v->type == JSON_STRING || (v->type == JSON_ARRAY && v->count > 0 && v->count <= 20);
    for (const struct json *i = v->type == JSON_ARRAY ? v->child : NULL; i != NULL; i = i->next)
        good = good && i->type == JSON_STRING && i->text.len > 0;
    if (!good)
        refuse(c, path, STR("must be a text, or a list of 1 to 20 of them"));
}

static void compile_condition(struct compiling *c, const struct json *v, struct str path, const struct condition **out)
{
    struct condition_error error;
    if (condition_compile(c->arena, v, out, &error) != ERR_OK)
        refuse(c, error.path.len > 0 ? below(c, path, error.path) : path, error.what);
}

static void compile_value(struct compiling *c, struct step_value *v, struct str path)
{
    int64_t n;
    switch (v->field->kind) {
    case VALUE_PLAIN:
        if (v->json->type != JSON_STRING || v->json->text.len == 0 || v->json->text.len > 256)
            refuse(c, path, STR("must be a text of 1 to 256 bytes"));
        break;
    case VALUE_TEXT:
        v->text = compile_text(c, v->json, path);
        break;
    case VALUE_OBJECT:
    case VALUE_JSON:
        compile_tree(c, v, path);
        break;
    case VALUE_TEXTS:
        compile_texts(c, v, path);
        break;
    case VALUE_NAMES:
        check_names(c, v->json, path);
        break;
    case VALUE_NUMBER:
        if (!json_as_i64(v->json, &n) || n < v->field->min || n > v->field->max)
            refuse(c, path,
                   arena_printf(c->arena, "must be a whole number from %lld to %lld", (long long)v->field->min,
                                (long long)v->field->max));
        break;
    case VALUE_CONDITION:
        compile_condition(c, v->json, path, &v->condition);
        break;
    }
}

static const struct step_field *field_of(const struct step_type *type, struct str name)
{
    for (size_t i = 0; i < STEP_FIELDS_MAX && type->fields[i].name != NULL; i++) {
        if (str_eq(name, str_c(type->fields[i].name)))
            return &type->fields[i];
    }
    return NULL;
}

const struct step_value *step_value(const struct step *s, const char *name)
{
    for (size_t i = 0; i < s->value_count; i++) {
        if (strcmp(s->values[i].field->name, name) == 0)
            return &s->values[i];
    }
    return NULL;
}

/* ---- what all steps have ------------------------------------------------------------------------------------------
 */

static void read_retries(struct compiling *c, struct step *s, const struct json *v, struct str path)
{
    int64_t *ms = arena_alloc(c->arena, (STEP_RETRIES_MAX + 1) * sizeof *ms);
    bool good = v->type == JSON_ARRAY && v->count <= STEP_RETRIES_MAX;
    size_t n = 0;
    for (const struct json *i = good ? v->child : NULL; i != NULL; i = i->next) {
        double seconds;
        good = good && json_as_double(i, &seconds) && seconds >= 0 && seconds <= 604800;
        ms[n++] = good ? (int64_t)(seconds * 1000) : 0;
    }
    if (!good)
        refuse(c, path, STR("must be a list of at most 20 numbers of seconds, each up to 604800"));
    s->retry_ms = ms;
    s->retry_count = n;
}

static void read_failure(struct compiling *c, struct step *s, const struct json *v, struct str path)
{
    s->goes_on = v->type == JSON_STRING && str_eq(v->text, STR("continue"));
    if (!s->goes_on && (v->type != JSON_STRING || !str_eq(v->text, STR("fail"))))
        refuse(c, path, STR("must be \"fail\" or \"continue\""));
}

static void read_id(struct compiling *c, struct step *s, struct str path)
{
    bool good = json_as_str(json_get(s->json, STR("id")), &s->id) && s->id.len > 0 && s->id.len <= 64;
    for (size_t i = 0; i < s->id.len && good; i++) {
        char ch = s->id.ptr[i];
        good = ch == '_' || (ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z');
    }
    if (!good)
        refuse(c, below_c(c, path, "id"), STR("must be 1 to 64 letters, digits or _"));
    else if (str_eq(s->id, STR("trigger")))
        refuse(c, below_c(c, path, "id"), STR("must not be \"trigger\""));
    else if (definition_find(c->out, s->id) >= 0)
        refuse(c, below_c(c, path, "id"), STR("another step has this id"));
}

static bool read_kind(struct compiling *c, struct step *s, struct str path)
{
    struct str name;
    struct buf names = BUF_INIT(4096);
    bool is_text = json_as_str(json_get(s->json, STR("type")), &name);
    for (int i = 0; i < STEP_KINDS; i++) {
        s->kind = (enum step_kind)i;
        if (is_text && str_eq(name, str_c(step_types[i].name))) {
            buf_fini(&names);
            return true;
        }
        buf_addf(&names, "%s%s", i > 0 ? ", " : "", step_types[i].name);
    }
    refuse(c, below_c(c, path, "type"), arena_printf(c->arena, "must be one of " STR_FMT, STR_ARG(buf_str(&names))));
    buf_fini(&names);
    return false;
}

static bool is_common(const struct step *s, struct str name)
{
    return str_eq(name, STR("id")) || str_eq(name, STR("type")) || str_eq(name, STR("name")) ||
           (s->kind == STEP_BRANCH && (str_eq(name, STR("branches")) || str_eq(name, STR("else"))));
}

static void read_member(struct compiling *c, struct step *s, const struct json *m, struct str path)
{
    const struct step_type *type = &step_types[s->kind];
    const struct step_field *f = field_of(type, m->name);
    struct str at = below(c, path, m->name);
    if (is_common(s, m->name))
        return;
    if (f != NULL && m->type != JSON_NULL && step_value(s, f->name) == NULL) {
        struct step_value *v = &s->values[s->value_count++];
        *v = (struct step_value){.field = f, .json = json_get(s->json, m->name)};
        compile_value(c, v, at);
    } else if (str_eq(m->name, STR("onError"))) {
        read_failure(c, s, m, at);
    } else if (type->outside && str_eq(m->name, STR("retrySchedule"))) {
        read_retries(c, s, m, at);
    } else if (f == NULL) {
        refuse(c, at, arena_printf(c->arena, "is not known in a step of type %s", type->name));
    }
}

/* ---- what only some have ------------------------------------------------------------------------------------------
 */

static void check_duration(struct compiling *c, const struct step *s, const char *name, struct str path)
{
    const struct step_value *v = step_value(s, name);
    int64_t ms;
    if (v != NULL && v->text != NULL && expr_is_plain(v->text) && time_parse_duration(v->json->text, &ms) != ERR_OK)
        refuse(c, below_c(c, path, name), STR("must be a duration such as 90s, 15m, 2h or 3d"));
}

static void check_wait(struct compiling *c, const struct step *s, struct str path)
{
    static const char *const ways[] = {"for", "until", "event"};
    int64_t ms;
    int given = 0;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++)
        given += step_value(s, ways[i]) != NULL;
    if (given != 1)
        refuse(c, path, STR("must have exactly one of \"for\", \"until\", \"event\""));
    if (step_value(s, "event") == NULL && (step_value(s, "where") != NULL || step_value(s, "timeout") != NULL))
        refuse(c, path, STR("\"where\" and \"timeout\" go with \"event\""));
    check_duration(c, s, "for", path);
    check_duration(c, s, "timeout", path);
    const struct step_value *until = step_value(s, "until");
    if (until != NULL && until->text != NULL && expr_is_plain(until->text) &&
        time_parse(until->json->text, &ms) != ERR_OK)
        refuse(c, below_c(c, path, "until"), STR("must be a time such as 2026-01-31T09:00:00Z"));
}

static void check_words(struct compiling *c, const struct step *s, const char *name, const char *words, struct str path)
{
    const struct step_value *v = step_value(s, name);
    struct str rest = str_c(words);
    bool found = v == NULL || v->json->type != JSON_STRING;
    while (!found && rest.len > 0)
        found = str_eq(v->json->text, str_split(&rest, ' '));
    if (!found)
        refuse(c, below_c(c, path, name), arena_printf(c->arena, "must be one of: %s", words));
}

static void check_step(struct compiling *c, const struct step *s, struct str path)
{
    const struct step_type *type = &step_types[s->kind];
    for (size_t i = 0; i < STEP_FIELDS_MAX && type->fields[i].name != NULL; i++) {
        if (type->fields[i].required && step_value(s, type->fields[i].name) == NULL)
            refuse(c, below_c(c, path, type->fields[i].name), STR("is missing"));
    }
    if (s->kind == STEP_WAIT)
        check_wait(c, s, path);
    if (s->kind == STEP_START_SEQUENCE)
        check_words(c, s, "reentry", "ignore restart parallel", path);
    if (s->kind == STEP_HTTP_REQUEST)
        check_words(c, s, "method", "POST GET PUT PATCH DELETE HEAD", path);
    if (s->kind == STEP_SEND_EMAIL && step_value(s, "text") == NULL && step_value(s, "html") == NULL)
        refuse(c, below_c(c, path, "text"), STR("is missing; so is \"html\""));
}

/* ---- the list, and lists within branches --------------------------------------------------------------------------
 */

static int compile_list(struct compiling *c, const struct json *list, struct str path, int next, size_t depth);

static void compile_arms(struct compiling *c, int at, struct str path, size_t depth)
{
    struct step *s = &c->out->steps[at];
    const struct json *arms = json_get(s->json, STR("branches")), *rest = json_get(s->json, STR("else"));
    path = below_c(c, path, "branches");
    s->otherwise = s->next;
    if (arms == NULL || arms->type != JSON_ARRAY || arms->count == 0 || arms->count > DEFINITION_ARMS_MAX) {
        refuse(c, path, STR("must be a list of 1 to 20 objects"));
        return;
    }
    s->arms = arena_zalloc(c->arena, arms->count * sizeof *s->arms);
    for (const struct json *i = arms->child; i != NULL; i = i->next) {
        struct step_arm *arm = &s->arms[s->arm_count];
        struct str here = below(c, path, arena_printf(c->arena, "%zu", s->arm_count++));
        const struct json *when = json_get(i, STR("when")), *steps = json_get(i, STR("steps"));
        for (const struct json *m = i->type == JSON_OBJECT ? i->child : NULL; m != NULL; m = m->next) {
            if (!str_eq(m->name, STR("when")) && !str_eq(m->name, STR("steps")) && !str_eq(m->name, STR("name")))
                refuse(c, below(c, here, m->name), STR("is not known in a branch"));
        }
        if (when == NULL)
            refuse(c, below_c(c, here, "when"), STR("is missing"));
        else
            compile_condition(c, when, below_c(c, here, "when"), &arm->when);
        arm->first = steps == NULL ? s->next : compile_list(c, steps, below_c(c, here, "steps"), s->next, depth + 1);
    }
    if (rest != NULL && !json_is_null(rest)) {
        struct str here = str_take(path, path.len - 8);
        s->otherwise = compile_list(c, rest, arena_printf(c->arena, STR_FMT "else", STR_ARG(here)), s->next, depth + 1);
    }
}

/* How values are written for such a Content-Type, with parameters or without; EXPR_TEXT: as they are. */
static enum expr_dest dest_of_type(struct str type)
{
    type = str_trim(str_take(type, str_find_str(type, STR(";"))));
    if (str_eq_nocase(type, STR("application/json")) ||
        (type.len > 5 && str_eq_nocase(str_skip(type, type.len - 5), STR("+json"))))
        return EXPR_JSON;
    if (str_eq_nocase(type, STR("application/xml")) || str_eq_nocase(type, STR("text/xml")) ||
        (type.len > 4 && str_eq_nocase(str_skip(type, type.len - 4), STR("+xml"))))
        return EXPR_XML;
    if (str_eq_nocase(type, STR("text/html")))
        return EXPR_HTML;
    return str_eq_nocase(type, STR("application/x-www-form-urlencoded")) ? EXPR_FORM : EXPR_TEXT;
}

static enum expr_dest dest_of_body(const struct step *s)
{
    const struct step_value *v = step_value(s, "headers");
    enum expr_dest dest = EXPR_TEXT;
    for (const struct json *m = v != NULL && v->json->type == JSON_OBJECT ? v->json->child : NULL; m != NULL;
         m = m->next) {
        if (dest == EXPR_TEXT && m->type == JSON_STRING && str_eq_nocase(m->name, STR("content-type")))
            dest = dest_of_type(m->text);
    }
    return dest;
}

/* Values in a text that is sent as JSON, XML, HTML or a form. One that is a single expression is the whole body. */
static void choose_encoding(struct compiling *c, struct step *s)
{
    const struct expr_template *t;
    struct expr_error error;
    for (size_t i = 0; i < s->value_count; i++) {
        struct step_value *v = &s->values[i];
        if (strcmp(v->field->name, "body") != 0 || v->json->type != JSON_STRING)
            continue;
        v->dest = dest_of_body(s);
        if (v->dest != EXPR_TEXT && expr_compile(c->arena, v->json->text, &t, &error) == ERR_OK && !expr_is_single(t))
            v->text = t;
    }
}

static int compile_step(struct compiling *c, const struct json *from, struct str path)
{
    struct step *s = &c->out->steps[c->out->count];
    *s = (struct step){.json = from, .path = path, .next = -1, .otherwise = -1};
    if (from->type != JSON_OBJECT) {
        refuse(c, path, STR("must be an object"));
        return -1;
    }
    if (!read_kind(c, s, path))
        return -1;
    read_id(c, s, path);
    if (step_types[s->kind].outside) {
        s->retry_ms = retries_default;
        s->retry_count = ARRAY_LEN(retries_default);
    }
    for (const struct json *m = from->child; m != NULL; m = m->next)
        read_member(c, s, m, path);
    check_step(c, s, path);
    if (s->kind == STEP_HTTP_REQUEST)
        choose_encoding(c, s);
    return (int)c->out->count++;
}

/* Returns the first step of the list, `next` when it is empty; the last one goes on with `next`. */
static int compile_list(struct compiling *c, const struct json *list, struct str path, int next, size_t depth)
{
    int first = next, last = -1;
    size_t n = 0;
    if (list->type != JSON_ARRAY || depth > DEFINITION_DEPTH_MAX) {
        refuse(c, path, list->type != JSON_ARRAY ? STR("must be a list") : STR("is nested too deeply: 10 at most"));
        return next;
    }
    int *here = arena_alloc(c->arena, (list->count + 1) * sizeof *here);
    struct str *paths = arena_alloc(c->arena, (list->count + 1) * sizeof *paths);
    for (const struct json *i = list->child; i != NULL; i = i->next) {
        if (c->out->count == DEFINITION_STEPS_MAX) {
            refuse(c, path, STR("there are more than 200 steps"));
            break;
        }
        paths[n] = below(c, path, arena_printf(c->arena, "%zu", n));
        here[n] = compile_step(c, i, paths[n]);
        if (here[n] >= 0 && last >= 0)
            c->out->steps[last].next = here[n];
        else if (here[n] >= 0)
            first = here[n];
        last = here[n] >= 0 ? here[n] : last;
        n++;
    }
    if (last >= 0)
        c->out->steps[last].next = next;
    for (size_t i = 0; i < n; i++) {
        if (here[i] >= 0 && c->out->steps[here[i]].kind == STEP_BRANCH)
            compile_arms(c, here[i], paths[i], depth);
    }
    return first;
}

bool definition_compile(struct arena *a, const struct json *steps, struct definition *out, struct problems *problems)
{
    struct compiling c = {a, out, problems, false};
    *out = (struct definition){.steps = arena_zalloc(a, (DEFINITION_STEPS_MAX + 1) * sizeof *out->steps), .first = -1};
    if (steps->raw.len > DEFINITION_BYTES_MAX)
        refuse(&c, STR_NULL, STR("is larger than 262,144 bytes"));
    else
        out->first = compile_list(&c, steps, STR(""), -1, 0);
    for (size_t i = 0; i < out->count && !c.bad; i++)
        step_find_reads(a, &out->steps[i]);
    return !c.bad;
}

int definition_find(const struct definition *d, struct str id)
{
    for (size_t i = 0; i < d->count; i++) {
        if (str_eq(d->steps[i].id, id))
            return (int)i;
    }
    return -1;
}

void definition_each_awaited(const struct definition *d, void (*visit)(void *arg, struct str event_type), void *arg)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct step_value *v = d->steps[i].kind == STEP_WAIT ? step_value(&d->steps[i], "event") : NULL;
        if (v != NULL && v->json->type == JSON_STRING)
            visit(arg, v->json->text);
        for (const struct json *n = v != NULL && v->json->type == JSON_ARRAY ? v->json->child : NULL; n != NULL;
             n = n->next)
            visit(arg, n->text);
    }
}

/* ---- rendering ----------------------------------------------------------------------------------------------------
 */

static enum err render_text(const struct expr_template *t, enum expr_dest dest, struct expr_env *env,
                            struct json_writer *w)
{
    struct buf text = BUF_INIT(STEP_INPUT_MAX);
    enum err e = expr_text(t, dest, env, &text);
    if (e == ERR_OK)
        json_w_str(w, buf_str(&text));
    buf_fini(&text);
    return e;
}

static enum err render_value(const struct step_value *v, struct expr_env *env, struct json_writer *w)
{
    enum err e = ERR_OK;
    size_t i = 0;
    switch (v->field->kind) {
    case VALUE_TEXT:
        return render_text(v->text, v->field->dest, env, w);
    case VALUE_OBJECT:
    case VALUE_JSON:
        if (v->text != NULL)
            return render_text(v->text, v->dest, env, w);
        return expr_tree_fill(v->tree, env, w);
    case VALUE_TEXTS:
        json_w_object(w);
        for (const struct json *m = v->json->child; m != NULL && e == ERR_OK; m = m->next) {
            json_w_name(w, m->name);
            e = render_text(v->texts[i++], v->field->dest, env, w);
        }
        json_w_object_end(w);
        return e;
    case VALUE_PLAIN:
    case VALUE_NAMES:
    case VALUE_NUMBER:
    case VALUE_CONDITION:
        json_w_raw(w, v->json->raw);
        break;
    }
    return e;
}

enum err step_render(const struct step *s, struct expr_env *env, struct buf *out)
{
    struct json_writer w = json_writer(out);
    enum err e = ERR_OK;
    json_w_object(&w);
    for (size_t i = 0; i < s->value_count && e == ERR_OK; i++) {
        const struct step_value *v = &s->values[i];
        if (v->field->kind == VALUE_CONDITION)
            continue;
        json_w_name(&w, str_c(v->field->name));
        env->at = STR_NULL;
        e = render_value(v, env, &w);
        if (e != ERR_OK)
            env->at = arena_printf(env->arena, "%s" STR_FMT, v->field->name, STR_ARG(env->at));
    }
    json_w_object_end(&w);
    if (e == ERR_OK && out->overflow) {
        env->why = STR("what the step's fields become is larger than 1 MiB");
        e = ERR_TOO_LARGE;
    }
    return e;
}
