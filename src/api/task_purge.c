/* SPDX-License-Identifier: Apache-2.0 */
/* Erasing all payloads of a workspace, page by page. */
#include "api/message_query.h"
#include "api/task.h"
#include "base/time.h"

#define STEP_MESSAGES 100

/* Where the first message stands, so that it can be said how far the task is. */
static void note_start(struct task *t, const struct message *first)
{
    if (t->since_ms == 0)
        t->since_ms = oid_time_ms(first->id);
}

static enum err read_page(struct task_run *r, const struct task *t, oid_t after, oid_t until, struct message **list,
                          size_t *count)
{
    struct message_query q = {.app = t->app,
                              .after = after,
                              .before = until != 0 ? until + 1 : oid_at_ms(t->until_ms + 1),
                              .ascending = true,
                              .status = -1,
                              .limit = STEP_MESSAGES};
    return store_list_messages(r->reader, r->arena, &q, list, NULL, count);
}

/* What is not there any more is as good as erased. */
static enum err expunge(struct task_run *r, const struct task *t, const struct message *list, size_t count,
                        bool only_look, struct store_expunge *out)
{
    struct store_op *ops[STEP_MESSAGES] = {0};
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct store_expunge){
                .op = {.kind = STORE_EXPUNGE}, .app = t->app, .msg = list[i].id, .only_look = only_look};
        ops[i] = &out[i].op;
    }
    store_run_all(r->api->store, ops, count);
    for (size_t i = 0; i < count; i++)
        if (out[i].op.result != ERR_OK && out[i].op.result != ERR_NOT_FOUND)
            return out[i].op.result;
    return ERR_OK;
}

/* Erases the page that the step before has counted. */
static enum err erase_page(struct task_run *r, struct task *t)
{
    struct store_expunge done[STEP_MESSAGES];
    struct message *list;
    size_t count;
    enum err e = read_page(r, t, t->cursor, t->cursor_pos, &list, &count);
    if (e == ERR_OK)
        e = expunge(r, t, list, count, false, done);
    for (size_t i = 0; i < count && e == ERR_OK; i++)
        if (done[i].erased)
            e = message_tell_expunged(r->api, r->reader, r->arena, list[i].id);
    if (e != ERR_OK)
        return e;
    t->processed += (int64_t)count;
    t->cursor = count == STEP_MESSAGES ? list[count - 1].id : t->cursor_pos;
    if (t->cursor == t->cursor_pos) {
        t->done += t->parts;
        t->parts = 0;
    }
    return ERR_OK;
}

static enum err count_page(struct task_run *r, struct task *t, bool *more)
{
    struct store_expunge seen[STEP_MESSAGES];
    struct message *list;
    size_t count;
    enum err e = read_page(r, t, t->cursor, 0, &list, &count);
    if (e != ERR_OK || count == 0)
        return e;
    note_start(t, &list[0]);
    e = expunge(r, t, list, count, true, seen);
    for (size_t i = 0; i < count && e == ERR_OK; i++)
        t->parts += seen[i].erased ? 1 : 0;
    t->cursor_pos = list[count - 1].id;
    *more = true;
    return e;
}

/* A page is counted in one step and erased in the next, which takes the count over: one that is done again after a
 * crash finds erased, and would not count, what it did before. */
enum err task_step_purge(struct task_run *r, struct task *t, bool *more)
{
    enum err e = t->cursor_pos > t->cursor ? erase_page(r, t) : ERR_OK;
    *more = t->cursor_pos > t->cursor;
    return e == ERR_OK && !*more ? count_page(r, t, more) : e;
}
