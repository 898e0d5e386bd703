/* SPDX-License-Identifier: Apache-2.0 */
/* Reading flags by a table: tables of command lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/args.h"
#include "cli/resource.h"

static const struct arg_flag flags[] = {
        {"app", "APP", "the workspace", .kind = ARG_TEXT, .required = true},
        {"tag", "TAG", "a tag", .kind = ARG_LIST},
        {"quick", NULL, "be quick", .kind = ARG_SWITCH},
        {"limit", "N", "at most", .def = "50", .kind = ARG_NUMBER},
        {"delay", "DURATION", "wait", .def = "1s", .kind = ARG_DURATION},
        {"on", "true|false", "is it on", .kind = ARG_YES_NO},
        {"meta", "JSON", "an object", .kind = ARG_JSON},
};
static const struct arg_page page = {.command = "thing do",
                                     .operands = "FILE",
                                     .operands_min = 1,
                                     .operands_max = 2,
                                     .summary = "Does a thing.",
                                     .flags = flags,
                                     .flag_count = ARRAY_LEN(flags),
                                     .example = "postrider thing do --app a file"};

/* Words separated by blanks; '_' stands for an empty word. */
static int read_line(const char *line, struct args *out)
{
    static char copy[512];
    char *argv[32] = {(char *)"do"}, *rest = NULL;
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *w = strtok_r(copy, " ", &rest); w != NULL; w = strtok_r(NULL, " ", &rest))
        argv[argc++] = strcmp(w, "_") == 0 ? w + 1 : w;
    return args_read(&page, argc, argv, out);
}

static const struct {
    const char *line;
    int status;
} lines[] = {
        {"--app a f", ARGS_GO_ON},
        {"--app=a f", ARGS_GO_ON},
        {"f --app a", ARGS_GO_ON},
        {"--app a f g", ARGS_GO_ON},
        {"--app a -", ARGS_GO_ON},
        {"--app a -- --app", ARGS_GO_ON},
        {"--app a --quick f", ARGS_GO_ON},
        {"--app a --limit 0 f", ARGS_GO_ON},
        {"--app a --delay 1.5h f", ARGS_GO_ON},
        {"--app a --on false f", ARGS_GO_ON},
        {"--app a --meta {\"a\":1} f", ARGS_GO_ON},
        {"--app _ f", ARGS_GO_ON},
        {"--app --json f", ARGS_GO_ON}, /* a value may look like a flag */
        {"--help", CLI_DONE},
        {"--wrong --help", CLI_DONE},
        {"f", CLI_USAGE},
        {"--app a", CLI_USAGE},
        {"--app a f g h", CLI_USAGE},
        {"f --app", CLI_USAGE},
        {"--app a f --apo b", CLI_USAGE},
        {"--app a f -x", CLI_USAGE},
        {"--app a f --", ARGS_GO_ON},
        {"--app a --quick=1 f", CLI_USAGE},
        {"--app a --limit -1 f", CLI_USAGE},
        {"--app a --limit 1x f", CLI_USAGE},
        {"--app a --limit 99999999999999999999 f", CLI_USAGE},
        {"--app a --limit= f", CLI_USAGE},
        {"--app a --delay soon f", CLI_USAGE},
        {"--app a --on yes f", CLI_USAGE},
        {"--app a --meta {a:1} f", CLI_USAGE},
};

static void command_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct args a;
        int status = read_line(lines[i].line, &a);
        if (status != lines[i].status)
            fail_msg("\"%s\": %d, not %d", lines[i].line, status, lines[i].status);
    }
}

static void values(void **state)
{
    (void)state;
    struct args a;
    const char *tags[8];
    assert_int_equal(read_line("--app a --tag x --app=b --tag=y --delay 90s --json f --quick", &a), ARGS_GO_ON);
    assert_string_equal(args_text(&a, "app"), "b");
    assert_int_equal(args_list(&a, "tag", tags, ARRAY_LEN(tags)), 2);
    assert_string_equal(tags[0], "x");
    assert_string_equal(tags[1], "y");
    assert_int_equal(args_list(&a, "tag", tags, 1), 1);
    assert_true(args_on(&a, "quick"));
    assert_true(a.json);
    assert_int_equal(args_number(&a, "limit"), 50);
    assert_false(args_given(&a, "limit"));
    assert_int_equal(args_duration_ms(&a, "delay"), 90000);
    assert_null(args_text(&a, "meta"));
    assert_int_equal(args_number(&a, "no-such"), 0);
    assert_int_equal(a.operand_count, 1);
    assert_string_equal(a.operands[0], "f");
}

static void too_many_flags(void **state)
{
    (void)state;
    char *argv[2 * ARGS_GIVEN_MAX + 8] = {(char *)"do", (char *)"file", (char *)"--app=a"};
    int argc = 3;
    struct args a;
    while (argc < ARGS_GIVEN_MAX + 2)
        argv[argc++] = (char *)"--tag=x";
    assert_int_equal(args_read(&page, argc, argv, &a), ARGS_GO_ON);
    argv[argc++] = (char *)"--tag=x";
    assert_int_equal(args_read(&page, argc, argv, &a), CLI_USAGE);
}

static void nearest_names(void **state)
{
    (void)state;
    static const char *const names[] = {"create", "list", "get", "delete", "event-type"};
    static const struct {
        const char *typed;
        const char *meant;
    } cases[] = {
            {"lst", "list"},      {"craete", "create"}, {"event", "event-type"}, {"event_type", "event-type"},
            {"frobnicate", NULL}, {"delte", "delete"},  {"ge", "get"},           {"foo", NULL},
            {"-v", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = args_nearest(cases[i].typed, names, ARRAY_LEN(names));
        if (cases[i].meant == NULL)
            assert_null(got);
        else
            assert_string_equal(got, cases[i].meant);
    }
}

/* What a row of the table of verbs promises. */
static void rows_are_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < resource_verb_count; i++) {
        const struct resource_verb *v = &resource_verbs[i];
        char command[64];
        snprintf(command, sizeof command, "%s %s", v->resource, v->verb);
        assert_string_equal(v->page.command, command);
        assert_true(str_starts(str_c(v->page.example), str_c("postrider ")));
        assert_non_null(strstr(v->page.example, command));
        if (v->run != NULL)
            continue;
        assert_true(str_starts(str_c(v->path), str_c("/api/v1/")));
        assert_int_equal(strstr(v->path, "{}") != NULL, v->page.operands_min == 1);
        for (size_t f = 0; f < v->page.flag_count; f++)
            if (v->page.flags[f].place == PLACE_BODY || v->page.flags[f].place == PLACE_QUERY)
                assert_non_null(v->page.flags[f].field);
        for (size_t j = 0; j < i; j++)
            assert_false(strcmp(v->resource, resource_verbs[j].resource) == 0 &&
                         strcmp(v->verb, resource_verbs[j].verb) == 0);
    }
}

static void help(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(65536);
    args_help(&page, &out);
    buf_add_c(&out, '\0');
    assert_non_null(strstr(out.ptr, "usage: postrider thing do --app APP FILE"));
    assert_non_null(strstr(out.ptr, "--limit N         at most (default: 50)\n"));
    assert_non_null(strstr(out.ptr, "--app APP         the workspace (required)\n"));
    assert_non_null(strstr(out.ptr, "--tag TAG         a tag; may be repeated\n"));
    assert_non_null(strstr(out.ptr, "--quick           be quick\n"));
    assert_non_null(strstr(out.ptr, "example: postrider thing do --app a file\n"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(command_lines), cmocka_unit_test(values),         cmocka_unit_test(too_many_flags),
            cmocka_unit_test(nearest_names), cmocka_unit_test(rows_are_whole), cmocka_unit_test(help),
    };
    /* The refusals are tested end to end. */
    if (freopen("/dev/null", "w", stderr) == NULL)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
