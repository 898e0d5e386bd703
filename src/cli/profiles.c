/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/profiles.h"

#include "cli/local.h"

static struct str find_builtin(const char *name)
{
    for (size_t i = 0; i < profile_builtin_count; i++)
        if (strcmp(name, profile_builtins[i].name) == 0)
            return str_c(profile_builtins[i].json);
    return STR_NULL;
}

static int parse_row(const struct args *a, struct str json, struct profile **out)
{
    struct arena *arena = arena_new(4096);
    struct str path, why;
    int status = ARGS_GO_ON;
    if (profile_parse(arena, json, out, &path, &why) != ERR_OK)
        status = local_could_not(a, arena_cstr(arena, path), arena_cstr(arena, why));
    arena_free(arena);
    return status;
}

int profiles_find(const struct args *a, const char *name, struct profile **out)
{
    struct str json = find_builtin(name);
    if (json.ptr == NULL)
        return args_refuse(a, "there is no profile \"%s\"", name);
    return parse_row(a, json, out);
}
