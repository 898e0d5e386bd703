/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/profiles.h"

#include "cli/local.h"
#include "cli/speak.h"
#include "signing/profile_incoming.h"

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

/* One of the server's. */
static int fetch(const struct args *a, const char *name, struct profile **out)
{
    struct speak s;
    struct speak_answer answer;
    struct buf path = BUF_INIT(4096);
    int status = speak_open(&s, a, NULL);
    if (status != ARGS_GO_ON)
        return status;
    buf_add_str(&path, STR("/api/v1/profile/"));
    speak_escape(str_c(name), &path);
    status = speak_try(&s, "GET", arena_cstr(s.arena, buf_str(&path)), STR_NULL, false, &answer);
    if (status == ARGS_GO_ON && answer.status == 404)
        status = args_refuse(a, "there is no profile \"%s\"", name);
    else if (status == ARGS_GO_ON && answer.status != 200)
        status = speak_refused(&s, &answer) == CLI_USAGE ? CLI_USAGE : CLI_COULD_NOT;
    if (status == ARGS_GO_ON)
        status = parse_row(a, answer.text, out);
    buf_fini(&path);
    speak_close(&s);
    return status;
}

int profiles_find(const struct args *a, const char *name, struct profile **out)
{
    struct str json = find_builtin(name);
    const struct provider *known = provider_find(str_c(name));
    if (json.ptr == NULL && known != NULL) {
        *out = provider_profile(known);
        return ARGS_GO_ON;
    }
    return json.ptr != NULL ? parse_row(a, json, out) : fetch(a, name, out);
}
