// SPDX-License-Identifier: Apache-2.0
// Deliveries that carry access tokens: how tokens are asked for, kept, replaced, and what happens when there is none.
import assert from 'node:assert/strict';
import { createVerify, generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { nameServer } from './lib/dns.mjs';
import { freePort, postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { tokenServer } from './lib/tokens.mjs';
import { sleep, until } from './lib/wait.mjs';

const SECRET = 's3cr3t canary/+=';
const path = (app, ep, what = 'oauth') => `/api/v1/app/${app.id}/endpoint/${ep.id}/${what}`;
const config = (tokens, fields = {}) => ({ grantType: 'clientCredentials', authMethod: 'clientSecretBasic', clientId: 'client:1', clientSecret: SECRET, tokenUrl: tokens.url('/token'), ...fields });
const bearer = (r) => r.requests.map((q) => q.headers.authorization);

// A program, a receiver, a token server, and an endpoint that uses it.
async function setup(t, { fields = {}, endpoint = {}, tokens = {}, answer, settings } = {}) {
    const p = await postrider(t, { settings });
    const r = await receiver(t, { answer });
    const s = await tokenServer(t, tokens);
    const app = await p.app();
    const ep = await p.endpoint(app, r.url(), { retrySchedule: [], ...endpoint });
    await p.ok('PUT', path(app, ep), config(s, fields));
    const deliver = async (n = 1) => {
        const m = await p.send(app, 'a.b', { n: 1 });
        return (await p.attempted(app, m, n))[0];
    };
    return { p, r, s, app, ep, deliver };
}

test('client credentials: asked for once, carried by every delivery, masked in the log', async (t) => {
    const { p, r, s, app, ep, deliver } = await setup(t, {
        fields: { scopes: ['a:read', 'b'], extraParams: { audience: 'https://api.example/ä' }, extraHeaders: { 'X-Tenant': 'seven' } },
        endpoint: { headers: { 'X-Own': 'own', Authorization: 'not this one' } },
    });
    for (let i = 0; i < 5; i++) assert.equal((await deliver()).status, 0);
    assert.deepEqual(bearer(r), Array(5).fill('Bearer token-1'));
    assert.equal(r.requests[0].headers['x-own'], 'own');
    assert.equal(r.requests[0].rawHeaders.filter(([n]) => /^authorization$/i.test(n)).length, 1);
    assert.equal(s.count, 1);
    const [q] = s.requests;
    assert.equal(q.method, 'POST');
    assert.equal(q.path, '/token');
    assert.equal(q.headers['content-type'], 'application/x-www-form-urlencoded');
    assert.equal(q.headers['x-tenant'], 'seven');
    assert.deepEqual(q.params, { grant_type: 'client_credentials', scope: 'a:read b', audience: 'https://api.example/ä' });
    const [, basic] = q.headers.authorization.split(' ');
    const [id, secret] = Buffer.from(basic, 'base64').toString().split(':').map((x) => decodeURIComponent(x.replaceAll('+', ' ')));
    assert.deepEqual([id, secret], ['client:1', SECRET]);
    const m = await p.send(app, 'a.b');
    const [attempt] = await p.attempted(app, m, 1);
    const shown = await p.ok('GET', `/api/v1/app/${app.id}/msg/${m.id}/attempt/${attempt.id}/headers`);
    assert.ok(!JSON.stringify(shown).includes('token-1'), JSON.stringify(shown));
    assert.ok(/authorization/i.test(JSON.stringify(shown)));
    // Without the configuration it is as it was before.
    await p.ok('DELETE', path(app, ep));
    await deliver();
    assert.equal(bearer(r).at(-1), 'not this one');
    assert.equal(s.count, 1);
});

test('the secret in the body; a client that signs', async (t) => {
    const { p, r, s, app, ep, deliver } = await setup(t, { fields: { authMethod: 'clientSecretPost' } });
    await deliver();
    assert.deepEqual(s.requests[0].params, { grant_type: 'client_credentials', client_id: 'client:1', client_secret: SECRET });
    assert.equal(s.requests[0].headers.authorization, undefined);
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const forms = [privateKey.export({ type: 'pkcs8', format: 'pem' }), privateKey.export({ type: 'pkcs1', format: 'pem' }), privateKey.export({ type: 'pkcs8', format: 'der' }), privateKey.export({ type: 'pkcs1', format: 'der' })];
    const ids = new Set();
    for (const [i, key] of forms.entries()) {
        const jwtParams = { secretBase64: Buffer.from(key).toString('base64'), signingAlgorithm: 'RS256', ...(i ? { secretId: 'key-1', tokenExpirySecs: 60 } : {}) };
        await p.ok('PUT', path(app, ep), config(s, { authMethod: 'clientSecretJwt', clientSecret: null, jwtParams }));
        assert.equal((await deliver()).status, 0);
        const { client_assertion: jwt, ...rest } = s.requests.at(-1).params;
        assert.deepEqual(rest, { grant_type: 'client_credentials', client_id: 'client:1', client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' });
        const [head, claims, signature] = jwt.split('.');
        assert.ok(createVerify('RSA-SHA256').update(`${head}.${claims}`).verify(publicKey, signature, 'base64url'));
        const read = (x) => JSON.parse(Buffer.from(x, 'base64url'));
        assert.deepEqual(read(head), { alg: 'RS256', typ: 'JWT', ...(i ? { kid: 'key-1' } : {}) });
        const { iss, sub, aud, jti, iat, exp } = read(claims);
        assert.deepEqual([iss, sub, aud, exp - iat], ['client:1', 'client:1', s.url('/token'), i ? 60 : 300]);
        assert.ok(Math.abs(iat - Date.now() / 1000) < 30);
        ids.add(jti);
    }
    assert.equal(ids.size, forms.length);
    assert.equal(bearer(r).at(-1), `Bearer token-${forms.length + 1}`, 'a new configuration begins with a new token');
});

test('a token is replaced before it ends, and when the server gives no life it is kept a while', async (t) => {
    const { s, r, deliver } = await setup(t, { tokens: { life: 2 } });
    await deliver();
    await sleep(2100);
    await deliver();
    assert.deepEqual(bearer(r), ['Bearer token-1', 'Bearer token-2']);
    assert.equal(s.count, 2);
    const other = await setup(t, { tokens: { life: null } });
    await other.deliver();
    await other.deliver();
    assert.equal(other.s.count, 1);
});

test('many at once ask once', async (t) => {
    const { p, r, s, app } = await setup(t, { tokens: { answer: async () => sleep(300) } });
    await Promise.all(Array.from({ length: 40 }, () => p.send(app, 'a.b')));
    await r.arrived(40);
    assert.equal(s.count, 1);
});

test('a 401 renews the token and repeats the request within the attempt', async (t) => {
    let good = 'token-1';
    const { p, r, s, app, deliver } = await setup(t, { answer: (q) => (q.headers.authorization === `Bearer ${good}` ? 204 : 401) });
    assert.equal((await deliver()).status, 0);
    good = 'token-2'; // the first one is revoked
    const attempt = await deliver();
    assert.equal(attempt.status, 0, JSON.stringify(attempt));
    assert.deepEqual(bearer(r), ['Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
    assert.equal(s.count, 2);
    // Revoked in the midst of many.
    good = 'token-3';
    const sent = await Promise.all(Array.from({ length: 20 }, () => p.send(app, 'a.b')));
    for (const m of sent) assert.deepEqual((await p.attempted(app, m, 1)).map((a) => a.status), [0]);
    assert.equal(s.count, 3, 'still one request');
});

test('an endpoint that refuses every token costs one token per attempt', async (t) => {
    const { r, s, p, app } = await setup(t, { endpoint: { retrySchedule: [0.2, 0.2] }, answer: () => 401 });
    const m = await p.send(app, 'a.b');
    const attempts = await p.attempted(app, m, 3);
    assert.ok(attempts.every((a) => a.cause === 'status' && a.responseStatusCode === 401), JSON.stringify(attempts));
    assert.ok(s.count <= 3, `${s.count} tokens`);
    assert.ok(r.count <= 6);
});

test('a 401 whose new token cannot be had says both', async (t) => {
    let broken = false;
    const { deliver } = await setup(t, { answer: () => (broken ? 401 : 204), tokens: { answer: () => (broken ? { status: 503, body: 'down' } : undefined) } });
    await deliver();
    broken = true;
    const attempt = await deliver();
    assert.equal(attempt.cause, 'oauth');
    assert.equal(attempt.responseStatusCode, 401);
    assert.match(attempt.error, /answered 401, and the token server did not give a new token: it answered 503/);
});

test('what token servers say instead of a token', async (t) => {
    let say;
    const { p, r, s, app, ep, deliver } = await setup(t, { tokens: { answer: () => say }, settings: { LOG_LEVEL: 'debug' } });
    const json = (status, body) => ({ status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    const rows = [
        [json(401, { error: 'invalid_client', error_description: 'no such\nclient' }), /it answered 401: invalid_client: no such client$/],
        [json(400, { error: 'invalid_client', error_description: `I do not know ${SECRET}` }), /it answered 400$/],
        [{ status: 302, headers: { Location: r.url('/stolen') } }, /it answered 302$/],
        [{ status: 200, body: 'no json' }, /no JSON object/],
        [{ status: 200, body: JSON.stringify({ access_token: 'x'.repeat(20_000) }) }, /longer than 16 KiB/],
        [json(200, {}), /no access_token/],
        [json(200, { access_token: 'a\r\nX-Evil: 1' }), /no access_token that can be used/],
        [json(200, { access_token: '' }), /no access_token/],
        [json(200, { access_token: 'a', token_type: 'mac' }), /not of the type Bearer/],
        ['reset', /closed|reset/],
    ];
    for (const [answer, words] of rows) {
        say = answer;
        await p.ok('PUT', path(app, ep), config(s)); // no waiting after the failure before
        const attempt = await deliver();
        assert.equal(attempt.status, 2);
        assert.equal(attempt.cause, 'oauth', JSON.stringify(attempt));
        assert.match(attempt.error, /^the token server did not give a token: /);
        assert.match(attempt.error, words);
        assert.ok(!attempt.error.includes(SECRET));
    }
    assert.equal(r.count, 0, 'nothing is sent without a token');
    assert.ok(!p.log().includes(SECRET) && !p.log().includes(encodeURIComponent(SECRET)));
});

test('a slow token server costs the attempt its own time and no more', async (t) => {
    let answer;
    const late = new Promise((resolve) => (answer = resolve));
    const { r, s, deliver } = await setup(t, { endpoint: { timeoutMs: 1000 * slow }, tokens: { answer: () => late } });
    const attempt = await deliver();
    assert.equal(attempt.cause, 'oauth');
    assert.match(attempt.error, /did not answer in time/);
    answer();
    await until('its token is there', () => s.given === 1);
    await sleep(100);
    assert.equal((await deliver()).status, 0, 'the late token serves the next');
    assert.equal(s.count, 1);
    assert.equal(r.count, 1);
});

test('a receiver that is slow after a slow token: both count', async (t) => {
    const { deliver } = await setup(t, { endpoint: { timeoutMs: 3000 }, tokens: { answer: async () => sleep(1500) }, answer: () => ({ status: 204, delayMs: 2500 }) });
    const attempt = await deliver();
    assert.equal(attempt.cause, 'timeout_wait', JSON.stringify(attempt));
    assert.match(attempt.error, /within 3 s/);
});

test('a dead token server is asked now and then, and the delivery comes when it is back', async (t) => {
    let dead = true;
    const { p, r, s, app } = await setup(t, { endpoint: { retrySchedule: Array(30).fill(0.3) }, tokens: { answer: () => (dead ? 'close' : undefined) } });
    const from = Date.now();
    for (let i = 0; i < 20; i++) await p.send(app, 'a.b');
    await sleep(3000);
    assert.ok(s.count >= 1 && s.count <= 1 + (Date.now() - from) / 1000, `asked ${s.count} times in ${Date.now() - from} ms`);
    assert.equal(r.count, 0);
    dead = false;
    await r.arrived(20);
    assert.deepEqual([...new Set(bearer(r))], ['Bearer token-1']);
    const gone = await setup(t);
    await gone.p.ok('PUT', path(gone.app, gone.ep), config({ url: () => `http://127.0.0.1:${deadPort}/token` }));
    assert.match((await gone.deliver()).error, /connection refused/);
});
const deadPort = await freePort();

test('many endpoints with one slow token server: a few requests at a time, none of the others waits', async (t) => {
    const p = await postrider(t, { settings: { WORKERS: '1' } });
    const r = await receiver(t);
    let open = 0;
    let most = 0;
    let answer;
    const held = new Promise((resolve) => (answer = resolve));
    const s = await tokenServer(t, {
        answer: async () => {
            most = Math.max(most, ++open);
            await held;
            await sleep(20);
            open--;
        },
    });
    const app = await p.app();
    for (let i = 0; i < 40; i++) {
        const ep = await p.endpoint(app, r.url(), { channels: ['slow'], timeoutMs: 30_000 });
        await p.ok('PUT', path(app, ep), config(s));
    }
    await p.endpoint(app, r.url('/other'), { channels: ['fast'] });
    await p.send(app, 'a.b', {}, { channels: ['slow'] });
    await s.arrived(1);
    await p.send(app, 'a.b', {}, { channels: ['fast'] });
    await r.arrived(1);
    assert.deepEqual(r.requests.map((q) => q.path), ['/other']);
    answer();
    await r.arrived(41);
    assert.equal(s.count, 40, 'each endpoint its own');
    assert.ok(most <= 8, `${most} at a time`);
    assert.equal(new Set(bearer(r)).size, 41);
});

test('a change of the configuration while its token is awaited', async (t) => {
    let hang = true;
    const { p, r, s, app, ep } = await setup(t, { tokens: { answer: () => (hang ? 'hang' : undefined) } });
    await p.send(app, 'a.b');
    await s.arrived(1);
    hang = false;
    await p.ok('PUT', path(app, ep), config(s, { clientId: 'another' }));
    await p.send(app, 'a.b'); // asks with the new one; both go
    await r.arrived(2);
    assert.deepEqual(bearer(r), ['Bearer token-1', 'Bearer token-1']);
    // And while it is removed, or its endpoint disabled or deleted.
    for (const end of [() => p.ok('DELETE', path(app, ep)), () => p.ok('PATCH', path(app, ep, ''), { disabled: true }), () => p.ok('DELETE', path(app, ep, ''))]) {
        hang = true;
        const n = s.count;
        await p.ok('PATCH', path(app, ep, ''), { disabled: false });
        await p.ok('PUT', path(app, ep), config(s));
        await p.send(app, 'a.b');
        await s.arrived(n + 1);
        await end();
        await sleep(100);
    }
    assert.equal((await p.api('GET', '/api/v1/health')).status, 200);
});

test('the endpoint counts as failing when there is no token', async (t) => {
    const { p, app, ep, deliver } = await setup(t, { tokens: { answer: () => 500 } });
    await deliver();
    assert.equal((await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${ep.id}`)).state.status, 'failing');
});

test('refresh tokens: a new one replaces the old, across kill -9', async (t) => {
    let current = 'refresh-0';
    let n = 0;
    const answer = (q) => {
        if (q.params.refresh_token !== current) return { status: 400, headers: {}, body: '{"error":"invalid_grant"}' };
        current = `refresh-${++n}`;
        return { token: { access_token: `access-${n}`, token_type: 'Bearer', expires_in: '1', refresh_token: current } };
    };
    const { p, r, s, app, ep, deliver } = await setup(t, { fields: { grantType: 'refreshToken', refreshToken: 'refresh-0', scopes: ['x'] }, tokens: { answer } });
    const before = await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${ep.id}`);
    assert.equal((await deliver()).status, 0);
    assert.deepEqual(s.requests[0].params, { grant_type: 'refresh_token', refresh_token: 'refresh-0', scope: 'x' });
    await sleep(1100);
    const version = () => Number(p.sql(`SELECT max(version) FROM object WHERE app <> 0`));
    await until('the token is stored', () => version() >= 3); // after the delivery has gone
    assert.equal((await deliver()).status, 0);
    await until('the next one too', () => version() >= 4);
    await p.kill();
    await p.start();
    assert.equal((await deliver()).status, 0, 'it goes on with the one that was stored');
    assert.deepEqual(bearer(r), ['Bearer access-1', 'Bearer access-2', 'Bearer access-3']);
    assert.ok(!JSON.stringify(await p.ok('GET', path(app, ep))).includes('refresh-'));
    assert.equal((await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${ep.id}`)).updatedAt, before.updatedAt, 'nobody changed it');
    await p.stop();
    const rotated = await p.command(['keys', 'rotate']);
    assert.equal(rotated.status, 0, rotated.stderr);
    await p.start();
    assert.equal((await deliver()).status, 0, 'sealed under another key');
});

test('kill -9 while a token is awaited', async (t) => {
    let hang = true;
    const { p, r, s, app } = await setup(t, { tokens: { answer: () => (hang ? 'hang' : undefined) } });
    await p.send(app, 'a.b');
    await s.arrived(1);
    await p.kill();
    hang = false;
    await p.start();
    await r.arrived(1);
    assert.equal(bearer(r)[0], 'Bearer token-1');
});

test('a stop in the midst of it is clean', async (t) => {
    const { p, r, s, app } = await setup(t, { tokens: { answer: async () => sleep(800) } });
    await p.send(app, 'a.b');
    await s.arrived(1);
    await p.stop();
    await p.start();
    await r.arrived(1);
});

test('the token server is behind the same guard', async (t) => {
    const r = await receiver(t, { host: '127.0.0.2' });
    const s = await tokenServer(t);
    const names = await nameServer(t, (name, type) => (type === 'A' ? [name.startsWith('hook') ? '127.0.0.2' : '127.0.0.1'] : []));
    const p = await postrider(t, { args: [], settings: { HTTPS_ONLY: 'false', ALLOW_SUBNETS: '127.0.0.2/32', RESOLVER: names.address } });
    const app = await p.app();
    const ep = await p.endpoint(app, r.url('/hook', 'hook.example.com'), { retrySchedule: [] });
    for (const url of [s.url(), 'http://localhost/', 'http://169.254.169.254/latest', 'file:///etc/passwd', 'http://user:pw@example.com/', 'x', ''])
        assert.equal((await p.api('PUT', path(app, ep), config({ url: () => url }))).status, 422, url);
    await p.ok('PUT', path(app, ep), config({ url: () => s.url('/token', 'tokens.example.com') }));
    const m = await p.send(app, 'a.b');
    const [attempt] = await p.attempted(app, m, 1);
    assert.equal(attempt.cause, 'oauth');
    assert.match(attempt.error, /127\.0\.0\.1 is not allowed/);
    assert.equal(s.connections, 0);
    assert.equal(r.count, 0);
});

test('what is set is checked; nothing secret comes out', async (t) => {
    const { p, s, r, app, ep, deliver } = await setup(t, { settings: { LOG_LEVEL: 'debug' } });
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    const short = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    const jwt = (key, fields) => ({ authMethod: 'clientSecretJwt', jwtParams: { secretBase64: Buffer.from(key).toString('base64'), signingAlgorithm: 'RS256', ...fields } });
    const rows = [
        [{ grantType: undefined }, 'grantType'], [{ grantType: 'password' }, 'grantType'], [{ authMethod: 'none' }, 'authMethod'], [{ authMethod: null }, 'authMethod'],
        [{ clientId: '' }, 'clientId'], [{ clientSecret: null }, 'clientSecret'], [{ clientSecret: '', authMethod: 'clientSecretPost' }, 'clientSecret'],
        [{ grantType: 'refreshToken' }, 'refreshToken'], [{ tokenUrl: 7 }, 'tokenUrl'], [{ scopes: 'a' }, 'scopes'], [{ scopes: [''] }, 'scopes'],
        [{ extraParams: { grant_type: 'x' } }, 'extraParams'], [{ extraParams: { a: 1 } }, 'extraParams'], [{ extraParams: { a: 'x'.repeat(5000) } }, 'extraParams'],
        [{ extraHeaders: { Host: 'x' } }, 'extraHeaders'], [{ extraHeaders: { 'Content-Type': 'x' } }, 'extraHeaders'], [{ extraHeaders: { Authorization: 'x' } }, 'extraHeaders'],
        [{ extraHeaders: { 'X-A': 'a\nb' } }, 'extraHeaders'], [{ extraHeaders: { 'X-A': '1', 'x-a': '2' } }, 'extraHeaders'],
        [{ authMethod: 'clientSecretJwt' }, 'jwtParams'], [jwt('x'), 'secretBase64'], [jwt(ec), 'secretBase64'], [jwt(short), 'secretBase64'],
        [jwt(ec, { signingAlgorithm: 'HS256' }), 'signingAlgorithm'], [jwt(ec, { secretBase64: '***' }), 'secretBase64'], [jwt(ec, { tokenExpirySecs: -1 }), 'tokenExpirySecs'],
    ];
    for (const [fields, name] of rows) {
        const answer = await p.api('PUT', path(app, ep), config(s, fields));
        assert.equal(answer.status, 422, `${JSON.stringify(fields)}: ${answer.text}`);
        assert.ok(answer.json.detail.some((d) => d.loc.includes(name)), `${name}: ${answer.text}`);
    }
    assert.deepEqual(await p.ok('GET', path(app, ep)), { grantType: 'clientCredentials', authMethod: 'clientSecretBasic', clientId: 'client:1', tokenUrl: s.url('/token'), scopes: null, extraParams: null, extraHeaders: null });
    await deliver();
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${ep.id}`, { description: 'x' });
    await p.restart();
    await deliver();
    assert.deepEqual(bearer(r), ['Bearer token-1', 'Bearer token-2']);
    for (const what of ['', 'oauth', 'oauth-config', 'headers', 'secret']) assert.ok(!(await p.api('GET', path(app, ep, what))).text.includes(SECRET), what);
    for (const name of readdirSync(p.dir)) {
        const bytes = readFileSync(join(p.dir, name));
        for (const x of [SECRET, encodeURIComponent(SECRET), Buffer.from(SECRET).toString('base64'), 'token-1', 'token-2']) assert.ok(!bytes.includes(x), `${x} in ${name}`);
    }
    assert.equal((await p.api('DELETE', path(app, ep))).status, 204);
    assert.equal((await p.api('GET', path(app, ep))).status, 404);
    assert.deepEqual(await p.ok('GET', path(app, ep, 'oauth-config')), { enabled: false, config: null });
});
