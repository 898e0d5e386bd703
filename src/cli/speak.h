/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speaking the HTTP API: where the server is, with which token, and what its answers mean for the exit status.
 *
 * POSTRIDER_URL says where, else POSTRIDER_LISTEN of this machine; POSTRIDER_TOKEN with what, else a short-lived token
 * is made with the keys beside the database.
 */
#ifndef PR_CLI_SPEAK_H
#define PR_CLI_SPEAK_H

#include "base/arena.h"
#include "cli/args.h"
#include "json/tree.h"

struct speak {
    const struct args *args;
    struct arena *arena; /* owns the texts below, and the answers */
    const char *url;     /* without a trailing slash */
    const char *authorization;
    bool is_local; /* the server of this machine's settings */
    const char *ca_file;
    const char *pinned_cert;
    enum err trouble;         /* of the last call: nobody answered */
    const char *idempotency;  /* key for POSTs, or NULL */
    const char *content_type; /* of bodies, NULL: JSON */
};

/* env: the environment that the token is for, NULL: the default one. ARGS_GO_ON, or the exit status. */
MUST_USE int speak_open(struct speak *s, const struct args *a, const char *env);
void speak_close(struct speak *s);
/* Where a server with these settings listens, as seen from this machine. */
struct settings;
const char *speak_local_url(struct arena *a, const struct settings *set);
/* ARGS_GO_ON when NULL or the id of an environment; else CLI_USAGE after a line on stderr. */
MUST_USE int speak_check_env(const struct args *a, const char *env);

struct speak_answer {
    int status;
    struct str text;
    const struct json *json; /* NULL: none */
};

/*
 * One exchange. path begins with /api/v1. ARGS_GO_ON: any answer is there. CLI_COULD_NOT: none; a line says why unless
 * `quiet`.
 */
MUST_USE int speak_try(struct speak *s, const char *method, const char *path, struct str body, bool quiet,
                       struct speak_answer *out);
/* As speak_try; an answer that is not 2xx is printed and becomes an exit status too. */
MUST_USE int speak_call(struct speak *s, const char *method, const char *path, struct str body,
                        struct speak_answer *out);
/* Prints what the answer says is wrong; the exit status: 1 not found or not possible, 2 refused as wrong, 3 others. */
int speak_refused(const struct speak *s, const struct speak_answer *answer);

/* Appends with what a path segment or query may not hold percent-encoded. */
void speak_escape(struct str text, struct buf *out);

/* Prints: JSON as it came with --json; else a list as aligned columns, an object as "name  value" lines. */
void speak_show(const struct speak *s, const struct speak_answer *answer, const char *const *columns,
                size_t column_count);

/* Reads "-" (standard input) or a file into the arena. ARGS_GO_ON, or the exit status after a line on stderr. */
MUST_USE int speak_read(struct speak *s, const char *path, struct str *out);

#endif
