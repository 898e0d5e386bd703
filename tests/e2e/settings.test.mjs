// SPDX-License-Identifier: Apache-2.0
// Every setting with a value that works and values that do not; start, drain, second start.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import { jwt, Postrider, postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf, until } from './lib/wait.mjs';

// name, values that start, values that do not
const table = [
    ['LISTEN', [], ['nonsense', '127.0.0.1:99999', ':x']],
    ['METRICS_LISTEN', ['off', '127.0.0.1:0'], ['127.0.0.1:99999', 'nonsense']],
    ['DATABASE', [], ['mysql://localhost/x', 'sqlite:/nonexistent-folder/x.db', '']],
    ['MASTER_KEY', ['ab'.repeat(32), `${'ab'.repeat(32)},${'cd'.repeat(32)}`], ['short', 'zz'.repeat(32), `${'ab'.repeat(32)},`]],
    ['PUBLIC_URL', ['https://hooks.example.com'], ['hooks.example.com', 'ftp://x']],
    ['TRUSTED_PROXIES', ['10.0.0.0/8,::1'], ['10.0.0.0/33', 'proxy.example.com']],
    ['ENVIRONMENT', ['org_00000000000000000000000test'], ['me', 'app_23rb8YdGqMT0qIzpgGwdXfHirMu']],
    ['DEFAULT_PROFILE', ['myra', 'metapulse', 'standard'], ['Not A Name', 'no-such-profile']],
    ['RETRY_SCHEDULE', ['1ms,5s,5m,2h', ''], ['5', '1s,soon', '-1s']],
    ['REQUEST_TIMEOUT', ['20s'], ['soon', '0s', '-5s']],
    ['DEFAULT_SIGNATURE', ['hmac256', 'ed25519'], ['md5', 'none']],
    ['DISABLE_AFTER', ['1d'], ['later']],
    ['HTTPS_ONLY', ['true', 'false'], ['maybe']],
    ['ALLOW_SUBNETS', ['127.0.0.0/8,::1/128'], ['127.0.0.0/64', 'localhost']],
    ['EGRESS_BIND', ['127.0.0.1'], ['eth0x', '300.1.1.1']],
    ['PROXY', ['http://user:pass@127.0.0.1:3128'], ['127.0.0.1', 'ftp://127.0.0.1:1']],
    ['CA_FILE', ['/etc/ssl/certs/ca-certificates.crt'], ['/nonexistent.pem']],
    ['BODY_LIMIT', ['1MiB', '65536'], ['big', '-1', '0']],
    ['IMPORT_LIMIT', ['64MiB'], ['big', '2GiB']],
    ['INCOMING_RATE_LIMIT', ['50'], ['fast', '-1']],
    ['MAX_IN_FLIGHT', ['8/32/1000'], ['lots', '0/0/0']],
    ['RETENTION_PAYLOAD', ['30d'], ['forever?', '-1d']],
    ['RETENTION_ATTEMPTS', ['7d'], ['x']],
    ['RETENTION_HISTORY', ['30d'], ['long']],
    ['WORKERS', ['1', '3'], ['0', 'many', '-2']],
    ['MEMORY_LIMIT', ['128MiB'], ['little']],
    ['LOG_LEVEL', ['debug', 'warn'], ['loud']],
    ['LOG_FORMAT', ['json', 'text'], ['xml']],
    ['TLS_CERT', [], ['/nonexistent.pem']],
];

for (const [name, good, bad] of table) {
    test(`setting ${name}`, async (t) => {
        for (const value of good) {
            const p = new Postrider({ settings: { [name]: value } });
            t.after(() => p.dispose());
            if (name === 'ENVIRONMENT') p.token = jwt({ sub: value });
            await p.start();
            await p.app();
            const exit = await p.stop();
            assert.equal(exit.code, 0, `${name}=${value}: ${p.log()}`);
        }
        for (const value of bad) {
            const p = new Postrider({ settings: { [name]: value } });
            t.after(() => p.dispose());
            await p.start({ ready: false });
            await until(`the start with ${name}=${value} is refused`, () => p.exit);
            assert.notEqual(p.exit.code, 0, `${name}=${value} was accepted`);
            assert.equal(p.exit.signal, null);
            const text = p.log();
            assert.match(text, new RegExp(`${name}|--${name.toLowerCase().replaceAll('_', '-')}|/nonexistent`), `${name}=${value}: the message names the setting, or the file that is not there: ${text}`);
            assert.ok(text.trim().length > name.length + 20, `${name}=${value}: the message says what to write: ${text}`);
        }
    });
}

test('flags win over the environment; serve --help lists every setting', async (t) => {
    const p = await postrider(t, { settings: { LOG_LEVEL: 'error', DEFAULT_PROFILE: 'standard' }, args: ['--dev', '--default-profile', 'myra'] });
    assert.equal((await p.app()).profile, 'myra');
    const help = await p.command(['serve', '--help']);
    assert.equal(help.status, 0);
    for (const [name] of table) {
        assert.ok(help.stdout.includes(`POSTRIDER_${name}`), `serve --help names POSTRIDER_${name}`);
    }
});

test('docs/operations.md has the table of settings as serve --help prints it', async (t) => {
    const p = new Postrider();
    t.after(() => p.dispose());
    const help = (await p.command(['serve', '--help'])).stdout;
    const rows = [...help.matchAll(/^\S+ +POSTRIDER_(\w+) {2,}(\S.*?) {2,}(\S.*)$/gm)].map(([, name, value, meaning]) => `| \`${name}\` | ${value} | ${meaning} |`);
    assert.ok(rows.length > 30);
    const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    assert.deepEqual(text.match(/^\| `[A-Z_]+` \|.*$/gm), rows);
});

test('a secret may stand in a file; a secret as a flag is refused', async (t) => {
    const p = new Postrider({ settings: { JWT_SECRET: undefined } });
    t.after(() => p.dispose());
    const file = join(p.dir, 'jwt');
    writeFileSync(file, 'a-secret-that-stands-in-a-file-0123456789\n');
    chmodSync(file, 0o600);
    p.settings.JWT_SECRET_FILE = file;
    p.token = jwt({ sub: 'org_23rb8YdGqMT0qIzpgGwdXfHirMu' }, 'a-secret-that-stands-in-a-file-0123456789');
    await p.start();
    assert.equal((await p.api('GET', '/api/v1/app')).status, 200);
    assert.equal((await p.command(['serve', '--jwt-secret', 'x'.repeat(40)])).status, 2);
});

test('the default is careful: HTTPS only, no private addresses; --dev says loudly that it is not', async (t) => {
    const careful = await postrider(t, { args: [] });
    const app = await careful.app();
    assert.equal((await careful.api('POST', `/api/v1/app/${app.id}/endpoint`, { url: 'http://example.com/' })).status, 422);
    assert.equal((await careful.api('POST', `/api/v1/app/${app.id}/endpoint`, { url: 'https://127.0.0.1/' })).status, 422);
    assert.doesNotMatch(careful.log(), /dev_mode/);
    const dev = await postrider(t);
    assert.match(dev.log(), /warn dev_mode/);
});

test('BODY_LIMIT and RETRY_SCHEDULE do what they say', async (t) => {
    const p = await postrider(t, { settings: { BODY_LIMIT: '64KiB', RETRY_SCHEDULE: '50ms,50ms', REQUEST_TIMEOUT: '2s' } });
    const r = await receiver(t, { answer: () => 500 });
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url());
    assert.deepEqual(endpoint.effectiveRetrySchedule, [0.05, 0.05]);
    assert.equal(endpoint.effectiveTimeoutMs, 2000);
    assert.equal((await p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: { x: 'x'.repeat(70_000) } })).status, 413);
    const message = await p.send(app, 'a.b');
    await p.attempted(app, message, 3);
    assert.equal(r.count, 3);
});

test('two programs do not share one store', async (t) => {
    const p = await postrider(t);
    const q = new Postrider({ settings: { DATABASE: `sqlite:${join(p.dir, 'postrider.db')}` } });
    t.after(() => q.dispose());
    await q.start({ ready: false });
    await until('the second is refused', () => q.exit);
    assert.notEqual(q.exit.code, 0);
    await p.app();
});

test('a store of a newer version is refused, and left alone', async (t) => {
    const p = await postrider(t);
    await p.app();
    await p.stop();
    const db = join(p.dir, 'postrider.db');
    const version = Number(execFileSync('sqlite3', [db, 'PRAGMA user_version'], { encoding: 'utf8' }));
    assert.ok(version > 0);
    execFileSync('sqlite3', [db, `PRAGMA user_version = ${version + 1}`]);
    await p.start({ ready: false });
    await until('the start is refused', () => p.exit);
    assert.notEqual(p.exit.code, 0);
    assert.match(p.log(), /newer/i);
    execFileSync('sqlite3', [db, `PRAGMA user_version = ${version}`]);
    await p.start();
});

test('SIGTERM drains: what is in flight is finished and recorded, then it ends with 0', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { answer: () => ({ status: 204, delayMs: 800 }) });
    const app = await p.app();
    await p.endpoint(app, r.url());
    const messages = await eachOf(Array(10).keys(), 10, () => p.send(app, 'a.b'));
    await r.arrived(10);
    const exit = await p.stop();
    assert.deepEqual(exit, { code: 0, signal: null }, p.log());
    await p.start();
    for (const m of messages) assert.equal((await p.attempted(app, m, 1))[0].status, 0);
    assert.equal(r.count, 10, 'nothing is sent twice');
});

test('health on both listeners, metrics only on its own', async (t) => {
    const p = await postrider(t);
    for (const path of ['/api/v1/health', '/livez', '/readyz']) assert.equal((await p.api('GET', path, undefined, { token: null })).status, 200, path);
    assert.equal((await p.api('GET', '/api/v1/health/ping', undefined, { token: null })).status, 204);
    for (const path of ['/livez', '/readyz']) assert.equal((await p.api('GET', path, undefined, { token: null, port: p.metricsPort })).status, 200, path);
    assert.equal((await p.api('GET', '/metrics')).status, 404);
    const text = await p.metrics();
    assert.match(text, /^# TYPE \w+ counter$/m);
    for (const line of text.trim().split('\n')) assert.match(line, /^(#.*|[a-zA-Z_:][\w:]*(\{.*\})? [-+0-9.eE]+(NaN|Inf)?)$/);
});

test('the log: nothing per event at info; json is one object per line', async (t) => {
    const p = await postrider(t, { settings: { LOG_FORMAT: 'json' } });
    const r = await receiver(t);
    const app = await p.app();
    await p.endpoint(app, r.url());
    await p.send(app, 'a.b');
    await r.arrived(1);
    const before = p.log().split('\n').length;
    await eachOf(Array(50).keys(), 10, () => p.send(app, 'a.b'));
    await r.arrived(51);
    await p.stop();
    const lines = p.log().trim().split('\n');
    for (const line of lines) JSON.parse(line);
    assert.ok(lines.length - before < 20, `${lines.length - before} lines for 50 events`);
});

test('the listener over TLS', async (t) => {
    const { authority } = await import('./lib/certs.mjs');
    const https = await import('node:https');
    const ca = authority(t);
    const { key, cert } = ca.issue(['IP:127.0.0.1']);
    const p = new Postrider();
    t.after(() => p.dispose());
    writeFileSync(join(p.dir, 'key.pem'), key, { mode: 0o600 });
    writeFileSync(join(p.dir, 'cert.pem'), cert);
    p.settings = { TLS_CERT: join(p.dir, 'cert.pem'), TLS_KEY: join(p.dir, 'key.pem') };
    await p.start({ ready: false });
    const get = (options) =>
        new Promise((resolve, reject) => {
            https.get({ host: '127.0.0.1', port: p.port, path: '/api/v1/health', ca: ca.pem, ...options }, (res) => resolve(res.resume().statusCode)).once('error', reject);
        });
    await until('it answers over TLS', async () => (await get({})) === 200);
    await assert.rejects(get({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }));
    await assert.rejects(new Promise((resolve, reject) => http.get({ host: '127.0.0.1', port: p.port }, resolve).once('error', reject)));
});
