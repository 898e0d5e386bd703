// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

const upsert = (x, ...args) => (x.upsert ? x.upsert(...args) : x.update(...args));
// The name of an endpoint's event types has changed between the clients.
const types = (version) => (version === 'svix' ? 'eventTypes' : 'filterTypes');

export default [
    {
        op: 'v1.endpoint.create',
        async run({ svix, app, r, version }) {
            const { id } = await app();
            await svix.eventType.create({ name: 'endpoint.made', description: '' });
            const made = await svix.endpoint.create(id, { url: r.url(), description: 'd', [types(version)]: ['endpoint.made'], channels: ['c'], uid: 'mine', metadata: { a: 'b' } });
            assert.match(made.id, /^ep_[0-9A-Za-z]{27}$/);
            assert.deepEqual([made[types(version)], made.channels, made.uid, made.metadata, made.disabled], [['endpoint.made'], ['c'], 'mine', { a: 'b' }, false]);
            await assert.rejects(svix.endpoint.create(id, { url: 'ftp://example.com/' }), (e) => e.code === 422);
        },
    },
    {
        op: 'v1.endpoint.list',
        async run({ svix, app, endpoint }) {
            const a = await app();
            const made = [await endpoint(a), await endpoint(a), await endpoint(a)].map((x) => x.id);
            assert.deepEqual((await svix.endpoint.list(a.id)).data.map((x) => x.id), [...made].reverse());
            const page = await svix.endpoint.list(a.id, { limit: 2, order: 'ascending' });
            assert.deepEqual([page.data.map((x) => x.id), page.done], [made.slice(0, 2), false]);
        },
    },
    {
        op: 'v1.endpoint.get',
        async run({ svix, app, endpoint }) {
            const a = await app();
            const { id } = await endpoint(a, { uid: 'by-uid' });
            assert.equal((await svix.endpoint.get(a.uid, 'by-uid')).id, id);
        },
    },
    {
        op: 'v1.endpoint.upsert',
        async run({ svix, app, endpoint, r }) {
            const a = await app();
            const { id } = await endpoint(a, { description: 'old' });
            assert.equal((await upsert(svix.endpoint, a.id, id, { url: r.url('/new'), description: 'new' })).url, r.url('/new'));
            assert.equal((await upsert(svix.endpoint, a.id, 'fresh', { url: r.url(), uid: 'fresh' })).uid, 'fresh');
        },
    },
    {
        op: 'v1.endpoint.patch',
        async run({ svix, app, endpoint }) {
            const a = await app();
            const { id } = await endpoint(a, { description: 'old', channels: ['c'] });
            const got = await svix.endpoint.patch(a.id, id, { description: 'new' });
            assert.deepEqual([got.description, got.channels], ['new', ['c']]);
            assert.equal((await svix.endpoint.patch(a.id, id, { channels: null })).channels ?? null, null);
        },
    },
    {
        op: 'v1.endpoint.delete',
        async run({ svix, app, endpoint }) {
            const a = await app();
            const { id } = await endpoint(a);
            await svix.endpoint.delete(a.id, id);
            await assert.rejects(svix.endpoint.get(a.id, id), (e) => e.code === 404);
        },
    },
    {
        op: 'v1.endpoint.get-headers',
        async run({ svix, app, endpoint }) {
            const a = await app();
            const { id } = await endpoint(a, { headers: { 'X-A': '1', Authorization: 'Bearer hidden' } });
            const got = await svix.endpoint.getHeaders(a.id, id);
            assert.deepEqual(got.headers, { 'X-A': '1', Authorization: '****' });
            assert.deepEqual([...got.sensitive].map((x) => x.toLowerCase()), ['authorization']);
        },
    },
    {
        op: 'v1.endpoint.set-headers',
        async run({ svix, app, endpoint, r, p }) {
            const a = await app();
            const { id } = await endpoint(a, { headers: { 'X-Old': '1' } });
            await (svix.endpoint.setHeaders ?? svix.endpoint.updateHeaders ?? svix.endpoint.headersUpdate).call(svix.endpoint, a.id, id, { headers: { 'X-New': `of ${id}` } });
            const from = r.requests.length;
            await p.send(a, 'any.thing');
            await r.arrived(from + 1);
            assert.equal(r.requests[from].headers['x-new'], `of ${id}`);
            assert.equal(r.requests[from].headers['x-old'], undefined);
        },
    },
    {
        op: 'v1.endpoint.patch-headers',
        async run({ svix, app, endpoint }) {
            const a = await app();
            const { id } = await endpoint(a, { headers: { 'X-A': '1' } });
            await (svix.endpoint.patchHeaders ?? svix.endpoint.headersPatch).call(svix.endpoint, a.id, id, { headers: { 'X-B': '2' } });
            assert.deepEqual((await svix.endpoint.getHeaders(a.id, id)).headers, { 'X-A': '1', 'X-B': '2' });
        },
    },
    {
        op: 'v1.endpoint.get-secret',
        async run({ svix, app, endpoint }) {
            const a = await app();
            assert.match((await svix.endpoint.getSecret(a.id, (await endpoint(a)).id)).key, /^whsec_/);
        },
    },
    {
        op: 'v1.endpoint.rotate-secret',
        async run({ svix, app, endpoint }) {
            const a = await app();
            const { id } = await endpoint(a);
            const before = (await svix.endpoint.getSecret(a.id, id)).key;
            await svix.endpoint.rotateSecret(a.id, id, {});
            assert.notEqual((await svix.endpoint.getSecret(a.id, id)).key, before);
        },
    },
    {
        op: 'v1.endpoint.get-stats',
        async run({ svix, app, endpoint, p }) {
            const a = await app();
            const { id } = await endpoint(a);
            await p.attempted(a, await p.send(a, 'any.thing'), 1);
            const { success, fail, pending, sending } = await svix.endpoint.getStats(a.id, id);
            assert.deepEqual({ success, fail, pending, sending }, { success: 1, fail: 0, pending: 0, sending: 0 });
        },
    },
    {
        op: 'v1.endpoint.get-throttling-status',
        async run({ app, endpoint, p, http, until }) {
            const a = await app();
            const { id } = await endpoint(a, { throttleRate: 1 });
            const status = async () => (await http('GET', `/app/${a.id}/endpoint/${id}/rate-limit-status`)).json;
            assert.deepEqual(await status(), { status: 'Ok', throttledSince: null });
            for (let i = 0; i < 6; i++) await p.send(a, 'any.thing');
            const limited = await until('the limit is felt', async () => {
                const now = await status();
                return now.status === 'RateLimited' && now;
            });
            assert.ok(Date.parse(limited.throttledSince) <= Date.now());
        },
    },
    {
        op: 'v1.endpoint.recover',
        async run({ svix, app, p, failing }) {
            const a = await app();
            const { id } = await p.endpoint(a, failing.url(), { retrySchedule: [] });
            const m = await p.send(a, 'any.thing');
            await p.attempted(a, m, 1);
            assert.equal((await svix.endpoint.recover(a.id, id, { since: new Date(Date.now() - 60_000) })).task, 'endpoint.recover');
            await p.attempted(a, m, 2);
        },
    },
    {
        op: 'v1.endpoint.send-example',
        async run({ svix, app, endpoint, r }) {
            const a = await app();
            const { id } = await endpoint(a);
            await svix.eventType.create({ name: 'example.sent', description: '', schemas: { 1: { examples: [{ from: 'the example' }] } } });
            const from = r.requests.length;
            await svix.endpoint.sendExample(a.id, id, { eventType: 'example.sent' });
            await r.arrived(from + 1);
            assert.deepEqual(JSON.parse(r.requests[from].body), { from: 'the example' });
        },
    },
];
