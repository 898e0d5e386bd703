// SPDX-License-Identifier: Apache-2.0
// Idempotency keys from outside: the same key, token and URI gets the first 2xx answer again, whatever happened in between.
import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import { environment, jwt, postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { sleep, until } from './lib/wait.mjs';

const withKey = (key, more = {}) => ({ headers: { 'idempotency-key': key }, ...more });
const event = (n = 1, fields = {}) => ({ eventType: 'invoice.paid', payload: { n }, ...fields });

async function messages(p, app) {
    return (await p.ok('GET', `/api/v1/app/${app.id}/msg?limit=250`)).data;
}

// Sends a POST and goes away without reading the answer.
function sendAndLeave(p, path, key, body) {
    const text = JSON.stringify(body);
    return new Promise((resolve, reject) => {
        const socket = net.connect(p.port, '127.0.0.1', () => {
            const head = [
                `POST ${path} HTTP/1.1`,
                'Host: localhost',
                `Authorization: Bearer ${p.token}`,
                'Content-Type: application/json',
                `Idempotency-Key: ${key}`,
                `Content-Length: ${Buffer.byteLength(text)}`,
            ];
            socket.write(`${head.join('\r\n')}\r\n\r\n${text}`, () => {
                socket.destroy();
                resolve();
            });
        });
        socket.on('error', reject);
    });
}

test('50 parallel posts with one key make one message', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app();
    await p.endpoint(app, r.url());
    const path = `/api/v1/app/${app.id}/msg`;
    const answers = await Promise.all(Array.from({ length: 50 }, (_, n) => p.api('POST', path, event(n), withKey('one'))));
    for (const a of answers) {
        assert.equal(a.status, 202, a.text);
        assert.equal(a.text, answers[0].text, 'every answer is the first, although the bodies differ');
    }
    assert.equal((await messages(p, app)).length, 1);
    await r.arrived(1);
    await sleep(200);
    assert.equal(r.requests.length, 1);

    await p.restart();
    const again = await p.api('POST', path, event(99), withKey('one'));
    assert.equal(again.status, 202);
    assert.equal(again.text, answers[0].text);
    const brokenAgain = await p.api('POST', path, 'no JSON', withKey('one'));
    assert.equal(brokenAgain.text, answers[0].text, 'the body is not even looked at');
    assert.equal((await messages(p, app)).length, 1);
});

test('an answer that was cut off comes with the retry', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const path = `/api/v1/app/${app.id}/msg`;
    for (let i = 0; i < 6; i++) {
        await sendAndLeave(p, path, `cut-${i}`, event(i));
        const wait = i % 2 === 0;
        if (wait) await until('the message is there', async () => (await messages(p, app)).length === i + 1);
        const made = await p.ok('POST', path, event(100 + i), withKey(`cut-${i}`));
        // Without the wait either of the two may be first.
        assert.ok(made.payload.n === i || (!wait && made.payload.n === 100 + i), made.payload.n);
        assert.equal((await p.ok('POST', path, event(200 + i), withKey(`cut-${i}`))).id, made.id);
        await sleep(wait ? 0 : 100);
        assert.equal((await messages(p, app)).length, i + 1);
    }
    // kill -9 right behind the commit.
    await sendAndLeave(p, path, 'killed', event(7));
    await until('the message is there', async () => (await messages(p, app)).length === 7);
    await p.kill();
    await p.start();
    assert.deepEqual((await p.ok('POST', path, event(8), withKey('killed'))).payload, { n: 7 });
    assert.equal((await messages(p, app)).length, 7);
});

test('a second event id is refused, and what is refused keeps no key', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const path = `/api/v1/app/${app.id}/msg`;
    const first = await p.ok('POST', path, event(1, { eventId: 'e1' }), withKey('a'));
    assert.equal((await p.api('POST', path, event(2, { eventId: 'e1' }))).status, 409);
    assert.equal((await p.api('POST', path, event(2, { eventId: 'e1' }), withKey('b'))).status, 409);
    assert.equal((await p.ok('POST', path, event(2, { eventId: 'e1' }), withKey('a'))).id, first.id, 'the key comes before the event id');
    assert.equal((await p.api('POST', path, '{', withKey('b'))).status, 400);
    assert.equal((await p.api('POST', path, { eventType: 'a.b' }, withKey('b'))).status, 422);
    assert.notEqual((await p.ok('POST', path, event(2, { eventId: 'e2' }), withKey('b'))).id, first.id);
    assert.equal((await p.api('POST', '/api/v1/app/nobody/msg', event(), withKey('c'))).status, 404);
    await p.app({ uid: 'nobody' });
    await p.ok('POST', '/api/v1/app/nobody/msg', event(), withKey('c'));
    assert.equal((await p.api('POST', '/api/v1/app/nobody/msg', event(), withKey('c', { token: 'wrong' }))).status, 401);
});

test('a key is tied to token and URI', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ uid: 'u1' });
    const path = `/api/v1/app/${app.id}/msg`;
    const other = jwt({ sub: environment, nonce: 2 });
    const ids = new Set();
    for (const [uri, token] of [[path, p.token], [path, other], [`${path}?with_content=false`, p.token], ['/api/v1/app/u1/msg', p.token]]) {
        const one = await p.ok('POST', uri, event(), withKey('k', { token }));
        const two = await p.ok('POST', uri, event(), withKey('k', { token }));
        assert.equal(one.id, two.id);
        assert.deepEqual(one, two);
        ids.add(one.id);
    }
    assert.equal(ids.size, 4);
    assert.equal((await p.ok('POST', path, event())).id === (await p.ok('POST', path, event())).id, false);
});

test('a key has 1 to 256 printable characters', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    for (const path of [`/api/v1/app/${app.id}/msg`, '/api/v1/event-type']) {
        for (const key of ['', 'x'.repeat(257), 'caf\u00e9']) {
            const a = await p.api('POST', path, event(), withKey(key));
            assert.equal(a.status, 422, `${path} ${key}`);
            assert.deepEqual(a.json.detail[0].loc, ['header', 'idempotency-key']);
        }
    }
    await p.ok('POST', `/api/v1/app/${app.id}/msg`, event(), withKey('x'.repeat(256)));
});

test('every POST has it: each makes its thing once', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { answer: () => ({ status: 204 }) });
    const twice = async (path, body, key, status) => {
        const all = await Promise.all(Array.from({ length: 8 }, () => p.api('POST', path, body, withKey(key))));
        all.push(await p.api('POST', path, body, withKey(key)));
        for (const a of all) assert.equal(a.status, status, `${path}: ${a.text}`);
        return all;
    };
    const same = async (path, body, key, status) => {
        const all = await twice(path, body, key, status);
        for (const a of all) assert.deepEqual(a.json, all[0].json, path);
        return all[0].json;
    };
    const app = await same('/api/v1/app', { name: 'A' }, 'app', 201);
    assert.equal((await p.ok('GET', '/api/v1/app')).data.length, 1);
    // The same key means something else at another URI.
    await same('/api/v1/event-type', { name: 'a.b', description: 'x' }, 'app', 201);
    const base = `/api/v1/app/${app.id}`;
    const ep = await same(`${base}/endpoint`, { url: r.url('/h') }, 'ep', 201);
    assert.equal((await p.ok('GET', `${base}/endpoint`)).data.length, 1);
    const standard = await p.ok('GET', '/api/v1/profile/standard');
    await same('/api/v1/profile', { ...standard, name: 'mine' }, 'profile', 201);

    // A rotation changes the secret once.
    const before = await p.secret(app, ep);
    await twice(`${base}/endpoint/${ep.id}/secret/rotate`, {}, 'rotate', 204);
    const after = await p.secret(app, ep);
    assert.notEqual(after, before);
    await twice(`${base}/endpoint/${ep.id}/secret/rotate`, {}, 'rotate', 204);
    assert.equal(await p.secret(app, ep), after);

    const example = await same(`${base}/endpoint/${ep.id}/send-example`, { eventType: 'a.b' }, 'example', 202);
    await r.arrived(1);
    await same(`${base}/msg/${example.id}/endpoint/${ep.id}/resend`, {}, 'resend', 202);
    await r.arrived(2);
    const since = new Date(Date.now() - 3600_000).toISOString();
    const tasks = await twice(`${base}/endpoint/${ep.id}/recover`, { since }, 'recover', 202);
    assert.equal(new Set(tasks.map((a) => a.json.id)).size, 1);
    await sleep(200);
    assert.equal(r.requests.length, 2);

    // Restarted, all the same.
    await p.restart();
    assert.equal((await p.ok('POST', '/api/v1/app', { name: 'B' }, withKey('app'))).id, app.id);
    assert.equal((await p.ok('POST', `${base}/endpoint`, { url: r.url('/other') }, withKey('ep'))).id, ep.id);
    assert.equal((await p.ok('POST', `${base}/endpoint/${ep.id}/send-example`, { eventType: 'a.b' }, withKey('example'))).id, example.id);

    // What was made is gone: said so, and not made again.
    await p.ok('DELETE', `${base}/endpoint/${ep.id}`);
    assert.equal((await p.api('POST', `${base}/endpoint`, { url: r.url('/h') }, withKey('ep'))).status, 410);
    assert.equal((await p.ok('GET', `${base}/endpoint`)).data.length, 0);
});

test('what is there already, and what is refused', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ uid: 'one' });
    const got = await p.api('POST', '/api/v1/app?get_if_exists=true', { name: 'A', uid: 'one' }, withKey('k'));
    assert.equal(got.status, 200);
    const again = await p.api('POST', '/api/v1/app?get_if_exists=true', { name: 'A', uid: 'two' }, withKey('k'));
    assert.equal(again.status, 200);
    assert.equal(again.json.id, app.id);
    assert.equal((await p.api('POST', '/api/v1/app', { name: 'A', uid: 'one' }, withKey('c'))).status, 409);
    assert.equal((await p.api('POST', '/api/v1/app', { name: 'A', uid: 'three' }, withKey('c'))).status, 201, 'a 409 keeps no key');
});

test('access to the portal is given again, its application made once', async (t) => {
    const p = await postrider(t);
    const path = '/api/v1/auth/app-portal-access/new-one';
    const body = { application: { name: 'A', uid: 'new-one' } };
    const one = await p.ok('POST', path, body, withKey('k'));
    const two = await p.ok('POST', path, body, withKey('k'));
    for (const access of [one, two]) await p.ok('GET', '/api/v1/app/new-one/endpoint', undefined, { token: access.token });
    assert.equal((await p.ok('GET', '/api/v1/app')).data.length, 1);

    // Ending all access again would end what was given since.
    const end = '/api/v1/auth/app/new-one/expire-all';
    assert.equal((await p.api('POST', end, {}, withKey('end'))).status, 204);
    assert.equal((await p.api('GET', '/api/v1/app/new-one/endpoint', undefined, { token: one.token })).status, 401);
    const three = await p.ok('POST', path, {});
    assert.equal((await p.api('POST', end, {}, withKey('end'))).status, 204);
    await p.ok('GET', '/api/v1/app/new-one/endpoint', undefined, { token: three.token });
});

test('the text of an API key is said once', async (t) => {
    const p = await postrider(t);
    const answers = await Promise.all(Array.from({ length: 8 }, () => p.api('POST', '/api/v1/auth/api-key', { name: 'ci' }, withKey('k'))));
    const made = answers.filter((a) => a.status === 201);
    assert.equal(made.length, 1);
    assert.match(made[0].json.token, /^prk_/);
    for (const a of answers.filter((x) => x.status !== 201)) {
        assert.equal(a.status, 409);
        assert.match(a.json.detail, /made an API key/);
        assert.ok(!a.text.includes(made[0].json.token));
    }
    assert.equal((await p.ok('GET', '/api/v1/auth/api-key')).data.length, 1);
});
