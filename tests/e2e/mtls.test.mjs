// SPDX-License-Identifier: Apache-2.0
// Client certificates and private authorities, as the server on the other end sees them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { join } from 'node:path';
import test from 'node:test';
import { authority } from './lib/certs.mjs';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';

const pem = (i) => `${i.key}${i.cert}`;
const path = (app, ep, what) => `/api/v1/app/${app.id}/endpoint/${ep.id}/${what}`;

// A server that demands a certificate of the authority.
async function demanding(t, ca, options = {}) {
    const tlsOptions = { ...ca.issue(['IP:127.0.0.1']), ca: ca.pem, requestCert: true, rejectUnauthorized: true, ...options };
    return receiver(t, { tlsOptions });
}

async function deliver(p, app, channel) {
    const message = await p.send(app, 'a.b', { n: 1 }, { channels: [channel] });
    return (await p.attempted(app, message, 1))[0];
}

for (const maxVersion of ['TLSv1.3', 'TLSv1.2']) {
    test(`a server that demands a certificate gets it, and its absence is named (${maxVersion})`, async (t) => {
        const ca = authority(t);
        const p = await postrider(t);
        const app = await p.app();
        const r = await demanding(t, ca, { maxVersion });
        const ep = await p.endpoint(app, r.url(), { retrySchedule: [], channels: ['x'], caBundle: ca.pem });
        const without = await deliver(p, app, 'x');
        assert.equal(without.cause, 'tls', JSON.stringify(without));
        assert.match(without.error, /the server asked for a client certificate, and the endpoint has none/);
        assert.equal(r.count, 0);
        const identity = ca.issue(['DNS:postrider'], { name: 'postrider' });
        await p.ok('PUT', path(app, ep, 'mtls'), { identity: pem(identity) });
        const attempt = await deliver(p, app, 'x');
        assert.equal(attempt.status, 0, JSON.stringify(attempt));
        assert.equal(r.requests[0].certificate, 'postrider');
        // Of another authority: refused by the server, in whatever words.
        await p.ok('PUT', path(app, ep, 'mtls'), { identity: pem(authority(t).issue(['DNS:x'], { name: 'stranger' })) });
        assert.equal((await deliver(p, app, 'x')).status, 2);
        assert.equal(r.count, 1);
        await p.ok('DELETE', path(app, ep, 'mtls'));
        assert.match((await deliver(p, app, 'x')).error, /client certificate/, 'an old connection lends nothing');
        assert.equal(r.count, 1);
    });
}

for (const http2 of [false, true]) {
    test(`endpoints on one host show each its own certificate${http2 ? ', with HTTP/2 asked for' : ''}`, async (t) => {
        const ca = authority(t);
        const p = await postrider(t, { settings: { WORKERS: '1' } });
        const app = await p.app();
        const r = await demanding(t, ca, { rejectUnauthorized: false });
        const names = ['one', 'two', 'none'];
        for (const name of names) {
            const ep = await p.endpoint(app, r.url(`/${name}`), { channels: [name], caBundle: ca.pem, http2 });
            if (name !== 'none') await p.ok('PUT', path(app, ep, 'mtls'), { identity: pem(ca.issue(['DNS:x'], { name })) });
        }
        for (let i = 0; i < 4; i++) for (const name of names) assert.equal((await deliver(p, app, name)).status, 0);
        for (const name of names) {
            const seen = r.requests.filter((q) => q.path === `/${name}`);
            assert.deepEqual([...new Set(seen.map((q) => q.certificate))], [name === 'none' ? undefined : name]);
            assert.equal(new Set(seen.map((q) => q.connection)).size, 1, 'its connection is used again');
        }
        assert.equal(r.connections, 3);
    });
}

test('over HTTP/2 a connection is shared by those who show the same certificate only', async (t) => {
    const ca = authority(t);
    const p = await postrider(t, { settings: { WORKERS: '1' } });
    const app = await p.app();
    const seen = [];
    const server = http2.createSecureServer({ ...ca.issue(['IP:127.0.0.1']), ca: ca.pem, requestCert: true, rejectUnauthorized: false });
    server.on('stream', (stream, headers) => {
        const socket = stream.session.socket;
        seen.push({ path: headers[':path'], certificate: socket.getPeerCertificate()?.subject?.CN, port: socket.remotePort });
        stream.resume().on('end', () => stream.respond({ ':status': 204 }, { endStream: true }));
    });
    const sessions = new Set();
    server.on('session', (s) => sessions.add(s));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
        for (const s of sessions) s.destroy();
        server.close();
    });
    const names = ['one', 'two', 'none'];
    for (const name of names) {
        const ep = await p.endpoint(app, `https://127.0.0.1:${server.address().port}/${name}`, { channels: [name], caBundle: ca.pem, http2: true });
        if (name !== 'none') await p.ok('PUT', path(app, ep, 'mtls'), { identity: pem(ca.issue(['DNS:x'], { name })) });
    }
    for (let i = 0; i < 3; i++) {
        const sent = await Promise.all(names.flatMap((n) => [n, n, n]).map((n) => p.send(app, 'a.b', {}, { channels: [n] })));
        for (const m of sent) assert.equal((await p.attempted(app, m, 1))[0].status, 0);
    }
    for (const name of names) assert.deepEqual([...new Set(seen.filter((q) => q.path === `/${name}`).map((q) => q.certificate))], [name === 'none' ? undefined : name]);
    assert.equal(seen.length, 27);
});

test('a new certificate is shown on a new connection', async (t) => {
    const ca = authority(t);
    const p = await postrider(t);
    const app = await p.app();
    const r = await demanding(t, ca);
    const ep = await p.endpoint(app, r.url(), { channels: ['x'], caBundle: ca.pem });
    for (const name of ['first', 'second']) {
        await p.ok('PUT', path(app, ep, 'mtls'), { identity: pem(ca.issue(['DNS:x'], { name })) });
        await deliver(p, app, 'x');
    }
    assert.deepEqual(r.requests.map((q) => q.certificate), ['first', 'second']);
});

test('what is set is checked, and the key never comes out', async (t) => {
    const ca = authority(t);
    const p = await postrider(t, { settings: { LOG_LEVEL: 'debug' } });
    const app = await p.app();
    const r = await demanding(t, ca);
    const ep = await p.endpoint(app, r.url(), { channels: ['x'], caBundle: ca.pem });
    const one = ca.issue(['DNS:x'], { name: 'one' });
    const two = ca.issue(['DNS:x'], { name: 'two' });
    const locked = execFileSync('openssl', ['pkey', '-aes128', '-passout', 'pass:x'], { input: one.key }).toString();
    const rows = [
        [{}, /missing/], [{ identity: null }, /missing/], [{ identity: 7 }, /string/], [{ identity: 'x' }, /no private key/],
        [{ identity: `${one.cert}` }, /no private key/], [{ identity: `${one.key}` }, /no certificate/],
        [{ identity: `${one.key}${two.cert}` }, /does not belong/], [{ identity: `${locked}${one.cert}` }, /encrypted/],
        [{ identity: `${one.key}${one.cert}`.replace(/CERTIFICATE-----\nM/, 'CERTIFICATE-----\nN') }, /cannot be read/],
        [{ identity: `${one.key}${one.cert}${'x'.repeat(70000)}` }, /at most 65536/],
    ];
    assert.equal((await p.api('GET', path(app, ep, 'mtls'))).status, 404);
    for (const [body, words] of rows) {
        const answer = await p.api('PUT', path(app, ep, 'mtls'), body);
        assert.equal(answer.status, 422, answer.text);
        assert.match(answer.text, words);
        assert.deepEqual(answer.json.detail[0].loc, ['body', 'identity']);
    }
    assert.deepEqual(await p.ok('GET', path(app, ep, 'mtls-config')), { enabled: false, config: null });
    // The authority's certificate first: the order does not matter.
    const identity = `${ca.pem}${one.cert}${one.key}`;
    assert.equal((await p.api('PUT', path(app, ep, 'mtls'), { identity })).status, 204);
    const shown = await p.ok('GET', path(app, ep, 'mtls'));
    assert.ok(shown.certificate.startsWith(one.cert.toString()) && shown.certificate.includes(ca.pem));
    assert.equal(shown.subject, 'CN = one');
    assert.ok(Date.parse(shown.expiresAt) > Date.now());
    assert.deepEqual(await p.ok('GET', path(app, ep, 'mtls-config')), { enabled: true, config: shown });
    assert.equal((await deliver(p, app, 'x')).status, 0);
    // Other changes leave it alone.
    await p.ok('PUT', `/api/v1/app/${app.id}/endpoint/${ep.id}`, { url: ep.url, channels: ['x'] });
    await p.restart();
    assert.equal((await deliver(p, app, 'x')).status, 0);
    assert.equal(r.requests.at(-1).certificate, 'one');
    const answers = await Promise.all(['', '/headers', '/secret', '/mtls', '/mtls-config', '/ca'].map((s) => p.api('GET', `/api/v1/app/${app.id}/endpoint/${ep.id}${s}`)));
    const line = one.key.toString().split('\n')[1];
    for (const a of answers) assert.ok(!a.text.includes(line) && !a.text.includes('PRIVATE'), a.text);
    for (const name of readdirSync(p.dir)) assert.ok(!readFileSync(join(p.dir, name)).includes(line), name);
    await p.ok('DELETE', path(app, ep, 'mtls'));
    assert.equal((await p.api('GET', path(app, ep, 'mtls'))).status, 404);
});

test('the authority by its own route is the field caBundle', async (t) => {
    const ca = authority(t);
    const p = await postrider(t);
    const app = await p.app();
    const r = await receiver(t, { tlsOptions: ca.issue(['IP:127.0.0.1']) });
    const ep = await p.endpoint(app, r.url(), { channels: ['x'], retrySchedule: [] });
    assert.deepEqual(await p.ok('GET', path(app, ep, 'ca')), { cert: null });
    assert.equal((await deliver(p, app, 'x')).cause, 'tls');
    assert.equal((await p.api('PUT', path(app, ep, 'ca'), { cert: ca.pem })).status, 204);
    assert.deepEqual(await p.ok('GET', path(app, ep, 'ca')), { cert: ca.pem });
    assert.equal((await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${ep.id}`)).caBundle, ca.pem);
    assert.equal((await deliver(p, app, 'x')).status, 0);
    for (const cert of ['x', 7, '', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']) {
        const answer = await p.api('PUT', path(app, ep, 'ca'), { cert });
        assert.equal(answer.status, 422);
        assert.deepEqual(answer.json.detail[0].loc, ['body', 'cert']);
    }
    assert.equal((await p.api('PUT', path(app, ep, 'ca'), { cert: null })).status, 204);
    assert.equal((await deliver(p, app, 'x')).cause, 'tls');
});

test('another tenant and who may only read are refused', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const other = await p.app();
    const ep = await p.endpoint(app, 'http://127.0.0.1:9/');
    for (const [method, what] of [['GET', 'mtls'], ['PUT', 'mtls'], ['DELETE', 'mtls'], ['GET', 'mtls-config'], ['GET', 'ca'], ['PUT', 'ca']])
        assert.equal((await p.api(method, path(other, ep, what), method === 'PUT' ? {} : undefined)).status, 404, `${method} ${what}`);
    const access = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, { readOnly: true });
    for (const [method, what, status] of [['GET', 'mtls-config', 200], ['PUT', 'mtls', 403], ['DELETE', 'mtls', 403], ['PUT', 'ca', 403]])
        assert.equal((await p.api(method, path(app, ep, what), method === 'PUT' ? {} : undefined, { token: access.token })).status, status, `${method} ${what}`);
});
