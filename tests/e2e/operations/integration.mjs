// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

export default [
    {
        op: 'v1.integration.create',
        async run({ svix, app }) {
            const { id } = await app();
            const made = await svix.integration.create(id, { name: 'Zapier', featureFlags: ['beta'] });
            assert.match(made.id, /^integ_[A-Za-z0-9]{27}$/);
            assert.deepEqual([made.name, made.featureFlags], ['Zapier', ['beta']]);
            await assert.rejects(svix.integration.create(id, { name: '' }), (e) => e.code === 422);
        },
    },
    {
        op: 'v1.integration.list',
        async run({ svix, app }) {
            const { id } = await app();
            const made = [];
            for (const name of ['a', 'b', 'c']) made.push((await svix.integration.create(id, { name })).id);
            const first = await svix.integration.list(id, { limit: 2 });
            const rest = await svix.integration.list(id, { limit: 2, iterator: first.iterator });
            assert.deepEqual([...first.data, ...rest.data].map((x) => x.id), made.reverse());
            assert.deepEqual([first.done, rest.done], [false, true]);
        },
    },
    {
        op: 'v1.integration.get',
        async run({ svix, app }) {
            const [mine, other] = [await app(), await app()];
            const made = await svix.integration.create(mine.id, { name: 'Zapier' });
            assert.deepEqual(await svix.integration.get(mine.id, made.id), made);
            assert.deepEqual(made.featureFlags, []);
            await assert.rejects(svix.integration.get(other.id, made.id), (e) => e.code === 404);
        },
    },
    {
        op: 'v1.integration.update',
        async run({ svix, app }) {
            const { id } = await app();
            const made = await svix.integration.create(id, { name: 'Zapier', featureFlags: ['beta'] });
            const seen = await svix.integration.update(id, made.id, { name: 'Make' });
            assert.deepEqual([seen.id, seen.name, seen.featureFlags], [made.id, 'Make', []]);
        },
    },
    {
        op: 'v1.integration.delete',
        async run({ svix, app, http }) {
            const { id } = await app();
            const made = await svix.integration.create(id, { name: 'Zapier' });
            const { key } = await svix.integration.rotateKey(id, made.id);
            await svix.integration.delete(id, made.id);
            await assert.rejects(svix.integration.get(id, made.id), (e) => e.code === 404);
            assert.equal((await http('GET', `/app/${id}`, undefined, { token: key })).status, 401);
        },
    },
    {
        op: 'v1.integration.rotate-key',
        async run({ svix, app, r, http }) {
            const [mine, other] = [await app(), await app()];
            const made = await svix.integration.create(mine.id, { name: 'Zapier' });
            const first = (await svix.integration.rotateKey(mine.id, made.id)).key;
            const { key } = await svix.integration.rotateKey(mine.id, made.id);
            const ask = async (token, method, path, body) => (await http(method, path, body, { token })).status;
            assert.equal(await ask(first, 'GET', `/app/${mine.id}`), 401, 'the one before has ended');
            assert.equal(await ask(key, 'GET', `/app/${mine.id}`), 200);
            assert.equal(await ask(key, 'POST', `/app/${mine.id}/endpoint`, { url: r.url() }), 201);
            assert.equal(await ask(key, 'GET', `/app/${other.id}`), 404, 'no other workspace');
            assert.equal(await ask(key, 'POST', `/app/${mine.id}/msg`, { eventType: 'a', payload: {} }), 403, 'no messages');
            assert.equal(await ask(key, 'POST', `/app/${mine.id}/integration/${made.id}/key/rotate`), 403, 'no keys');
            assert.equal(await ask(key, 'GET', '/app'), 403);
        },
    },
];
