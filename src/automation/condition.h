/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions of branches and of what is waited for:
 *
 *   {"all": [c, …]}   {"any": [c, …]}   {"not": c}
 *   {"value": v, "<operator>": w}       several operators: all of them
 *
 * Operators: eq ne gt gte lt lte contains starts_with exists in. Strings in v and w are templates. Numbers are compared
 * exactly; a text that reads as a number compares with numbers as that number.
 */
#ifndef PR_AUTOMATION_CONDITION_H
#define PR_AUTOMATION_CONDITION_H

#include "expr/expr.h"

#define CONDITION_DEPTH_MAX 10
#define CONDITION_ITEMS_MAX 100 /* of one all, any */

struct condition;

/* What does not fit, with the path to it below the condition ("any.0.value"; empty: the condition itself). */
struct condition_error {
    struct str path;
    struct str what;
};

/* ERR_INVALID: *error. The condition lives in the arena and points into `from`. */
MUST_USE enum err condition_compile(struct arena *a, const struct json *from, const struct condition **out,
                                    struct condition_error *error);
/* Whether it holds. ERR_INVALID, ERR_TOO_LARGE: env->why. */
MUST_USE enum err condition_holds(const struct condition *c, struct expr_env *env, bool *out);

void condition_each_path(const struct condition *c, expr_path_fn *visit, void *arg);

#endif
