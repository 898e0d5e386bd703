/* SPDX-License-Identifier: Apache-2.0 */
/* Rows as structs, and the stored form of envelopes. */
#include "base/log.h"
#include "store/sqlite_priv.h"

struct delivery row_delivery(sqlite3_stmt *st, int at)
{
    int flags = (int)col_int(st, at + 10);
    return (struct delivery){
            .msg = col_int(st, at),
            .ep = col_int(st, at + 1),
            .profile_version = col_int(st, at + 2),
            .status = (enum delivery_status)col_int(st, at + 3),
            .reason = (enum delivery_reason)col_int(st, at + 4),
            .tries = (int)col_int(st, at + 5),
            .due_ms = col_int(st, at + 6),
            .pos = col_int(st, at + 7),
            .request = (enum attempt_trigger)col_int(st, at + 8),
            .last_attempt = col_int(st, at + 9),
            .last_failed = (flags & DELIVERY_LAST_FAILED) != 0,
            .fifo = (flags & DELIVERY_FIFO) != 0,
            .transform = col_int(st, at + 11),
    };
}

int delivery_flags(const struct delivery *d)
{
    return (d->last_failed ? DELIVERY_LAST_FAILED : 0) | (d->fifo ? DELIVERY_FIFO : 0);
}

struct object row_object(sqlite3_stmt *st, int at)
{
    return (struct object){
            .id = col_int(st, at),
            .kind = (enum object_kind)col_int(st, at + 1),
            .env = col_int(st, at + 2),
            .app = col_int(st, at + 3),
            .key = col_str(st, at + 4),
            .body = col_str(st, at + 5),
            .sealed = col_str(st, at + 6),
            .created_ms = col_int(st, at + 7),
            .updated_ms = col_int(st, at + 8),
            .deleted_ms = col_int(st, at + 9),
            .version = (uint64_t)col_int(st, at + 10),
    };
}

void object_own(struct arena *a, struct object *o)
{
    o->key = arena_str(a, o->key);
    o->body = arena_str(a, o->body);
    o->sealed = arena_str(a, o->sealed);
}

struct message row_message(sqlite3_stmt *st, int at, bool with_payload, struct str *renders)
{
    *renders = with_payload ? col_str(st, at + 12) : STR_NULL;
    return (struct message){
            .id = col_int(st, at),
            .app = col_int(st, at + 1),
            .env = col_int(st, at + 2),
            .event_type = col_str(st, at + 3),
            .event_id = col_str(st, at + 4),
            .occurred_ms = col_int(st, at + 5),
            .actor = col_str(st, at + 6),
            .channels = col_str(st, at + 7),
            .tags = col_str(st, at + 8),
            .deliver_at_ms = col_int(st, at + 9),
            .expires_ms = col_int(st, at + 10),
            .content_type = col_str(st, at + 11),
            .payload = with_payload ? col_str(st, at + 13) : STR_NULL,
    };
}

enum err message_own(struct arena *a, struct message *m, struct str renders)
{
    m->event_type = arena_str(a, m->event_type);
    m->event_id = arena_str(a, m->event_id);
    m->actor = arena_str(a, m->actor);
    m->channels = arena_str(a, m->channels);
    m->tags = arena_str(a, m->tags);
    m->content_type = arena_str(a, m->content_type);
    m->payload = arena_str(a, m->payload);
    return renders_decode(renders, a, &m->renders, &m->render_count);
}

/* ---- envelopes ------------------------------------------------------------------------------------------------- */

#define RENDER_HEAD_BYTES 16
#define RENDER_NULL       UINT32_MAX

static void int_write(struct buf *out, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_add_c(out, (char)(v >> (8 * i)));
}

static uint64_t int_read(const char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--)
        v = v << 8 | (unsigned char)p[i];
    return v;
}

void renders_encode(const struct message_render *renders, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct message_render *r = &renders[i];
        int_write(out, (uint64_t)r->profile_version, 8);
        int_write(out, r->head.ptr == NULL ? RENDER_NULL : r->head.len, 4);
        int_write(out, r->tail.ptr == NULL ? RENDER_NULL : r->tail.len, 4);
        buf_add_str(out, r->head);
        buf_add_str(out, r->tail);
    }
}

/* Takes one part; false when it is cut short. */
static bool part_take(struct str *in, uint64_t len, struct str *out)
{
    *out = STR_NULL;
    if (len == RENDER_NULL)
        return true;
    if (len > in->len)
        return false;
    *out = str_take(*in, (size_t)len);
    *in = str_skip(*in, (size_t)len);
    return true;
}

static bool render_take(struct str *in, struct message_render *r)
{
    if (in->len < RENDER_HEAD_BYTES)
        return false;
    uint64_t head = int_read(in->ptr + 8, 4), tail = int_read(in->ptr + 12, 4);
    r->profile_version = (oid_t)int_read(in->ptr, 8);
    *in = str_skip(*in, RENDER_HEAD_BYTES);
    return part_take(in, head, &r->head) && part_take(in, tail, &r->tail);
}

enum err renders_decode(struct str in, struct arena *a, const struct message_render **out, size_t *count)
{
    *out = NULL;
    *count = 0;
    size_t n = 0;
    struct message_render r;
    struct str rest = in;
    for (; rest.len > 0; n++)
        if (!render_take(&rest, &r)) {
            log_error("store_render_damaged", LOG_INT("bytes", in.len));
            return ERR_IO;
        }
    if (n == 0)
        return ERR_OK;
    struct message_render *list = arena_alloc(a, n * sizeof *list);
    rest = arena_str(a, in);
    for (size_t i = 0; i < n; i++)
        CHECK(render_take(&rest, &list[i]));
    *out = list;
    *count = n;
    return ERR_OK;
}
