// SPDX-License-Identifier: Apache-2.0
// What a person asks for while much waits: it goes next, also after a crash, except where an order is kept.
import assert from 'node:assert/strict';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf, until } from './lib/wait.mjs';

const BACKLOG = 1000;
const nth = (q) => JSON.parse(q.body).n;

// One message that was delivered, then a backlog that takes a minute, however slowly it is accepted: meanwhile hardly any goes out.
async function waiting(t, endpoint, rate = 20) {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app();
    const ep = await p.endpoint(app, r.url(), { throttleRate: 1, ...endpoint });
    const message = await p.send(app, 'a.b', { n: 0 });
    await r.arrived(1);
    await p.attempted(app, message, 1);
    const sent = await eachOf(Array.from({ length: BACKLOG }, (_, i) => i + 1), 64, (n) => p.send(app, 'a.b', { n }));
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${ep.id}`, { throttleRate: rate });
    const resend = (m) => p.ok('POST', `/api/v1/app/${app.id}/msg/${m.id}/endpoint/${ep.id}/resend`);
    return { p, r, app, ep, message, sent, resend };
}

// How many others arrive between now and the n-th arrival of message `which`.
async function othersBefore(r, which, n) {
    const before = r.count;
    const at = () => r.requests.map((q, i) => (nth(q) === which ? i : -1)).filter((i) => i >= 0)[n - 1];
    while (at() === undefined) await r.arrived(r.count + 1);
    return at() - before;
}

test('a resend by hand goes before thousands that wait, whether its message was over or waits among them', async (t) => {
    const { p, r, app, ep, message, sent, resend } = await waiting(t);
    const asked = Date.now();
    const { state } = await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${ep.id}`);
    assert.ok(Date.parse(state.nextAttempt) >= asked - 1, `what is overdue is next, not in the past: ${state.nextAttempt}`);
    await resend(message);
    assert.ok((await othersBefore(r, 0, 2)) < 60, 'the one that was delivered long ago');
    const last = sent.at(-1);
    await resend(last);
    assert.ok((await othersBefore(r, BACKLOG, 1)) < 60, 'the last of those that wait');
    // What was asked for and not done when the process ended is the first thing that it does.
    await Promise.all([resend(message), p.kill()].map((x) => x.catch(() => {})));
    await p.start();
    await resend(message);
    assert.ok((await othersBefore(r, 0, 3)) < 60, 'after a crash');
    assert.ok(r.count < BACKLOG / 2, `most of the backlog still waits after ${r.count}`);
});

test('where an order is kept a resend takes its place at the end', async (t) => {
    const { p, r, app, ep, message, resend } = await waiting(t, { fifo: true }, 1);
    await resend(message);
    assert.ok(r.count < BACKLOG, 'some of the backlog waits');
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${ep.id}`, { throttleRate: null });
    await r.arrived(BACKLOG + 2);
    assert.equal(r.requests.map(nth).lastIndexOf(0), BACKLOG + 1);
});

test('tests of slow endpoints are in the way of nobody else', async (t) => {
    const p = await postrider(t);
    const slowOne = await receiver(t, { answer: () => 'hang' });
    const r = await receiver(t);
    const tests = async (url, endpoint) => {
        const app = await p.app();
        const ep = await p.endpoint(app, url, endpoint);
        return (headers = {}) =>
            p.api('POST', `/api/v1/app/${app.id}/endpoint/${ep.id}/msg/test-attempt`, { eventType: 'a.b', payload: {} }, { headers });
    };
    const held = [];
    for (let i = 0; i < 6; i++) {
        const test = await tests(slowOne.url(), { timeoutMs: 30_000 });
        held.push(test(), test());
        await slowOne.arrived(held.length);
        const more = await test();
        assert.equal(more.status, 429, 'a third one of the same workspace');
        assert.ok(more.headers['retry-after']);
    }
    const healthy = await tests(r.url());
    const began = Date.now();
    for (let i = 0; i < 3; i++) {
        const answer = await healthy();
        assert.deepEqual([answer.status, answer.json?.responseStatusCode], [201, 204], answer.text);
    }
    // Who comes with the same key meanwhile waits for nobody.
    assert.deepEqual((await Promise.all([1, 2].map(() => healthy({ 'idempotency-key': 'k' })))).map((a) => a.status), [201, 201]);
    assert.ok(Date.now() - began < 25_000, `it took ${Date.now() - began} ms, which is as long as the others have`);
    const failing = await tests(slowOne.url(), { timeoutMs: 300 });
    const timedOut = await failing();
    assert.deepEqual([timedOut.status, timedOut.json?.cause], [201, 'timeout_wait'], timedOut.text);
    assert.equal((await failing()).status, 201, 'its place is free again');
    // Asked to stop, and once more: what waits is refused.
    p.process.kill('SIGTERM');
    await until('it drains', () => p.log().includes('draining'));
    p.process.kill('SIGTERM');
    const ends = await Promise.allSettled(held);
    assert.deepEqual([...new Set(ends.map((e) => e.value?.status))], [503]);
    assert.deepEqual(await p.exited, { code: 0, signal: null });
});
