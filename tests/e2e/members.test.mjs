// SPDX-License-Identifier: Apache-2.0
// Members and their roles, one-time links, codes of an authenticator, and the operator's commands for users.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import { firstUser, goodPassword, Person } from './lib/console.mjs';
import { environment, jwt, postrider } from './lib/postrider.mjs';

const session = '/api/v1/console/session';
const members = '/api/v1/console/member';
const keyOf = (link) => /\/link#key=(\w+)$/.exec(link)[1];
const use = (person, link, body = {}) => person.api('POST', `/api/v1/console/link/${keyOf(link)}`, { password: goodPassword, ...body });

async function invite(p, owner, email, role, app) {
    const { link, member } = await owner.ok('POST', members, { email, role, ...(app ? { app } : {}) });
    const person = new Person(p);
    assert.equal((await use(person, link)).status, 200);
    person.member = member.id;
    return person;
}

test('an invitation is agreed to once, and gives the role it says', async (t) => {
    const p = await postrider(t, { settings: { PUBLIC_URL: 'http://hooks.example.com' } });
    const owner = await firstUser(p);
    const app = await p.app();
    const { link, member } = await owner.ok('POST', members, { email: 'Vera@Example.com', role: 'viewer' });
    assert.match(link, /^http:\/\/hooks\.example\.com\/link#key=pri_\w+$/);
    assert.deepEqual([member.email, member.role, member.invited], ['vera@example.com', 'viewer', true]);
    const vera = new Person(p);
    assert.deepEqual(await vera.ok('GET', `/api/v1/console/link/${keyOf(link)}`), { kind: 'invitation', email: 'vera@example.com', hasPassword: false, totp: false });
    assert.equal((await vera.signIn('vera@example.com')).status, 401, 'who only was invited cannot sign in');
    assert.equal((await use(vera, link, { password: 'vera1234' })).status, 422);
    const both = await Promise.all([use(vera, link, { name: 'Vera' }), use(new Person(p), link)]);
    assert.deepEqual(both.map((a) => a.status).filter((s) => s === 200).length, 1, both.map((a) => a.text).join());
    assert.equal((await use(new Person(p), link)).status, 404);
    assert.equal((await vera.signIn('vera@example.com')).status, 200);
    assert.equal((await vera.api('GET', '/api/v1/app')).status, 200);
    assert.equal((await vera.api('PATCH', `/api/v1/app/${app.id}`, { name: 'x' })).status, 403);
    assert.equal((await vera.api('GET', members)).status, 403);

    const list = (await owner.ok('GET', members)).data;
    assert.deepEqual(list.map((m) => [m.email, m.role, m.invited]), [['owner@example.com', 'owner', false], ['vera@example.com', 'viewer', false]]);
    assert.equal((await owner.api('POST', members, { email: 'vera@example.com', role: 'owner' })).status, 409);
    assert.equal((await owner.api('POST', members, { email: 'vera', role: 'owner' })).status, 422);
    assert.equal((await owner.api('POST', members, { email: 'a@example.com', role: 'king' })).status, 422);

    // A role changes at once, in the session that is there.
    await owner.ok('PUT', `${members}/${list[1].id}`, { role: 'owner' });
    assert.equal((await vera.api('PATCH', `/api/v1/app/${app.id}`, { name: 'x' })).status, 200);
    assert.equal((await owner.api('PUT', `${members}/${list[0].id}`, { role: 'viewer' })).status, 409, 'not one’s own');
    assert.equal((await owner.api('DELETE', `${members}/${list[1].id}`)).status, 204);
    assert.equal((await vera.api('GET', '/api/v1/app')).status, 403);
    assert.deepEqual((await vera.ok('GET', session)).memberships, []);
});

test('a member of one workspace sees that one; of two environments, the one that is named', async (t) => {
    const p = await postrider(t);
    const owner = await firstUser(p);
    const mine = await p.app({ uid: 'mine' });
    const other = await p.app({ uid: 'other' });
    const third = await p.app({ uid: 'third' });
    const emil = await invite(p, owner, 'emil@example.com', 'editor', 'mine');
    assert.equal((await emil.api('POST', '/api/v1/app/mine/endpoint', { url: 'http://127.0.0.1:9/' })).status, 201);
    assert.equal((await emil.api('GET', '/api/v1/app/other/endpoint')).status, 404);
    assert.equal((await emil.api('GET', `/api/v1/app/${other.id}/endpoint`)).status, 404);
    assert.equal((await emil.api('GET', '/api/v1/app')).status, 403);
    const again = await owner.ok('POST', members, { email: 'emil@example.com', role: 'viewer', app: third.id });
    assert.equal((await use(emil, again.link, { password: 'not-his-password' })).status, 401, 'who has a password says it');
    assert.equal((await use(emil, again.link)).status, 200);
    assert.equal((await emil.api('GET', `/api/v1/app/${third.id}/endpoint`)).status, 200);
    assert.equal((await emil.api('POST', '/api/v1/app/third/endpoint', { url: 'http://127.0.0.1:9/' })).status, 403);
    assert.equal((await emil.api('POST', '/api/v1/app/mine/endpoint', { url: 'http://127.0.0.1:9/' })).status, 201);

    const elsewhere = 'org_00000000000000000000000abcd';
    const token = jwt({ sub: elsewhere });
    const theirs = await p.ok('POST', '/api/v1/app', { name: 'Elsewhere' }, { token });
    const invited = await p.ok('POST', members, { email: 'emil@example.com', role: 'viewer' }, { token });
    const apps = () => emil.api('GET', '/api/v1/app', undefined, { headers: { 'postrider-environment': elsewhere } });
    assert.equal((await apps()).status, 404, 'an invitation is no membership yet');
    assert.equal((await use(emil, invited.link)).status, 200);
    assert.deepEqual((await apps()).json.data.map((a) => a.id), [theirs.id]);
    assert.equal((await emil.api('GET', `/api/v1/app/${theirs.id}`)).status, 404, 'the first environment is meant');
    assert.equal((await emil.api('GET', `/api/v1/app/${mine.id}`, undefined, { headers: { 'postrider-environment': elsewhere } })).status, 404);
    assert.equal((await emil.api('GET', '/api/v1/app', undefined, { headers: { 'postrider-environment': 'org_0000000000000000000000000xx' } })).status, 404);
    const s = await emil.ok('GET', session);
    assert.deepEqual(s.memberships.map((m) => [m.environment, m.app?.uid ?? null, m.role]), [[environment, 'mine', 'editor'], [environment, 'third', 'viewer'], [elsewhere, null, 'viewer']]);
    // A member of another environment is not there.
    const [foreign] = (await p.ok('GET', members, undefined, { token })).data;
    assert.equal((await owner.api('DELETE', `${members}/${foreign.id}`)).status, 404);
    assert.equal((await owner.api('PUT', `${members}/${foreign.id}`, { role: 'owner' })).status, 404);
});

function code(secret, ms = Date.now()) {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
    const bits = [...secret].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
    const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(Math.floor(ms / 30_000)));
    const mac = createHmac('sha1', key).update(counter).digest();
    return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

test('codes of an authenticator: asked for once they are on, each once', async (t) => {
    const p = await postrider(t);
    const owner = await firstUser(p);
    const totp = '/api/v1/console/totp';
    const { secret, uri } = await owner.ok('POST', totp);
    assert.match(secret, /^[A-Z2-7]{32}$/);
    assert.equal(uri, `otpauth://totp/Postrider:owner@example.com?secret=${secret}&issuer=Postrider`);
    assert.equal((await owner.signIn('owner@example.com')).status, 200, 'not on yet');
    const wrong = (Number(code(secret)) + 1).toString().padStart(6, '0').slice(-6);
    assert.equal((await owner.api('PUT', totp, { code: wrong })).status, 422);
    const first = code(secret);
    assert.equal((await owner.api('PUT', totp, { code: first })).status, 204);
    assert.equal((await owner.ok('GET', session)).user.totp, true);
    const person = new Person(p);
    assert.equal((await person.signIn('owner@example.com')).json.code, 'totp_required');
    assert.equal((await person.signIn('owner@example.com', 'wrong-password', code(secret))).json.code, 'bad_credentials');
    assert.equal((await person.signIn('owner@example.com', goodPassword, first)).json.code, 'bad_code', 'used already');
    const next = code(secret, Date.now() + 30_000);
    assert.equal((await person.signIn('owner@example.com', goodPassword, next)).status, 200);
    assert.equal((await person.signIn('owner@example.com', goodPassword, next)).json.code, 'bad_code');
    assert.equal((await owner.api('DELETE', totp, { password: 'wrong-password' })).status, 401);
    assert.equal((await owner.api('DELETE', totp, { password: goodPassword })).status, 204);
    assert.equal((await person.signIn('owner@example.com')).status, 200);
    const stored = await p.command(['user', 'list', '--json']);
    assert.ok(!stored.stdout.includes(secret));
});

test('postrider user: create, list, link, disable, delete; with a server and without', async (t) => {
    const p = await postrider(t);
    const run = async (...args) => {
        const got = await p.command(['user', ...args]);
        assert.equal(got.status, 0, `${args}: ${got.stderr}`);
        return got.stdout.trim();
    };
    const link = await run('create', 'ops@example.com', '--role', 'owner');
    const ops = new Person(p);
    assert.equal((await use(ops, link)).status, 200);
    assert.deepEqual((await ops.ok('GET', session)).memberships.map((m) => m.role), ['owner']);
    assert.match(await run('list'), /ops@example\.com/);
    const reset = await run('link', 'ops@example.com');
    assert.equal((await ops.ok('GET', `/api/v1/console/link/${keyOf(reset)}`)).kind, 'reset');
    const newer = await run('link', 'ops@example.com');
    assert.equal((await use(new Person(p), reset, { password: 'green-bicycle-11' })).status, 404, 'a newer link ends the older');
    const back = new Person(p);
    assert.equal((await use(back, newer, { password: 'green-bicycle-11' })).status, 200);
    assert.equal((await ops.api('GET', session)).status, 401, 'a reset ends all sessions');
    await run('disable', 'ops@example.com');
    assert.equal((await back.api('GET', session)).status, 401);
    assert.equal((await back.signIn('ops@example.com', 'green-bicycle-11')).status, 401);
    await p.stop();
    await run('enable', 'ops@example.com');
    const offline = await run('create', 'night@example.com', '--role', 'viewer');
    assert.equal((await p.command(['user', 'link', 'nobody@example.com'])).status, 1);
    await p.start();
    assert.equal((await back.signIn('ops@example.com', 'green-bicycle-11')).status, 200);
    assert.equal((await use(new Person(p), offline)).status, 200);
    await run('delete', 'ops@example.com');
    assert.equal((await back.api('GET', session)).status, 401);
    assert.doesNotMatch(await run('list'), /ops@example/);
    // An owner's token is not the operator's.
    assert.equal((await p.api('GET', '/api/v1/console/user')).status, 403);
    assert.equal((await p.api('POST', '/api/v1/console/user/night@example.com/link', {})).status, 403);
});
