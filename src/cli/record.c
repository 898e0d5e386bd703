/* SPDX-License-Identifier: Apache-2.0 */
/* `record import` and `record export`: files of records, as tasks and pages of the API. */
#include <stdio.h>
#include <unistd.h>

#include "cli/resource.h"
#include "cli/speak.h"

#define PATH_BYTES ((size_t)64 << 10)
#define POLL_US    300000
#define PAGE       250

/* ---- import -------------------------------------------------------------------------------------------------------
 */

static int64_t number_of(const struct json *data, const char *name)
{
    int64_t n = 0;
    (void)json_as_i64(json_get(data, str_c(name)), &n);
    return n;
}

static struct str text_of(const struct json *j, const char *name)
{
    struct str text = STR_NULL;
    (void)json_as_str(json_get(j, str_c(name)), &text);
    return text;
}

static void print_errors(const struct json *data)
{
    const struct json *list = json_get(data, STR("errors"));
    int64_t listed = 0;
    for (const struct json *e = list != NULL ? list->child : NULL; e != NULL; e = e->next, listed++) {
        struct str key = text_of(e, "key"), reason = text_of(e, "reason");
        fprintf(stderr, "line %lld: " STR_FMT "%s" STR_FMT "\n", (long long)number_of(e, "line"), STR_ARG(key),
                key.len > 0 ? ": " : "", STR_ARG(reason));
    }
    if (number_of(data, "failed") > listed)
        fprintf(stderr, "and %lld more\n", (long long)(number_of(data, "failed") - listed));
}

/* What has become of it; the exit status. */
static int show_end(const struct args *a, const struct speak_answer *answer)
{
    const struct json *data = json_get(answer->json, STR("data"));
    struct str error = text_of(data, "error");
    bool dry = args_on(a, "dry-run");
    if (a->json)
        printf(STR_FMT "\n", STR_ARG(answer->text));
    else
        printf("%lld rows: %lld %s, %lld %s, %lld unchanged, %lld left out, %lld wrong\n",
               (long long)number_of(data, "processed"), (long long)number_of(data, "created"),
               dry ? "would be created" : "created", (long long)number_of(data, "updated"),
               dry ? "would be updated" : "updated", (long long)number_of(data, "unchanged"),
               (long long)number_of(data, "skipped"), (long long)number_of(data, "failed"));
    if (!a->json)
        print_errors(data);
    if (error.len > 0)
        fprintf(stderr, "postrider record import: " STR_FMT "\n", STR_ARG(error));
    bool fine = str_eq(text_of(answer->json, "status"), STR("finished")) && number_of(data, "failed") == 0;
    return fine ? CLI_DONE : CLI_NO;
}

static void show_progress(const struct speak_answer *answer)
{
    const struct json *data = json_get(answer->json, STR("data"));
    fprintf(stderr, "\r%lld of %lld rows", (long long)number_of(data, "processed"), (long long)number_of(data, "rows"));
    fflush(stderr);
}

/* Looks at the task until it has ended. */
static int follow(struct speak *s, struct str id)
{
    bool terminal = isatty(STDERR_FILENO) && !s->args->json;
    struct buf path = BUF_INIT(PATH_BYTES);
    struct speak_answer answer;
    int status = ARGS_GO_ON;
    bool running = true;
    buf_addf(&path, "/api/v1/background-task/" STR_FMT, STR_ARG(id));
    const char *where = arena_cstr(s->arena, buf_str(&path));
    buf_fini(&path);
    while (status == ARGS_GO_ON && running) {
        usleep(POLL_US);
        status = speak_call(s, "GET", where, STR_NULL, &answer);
        running = status == ARGS_GO_ON && str_eq(text_of(answer.json, "status"), STR("running"));
        if (status == ARGS_GO_ON && terminal)
            show_progress(&answer);
    }
    if (terminal)
        fputs("\r\033[K", stderr);
    return status == ARGS_GO_ON ? show_end(s->args, &answer) : status;
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(path, "-") == 0 ? NULL : slash != NULL ? slash + 1 : path;
}

static int import(struct speak *s)
{
    const struct args *a = s->args;
    const char *name = file_name(a->operands[0]);
    struct buf path = BUF_INIT(PATH_BYTES);
    struct speak_answer answer;
    struct str text;
    int status = resource_path(a, s->arena, "/api/v1/app/{app}/record/{type}/import", &path);
    if (status == ARGS_GO_ON && name != NULL) {
        buf_add_str(&path, str_find(buf_str(&path), '?') < path.len ? STR("&file=") : STR("?file="));
        speak_escape(str_c(name), &path);
    }
    const char *where = arena_cstr(s->arena, buf_str(&path));
    buf_fini(&path);
    if (status == ARGS_GO_ON)
        status = speak_read(s, a->operands[0], &text);
    if (status != ARGS_GO_ON)
        return status;
    s->content_type = "application/octet-stream";
    status = speak_call(s, "POST", where, text, &answer);
    s->content_type = NULL;
    if (status != ARGS_GO_ON || !args_on(a, "no-wait"))
        return status == ARGS_GO_ON ? follow(s, text_of(answer.json, "id")) : status;
    printf(STR_FMT "\n", STR_ARG(a->json ? answer.text : text_of(answer.json, "id")));
    return CLI_DONE;
}

int record_import_run(const struct args *a)
{
    struct speak s;
    int status = speak_open(&s, a, NULL);
    if (status != ARGS_GO_ON)
        return status;
    status = import(&s);
    speak_close(&s);
    return status;
}

/* ---- export -------------------------------------------------------------------------------------------------------
 */

/* In one line: without the white space between values. */
static void print_line(struct str json)
{
    bool quoted = false;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (c == '"')
            quoted = !quoted;
        if (quoted || (c != ' ' && c != '\n' && c != '\r' && c != '\t'))
            putchar(c);
        if (quoted && c == '\\')
            putchar(json.ptr[++i]);
    }
    putchar('\n');
}

/* Prints a page; *next is where to go on, null at the end. */
static int export_page(struct speak *s, const char *base, struct str from, struct str *next)
{
    struct buf path = BUF_INIT(PATH_BYTES);
    struct speak_answer answer;
    bool done = true;
    buf_add_str(&path, str_c(base));
    if (from.len > 0) {
        buf_add_str(&path, STR("&iterator="));
        speak_escape(from, &path);
    }
    const char *where = arena_cstr(s->arena, buf_str(&path));
    buf_fini(&path);
    int status = speak_call(s, "GET", where, STR_NULL, &answer);
    if (status != ARGS_GO_ON)
        return status;
    const struct json *list = json_get(answer.json, STR("data"));
    for (const struct json *r = list != NULL ? list->child : NULL; r != NULL; r = r->next)
        print_line(r->raw);
    (void)json_as_bool(json_get(answer.json, STR("done")), &done);
    *next = done ? STR_NULL : text_of(answer.json, "iterator");
    return ARGS_GO_ON;
}

static int export(struct speak *s)
{
    struct arena *own = s->arena;
    struct buf path = BUF_INIT(PATH_BYTES), at = BUF_INIT(PATH_BYTES);
    int status = resource_path(s->args, own, "/api/v1/app/{app}/record/{type}", &path);
    buf_addf(&path, "%sorder=ascending&limit=%d", str_find(buf_str(&path), '?') < path.len ? "&" : "?", PAGE);
    const char *base = arena_cstr(own, buf_str(&path));
    bool more = true;
    while (status == ARGS_GO_ON && more) {
        struct str next = STR_NULL;
        s->arena = arena_new((size_t)1 << 20); /* of a page */
        status = export_page(s, base, buf_str(&at), &next);
        buf_clear(&at);
        buf_add_str(&at, next);
        more = next.len > 0;
        arena_free(s->arena);
        s->arena = own;
    }
    buf_fini(&path);
    buf_fini(&at);
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (status == ARGS_GO_ON && !written)
        fputs("postrider record export: the output cannot be written\n", stderr);
    return status != ARGS_GO_ON ? status : written ? CLI_DONE : CLI_COULD_NOT;
}

int record_export_run(const struct args *a)
{
    struct speak s;
    int status = speak_open(&s, a, NULL);
    if (status != ARGS_GO_ON)
        return status;
    status = export(&s);
    speak_close(&s);
    return status;
}
