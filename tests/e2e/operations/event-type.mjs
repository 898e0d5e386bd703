// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

const upsert = (x, ...args) => (x.upsert ? x.upsert(...args) : x.update(...args));

export default [
    {
        op: 'v1.event-type.create',
        async run({ svix }) {
            const made = await svix.eventType.create({ name: 'made.one', description: 'Made', schemas: { 1: { type: 'object' } }, featureFlags: ['beta'] });
            assert.deepEqual([made.name, made.description, made.schemas, made.featureFlags], ['made.one', 'Made', { 1: { type: 'object' } }, ['beta']]);
            await assert.rejects(svix.eventType.create({ name: 'made.one', description: '' }), (e) => e.code === 409);
        },
    },
    {
        op: 'v1.event-type.list',
        async run({ svix }) {
            for (const name of ['list.b', 'list.a']) await svix.eventType.create({ name, description: '', schemas: { 1: { title: name } } });
            const names = (await svix.eventType.list({ limit: 250 })).data.map((x) => x.name);
            assert.deepEqual(names.filter((x) => x.startsWith('list.')), ['list.a', 'list.b']);
            assert.deepEqual((await svix.eventType.list({ limit: 250, withContent: true })).data.find((x) => x.name === 'list.a').schemas, { 1: { title: 'list.a' } });
        },
    },
    {
        op: 'v1.event-type.get',
        async run({ svix }) {
            await svix.eventType.create({ name: 'get.one', description: 'Here' });
            assert.equal((await svix.eventType.get('get.one')).description, 'Here');
        },
    },
    {
        op: 'v1.event-type.upsert',
        async run({ svix }) {
            assert.equal((await upsert(svix.eventType, 'upsert.one', { description: 'new' })).name, 'upsert.one');
            assert.equal((await upsert(svix.eventType, 'upsert.one', { description: 'newer' })).description, 'newer');
        },
    },
    {
        op: 'v1.event-type.patch',
        async run({ svix }) {
            await svix.eventType.create({ name: 'patch.one', description: 'before', groupName: 'g' });
            const got = await svix.eventType.patch('patch.one', { description: 'after' });
            assert.deepEqual([got.description, got.groupName], ['after', 'g']);
        },
    },
    {
        op: 'v1.event-type.delete',
        async run({ svix }) {
            await svix.eventType.create({ name: 'gone.one', description: '' });
            await svix.eventType.delete('gone.one');
            assert.equal((await svix.eventType.get('gone.one')).archived, true);
            await svix.eventType.delete('gone.one', { expunge: true });
            await assert.rejects(svix.eventType.get('gone.one'), (e) => e.code === 404);
        },
    },
];
