/* SPDX-License-Identifier: Apache-2.0 */
/* The versions of an automation, and how many it keeps. */
#include "api/automation.h"
#include "api/handler.h"

enum err automation_versions_list(struct api_call *call, const struct automation *m, int64_t after, size_t limit,
                                  struct object **out, size_t *count)
{
    struct str own = arena_printf(call->arena, "%lld:", (long long)m->id);
    struct object_query q = {.kind = OBJ_AUTOMATION_VERSION,
                             .env = m->env,
                             .app = m->app,
                             .by_key = true,
                             .after_key = automation_version_key(call->arena, m->id, after),
                             .limit = limit};
    enum err e = store_list_objects(call->reader, call->arena, &q, out, count);
    while (e == ERR_OK && *count > 0 && !str_starts((*out)[*count - 1].key, own)) /* the next automation's */
        (*count)--;
    return e;
}

enum err automation_versions_forget(struct api_call *call, const struct automation *m, struct object_change *changes,
                                    size_t *count)
{
    struct object *found;
    struct automation_version v;
    size_t n = 0, gone = 0;
    enum err e = automation_versions_list(call, m, 0, VERSIONS_FORGOTTEN_MAX + 1, &found, &n);
    /* Each was replaced when the one after it was published. */
    for (size_t i = 1; e == ERR_OK && i < n; i++) {
        e = automation_version_decode(call->arena, &found[i], &v);
        if (e != ERR_OK || v.published_ms == 0 || v.published_ms > call->now_ms - VERSION_KEEP_MS)
            break;
        changes[(*count)++] = (struct object_change){.change = OBJECT_DELETE, .object = found[i - 1]};
        changes[*count - 1].object.updated_ms = call->now_ms;
        gone = i;
    }
    if (e == ERR_OK && gone < n)
        e = automation_version_decode(call->arena, &found[gone], &v);
    return e == ERR_OK && n > 0 && m->number - v.number >= VERSIONS_MAX ? ERR_TOO_LARGE : e;
}
