/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static const struct cli_command commands[] = {
        {"serve", "run Postrider", cli_serve},
};

static void print_help(FILE *to)
{
    fprintf(to, "Postrider %s: sends, receives and automates webhooks.\n\nusage: postrider COMMAND [--help] …\n\n",
            POSTRIDER_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(to, "  %-14s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\nexit status: 0 done, 1 the answer is no, 2 wrong use, 3 could not\n");
}

static bool is(const char *s, const char *a, const char *b)
{
    return strcmp(s, a) == 0 || strcmp(s, b) == 0;
}

int cli_main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (is(argv[1], "--help", "-h") || is(argv[1], "help", "--help")) {
        print_help(stdout);
        return CLI_DONE;
    }
    if (is(argv[1], "--version", "version")) {
        printf("postrider %s\n", POSTRIDER_VERSION);
        return CLI_DONE;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "postrider: there is no command \"%s\"; see postrider --help\n", argv[1]);
    return CLI_USAGE;
}
