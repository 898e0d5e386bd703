/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings whose values are well-formed but cannot work on this machine, found before anything is made.
 */
#ifndef PR_SERVE_PREFLIGHT_H
#define PR_SERVE_PREFLIGHT_H

#include "config/settings.h"

#define PREFLIGHT_WHY_SIZE 8192

/* The setting that cannot work and, in `why`, what to do; NULL: none. */
const char *preflight_check(const struct settings *set, char why[PREFLIGHT_WHY_SIZE]);

#endif
