// SPDX-License-Identifier: Apache-2.0
// Access to the portal, with the official client: a workspace's token sees its own, and ends when it is told to.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Svix } from 'svix';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

const refused = (status) => (e) => e.code === status;

test('portal access: made, used, logged out, expired', async (t) => {
    const p = await postrider(t, { settings: { PUBLIC_URL: 'https://hooks.example.com/' } });
    const r = await receiver(t);
    const as = (token) => new Svix(token, { serverUrl: `http://127.0.0.1:${p.port}` });
    const svix = as(p.token);

    const first = await svix.authentication.appPortalAccess('customer', { application: { name: 'A customer', uid: 'customer' }, sessionId: 'one' });
    assert.match(first.url, /^https:\/\/hooks\.example\.com\/portal#key=prl_\w+$/);
    assert.equal((await svix.application.get('customer')).name, 'A customer');
    await svix.application.create({ name: 'Another', uid: 'another' });

    const customer = as(first.token);
    const endpoint = await customer.endpoint.create('customer', { url: r.url() });
    assert.equal((await customer.endpoint.list('customer')).data[0].id, endpoint.id);
    assert.match((await customer.endpoint.getSecret('customer', endpoint.id)).key, /^whsec_/);
    await customer.endpoint.sendExample('customer', endpoint.id, { eventType: 'svix.ping' });
    await r.arrived(1);
    await assert.rejects(customer.endpoint.list('another'), refused(404));
    await assert.rejects(customer.application.list(), refused(403));
    await assert.rejects(customer.message.create('customer', { eventType: 'a.b', payload: {} }), refused(403));

    const second = await svix.authentication.appPortalAccess('customer', { readOnly: true, sessionId: 'two' });
    const reader = as(second.token);
    assert.equal((await reader.endpoint.list('customer')).data.length, 1);
    await assert.rejects(reader.endpoint.delete('customer', endpoint.id), refused(403));
    await assert.rejects(reader.endpoint.getSecret('customer', endpoint.id), refused(403));

    await assert.rejects(svix.authentication.logout(), refused(403));
    await customer.authentication.logout();
    await assert.rejects(customer.endpoint.list('customer'), refused(401));

    await svix.authentication.expireAll('customer', { sessionIds: ['one'] });
    assert.equal((await reader.endpoint.list('customer')).data.length, 1);
    await svix.authentication.expireAll('customer', {});
    await assert.rejects(reader.endpoint.list('customer'), refused(401));
});

test('a portal link is exchanged once, and its key is stored nowhere', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ uid: 'w' });
    const { url, token } = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, { capabilities: ['ViewBase'] });
    assert.ok(url.startsWith(`http://127.0.0.1:${p.port}/portal#key=`), url);
    const oneTimeToken = new URL(url).hash.slice('#key='.length);
    const answers = await Promise.all([1, 2, 3, 4].map(() => p.api('POST', '/api/v1/auth/one-time-token', { oneTimeToken }, { token: null })));
    assert.deepEqual(answers.map((a) => a.status).sort(), [200, 401, 401, 401]);
    const session = answers.find((a) => a.status === 200).json;
    assert.deepEqual(session.capabilities, ['ViewBase']);
    assert.equal((await p.api('GET', '/api/v1/app/w/endpoint', undefined, { token: session.token })).status, 200);
    assert.equal((await p.api('GET', '/api/v1/app/w/endpoint', undefined, { token: oneTimeToken })).status, 401);
    assert.equal((await p.api('POST', '/api/v1/app/w/endpoint', { url: 'http://127.0.0.1:9/' }, { token: session.token })).status, 403);
    for (const secret of [token, session.token, oneTimeToken]) assert.equal(p.log().includes(secret), false);
});

test('without a PUBLIC_URL, links name the port that it got', async (t) => {
    const p = await postrider(t, { settings: { LISTEN: '127.0.0.1:0' }, start: { ready: false } });
    const port = await until('it says where it listens', () => /url="?http:\/\/127\.0\.0\.1:(\d+)/.exec(p.log())?.[1]);
    assert.notEqual(port, '0');
    const options = { port: Number(port) };
    const app = await p.ok('POST', '/api/v1/app', { name: 'A' }, options);
    const { url } = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, {}, options);
    assert.ok(url.startsWith(`http://127.0.0.1:${port}/portal#key=`), url);
});

test('visitors watch and cancel the tasks of their own workspace, and see no others', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app();
    const other = await p.app();
    const endpoint = await p.endpoint(app, r.url());
    const token = async (a, fields = {}) => ({ token: (await p.ok('POST', `/api/v1/auth/app-portal-access/${a.id}`, fields)).token });
    const mine = await token(app);
    const looks = await token(app, { readOnly: true });
    const few = await token(app, { capabilities: ['ViewBase'] });
    const theirs = await token(other);
    const since = { since: new Date(Date.now() - 60_000).toISOString() };
    const begin = () => p.ok('POST', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/recover`, since, mine);
    const task = await begin();
    const path = `/api/v1/background-task/${task.id}`;
    const ended = await until('the task has ended', async () => {
        const now = await p.ok('GET', path, undefined, mine);
        return now.status === 'finished' && now;
    });
    assert.equal(ended.task, 'endpoint.recover');
    assert.equal((await p.ok('GET', path, undefined, looks)).id, task.id);
    assert.equal((await p.api('GET', path, undefined, theirs)).status, 404);
    assert.deepEqual((await p.ok('GET', '/api/v1/background-task', undefined, mine)).data.map((x) => x.id), [task.id]);
    assert.deepEqual((await p.ok('GET', '/api/v1/background-task', undefined, theirs)).data, []);

    assert.equal((await p.api('POST', `${path}/cancel`, undefined, mine)).status, 409, 'it has ended');
    assert.equal((await p.api('POST', `${path}/cancel`, undefined, theirs)).status, 404);
    assert.equal((await p.api('POST', `${path}/cancel`, undefined, looks)).status, 403);
    assert.equal((await p.api('POST', `${path}/cancel`, undefined, few)).status, 403);

    // What only the operator may begin is only the operator's to see.
    const purge = await p.ok('POST', `/api/v1/app/${app.id}/msg/expunge-all-contents`, {});
    const usage = await p.ok('POST', '/api/v1/stats/usage/app', { since: since.since, until: new Date().toISOString() });
    for (const { id } of [purge, usage]) {
        assert.equal((await p.api('GET', `/api/v1/background-task/${id}`)).status, 200);
        assert.equal((await p.api('GET', `/api/v1/background-task/${id}`, undefined, mine)).status, 404);
        assert.equal((await p.api('POST', `/api/v1/background-task/${id}/cancel`, undefined, mine)).status, 404);
    }
    assert.equal((await p.ok('GET', '/api/v1/background-task', undefined, mine)).data.length, 1);
});

test('a list of capabilities is all that a visitor may; records and automations have their own', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const A = `/api/v1/app/${app.id}`;
    const ofSvix = ['ViewBase', 'ViewEndpointSecret', 'ManageEndpointSecret', 'ManageTransformations', 'CreateAttempts', 'ManageEndpoint'];
    const visits = async (fields) => {
        const { url, token } = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, fields);
        const { capabilities } = await p.ok('POST', '/api/v1/auth/one-time-token', { oneTimeToken: new URL(url).hash.slice('#key='.length) }, { token: null });
        const record = await p.api('POST', `${A}/record/contact`, { data: { name: 'Ada' } }, { token });
        const automation = await p.api('POST', `${A}/automation`, { name: 'A', steps: [] }, { token });
        assert.equal((await p.api('GET', `${A}/record/contact`, undefined, { token })).status, 200);
        assert.equal((await p.api('GET', `${A}/automation`, undefined, { token })).status, 200);
        return [record.status, automation.status, capabilities];
    };
    assert.deepEqual(await visits({}), [201, 201, [...ofSvix, 'ManageRecords', 'ManageAutomations']]);
    assert.deepEqual(await visits({ capabilities: ofSvix }), [403, 403, ofSvix]);
    assert.deepEqual(await visits({ capabilities: ['ViewBase', 'ManageRecords'] }), [201, 403, ['ViewBase', 'ManageRecords']]);
    assert.deepEqual(await visits({ capabilities: ['ViewBase', 'ManageAutomations'] }), [403, 201, ['ViewBase', 'ManageAutomations']]);
    assert.deepEqual(await visits({ readOnly: true }), [403, 403, ['ViewBase']]);
});
