// SPDX-License-Identifier: Apache-2.0
// The audit log: who did what, from where; a chain that shows when an entry is changed, and no values.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { firstUser, goodPassword, Person } from './lib/console.mjs';
import { environment, jwt, postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';

async function readAll(p, options) {
    const all = [];
    for (let iterator = ''; ; ) {
        const page = await p.ok('GET', `/api/v1/audit-log?limit=20${iterator && `&iterator=${iterator}`}`, undefined, options);
        all.push(...page.data);
        if (page.done) return all.reverse();
        iterator = page.iterator;
    }
}

function assertChain(entries) {
    let previous = '0'.repeat(64);
    for (const { hash, ...rest } of entries) {
        assert.equal(rest.previous, previous, `${rest.action} follows the one before`);
        assert.deepEqual(Object.keys(rest), ['id', 'at', 'actor', 'ip', 'action', 'target', 'environment', 'app', 'previous']);
        assert.equal(createHash('sha256').update(JSON.stringify(rest)).digest('hex'), hash);
        previous = hash;
    }
}

test('changes, reveals and sign-ins are written down, by whom and from where, without values', async (t) => {
    const p = await postrider(t, { settings: { TRUSTED_PROXIES: '127.0.0.1' } });
    const r = await receiver(t);
    const owner = await firstUser(p);
    const from = { headers: { 'x-forwarded-for': '198.51.100.9, 203.0.113.7' } };
    const person = new Person(p);
    await person.api('POST', '/api/v1/console/session', { email: 'owner@example.com', password: 'a-wrong-password' }, from);
    await person.api('POST', '/api/v1/console/session', { email: 'owner@example.com', password: goodPassword }, from);
    const app = await person.ok('POST', '/api/v1/app', { name: 'A customer', uid: 'customer', profile: 'metapulse' });
    const endpoint = await p.endpoint(app, r.url(), { headers: { 'X-Secret': 'canary-header-value' } });
    const path = `/api/v1/app/${app.id}/endpoint/${endpoint.id}`;
    await person.ok('PATCH', path, { description: 'd' });
    const secret = (await person.ok('GET', `${path}/secret`)).key;
    await person.ok('POST', `${path}/secret/rotate`, {});
    const message = await p.send(app, 'data_point.created');
    await p.attempted(app, message, 1);
    await person.ok('POST', `/api/v1/app/${app.id}/msg/${message.id}/endpoint/${endpoint.id}/resend`, {});
    await person.ok('DELETE', `/api/v1/app/${app.id}/msg/${message.id}/content`);
    const key = await person.ok('POST', '/api/v1/auth/api-key', { name: 'ci' });
    await p.ok('POST', '/api/v1/event-type', { name: 'a.b', description: 'x' }, { token: key.token });
    await person.ok('DELETE', `/api/v1/auth/api-key/${key.id}`);
    const { url } = await person.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, {});
    const portal = new Person(p);
    await portal.ok('POST', '/api/v1/console/session/portal', { key: url.split('#key=')[1] });
    await portal.ok('GET', `${path}/secret`);
    const { member } = await owner.ok('POST', '/api/v1/console/member', { email: 'vera@example.com', role: 'viewer' });
    await owner.ok('DELETE', `/api/v1/console/member/${member.id}`);
    await person.ok('PUT', '/api/v1/console/password', { current: goodPassword, new: 'green-bicycle-11' });
    await person.ok('DELETE', '/api/v1/console/session');
    await p.ok('DELETE', path);
    assert.equal((await p.api('PATCH', path, { description: 'd' })).status, 404);

    const log = await readAll(p);
    assertChain(log);
    assert.deepEqual(
        log.map((e) => [e.actor.type, e.action, e.target]),
        [
            ['user', 'console.session.create', log[0].actor.id],
            ['user', 'console.session.refused', log[0].actor.id],
            ['user', 'console.session.create', log[0].actor.id],
            ['user', 'application.create', app.id],
            ['token', 'endpoint.create', endpoint.id],
            ['user', 'endpoint.patch', endpoint.id],
            ['user', 'endpoint.get-secret', endpoint.id],
            ['user', 'endpoint.rotate-secret', endpoint.id],
            ['user', 'message-attempt.resend', endpoint.id],
            ['user', 'message.expunge-content', message.id],
            ['user', 'api-key.create', key.id],
            ['api_key', 'event-type.create', 'a.b'],
            ['user', 'api-key.revoke', key.id],
            ['user', 'authentication.app-portal-access', app.id],
            ['portal', 'console.session.portal', log[14].actor.id],
            ['portal', 'endpoint.get-secret', endpoint.id],
            ['user', 'console.member.create', member.id],
            ['user', 'console.member.delete', member.id],
            ['user', 'console.password.update', log[0].actor.id],
            ['user', 'console.session.delete', log[0].actor.id],
            ['token', 'endpoint.delete', endpoint.id],
        ],
    );
    assert.deepEqual([log[2].ip, log[3].ip, log[3].app, log[3].environment], ['203.0.113.7', '127.0.0.1', app.id, environment]);
    assert.deepEqual(log[11].actor, { type: 'api_key', id: key.id, name: 'ci' });
    const text = JSON.stringify(log);
    for (const value of [secret, 'canary-header-value', goodPassword, key.token, 'green-bicycle']) assert.ok(!text.includes(value), value);

    const other = { token: jwt({ sub: 'org_00000000000000000000000abcd' }) };
    await p.ok('POST', '/api/v1/app', { name: 'x' }, other);
    assert.deepEqual((await readAll(p, other)).map((e) => e.action), ['application.create']);
    const viewer = await p.ok('POST', '/api/v1/auth/api-key', { name: 'v', role: 'editor' });
    assert.equal((await p.api('GET', '/api/v1/audit-log', undefined, { token: viewer.token })).status, 403);
});

test('many at once still make one chain; the same idempotency key makes one entry', async (t) => {
    const p = await postrider(t);
    await Promise.all(Array.from({ length: 40 }, (_, i) => p.app({ uid: `a${i}` })));
    const once = { headers: { 'idempotency-key': 'k' } };
    await p.ok('POST', '/api/v1/app', { name: 'once' }, once);
    await p.ok('POST', '/api/v1/app', { name: 'once' }, once);
    const log = await readAll(p);
    assertChain(log);
    assert.equal(log.length, 41);
});
