/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/breaker.h"

#include "base/time.h"

#define WINDOW_START 2

void breaker_init(struct breaker *b, int cap)
{
    *b = (struct breaker){.state = BREAKER_CLOSED, .cap = cap, .window = cap < WINDOW_START ? cap : WINDOW_START};
}

void breaker_success(struct breaker *b)
{
    if (b->state == BREAKER_OPEN) {
        b->state = BREAKER_RAMP;
        b->window = 1;
    }
    if (b->window < b->cap)
        b->window++;
    if (b->state == BREAKER_RAMP && b->window >= b->cap)
        b->state = BREAKER_CLOSED;
    b->failures = 0;
    b->last_failed = 0;
    b->wait_ms = 0;
    b->proven = true;
}

void breaker_failure(struct breaker *b, oid_t msg, bool by_hand, int64_t now_ms, uint64_t random)
{
    b->window = 1;
    b->proven = false;
    if (msg != b->last_failed)
        b->failures++;
    b->last_failed = msg;
    if (b->state == BREAKER_CLOSED && b->failures < BREAKER_FAILURES)
        return;
    if (b->state == BREAKER_OPEN && by_hand && now_ms < b->probe_ms)
        return;
    b->state = BREAKER_OPEN;
    b->wait_ms = b->wait_ms == 0 ? BREAKER_WAIT_MIN_MS : b->wait_ms * 2;
    if (b->wait_ms > BREAKER_WAIT_MAX_MS)
        b->wait_ms = BREAKER_WAIT_MAX_MS;
    b->probe_ms = now_ms + b->wait_ms - (int64_t)(random % (uint64_t)(b->wait_ms / 10 + 1));
}

bool breaker_allows(const struct breaker *b, int running, int64_t due_ms, int64_t now_ms, int64_t *at_ms)
{
    *at_ms = TIME_NEVER;
    if (running >= b->window)
        return false;
    if (b->state != BREAKER_OPEN || now_ms >= b->probe_ms || now_ms - due_ms >= BREAKER_WAIT_MAX_MS)
        return true;
    int64_t longest_ms = due_ms + BREAKER_WAIT_MAX_MS;
    *at_ms = b->probe_ms < longest_ms ? b->probe_ms : longest_ms;
    return false;
}
