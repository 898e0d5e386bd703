/* SPDX-License-Identifier: Apache-2.0 */
#include "api/message_check.h"

#include "model/event_type.h"
#include "json/pointer.h"

static bool fits(const struct schema *schema, struct match_facts *facts, struct arena *a, struct schema_fault *fault)
{
    const struct json *tree = match_tree(facts);
    if (tree != NULL)
        return schema_check(schema, a, tree, fault) == ERR_OK;
    *fault = (struct schema_fault){.why = "must be JSON"};
    return false;
}

bool message_fits(const struct catalog_types *types, struct match_facts *facts, struct arena *a,
                  struct schema_fault *fault)
{
    const struct catalog_type *t = catalog_type_find(types, facts->event_type);
    return t == NULL || t->schema == NULL || fits(t->schema, facts, a, fault);
}

bool message_check(const struct catalog_types *types, struct match_facts *facts, struct problems *problems)
{
    const struct catalog_type *t = catalog_type_find(types, facts->event_type);
    struct schema_fault fault;
    if (t == NULL || t->schema == NULL)
        return true;
    struct arena *a = arena_new(1024);
    bool good = fits(t->schema, facts, a, &fault);
    if (!good && match_tree(facts) == NULL)
        problem_add(problems, "body", STR("transformationsParams"), STR("rawPayload"), "value_error.schema",
                    "must not be given: the event type has a schema that payloads must fit");
    else if (!good)
        problem_add(problems, "body", STR("payload"), fault.at.len > 0 ? fault.at : STR_NULL, "value_error.schema",
                    "%s", fault.why);
    arena_free(a);
    return good;
}

bool schemas_check(struct arena *a, struct str schemas, struct problems *problems)
{
    const struct schema *schema;
    struct schema_fault fault;
    struct json *tree;
    if (schemas.ptr == NULL || json_parse(a, schemas, &tree, NULL) != ERR_OK)
        return true;
    const struct json *newest = event_type_newest(tree);
    if (newest == NULL || schema_compile(a, newest, &schema, &fault) == ERR_OK)
        return true;
    struct json_step version = {.name = newest->name};
    struct str at = json_pointer_write(a, &version);
    problem_add(problems, "body", STR("schemas"), arena_printf(a, STR_FMT STR_FMT, STR_ARG(at), STR_ARG(fault.at)),
                "value_error.schema", "%s", fault.why);
    return false;
}
