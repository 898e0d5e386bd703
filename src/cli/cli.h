/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands. Exit status of all: 0 done, 1 the answer is no, 2 wrong use, 3 could not.
 */
#ifndef PR_CLI_CLI_H
#define PR_CLI_CLI_H

enum { CLI_DONE = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_COULD_NOT = 3 };

/* One row per command, in the order of --help. */
struct cli_command {
    const char *name;
    const char *summary;
    /* argv[0] is the command's name. */
    int (*run)(int argc, char **argv);
};

int cli_main(int argc, char **argv);

/* Each in the file of its name. */
int cli_serve(int argc, char **argv);
int cli_resource(int argc, char **argv); /* user, token, app, endpoint, event-type, message, attempt, profile, record */
int cli_send(int argc, char **argv);
int cli_listen(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_trigger(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_backup(int argc, char **argv);
int cli_restore(int argc, char **argv);
int cli_keys(int argc, char **argv);
int cli_migrate(int argc, char **argv);

#endif
