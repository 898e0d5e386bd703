/* SPDX-License-Identifier: Apache-2.0 */
#include "store/rules.h"

oid_t rules_scope(enum object_kind kind, oid_t app)
{
    return kind == OBJ_APP ? 0 : app;
}

void rules_raised(const struct object *o, oid_t *app, oid_t *env)
{
    /* Who may look is nothing that a message matches. */
    bool looks = o->kind == OBJ_PORTAL || o->kind == OBJ_SESSION || o->kind == OBJ_LINK;
    *app = looks ? 0 : o->app;
    *env = o->kind == OBJ_PROFILE || o->kind == OBJ_EVENT_TYPE ? o->env : o->kind == OBJ_ENV ? o->id : 0;
}

/* ---- deliveries ----------------------------------------------------------------------------------------------------
 */

bool rules_pending(const struct delivery *d)
{
    return d->status == DELIVERY_PENDING || d->request != TRIGGER_SCHEDULE;
}

/* The place when no request waits. */
static void place_settle(struct delivery *d)
{
    if (d->status != DELIVERY_PENDING)
        d->pos = 0;
    else if (!d->fifo)
        d->pos = d->due_ms;
}

static void delivery_finish(struct delivery *d, enum delivery_status status, enum delivery_reason reason)
{
    d->status = status;
    d->reason = reason;
    d->due_ms = 0;
}

static void attempt_note(struct delivery *d, const struct attempt *t)
{
    d->last_attempt = t->id;
    d->last_failed = t->status != DELIVERY_SUCCESS;
}

struct delivery rules_created(oid_t msg, const struct store_target *t, int64_t fifo_pos)
{
    return (struct delivery){.msg = msg,
                             .ep = t->ep,
                             .profile_version = t->profile_version,
                             .transform = t->transform,
                             .status = DELIVERY_PENDING,
                             .due_ms = t->due_ms,
                             .fifo = t->fifo,
                             .pos = t->fifo ? fifo_pos : t->due_ms};
}

/* The endpoint was disabled or deleted, or the delivery canceled, while the attempt was on its way: a 2xx is a fact all
 * the same. */
static bool record_late(struct delivery *d, const struct attempt *t)
{
    bool disabled = d->status == DELIVERY_FAIL && (d->reason == REASON_DISABLED || d->reason == REASON_DELETED);
    bool given_up = disabled || d->status == DELIVERY_CANCELED;
    if (!given_up || t->status != DELIVERY_SUCCESS)
        return false;
    delivery_finish(d, DELIVERY_SUCCESS, REASON_NONE);
    attempt_note(d, t);
    return true;
}

static bool record_scheduled(struct delivery *d, const struct store_record *r)
{
    const struct attempt *t = r->attempt;
    if (d->status != DELIVERY_PENDING)
        return record_late(d, t);
    if (d->tries == t->number - 1) {
        d->tries = t->number;
        if (r->status == DELIVERY_PENDING)
            d->due_ms = r->due_ms;
        else
            delivery_finish(d, r->status, r->status == DELIVERY_FAIL ? r->reason : REASON_NONE);
    } else if (t->status == DELIVERY_SUCCESS) {
        delivery_finish(d, DELIVERY_SUCCESS, REASON_NONE);
    } else {
        return false;
    }
    attempt_note(d, t);
    if (d->request != TRIGGER_SCHEDULE)
        return true;
    if (d->status == DELIVERY_PENDING && !r->in_order)
        d->fifo = false;
    place_settle(d);
    return true;
}

static bool record_by_hand(struct delivery *d, const struct store_record *r)
{
    bool success = r->attempt->status == DELIVERY_SUCCESS;
    if (d->request == TRIGGER_SCHEDULE && !(success && d->status != DELIVERY_SUCCESS))
        return false;
    d->request = TRIGGER_SCHEDULE;
    if (success)
        delivery_finish(d, DELIVERY_SUCCESS, REASON_NONE);
    attempt_note(d, r->attempt);
    place_settle(d);
    return true;
}

bool rules_record(struct delivery *d, const struct store_record *r)
{
    return r->attempt->trigger == TRIGGER_SCHEDULE ? record_scheduled(d, r) : record_by_hand(d, r);
}

static int64_t place_asked(enum attempt_trigger trigger, int64_t fifo_pos, int64_t now_ms)
{
    if (fifo_pos != 0)
        return fifo_pos;
    return trigger == TRIGGER_MANUAL ? now_ms / PLACE_BY_HAND_STEP_MS : now_ms;
}

struct delivery rules_resent(const struct store_resend *r, int64_t fifo_pos)
{
    struct store_target t = {.ep = r->ep,
                             .profile_version = r->profile_version,
                             .transform = r->transform,
                             .fifo = r->fifo,
                             .due_ms = r->now_ms};
    if (r->if_missing)
        return rules_created(r->msg, &t, fifo_pos);
    return (struct delivery){.msg = r->msg,
                             .ep = r->ep,
                             .profile_version = r->profile_version,
                             .transform = r->transform,
                             .status = DELIVERY_FAIL,
                             .request = r->trigger,
                             .pos = place_asked(r->trigger, fifo_pos, r->now_ms),
                             .fifo = fifo_pos != 0};
}

void rules_request(struct delivery *d, enum attempt_trigger trigger, int64_t fifo_pos, int64_t now_ms)
{
    int64_t place = place_asked(trigger, fifo_pos, now_ms);
    d->fifo = d->fifo || fifo_pos != 0;
    if (!rules_pending(d) || (!d->fifo && place < d->pos))
        d->pos = place;
    d->request = trigger;
}

bool rules_fail(struct delivery *d, enum delivery_reason reason)
{
    if (!rules_pending(d))
        return false;
    if (d->status == DELIVERY_PENDING)
        delivery_finish(d, DELIVERY_FAIL, reason);
    d->request = TRIGGER_SCHEDULE;
    d->pos = 0;
    return true;
}

bool rules_cancel(struct delivery *d)
{
    if (!rules_pending(d))
        return false;
    if (d->status == DELIVERY_PENDING)
        delivery_finish(d, DELIVERY_CANCELED, REASON_NONE);
    d->request = TRIGGER_SCHEDULE;
    d->pos = 0;
    return true;
}

int64_t rules_due_ms(const struct delivery *d)
{
    if (d->request == TRIGGER_SCHEDULE)
        return d->due_ms;
    return d->pos <= PLACE_BY_HAND_MAX ? d->pos * PLACE_BY_HAND_STEP_MS : d->pos;
}

/* ---- filters --------------------------------------------------------------------------------------------------- */

static unsigned hex_read(const char *p)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i];
        v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20u) - 'a' + 10);
    }
    return v;
}

/* The code point of a \u escape whose digits begin at *p, and the low half of a pair; moves *p behind it. */
static unsigned escape_read(const char **p, const char *end)
{
    unsigned c = end - *p >= 4 ? hex_read(*p) : 0xfffd;
    *p += end - *p >= 4 ? 4 : end - *p;
    if (c >= 0xd800 && c < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        unsigned low = hex_read(*p + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *p += 6;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return c;
}

static size_t utf8_write(unsigned c, char out[4])
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    if (c < 0x800)
        return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 0x3f)), 2;
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* The bytes of one character of a string, escapes undone. */
static size_t char_read(const char **p, const char *end, char out[4])
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = *(*p)++;
    if (c != '\\' || *p == end)
        return out[0] = c, 1;
    c = *(*p)++;
    if (c == 'u')
        return utf8_write(escape_read(p, end), out);
    const char *at = memchr(from, c, sizeof from - 1);
    return out[0] = at != NULL ? to[at - from] : c, 1;
}

bool rules_array_has(struct str array, struct str value)
{
    if (array.ptr == NULL)
        return false;
    const char *p = array.ptr, *end = p + array.len;
    while (p < end) {
        if (*p++ != '"')
            continue;
        size_t at = 0;
        bool same = true;
        while (p < end && *p != '"') {
            char bytes[4];
            size_t n = char_read(&p, end, bytes);
            same = same && value.len - at >= n && memcmp(value.ptr + at, bytes, n) == 0;
            at += same ? n : 0;
        }
        p++;
        if (same && at == value.len)
            return true;
    }
    return false;
}

static bool type_fits(const struct str *types, size_t count, struct str type)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(types[i], type))
            return true;
    return count == 0;
}

static bool labels_fit(struct str channel, struct str tag, struct str channels, struct str tags)
{
    return (channel.ptr == NULL || rules_array_has(channels, channel)) &&
           (tag.ptr == NULL || rules_array_has(tags, tag));
}

bool rules_message_filters(const struct message_query *q)
{
    return q->event_type_count > 0 || q->channel.ptr != NULL || q->tag.ptr != NULL ||
           (q->ep != 0 && (q->status >= 0 || q->failing));
}

bool rules_attempt_filters(const struct attempt_query *q)
{
    return q->event_type_count > 0 || q->channel.ptr != NULL || q->tag.ptr != NULL || q->status >= 0 ||
           q->status_class >= 0 || (q->msg != 0 && q->ep != 0);
}

bool rules_replay_fits(const struct replay_filter *f, const struct delivery *d, int http_status)
{
    bool fits = f->status >= 0 ? (int)d->status == f->status
                               : d->status == DELIVERY_SUCCESS || d->status == DELIVERY_FAIL;
    return fits && (f->status_class < 0 || (http_status >= 0 && http_status / 100 * 100 == f->status_class));
}

bool rules_replay_fits_message(const struct replay_filter *f, const struct message *m)
{
    return type_fits(f->event_types, f->event_type_count, m->event_type) &&
           labels_fit(f->channel, f->tag, m->channels, m->tags);
}

bool rules_delivery_fits(const struct message_query *q, const struct delivery *d)
{
    bool failing = d->status == DELIVERY_FAIL || (d->status == DELIVERY_PENDING && d->last_failed);
    return (q->status < 0 || (int)d->status == q->status) && (!q->failing || failing);
}

bool rules_message_fits(const struct message_query *q, const struct message *m, const struct delivery *d)
{
    return (d == NULL || rules_delivery_fits(q, d)) && type_fits(q->event_types, q->event_type_count, m->event_type) &&
           labels_fit(q->channel, q->tag, m->channels, m->tags);
}

bool rules_attempt_fits(const struct attempt_query *q, const struct attempt *t, struct str channels, struct str tags)
{
    return (q->ep == 0 || t->ep == q->ep) && (q->msg == 0 || t->msg == q->msg) && t->app == q->app &&
           (q->status < 0 || (int)t->status == q->status) &&
           (q->status_class < 0 || t->http_status / 100 * 100 == q->status_class) &&
           type_fits(q->event_types, q->event_type_count, t->event_type) &&
           labels_fit(q->channel, q->tag, channels, tags);
}
