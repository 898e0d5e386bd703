/* SPDX-License-Identifier: Apache-2.0 */
/* Turns by walking the workspaces that have something due at any time: a look into an index each, so many at once. */
#include "api/due.h"

#include "base/time.h"

#define APPS   32   /* workspaces of one turn */
#define SHARES 128  /* of all of them, besides the least */
#define LOOKS  2000 /* workspaces that are looked at, which may have nothing due now */

struct turn_list {
    struct doc_due docs[DUE_PAGE];
    size_t first[APPS], count[APPS]; /* of each workspace's, among docs */
    size_t apps;
};

/* The workspaces behind t->at that have something due; once around at most. */
static enum err find_apps(struct due_turns *t, struct store_reader *r, int64_t now_ms, oid_t apps[APPS], size_t *count)
{
    oid_t begin = t->at;
    bool around = false;
    enum err e = ERR_OK;
    *count = 0;
    for (int i = 0; i < LOOKS && *count < APPS; i++) {
        struct doc_due first;
        e = store_due_app(r, t->kind, t->at, &first);
        if (e == ERR_NOT_FOUND && !around) {
            around = true;
            t->at = -1;
            continue;
        }
        if (e != ERR_OK || (around && first.app > begin))
            break;
        t->at = first.app;
        if (first.due_ms <= now_ms)
            apps[(*count)++] = first.app;
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err take_shares(struct due_turns *t, struct store_reader *r, int64_t now_ms, size_t least,
                            struct turn_list *l)
{
    oid_t apps[APPS] = {0};
    int64_t next_ms;
    size_t used = 0;
    enum err e = find_apps(t, r, now_ms, apps, &l->apps);
    for (size_t i = 0; i < l->apps && e == ERR_OK; i++) {
        size_t share = SHARES / l->apps + least;
        size_t room = (DUE_PAGE - used) / (l->apps - i);
        l->first[i] = used;
        e = store_due(r, t->kind, apps[i], now_ms, l->docs + used, share < room ? share : room, &l->count[i], &next_ms);
        used += l->count[i];
    }
    return e;
}

/* The first of each workspace, then the second, and so on; those of one in their order. */
static void take_turns(struct doc_due *docs, size_t count)
{
    struct doc_due in_order[DUE_PAGE];
    size_t rank[DUE_PAGE], n = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t last = i; /* the one before of this workspace */
        while (last > 0 && docs[last - 1].app != docs[i].app)
            last--;
        rank[i] = last > 0 ? rank[last - 1] + 1 : 0;
        most = rank[i] > most ? rank[i] : most;
    }
    for (size_t wanted = 0; wanted <= most && n < count; wanted++) {
        for (size_t i = wanted; i < count; i++) {
            if (rank[i] == wanted)
                in_order[n++] = docs[i];
        }
    }
    memcpy(docs, in_order, n * sizeof *docs);
}

enum err due_take(struct due_turns *t, struct store_reader *r, int64_t now_ms, size_t least,
                  struct doc_due out[DUE_PAGE], size_t *count, int64_t *next_ms)
{
    struct turn_list l = {.apps = 0};
    enum err e = store_due(r, t->kind, DUE_OF_ALL, now_ms, out, DUE_PAGE, count, next_ms);
    if (e == ERR_OK && *count < DUE_PAGE)
        take_turns(out, *count);
    if (e != ERR_OK || *count < DUE_PAGE)
        return e;
    *next_ms = now_ms;
    e = take_shares(t, r, now_ms, least, &l);
    *count = 0;
    for (size_t rank = 0; rank < DUE_PAGE && e == ERR_OK; rank++) {
        for (size_t i = 0; i < l.apps; i++) {
            if (rank < l.count[i])
                out[(*count)++] = l.docs[l.first[i] + rank];
        }
    }
    return e;
}
