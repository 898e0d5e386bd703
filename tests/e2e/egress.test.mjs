// SPDX-License-Identifier: Apache-2.0
// Where deliveries leave from and where they may go: source address, proxy, certificates, and addresses nobody may reach.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { authority } from './lib/certs.mjs';
import { nameServer } from './lib/dns.mjs';
import { freePort, postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

// Sends one message to an endpoint that is tried once; its attempt.
async function tryOnce(p, app, url, fields = {}) {
    const uid = `only-${Math.random().toString(36).slice(2)}`;
    await p.endpoint(app, url, { retrySchedule: [], channels: [uid], ...fields });
    const message = await p.send(app, 'a.b', { n: 1 }, { channels: [uid] });
    return (await p.attempted(app, message, 1))[0];
}

test('deliveries leave from EGRESS_BIND, and the API tells customers which addresses', async (t) => {
    const p = await postrider(t, { settings: { EGRESS_BIND: '127.0.0.2' } });
    const r = await receiver(t);
    assert.equal((await tryOnce(p, await p.app(), r.url())).status, 0);
    assert.equal(r.requests[0].peer, '127.0.0.2');
    assert.deepEqual((await p.ok('GET', '/api/v1/settings/egress')).addresses, ['127.0.0.2']);
    const told = await postrider(t, { settings: { EGRESS_BIND: '127.0.0.2', EGRESS_ADDRESSES: '198.51.100.7,198.51.100.8' } });
    assert.deepEqual((await told.ok('GET', '/api/v1/settings/egress')).addresses, ['198.51.100.7', '198.51.100.8']);
});

async function tinyproxy(t) {
    const dir = mkdtempSync(join(tmpdir(), 'postrider-proxy-'));
    const port = await freePort();
    const log = join(dir, 'log');
    const conf = ['Port ' + port, 'Listen 127.0.0.1', 'Timeout 30', `LogFile "${log}"`, 'LogLevel Connect', 'MaxClients 20', `PidFile "${join(dir, 'pid')}"`, 'Allow 127.0.0.1', ''];
    writeFileSync(join(dir, 'conf'), conf.join('\n'));
    const child = spawn('tinyproxy', ['-d', '-c', join(dir, 'conf')], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    t.after(async () => {
        child.kill();
        await ended;
        rmSync(dir, { recursive: true, force: true });
    });
    await until('the proxy listens', () => new Promise((resolve) => {
        const s = net.connect(port, '127.0.0.1', () => resolve(s.end() && true));
        s.once('error', () => resolve(false));
    }));
    return { url: `http://127.0.0.1:${port}`, log: () => readFileSync(log, 'utf8') };
}

test('through a real proxy, plain and TLS', async (t) => {
    const proxy = await tinyproxy(t);
    const ca = authority(t);
    const p = await postrider(t, { settings: { PROXY: proxy.url, CA_FILE: ca.path } });
    const plain = await receiver(t);
    const secure = await receiver(t, { tlsOptions: ca.issue(['IP:127.0.0.1']) });
    const app = await p.app();
    assert.equal((await tryOnce(p, app, plain.url())).status, 0);
    assert.equal((await tryOnce(p, app, secure.url())).status, 0);
    assert.match(proxy.log(), new RegExp(`127\\.0\\.0\\.1:${plain.port}|127\\.0\\.0\\.1.*${plain.port}`));
    assert.match(proxy.log(), new RegExp(`CONNECT 127\\.0\\.0\\.1:${secure.port}`));
    assert.equal((await p.ok('GET', '/api/v1/settings/egress')).proxy !== null, true);
});

test('a proxy that is down is named as the cause', async (t) => {
    const p = await postrider(t, { settings: { PROXY: `http://127.0.0.1:${await freePort()}` } });
    const r = await receiver(t);
    const attempt = await tryOnce(p, await p.app(), r.url());
    assert.equal(attempt.status, 2);
    assert.equal(attempt.cause, 'proxy');
    assert.equal(r.count, 0);
});

test('a private authority is accepted only where it was given', async (t) => {
    const ca = authority(t);
    const p = await postrider(t);
    const r = await receiver(t, { tlsOptions: ca.issue(['DNS:localhost', 'IP:127.0.0.1']) });
    const app = await p.app();
    const refused = await tryOnce(p, app, r.url());
    assert.equal(refused.status, 2);
    assert.equal(refused.cause, 'tls');
    assert.ok(refused.error.length > 10, 'says why');
    assert.equal((await tryOnce(p, app, r.url(), { caBundle: ca.pem })).status, 0);
    const stranger = authority(t);
    assert.equal((await tryOnce(p, app, r.url(), { caBundle: stranger.pem })).cause, 'tls');
    // Asked once more without: an earlier connection must not lend its trust.
    assert.equal((await tryOnce(p, app, r.url())).cause, 'tls');
    assert.equal(r.count, 1);
    const everywhere = await postrider(t, { settings: { CA_FILE: ca.path } });
    assert.equal((await tryOnce(everywhere, await everywhere.app(), r.url())).status, 0);
});

test('a certificate for another name is refused', async (t) => {
    const ca = authority(t);
    const p = await postrider(t);
    const r = await receiver(t, { tlsOptions: ca.issue(['DNS:elsewhere.example']) });
    const attempt = await tryOnce(p, await p.app(), r.url(), { caBundle: ca.pem });
    assert.equal(attempt.cause, 'tls');
    assert.equal(r.count, 0);
});

const forbidden = `
https://127.0.0.1/ https://127.1/ https://2130706433/ https://0x7f000001/ https://0177.0.0.1/ https://0x7f.1/ https://017700000001/
https://10.0.0.1/ https://172.16.0.1/ https://192.168.1.1/ https://169.254.169.254/latest/meta-data/ https://100.64.0.1/
https://0.0.0.0/ https://0/ https://224.0.0.1/ https://255.255.255.255/ https://192.0.2.1/ https://198.18.0.1/ https://198.51.100.1/
https://203.0.113.1/ https://192.88.99.1/ https://168.63.129.16/ https://240.0.0.1/
https://[::1]/ https://[::]/ https://[::ffff:127.0.0.1]/ https://[::ffff:7f00:1]/ https://[::127.0.0.1]/ https://[64:ff9b::7f00:1]/
https://[64:ff9b:1::1]/ https://[2002:7f00:1::]/ https://[2001::1]/ https://[2001:db8::1]/ https://[fc00::1]/ https://[fe80::1]/
https://[fe80::1%25eth0]/ https://[ff02::1]/ https://[fec0::1]/ https://[100::1]/ https://[3fff::1]/ https://[5f00::1]/
https://localhost/ https://LOCALHOST./ https://a.localhost/ https://127.0.0.1./ https://①②⑦.0.0.1/ https://127。0。0。1/
https://%31%32%37.0.0.1/ https://user@example.com/ https://user:pw@example.com/ https://example.com:0/ https://example.com\\@127.0.0.1/
http://example.com/ ftp://example.com/ file:///etc/passwd gopher://example.com/ //example.com/ example.com https:/example.com
https:///example.com/ https:// https://exa_mple/ https://intranet/ https://example.com:99999/ javascript:alert(1)
`.trim().split(/\s+/);

test(`${forbidden.length} spellings of forbidden URLs are refused at creation`, async (t) => {
    const p = await postrider(t, { args: [] });
    const app = await p.app();
    const extra = ['https://example.com/\u0000', 'https://exam ple.com/', 'https://example.com/\r\nX: y', ' https://example.com/', '', 'https://ex\u200bample.com:x/'];
    for (const url of [...forbidden, ...extra]) {
        const answer = await p.api('POST', `/api/v1/app/${app.id}/endpoint`, { url });
        assert.equal(answer.status, 422, `${JSON.stringify(url)}: ${answer.status} ${answer.text}`);
        assert.deepEqual(answer.json.detail[0].loc, ['body', 'url'], answer.text);
    }
    for (const url of ['https://example.com/', 'https://example.com:8443/a?b=c', 'https://münchen.example.com/', 'https://93.184.216.34/', 'https://[2606:2800:220:1::1]/']) {
        const answer = await p.api('POST', `/api/v1/app/${app.id}/endpoint`, { url });
        assert.equal(answer.status, 201, `${url}: ${answer.status} ${answer.text}`);
        const edited = await p.api('PATCH', `/api/v1/app/${app.id}/endpoint/${answer.json.id}`, { url: 'https://127.0.0.1/' });
        assert.equal(edited.status, 422, 'an edit is checked as well');
    }
});

test('a name that resolves to a forbidden address is blocked at connection time', async (t) => {
    const r = await receiver(t);
    const names = await nameServer(t, (name, type) => (type === 'A' ? ['127.0.0.1'] : []));
    const p = await postrider(t, { args: [], settings: { HTTPS_ONLY: 'false', RESOLVER: names.address } });
    const attempt = await tryOnce(p, await p.app(), r.url('/hook', 'inside.example.com'));
    assert.equal(attempt.status, 2);
    assert.equal(attempt.cause, 'blocked');
    assert.equal(r.connections, 0, 'not even a connection');
    assert.ok(names.queries.length > 0);
});

test('a name that rebinds never reaches the forbidden address', async (t) => {
    // 127.0.0.2 stands for the address that is allowed, 127.0.0.1 for the one that is not.
    const r = await receiver(t, { host: '0.0.0.0', answer: () => ({ status: 200, headers: { Connection: 'close' } }) });
    const names = await nameServer(t, (name, type, n) => {
        if (type !== 'A') return name.startsWith('mixed') ? ['::1'] : [];
        if (name.startsWith('mixed')) return ['127.0.0.1', '127.0.0.2'];
        return [n % 2 ? '127.0.0.1' : '127.0.0.2'];
    });
    const p = await postrider(t, { args: [], settings: { HTTPS_ONLY: 'false', ALLOW_SUBNETS: '127.0.0.2/32', RESOLVER: names.address } });
    const app = await p.app();
    for (const name of ['flips.example.com', 'mixed.example.com']) {
        for (let i = 0; i < 6; i++) await tryOnce(p, app, r.url('/hook', name));
    }
    assert.ok(r.count > 0, 'the allowed address is reached');
    assert.deepEqual([...new Set(r.requests.map((q) => q.local))], ['127.0.0.2']);
    assert.ok(r.requests.every((q) => /^(flips|mixed)\.example\.com:/.test(q.headers.host)));
    assert.equal(r.requests.filter((q) => q.headers.host.startsWith('mixed')).length, 6);
});

test('redirects are not followed', async (t) => {
    const p = await postrider(t);
    const inner = await receiver(t);
    const r = await receiver(t, { answer: () => ({ status: 302, headers: { Location: inner.url() } }) });
    const attempt = await tryOnce(p, await p.app(), r.url());
    assert.equal(attempt.responseStatusCode, 302);
    assert.equal(attempt.status, 2);
    assert.equal(inner.connections, 0);
});

test('the proxy settings of the environment are not used for deliveries', async (t) => {
    const trap = await receiver(t);
    const p = await postrider(t, { settings: {}, start: { wrapper: ['env', `http_proxy=http://127.0.0.1:${trap.port}`, `ALL_PROXY=http://127.0.0.1:${trap.port}`] } });
    const r = await receiver(t);
    assert.equal((await tryOnce(p, await p.app(), r.url())).status, 0);
    assert.equal(trap.connections, 0);
});
