/* SPDX-License-Identifier: Apache-2.0 */
/* A compiled filter, for filter.c and filter_match.c. */
#ifndef PR_FILTER_FILTER_IMPL_H
#define PR_FILTER_FILTER_IMPL_H

#include "filter/filter.h"
#include "json/number.h"

enum filter_op {
    OP_EQ,
    OP_IN,
    OP_GT,
    OP_GTE,
    OP_LT,
    OP_LTE,
    OP_STARTS,
    OP_ENDS,
    OP_CONTAINS,
    OP_EXISTS,
    OP_PATH, /* the last that is tried on single values */
    OP_AND,
    OP_OR,
    OP_NOT
};

struct filter_rule {
    enum filter_op op;
    bool negative;            /* $ne, $nin, $exists: false: holds when no value satisfies it */
    const struct json *value; /* the operand of EQ to CONTAINS */
    const struct str *path;   /* PATH */
    size_t path_length;
    const struct filter_test *tests; /* PATH and NOT: one; AND, OR: at least one */
    size_t test_count;
};

struct filter_test {
    const struct filter_rule *rules;
    size_t count;
};

struct filter {
    struct filter_test root;
};

#endif
