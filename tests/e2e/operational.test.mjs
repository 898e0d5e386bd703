// SPDX-License-Identifier: Apache-2.0
// Operational webhooks: what happens to endpoints and deliveries reaches the endpoints of the environment, signed, and the
// workspace of the management environment that is named after it.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Svix, Webhook } from 'svix';
import { environment, jwt, postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

const management = 'org_00000000000SvixManagement00';
const told = (r) => r.requests.map((q) => JSON.parse(q.body));
const typesOf = (r) => told(r).map((e) => e.type);
const heard = (r, ...types) => until(() => `${types} are heard; heard: ${typesOf(r)}`, () => types.every((type) => typesOf(r).includes(type)));

test('endpoints of operational webhooks are kept apart', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const svix = new Svix(p.token, { serverUrl: `http://127.0.0.1:${p.port}` });
    const ops = svix.operationalWebhook?.endpoint ?? svix.operationalWebhookEndpoint;
    assert.deepEqual((await ops.list()).data, []);
    const endpoint = await ops.create({ url: r.url(), eventTypes: ['message.attempt.failing'], description: 'mine', uid: 'ops' });
    assert.deepEqual(endpoint.eventTypes, ['message.attempt.failing']);
    await assert.rejects(ops.create({ url: r.url(), eventTypes: ['a.b'] }), (e) => e.code === 422);
    assert.equal((await ops.get('ops')).id, endpoint.id);
    assert.equal((await ops.list()).data.length, 1);
    assert.equal((await ops.upsert('ops', { url: r.url('/other'), uid: 'ops', description: 'changed' })).description, 'changed');
    await ops.setHeaders('ops', { headers: { 'X-Mine': '1' } });
    assert.equal((await ops.getHeaders('ops')).headers['X-Mine'], '1');
    const { key } = await ops.getSecret('ops');
    await ops.rotateSecret('ops', {});
    assert.notEqual((await ops.getSecret('ops')).key, key);

    // Its workspace is nobody's.
    for (let i = 0; i < 3; i++) await p.app({ uid: `a${i}` });
    assert.equal((await svix.application.list()).data.length, 3);
    const page = await svix.application.list({ limit: 3 });
    assert.deepEqual([page.data.length, page.done], [3, true]);
    assert.equal((await p.api('GET', '/api/v1/app/$operational')).status, 404);
    assert.equal((await p.api('POST', '/api/v1/app/$operational/msg', { eventType: 'a', payload: {} })).status, 404);
    const other = jwt({ sub: 'org_0000000000000000000000other' });
    assert.deepEqual((await p.ok('GET', '/api/v1/operational-webhook/endpoint', undefined, { token: other })).data, []);
    const portal = await svix.authentication.appPortalAccess('a0', {});
    assert.equal((await p.api('GET', '/api/v1/operational-webhook/endpoint', undefined, { token: portal.token })).status, 403);
    await ops.delete('ops');
    await assert.rejects(ops.get('ops'), (e) => e.code === 404);
});

test('what happens is told, also to the management environment', async (t) => {
    const p = await postrider(t);
    const ops = await receiver(t);
    const mirror = await receiver(t);
    let healthy = false;
    const r = await receiver(t, { answer: () => (healthy ? 200 : 500) });
    const listener = await p.ok('POST', '/api/v1/operational-webhook/endpoint', { url: ops.url() });
    const { key } = await p.ok('GET', `/api/v1/operational-webhook/endpoint/${listener.id}/secret`);
    const token = jwt({ sub: management });
    await p.ok('POST', '/api/v1/app', { name: 'All', uid: environment }, { token });
    await p.ok('POST', `/api/v1/app/${environment}/endpoint`, { url: mirror.url(), eventTypes: ['endpoint.created', 'message.attempt.exhausted'] }, { token });

    const app = await p.app({ uid: 'customer' });
    const endpoint = await p.endpoint(app, r.url(), { uid: 'e', retrySchedule: [0.05, 0.05, 0.05, 0.05] });
    const same = { appId: app.id, appUid: 'customer', endpointId: endpoint.id };
    await heard(ops, 'endpoint.created');
    await heard(mirror, 'endpoint.created');
    assert.deepEqual(told(ops)[0], { type: 'endpoint.created', data: { ...same, endpointUid: 'e' } });
    assert.deepEqual(told(mirror)[0], told(ops)[0]);
    new Webhook(key).verify(ops.requests[0].body.toString(), ops.requests[0].headers);

    const message = await p.send(app, 'a.b', {}, { eventId: 'event-1' });
    await heard(ops, 'message.attempt.failing', 'message.attempt.exhausted');
    await heard(mirror, 'message.attempt.exhausted');
    const attempts = await p.attempted(app, message, 5);
    const event = (type, attempt) => ({
        type,
        data: { ...same, msgId: message.id, msgEventId: 'event-1', lastAttempt: { id: attempt.id, responseStatusCode: attempt.responseStatusCode, timestamp: attempt.timestamp } },
    });
    const last = (type) => told(ops).findLast((e) => e.type === type);
    assert.deepEqual(last('message.attempt.failing'), event('message.attempt.failing', attempts[3]));
    assert.deepEqual(last('message.attempt.exhausted'), event('message.attempt.exhausted', attempts[4]));

    healthy = true;
    const resend = () => p.ok('POST', `/api/v1/app/${app.id}/msg/${message.id}/endpoint/${endpoint.id}/resend`);
    await resend();
    await heard(ops, 'message.attempt.recovered');
    assert.deepEqual(last('message.attempt.recovered'), event('message.attempt.recovered', (await p.attempted(app, message, 6))[5]));
    await resend();
    await p.attempted(app, message, 7);

    const path = `/api/v1/app/${app.id}/endpoint/${endpoint.id}`;
    await p.ok('PATCH', path, { disabled: true });
    await heard(ops, 'endpoint.disabled', 'endpoint.updated');
    assert.ok(Date.parse(last('endpoint.disabled').data.failSince));
    await p.ok('PATCH', path, { disabled: false });
    await heard(ops, 'endpoint.enabled');
    await p.ok('DELETE', path);
    await heard(ops, 'endpoint.deleted');
    assert.equal(typesOf(ops).filter((type) => type === 'message.attempt.recovered').length, 1);
    assert.deepEqual(typesOf(mirror).sort(), ['endpoint.created', 'message.attempt.exhausted']);
});

test('headers, secrets and transformations are changes of an endpoint; with a workspace its endpoints go', async (t) => {
    const p = await postrider(t);
    const ops = await receiver(t);
    await p.ok('POST', '/api/v1/operational-webhook/endpoint', { url: ops.url(), eventTypes: ['endpoint.updated', 'endpoint.deleted'] });
    const app = await p.app();
    const two = [await p.endpoint(app, 'http://127.0.0.1:9/1'), await p.endpoint(app, 'http://127.0.0.1:9/2')];
    const path = `/api/v1/app/${app.id}/endpoint/${two[0].id}`;
    await p.ok('PUT', `${path}/headers`, { headers: { 'X-Mine': '1' } });
    await ops.arrived(1);
    await p.ok('POST', `${path}/secret/rotate`, {});
    await ops.arrived(2);
    await p.ok('PATCH', `${path}/transformation`, { code: 'function handler(w) { return w }', enabled: false });
    await ops.arrived(3);
    assert.deepEqual(told(ops).map((e) => [e.type, e.data.endpointId]), Array(3).fill(['endpoint.updated', two[0].id]));
    assert.equal((await p.api('DELETE', `/api/v1/app/${app.id}`)).status, 204);
    await ops.arrived(5);
    assert.deepEqual(told(ops).slice(3).map((e) => [e.type, e.data.endpointId]).sort(), two.map((e) => ['endpoint.deleted', e.id]).sort());
});

test('an endpoint that is gone is told, and a failing listener is no event', async (t) => {
    const p = await postrider(t);
    const ops = await receiver(t, { answer: (_, n) => (n < 3 ? 500 : 200) });
    await p.ok('POST', '/api/v1/operational-webhook/endpoint', { url: ops.url(), eventTypes: ['endpoint.disabled', 'message.attempt.failing', 'message.attempt.exhausted'], retrySchedule: [0.05, 0.05, 0.05, 0.05] });
    const gone = await receiver(t, { answer: () => 410 });
    const app = await p.app();
    await p.endpoint(app, gone.url());
    await p.send(app, 'a.b');
    await ops.arrived(4);
    assert.deepEqual([...new Set(typesOf(ops))], ['endpoint.disabled']);
});

test('a change that was answered is told, and once, whatever is killed', { timeout: 300_000 * slow }, async (t) => {
    const p = await postrider(t);
    const ops = await receiver(t);
    const types = ['endpoint.created', 'endpoint.deleted', 'endpoint.disabled'];
    await p.ok('POST', '/api/v1/operational-webhook/endpoint', { url: ops.url(), eventTypes: types });
    const app = await p.app();
    const gone = await receiver(t, { answer: () => 410 });
    // Each endpoint's events by type, each by the ids of its messages.
    const events = (type) => {
        const found = new Map();
        for (const q of ops.requests) {
            const e = JSON.parse(q.body);
            if (e.type === type) found.set(e.data.endpointId, (found.get(e.data.endpointId) ?? new Set()).add(q.headers['webhook-id']));
        }
        return found;
    };
    const all = async (type, ids) => {
        await until(() => `${type} of all ${ids.length}: of ${events(type).size}`, () => ids.every((id) => events(type).has(id)));
        for (const [id, messages] of events(type)) assert.equal(messages.size, 1, `${type} of ${id}`);
    };
    const made = [];
    for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 12; i++) made.push((await p.endpoint(app, gone.url(), { channels: [`c${round}`] })).id);
        await p.kill();
        await p.start();
    }
    await all('endpoint.created', made);
    await p.send(app, 'a.b', {}, { channels: ['c0'] }); // 410 disables
    await until('the first is disabled', async () => (await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${made[0]}`)).disabled, { everyMs: 1 });
    await p.kill();
    await p.start();
    await all('endpoint.disabled', made.slice(0, 12));
    assert.equal((await p.api('DELETE', `/api/v1/app/${app.id}`)).status, 204);
    await p.kill();
    await p.start();
    await until('some are told', () => events('endpoint.deleted').size > 0, { everyMs: 1 });
    await p.kill();
    await p.start();
    await all('endpoint.deleted', made);
});
