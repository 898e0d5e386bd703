/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the API without a server: the same code on this machine's store, while no process has it open.
 */
#ifndef PR_CLI_OFFLINE_H
#define PR_CLI_OFFLINE_H

#include "cli/speak.h"

/* As speak_try, as the operator in environment `env` (NULL: the default one). ARGS_GO_ON: an answer is there; else the
 * exit status after a line on stderr. */
MUST_USE int offline_call(struct speak *s, const char *env, const char *method, const char *path, struct str body,
                          struct speak_answer *out);

#endif
