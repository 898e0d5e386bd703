/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands know on the server's own machine: its settings from the environment, its keys, its store.
 */
#ifndef PR_CLI_LOCAL_H
#define PR_CLI_LOCAL_H

#include "cli/args.h"
#include "config/settings.h"
#include "crypto/seal.h"
#include "store/copy.h"

/* Reads the settings as `serve` without flags would. ARGS_GO_ON, or the exit status after a line on stderr. */
MUST_USE int local_settings(const struct args *a, struct settings *set);
/* As local_settings; and the database must be a file. */
MUST_USE int local_store_settings(const struct args *a, struct settings *set);
/* The keys of these settings; never makes a file. */
MUST_USE enum err local_keys(const struct settings *set, struct keyring **out, const char **why);
/* Whether these keys open what is sealed in a store: its key ids are known, and they are its keys, not a namesake's. */
bool local_keys_fit(const struct keyring *keys, const struct store_facts *f);
/* Prints "postrider COMMAND: WHAT: WHY"; CLI_COULD_NOT. `what` may be NULL. */
int local_could_not(const struct args *a, const char *what, const char *why);
/* A percentage on a terminal's last line; nothing when stderr is no terminal. arg: what is under way. */
void local_progress(void *arg, int percent);
/* Writes the members of an object that the caller has opened. */
struct json_writer;
void local_write_facts(const struct store_facts *f, struct json_writer *w);
/* Prints a JSON text and a line end, or an end of the process when standard output is gone. Frees. */
void local_print(struct buf *text);

#endif
