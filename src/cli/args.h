/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flags and operands of a command, read by a table that also writes its --help. Every command takes --help and --json.
 * `--name VALUE` and `--name=VALUE` are the same; `--` ends the flags. A flag that nobody knows is named together with
 * the nearest one that exists.
 */
#ifndef PR_CLI_ARGS_H
#define PR_CLI_ARGS_H

#include "base/buf.h"
#include "cli/cli.h"

enum arg_kind {
    ARG_TEXT,
    ARG_LIST,     /* may be given several times */
    ARG_SWITCH,   /* without a value */
    ARG_NUMBER,   /* a whole number, not negative */
    ARG_DURATION, /* 500ms, 3s, 1h, 30d */
    ARG_YES_NO,   /* true or false */
    ARG_JSON      /* any JSON value */
};

/* Where the value goes in a request to the API; see resource.c. */
enum arg_place { PLACE_NONE, PLACE_PATH, PLACE_QUERY, PLACE_BODY };

struct arg_flag {
    const char *name;  /* without the dashes */
    const char *value; /* what --help calls the value; NULL with ARG_SWITCH */
    const char *help;
    const char *def; /* the text that is read when it is not given; NULL: none */
    enum arg_kind kind;
    bool required;
    enum arg_place place;
    const char *field; /* the API's name of it */
};

struct arg_page {
    const char *command;  /* "app create" */
    const char *operands; /* "FILE", "[MESSAGE]"; NULL: none */
    size_t operands_min;
    size_t operands_max;
    const char *summary; /* a sentence */
    const struct arg_flag *flags;
    size_t flag_count;
    const char *notes; /* more lines for --help, or NULL */
    const char *example;
};

#define ARGS_GIVEN_MAX    64
#define ARGS_OPERANDS_MAX 4

struct args {
    const struct arg_page *page;
    struct {
        const struct arg_flag *flag;
        const char *text;
    } given[ARGS_GIVEN_MAX];
    size_t given_count;
    const char *operands[ARGS_OPERANDS_MAX];
    size_t operand_count;
    bool json;
};

/* argv[0] is the last word of the command's name. ARGS_GO_ON, or the exit status: help was printed, or what is wrong.
 */
enum { ARGS_GO_ON = -1 };
MUST_USE int args_read(const struct arg_page *page, int argc, char **argv, struct args *out);
/* Prints "postrider COMMAND: …" and where to look; CLI_USAGE. */
int args_refuse(const struct args *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The page as --help prints it. */
void args_help(const struct arg_page *page, struct buf *out);

/* The last value given, else the default, else NULL. */
const char *args_text(const struct args *a, const char *name);
bool args_given(const struct args *a, const char *name);
/* A switch that was given. */
bool args_on(const struct args *a, const char *name);
/* The values of an ARG_LIST, up to max; how many. */
size_t args_list(const struct args *a, const char *name, const char **out, size_t max);
/* The value of an ARG_NUMBER or ARG_DURATION (ms), which was checked when it was read; 0 when there is none. */
int64_t args_number(const struct args *a, const char *name);
int64_t args_duration_ms(const struct args *a, const char *name);

/* Finds argv[1] among the words of a command with subcommands, or prints them; the index, or -1 and *status. */
struct args_words {
    const char *command;
    const char *const *words;
    const char *const *summaries;
    size_t count;
};
MUST_USE int args_word(const struct args_words *w, int argc, char **argv, int *status);
/* The candidate most like `name`, or NULL when none is near. */
const char *args_nearest(const char *name, const char *const *candidates, size_t count);

#endif
