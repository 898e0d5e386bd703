/* SPDX-License-Identifier: Apache-2.0 */
/* A step of erasing all payloads of a workspace. */
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

enum err task_step_purge(struct task_run *r, struct task *t, bool *more)
{
    struct message *list;
    struct store_expunge expunges[STEP_MESSAGES];
    struct store_op *ops[STEP_MESSAGES];
    size_t count;
    struct message_query q = {.app = t->app,
                              .after = t->cursor,
                              .before = oid_at_ms(t->until_ms + 1),
                              .ascending = true,
                              .status = -1,
                              .limit = STEP_MESSAGES};
    enum err e = store_list_messages(r->reader, r->arena, &q, &list, NULL, &count);
    if (e != ERR_OK || count == 0)
        return e;
    note_start(t, &list[0]);
    for (size_t i = 0; i < count; i++) {
        expunges[i] = (struct store_expunge){.op = {.kind = STORE_EXPUNGE}, .app = t->app, .msg = list[i].id};
        ops[i] = &expunges[i].op;
    }
    store_run_all(r->api->store, ops, count);
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        e = expunges[i].op.result == ERR_NOT_FOUND ? ERR_OK : expunges[i].op.result;
        if (e == ERR_OK && expunges[i].erased) {
            t->done++;
            e = message_tell_expunged(r->api, r->reader, r->arena, list[i].id);
        }
    }
    if (e != ERR_OK)
        return e;
    t->cursor = list[count - 1].id;
    t->processed += (int64_t)count;
    *more = count == STEP_MESSAGES;
    return ERR_OK;
}
