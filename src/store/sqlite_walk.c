/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite_walk.h"

#include "sys/clock.h"

void walk_init(struct walk *w, struct sqlite_reader *r, const struct walk_plan *p)
{
    memset(w, 0, sizeof *w);
    w->r = r;
    w->before = p->before != 0 ? p->before : INT64_MAX;
    w->after = p->after;
    w->ascending = p->ascending;
    w->visit_max = p->filtered ? p->visit_max : 0;
    w->want = p->filtered || p->limit > WALK_BATCH ? WALK_BATCH : p->limit;
    if (w->visit_max != 0 && w->visit_max < w->want)
        w->want = w->visit_max;
    w->end_ms = clock_mono_ms() + (w->visit_max != 0 ? VISIT_MAX_MS : WALK_MAX_MS);
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

/* How many rows lie between two looks at the clock. */
#define LOOK_EVERY 16

bool walk_next(struct walk *w, oid_t *id)
{
    if (w->at == w->count)
        return false;
    bool look = w->visited % LOOK_EVERY == LOOK_EVERY - 1;
    int64_t now_ms = look ? clock_mono_ms() : 0;
    if (w->visit_max != 0 && w->visited > 0 && (w->visited >= w->visit_max || now_ms > w->end_ms)) {
        w->stopped = w->ascending ? w->after : w->before;
        if (w->at > 0)
            w->stopped = w->ids[w->at - 1];
        return false;
    }
    if (look && now_ms > w->r->deadline_ms - READ_MAX_MS + VISIT_MAX_MS) {
        reader_let_go(w->r);
        reader_hold(w->r);
    }
    *id = w->ids[w->at++];
    w->visited++;
    return true;
}

bool walk_goes_on(struct walk *w)
{
    if (w->stopped != 0 || w->count < w->want || w->count == 0)
        return false;
    if (w->ascending)
        w->after = w->ids[w->count - 1];
    else
        w->before = w->ids[w->count - 1];
    w->count = 0;
    w->at = 0;
    w->late = w->visit_max == 0 && clock_mono_ms() > w->end_ms;
    return !w->late;
}
