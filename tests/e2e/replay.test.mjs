// SPDX-License-Identifier: Apache-2.0
// Replays, cancellations and erasures in bulk: background tasks that are watched, canceled, and survive a kill.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Svix } from 'svix';
import { jwt, postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf, patienceMs, sleep, slow, until } from './lib/wait.mjs';

const clientOf = (p) => new Svix(p.token, { serverUrl: `http://127.0.0.1:${p.port}` });
const ids = (r) => r.requests.map((x) => x.headers['webhook-id']);
const ago = (ms) => new Date(Date.now() - ms);

// The task once it does not run any more.
function ended(p, task, options) {
    return until(
        `the end of ${task.task}`,
        async () => {
            if (p.exit) throw new Error(p.log().slice(-500));
            const now = await p.ok('GET', `/api/v1/background-task/${task.id}`);
            return now.status !== 'running' && now;
        },
        { timeoutMs: 2 * patienceMs, ...options },
    );
}

function sendMany(p, app, n, fields = () => ({})) {
    return eachOf(Array.from({ length: n }, (_, i) => i), 32, async (i) => (await p.send(app, 'a.b', { n: i }, fields(i))).id);
}

function delivered(p, app, endpoint, n) {
    const path = `/api/v1/app/${app.id}/endpoint/${endpoint.id}/stats`;
    return until(`${n} deliveries`, async () => (await p.ok('GET', path)).success >= n, { timeoutMs: 2 * patienceMs });
}

test('bulk replay sends again what fits, and only that', async (t) => {
    const p = await postrider(t);
    let status = 204;
    const r = await receiver(t, { answer: () => status });
    const svix = clientOf(p);
    const app = await p.app({ uid: 'bulk' });
    const endpoint = await p.endpoint(app, r.url(), { retrySchedule: [] });
    const send = async (type, fields) => (await p.send(app, type, { x: 1 }, fields)).id;
    const good = await send('a.good', { channels: ['red'], tags: ['one'] });
    await r.arrived(1);
    status = 500;
    const bad = await send('a.bad', { channels: ['blue'] });
    await r.arrived(2);
    status = 404;
    const gone = await send('a.gone');
    await r.arrived(3);
    const later = await send('a.later', { deliverAt: new Date(Date.now() + 3600_000).toISOString() });
    await until('three outcomes', async () => {
        const { success, fail } = await p.ok('GET', `/api/v1/app/bulk/endpoint/${endpoint.id}/stats`);
        return success === 1 && fail === 2;
    });
    status = 204;

    const replay = async (fields, expected) => {
        const from = r.requests.length;
        const task = await svix.endpoint.bulkReplay('bulk', endpoint.id, { since: ago(3_600_000), ...fields });
        assert.equal(task.task, 'endpoint.bulk-replay');
        const end = await ended(p, task);
        assert.deepEqual([end.status, end.data.messagesSent, end.data.percent], ['finished', expected.length, 100], JSON.stringify(fields));
        await r.arrived(from + expected.length);
        await sleep(50);
        assert.deepEqual(ids(r).slice(from).sort(), [...expected].sort(), JSON.stringify(fields));
    };
    await replay({ status: 0 }, [good]);
    await replay({ statusCodeClass: 400 }, [gone]);
    await replay({ statusCodeClass: 500 }, [bad]);
    await replay({ statusCodeClass: 500 }, []);
    await replay({}, [good, bad, gone]);
    await replay({ eventTypes: ['a.bad', 'a.gone'] }, [bad, gone]);
    await replay({ channel: 'red' }, [good]);
    await replay({ tag: 'one', channel: 'blue' }, []);
    await replay({ until: ago(1_800_000) }, []);
    assert.ok(!ids(r).includes(later));
    const attempts = await p.attempts(app, { id: good });
    assert.equal(attempts[0].triggerType, 1);

    const refused = (fields) => assert.rejects(svix.endpoint.bulkReplay('bulk', endpoint.id, fields), (e) => e.code === 422, JSON.stringify(fields));
    await refused({ since: new Date(Date.now() + 60_000) });
    await refused({ since: ago(1000), until: ago(2000) });
    await refused({ since: ago(1000), status: 1 });
    await refused({ since: ago(1000), statusCodeClass: 201 });
    await refused({ since: ago(1000), channel: 'no channel' });
    await assert.rejects(svix.endpoint.bulkReplay('bulk', 'ep_000000000000000000000000000', { since: ago(1) }), (e) => e.code === 404);
    await svix.endpoint.patch('bulk', endpoint.id, { disabled: true });
    await assert.rejects(svix.endpoint.bulkReplay('bulk', endpoint.id, { since: ago(1000) }), (e) => e.code === 409);
});

test('a payload that is gone is skipped and counted', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const svix = clientOf(p);
    const app = await p.app({ uid: 'gone' });
    const endpoint = await p.endpoint(app, r.url());
    const sent = await sendMany(p, app, 5, (i) => (i === 4 ? { eventId: 'the-last' } : {}));
    await delivered(p, app, endpoint, 5);
    const answer = await p.ok('POST', '/api/v1/app/gone/msg/bulk-expunge', { ids: [sent[0], 'the-last', 'nobody', 'msg_000000000000000000000000000'] });
    assert.deepEqual(answer, { results: { [sent[0]]: 'expunged', 'the-last': 'expunged', nobody: 'not-found', msg_000000000000000000000000000: 'not-found' } });
    assert.deepEqual((await svix.message.get('gone', sent[0], { withContent: true })).payload, { expired: true });
    const end = await ended(p, await svix.endpoint.bulkReplay('gone', endpoint.id, { since: ago(3_600_000) }));
    assert.deepEqual([end.status, end.data.messagesSent, end.data.skipped, end.data.processed], ['finished', 3, 2, 5]);

    const late = await p.endpoint(app, r.url('/late'));
    const missing = await ended(p, await svix.endpoint.replayMissing('gone', late.id, { since: ago(3_600_000) }));
    assert.deepEqual([missing.status, missing.data.messagesSent, missing.data.skipped], ['finished', 3, 2]);

    const purge = await svix.message.expungeAllContents('gone');
    const purged = await ended(p, purge);
    assert.deepEqual([purged.task, purged.status, purged.data.messagesPurged, purged.data.processed], ['application.purge_content', 'finished', 3, 5]);
    for (const id of sent) assert.deepEqual((await svix.message.get('gone', id, { withContent: true })).payload, { expired: true });
});

test('replay-missing sends what fits the endpoint as it is now and never went to it', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const svix = clientOf(p);
    const app = await p.app({ uid: 'missing' });
    const first = await p.send(app, 'a.b', { big: true });
    const endpoint = await p.endpoint(app, r.url(), { secret: `whsec_${Buffer.alloc(24, 7).toString('base64')}`, filter: { big: true } });
    const taken = await p.send(app, 'a.b', { big: true });
    await r.arrived(1);
    await svix.endpoint.patch('missing', endpoint.id, { disabled: true });
    const while_disabled = await p.send(app, 'a.b', { big: true });
    const small = await p.send(app, 'a.b', { big: false });
    const other = await p.send(app, 'a.other', { big: true });
    const planned = await p.send(app, 'a.b', { big: true }, { deliverAt: new Date(Date.now() + 3600_000).toISOString() });
    await svix.eventType.create({ name: 'a.b', description: '' });
    await svix.endpoint.patch('missing', endpoint.id, { disabled: false, eventTypes: ['a.b'] });
    const replay = async (expected, processed) => {
        const end = await ended(p, await svix.endpoint.replayMissing('missing', endpoint.id, { since: ago(3_600_000) }));
        assert.deepEqual([end.task, end.status, end.data.messagesSent, end.data.processed], ['endpoint.replay', 'finished', expected, processed]);
    };
    await replay(3, 6);
    await r.arrived(3);
    await replay(0, 6);
    await sleep(100);
    assert.deepEqual(ids(r).sort(), [first.id, taken.id, while_disabled.id].sort());
    assert.ok(![small.id, other.id, planned.id].some((id) => ids(r).includes(id)));
    const [state] = (await p.ok('GET', `/api/v1/app/missing/msg/${planned.id}/endpoint`)).data;
    assert.equal(state.statusText, 'pending');
    // It is a delivery as any other: with its retries.
    assert.equal((await p.attempts(app, first))[0].triggerType, 0);
});

test('cancel-msgs ends what waits: retries, what is scheduled, what was asked for', async (t) => {
    const p = await postrider(t);
    let status = 500;
    const r = await receiver(t, { answer: () => status });
    const svix = clientOf(p);
    const app = await p.app({ uid: 'cancel' });
    const endpoint = await p.endpoint(app, r.url(), { retrySchedule: [6, 6, 6] });
    const retrying = await sendMany(p, app, 6);
    const planned = await p.send(app, 'a.b', {}, { deliverAt: new Date(Date.now() + 6500).toISOString() });
    await r.arrived(6);
    await sleep(20);
    const before = new Date();
    await sleep(20);
    const younger = await p.send(app, 'a.b', {}, { deliverAt: new Date(Date.now() + 6500).toISOString() });
    const answer = await p.api('POST', `/api/v1/app/cancel/endpoint/${endpoint.id}/cancel-msgs`, { createdBefore: before.toISOString() });
    assert.equal(answer.status, 204);
    const stats = () => p.ok('GET', `/api/v1/app/cancel/endpoint/${endpoint.id}/stats`);
    await until('7 are canceled', async () => (await stats()).canceled === 7);
    assert.deepEqual(await stats(), { success: 0, pending: 1, sending: 0, fail: 0, canceled: 7 });
    status = 204;
    await r.arrived(7);
    await sleep(1000);
    assert.deepEqual(ids(r).slice(6), [younger.id]);
    const [state] = (await p.ok('GET', `/api/v1/app/cancel/msg/${planned.id}/endpoint`)).data;
    assert.deepEqual([state.status, state.statusText, state.nextAttempt], [4, 'canceled', null]);
    assert.equal((await p.ok('GET', `/api/v1/app/cancel/endpoint/${endpoint.id}/msg?status=4`)).data.length, 7);

    // The kind is not one that other servers have: it is listed only to who asks for it.
    assert.deepEqual((await p.ok('GET', '/api/v1/background-task')).data, []);
    const [task] = (await p.ok('GET', '/api/v1/background-task?task=endpoint.cancel-msgs')).data;
    assert.deepEqual([task.status, task.data.messagesCanceled], ['finished', 7]);
    // What was canceled can be had after all.
    const end = await ended(p, await svix.endpoint.bulkReplay('cancel', endpoint.id, { since: ago(3_600_000), status: 4 }));
    assert.equal(end.data.messagesSent, 7);
    await r.arrived(14);
    assert.deepEqual(ids(r).slice(7).sort(), [...retrying, planned.id].sort());
});

test('deliverAt: not before, canceled in time, and also after a restart', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app({ uid: 'later' });
    const endpoint = await p.endpoint(app, r.url());
    const at = (ms) => ({ deliverAt: new Date(Date.now() + ms).toISOString() });
    const due = Date.now() + 8000;
    const message = await p.send(app, 'a.b', { n: 1 }, { deliverAt: new Date(due).toISOString() });
    assert.equal(new Date(message.deliverAt).getTime(), due);
    const far = await p.send(app, 'a.b', { n: 2 }, at(86_400_000));
    await sleep(1000);
    assert.equal(r.requests.length, 0);
    await p.kill();
    await p.start();
    const [state] = (await p.ok('GET', `/api/v1/app/later/msg/${message.id}/endpoint`)).data;
    assert.deepEqual([state.statusText, new Date(state.nextAttempt).getTime()], ['pending', due]);
    await r.arrived(1);
    assert.ok(r.requests[0].at >= due - 5, `${due - r.requests[0].at} ms early`);
    assert.ok(r.requests[0].at < due + 20_000 * slow, `${r.requests[0].at - due} ms late`);
    const canceled = await p.send(app, 'a.b', { n: 3 }, at(4000));
    await sleep(5);
    await p.ok('POST', `/api/v1/app/later/endpoint/${endpoint.id}/cancel-msgs`, { createdBefore: new Date().toISOString() });
    await sleep(5);
    const after = await p.send(app, 'a.b', { n: 4 }, at(4500));
    await r.arrived(2);
    await sleep(500);
    assert.deepEqual(ids(r), [message.id, after.id]);
    for (const m of [far, canceled]) assert.equal((await p.ok('GET', `/api/v1/app/later/msg/${m.id}/endpoint`)).data[0].statusText, 'canceled');
});

test('a kill in the middle of a bulk replay loses nothing', { timeout: 600_000 * slow }, async (t) => {
    const many = slow > 1 ? 1500 : 6000;
    const p = await postrider(t);
    const counts = new Map();
    const r = await receiver(t, {
        keep: false,
        answer: (q) => {
            counts.set(q.headers['webhook-id'], (counts.get(q.headers['webhook-id']) ?? 0) + 1);
            return 204;
        },
    });
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url());
    const sent = await sendMany(p, app, many);
    await delivered(p, app, endpoint, many);
    const once = new Map(counts);
    const task = await p.ok('POST', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/bulk-replay`, { since: ago(600_000).toISOString() });
    const path = `/api/v1/background-task/${task.id}`;
    await until('some of it is done', async () => (await p.ok('GET', path)).data.processed > 0, { everyMs: 1 });
    const atKill = await p.ok('GET', path);
    await p.kill();
    await p.start();
    const end = await ended(p, task);
    assert.deepEqual([atKill.status, end.status, end.data.messagesSent], ['running', 'finished', many]);
    assert.ok(atKill.data.processed < many && end.data.processed === many);
    const left = () => sent.filter((id) => (counts.get(id) ?? 0) <= (once.get(id) ?? 0));
    await until(() => `every message a second time, ${left().length} are missing`, () => left().length === 0, { timeoutMs: 2 * patienceMs });
});

test('a purge that is killed again and again counts each message once', { timeout: 600_000 * slow }, async (t) => {
    const many = 3000;
    const p = await postrider(t);
    const app = await p.app();
    const sent = await sendMany(p, app, many);
    await p.ok('DELETE', `/api/v1/app/${app.id}/msg/${sent[7]}/content`);
    const task = await p.ok('POST', `/api/v1/app/${app.id}/msg/expunge-all-contents`);
    const path = `/api/v1/background-task/${task.id}`;
    let kills = 0;
    for (let purged = 0; kills < 4 && purged < many / 2; kills++) {
        const before = purged;
        await until('it goes on', async () => (purged = (await p.ok('GET', path)).data.messagesPurged) > before, { everyMs: 1 });
        await p.kill();
        await p.start();
    }
    assert.ok(kills > 0);
    const end = await ended(p, task);
    assert.deepEqual([end.status, end.data.messagesPurged], ['finished', many - 1]);
    for (const id of [sent[0], sent.at(-1)]) assert.deepEqual((await p.ok('GET', `/api/v1/app/${app.id}/msg/${id}`)).payload, { expired: true });
});

test('a task is canceled between two steps, and not again', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { keep: false });
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url());
    await sendMany(p, app, 3000);
    await delivered(p, app, endpoint, 3000);
    const task = await p.ok('POST', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/bulk-replay`, { since: ago(600_000).toISOString() });
    const path = `/api/v1/background-task/${task.id}`;
    const canceled = await p.ok('POST', `${path}/cancel`, {});
    const stranger = jwt({ sub: 'org_23rb8YdGqMT0qIzpgGwdXfHirZZ' });
    assert.equal((await p.api('POST', `${path}/cancel`, {}, { token: stranger })).status, 404);
    assert.equal((await p.api('GET', path, undefined, { token: stranger })).status, 404);
    assert.deepEqual([canceled.status, canceled.data.canceled], ['failed', true]);
    assert.ok(canceled.data.messagesSent < 3000);
    await sleep(300);
    const now = await p.ok('GET', path);
    assert.deepEqual(now, canceled);
    assert.deepEqual(await p.ok('POST', `${path}/cancel`, {}), canceled);
    const done = await ended(p, await p.ok('POST', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/replay-missing`, { since: ago(1000).toISOString() }));
    assert.equal((await p.api('POST', `/api/v1/background-task/${done.id}/cancel`, {})).status, 409);

    const list = async (query) => (await p.ok('GET', `/api/v1/background-task${query}`)).data.map((x) => x.id);
    assert.deepEqual(await list(''), [done.id, task.id]);
    assert.deepEqual(await list('?order=ascending'), [task.id, done.id]);
    assert.deepEqual(await list('?status=failed'), [task.id]);
    assert.deepEqual(await list('?status=finished&task=endpoint.replay'), [done.id]);
    assert.deepEqual(await list('?status=running'), []);
    assert.deepEqual(await list(`?limit=1&iterator=${done.id}`), [task.id]);
    assert.equal((await p.api('GET', '/api/v1/background-task?status=lost')).status, 422);
    assert.equal((await p.api('GET', '/api/v1/background-task?task=lost')).status, 422);
});

test('a short task does not wait for the end of a long one of somebody else', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { keep: false });
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url());
    await sendMany(p, app, 5000);
    await delivered(p, app, endpoint, 5000);
    const replay = (ep) => p.ok('POST', `/api/v1/app/${app.id}/endpoint/${ep.id}/bulk-replay`, { since: ago(600_000).toISOString() });
    const token = jwt({ sub: 'org_23rb8YdGqMT0qIzpgGwdXfHirZZ' });
    const other = await p.ok('POST', '/api/v1/app', { name: 'Other', uid: 'other' }, { token });
    const theirs = await p.ok('POST', `/api/v1/app/${other.id}/endpoint`, { url: r.url('/theirs') }, { token });
    const long = await Promise.all([replay(endpoint), replay(endpoint), replay(endpoint)]);
    const task = await p.ok('POST', `/api/v1/app/${other.id}/endpoint/${theirs.id}/replay-missing`, { since: ago(1000).toISOString() }, { token });
    await until('theirs is finished', async () => (await p.ok('GET', `/api/v1/background-task/${task.id}`, undefined, { token })).status === 'finished', { everyMs: 2 });
    const states = await Promise.all(long.map(async (x) => (await p.ok('GET', `/api/v1/background-task/${x.id}`)).status));
    assert.ok(states.includes('running'), `the long ones: ${states}`);
});

test('a broadcast reaches each workspace once, also across kills', { timeout: 600_000 * slow }, async (t) => {
    const workspaces = 300;
    const p = await postrider(t);
    const arrivals = new Map();
    const r = await receiver(t, {
        keep: false,
        answer: (q) => {
            const key = `${q.path} ${q.headers['webhook-id']}`;
            arrivals.set(key, q);
            return 204;
        },
    });
    const apps = await eachOf(Array.from({ length: workspaces }, (_, i) => i), 16, (i) => p.app({ uid: `w${i}` }));
    for (const i of [0, 1, 2, 150, 299]) await p.endpoint(apps[i], r.url(`/${i}`));
    const task = await p.ok('POST', '/api/v1/msg/broadcast', { eventType: 'news.all', payload: { hello: 'all' }, eventId: 'news-1' }, { headers: { 'idempotency-key': 'b1' } });
    const again = await p.ok('POST', '/api/v1/msg/broadcast', { eventType: 'news.all', payload: { hello: 'all' }, eventId: 'news-1' }, { headers: { 'idempotency-key': 'b1' } });
    assert.equal(again.id, task.id);
    const late = await p.app({ uid: 'late' });
    const processed = async () => (await p.ok('GET', `/api/v1/background-task/${task.id}`)).data.processed;
    for (const n of [50, 150]) {
        await until(`${n} are done`, async () => (await processed()) >= n, { everyMs: 1 });
        await p.kill();
        await p.start();
    }
    const end = await ended(p, task);
    assert.deepEqual([end.task, end.status, end.data.processed, end.data.skipped], ['message.broadcast', 'finished', workspaces, 0]);
    const created = end.data.messagesCreated;
    assert.equal(created.length, workspaces);
    assert.deepEqual(created.map((x) => x.appId).sort(), apps.map((x) => x.id).sort());
    assert.equal(end.data.messagesNext, null);
    // Answers are bounded: a list shows the first of them, and where the rest begins.
    const [short] = (await p.ok('GET', '/api/v1/background-task?task=message.broadcast')).data;
    assert.deepEqual(short.data.messagesCreated, created.slice(0, 250));
    const rest = await p.ok('GET', `/api/v1/background-task/${task.id}?messages_from=${short.data.messagesNext}`);
    assert.deepEqual([rest.data.messagesCreated, rest.data.messagesNext], [created.slice(250), null]);
    assert.equal((await p.api('GET', `/api/v1/background-task/${task.id}?messages_from=x`)).status, 400);
    for (const { appId, msgId } of created.slice(0, 20)) {
        const { data } = await p.ok('GET', `/api/v1/app/${appId}/msg`);
        assert.deepEqual(data.map((x) => [x.id, x.eventType, x.eventId, x.payload]), [[msgId, 'news.all', 'news-1', { hello: 'all' }]]);
    }
    assert.equal((await p.ok('GET', `/api/v1/app/${late.id}/msg`)).data.length, 0);
    await until('five deliveries', () => arrivals.size === 5);
    await sleep(200);
    assert.equal(arrivals.size, 5, [...arrivals.keys()].join('\n'));

    // Workspaces that have a message with this event id already refuse it.
    const second = await ended(p, await p.ok('POST', '/api/v1/msg/broadcast', { eventType: 'news.all', payload: {}, eventId: 'news-1' }));
    assert.deepEqual([second.status, second.data.skipped, second.data.messagesCreated.length], ['finished', workspaces, 1]);
    const refused = async (body) => assert.equal((await p.api('POST', '/api/v1/msg/broadcast', body)).status, 422);
    await refused({ payload: 1 });
    await p.ok('POST', '/api/v1/event-type', { name: 'news.strict', description: '', schemas: { 1: { required: ['a'] } }, validate: true });
    await refused({ eventType: 'news.strict', payload: { b: 1 } });
    const listed = (await p.ok('GET', '/api/v1/background-task?task=message.broadcast')).data;
    assert.deepEqual(listed.map((x) => x.data.messagesCreated.length), [1, 250]);
});

test('a replay ends when its endpoint is disabled', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { keep: false });
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url());
    await sendMany(p, app, 2500);
    await delivered(p, app, endpoint, 2500);
    const task = await p.ok('POST', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/bulk-replay`, { since: ago(600_000).toISOString() });
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${endpoint.id}`, { disabled: true });
    const end = await ended(p, task);
    assert.deepEqual([end.status, end.data.error], ['failed', 'the endpoint was disabled']);
});

test('what is asked for by hand goes at once, before what waits for an endpoint that fails', async (t) => {
    const p = await postrider(t);
    let status = 500;
    const r = await receiver(t, { answer: () => status });
    const app = await p.app();
    const ep = await p.endpoint(app, r.url(), { retrySchedule: [3600] });
    const path = `/api/v1/app/${app.id}/endpoint/${ep.id}`;
    const first = await p.send(app, 'a.b');
    await p.attempted(app, first, 1);
    // The breaker opens, and doubles its wait with each probe.
    for (let n = 0; n < 40; n++) await p.send(app, 'a.b', { n });
    await until('the breaker waits for seconds', async () => r.requests.length >= 12);

    const tried = await p.api('POST', `${path}/msg/test-attempt`, { eventType: 'a.b', payload: { test: 1 } }, { timeoutMs: 40_000 });
    assert.equal(tried.status, 201, tried.text);
    assert.equal(tried.json.responseStatusCode, 500);

    status = 204; // mended
    const asked = Date.now();
    await p.ok('POST', `/api/v1/app/${app.id}/msg/${first.id}/endpoint/${ep.id}/resend`);
    const attempts = await p.attempted(app, first, 2);
    assert.equal(attempts[1].status, 0);
    assert.ok(Date.now() - asked < 30_000, `it took ${Date.now() - asked} ms`);
    // A success is what the breaker waits for: the others follow.
    await until('the rest arrives', async () => new Set(r.requests.map((q) => q.headers['webhook-id'])).size === 42);
});
