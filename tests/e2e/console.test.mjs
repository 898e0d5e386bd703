// SPDX-License-Identifier: Apache-2.0
// Signing in to the console: sessions, their cookies, their ends, and what a page of somebody else cannot do with them.
import assert from 'node:assert/strict';
import test from 'node:test';
import { environment, postrider } from './lib/postrider.mjs';
import { firstKey, firstUser, goodPassword, Person } from './lib/console.mjs';

const session = '/api/v1/console/session';

test('the first user is made by the link that the server prints, once', async (t) => {
    const p = await postrider(t);
    const key = await firstKey(p);
    const person = new Person(p);
    const link = `/api/v1/console/link/${key}`;
    assert.deepEqual((await person.ok('GET', link)).kind, 'first');
    assert.equal((await person.api('GET', `/api/v1/console/link/${key}x`)).status, 404);
    const weak = await person.api('POST', link, { email: 'owner@example.com', password: 'Password123!' });
    assert.equal(weak.status, 422, weak.text);
    assert.deepEqual(weak.json.detail[0].loc, ['body', 'password']);
    const all = await Promise.all([1, 2, 3].map((i) => new Person(p).api('POST', link, { email: `owner${i}@example.com`, password: goodPassword })));
    assert.equal(all.filter((a) => a.status === 200).length, 1, all.map((a) => a.text).join());
    assert.equal((await person.api('GET', link)).status, 404);
    const made = all.find((a) => a.status === 200).json;
    assert.deepEqual(made.memberships, [{ environment, environmentName: environment, app: null, role: 'owner' }]);
    assert.equal(made.portal, null);
    await p.restart();
    assert.equal(p.log().match(/link#key=/g).length, 1, 'a server with users prints no link');
});

test('a session works instead of a token, on every kind of route, and ends', async (t) => {
    const p = await postrider(t);
    await firstUser(p);
    const person = new Person(p);
    const bad = await person.signIn('owner@example.com', 'wrong-password');
    assert.deepEqual([bad.status, bad.json.code], [401, 'bad_credentials']);
    const unknown = await person.signIn('nobody@example.com', 'wrong-password');
    assert.deepEqual([unknown.status, unknown.json], [401, bad.json]);
    const good = await person.signIn(' Owner@Example.com ');
    assert.equal(good.status, 200, good.text);
    assert.match(good.headers['set-cookie'][0], /^postrider=prs_\w{67}; Path=\/; Max-Age=1209600; HttpOnly; SameSite=Lax$/);
    assert.equal(good.headers['access-control-allow-origin'], undefined);
    assert.deepEqual(good.json.user.email, 'owner@example.com');
    assert.ok(Date.parse(good.json.idleExpiresAt) - Date.now() <= 12 * 3600_000);

    const app = await person.ok('POST', '/api/v1/app', { name: 'A customer' });
    const list = await person.api('GET', '/api/v1/app');
    assert.equal(list.json.data[0].id, app.id);
    assert.equal(list.headers['access-control-allow-origin'], undefined);
    const message = await person.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: {} });
    assert.equal((await person.ok('GET', `/api/v1/app/${app.id}/msg/${message.id}`)).actor.type, 'user');
    assert.equal((await person.ok('GET', '/api/v1/auth/whoami')).role, 'owner');

    const other = new Person(p);
    await other.signIn('owner@example.com');
    const sessions = (await person.ok('GET', `${session}/list`)).data;
    assert.equal(sessions.length, 3);
    assert.equal(sessions.filter((s) => s.current).length, 1);
    const his = (await other.ok('GET', `${session}/list`)).data.find((s) => s.current);
    assert.equal((await person.api('DELETE', `${session}/${his.id}`)).status, 204);
    assert.equal((await other.api('GET', session)).status, 401);

    const cookie = person.cookie;
    const gone = await person.api('DELETE', session);
    assert.equal(gone.status, 204);
    assert.match(gone.headers['set-cookie'][0], /^postrider=; Path=\/; Max-Age=0;/);
    person.cookie = cookie;
    assert.equal((await person.api('GET', session)).status, 401);
    assert.equal((await person.api('GET', '/api/v1/app')).status, 401);
});

test('signing in makes a new session, and ends the one that the browser had', async (t) => {
    const p = await postrider(t);
    const person = await firstUser(p);
    const before = person.cookie;
    const fixed = new Person(p);
    fixed.cookie = 'postrider=prs_000000000000000000000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
    assert.equal((await fixed.signIn('owner@example.com')).status, 200);
    assert.doesNotMatch(fixed.cookie, /aaaaaaaaaa/);
    assert.equal((await person.signIn('owner@example.com')).status, 200);
    assert.notEqual(person.cookie, before);
    const old = new Person(p);
    old.cookie = before;
    assert.equal((await old.api('GET', session)).status, 401);
});

test('a cookie alone changes nothing: token, origin, content type', async (t) => {
    const p = await postrider(t);
    const person = await firstUser(p);
    const body = { name: 'A customer' };
    const post = (headers, text = body) => person.api('POST', '/api/v1/app', text, { headers });
    assert.equal((await post({ 'x-csrf-token': '' })).status, 403);
    assert.equal((await post({ 'x-csrf-token': `${person.csrf}x` })).status, 403);
    assert.equal((await post({ 'sec-fetch-site': 'cross-site' })).status, 403);
    assert.equal((await post({ 'sec-fetch-site': 'same-site' })).status, 403);
    assert.equal((await post({ origin: 'https://evil.example' })).status, 403);
    assert.equal((await post({ origin: 'null' })).status, 403);
    assert.equal((await post({ 'content-type': 'text/plain' }, JSON.stringify(body))).status, 415);
    const app = await person.ok('POST', '/api/v1/app', body, { headers: { origin: `http://127.0.0.1:${p.port}`, 'sec-fetch-site': 'same-origin' } });
    const send = (headers) => person.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a', payload: {} }, { headers });
    assert.equal((await send({ 'x-csrf-token': '' })).status, 403);
    assert.equal((await send({ origin: 'https://evil.example' })).status, 403);
    assert.equal((await send({})).status, 202);
    const signIn = await p.api('POST', session, { email: 'owner@example.com', password: goodPassword }, { token: null, headers: { origin: 'https://evil.example' } });
    assert.equal(signIn.status, 403);
    const form = await p.api('POST', session, JSON.stringify({ email: 'owner@example.com', password: goodPassword }), { token: null, headers: { 'content-type': 'text/plain' } });
    assert.equal(form.status, 415);
});

test('guessing is slowed down, for one account and one address', async (t) => {
    const p = await postrider(t);
    await firstUser(p);
    const person = new Person(p);
    const seen = [];
    for (let i = 0; i < 11; i++) seen.push(await person.signIn('owner@example.com', `wrong-${i}-guess`));
    assert.deepEqual(seen.slice(0, 10).map((a) => a.status), Array(10).fill(401));
    assert.equal(seen[10].status, 429);
    assert.ok(Number(seen[10].headers['retry-after']) >= 1);
    assert.equal((await person.signIn('owner@example.com')).status, 429, 'the right password too');
    assert.equal((await person.signIn('other@example.com')).status, 401, 'another account is another matter');
});

test('the portal is a session confined to its workspace', async (t) => {
    const p = await postrider(t, { settings: { PUBLIC_URL: 'https://hooks.example.com', PORTAL_FRAME_ANCESTORS: 'https://app.example.com' } });
    const app = await p.app({ uid: 'customer' });
    const other = await p.app();
    const { url } = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, { featureFlags: ['beta'] });
    const key = new URL(url).hash.slice('#key='.length);
    const person = new Person(p);
    const entered = await person.api('POST', `${session}/portal`, { key });
    assert.equal(entered.status, 200, entered.text);
    assert.match(entered.headers['set-cookie'][0], /^__Host-postrider=prp_\w+; Path=\/; Max-Age=\d+; HttpOnly; Secure; SameSite=None; Partitioned$/);
    assert.deepEqual(
        [entered.json.user, entered.json.memberships, entered.json.portal.appId, entered.json.portal.appUid, entered.json.portal.appName, entered.json.portal.readOnly, entered.json.portal.featureFlags],
        [null, [], app.id, 'customer', 'A customer', false, ['beta']],
    );
    assert.equal((await new Person(p).api('POST', `${session}/portal`, { key })).status, 401);
    await person.ok('POST', `/api/v1/app/${app.id}/endpoint`, { url: 'http://127.0.0.1:9/' });
    assert.equal((await person.api('GET', `/api/v1/app/${other.id}/endpoint`)).status, 404);
    assert.equal((await person.api('GET', '/api/v1/app')).status, 403);
    assert.equal((await person.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a', payload: {} })).status, 403);
    await p.ok('POST', `/api/v1/auth/app/${app.id}/expire-all`, {});
    assert.equal((await person.api('GET', session)).status, 401);
});

test('a password is changed by who knows it; other sessions end', async (t) => {
    const p = await postrider(t);
    const person = await firstUser(p);
    const other = new Person(p);
    await other.signIn('owner@example.com');
    const put = (body) => person.api('PUT', '/api/v1/console/password', body);
    assert.equal((await put({ current: 'wrong-one', new: 'green-bicycle-11' })).status, 401);
    assert.equal((await put({ current: goodPassword, new: 'qwertyuiop' })).status, 422);
    assert.equal((await put({ current: goodPassword, new: 'owner2024' })).status, 422);
    assert.equal((await put({ current: goodPassword, new: 'green-bicycle-11' })).status, 204);
    assert.equal((await other.api('GET', session)).status, 401);
    assert.equal((await person.api('GET', session)).status, 200);
    assert.equal((await other.signIn('owner@example.com')).status, 401);
    assert.equal((await other.signIn('owner@example.com', 'green-bicycle-11')).status, 200);
});
