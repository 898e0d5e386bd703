// SPDX-License-Identifier: Apache-2.0
// Sessions that have grown old: secrets want the password once more, a portal that nobody uses ends.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import test from 'node:test';
import { firstUser, goodPassword, Person } from './lib/console.mjs';
import { environment, jwt, postrider } from './lib/postrider.mjs';

const session = '/api/v1/console/session';
const confirm = `${session}/confirm`;
const SESSION = 14;
const PORTAL = 10;

// As if so many minutes had passed since `field` was noted.
function age(p, kind, field, minutes) {
    const at = new Date(Date.now() - minutes * 60_000).toISOString();
    execFileSync('sqlite3', [join(p.dir, 'postrider.db'), '.timeout 5000', `UPDATE object SET body = json_set(CAST(body AS TEXT), '$.${field}', '${at}') WHERE kind = ${kind}`]);
}

function code(secret, step = Math.floor(Date.now() / 30_000)) {
    const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
    const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const mac = createHmac('sha1', key).update(counter).digest();
    return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function world(t) {
    const p = await postrider(t);
    const person = await firstUser(p);
    const app = await p.app();
    const endpoint = await p.endpoint(app, 'http://127.0.0.1:9/');
    return { p, person, app, where: `/api/v1/app/${app.id}/endpoint/${endpoint.id}/secret` };
}

test('secrets want a password that was entered lately', async (t) => {
    const { p, person, app, where } = await world(t);
    const secret = await person.ok('GET', where);
    age(p, SESSION, 'confirmedAt', 14);
    assert.equal((await person.api('GET', where)).status, 200);
    age(p, SESSION, 'confirmedAt', 16);
    const hidden = [
        ['GET', where],
        ['POST', `${where}/rotate`, {}],
        ['POST', '/api/v1/auth/api-key', { name: 'k' }],
        ['POST', `/api/v1/management/authentication/${environment}/api-token`, { name: 'k' }],
        ['GET', '/api/v1/operational-webhook/endpoint/x/secret'],
    ];
    for (const [method, path, body] of hidden) {
        const answer = await person.api(method, path, body);
        assert.deepEqual([answer.status, answer.json.code], [403, 'confirm_required'], path);
        assert.ok(!answer.text.includes(secret.key));
    }
    assert.equal((await person.api('GET', `/api/v1/app/${app.id}/endpoint`)).status, 200);
    assert.deepEqual(await p.ok('GET', where), secret, 'tokens are not concerned');

    assert.equal((await person.api('POST', confirm, {})).status, 422);
    const wrong = await person.api('POST', confirm, { password: 'not it at all' });
    assert.deepEqual([wrong.status, wrong.json.code], [401, 'bad_credentials']);
    assert.equal((await person.api('GET', where)).status, 403);
    assert.equal((await person.api('GET', session)).status, 200, 'the session goes on');
    assert.equal((await person.api('POST', confirm, { password: goodPassword })).status, 204);
    assert.deepEqual(await person.ok('GET', where), secret);
    assert.equal((await person.api('POST', `${where}/rotate`, {})).status, 204);
    const audit = await p.ok('GET', '/api/v1/audit-log?limit=50');
    assert.ok(JSON.stringify(audit).includes('console.session.confirm'));
});

test('an account with codes needs one for it, and each only once', async (t) => {
    const { p, person, where } = await world(t);
    const made = await person.ok('POST', '/api/v1/console/totp');
    const step = Math.floor(Date.now() / 30_000);
    assert.equal((await person.api('PUT', '/api/v1/console/totp', { code: code(made.secret, step) })).status, 204);
    age(p, SESSION, 'confirmedAt', 60);
    const without = await person.api('POST', confirm, { password: goodPassword });
    assert.deepEqual([without.status, without.json.code], [401, 'totp_required']);
    const used = await person.api('POST', confirm, { password: goodPassword, code: code(made.secret, step) });
    assert.deepEqual([used.status, used.json.code], [401, 'bad_code']);
    assert.equal((await person.api('GET', where)).status, 403);
    const next = code(made.secret, step + 1);
    assert.equal((await person.api('POST', confirm, { password: goodPassword, code: next })).status, 204);
    assert.equal((await person.api('POST', confirm, { password: goodPassword, code: next })).status, 401);
    assert.equal((await person.api('GET', where)).status, 200);
});

test('another session of the same user stays as it was, and one that has no time yet must ask', async (t) => {
    const { p, person, where } = await world(t);
    const other = new Person(p);
    await other.signIn('owner@example.com');
    age(p, SESSION, 'confirmedAt', 60);
    assert.equal((await person.api('POST', confirm, { password: goodPassword })).status, 204);
    assert.equal((await person.api('GET', where)).status, 200);
    assert.equal((await other.api('GET', where)).status, 403);
});

test('in the portal a click is enough; a visit that nobody uses ends after 12 hours', async (t) => {
    const { p, app, where } = await world(t);
    const visitor = new Person(p);
    const access = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, {});
    const entered = await visitor.ok('POST', `${session}/portal`, { key: new URL(access.url).hash.slice('#key='.length) });
    const left = Date.parse(entered.idleExpiresAt) - Date.now();
    assert.ok(left > 11.9 * 3600_000 && left <= 12 * 3600_000, entered.idleExpiresAt);
    assert.ok(Date.parse(entered.expiresAt) - Date.now() > 24 * 3600_000);
    assert.equal((await visitor.api('GET', where)).status, 200);
    assert.equal((await visitor.api('POST', confirm, { password: 'x' })).status, 403);
    age(p, PORTAL, 'usedAt', 11 * 60);
    assert.equal((await visitor.api('GET', where)).status, 200);
    const now = await visitor.ok('GET', session);
    assert.ok(Date.parse(now.idleExpiresAt) - Date.now() > 11.9 * 3600_000, 'used again');
    age(p, PORTAL, 'usedAt', 12 * 60 + 1);
    assert.equal((await visitor.api('GET', where)).status, 401);
    // The token of a frame, and the operator's own, last as long as they were made for.
    assert.equal((await p.api('GET', where, undefined, { token: access.token })).status, 200);
    assert.equal((await p.api('GET', where, undefined, { token: jwt({ sub: environment }) })).status, 200);
});
