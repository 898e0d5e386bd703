// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

const hour = 3_600_000;
const range = () => ({ since: new Date(Date.now() - hour), until: new Date(Date.now() + hour) });
const query = (fields) => new URLSearchParams(Object.entries(fields).map(([k, v]) => [k, v instanceof Date ? v.toISOString() : String(v)]));

const types = async (http, ...names) => {
    for (const name of names) await http('POST', '/event-type', { name, description: '' });
};

// Two messages that arrive and one that fails.
async function traffic({ app, p, r, failing, http }) {
    await types(http, 'good.one', 'bad.one');
    const a = await app();
    const good = await p.endpoint(a, r.url(), { eventTypes: ['good.one'] });
    const bad = await p.endpoint(a, failing.url(), { eventTypes: ['bad.one'], retrySchedule: [] });
    const messages = [await p.send(a, 'good.one'), await p.send(a, 'good.one'), await p.send(a, 'bad.one')];
    for (const m of messages) await p.attempted(a, m, 1);
    return { a, good, bad, messages };
}

export default [
    {
        op: 'v1.application.count-active',
        async run({ app, endpoint, http, p }) {
            const count = async (fields) => (await http('GET', `/app/stats/count-active?${query(fields ?? {})}`)).json.count;
            const before = await count();
            await app();
            await endpoint(await app());
            await endpoint(await app(), { disabled: true });
            await p.endpoint(await app(), 'https://play.svix.com/in/e_abc/');
            assert.equal(await count(), before + 1);
            assert.equal((await count({ exclude_disabled: false })) >= before + 2, true);
            assert.equal((await count({ exclude_svix_play: false })) >= before + 2, true);
        },
    },
    {
        op: 'v1.application.stats.attempts',
        async run(c) {
            const { a } = await traffic(c);
            const get = async (more = '') => (await c.http('GET', `/app/${a.id}/stats/attempts?${query(range())}${more}`)).json;
            const all = await get();
            assert.deepEqual([all.total_success, all.total_failure, all.total_canceled], [2, 1, 0]);
            assert.deepEqual(all.by_event_type['good.one'], { success: 2, failure: 0, canceled: 0 });
            assert.deepEqual(all.by_event_type['bad.one'], { success: 0, failure: 1, canceled: 0 });
            assert.deepEqual(Object.keys((await get('&event_types=bad.one')).by_event_type), ['bad.one']);
            assert.equal((await c.http('GET', `/app/${a.id}/stats/attempts`)).status, 422);
        },
    },
    {
        op: 'v1.message-attempt.count-by-endpoint',
        async run(c) {
            const { a, good, bad } = await traffic(c);
            const count = async (ep, fields = {}) => (await c.http('GET', `/app/${a.id}/attempt/endpoint/${ep.id}/count?${query(fields)}`)).json;
            assert.deepEqual(await count(good), { count: 2, approximated: false });
            assert.deepEqual(await count(bad, { status: 2 }), { count: 1, approximated: false });
            assert.deepEqual(await count(bad, { status_code_class: 200 }), { count: 0, approximated: false });
            assert.deepEqual(await count(good, { event_types: 'bad.one' }), { count: 0, approximated: false });
        },
    },
    {
        op: 'v1.stats.app-attempts',
        async run(c) {
            const { a } = await traffic(c);
            const get = async (fields) => (await c.http('GET', `/stats/app/${a.id}/attempt?${query(fields)}`)).json;
            const sum = (list) => list.reduce((n, x) => n + x, 0);
            for (const period of ['FiveMinutes', 'OneHour', 'OneDay']) {
                const { data, ...rest } = await get({ period, startDate: range().since, endDate: range().until });
                assert.equal(rest.period, period);
                assert.deepEqual([sum(data.successCount), sum(data.failureCount), sum(data.canceledCount)], [2, 1, 0]);
                assert.equal(data.successCount.length, data.failureCount.length);
            }
            assert.equal(sum((await get({})).data.successCount), 2);
            assert.equal(sum((await get({ event_types: 'bad.one' })).data.successCount), 0);
        },
    },
    {
        op: 'v1.statistics.endpoint-count',
        async run({ app, endpoint, http, p }) {
            const count = async (fields) => (await http('GET', `/stats/endpoint/count?${query(fields ?? {})}`)).json;
            const before = await count();
            const a = await app();
            await endpoint(a);
            await endpoint(a, { disabled: true });
            await p.endpoint(a, 'https://play.svix.com/in/e_abc/');
            assert.deepEqual(await count(), { active: before.active + 1, disabled: before.disabled + 1 });
            assert.ok((await count({ exclude_svix_play: false })).active > before.active + 1);
        },
    },
    {
        op: 'v1.statistics.aggregate-app-stats',
        async run(c) {
            const { a } = await traffic(c);
            const ask = (body) => c.http('POST', '/stats/usage/app', { ...range(), ...body });
            const result = async ({ id }) => {
                let task;
                await c.until('the task is done', async () => (task = (await c.http('GET', `/background-task/${id}`)).json).status === 'finished');
                assert.equal(task.task, 'application.stats');
                return task.data.appStats;
            };
            const { json } = await ask({ appIds: [a.uid, 'nobody'] });
            assert.deepEqual(json.unresolvedAppIds, ['nobody']);
            assert.deepEqual(await result(json), [{ messageDestinations: 3, appId: a.id, appUid: a.uid }]);
            const every = await result((await ask({})).json);
            assert.equal(every.find((x) => x.appId === a.id).messageDestinations, 3);
            assert.equal((await ask({ appIds: ['nobody'] })).status, 422);
            assert.equal((await ask({ since: null })).status, 422);
        },
    },
    {
        op: 'v1.statistics.aggregate-event-types',
        async run({ app, endpoint, http, until }) {
            await types(http, 'some.type', 'other.type');
            const [a, b] = [await app(), await app()];
            for (const eventTypes of [['some.type'], ['other.type', 'some.type']]) await endpoint(a, { eventTypes });
            await endpoint(b);
            const { json } = await http('PUT', '/stats/usage/event-types');
            let task;
            await until('the task is done', async () => (task = (await http('GET', `/background-task/${json.id}`)).json).status === 'finished');
            assert.equal(task.task, 'event-type.aggregate');
            const of = (x) => task.data.event_types.find((y) => y.appId === x.id);
            assert.deepEqual([of(a).explicitlySubscribedEventTypes.sort(), of(a).hasCatchAllEndpoint], [['other.type', 'some.type'], false]);
            assert.deepEqual(of(b), { appId: b.id, explicitlySubscribedEventTypes: [], hasCatchAllEndpoint: true });
        },
    },
    {
        op: 'v1.message.precheck',
        async run({ svix, app, endpoint, http }) {
            const a = await app();
            await types(http, 'some.type');
            await endpoint(a, { eventTypes: ['some.type'], channels: ['c1'] });
            const active = async (body) => (await svix.message.precheck?.(a.id, body)) ?? (await http('POST', `/app/${a.id}/msg/precheck/active`, body)).json;
            assert.deepEqual(await active({ eventType: 'some.type', channels: ['c1', 'c2'] }), { active: true });
            assert.deepEqual(await active({ eventType: 'some.type', channels: ['c2'] }), { active: false });
            assert.deepEqual(await active({ eventType: 'other.type' }), { active: false });
            assert.equal((await http('POST', `/app/${a.id}/msg/precheck/active`, { eventType: 'not a type' })).status, 422);
        },
    },
    {
        op: 'v1.message.search',
        async run({ app, p, http }) {
            const a = await app();
            const ids = [];
            for (let i = 0; i < 5; i++) ids.unshift((await p.send(a, i % 2 ? 'odd.one' : 'even.one', { i }, { channels: [`c${i}`], tags: ['t'] })).id);
            const search = async (body) => (await http('POST', `/app/${a.id}/msg/search`, body)).json;
            assert.deepEqual((await search({})).data.map((x) => x.id), ids);
            assert.deepEqual((await search({})).data[0].payload, {});
            assert.deepEqual((await search({ with_content: true })).data[0].payload, { i: 4 });
            assert.deepEqual((await search({ event_types: ['odd.one', 'none'] })).data.map((x) => x.id), [ids[1], ids[3]]);
            assert.deepEqual((await search({ channel: 'c1', tag: 't' })).data.map((x) => x.id), [ids[3]]);
            assert.deepEqual((await search({ before: new Date(Date.now() - hour) })).data, []);
            const page = await search({ limit: 2 });
            const next = await search({ limit: 2, iterator: page.iterator });
            assert.deepEqual(next.data.map((x) => x.id), ids.slice(2, 4));
            assert.deepEqual((await search({ limit: 2, iterator: next.prevIterator })).data.map((x) => x.id), ids.slice(0, 2));
            for (const body of [{ limit: 251 }, { iterator: 'x' }, { event_types: 'a' }, { before: 'then' }, { tag: 1 }, { channel: 'a b' }])
                assert.equal((await http('POST', `/app/${a.id}/msg/search`, body)).status, 422, JSON.stringify(body));
        },
    },
    {
        op: 'v1.message.test-attempt',
        async run({ app, endpoint, http, p, failing }) {
            const a = await app();
            await types(http, 'other.type');
            const good = await endpoint(a, { eventTypes: ['other.type'] });
            const bad = await p.endpoint(a, failing.url());
            const test = (ep, body) => http('POST', `/app/${a.id}/endpoint/${ep.id}/msg/test-attempt`, body);
            const { json } = await test(good, { eventType: 'a.b', payload: { n: 1 } });
            assert.deepEqual([json.endpointId, json.status, json.responseStatusCode, json.triggerType], [good.id, 0, 204, 1]);
            assert.equal(json.msg.id, json.msgId);
            const no = (await test(bad, { eventType: 'a.b', payload: { n: 2 } })).json;
            assert.deepEqual([no.status, no.response], [2, 'no']);
            assert.deepEqual((await p.attempts(a, { id: no.msgId })).length, 1);
            assert.equal((await test(bad, { eventType: 'a b', payload: {} })).status, 422);
            const off = await endpoint(a, { disabled: true });
            assert.equal((await test(off, { eventType: 'a.b', payload: {} })).status, 409);
        },
    },
];
