// SPDX-License-Identifier: Apache-2.0
// What replays, cancels and erases in bulk.
import assert from 'node:assert/strict';

const since = () => new Date(Date.now() - 60_000);

// A workspace with an endpoint that got two messages.
async function scene({ p, app, endpoint, r, until }) {
    const a = await app();
    const e = await endpoint(a);
    const sent = [await p.send(a, 'a.b', { n: 1 }), await p.send(a, 'a.b', { n: 2 })].map((x) => x.id);
    const arrived = () => r.requests.map((x) => x.headers['webhook-id']).filter((id) => sent.includes(id)).length;
    await until('both arrive', () => arrived() === 2);
    await until('and are recorded', async () => (await p.ok('GET', `/api/v1/app/${a.id}/endpoint/${e.id}/stats`)).success === 2);
    return { a, e, sent, arrived };
}

const finished = ({ svix, until }, task) =>
    until('the task is done', async () => {
        const now = await svix.backgroundTask.get(task.id);
        return now.status === 'finished' && now;
    });

export default [
    {
        op: 'v1.endpoint.bulk-replay',
        async run(c) {
            const { a, e, arrived } = await scene(c);
            const task = c.svix.endpoint.bulkReplay ? await c.svix.endpoint.bulkReplay(a.id, e.id, { since: since() }) : (await c.http('POST', `/app/${a.id}/endpoint/${e.id}/bulk-replay`, { since: since() })).json;
            assert.deepEqual([task.task, (await finished(c, task)).data.messagesSent], ['endpoint.bulk-replay', 2]);
            await c.until('both arrive again', () => arrived() === 4);
        },
    },
    {
        op: 'v1.endpoint.replay-missing',
        async run(c) {
            const { a, arrived } = await scene(c);
            const late = await c.endpoint(a);
            const task = await c.svix.endpoint.replayMissing(a.id, late.id, { since: since() });
            assert.deepEqual([task.task, (await finished(c, task)).data.messagesSent], ['endpoint.replay', 2]);
            await c.until('both arrive there', () => arrived() === 4);
            assert.equal((await finished(c, await c.svix.endpoint.replayMissing(a.id, late.id, { since: since() }))).data.messagesSent, 0);
        },
    },
    {
        op: 'v1.endpoint.cancel-msgs',
        async run({ p, svix, app, endpoint, http, until }) {
            const a = await app();
            const e = await endpoint(a);
            const message = await p.send(a, 'a.b', {}, { deliverAt: new Date(Date.now() + 3600_000).toISOString() });
            await new Promise((resolve) => setTimeout(resolve, 5));
            assert.equal((await http('POST', `/app/${a.id}/endpoint/${e.id}/cancel-msgs`, { createdBefore: new Date().toISOString() })).status, 204);
            await until('it is canceled', async () => (await svix.endpoint.getStats(a.id, e.id)).canceled === 1);
            assert.equal((await p.ok('GET', `/api/v1/app/${a.id}/msg/${message.id}/endpoint`)).data[0].status, 4);
            const listed = async (query) => (await p.ok('GET', `/api/v1/app/${a.id}/endpoint/${e.id}/msg${query}`)).data[0].status;
            assert.deepEqual([await listed(''), await listed('?expanded_statuses=true')], [0, 4]);
        },
    },
    {
        op: 'v1.message.broadcast',
        async run(c) {
            const { a, arrived } = await scene(c);
            assert.equal(arrived(), 2);
            const { json: task, status } = await c.http('POST', '/msg/broadcast', { eventType: 'a.all', payload: { hello: 'all' } });
            assert.deepEqual([status, task.task], [202, 'message.broadcast']);
            const { data } = await finished(c, task);
            const [mine] = data.messagesCreated.filter((x) => x.appId === a.id);
            await c.until('it arrives', () => c.r.requests.some((x) => x.headers['webhook-id'] === mine.msgId));
        },
    },
    {
        op: 'v1.message.bulk-expunge-content',
        async run(c) {
            const { a, sent } = await scene(c);
            const { json } = await c.http('POST', `/app/${a.id}/msg/bulk-expunge`, { ids: [sent[0], 'nobody'] });
            assert.deepEqual(json, { results: { [sent[0]]: 'expunged', nobody: 'not-found' } });
            assert.deepEqual((await c.p.ok('GET', `/api/v1/app/${a.id}/msg/${sent[0]}`)).payload, { expired: true });
            assert.deepEqual((await c.p.ok('GET', `/api/v1/app/${a.id}/msg/${sent[1]}`)).payload, { n: 2 });
        },
    },
    {
        op: 'v1.message.expunge-all-contents',
        async run(c) {
            const { a, sent } = await scene(c);
            const task = await c.svix.message.expungeAllContents(a.id);
            assert.deepEqual([task.task, (await finished(c, task)).data.messagesPurged], ['application.purge_content', 2]);
            for (const id of sent) assert.deepEqual((await c.p.ok('GET', `/api/v1/app/${a.id}/msg/${id}`)).payload, { expired: true });
        },
    },
];
