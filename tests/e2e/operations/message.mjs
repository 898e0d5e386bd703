// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

export default [
    {
        op: 'v1.message.create',
        async run({ svix, app }) {
            const { id } = await app();
            const m = await svix.message.create(id, { eventType: 'a.b', eventId: 'evt-1', payload: { n: 1 }, channels: ['c'], tags: ['t'] }, { withContent: true });
            assert.match(m.id, /^msg_[0-9A-Za-z]{27}$/);
            assert.deepEqual([m.eventType, m.eventId, m.payload, m.channels, m.tags], ['a.b', 'evt-1', { n: 1 }, ['c'], ['t']]);
            await assert.rejects(svix.message.create(id, { eventType: 'a.b', eventId: 'evt-1', payload: {} }), (e) => e.code === 409);
            await assert.rejects(svix.message.create(id, { eventType: 'not a name', payload: {} }), (e) => e.code === 422);
        },
    },
    {
        op: 'v1.message.list',
        async run({ svix, app, p }) {
            const a = await app();
            const ids = [];
            for (let i = 0; i < 3; i++) ids.unshift((await p.send(a, i === 1 ? 'odd.one' : 'even.one', { i }, { channels: [`c${i}`], tags: [`t${i}`] })).id);
            const list = async (options) => (await svix.message.list(a.id, options)).data.map((x) => x.id);
            assert.deepEqual(await list(), ids);
            assert.deepEqual(await list({ eventTypes: ['odd.one'] }), [ids[1]]);
            assert.deepEqual(await list({ channel: 'c2' }), [ids[0]]);
            assert.deepEqual(await list({ tag: 't0' }), [ids[2]]);
            assert.deepEqual(await list({ before: new Date(Date.now() - 3_600_000) }), []);
            const page = await svix.message.list(a.id, { limit: 2 });
            assert.deepEqual(await list({ limit: 2, iterator: page.iterator }), [ids[2]]);
        },
    },
    {
        op: 'v1.message.get',
        async run({ svix, app, p }) {
            const a = await app();
            const { id } = await p.send(a, 'a.b', { here: true }, { eventId: 'my-event' });
            assert.deepEqual((await svix.message.get(a.id, id, { withContent: true })).payload, { here: true });
            assert.equal((await svix.message.get(a.id, 'my-event')).id, id);
        },
    },
    {
        op: 'v1.message.get-raw-payload',
        async run({ app, p, http }) {
            const a = await app();
            const { id } = await p.send(a, 'a.b', '{ "n":  12345678901234567890 }');
            const { text, json } = await http('GET', `/app/${a.id}/msg/${id}/raw`);
            assert.ok((json?.payload ?? text).includes('{ "n":  12345678901234567890 }'), text);
        },
    },
    {
        op: 'v1.message.expunge-content',
        async run({ svix, app, p }) {
            const a = await app();
            const { id } = await p.send(a, 'a.b', { secret: 1 });
            await svix.message.expungeContent(a.id, id);
            assert.deepEqual((await svix.message.get(a.id, id, { withContent: true })).payload, { expired: true });
        },
    },
];
