/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `postrider serve`: opens everything, runs until SIGTERM or SIGINT, drains, closes.
 */
#ifndef PR_SERVE_SERVE_H
#define PR_SERVE_SERVE_H

#include "config/settings.h"

/* Exit status: 0 after a clean stop, 2 for a setting that cannot be used, 3 when something could not be had. */
int serve_run(const struct settings *set);

#endif
