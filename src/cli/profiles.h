/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_CLI_PROFILES_H
#define PR_CLI_PROFILES_H

#include "cli/args.h"
#include "signing/profile.h"

/* A built-in profile, or one of the server's. ARGS_GO_ON, or the exit status after a line on stderr. */
MUST_USE int profiles_find(const struct args *a, const char *name, struct profile **out);

#endif
