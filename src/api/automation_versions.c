/* SPDX-License-Identifier: Apache-2.0 */
/* The versions of an automation, and how many it keeps. */
#include "api/automation.h"
#include "api/handler.h"

#define PAGE 50

/* Those whose keys are behind `after`. */
static enum err list(struct store_reader *r, struct arena *a, const struct automation *m, struct str after,
                     size_t limit, struct object **out, size_t *count)
{
    struct str own = arena_printf(a, "%lld:", (long long)m->id);
    struct object_query q = {.kind = OBJ_AUTOMATION_VERSION,
                             .env = m->env,
                             .app = m->app,
                             .by_key = true,
                             .after_key = after,
                             .limit = limit};
    enum err e = store_list_objects(r, a, &q, out, count);
    while (e == ERR_OK && *count > 0 && !str_starts((*out)[*count - 1].key, own)) /* the next automation's */
        (*count)--;
    return e;
}

enum err automation_versions_list(struct api_call *call, const struct automation *m, int64_t after, size_t limit,
                                  struct object **out, size_t *count)
{
    return list(call->reader, call->arena, m, automation_version_key(call->arena, m->id, after), limit, out, count);
}

enum err automation_versions_end(struct api_call *call, const struct automation *m, struct object_change *changes,
                                 size_t *count)
{
    struct str after = automation_version_key(call->arena, m->id, 0);
    struct object *found;
    size_t n = PAGE, from = *count;
    enum err e = ERR_OK;
    while (e == ERR_OK && n == PAGE && *count - from + PAGE <= VERSIONS_END_MAX) {
        struct arena *a = arena_new(65536); /* they may be large */
        e = list(call->reader, a, m, after, PAGE, &found, &n);
        for (size_t i = 0; i < n && e == ERR_OK; i++) {
            struct object o = {.id = found[i].id,
                               .kind = found[i].kind,
                               .env = m->env,
                               .app = m->app,
                               .updated_ms = call->now_ms + VERSION_KEEP_MS};
            changes[(*count)++] = (struct object_change){.change = OBJECT_DELETE, .object = o};
        }
        after = n > 0 && e == ERR_OK ? arena_str(call->arena, found[n - 1].key) : after;
        arena_free(a);
    }
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
