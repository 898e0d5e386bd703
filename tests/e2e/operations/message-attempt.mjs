// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

async function attempted({ app, endpoint, p }, fields = {}) {
    const a = await app();
    const e = await endpoint(a, fields);
    const m = await p.send(a, 'a.b', { n: 1 }, { channels: ['c'], tags: ['t'] });
    const [attempt] = await p.attempted(a, m, 1);
    return { a, e, m, attempt };
}

export default [
    {
        op: 'v1.message-attempt.list-by-endpoint',
        async run(c) {
            const { a, e, m } = await attempted(c);
            const list = async (options) => (await c.svix.messageAttempt.listByEndpoint(a.id, e.id, options)).data.map((x) => x.msgId);
            for (const fits of [{}, { status: 0 }, { statusCodeClass: 200 }, { channel: 'c' }, { tag: 't' }, { eventTypes: ['a.b', 'x.y'] }]) assert.deepEqual(await list(fits), [m.id], JSON.stringify(fits));
            for (const not of [{ status: 2 }, { statusCodeClass: 500 }, { channel: 'd' }, { tag: 'u' }, { eventTypes: ['x.y'] }]) assert.deepEqual(await list(not), [], JSON.stringify(not));
        },
    },
    {
        op: 'v1.message-attempt.list-by-msg',
        async run(c) {
            const { a, e, m } = await attempted(c);
            const { data } = await c.svix.messageAttempt.listByMsg(a.id, m.id, { withContent: true, endpointId: e.id });
            assert.deepEqual([data.length, data[0].endpointId, data[0].responseStatusCode, data[0].status], [1, e.id, 204, 0]);
            assert.ok(data[0].timestamp instanceof Date);
        },
    },
    {
        op: 'v1.message-attempt.list-attempted-messages',
        async run(c) {
            const { a, e, m } = await attempted(c);
            const { data } = await c.svix.messageAttempt.listAttemptedMessages(a.id, e.id, { status: 0 });
            assert.deepEqual([data.length, data[0].id, data[0].status], [1, m.id, 0]);
        },
    },
    {
        op: 'v1.message-attempt.list-attempted-destinations',
        async run(c) {
            const { a, e, m } = await attempted(c);
            const { data } = await c.svix.messageAttempt.listAttemptedDestinations(a.id, m.id);
            assert.deepEqual([data.length, data[0].id, data[0].status], [1, e.id, 0]);
        },
    },
    {
        op: 'v1.message-attempt.get',
        async run(c) {
            const { a, m, attempt } = await attempted(c);
            assert.equal((await c.svix.messageAttempt.get(a.id, m.id, attempt.id)).id, attempt.id);
        },
    },
    {
        op: 'v1.message-attempt.get-headers',
        async run(c) {
            const { a, m, attempt } = await attempted(c, { headers: { 'X-Private': 'value' } });
            const { json } = await c.http('GET', `/app/${a.id}/msg/${m.id}/attempt/${attempt.id}/headers`);
            assert.equal(json.sentHeaders['webhook-id'] ?? json.sentHeaders['svix-id'], m.id);
            assert.doesNotMatch(JSON.stringify(json), /value/);
        },
    },
    {
        op: 'v1.message-attempt.expunge-content',
        async run(c) {
            const { a, m, attempt } = await attempted(c);
            await c.svix.messageAttempt.expungeContent(a.id, m.id, attempt.id);
            assert.equal((await c.svix.messageAttempt.get(a.id, m.id, attempt.id)).response, 'EXPUNGED');
        },
    },
    {
        op: 'v1.message-attempt.resend',
        async run(c) {
            const { a, e, m } = await attempted(c);
            await c.svix.messageAttempt.resend(a.id, m.id, e.id);
            await c.p.attempted(a, m, 2);
        },
    },
];
