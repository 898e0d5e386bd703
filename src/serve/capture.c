/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/capture.h"

#include "base/hash.h"

static void refill(struct capture *c, int64_t now_ms)
{
    int64_t since_ms = now_ms - c->filled_ms;
    if (c->filled_ms == 0 || since_ms > CAPTURE_BURST_BYTES / CAPTURE_RATE_BYTES * 1000)
        c->budget_bytes = CAPTURE_BURST_BYTES;
    else if (since_ms > 0)
        c->budget_bytes += since_ms * CAPTURE_RATE_BYTES / 1000;
    if (c->budget_bytes > CAPTURE_BURST_BYTES)
        c->budget_bytes = CAPTURE_BURST_BYTES;
    c->filled_ms = now_ms;
}

size_t capture_bytes(struct capture *c, struct str body, int64_t now_ms)
{
    if (body.len <= CAPTURE_SHORT_BYTES)
        return body.len;
    uint64_t hash = hash_sip((struct hash_key){0x63617074, 0x757265}, body.ptr, body.len);
    bool same = hash == c->last_hash && body.len == c->last_len;
    refill(c, now_ms);
    if (c->budget_bytes < (same ? CAPTURE_BURST_BYTES / 2 : (int64_t)body.len))
        return CAPTURE_SHORT_BYTES;
    c->budget_bytes -= (int64_t)body.len;
    c->last_hash = hash;
    c->last_len = body.len;
    return body.len;
}
