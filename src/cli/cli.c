/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "transform/transform.h"

static const struct cli_command commands[] = {
        {"serve", "run Postrider", cli_serve},
        {"user", "users of the console", cli_resource},
        {"token", "make, list and revoke API keys", cli_resource},
        {"app", "workspaces", cli_resource},
        {"endpoint", "endpoints of a workspace", cli_resource},
        {"event-type", "event types", cli_resource},
        {"message", "messages of a workspace", cli_resource},
        {"attempt", "attempts to deliver", cli_resource},
        {"profile", "how deliveries look", cli_resource},
        {"record", "records of a workspace", cli_resource},
        {"send", "send a message", cli_send},
        {"listen", "receive deliveries and print them", cli_listen},
        {"replay", "send again", cli_replay},
        {"trigger", "send a request to a trigger, signed as a provider would", cli_trigger},
        {"verify", "verify a signed request from standard input", cli_verify},
        {"doctor", "check this machine and its settings", cli_doctor},
        {"backup", "copy the store while it runs", cli_backup},
        {"restore", "put a copy in place", cli_restore},
        {"keys", "rotate the master key", cli_keys},
        {"migrate", "bring the store's schema up to date", cli_migrate},
};

static void print_help(FILE *to)
{
    fprintf(to, "Postrider %s: sends, receives and automates webhooks.\n\nusage: postrider COMMAND [--help] …\n\n",
            POSTRIDER_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(to, "  %-14s %s\n", commands[i].name, commands[i].summary);
    fprintf(to, "\npostrider help COMMAND: what it takes; the same as postrider COMMAND --help.\n");
    fprintf(to,
            "\nThe server is found by POSTRIDER_URL and POSTRIDER_TOKEN; without them, on the server's own machine, by "
            "its settings\nand its keys file. Exit status: 0 done, 1 the answer is no, 2 wrong use, 3 could not.\n");
}

static bool is(const char *s, const char *a, const char *b)
{
    return strcmp(s, a) == 0 || strcmp(s, b) == 0;
}

static int refuse_command(const char *name)
{
    const char *names[ARRAY_LEN(commands)];
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        names[i] = commands[i].name;
    const char *near = args_nearest(name, names, ARRAY_LEN(commands));
    if (near != NULL)
        fprintf(stderr, "postrider: there is no command \"%s\"; did you mean \"%s\"?\n", name, near);
    else
        fprintf(stderr, "postrider: there is no command \"%s\"; see postrider --help\n", name);
    return CLI_USAGE;
}

static int run_command(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(argc, argv);
    return refuse_command(argv[0]);
}

/* `help COMMAND …` is `COMMAND … --help`; without a command it is about all. */
static int help(int argc, char **argv)
{
    static char flag[] = "--help";
    if (argc < 2 || argv[1][0] == '-' || is(argv[1], "help", "version")) {
        print_help(stdout);
        return CLI_DONE;
    }
    for (int i = 1; i < argc; i++)
        argv[i - 1] = argv[i];
    argv[argc - 1] = flag;
    return run_command(argc, argv);
}

int cli_main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (is(argv[1], "--help", "-h") || strcmp(argv[1], "help") == 0)
        return help(argc - 1, argv + 1);
    if (is(argv[1], "--version", "version")) {
        printf("postrider %s\n", POSTRIDER_VERSION);
        return CLI_DONE;
    }
    if (strcmp(argv[1], TRANSFORM_WORKER_COMMAND) == 0) /* started by the server, of no use to people */
        return transform_worker_main();
    return run_command(argc - 1, argv + 1);
}
