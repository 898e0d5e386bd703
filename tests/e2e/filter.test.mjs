// SPDX-License-Identifier: Apache-2.0
// Content filters: what arrives at the receiver of an endpoint that has one, and what is said of one that does not fit.
import assert from 'node:assert/strict';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

// Every message goes to /all too, so that what arrived there says when to look at what came of it at the others.
async function arrivals(p, app, r, messages) {
    const before = r.requests.filter((q) => q.path === '/all').length;
    for (const m of messages) await p.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'order.placed', ...m });
    await until('they arrived', () => r.requests.filter((q) => q.path === '/all').length >= before + messages.length);
    for (const { id } of (await p.ok('GET', `/api/v1/app/${app.id}/msg`)).data)
        await until('nothing is pending', async () => (await p.ok('GET', `/api/v1/app/${app.id}/msg/${id}/endpoint`)).data.every((d) => [0, 2].includes(d.status)));
    return (path) => r.requests.filter((q) => q.path === path).map((q) => JSON.parse(q.body).n).sort();
}

test('an endpoint receives what its filter asks for, and only that', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app();
    await p.endpoint(app, r.url('/all'));
    const big = await p.endpoint(app, r.url('/big'), { filter: { total: { $gte: 100 } } });
    await p.endpoint(app, r.url('/vip'), { filter: { 'customer.tier': 'vip' }, fifo: true });
    await p.endpoint(app, r.url('/exact'), { filter: { id: { $gt: 9007199254740992 } } });
    assert.deepEqual(big.filter, { total: { $gte: 100 } });

    const payloads = ['{"n":1,"total":99.99,"customer":{"tier":"vip"}}', '{"n":2,"total":100.0,"id":9007199254740993}', '{"n":3,"id":9007199254740992}', '{"n":4,"total":"500"}'];
    for (const payload of payloads) await p.ok('POST', `/api/v1/app/${app.id}/msg`, `{"eventType":"order.placed","payload":${payload}}`);
    await r.arrived(4 + 1 + 1 + 1);
    let at = await arrivals(p, app, r, []);
    assert.deepEqual(at('/all'), [1, 2, 3, 4]);
    assert.deepEqual(at('/big'), [2]);
    assert.deepEqual(at('/vip'), [1]);
    assert.deepEqual(at('/exact'), [2]);

    // A message that nobody wants is stored all the same.
    const unwanted = await p.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'order.placed', payload: { n: 5 } });
    assert.equal((await p.ok('GET', `/api/v1/app/${app.id}/msg/${unwanted.id}/endpoint`)).data.length, 1);

    // The change is seen by the next message; null takes the filter away; PUT without it keeps it.
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${big.id}`, { filter: { total: { $lt: 10 } } });
    at = await arrivals(p, app, r, [{ payload: { n: 6, total: 100 } }, { payload: { n: 7, total: 9 } }]);
    assert.deepEqual(at('/big'), [2, 7]);
    await p.ok('PUT', `/api/v1/app/${app.id}/endpoint/${big.id}`, { url: r.url('/big') });
    at = await arrivals(p, app, r, [{ payload: { n: 8, total: 100 } }]);
    assert.deepEqual(at('/big'), [2, 7]);
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${big.id}`, { filter: null });
    at = await arrivals(p, app, r, [{ payload: { n: 9, total: 100 } }]);
    assert.deepEqual(at('/big'), [2, 7, 9]);
});

test('no filter matches a raw payload', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app();
    await p.endpoint(app, r.url('/all'));
    await p.endpoint(app, r.url('/some'), { filter: { $not: { a: 1 } } });
    await p.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: {}, transformationsParams: { rawPayload: '{"a":2}' } });
    await r.arrived(1);
    await p.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: { a: 2 } });
    await r.arrived(3);
    assert.equal(r.requests.filter((q) => q.path === '/some').length, 1);
});

test('a filter that does not fit is refused with its place', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const rows = [
        [{ total: { $gte: true } }, ['body', 'filter', '/total/$gte']],
        [{ $or: [{ a: 1 }, { b: { $regex: 'x' } }] }, ['body', 'filter', '/$or/1/b/$regex']],
        [{}, ['body', 'filter']],
        ['total > 100', ['body', 'filter']],
        [Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`f${i}`, i])), ['body', 'filter', '/f100']],
        [{ a: 'x'.repeat(17_000) }, ['body', 'filter']],
    ];
    for (const [filter, loc] of rows) {
        const made = await p.api('POST', `/api/v1/app/${app.id}/endpoint`, { url: 'https://example.com', filter });
        assert.equal(made.status, 422, made.text);
        assert.deepEqual(made.json.detail[0].loc, loc);
        if (JSON.stringify(filter).length < 17_000) {
            const tried = await p.api('POST', '/api/v1/filter/test', { filter, payload: {} });
            assert.equal(tried.status, 422, tried.text);
            assert.deepEqual(tried.json.detail[0].loc, loc);
        }
    }
});

test('a filter can be tried, also from the portal, which may set it', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ uid: 'w' });
    const body = { filter: { tags: 'vip' }, payload: { tags: ['new', 'vip'] } };
    assert.deepEqual(await p.ok('POST', '/api/v1/filter/test', body), { matches: true });
    assert.deepEqual(await p.ok('POST', '/api/v1/filter/test', { ...body, payload: {} }), { matches: false });
    assert.equal((await p.api('POST', '/api/v1/filter/test', { filter: { a: 1 } })).status, 422);
    assert.equal((await p.api('POST', '/api/v1/filter/test', { payload: { a: 1 } })).status, 422);

    const { token } = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, {});
    assert.deepEqual(await p.ok('POST', '/api/v1/filter/test', body, { token }), { matches: true });
    const made = await p.ok('POST', '/api/v1/app/w/endpoint', { url: 'https://example.com', filter: body.filter }, { token });
    assert.deepEqual(made.filter, body.filter);
});
