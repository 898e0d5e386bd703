// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

// A workspace with a polling endpoint and some messages in it.
async function polled({ app, svix, http }, count = 3, fields = {}) {
    const { id } = await app();
    const made = await http('POST', `/app/${id}/endpoint`, { type: 'polling', ...fields });
    assert.equal(made.status, 201);
    const sent = [];
    for (let i = 0; i < count; i++) sent.push((await svix.message.create(id, { eventType: i % 2 ? 'odd.one' : 'even.one', payload: { i }, channels: [`c${i}`] })).id);
    return { id, ep: made.json.id, sent };
}

const ids = (page) => page.data.map((x) => x.id);

// What the clients have no method for, as they would ask.
const consumer = (ep, name) => `/polling-endpoint/${ep}/consumer/${name}`;

export default [
    {
        op: 'v1.message.poller.poll',
        async run(c) {
            const { id, ep, sent } = await polled(c);
            const first = await c.until('two are there, and more', async () => {
                const page = await c.svix.message.poller.poll(id, ep, { limit: 2 });
                return page.data.length === 2 && !page.done && page;
            });
            assert.deepEqual(ids(first), sent.slice(0, 2));
            assert.deepEqual(first.data[0].payload, { i: 0 });
            assert.equal(first.data[0].headers['webhook-id'], sent[0]);
            const rest = await c.until('the third is there', async () => {
                const page = await c.svix.message.poller.poll(id, ep, { iterator: first.iterator });
                return page.data.length > 0 && page;
            });
            assert.deepEqual([ids(rest), rest.done], [sent.slice(2), true]);
            assert.deepEqual(ids(await c.svix.message.poller.poll(id, ep, { eventType: 'odd.one' })), [sent[1]]);
            assert.deepEqual(ids(await c.svix.message.poller.poll(id, ep, { channel: 'c2' })), [sent[2]]);
            assert.deepEqual(ids(await c.svix.message.poller.poll(id, ep, { after: new Date(Date.now() + 60_000) })), []);
            await assert.rejects(c.svix.message.poller.poll(id, ep, { iterator: 'iter_of_nothing' }), (e) => e.code === 422);
            const plain = await c.endpoint({ id });
            await assert.rejects(c.svix.message.poller.poll(id, plain.id), (e) => e.code === 404);
        },
    },
    {
        op: 'v1.message.poller.consumer-poll',
        async run(c) {
            const { id, ep, sent } = await polled(c);
            const seen = [];
            await c.until('all are there', async () => {
                seen.push(...ids(await c.svix.message.poller.consumerPoll(id, ep, 'one', { limit: 2 })));
                return seen.length >= 3;
            });
            assert.deepEqual(seen, sent);
            assert.deepEqual(ids(await c.svix.message.poller.consumerPoll(id, ep, 'two', { limit: 1 })), [sent[0]]);
            const again = (await c.svix.message.poller.poll(id, ep, { limit: 1 })).iterator;
            assert.deepEqual(ids(await c.svix.message.poller.consumerPoll(id, ep, 'one', { iterator: again })), sent.slice(1));
        },
    },
    {
        op: 'v1.message.poller.consumer-seek',
        async run(c) {
            const { id, ep, sent } = await polled(c);
            await c.until('all are there', async () => (await c.svix.message.poller.poll(id, ep)).data.length === 3);
            assert.equal((await c.svix.message.poller.consumerPoll(id, ep, 'one')).data.length, 3);
            const { iterator } = await c.svix.message.poller.consumerSeek(id, ep, 'one', { after: new Date(Date.now() - 60_000) });
            assert.deepEqual(ids(await c.svix.message.poller.poll(id, ep, { iterator })), sent);
            assert.deepEqual(ids(await c.svix.message.poller.consumerPoll(id, ep, 'one')), sent);
        },
    },
    {
        op: 'v1.message.pollerv2.consumer-poll',
        async run(c) {
            const { id, ep, sent } = await polled(c);
            await c.until('all are there', async () => (await c.svix.message.poller.poll(id, ep)).data.length === 3);
            const path = `/app/${id}${consumer(ep, 'v2')}`;
            const first = await c.http('GET', `${path}?limit=2`);
            assert.deepEqual(first.json.data.map((x) => [x.id, x.offset]), [[sent[0], 1], [sent[1], 2]]);
            assert.equal(first.json.done, false);
            assert.equal((await c.http('GET', path)).status, 409);
            const late = await c.http('GET', `/app/${id}${consumer(ep, 'late')}?starting_position=latest`);
            assert.deepEqual([late.json.data, late.json.done], [[], true]);
            assert.equal((await c.http('GET', `/app/${id}${consumer(ep, 'x')}?starting_position=middle`)).status, 422);
        },
    },
    {
        op: 'v1.message.pollerv2.consumer-commit',
        async run(c) {
            const { id, ep, sent } = await polled(c);
            await c.until('all are there', async () => (await c.svix.message.poller.poll(id, ep)).data.length === 3);
            const path = `/app/${id}${consumer(ep, 'v2')}`;
            assert.equal((await c.http('POST', `${path}/commit`, { offset: 1 })).status, 404);
            assert.equal((await c.http('GET', `${path}?limit=2`)).json.data.length, 2);
            assert.equal((await c.http('POST', `${path}/commit`, { offset: 3 })).status, 422);
            assert.equal((await c.http('POST', `${path}/commit`, {})).status, 422);
            assert.equal((await c.http('POST', `${path}/commit`, { offset: 2 })).status, 204);
            assert.equal((await c.http('POST', `${path}/commit`, { offset: 1 })).status, 204);
            const rest = await c.http('GET', path);
            assert.deepEqual(rest.json.data.map((x) => [x.id, x.offset]), [[sent[2], 3]]);
        },
    },
    {
        op: 'v1.authentication.get-poller-token',
        async run(c) {
            const { id, ep } = await polled(c, 0);
            const path = `/auth/app/${id}/poller/${ep}/token`;
            assert.equal((await c.http('GET', path)).status, 404);
            const made = (await c.http('POST', `${path}/rotate`, { expiry: 3600 })).json;
            const got = (await c.http('GET', path)).json;
            assert.equal(got.id, made.id);
            assert.ok(Date.parse(got.expiresAt) > Date.now());
            assert.ok(made.token.startsWith(got.token.slice(0, -1)) && got.token.length < 12, got.token);
        },
    },
    {
        op: 'v1.authentication.rotate-poller-token',
        async run(c) {
            const { id, ep } = await polled(c, 0);
            const path = `/auth/app/${id}/poller/${ep}/token/rotate`;
            const polls = async (token) => (await c.http('GET', `/app/${id}/poller/${ep}`, undefined, { token })).status;
            const one = (await c.http('POST', path, {})).json.token;
            const two = (await c.http('POST', path, {})).json.token;
            assert.deepEqual([await polls(one), await polls(two)], [200, 200]);
            const three = (await c.http('POST', path, { oldTokenExpiry: 0 })).json.token;
            assert.deepEqual([await polls(two), await polls(three)], [401, 200]);
            assert.equal((await c.http('POST', path, { expiry: 0 })).status, 422);
        },
    },
    {
        op: 'v1.message.events',
        async run(c) {
            const { id, sent } = await polled(c);
            await c.until('all are there', async () => (await c.http('GET', `/app/${id}/events`)).json.data.length === 3);
            const first = (await c.http('GET', `/app/${id}/events?limit=2`)).json;
            assert.deepEqual([ids(first), first.done], [sent.slice(0, 2), false]);
            const rest = (await c.http('GET', `/app/${id}/events?iterator=${first.iterator}`)).json;
            assert.deepEqual([ids(rest), rest.done], [sent.slice(2), true]);
            assert.deepEqual(ids((await c.http('GET', `/app/${id}/events?event_types=odd.one`)).json), [sent[1]]);
            assert.deepEqual(ids((await c.http('GET', `/app/${id}/events?channels=c0&channels=c2`)).json), [sent[0], sent[2]]);
            assert.equal((await c.http('GET', `/app/${id}/events?channels=%20`)).status, 422);
        },
    },
    {
        op: 'v1.events.stream',
        async run(c) {
            const from = (await c.http('GET', '/events?limit=250')).json.iterator;
            const made = await c.endpoint(await c.app());
            const page = await c.until('it is told', async () => {
                const { json } = await c.http('GET', `/events?iterator=${from}&event_types=endpoint.created`);
                return json.data.some((x) => x.payload.data.endpointId === made.id) && json;
            });
            assert.ok(page.data.every((x) => x.eventType === 'endpoint.created'));
        },
    },
];
