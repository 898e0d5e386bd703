/* SPDX-License-Identifier: Apache-2.0 */
/* Due work: which endpoints have some (a seek each), and an endpoint's in its order. */
#include "base/time.h"
#include "store/rules.h"
#include "store/sqlite_reader.h"
#include "sys/clock.h"

enum err sqlite_list_pending(struct store_reader *base, struct arena *a, oid_t after_ep, size_t limit,
                             struct pending_summary **out, size_t *count)
{
    struct sqlite_reader *r = reader_of(base);
    sqlite3_stmt *st = conn_stmt(&r->c, R_PENDING_NEXT,
                                 "SELECT " DELIVERY_COLUMNS " FROM delivery d INDEXED BY delivery_pending"
                                 " WHERE d.pos IS NOT NULL AND d.ep>? ORDER BY d.ep,d.pos LIMIT 1");
    struct pending_summary *list = arena_alloc(a, limit * sizeof *list);
    size_t n = 0;
    while (n < limit) {
        reader_begin(r);
        bind_int(st, 1, after_ep);
        enum err e = conn_next(&r->c, st);
        if (e == ERR_NOT_FOUND)
            break;
        if (e != ERR_OK)
            return e;
        struct delivery d = row_delivery(st, 0);
        sqlite3_reset(st);
        list[n++] = (struct pending_summary){.ep = d.ep, .pos = d.pos, .due_ms = rules_due_ms(&d)};
        after_ep = d.ep;
    }
    *out = list;
    *count = n;
    return ERR_OK;
}

static size_t message_bytes(const struct message *m)
{
    size_t n = m->payload.len;
    for (size_t i = 0; i < m->render_count; i++)
        n += m->renders[i].head.len + m->renders[i].tail.len;
    return n;
}

/* A large answer from a slow disk ends early rather than being interrupted: *next_pos tells that there is more. */
enum err sqlite_load_pending(struct store_reader *base, struct arena *a, const struct pending_query *q,
                             struct pending_delivery **out, size_t *count, int64_t *next_pos)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_PENDING,
                                 "SELECT " MESSAGE_COLUMNS "," DELIVERY_COLUMNS
                                 " FROM delivery d INDEXED BY delivery_pending CROSS JOIN message m ON m.id=d.msg"
                                 " WHERE d.ep=? AND d.pos IS NOT NULL AND d.pos>=? ORDER BY d.pos,d.msg");
    bind_int(st, 1, q->ep);
    bind_int(st, 2, q->from_pos);
    struct pending_delivery *list = arena_alloc(a, q->limit * sizeof *list);
    size_t n = 0, bytes = 0;
    int64_t soon_ms = r->deadline_ms - READ_MAX_MS / 5, next = TIME_NEVER;
    enum err e;
    while ((e = conn_next(&r->c, st)) == ERR_OK) {
        struct delivery d = row_delivery(st, MESSAGE_COLUMN_COUNT);
        bool late = n % 16 == 15 && clock_mono_ms() > soon_ms;
        if (n == q->limit || bytes > q->bytes_max || d.pos > q->until_pos || late) {
            next = d.pos;
            break;
        }
        struct str renders;
        list[n].delivery = d;
        list[n].message = row_message(st, 0, true, &renders);
        e = message_own(a, &list[n].message, renders);
        if (e != ERR_OK)
            break;
        bytes += message_bytes(&list[n++].message);
    }
    sqlite3_reset(st);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    *out = list;
    *count = n;
    *next_pos = next;
    return ERR_OK;
}

enum err sqlite_count_pending(struct store_reader *base, uint64_t limit, uint64_t *out)
{
    struct sqlite_reader *r = reader_of(base);
    reader_begin(r);
    sqlite3_stmt *st = conn_stmt(&r->c, R_COUNT_PENDING,
                                 "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_pending"
                                 " WHERE pos IS NOT NULL LIMIT ?)");
    bind_int(st, 1, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
    enum err e = conn_next(&r->c, st);
    if (e == ERR_OK)
        *out = (uint64_t)col_int(st, 0);
    sqlite3_reset(st);
    return e;
}
