/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/time.h"
#include "json/scan.h"

#define NEAR_MAX  4
#define HELP_MAX  ((size_t)64 << 10)
#define WORDS_MAX 64

static const char *const common_help[] = {"--json", "answer as JSON", "--help", "this page"};

const char *args_nearest(const char *name, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    /* Of a short word not every letter may be wrong. */
    size_t half = strlen(name) / 2 + 1, least = half < NEAR_MAX ? half : NEAR_MAX;
    for (size_t i = 0; i < count; i++) {
        /* The beginning of a word is nearly the word. */
        bool begins = name[0] != '\0' && str_starts(str_c(candidates[i]), str_c(name));
        size_t d = begins ? 0 : str_distance(str_c(name), str_c(candidates[i]));
        if (d < least) {
            least = d;
            best = candidates[i];
        }
    }
    return best;
}

/* ---- help ------------------------------------------------------------------------------------------------------- */

static void flag_head(const struct arg_flag *f, struct buf *out)
{
    buf_addf(out, "--%s", f->name);
    if (f->kind != ARG_SWITCH)
        buf_addf(out, " %s", f->value);
}

static size_t head_width(const struct arg_page *p)
{
    size_t width = strlen("--help");
    for (size_t i = 0; i < p->flag_count; i++) {
        struct buf head = BUF_INIT(256);
        flag_head(&p->flags[i], &head);
        width = head.len > width ? head.len : width;
        buf_fini(&head);
    }
    return width;
}

static void flag_line(const struct arg_flag *f, size_t width, struct buf *out)
{
    struct buf head = BUF_INIT(256);
    flag_head(f, &head);
    buf_addf(out, "  %-*.*s  %s", (int)width, STR_ARG(buf_str(&head)), f->help);
    buf_fini(&head);
    if (f->required)
        buf_add_str(out, STR(" (required)"));
    else if (f->def != NULL)
        buf_addf(out, " (default: %s)", f->def);
    if (f->kind == ARG_LIST)
        buf_add_str(out, STR("; may be repeated"));
    buf_add_c(out, '\n');
}

void args_help(const struct arg_page *p, struct buf *out)
{
    size_t width = head_width(p);
    buf_addf(out, "usage: postrider %s", p->command);
    for (size_t i = 0; i < p->flag_count; i++)
        if (p->flags[i].required)
            buf_addf(out, " --%s %s", p->flags[i].name, p->flags[i].value);
    buf_addf(out, "%s%s [flags]\n\n%s\n\n", p->operands != NULL ? " " : "", p->operands != NULL ? p->operands : "",
             p->summary);
    for (size_t i = 0; i < p->flag_count; i++)
        flag_line(&p->flags[i], width, out);
    for (size_t i = 0; i < ARRAY_LEN(common_help); i += 2)
        buf_addf(out, "  %-*s  %s\n", (int)width, common_help[i], common_help[i + 1]);
    if (p->notes != NULL)
        buf_addf(out, "\n%s\n", p->notes);
    buf_addf(out, "\nexample: %s\n", p->example);
}

static int print_help(const struct arg_page *p)
{
    struct buf text = BUF_INIT(HELP_MAX);
    args_help(p, &text);
    fwrite(text.ptr, 1, text.len, stdout);
    buf_fini(&text);
    return CLI_DONE;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

int args_refuse(const struct args *a, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "postrider %s: ", a->page->command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "; see postrider %s --help\n", a->page->command);
    return CLI_USAGE;
}

static const struct arg_flag *find_flag(const struct arg_page *p, struct str name)
{
    for (size_t i = 0; i < p->flag_count; i++)
        if (str_eq(name, str_c(p->flags[i].name)))
            return &p->flags[i];
    return NULL;
}

static int refuse_unknown(const struct args *a, struct str name)
{
    const char *names[WORDS_MAX] = {"json", "help"};
    char copy[WORDS_MAX];
    size_t n = 2;
    for (size_t i = 0; i < a->page->flag_count && n < WORDS_MAX; i++)
        names[n++] = a->page->flags[i].name;
    (void)snprintf(copy, sizeof copy, STR_FMT, STR_ARG(name));
    const char *near = args_nearest(copy, names, n);
    if (near != NULL)
        return args_refuse(a, "there is no flag --" STR_FMT " (did you mean --%s?)", STR_ARG(name), near);
    return args_refuse(a, "there is no flag --" STR_FMT, STR_ARG(name));
}

/* NULL, or what to write instead. */
static const char *check_value(enum arg_kind kind, const char *text)
{
    struct json_slice slice;
    int64_t ms;
    uint64_t n;
    switch (kind) {
    case ARG_NUMBER:
        return str_to_u64(str_c(text), &n) == ERR_OK && n <= INT64_MAX ? NULL : "a whole number";
    case ARG_DURATION:
        return time_parse_duration(str_c(text), &ms) == ERR_OK ? NULL : "a duration such as 500ms, 3s, 1h or 30d";
    case ARG_YES_NO:
        return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ? NULL : "true or false";
    case ARG_JSON:
        return json_check(str_c(text), &slice, NULL) == ERR_OK ? NULL : "JSON, such as '{\"a\":1}'";
    case ARG_TEXT:
    case ARG_LIST:
    case ARG_SWITCH:
        return NULL;
    }
    return NULL;
}

static int take_flag(struct args *a, int argc, char **argv, int *at)
{
    struct str value = str_skip(str_c(argv[*at]), 2);
    struct str name = str_split(&value, '=');
    const char *text = argv[*at] + 2 + name.len;
    text = *text == '=' ? text + 1 : NULL;
    const struct arg_flag *f = find_flag(a->page, name);
    if (f == NULL)
        return refuse_unknown(a, name);
    if (f->kind == ARG_SWITCH && text != NULL)
        return args_refuse(a, "--%s takes no value", f->name);
    if (f->kind != ARG_SWITCH && text == NULL) {
        if (*at + 1 >= argc)
            return args_refuse(a, "--%s needs a value: %s", f->name, f->value);
        text = argv[++*at];
    }
    const char *instead = text != NULL ? check_value(f->kind, text) : NULL;
    if (instead != NULL)
        return args_refuse(a, "--%s \"%s\" does not fit: write %s", f->name, text, instead);
    if (a->given_count == ARGS_GIVEN_MAX)
        return args_refuse(a, "more than %d flags", ARGS_GIVEN_MAX);
    a->given[a->given_count].flag = f;
    a->given[a->given_count++].text = text;
    return ARGS_GO_ON;
}

static int take_operand(struct args *a, const char *text)
{
    if (a->operand_count == a->page->operands_max)
        return args_refuse(a, "\"%s\" is one word too many", text);
    a->operands[a->operand_count++] = text;
    return ARGS_GO_ON;
}

static int check_complete(const struct args *a)
{
    for (size_t i = 0; i < a->page->flag_count; i++) {
        const struct arg_flag *f = &a->page->flags[i];
        if (f->required && !args_given(a, f->name))
            return args_refuse(a, "--%s %s is missing", f->name, f->value);
    }
    if (a->operand_count < a->page->operands_min)
        return args_refuse(a, "%s is missing", a->page->operands);
    return ARGS_GO_ON;
}

int args_read(const struct arg_page *page, int argc, char **argv, struct args *out)
{
    bool flags = true;
    *out = (struct args){.page = page};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return print_help(page);
    for (int i = 1; i < argc; i++) {
        int status = ARGS_GO_ON;
        if (flags && strcmp(argv[i], "--") == 0)
            flags = false;
        else if (flags && strcmp(argv[i], "--json") == 0)
            out->json = true;
        else if (flags && strncmp(argv[i], "--", 2) == 0)
            status = take_flag(out, argc, argv, &i);
        else if (flags && argv[i][0] == '-' && argv[i][1] != '\0')
            status = args_refuse(out, "there is no flag %s; flags begin with --", argv[i]);
        else
            status = take_operand(out, argv[i]);
        if (status != ARGS_GO_ON)
            return status;
    }
    return check_complete(out);
}

/* ---- what was given --------------------------------------------------------------------------------------------- */

const char *args_text(const struct args *a, const char *name)
{
    for (size_t i = a->given_count; i > 0; i--)
        if (strcmp(a->given[i - 1].flag->name, name) == 0)
            return a->given[i - 1].text;
    const struct arg_flag *f = find_flag(a->page, str_c(name));
    return f != NULL ? f->def : NULL;
}

bool args_given(const struct args *a, const char *name)
{
    for (size_t i = 0; i < a->given_count; i++)
        if (strcmp(a->given[i].flag->name, name) == 0)
            return true;
    return false;
}

bool args_on(const struct args *a, const char *name)
{
    return args_given(a, name);
}

size_t args_list(const struct args *a, const char *name, const char **out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < a->given_count && n < max; i++)
        if (strcmp(a->given[i].flag->name, name) == 0)
            out[n++] = a->given[i].text;
    return n;
}

int64_t args_number(const struct args *a, const char *name)
{
    uint64_t n = 0;
    const char *text = args_text(a, name);
    CHECK(text == NULL || str_to_u64(str_c(text), &n) == ERR_OK);
    return (int64_t)n;
}

int64_t args_duration_ms(const struct args *a, const char *name)
{
    int64_t ms = 0;
    const char *text = args_text(a, name);
    CHECK(text == NULL || time_parse_duration(str_c(text), &ms) == ERR_OK);
    return ms;
}

/* ---- subcommands ------------------------------------------------------------------------------------------------ */

static void print_words(const struct args_words *w, FILE *to)
{
    size_t width = 0;
    for (size_t i = 0; i < w->count; i++)
        width = strlen(w->words[i]) > width ? strlen(w->words[i]) : width;
    fprintf(to, "usage: postrider %s VERB [--help] …\n\n", w->command);
    for (size_t i = 0; i < w->count; i++)
        fprintf(to, "  %-*s  %s\n", (int)width, w->words[i], w->summaries[i]);
}

int args_word(const struct args_words *w, int argc, char **argv, int *status)
{
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_words(w, stdout);
        *status = CLI_DONE;
        return -1;
    }
    for (size_t i = 0; i < w->count && argc >= 2; i++)
        if (strcmp(argv[1], w->words[i]) == 0)
            return (int)i;
    *status = CLI_USAGE;
    if (argc < 2) {
        print_words(w, stderr);
        return -1;
    }
    const char *near = args_nearest(argv[1], w->words, w->count);
    if (near != NULL)
        fprintf(stderr, "postrider %s: there is no \"%s\"; did you mean \"%s\"?\n", w->command, argv[1], near);
    else
        fprintf(stderr, "postrider %s: there is no \"%s\"; see postrider %s --help\n", w->command, argv[1], w->command);
    return -1;
}
