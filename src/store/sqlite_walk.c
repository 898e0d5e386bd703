/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_walk.h"

#include "sys/clock.h"

void walk_init(struct walk *w, oid_t before, oid_t after, bool ascending, size_t limit, bool filtered)
{
    w->count = 0;
    w->before = before != 0 ? before : INT64_MAX;
    w->after = after;
    w->ascending = ascending;
    w->want = filtered || limit > WALK_BATCH ? WALK_BATCH : limit;
    w->end_ms = clock_mono_ms() + WALK_MAX_MS;
}

enum err walk_fill(struct walk *w, struct conn *c, sqlite3_stmt *st, oid_t key)
{
    oid_t ids[WALK_BATCH];
    size_t n = 0;
    enum err e;
    bool full = w->count == w->want && w->count > 0;
    /* Only what is nearer than the farthest that is kept can still come in. */
    bind_int(st, 1, key);
    bind_int(st, 2, full && w->ascending ? w->ids[w->count - 1] : w->before);
    bind_int(st, 3, full && !w->ascending ? w->ids[w->count - 1] : w->after);
    bind_int(st, 4, (int64_t)w->want);
    while ((e = conn_next(c, st)) == ERR_OK)
        if (n < WALK_BATCH)
            ids[n++] = col_int(st, 0);
    if (e != ERR_NOT_FOUND)
        return e;
    walk_merge(w, ids, n);
    return ERR_OK;
}

void walk_merge(struct walk *w, const oid_t *more, size_t count)
{
    oid_t out[WALK_BATCH];
    size_t i = 0, j = 0, n = 0;
    while (n < w->want && (i < w->count || j < count)) {
        bool first = j == count || (i < w->count && (w->ids[i] < more[j]) == w->ascending);
        out[n++] = first ? w->ids[i++] : more[j++];
    }
    memcpy(w->ids, out, n * sizeof out[0]);
    w->count = n;
}

bool walk_goes_on(struct walk *w, bool *late)
{
    *late = false;
    if (w->count < w->want || w->count == 0)
        return false;
    if (w->ascending)
        w->after = w->ids[w->count - 1];
    else
        w->before = w->ids[w->count - 1];
    w->count = 0;
    *late = clock_mono_ms() > w->end_ms;
    return !*late;
}
