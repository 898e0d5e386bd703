// SPDX-License-Identifier: Apache-2.0
// Receivers that misbehave: each costs a bounded time and space, is logged with its cause, and delays nobody.
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import test from 'node:test';
import { postrider, slow } from '../e2e/lib/postrider.mjs';
import { Receiver, receiver } from '../e2e/lib/receiver.mjs';
import { eachOf } from '../e2e/lib/wait.mjs';

const timeoutMs = 5000;

// Writes the same bytes until the other side has had enough.
const forever = (first, bytes) => (socket) => {
    socket.write(first);
    const more = () => {
        while (!socket.destroyed && socket.write(bytes));
    };
    socket.on('drain', more);
    more();
};
const drip = (first, piece, everyMs) => (socket) => {
    socket.write(first);
    const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write(piece)), everyMs);
};
const ok = 'HTTP/1.1 200 OK\r\n';

// what, answer, the expected status of the attempt (0 delivered, 2 failed; either when undefined)
const cases = [
    ['endless body after 200', () => forever(`${ok}\r\n`, 'x'.repeat(65536)), 0],
    ['endless chunks after 200', () => forever(`${ok}Transfer-Encoding: chunked\r\n\r\n`, `1000\r\n${'x'.repeat(4096)}\r\n`), 0],
    ['endless body after 500', () => forever('HTTP/1.1 500 No\r\n\r\n', 'x'.repeat(65536)), 2],
    ['endless headers', () => forever(ok, `X-A: ${'x'.repeat(1000)}\r\n`), 2],
    ['one endless header', () => forever(`${ok}X-A: `, 'x'.repeat(65536)), 2],
    ['endless 100 Continue', () => forever('', 'HTTP/1.1 100 Continue\r\n\r\n'), 2],
    ['a byte a second', () => drip(`${ok}Content-Length: 1000\r\n\r\n`, 'x', 500), 2],
    ['headers a byte a second', () => drip('H', 'T', 500), 2],
    ['more length than body', () => ({ raw: `${ok}Content-Length: 1000\r\n\r\nshort`, end: true }), 2],
    ['less length than body', () => ({ raw: `${ok}Content-Length: 2\r\n\r\n${'y'.repeat(5000)}` }), 0],
    ['two lengths', () => ({ raw: `${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`, end: true }), undefined],
    ['a gzip bomb', () => ({ raw: Buffer.concat([Buffer.from(`${ok}Content-Encoding: gzip\r\n\r\n`), gzipSync(Buffer.alloc(50_000_000))]), end: true }), 0],
    ['six times encoded', () => ({ raw: `${ok}Content-Encoding: gzip, gzip, gzip, br, gzip, deflate\r\nContent-Length: 2\r\n\r\nxx` }), 0],
    ['101 Switching Protocols', () => ({ raw: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n' }), 2],
    ['HTTP/0.9', () => ({ raw: '<html>hello</html>', end: true }), 2],
    ['a NUL in the status line', () => ({ raw: 'HTTP/1.1 2\u000000 OK\r\n\r\n', end: true }), 2],
    ['status 999', () => ({ raw: 'HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n' }), 2],
    ['garbage', () => ({ raw: Buffer.from([0, 1, 2, 255, 254, 13, 10, 13, 10]), end: true }), 2],
    ['a redirect to itself', (q) => ({ status: 301, headers: { Location: q.path } }), 2],
    ['an early answer, then a reset', () => (s) => (s.write('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n'), s.resetAndDestroy()), 2],
    ['a reset', () => 'reset', 2],
    ['an end without an answer', () => 'close', 2],
    ['never an answer', () => 'hang', 2],
    ['a body of bad UTF-8', () => ({ status: 500, body: Buffer.from([0xff, 0xfe, 0, 0x41]) }), 2],
    ['markup in the body', () => ({ status: 500, body: '<script>alert(1)</script>' }), 2],
    ['trailers', () => ({ raw: `${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Trailer: ${'y'.repeat(500)}\r\n\r\n` }), 0],
];

test(`${cases.length} hostile answers: bounded, logged, and others go on`, { timeout: 400_000 * slow }, async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const good = await receiver(t);
    const healthy = await p.app();
    await p.endpoint(healthy, good.url());
    const made = await eachOf(cases, 8, async ([what, answer, wanted], i) => {
        const r = await receiver(t, { answer });
        const endpoint = await p.endpoint(app, r.url(`/${i}`), { retrySchedule: [], timeoutMs, channels: [`c${i}`] });
        const message = await p.send(app, 'a.b', { i }, { channels: [`c${i}`] });
        return { what, wanted, endpoint, message };
    });
    // While all of these are at it, somebody else's deliveries arrive promptly.
    const started = Date.now();
    await eachOf(Array(50).keys(), 5, () => p.send(healthy, 'a.b'));
    await good.arrived(50);
    t.diagnostic(`50 healthy deliveries in ${Date.now() - started} ms meanwhile`);
    for (const { what, wanted, message } of made) {
        const [attempt] = await p.attempted(app, message, 1);
        if (wanted !== undefined) assert.equal(attempt.status, wanted, `${what}: ${JSON.stringify(attempt)}`);
        if (attempt.status === 2) assert.ok(attempt.error || attempt.responseStatusCode, `${what}: says why`);
        assert.ok(attempt.responseDurationMs <= timeoutMs + 5000, `${what}: took ${attempt.responseDurationMs} ms`);
        assert.ok(Buffer.byteLength(attempt.response) <= 24 * 1024, `${what}: kept ${attempt.response.length} characters`);
    }
    assert.equal(p.exit, undefined, 'the program goes on');
});

test('a TLS handshake that never ends', async (t) => {
    const p = await postrider(t);
    const mute = await new Receiver({ answer: () => 'hang' }).listen({});
    t.after(() => mute.close());
    const app = await p.app();
    await p.endpoint(app, `https://127.0.0.1:${mute.port}/`, { retrySchedule: [], timeoutMs });
    const [attempt] = await p.attempted(app, await p.send(app, 'a.b'), 1);
    assert.equal(attempt.status, 2);
    assert.equal(attempt.cause, 'timeout_tls');
});

test('a receiver that never reads', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { answer: () => 'hang' });
    r.server.on('connection', (s) => s.pause());
    const app = await p.app();
    await p.endpoint(app, r.url(), { retrySchedule: [], timeoutMs });
    const message = await p.send(app, 'a.b', { x: 'x'.repeat(1_900_000) });
    const [attempt] = await p.attempted(app, message, 1);
    assert.equal(attempt.status, 2);
    assert.match(attempt.cause, /^timeout_/);
});

test('nobody listens there', async (t) => {
    const p = await postrider(t);
    const r = await new Receiver().listen();
    const url = r.url();
    await r.close();
    const app = await p.app();
    await p.endpoint(app, url, { retrySchedule: [] });
    const [attempt] = await p.attempted(app, await p.send(app, 'a.b'), 1);
    assert.equal(attempt.cause, 'refused');
});

test('1,000 endpoints that hang leave the others their speed and the memory bounded', { timeout: 400_000 * slow }, async (t) => {
    const p = await postrider(t);
    const mute = await receiver(t, { keep: false, answer: () => 'hang' });
    const good = await receiver(t);
    const app = await p.app();
    await eachOf(Array(1000).keys(), 16, (i) => p.endpoint(app, mute.url(`/${i}`), { timeoutMs: 60_000 }));
    for (let i = 0; i < 5; i++) await p.send(app, 'a.b');
    const healthy = await p.app();
    await p.endpoint(healthy, good.url());
    const delays = [];
    for (let i = 0; i < 100; i++) {
        const sent = Date.now();
        await p.send(healthy, 'a.b');
        await good.arrived(i + 1);
        delays.push(good.requests[i].at - sent);
    }
    delays.sort((a, b) => a - b);
    t.diagnostic(`post to arrival: median ${delays[50]} ms, p99 ${delays[98]} ms`);
    assert.ok(delays[98] < 5000 * slow, `p99 ${delays[98]} ms`);
});
