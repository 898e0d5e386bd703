// SPDX-License-Identifier: Apache-2.0
// Waiting for something to become true, with a deadline instead of a fixed sleep.
import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

// Sanitized builds are several times slower.
export const slow = /asan|tsan/.test(process.env.POSTRIDER ?? '') ? 5 : 1;

// How long anything may take on a machine that has much else to do. Only what never comes waits so long, so this proves nothing about speed.
export const patienceMs = 60_000 * slow;

// Calls probe() until it returns something truthy, and returns that. `what` says in the error what was waited for; it may be a
// function, which is called when time is up.
export async function until(what, probe, { timeoutMs = patienceMs, everyMs = 20 } = {}) {
    const deadline = Date.now() + timeoutMs;
    let trouble;
    for (;;) {
        try {
            const value = await probe();
            if (value) return value;
            trouble = undefined;
        } catch (e) {
            trouble = e;
        }
        if (Date.now() > deadline) {
            const text = typeof what === 'function' ? what() : what;
            throw new Error(`not within ${timeoutMs} ms: ${text}${trouble ? ` (${trouble.message})` : ''}`);
        }
        await sleep(everyMs);
    }
}

// Runs fn over the items, `width` at a time; results in order.
export async function eachOf(items, width, fn) {
    const list = [...items];
    const results = new Array(list.length);
    let next = 0;
    await Promise.all(
        Array.from({ length: Math.min(width, list.length) }, async () => {
            while (next < list.length) {
                const i = next++;
                results[i] = await fn(list[i], i);
            }
        }),
    );
    return results;
}
