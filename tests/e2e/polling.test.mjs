// SPDX-License-Identifier: Apache-2.0
// Polling endpoints: nothing missing and nothing twice, whatever happens between two polls; leases; who may poll.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Webhook } from 'svix';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function poller(p, app, fields = {}) {
    return p.ok('POST', `/api/v1/app/${app.id}/endpoint`, { type: 'polling', ...fields });
}

async function send(p, app, first, count) {
    for (let i = first; i < first + count; i++) await p.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: { i } });
}

const numbers = (page) => page.data.map((x) => x.payload.i);

test('four writers, one consumer and one iterator: none missing, none twice, in order', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const ep = await poller(p, app);
    const total = 2000;
    const lanes = 4;
    let writing = true;
    const writers = Promise.all(Array.from({ length: lanes }, (_, k) => send(p, app, k * (total / lanes), total / lanes))).then(() => (writing = false));
    const read = async (ask) => {
        const seen = [];
        for (let last; ; last = writing) {
            const page = await ask();
            seen.push(...page.data);
            if (page.data.length === 0 && page.done && last === false && seen.length >= total) break;
            if (seen.length > total) break;
            if (page.data.length === 0) await sleep(5);
        }
        return seen;
    };
    let iterator;
    const byIterator = read(async () => {
        const page = await p.ok('GET', `/api/v1/app/${app.id}/poller/${ep.id}?limit=100${iterator ? `&iterator=${iterator}` : ''}`);
        iterator = page.iterator;
        return page;
    });
    const byConsumer = read(() => p.ok('GET', `/api/v1/app/${app.id}/poller/${ep.id}/consumer/c?limit=70`));
    const stream = await Promise.all([byIterator, byConsumer, writers]);
    for (const seen of stream.slice(0, 2)) {
        assert.deepEqual(seen.map((x) => x.payload.i).sort((x, y) => x - y), Array.from({ length: total }, (_, i) => i));
        assert.deepEqual(seen.map((x) => x.id), seen.map((x) => x.id).sort());
    }
});

test('a broadcast that is cut off by kill -9 is behind no place that was read before', async (t) => {
    const p = await postrider(t);
    const apps = [];
    for (let i = 0; i < 240; i++) apps.push(await p.app());
    const places = apps.map(() => '');
    const seen = apps.map(() => 0);
    const look = () =>
        Promise.all(
            apps.map(async (app, i) => {
                const page = await p.ok('GET', `/api/v1/app/${app.id}/events?${places[i]}`);
                if (page.data.length > 0) places[i] = `iterator=${page.iterator}`;
                seen[i] += page.data.length;
            }),
        );
    const task = await p.ok('POST', '/api/v1/msg/broadcast', { eventType: 'a.b', payload: { to: 'all' } });
    const state = () => p.ok('GET', `/api/v1/background-task/${task.id}`);
    // Each time all get something newer than what the broadcast had planned, and their places are behind that.
    const kills = [[1, 0], [50, 4], [100, 8], [150, 12]];
    for (const [k, [processed, afterMs]] of kills.entries()) {
        await until('it is so far', async () => (await state()).data.processed >= processed, { everyMs: 1 });
        await sleep(afterMs);
        await p.kill();
        await p.start();
        await Promise.all(apps.map((app) => send(p, app, k, 1)));
        await until('the newer ones are read', async () => (await look(), seen.every((n) => n >= k + 1)));
    }
    await until('it is done', async () => (await state()).status === 'finished');
    await until('the broadcast is read', async () => (await look(), seen.every((n) => n >= kills.length + 1)));
    await look();
    assert.deepEqual(seen, apps.map(() => kills.length + 1));
});

test('two who poll as one consumer share the messages', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const ep = await poller(p, app);
    await send(p, app, 0, 120);
    await until('all are settled', async () => (await p.ok('GET', `/api/v1/app/${app.id}/events?limit=250`)).data.length === 120);
    assert.equal((await p.api('HEAD', `/api/v1/app/${app.id}/poller/${ep.id}/consumer/c`)).status, 405);
    const seen = [];
    const one = async () => {
        for (let page; !page || page.data.length > 0; seen.push(...numbers(page))) page = await p.ok('GET', `/api/v1/app/${app.id}/poller/${ep.id}/consumer/c?limit=7`);
    };
    await Promise.all([one(), one(), one()]);
    assert.deepEqual(seen.sort((a, b) => a - b), Array.from({ length: 120 }, (_, i) => i));
});

test('a consumer goes on where it was after a restart and after kill -9', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const ep = await poller(p, app);
    const path = `/api/v1/app/${app.id}/poller/${ep.id}/consumer/c`;
    const seen = [];
    const take = async (goal) => {
        await until(`${goal} are read`, async () => {
            seen.push(...numbers(await p.ok('GET', `${path}?limit=3`)));
            return seen.length >= goal;
        });
    };
    await send(p, app, 0, 6);
    await take(3); // or a few more
    await p.restart();
    await send(p, app, 6, 2);
    await take(7);
    await p.kill();
    await p.start();
    await send(p, app, 8, 4);
    await take(12);
    assert.deepEqual(seen, Array.from({ length: 12 }, (_, i) => i));
});

test('a lease ends, a commit ends it sooner, and both outlive kill -9', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const ep = await poller(p, app);
    const path = `/api/v1/app/${app.id}/polling-endpoint/${ep.id}/consumer/c`;
    await send(p, app, 0, 5);
    await until('all are settled', async () => (await p.ok('GET', `/api/v1/app/${app.id}/events`)).data.length === 5);
    const offsets = (page) => page.data.map((x) => [x.offset, x.payload.i]);
    assert.deepEqual(offsets(await p.ok('GET', `${path}?limit=2&lease_duration_ms=60000`)), [[1, 0], [2, 1]]);
    assert.equal((await p.api('GET', path)).status, 409);
    assert.equal((await p.api('GET', `/api/v1/app/${app.id}/poller/${ep.id}/consumer/c`)).status, 409);
    await p.kill();
    await p.start();
    assert.equal((await p.api('GET', path)).status, 409, 'the lease outlives the kill');
    assert.equal((await p.api('POST', `${path}/commit`, { offset: 2 })).status, 204);
    assert.deepEqual(offsets(await p.ok('GET', `${path}?limit=1&lease_duration_ms=300`)), [[3, 2]]);
    await p.kill();
    await p.start();
    const again = await until('the lease is over', async () => {
        const answer = await p.api('GET', `${path}?limit=2&lease_duration_ms=60000`);
        return answer.status === 200 && answer.json;
    });
    assert.deepEqual(offsets(again), [[3, 2], [4, 3]], 'what was not committed comes again');
    assert.equal((await p.api('POST', `${path}/commit`, { offset: 3 })).status, 204);
    assert.equal((await p.api('GET', path)).status, 409); // the fourth is still leased
    await p.kill();
    await p.start();
    assert.equal((await p.api('POST', `${path}/commit`, { offset: 4 })).status, 204);
    assert.deepEqual(offsets(await p.ok('GET', `${path}?lease_duration_ms=0`)), [[5, 4]]);
    assert.deepEqual(offsets(await p.ok('GET', `${path}?lease_duration_ms=0`)), [[5, 4]]);
    await p.ok('POST', `/api/v1/app/${app.id}/poller/${ep.id}/consumer/c/seek`, { after: '2026-01-01T00:00:00Z' });
    assert.deepEqual((await p.ok('GET', path)).data.map((x) => x.payload.i), [0, 1, 2, 3, 4]);
});

test('a polling endpoint matches as others do, and gets nothing sent', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app();
    await p.ok('POST', '/api/v1/event-type', { name: 'a.b', description: 'x' });
    const ep = await poller(p, app, { eventTypes: ['a.b'], channels: ['vip'] });
    const secret = (await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${ep.id}/secret`)).key;
    await p.endpoint(app, r.url());
    const say = (eventType, channels) => p.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType, payload: { eventType, channels }, channels });
    await say('a.b', ['vip']);
    await say('a.b', ['other']);
    await say('c.d', ['vip']);
    const last = await say('a.b', ['vip', 'other']);
    const page = await until('both are there', async () => {
        const found = await p.ok('GET', `/api/v1/app/${app.id}/poller/${ep.id}`);
        return found.data.length >= 2 && found;
    });
    assert.deepEqual(page.data.map((x) => x.channels), [['vip'], ['vip', 'other']]);
    for (const m of page.data) new Webhook(secret).verify(JSON.stringify(m.payload), m.headers);
    assert.throws(() => new Webhook(secret).verify('{}', page.data[0].headers));
    const path = `/api/v1/app/${app.id}/msg/${last.id}`;
    await until('the other endpoint got all', async () => r.requests.length === 4);
    assert.equal((await p.ok('GET', `${path}/endpoint`)).data.length, 1);
    assert.equal((await p.api('POST', `${path}/endpoint/${ep.id}/resend`, {})).status, 409);
    assert.equal((await p.api('POST', `/api/v1/app/${app.id}/endpoint/${ep.id}/recover`, { since: new Date(Date.now() - 1000).toISOString() })).status, 409);
    // Disabled, it cannot be polled; what was sent meanwhile is there afterwards.
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${ep.id}`, { disabled: true });
    assert.equal((await p.api('GET', `/api/v1/app/${app.id}/poller/${ep.id}`)).status, 409);
    await say('a.b', ['vip']);
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${ep.id}`, { disabled: false });
    await until('the third is there', async () => (await p.ok('GET', `/api/v1/app/${app.id}/poller/${ep.id}?iterator=${page.iterator}`)).data.length === 1);
});

test('what a polling endpoint is made of', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const path = `/api/v1/app/${app.id}/endpoint`;
    const ep = await poller(p, app, { uid: 'mine' });
    assert.match(ep.url, new RegExp(`/api/v1/app/${app.id}/poller/${ep.id}$`));
    assert.equal((await p.api('POST', path, { type: 'polling', url: 'http://127.0.0.1:1/' })).status, 422);
    assert.equal((await p.api('POST', path, { type: 'pigeon', url: 'http://127.0.0.1:1/' })).status, 422);
    assert.equal((await p.api('POST', path, { type: 'webhook' })).status, 422);
    assert.equal((await p.api('PATCH', `${path}/mine`, { type: 'webhook', url: 'http://127.0.0.1:1/' })).status, 422);
    const put = await p.ok('PUT', `${path}/mine`, { uid: 'mine', url: ep.url, description: 'as it was shown' });
    assert.deepEqual([put.type, put.url, put.description], ['polling', ep.url, 'as it was shown']);
    assert.equal((await p.ok('POST', `/api/v1/app/${app.id}/msg/precheck/active`, { eventType: 'a.b' })).active, true);
    assert.equal((await p.api('POST', '/api/v1/operational-webhook/endpoint', { type: 'polling' })).status, 422);
    // An envelope is part of the payload, as it would be of a delivery.
    const meta = await p.app({ profile: 'metapulse' });
    const other = await poller(p, meta);
    await p.ok('POST', `/api/v1/app/${meta.id}/msg`, { eventType: 'graph.updated', payload: { n: 1 } });
    const [m] = await until('it is there', async () => {
        const { data } = await p.ok('GET', `/api/v1/app/${meta.id}/poller/${other.id}`);
        return data.length === 1 && data;
    });
    assert.deepEqual([m.payload.type, m.payload.data, m.payload.id], ['graph.updated', { n: 1 }, m.eventUuid]);
    assert.match(m.headers['MetaPulse-Signature'] ?? m.headers['metapulse-signature'], /^[0-9a-f]{64}$/);
});

test('a filter decides, and a payload that is gone is passed over', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const all = await poller(p, app);
    const some = await poller(p, app, { filter: { i: 2 } });
    await send(p, app, 0, 4);
    const read = async (ep) => numbers(await p.ok('GET', `/api/v1/app/${app.id}/poller/${ep.id}`));
    await until('all are there', async () => (await read(all)).length === 4);
    assert.deepEqual(await read(some), [2]);
    const [first] = (await p.ok('GET', `/api/v1/app/${app.id}/events`)).data;
    assert.equal((await p.api('DELETE', `/api/v1/app/${app.id}/msg/${first.id}/content`)).status, 204);
    assert.deepEqual(await read(all), [1, 2, 3]);
});

test('a poller token polls its endpoint and nothing else', async (t) => {
    const p = await postrider(t);
    const [a, b] = [await p.app(), await p.app()];
    const [one, two, far] = [await poller(p, a), await poller(p, a), await poller(p, b)];
    const make = async (app, ep) => (await p.ok('POST', `/api/v1/auth/app/${app.id}/poller/${ep.id}/token/rotate`, {})).token;
    const token = await make(a, one);
    const status = async (method, path, body, of = token) => (await p.api(method, `/api/v1${path}`, body, { token: of })).status;
    assert.equal(await status('GET', `/app/${a.id}/poller/${one.id}`), 200);
    assert.equal(await status('GET', `/app/${a.id}/poller/${one.id}/consumer/c`), 200);
    assert.equal(await status('GET', `/app/${a.id}/polling-endpoint/${one.id}/consumer/c`), 200);
    assert.equal(await status('POST', `/app/${a.id}/polling-endpoint/${one.id}/consumer/c/commit`, { offset: 0 }), 204);
    assert.equal(await status('POST', `/app/${a.id}/poller/${one.id}/consumer/c/seek`, { after: '2026-01-01T00:00:00Z' }), 200);
    assert.equal(await status('GET', `/app/${a.id}/poller/${two.id}`), 404);
    assert.equal(await status('GET', `/app/${b.id}/poller/${far.id}`), 404);
    for (const path of ['', '/msg', '/events', '/endpoint', `/endpoint/${one.id}`, `/endpoint/${one.id}/secret`]) assert.equal(await status('GET', `/app/${a.id}${path}`), 403, path);
    assert.equal(await status('POST', `/app/${a.id}/msg`, { eventType: 'a.b', payload: {} }), 403);
    assert.equal(await status('POST', `/auth/app/${a.id}/poller/${one.id}/token/rotate`, {}), 403);
    assert.equal(await status('GET', '/events'), 403);
    assert.equal(await status('GET', `/app/${a.id}/poller/${one.id}`, undefined, `prk_${'0'.repeat(40)}`), 401);
    // Not among the keys that people manage, and no key is made with its role.
    assert.ok((await p.ok('GET', '/api/v1/auth/api-key')).data.every((x) => x.role !== 'poller'));
    assert.equal((await p.api('POST', '/api/v1/auth/api-key', { name: 'x', role: 'poller' })).status, 422);
    const short = (await p.ok('POST', `/api/v1/auth/app/${a.id}/poller/${two.id}/token/rotate`, { expiry: 1 })).token;
    await until('it is over', async () => (await status('GET', `/app/${a.id}/poller/${two.id}`, undefined, short)) === 401);
    assert.equal((await p.api('DELETE', `/api/v1/app/${a.id}/endpoint/${one.id}`)).status, 204);
    assert.equal(await status('GET', `/app/${a.id}/poller/${one.id}`), 401);
});

test('an endpoint has a hundred consumers at most', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const ep = await poller(p, app);
    const ask = (name) => p.api('GET', `/api/v1/app/${app.id}/poller/${ep.id}/consumer/${name}`);
    for (let i = 0; i < 100; i++) assert.equal((await ask(`c${i}`)).status, 200);
    assert.equal((await ask('one-more')).status, 409);
    assert.equal((await ask('c99')).status, 200);
    assert.equal((await ask('not%20a%20name')).status, 422);
});

test('what is not part of Postrider says so; the key of an integration is not shown again', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    for (const path of ['/stream', '/stream/strm_1/sink', `/app/${app.id}/destination`, `/app/${app.id}/destination/x/y`, `/app/${app.id}/autoconfig/x`, '/auth/stream-portal-access/x'])
        for (const method of ['GET', 'POST']) {
            const { status, json } = await p.api(method, `/api/v1${path}`, method === 'POST' ? {} : undefined);
            assert.equal(status, 404, path);
            assert.match(json.detail, /not part of Postrider/);
        }
    assert.match((await p.api('GET', `/api/v1/app/${app.id}/destinations`)).json.detail, /no such path/);
    const { id } = await p.ok('POST', `/api/v1/app/${app.id}/integration`, { name: 'i' });
    const key = () => p.api('GET', `/api/v1/app/${app.id}/integration/${id}/key`);
    assert.equal((await key()).status, 404);
    await p.ok('POST', `/api/v1/app/${app.id}/integration/${id}/key/rotate`);
    const { status, json } = await key();
    assert.equal(status, 410);
    assert.match(json.detail, /rotate/);
});
