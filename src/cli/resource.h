/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that only speak the API: a row per verb. `{app}` in a path stands for the flag of that name, `{}` for
 * the operand.
 */
#ifndef PR_CLI_RESOURCE_H
#define PR_CLI_RESOURCE_H

#include "base/arena.h"
#include "cli/args.h"

struct resource_verb {
    const char *resource;
    const char *verb;
    const char *method;
    const char *path;
    const char *path_else; /* when not all of path's flags are given; NULL: they are all required */
    struct arg_page page;
    const char *const *columns;       /* of a list, NULL-terminated */
    int (*run)(const struct args *a); /* what a row cannot say; NULL: nothing */
    bool offline;                     /* works on the store when no server runs on this machine */
};

/* token.c */
int token_create_run(const struct args *a);
/* user.c */
int user_create_run(const struct args *a);

/* record.c */
int record_import_run(const struct args *a);
int record_export_run(const struct args *a);

/* The path with what stands for its placeholders, and the query of the flags. ARGS_GO_ON, or the exit status. */
MUST_USE int resource_path(const struct args *a, struct arena *arena, const char *pattern, struct buf *out);
/* As speak_call; `offline`: without a server on this machine, on its store. */
struct speak;
struct speak_answer;
MUST_USE int resource_call(struct speak *s, bool offline, const char *method, const char *path, struct str body,
                           struct speak_answer *out);

extern const struct resource_verb resource_verbs[];
extern const size_t resource_verb_count;

#endif
