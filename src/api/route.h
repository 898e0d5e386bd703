/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PR_API_ROUTE_H
#define PR_API_ROUTE_H

#include "api/handler.h"

/*
 * The row for a path: with this method, or (*route NULL) only with others, which `methods` lists as bits 1 << method.
 * Fills params (still percent-encoded). ERR_NOT_FOUND: no such path.
 */
MUST_USE enum err route_find(enum http_method method, struct str path, const struct route **route,
                             struct str params[API_PARAMS_MAX], unsigned *methods);

#endif
