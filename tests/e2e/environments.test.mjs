// SPDX-License-Identifier: Apache-2.0
// Environments are fully separate, and an environment manages only itself and those that it has made.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { environment, jwt, postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

const envs = '/api/v1/management/environment';
const tokensOf = (env) => `/api/v1/management/authentication/${env}/api-token`;

test('who sees and changes which environment', async (t) => {
    const p = await postrider(t);
    const made = await p.ok('POST', envs, { name: 'Made', type: 'production' });
    const child = (await p.ok('POST', tokensOf(made.id), { name: 'k' })).token;
    const stranger = jwt({ sub: 'org_2ZZZZZZZZZZZZZZZZZZZZZZZZZZ' });
    const status = async (token, method, path, body) => (await p.api(method, path, body, { token })).status;

    assert.equal(await status(child, 'GET', `${envs}/${made.id}`), 200, 'it sees itself');
    assert.equal(await status(child, 'GET', `${envs}/${environment}`), 404, 'not its owner');
    assert.equal(await status(child, 'GET', tokensOf(environment)), 404);
    assert.equal(await status(child, 'POST', tokensOf(environment), { name: 'x' }), 404);
    assert.equal(await status(child, 'POST', envs, { name: 'x', type: 'production' }), 403, 'two levels only');
    assert.deepEqual((await p.ok('GET', envs, undefined, { token: child })).data.map((x) => x.id), [made.id]);
    for (const [method, path, body] of [
        ['GET', `${envs}/${made.id}`],
        ['PUT', `${envs}/${made.id}`, { name: 'x' }],
        ['DELETE', `${envs}/${made.id}`],
        ['GET', tokensOf(made.id)],
        ['POST', tokensOf(made.id), { name: 'x' }],
    ])
        assert.equal(await status(stranger, method, path, body), 404, `${method} ${path} by a stranger`);
    assert.equal((await p.ok('GET', envs, undefined, { token: stranger })).data.length, 1);
    // A key without the area, and one of a workspace.
    const { token: narrow } = await p.ok('POST', tokensOf(environment), { name: 'k', scopes: ['message:write', 'token:write'] });
    assert.equal(await status(narrow, 'GET', envs), 403);
    assert.equal(await status(narrow, 'POST', tokensOf(environment), { name: 'k' }), 422, 'not more than itself');
    const app = await p.app();
    const { token: confined } = await p.ok('POST', '/api/v1/auth/api-key', { name: 'k', appId: app.id, role: 'owner' });
    assert.equal(await status(confined, 'GET', envs), 403);
});

test('keys made by one face are listed and revoked by the other, and by the command', async (t) => {
    const p = await postrider(t);
    const made = await p.ok('POST', tokensOf(environment), { name: 'by the API' });
    assert.ok((await p.ok('GET', '/api/v1/auth/api-key')).data.some((x) => x.id === made.id));
    assert.match((await p.command(['token', 'list'])).stdout, new RegExp(made.id));
    assert.equal((await p.command(['token', 'revoke', made.id])).status, 0);
    assert.equal((await p.api('GET', `${tokensOf(environment)}/${made.id}`)).status, 404);
});

test('a deleted environment stops delivering and does not come back', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { answer: () => ({ status: 500, body: '' }) });
    const made = await p.ok('POST', envs, { name: 'Made', type: 'production' });
    const token = jwt({ sub: made.id });
    const app = await p.ok('POST', '/api/v1/app', { name: 'x', uid: 'same' }, { token });
    await p.app({ uid: 'same' }); // uids are an environment's own
    await p.ok('POST', `/api/v1/app/${app.id}/endpoint`, { url: r.url(), retrySchedule: Array(20).fill(3) }, { token });
    await p.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: {} }, { token });
    await r.arrived(1);
    for (const uid of ['one', 'two']) {
        await p.ok('POST', '/api/v1/app', { name: uid, uid, profile: 'myra' }, { token });
        await p.ok('POST', `/api/v1/app/${uid}/record/contact`, { data: { email: 'ada@x.example' } }, { token });
        await p.ok('POST', `/api/v1/app/${uid}/automation`, { name: 'x', trigger: { type: 'incoming_webhook' }, steps: [] }, { token });
    }
    const left = () => execFileSync('sqlite3', [join(p.dir, 'postrider.db'), 'SELECT (SELECT count(*) FROM doc), (SELECT count(*) FROM object WHERE kind IN (22,23,24) AND deleted_ms=0)'], { encoding: 'utf8' }).trim();
    assert.equal(left(), '4|6');
    await p.ok('DELETE', `${envs}/${made.id}`);
    for (const [method, path, body] of [
        ['POST', '/api/v1/app', { name: 'y' }],
        ['GET', `/api/v1/app/${app.id}`],
        ['POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: {} }],
        ['GET', envs],
    ])
        assert.equal((await p.api(method, path, body, { token })).status, 404, `${method} ${path}`);
    await until('the job is done', async () => (await p.ok('GET', '/api/v1/background-task')).data.length === 0);
    await until(() => `records and automations are gone: ${left()}`, () => left() === '0|0');
    const before = r.requests.length;
    await p.restart();
    await new Promise((resolve) => setTimeout(resolve, 4000));
    assert.equal(r.requests.length, before);
});

test('uids that a path cannot carry', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ uid: '...' });
    for (const uid of ['.', '..']) {
        assert.equal((await p.api('POST', '/api/v1/app', { name: 'x', uid })).status, 422);
        assert.equal((await p.api('POST', `/api/v1/app/${app.id}/endpoint`, { url: 'http://127.0.0.1:9/', uid })).status, 422);
        assert.equal((await p.api('POST', '/api/v1/event-type', { name: uid, description: '' })).status, 422);
        assert.equal((await p.api('PATCH', `/api/v1/app/${app.id}`, { uid })).status, 422);
        assert.equal((await p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a', eventId: uid, payload: {} })).status, 422);
    }
});

test('an empty list of scopes or capabilities is refused, and does not mean all', async (t) => {
    const p = await postrider(t);
    const environment = await p.ok('POST', '/api/v1/management/environment', { name: 'E', type: 'development' });
    for (const path of ['/api/v1/auth/api-key', `/api/v1/management/authentication/${environment.id}/api-token`]) {
        for (const scopes of [[], ['app:admin']]) {
            const refused = await p.api('POST', path, { name: 'k', scopes });
            assert.equal(refused.status, 422, refused.text);
            assert.deepEqual(refused.json.detail[0].loc, ['body', 'scopes']);
        }
    }
    const app = await p.app();
    const portal = await p.api('POST', `/api/v1/auth/app-portal-access/${app.id}`, { capabilities: [] });
    assert.equal(portal.status, 422, portal.text);
});
