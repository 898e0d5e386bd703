/* SPDX-License-Identifier: Apache-2.0 */
/* What the API says about itself holds: every route is described and nothing else, with schemas that are there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/describe.h"

static void routes_are_described(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_route_count; i++) {
        if (description_of(&api_routes[i]) == NULL)
            fail_msg("%s (method %d) is served and not described", api_routes[i].pattern, api_routes[i].method);
    }
    for (size_t i = 0; i < api_description_count; i++) {
        const struct description *d = &api_descriptions[i];
        size_t n = 0, ids = 0;
        for (size_t j = 0; j < api_route_count; j++)
            n += description_of(&api_routes[j]) == d;
        for (size_t j = 0; j < api_description_count; j++)
            ids += strcmp(api_descriptions[j].id, d->id) == 0;
        if (n != 1 || ids != 1)
            fail_msg("%s is served %zu times, its id used %zu times", d->id, n, ids);
    }
}

static bool is_plain(struct str type)
{
    static const char *const plain[] = {"string", "time", "int", "number", "bool", "object", "strings", "any", "file"};
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        if (str_eq(type, str_c(plain[i])))
            return true;
    }
    return false;
}

static void check_type(struct str type, bool *used)
{
    while (type.len > 2 && type.ptr[0] == '[')
        type = str_of(type.ptr + 1, type.len - 2);
    const struct schema *s = schema_find(type);
    if (s == NULL && !is_plain(type))
        fail_msg("no such type: " STR_FMT, STR_ARG(type));
    if (s != NULL)
        used[s - api_schemas] = true;
}

static void schemas_are_there_and_used(void **state)
{
    bool used[256] = {false};
    (void)state;
    assert_true(api_schema_count <= ARRAY_LEN(used));
    check_type(STR("Error"), used);
    check_type(STR("ValidationError"), used);
    for (size_t i = 0; i < api_description_count; i++) {
        const struct description *d = &api_descriptions[i];
        struct str rest = str_c(d->query != NULL ? d->query : "");
        if (d->in != NULL)
            check_type(str_c(d->in), used);
        if (d->out != NULL)
            check_type(str_c(d->out), used);
        while (query_parameter_next(&rest) != NULL)
            ;
    }
    for (size_t i = 0; i < api_schema_count; i++) {
        struct property_walk walk = schema_walk(&api_schemas[i]);
        struct property p;
        while (schema_next(&walk, &p)) {
            assert_true(p.name.len > 0);
            if (p.field == NULL)
                check_type(p.type, used);
        }
    }
    for (size_t i = 0; i < api_schema_count; i++) {
        if (!used[i])
            fail_msg("nobody uses %s", api_schemas[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(routes_are_described),
                                       cmocka_unit_test(schemas_are_there_and_used)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
