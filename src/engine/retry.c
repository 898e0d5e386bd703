/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/retry.h"

#include "base/check.h"

int64_t retry_delay_ms(const int64_t *schedule_ms, size_t count, int tries, int64_t retry_after_ms, uint64_t random)
{
    CHECK(tries >= 1);
    if ((size_t)tries > count)
        return -1;
    int64_t delay = schedule_ms[tries - 1];
    if (retry_after_ms > delay)
        return retry_after_ms < 2 * delay ? retry_after_ms : 2 * delay;
    int64_t jitter = delay / 100 * RETRY_JITTER_PERCENT + delay % 100 * RETRY_JITTER_PERCENT / 100;
    return jitter > 0 ? delay - (int64_t)(random % (uint64_t)(jitter + 1)) : delay;
}
