/* SPDX-License-Identifier: Apache-2.0 */
/* The rules that keywords become; see struct schema_rule. What each looks at is in the table of keyword.c. */
#ifndef PR_SCHEMA_RULES_H
#define PR_SCHEMA_RULES_H

#include "schema/schema_impl.h"

typedef bool schema_rule_fn(struct checking *c, const struct schema_node *n, const struct schema_rule *r,
                            const struct json *v, const struct json_step *at);

schema_rule_fn rule_type, rule_enum, rule_const;
schema_rule_fn rule_minimum, rule_maximum, rule_above, rule_below, rule_multiple;
schema_rule_fn rule_min_length, rule_max_length, rule_pattern;
schema_rule_fn rule_min_count, rule_max_count, rule_items, rule_prefix, rule_contains, rule_unique;
schema_rule_fn rule_properties, rule_patterns, rule_additional, rule_names, rule_required, rule_dependent;
schema_rule_fn rule_all, rule_any, rule_one, rule_not, rule_if;

#endif
