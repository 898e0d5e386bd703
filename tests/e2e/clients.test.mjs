// SPDX-License-Identifier: Apache-2.0
// The official Svix client, unmodified, with only its server URL set: the newest one and the last 1.x.
import assert from 'node:assert/strict';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

async function clientOf(name) {
    try {
        return await import(name);
    } catch (e) {
        return { trouble: `${name} does not load in Node ${process.versions.node}: ${e.message}` };
    }
}

// The field that names an endpoint's event types has changed its name between the two.
for (const [name, typesField] of [['svix', 'eventTypes'], ['svix-1', 'filterTypes']]) {
    test(`${name}: workspace, endpoint, message, attempts, secret`, async (t) => {
        const { Svix, Webhook, trouble } = await clientOf(name);
        if (trouble) return t.skip(trouble);
        const p = await postrider(t, { settings: { RETRY_SCHEDULE: '1h' } });
        const r = await receiver(t, { answer: (_, n) => (n === 0 ? 500 : { status: 200, body: 'ok' }) });
        const svix = new Svix(p.token, { serverUrl: `http://127.0.0.1:${p.port}` });

        await svix.eventType.create({ name: 'user.signup', description: 'A user signed up' });
        assert.deepEqual((await svix.eventType.list()).data.filter((e) => e.name === 'user.signup').length, 1);

        const app = await svix.application.create({ name: 'Client app', uid: 'client-app', metadata: { plan: 'pro' } });
        assert.match(app.id, /^app_[0-9A-Za-z]{27}$/);
        assert.equal((await svix.application.get('client-app')).id, app.id);
        const again = await svix.application.getOrCreate({ name: 'Client app', uid: 'client-app' });
        assert.equal(again.id, app.id);

        const endpoint = await svix.endpoint.create('client-app', { url: r.url(), description: 'x', [typesField]: ['user.signup'], channels: ['one'] });
        assert.deepEqual(endpoint[typesField], ['user.signup']);
        assert.ok(endpoint.createdAt instanceof Date);
        await svix.endpoint.patchHeaders(app.id, endpoint.id, { headers: { 'X-Mine': 'yes' } });
        assert.equal((await svix.endpoint.getHeaders(app.id, endpoint.id)).headers['X-Mine'], 'yes');
        const patched = await svix.endpoint.patch(app.id, endpoint.id, { description: 'patched', channels: null });
        assert.equal(patched.description, 'patched');

        const { key } = await svix.endpoint.getSecret(app.id, endpoint.id);
        assert.match(key, /^whsec_/);
        const message = await svix.message.create(app.id, { eventType: 'user.signup', eventId: 'evt-1', payload: { user: 1 } });
        assert.match(message.id, /^msg_/);
        await assert.rejects(svix.message.create(app.id, { eventType: 'user.signup', eventId: 'evt-1', payload: { user: 1 } }), (e) => e.code === 409);
        await r.arrived(1);
        new Webhook(key).verify(r.requests[0].body.toString(), r.requests[0].headers);
        assert.equal(r.requests[0].headers['x-mine'], 'yes');

        const attempts = await until('the first attempt is listed', async () => {
            const page = await svix.messageAttempt.listByEndpoint(app.id, endpoint.id, { limit: 10 });
            return page.data.length && page;
        });
        assert.equal(attempts.data[0].responseStatusCode, 500);
        assert.equal(attempts.data[0].status, 2);
        assert.ok(attempts.data[0].timestamp instanceof Date);
        await svix.messageAttempt.resend(app.id, message.id, endpoint.id);
        await r.arrived(2);
        await until('the second attempt is listed', async () => (await svix.messageAttempt.listByMsg(app.id, message.id)).data.length === 2);
        const attempted = await svix.messageAttempt.listAttemptedDestinations(app.id, message.id).catch(() => null);
        if (attempted) assert.equal(attempted.data[0].id, endpoint.id);
        assert.equal((await svix.message.list(app.id)).data[0].id, message.id);

        await svix.endpoint.rotateSecret(app.id, endpoint.id, {});
        assert.notEqual((await svix.endpoint.getSecret(app.id, endpoint.id)).key, key);
        await svix.endpoint.delete(app.id, endpoint.id);
        await assert.rejects(svix.endpoint.get(app.id, endpoint.id), (e) => e.code === 404);
        await svix.application.delete(app.id);
        await assert.rejects(svix.application.get(app.id), (e) => e.code === 404);
        await assert.rejects(svix.application.create({ name: '' }), (e) => e.code === 422 && Array.isArray(e.body.detail));
    });
}
