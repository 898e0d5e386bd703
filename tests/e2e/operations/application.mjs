// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

// The newest client says upsert where the last 1.x says update.
const upsert = (x, ...args) => (x.upsert ? x.upsert(...args) : x.update(...args));

export default [
    {
        op: 'v1.application.create',
        async run({ svix }) {
            const app = await svix.application.create({ name: 'One', uid: 'create-1', metadata: { plan: 'pro' }, throttleRate: 7 });
            assert.match(app.id, /^app_[0-9A-Za-z]{27}$/);
            assert.deepEqual([app.name, app.uid, app.metadata, app.throttleRate], ['One', 'create-1', { plan: 'pro' }, 7]);
            assert.equal((await svix.application.getOrCreate({ name: 'Two', uid: 'create-1' })).name, 'One');
            await assert.rejects(svix.application.create({ name: 'Two', uid: 'create-1' }), (e) => e.code === 409);
        },
    },
    {
        op: 'v1.application.list',
        async run({ svix, app, endpoint }) {
            const [bare, off, on] = [await app(), await app(), await app()];
            await endpoint(off, { disabled: true });
            await endpoint(on);
            const ids = async (options) => {
                const all = [];
                for (let iterator, page; !page?.done; iterator = page.iterator) {
                    page = await svix.application.list({ limit: 2, iterator, ...options });
                    all.push(...page.data.map((x) => x.id));
                }
                return all;
            };
            const all = await ids();
            for (const x of [bare, off, on]) assert.ok(all.includes(x.id));
            assert.deepEqual(await ids({ order: 'descending' }), [...all].reverse());
            const with_ = await ids({ excludeAppsWithNoEndpoints: true });
            assert.deepEqual([bare, off, on].map((x) => with_.includes(x.id)), [false, true, true]);
            const enabled = await ids({ excludeAppsWithDisabledEndpoints: true });
            assert.deepEqual([bare, off, on].map((x) => enabled.includes(x.id)), [true, false, true]);
        },
    },
    {
        op: 'v1.application.get',
        async run({ svix, app }) {
            const { id, uid } = await app({ name: 'Found' });
            assert.equal((await svix.application.get(uid)).id, id);
            assert.equal((await svix.application.get(id)).name, 'Found');
            await assert.rejects(svix.application.get('nobody'), (e) => e.code === 404);
        },
    },
    {
        op: 'v1.application.upsert',
        async run({ svix, app }) {
            const { id, uid } = await app({ metadata: { a: 'b' } });
            const got = await upsert(svix.application, id, { name: 'Renamed', uid });
            assert.deepEqual([got.id, got.name, got.metadata], [id, 'Renamed', {}]);
            assert.equal((await upsert(svix.application, `new-${uid}`, { name: 'New', uid: `new-${uid}` })).name, 'New');
        },
    },
    {
        op: 'v1.application.patch',
        async run({ svix, app }) {
            const { id, uid } = await app({ metadata: { a: 'b' } });
            const got = await svix.application.patch(id, { name: 'Patched' });
            assert.deepEqual([got.name, got.uid, got.metadata], ['Patched', uid, { a: 'b' }]);
        },
    },
    {
        op: 'v1.application.delete',
        async run({ svix, app }) {
            const { id, uid } = await app();
            await svix.application.delete(id);
            await assert.rejects(svix.application.get(id), (e) => e.code === 404);
            assert.notEqual((await svix.application.create({ name: 'Again', uid })).id, id);
        },
    },
];
