// SPDX-License-Identifier: Apache-2.0
// What the settings of an environment and the schedules of event types do to deliveries, endpoints and the portal.
import assert from 'node:assert/strict';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

const settings = '/api/v1/management/environment-settings';
const failing = { answer: () => ({ status: 500, body: 'no' }) };
const schedule = (p, type, waits) => p.ok('PUT', `/api/v1/event-type/${type}/retry-schedule`, { retrySchedule: waits?.map((s) => ({ secs: Math.floor(s), nanos: Math.round((s % 1) * 1e9) })) ?? null });

// The number of attempts when nothing more is due.
async function exhausted(p, app, message) {
    const path = `/api/v1/app/${app.id}/msg/${message.id}/endpoint`;
    await until('it is given up', async () => (await p.ok('GET', path)).data.every((x) => x.status === 2));
    return (await p.attempts(app, message)).length;
}

test('the schedule of an event type drives its messages, unless the endpoint has its own', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, failing);
    const app = await p.app();
    for (const name of ['slow', 'quick', 'never']) await p.ok('POST', '/api/v1/event-type', { name, description: '' });
    await schedule(p, 'quick', [0.1, 0.3, 0.1]);
    await schedule(p, 'never', []);
    await p.ok('PATCH', settings, { retryPolicy: [0.1] });
    const plain = await p.endpoint(app, r.url('/plain'));
    assert.deepEqual(plain.effectiveRetrySchedule, [0.1], 'the policy of the environment shows');
    const count = async (type) => exhausted(p, app, await p.send(app, type));
    assert.equal(await count('quick'), 4);
    assert.equal(await count('never'), 1);
    assert.equal(await count('slow'), 2, 'the policy of the environment');
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${plain.id}`, { retrySchedule: [0.1, 0.1] });
    assert.equal(await count('quick'), 3, 'of the endpoint');
    await p.restart();
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${plain.id}`, { retrySchedule: null });
    assert.equal(await count('quick'), 4, 'after a restart');
    const [first, second] = (await p.attempts(app, await p.send(app, 'quick').then(async (m) => (await exhausted(p, app, m), m)))).reverse();
    assert.ok(Date.parse(second.timestamp) - Date.parse(first.timestamp) >= 85, 'the first wait is 0.1 s');
});

test('a change of the schedule counts from the next failure on', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, failing);
    const app = await p.app();
    await p.ok('POST', '/api/v1/event-type', { name: 'a', description: '' });
    await schedule(p, 'a', [4, 600]);
    await p.endpoint(app, r.url());
    const message = await p.send(app, 'a');
    await p.attempted(app, message, 1);
    await schedule(p, 'a', [600, 0.1]);
    await p.attempted(app, message, 3);
    assert.equal(await exhausted(p, app, message), 3);
});

test('headers without the copies, for what is accepted from then on', async (t) => {
    const p = await postrider(t);
    let status = 500;
    const r = await receiver(t, { answer: () => ({ status, body: '' }) });
    const app = await p.app();
    await p.endpoint(app, r.url(), { retrySchedule: [1.5] });
    const svix = (x) => Object.keys(x.headers).filter((h) => h.startsWith('svix-')).length;
    await p.send(app, 'a');
    await r.arrived(1);
    await p.ok('PATCH', settings, { whitelabelHeaders: true });
    status = 200;
    await p.send(app, 'a', { n: 2 });
    const all = await r.arrived(3);
    const of = (text) => all.filter((x) => x.body.toString() === text).map(svix);
    assert.deepEqual(of('{"hello":"world"}'), [3, 3], 'what was accepted before keeps them');
    assert.deepEqual(of('{"n":2}'), [0]);
    await p.restart();
    await p.send(app, 'a', { n: 3 });
    assert.equal(svix((await r.arrived(4)).at(-1)), 0, 'after a restart');
    await p.ok('PATCH', settings, { sendSvixWebhookHeaders: true });
    await p.send(app, 'a', { n: 4 });
    assert.equal(svix((await r.arrived(5)).at(-1)), 3);
});

test('an endpoint that fails for long stays when the operator wants it', async (t) => {
    const p = await postrider(t, { settings: { DISABLE_AFTER: '1s' } });
    const r = await receiver(t, failing);
    const app = await p.app();
    const fail = async () => {
        const ep = await p.endpoint(app, r.url(), { retrySchedule: [] });
        for (let i = 0; i < 3; i++) {
            await exhausted(p, app, await p.send(app, 'a'));
            await new Promise((resolve) => setTimeout(resolve, 700));
        }
        return async () => (await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${ep.id}`)).disabled;
    };
    await p.ok('PATCH', settings, { disableEndpointOnFailure: false });
    const stays = await fail();
    assert.equal(await stays(), false);
    await p.ok('PATCH', settings, { disableEndpointOnFailure: true });
    await until('it is disabled', await fail());
});

test('what the operator wants of every endpoint', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const path = `/api/v1/app/${app.id}/endpoint`;
    const [http, https] = ['http://127.0.0.1:9/', 'https://127.0.0.1:9/'];
    const refused = async (body, field) => {
        const a = await p.api('POST', path, body);
        assert.equal(a.status, 422, a.text);
        if (field) assert.ok(a.json.detail.some((x) => x.loc[1] === field), a.text);
    };
    await p.ok('POST', '/api/v1/event-type', { name: 'a', description: '' });
    const old = await p.ok('POST', path, { url: http });
    await p.ok('PUT', settings, { enforceHttps: true, requireEndpointChannel: true, requireEndpointFilterTypes: true, endpointsPerAppLimit: 2 });
    await refused({ url: http, channels: ['c'], eventTypes: ['a'] }, 'url');
    await refused({ url: https, eventTypes: ['a'] }, 'channels');
    await refused({ url: https, channels: ['c'] }, 'eventTypes');
    await p.ok('PATCH', `${path}/${old.id}`, { description: 'what was there before may stay as it is' });
    await p.ok('POST', path, { url: https, channels: ['c'], eventTypes: ['a'] });
    await refused({ url: https, channels: ['c'], eventTypes: ['a'] });
    const stayed = await p.api('PATCH', `${path}/${old.id}`, { url: 'http://127.0.0.1:10/' });
    assert.equal(stayed.status, 422);
});

test('a portal that only reads', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const { token } = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, {});
    const create = () => p.api('POST', `/api/v1/app/${app.id}/endpoint`, { url: 'http://127.0.0.1:9/' }, { token });
    assert.equal((await create()).status, 201);
    await p.ok('PATCH', settings, { readOnly: true });
    assert.equal((await create()).status, 403);
    assert.equal((await p.api('GET', `/api/v1/app/${app.id}/endpoint`, undefined, { token })).status, 200);
    assert.equal((await p.ok('GET', '/api/v1/environment/settings', undefined, { token })).readOnly, true);
    assert.equal((await p.api('GET', settings, undefined, { token })).status, 403);
    await p.ok('PATCH', settings, { readOnly: false });
    assert.equal((await create()).status, 201);
});

test('a profile that was shipped goes back to what it was', async (t) => {
    const p = await postrider(t);
    const path = '/api/v1/profile/standard';
    await p.app();
    assert.equal((await p.api('DELETE', path)).status, 409, 'unchanged');
    const { version, builtin, createdAt, updatedAt, ...row } = await p.ok('GET', path);
    const changed = await p.ok('PUT', path, { ...row, retrySchedule: [1], description: 'Ours' });
    assert.deepEqual([builtin, changed.builtin, changed.retrySchedule], [true, false, [1]]);
    assert.equal((await p.api('DELETE', path)).status, 204);
    const { version: now, createdAt: _c, updatedAt: _u, ...back } = await p.ok('GET', path);
    assert.deepEqual(back, { ...row, builtin: true });
    assert.notEqual(now, version);
    assert.equal((await p.api('DELETE', path)).status, 409);
});
