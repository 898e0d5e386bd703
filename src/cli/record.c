/* SPDX-License-Identifier: Apache-2.0 */
/* `record import` and `record export`: files of records, as tasks and pages of the API. */
#include <stdio.h>
#include <unistd.h>

#include "cli/record_csv.h"
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

#define CSV_ROW_BYTES ((size_t)4 << 20)

/* What is done with each record: its line is printed, or its columns are noted, or its row is printed. */
enum export_way { EXPORT_LINES, EXPORT_NOTES, EXPORT_ROWS };

struct export
{
    struct speak *s;
    const char *base; /* of the pages */
    enum export_way way;
    struct record_csv csv;
};

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

static void print_csv(const struct export *x, const struct json *record)
{
    struct buf out = BUF_INIT(CSV_ROW_BYTES);
    if (record != NULL)
        record_csv_row(&x->csv, x->s->arena, record, &out);
    else
        record_csv_head(&x->csv, &out);
    fwrite(out.ptr, 1, out.len, stdout);
    buf_fini(&out);
}

static int export_record(struct export *x, const struct json *record)
{
    switch (x->way) {
    case EXPORT_LINES:
        print_line(record->raw);
        break;
    case EXPORT_NOTES:
        if (record_csv_note(&x->csv, x->s->arena, record) == ERR_OK)
            break;
        fputs("postrider record export: these records have more fields than a CSV file can have columns; --format "
              "jsonl takes them all\n",
              stderr);
        return CLI_COULD_NOT;
    case EXPORT_ROWS:
        print_csv(x, record);
        break;
    }
    return ARGS_GO_ON;
}

/* Goes through a page; *next is where to go on, null at the end. */
static int export_page(struct export *x, struct str from, struct str *next)
{
    struct speak *s = x->s;
    struct buf path = BUF_INIT(PATH_BYTES);
    struct speak_answer answer;
    bool done = true;
    buf_add_str(&path, str_c(x->base));
    if (from.len > 0) {
        buf_add_str(&path, STR("&iterator="));
        speak_escape(from, &path);
    }
    const char *where = arena_cstr(s->arena, buf_str(&path));
    buf_fini(&path);
    int status = speak_call(s, "GET", where, STR_NULL, &answer);
    const struct json *list = status == ARGS_GO_ON ? json_get(answer.json, STR("data")) : NULL;
    for (const struct json *r = list != NULL ? list->child : NULL; r != NULL && status == ARGS_GO_ON; r = r->next)
        status = export_record(x, r);
    if (status != ARGS_GO_ON)
        return status;
    (void)json_as_bool(json_get(answer.json, STR("done")), &done);
    *next = done ? STR_NULL : text_of(answer.json, "iterator");
    return ARGS_GO_ON;
}

static int export_pages(struct export *x)
{
    struct speak *s = x->s;
    struct arena *own = s->arena;
    struct buf at = BUF_INIT(PATH_BYTES);
    int status = ARGS_GO_ON;
    bool more = true;
    while (status == ARGS_GO_ON && more) {
        struct str next = STR_NULL;
        s->arena = arena_new((size_t)1 << 20); /* of a page */
        status = export_page(x, buf_str(&at), &next);
        buf_clear(&at);
        buf_add_str(&at, next);
        more = next.len > 0;
        arena_free(s->arena);
        s->arena = own;
    }
    buf_fini(&at);
    return status;
}

/* CSV goes through all of them twice, first for the columns: so it needs no room for the records. */
static int export(struct speak *s)
{
    const char *format = args_text(s->args, "format");
    struct export x = {.s = s, .csv = {.arena = s->arena}};
    struct buf path = BUF_INIT(PATH_BYTES);
    bool csv = strcmp(format, "csv") == 0;
    if (!csv && strcmp(format, "jsonl") != 0)
        return args_refuse(s->args, "--format must be csv or jsonl");
    int status = resource_path(s->args, s->arena, "/api/v1/app/{app}/record/{type}", &path);
    buf_addf(&path, "%sorder=ascending&limit=%d", str_find(buf_str(&path), '?') < path.len ? "&" : "?", PAGE);
    x.base = arena_cstr(s->arena, buf_str(&path));
    buf_fini(&path);
    x.way = csv ? EXPORT_NOTES : EXPORT_LINES;
    if (status == ARGS_GO_ON)
        status = export_pages(&x);
    if (status == ARGS_GO_ON && csv) {
        x.way = EXPORT_ROWS;
        print_csv(&x, NULL);
        status = export_pages(&x);
    }
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
