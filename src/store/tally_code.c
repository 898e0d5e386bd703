/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The encoded form: numbers of 7 bits per byte, the low ones first, the top bit set in all but the last byte. Of an
 * entry: its time, workspace and endpoint less those of the one before (the sign in the lowest bit), the length of the
 * type and one more, its bytes, or 0 for the type of the one before; succeeded, failed, the longest, and by how much
 * the total is more.
 */
#include "store/tally_code.h"

#define NUMBER_BYTES 10
/* Numbers of an entry. */
#define ENTRY_BYTES (8 * NUMBER_BYTES)

int tally_compare(const void *a, const void *b)
{
    const struct tally_entry *x = a, *y = b;
    if (x->start_ms != y->start_ms)
        return x->start_ms > y->start_ms ? 1 : -1;
    if (x->app != y->app)
        return x->app > y->app ? 1 : -1;
    if (x->ep != y->ep)
        return x->ep > y->ep ? 1 : -1;
    return str_cmp(x->type, y->type);
}

void tally_merge(struct tally_entry *t, const struct tally_entry *more)
{
    t->succeeded += more->succeeded;
    t->failed += more->failed;
    t->total_us += more->total_us;
    t->longest_us = t->longest_us > more->longest_us ? t->longest_us : more->longest_us;
}

static char *put_number(char *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (char)(v | 0x80);
    *p++ = (char)v;
    return p;
}

/* Near to zero is short, on either side. */
static char *put_step(char *p, int64_t from, int64_t to)
{
    uint64_t step = (uint64_t)to - (uint64_t)from;
    return put_number(p, step << 1 ^ (step >> 63 != 0 ? UINT64_MAX : 0));
}

void tally_encode(const struct tally_entry *before, const struct tally_entry *t, struct buf *out)
{
    static const struct tally_entry none = {.type = {NULL, 0}};
    char *start = buf_reserve(out, ENTRY_BYTES + t->type.len), *p = start;
    if (start == NULL)
        return;
    before = before != NULL ? before : &none;
    p = put_step(p, before->start_ms, t->start_ms);
    p = put_step(p, before->app, t->app);
    p = put_step(p, before->ep, t->ep);
    if (before->type.ptr != NULL && str_eq(before->type, t->type)) {
        p = put_number(p, 0);
    } else {
        p = put_number(p, t->type.len + 1);
        if (t->type.len > 0)
            memcpy(p, t->type.ptr, t->type.len);
        p += t->type.len;
    }
    p = put_number(p, (uint64_t)t->succeeded);
    p = put_number(p, (uint64_t)t->failed);
    p = put_number(p, (uint64_t)t->longest_us);
    p = put_number(p, (uint64_t)t->total_us - (uint64_t)t->longest_us);
    out->len += (size_t)(p - start);
}

static bool take_number(struct str *rest, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < rest->len && i < NUMBER_BYTES; i++) {
        uint64_t byte = (unsigned char)rest->ptr[i];
        v |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *rest = str_skip(*rest, i + 1);
            *out = v;
            return true;
        }
    }
    return false;
}

static bool take_step(struct str *rest, int64_t *io)
{
    uint64_t v = 0;
    if (!take_number(rest, &v))
        return false;
    *io = (int64_t)((uint64_t)*io + (v >> 1 ^ ((v & 1) != 0 ? UINT64_MAX : 0)));
    return true;
}

static bool take_type(struct str *rest, struct str *io)
{
    uint64_t len = 0;
    if (!take_number(rest, &len) || len > rest->len + 1 || (len == 0 && io->ptr == NULL))
        return false;
    if (len > 0) {
        *io = str_take(*rest, len - 1);
        *rest = str_skip(*rest, len - 1);
    }
    return true;
}

bool tally_decode(struct str *rest, struct tally_entry *entry)
{
    struct str r = *rest;
    struct tally_entry t = *entry;
    uint64_t n[4] = {0};
    if (!take_step(&r, &t.start_ms) || !take_step(&r, &t.app) || !take_step(&r, &t.ep) || !take_type(&r, &t.type))
        return false;
    for (size_t i = 0; i < 4; i++)
        if (!take_number(&r, &n[i]))
            return false;
    t.succeeded = (int64_t)n[0];
    t.failed = (int64_t)n[1];
    t.longest_us = (int64_t)n[2];
    t.total_us = (int64_t)(n[2] + n[3]);
    *entry = t;
    *rest = r;
    return true;
}
