// SPDX-License-Identifier: Apache-2.0
// The rate limit of a workspace: messages per second, over all connections and reactors.
import assert from 'node:assert/strict';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';

test('more messages than the limit of the workspace answer 429, and nothing of them is there', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ throttleRate: 10 });
    const free = await p.app();
    const path = (a) => `/api/v1/app/${a.id}/msg`;
    const send = (a = app) => p.api('POST', path(a), { eventType: 'a', payload: {} });
    assert.equal((await p.api('POST', path(app), { eventType: 'a' })).status, 422, 'what is refused does not count');
    const answers = await Promise.all(Array.from({ length: 40 }, () => send()));
    const taken = answers.filter((x) => x.status === 202).length;
    const over = answers.filter((x) => x.status === 429);
    assert.ok(taken >= 10 && taken <= 20, `${taken} of 40 at once`);
    assert.equal(taken + over.length, 40);
    assert.equal(over[0].headers['retry-after'], '1');
    assert.equal(over[0].json.code, 'rate_limited');
    assert.equal((await p.ok('GET', `${path(app)}?limit=250`)).data.length, taken);
    assert.ok((await Promise.all(Array.from({ length: 40 }, () => send(free)))).every((x) => x.status === 202), 'others have no limit');
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal((await send()).status, 202, 'a second later');
    await p.ok('PATCH', `/api/v1/app/${app.id}`, { throttleRate: null });
    assert.ok((await Promise.all(Array.from({ length: 40 }, () => send()))).every((x) => x.status === 202), 'without a limit');
});
