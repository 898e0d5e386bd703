// SPDX-License-Identifier: Apache-2.0
// The rate limit of a workspace: requests per second, of all its endpoints and over all reactors. What is over it waits.
import assert from 'node:assert/strict';
import test from 'node:test';
import { postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf } from './lib/wait.mjs';

const RATE = 40;

// The most attempts that began within one second.
async function densest(p, app) {
    const { data } = await p.ok('GET', `/api/v1/app/${app.id}/attempt?limit=250`);
    const at = data.map((a) => Date.parse(a.timestamp)).sort((a, b) => a - b);
    return Math.max(...at.map((from, i) => at.slice(i).filter((x) => x < from + 1000).length));
}

test('a workspace sends no faster than its throttleRate, loses nothing, and keeps nobody waiting but itself', async (t) => {
    const p = await postrider(t);
    const limited = [await receiver(t), await receiver(t), await receiver(t)];
    const free = await receiver(t);
    const app = await p.app({ throttleRate: RATE });
    const other = await p.app();
    for (const r of limited) await p.endpoint(app, r.url());
    await p.endpoint(other, free.url());
    const arrivals = () => limited.flatMap((r) => r.requests);
    const began = Date.now();
    await eachOf(Array(60).keys(), 30, () => p.send(app, 'a.b')); // 180 deliveries
    await eachOf(Array(60).keys(), 30, () => p.send(other, 'a.b'));
    await free.arrived(60);
    for (const r of limited) await r.arrived(60);
    const took = Math.max(...arrivals().map((q) => q.at)) - began;
    assert.ok(took > ((180 - 1) / RATE) * 1000 * 0.95, `180 requests in ${took} ms`);
    if (slow === 1) assert.ok(took < (180 / RATE) * 1000 * 2 + 5000, `180 requests in ${took} ms`);
    const most = await densest(p, app);
    assert.ok(most <= RATE + 4, `${most} in a second`);
    assert.equal(new Set(arrivals().map((q) => q.headers['webhook-id'])).size, 60);

    // Without a limit what still waits, for minutes, goes at once.
    await p.ok('PATCH', `/api/v1/app/${app.id}`, { throttleRate: 1 });
    await eachOf(Array(60).keys(), 30, () => p.send(app, 'a.b'));
    await eachOf(Array(60).keys(), 30, () => p.send(other, 'a.b'));
    await free.arrived(120);
    assert.ok(arrivals().length < 360, 'others have no limit');
    await p.ok('PATCH', `/api/v1/app/${app.id}`, { throttleRate: null });
    for (const r of limited) await r.arrived(120);
});

test('a retry and an attempt by hand keep to it too, and it holds from the first start', async (t) => {
    const p = await postrider(t);
    let status = 500;
    const r = await receiver(t, { answer: () => status });
    const app = await p.app({ throttleRate: 5 });
    const ep = await p.endpoint(app, r.url(), { retrySchedule: [0.05] });
    const messages = await eachOf(Array(6).keys(), 6, () => p.send(app, 'a.b'));
    await r.arrived(3);
    await p.restart();
    await r.arrived(12);
    status = 204;
    for (const m of messages) await p.ok('POST', `/api/v1/app/${app.id}/msg/${m.id}/endpoint/${ep.id}/resend`);
    await r.arrived(18);
    const most = await densest(p, app);
    assert.ok(most <= 5 + 5, `${most} in a second: 5, and as many behind the restart, which begins anew`);
});
