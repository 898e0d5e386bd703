// SPDX-License-Identifier: Apache-2.0
// Senders that misbehave, while deliveries go on.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import test from 'node:test';
import { postrider, slow } from '../e2e/lib/postrider.mjs';
import { receiver } from '../e2e/lib/receiver.mjs';
import { eachOf, patienceMs, sleep } from '../e2e/lib/wait.mjs';

// Writes the pieces (with pauses given as numbers, ms) and resolves to everything that came back when the other side closed, or
// after `patienceMs` without an end.
function speak(port, pieces, { patienceMs: mostMs = patienceMs } = {}) {
    return new Promise((resolve) => {
        const socket = net.connect(port, '127.0.0.1');
        const chunks = [];
        let done = false;
        const finish = (closed) => {
            if (done) return;
            done = true;
            clearTimeout(timer);
            socket.destroy();
            resolve({ text: Buffer.concat(chunks).toString('latin1'), closed });
        };
        const timer = setTimeout(() => finish(false), mostMs);
        socket.on('data', (c) => chunks.push(c));
        socket.on('end', () => finish(true));
        socket.on('close', () => finish(true));
        socket.on('error', () => finish(true));
        (async () => {
            for (const piece of pieces) {
                if (typeof piece === 'number') await sleep(piece);
                else if (!socket.destroyed) socket.write(piece);
            }
        })();
    });
}

const statusOf = (text) => Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0);

async function scene(t) {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app();
    await p.endpoint(app, r.url());
    const stillDelivers = async () => {
        const before = r.count;
        await p.send(app, 'a.b');
        await r.arrived(before + 1);
    };
    const head = (...lines) => [`POST /api/v1/app/${app.id}/msg HTTP/1.1`, 'Host: x', `Authorization: Bearer ${p.token}`, 'Content-Type: application/json', ...lines, '', ''].join('\r\n');
    return { p, r, app, head, stillDelivers };
}

test('bodies over the limit: 413, by length and chunked', async (t) => {
    const { p, app, head, stillDelivers } = await scene(t);
    const big = JSON.stringify({ eventType: 'a.b', payload: { x: 'x'.repeat(3 * 1024 * 1024) } });
    const byLength = await speak(p.port, [head(`Content-Length: ${big.length}`), big.slice(0, 100_000)]);
    assert.equal(statusOf(byLength.text), 413, byLength.text.slice(0, 200));
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const chunked = await speak(p.port, [head('Transfer-Encoding: chunked'), ...Array(40).fill(chunk), '0\r\n\r\n']);
    assert.ok([413, 0].includes(statusOf(chunked.text)), chunked.text.slice(0, 200));
    assert.ok(chunked.closed);
    const lied = await speak(p.port, [head('Content-Length: 99999999999999999999')]);
    assert.ok([400, 413].includes(statusOf(lied.text)), lied.text.slice(0, 200));
    const exact = await p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: { x: 'x'.repeat(2 * 1024 * 1024 - 60) } });
    assert.equal(exact.status, 202, exact.text);
    await stillDelivers();
});

test('bad JSON is refused with line and column', async (t) => {
    const { p, app, stillDelivers } = await scene(t);
    const cases = [
        ['{"eventType":"a.b","payload":{"a":1,}}', 1, 37],
        ['{"eventType":"a.b",\n "payload":{"a" 1}}', 2, 17],
        ['{"eventType":"a.b","payload":{"a":01}}'],
        ['{"eventType":"a.b","payload":{"a":"\t"}}'],
        ['{"eventType":"a.b","payload":{"a":"\\x"}}'],
        ['{"eventType":"a.b","payload":{"a":1}} x'],
        ['{"eventType":"a.b","payload":{"a":NaN}}'],
        ['{"eventType":"a.b","payload":{"a":1}'],
        [`{"eventType":"a.b","payload":{"a":${'['.repeat(100_000)}`],
        [''],
        ['\u0000'],
    ];
    for (const [text, line, column] of cases) {
        const answer = await p.api('POST', `/api/v1/app/${app.id}/msg`, text, { headers: { 'content-type': 'application/json' } });
        assert.equal(answer.status, 400, `${text.slice(0, 60)}: ${answer.status} ${answer.text}`);
        assert.ok(answer.json?.code && answer.json?.detail, answer.text);
        if (line) assert.match(JSON.stringify(answer.json), new RegExp(`line ${line}\\D+column ${column}\\b`), answer.text);
        else if (text.length > 1) assert.match(JSON.stringify(answer.json), /line \d+\D+column \d+/, answer.text);
    }
    for (const text of ['[]', '"x"', '1', 'null']) {
        const answer = await p.api('POST', `/api/v1/app/${app.id}/msg`, text);
        assert.ok([400, 422].includes(answer.status), `${text}: ${answer.status}`);
    }
    assert.equal((await p.api('POST', `/api/v1/app/${app.id}/msg`, '{"eventType":"a.b","payload":[1]}')).status, 422);
    await stillDelivers();
});

test('bad UTF-8 is refused', async (t) => {
    const { p, app, stillDelivers } = await scene(t);
    const around = (bytes) => Buffer.concat([Buffer.from('{"eventType":"a.b","payload":{"a":"'), Buffer.from(bytes), Buffer.from('"}}')]);
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80]]) {
        const answer = await p.api('POST', `/api/v1/app/${app.id}/msg`, around(bytes));
        assert.equal(answer.status, 400, `${bytes}: ${answer.text}`);
    }
    await stillDelivers();
});

test('ambiguous framing is refused and the connection closed', async (t) => {
    const { p, r, head, stillDelivers } = await scene(t);
    const body = '{"eventType":"a.b","payload":{}}';
    const smuggled = `GET /api/v1/app HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${p.token}\r\n\r\n`;
    const cases = {
        'length and transfer-encoding': [head(`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked'), `0\r\n\r\n${smuggled}`],
        'transfer-encoding and length': [head('Transfer-Encoding: chunked', 'Content-Length: 4'), `0\r\n\r\n${smuggled}`],
        'two lengths': [head(`Content-Length: ${body.length}`, 'Content-Length: 3'), body],
        'a list of lengths': [head(`Content-Length: ${body.length}, 3`), body],
        'negative length': [head('Content-Length: -1'), body],
        'length with sign': [head(`Content-Length: +${body.length}`), body],
        'unknown coding': [head('Transfer-Encoding: xchunked'), `0\r\n\r\n${smuggled}`],
        'chunked twice': [head('Transfer-Encoding: chunked, chunked'), `0\r\n\r\n${smuggled}`],
        'bad chunk size': [head('Transfer-Encoding: chunked'), 'zz\r\nx\r\n0\r\n\r\n'],
        'chunk size overflow': [head('Transfer-Encoding: chunked'), 'fffffffffffffffff\r\nx\r\n'],
        'space before colon': [head(`Content-Length : ${body.length}`), body],
        'NUL in a header': [head('X-A: a\u0000b', `Content-Length: ${body.length}`), body],
        'folded header': [head(`X-A: a\r\n b`, `Content-Length: ${body.length}`), body],
        'no such version': ['GET /api/v1/health HTTP/9.9\r\nHost: x\r\n\r\n'],
        garbage: ['\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\r\n\r\n'],
    };
    for (const [what, pieces] of Object.entries(cases)) {
        const { text, closed } = await speak(p.port, pieces.map((s) => Buffer.from(s, 'latin1')));
        assert.ok(closed, `${what}: the connection stays open; ${text.slice(0, 200)}`);
        assert.ok([0, 400, 411, 501, 505].includes(statusOf(text)), `${what}: ${text.slice(0, 200)}`);
        assert.ok((text.match(/HTTP\/1\.1 /g) ?? []).length <= 1, `${what}: a second request was taken from the body`);
    }
    assert.equal(r.count, 0, 'none of them was accepted as a message');
    await stillDelivers();
});

test('headers without end: 431', async (t) => {
    const { p, stillDelivers } = await scene(t);
    const flood = await speak(p.port, ['GET /api/v1/health HTTP/1.1\r\nHost: x\r\n', ...Array(60).fill(`X-A: ${'a'.repeat(8000)}\r\n`)]);
    assert.ok(flood.closed);
    assert.ok([431, 400, 0].includes(statusOf(flood.text)), flood.text.slice(0, 200));
    const many = await speak(p.port, ['GET /api/v1/health HTTP/1.1\r\nHost: x\r\n', 'A: b\r\n'.repeat(50_000), '\r\n']);
    assert.ok([431, 400, 0].includes(statusOf(many.text)), many.text.slice(0, 200));
    const path = await speak(p.port, [`GET /${'a'.repeat(200_000)} HTTP/1.1\r\nHost: x\r\n\r\n`]);
    assert.ok([414, 431, 400, 0].includes(statusOf(path.text)), path.text.slice(0, 200));
    await stillDelivers();
});

test('slow headers and slow bodies are cut off', { timeout: 400_000 * slow }, async (t) => {
    const { p, head, stillDelivers } = await scene(t);
    const drip = (text) => [...text].flatMap((c) => [c, 500]);
    const started = Date.now();
    const [headers, body, silence] = await Promise.all([
        speak(p.port, ['GET /api/v1/health HTTP/1.1\r\n', ...drip('X-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')], { patienceMs: 2 * patienceMs }),
        speak(p.port, [head('Content-Length: 100000'), ...drip('{"eventType":"a.b","payload":{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')], { patienceMs: 2 * patienceMs }),
        speak(p.port, [], { patienceMs: 2 * patienceMs }),
    ]);
    t.diagnostic(`cut off after ${Date.now() - started} ms at the latest`);
    assert.ok(headers.closed && body.closed && silence.closed, JSON.stringify({ headers: headers.closed, body: body.closed, silence: silence.closed }));
    assert.ok([408, 0].includes(statusOf(headers.text)), headers.text);
    assert.ok([408, 0].includes(statusOf(body.text)), body.text);
    await stillDelivers();
});

test('10,000 idle connections; deliveries go on', { timeout: 400_000 * slow }, async (t) => {
    const limit = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).replace('unlimited', '1000000'));
    if (limit < 12_000) return t.skip(`needs 12,000 file descriptors, the hard limit is ${limit}`);
    const { p, r, app, stillDelivers } = await scene(t);
    // Idle connections may be closed to make room for others, ours as well: each request comes on a new one.
    p.agent.destroy();
    p.agent = new http.Agent({ keepAlive: false, maxSockets: 64 });
    const sockets = [];
    t.after(() => sockets.forEach((s) => s.destroy()));
    let refused = 0;
    await eachOf(Array(10_000).keys(), 200, () => new Promise((resolve) => {
        const s = net.connect(p.port, '127.0.0.1', resolve);
        s.on('error', () => (refused++, resolve()));
        s.on('data', () => {});
        sockets.push(s);
    }));
    t.diagnostic(`${10_000 - refused} connected, ${refused} refused`);
    const started = Date.now();
    const before = r.count;
    await eachOf(Array(200).keys(), 16, () => p.send(app, 'a.b'));
    await r.arrived(before + 200);
    t.diagnostic(`200 messages posted and delivered in ${Date.now() - started} ms`);
    sockets.forEach((s) => s.destroy());
    await stillDelivers();
    assert.equal(p.exit, undefined);
});

test('clients that vanish before their answer', async (t) => {
    const { p, head, stillDelivers } = await scene(t);
    const body = '{"eventType":"a.b","payload":{}}';
    await eachOf(Array(200).keys(), 50, () => new Promise((resolve) => {
        const s = net.connect(p.port, '127.0.0.1', () => {
            s.write(head(`Content-Length: ${body.length}`) + body);
            setTimeout(() => (s.resetAndDestroy?.(), s.destroy(), resolve()), Math.random() * 5);
        });
        s.on('error', () => resolve());
    }));
    await stillDelivers();
});

test('pipelined requests are answered in order', async (t) => {
    const { p } = await scene(t);
    const get = (path, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    const { text } = await speak(p.port, [get('/api/v1/health/ping') + get('/nowhere') + get('/api/v1/health/ping', 'Connection: close\r\n')]);
    assert.deepEqual([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => Number(m[1])), [204, 404, 204]);
});

test('10,000 requests without a token do not hold up those with one', async (t) => {
    const { p, stillDelivers } = await scene(t);
    const answers = await eachOf(Array(10_000).keys(), 64, (n) => p.api('GET', '/api/v1/app', undefined, { token: `prk_wrong${n}` }));
    assert.ok(answers.every((a) => a.status === 401 || a.status === 429));
    await stillDelivers();
});
