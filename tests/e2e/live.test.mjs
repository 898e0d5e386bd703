// SPDX-License-Identifier: Apache-2.0
// Live streams: what happens arrives, only one's own, and not a moment after the session is over.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import test from 'node:test';
import { firstUser, Person } from './lib/console.mjs';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

function stream(t, p, path, headers) {
    const s = { events: [], comments: 0, status: undefined, ended: false };
    s.request = http.get({ host: '127.0.0.1', port: p.port, path, headers, agent: false }, (response) => {
        s.status = response.statusCode;
        s.headers = response.headers;
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
            text += chunk;
            for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
                const lines = text.slice(0, end).split('\n');
                const kind = lines.find((l) => l.startsWith('event: '))?.slice(7);
                if (kind) s.events.push({ kind, ...JSON.parse(lines.find((l) => l.startsWith('data: ')).slice(6)) });
                else s.comments++;
            }
        });
        response.on('close', () => (s.ended = true));
    });
    s.request.on('error', () => (s.ended = true));
    t.after(() => s.request.destroy());
    return s;
}

const started = (s) => until('the stream has begun', () => s.comments > 0 || s.ended);
const sees = (s, what, fits) => until(() => `${what}; seen: ${JSON.stringify(s.events)}`, () => s.events.find(fits) !== undefined);

test('a stream tells of messages, attempts and endpoints of its workspace, and of no other', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const person = await firstUser(p);
    const app = await p.app();
    const other = await p.app();
    const live = stream(t, p, `/api/v1/app/${app.id}/live`, person.headers());
    const all = stream(t, p, '/api/v1/live', { authorization: `Bearer ${p.token}` });
    await Promise.all([started(live), started(all)]);
    assert.equal(live.status, 200);
    assert.equal(live.headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.equal(live.headers['content-length'], undefined);
    assert.equal(live.headers['access-control-allow-origin'], undefined);
    assert.equal(all.headers['access-control-allow-origin'], '*');

    const endpoint = await p.endpoint(app, r.url());
    await sees(live, 'an endpoint', (e) => e.kind === 'endpoint' && e.id === endpoint.id);
    await p.endpoint(other, r.url());
    const theirs = await p.send(other, 'a.b');
    const message = await p.send(app, 'a.b');
    await sees(live, 'a message', (e) => e.kind === 'message' && e.id === message.id && e.eventType === 'a.b');
    await sees(live, 'an attempt', (e) => e.kind === 'attempt' && e.msgId === message.id && e.endpointId === endpoint.id && e.status === 0 && e.responseStatusCode === 204);
    await sees(all, 'the message of the other workspace', (e) => e.kind === 'message' && e.id === theirs.id && e.appId === other.id);
    assert.ok(live.events.every((e) => e.appId === app.id), JSON.stringify(live.events));
});

test('a stream tells of requests at trigger URLs, also of refused ones', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const made = await p.ok('POST', `/api/v1/app/${app.id}/automation`, { name: 'a', trigger: { type: 'incoming_webhook', verify: { profile: 'bearer', secret: 'open sesame' } }, steps: [] });
    const live = stream(t, p, `/api/v1/app/${app.id}/live`, { authorization: `Bearer ${p.token}` });
    await started(live);
    const send = (token) => p.api('POST', new URL(made.trigger.url).pathname, { a: 1 }, { token });
    const taken = await send('open sesame');
    await sees(live, 'a request', (e) => e.kind === 'request' && e.id === taken.json.id && e.triggerId === made.trigger.id);
    assert.equal((await send('open barley')).status, 401);
    await sees(live, 'a refused request', (e) => e.kind === 'request' && e.id !== taken.json.id);
});

test('a stream ends with its session, its token, its portal access', async (t) => {
    const p = await postrider(t);
    const person = await firstUser(p);
    const app = await p.app();
    const key = await p.ok('POST', '/api/v1/auth/api-key', { name: 'k' });
    const access = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, {});
    const path = `/api/v1/app/${app.id}/live`;
    const user = stream(t, p, path, person.headers());
    const token = stream(t, p, path, { authorization: `Bearer ${key.token}` });
    const portal = stream(t, p, path, { authorization: `Bearer ${access.token}` });
    const stays = stream(t, p, path, { authorization: `Bearer ${p.token}` });
    await Promise.all([user, token, portal, stays].map(started));
    const ends = (s, what) => until(`${what} ends`, () => s.ended);
    await person.ok('DELETE', '/api/v1/console/session');
    await ends(user, 'the stream of the session');
    await p.ok('DELETE', `/api/v1/auth/api-key/${key.id}`);
    await ends(token, 'the stream of the key');
    await p.ok('POST', `/api/v1/auth/app/${app.id}/expire-all`, {});
    await ends(portal, 'the stream of the portal');
    assert.equal(stays.ended, false);
    assert.equal((await new Person(p).api('GET', path)).status, 401);
    const exit = await p.stop();
    assert.deepEqual(exit, { code: 0, signal: null }, 'a stream does not hold up a stop');
    await ends(stays, 'the stream of a server that stops');
});

test('a client that does not read is left out and told so; deliveries go on', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const live = stream(t, p, `/api/v1/app/${app.id}/live`, { authorization: `Bearer ${p.token}` });
    await started(live);
    // Many requests in one piece, so that more come in a second than a stream tells, also where this process gets little to do.
    const body = '{"eventType":"a.b","payload":{}}';
    const post = `POST /api/v1/app/${app.id}/msg HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${p.token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    let rows = 0;
    const burst = (n) =>
        new Promise((resolve, reject) => {
            const socket = net.connect(p.port, '127.0.0.1').on('error', reject).on('close', resolve).resume();
            socket.write(`${post}\r\n${body}`.repeat(n - 1) + `${post}Connection: close\r\n\r\n${body}`);
            rows += n;
        });
    await until('the stream says that it lagged', async () => {
        await Promise.all(Array.from({ length: 16 }, () => burst(50)));
        return live.events.some((e) => e.kind === 'lagged');
    });
    assert.ok(live.events.filter((e) => e.kind === 'message').length < rows, `${live.events.length} events`);
    await p.send(app, 'a.b');
});
