// SPDX-License-Identifier: Apache-2.0
// Transformations, as receivers see them: what arrives, that it never changes again, and what hostile code does not reach.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';
import { Webhook } from 'standardwebhooks';
import { missing } from './lib/javascript.mjs';
import { postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

const { verifyWebhook } = createRequire(import.meta.url)('./fixtures/myra.cjs');
const options = { skip: missing && 'JavaScriptCore is not installed' };
const handler = (body) => `function handler(webhook) {\n${body}\nreturn webhook;\n}`;

async function start(t, { profile, settings = {}, answer, fields = {} } = {}) {
    const p = await postrider(t, { settings: { RETRY_SCHEDULE: '1s,1s,1s', TRANSFORM_TIMEOUT: `${slow}s`, ...settings } });
    const r = await receiver(t, { answer });
    const app = await p.app({ profile });
    const endpoint = await p.endpoint(app, r.url(), fields);
    const path = `/api/v1/app/${app.id}/endpoint/${endpoint.id}/transformation`;
    const set = (code, more = { enabled: true }) => p.ok('PATCH', path, { code, ...more });
    const attempts = async (m) => (await p.ok('GET', `/api/v1/app/${app.id}/attempt/msg/${m.id}`)).data;
    const failed = (m, n = 1) => until(() => `${n} failed attempts`, async () => ((await attempts(m)).length >= n ? attempts(m) : undefined));
    return { p, r, app, endpoint, path, set, attempts, failed };
}

// Worker processes of the program.
function workers(p) {
    return readdirSync('/proc').filter((d) => /^\d+$/.test(d)).filter((pid) => {
        try {
            const parent = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1];
            return Number(parent) === p.process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('transform-worker');
        } catch {
            return false;
        }
    }).map(Number);
}

test('a changed payload is enveloped and signed by each profile', options, async (t) => {
    const code = handler("webhook.payload = {was: webhook.payload.a, type: webhook.eventType, list: [...webhook.channels ?? []], p: webhook.transformationsParams.p, v: webhook.variables.v};");
    const want = { was: 1, type: 'a.b', list: ['c1'], p: { deep: [true] }, v: 'x' };
    for (const profile of ['standard', 'myra', 'metapulse']) {
        const { p, r, app, endpoint, set } = await start(t, { profile });
        await set(code, { enabled: true, variables: { v: 'x' } });
        const message = await p.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: { a: 1 }, channels: ['c1'], transformationsParams: { p: { deep: [true] } } });
        const [q] = await r.arrived(1);
        const secret = await p.secret(app, endpoint);
        const body = JSON.parse(q.body);
        if (profile === 'standard') {
            assert.deepEqual(body, want);
            new Webhook(secret).verify(q.body, q.headers);
        } else if (profile === 'myra') {
            assert.deepEqual([body.event_id, body.event_type, body.data], [message.eventUuid, 'a.b', want]);
            assert.equal(verifyWebhook(q.body.toString(), q.headers['x-pulsepost-signature'], secret), true);
        } else {
            assert.deepEqual([body.id, body.type, body.data], [message.eventUuid, 'a.b', want]);
            const mac = createHmac('sha256', secret).update(`${q.headers['metapulse-request-timestamp']}.${q.body}`).digest('hex');
            assert.equal(q.headers['metapulse-signature'], mac);
        }
    }
});

test('an untouched payload keeps its bytes; URL, method and headers change; text goes out as it is', options, async (t) => {
    const { p, r, app, endpoint, set, attempts } = await start(t, { fields: { headers: { 'X-Own': 'endpoint', 'X-Kept': 'k' } } });
    const other = await receiver(t);
    await set(handler(`webhook.url = '${other.url('/else?x=1')}'; webhook.method = 'PUT'; webhook.headers = {...webhook.headers, 'X-Own': 'code', 'X-New': 1};`));
    const text = '{ "big": 12345678901234567890, "f": 1.10 }';
    const m = await p.send(app, 'a.b', text);
    const [q] = await other.arrived(1);
    assert.equal(q.body.toString(), text);
    assert.deepEqual([q.method, q.path], ['PUT', '/else?x=1']);
    assert.deepEqual([q.headers['x-own'], q.headers['x-kept'], q.headers['x-new']], ['code', 'k', '1']);
    new Webhook(await p.secret(app, endpoint)).verify(q.body, q.headers);
    assert.equal(r.count, 0);
    const [a] = await until(() => 'an attempt', async () => ((await attempts(m)).length > 0 ? attempts(m) : undefined));
    assert.equal(a.url, other.url('/else?x=1'));

    await set(handler("webhook.payload = `<event id=\"${webhook.payload.n}\"/>`; webhook.headers['content-type'] = 'application/xml';"));
    await p.send(app, 'a.b', '{"n":5}');
    const [x] = await r.arrived(1);
    assert.deepEqual([x.body.toString(), x.headers['content-type']], ['<event id="5"/>', 'application/xml']);
    await p.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: {}, transformationsParams: { rawPayload: 'n=7', headers: { 'content-type': 'text/csv' } } });
    await r.arrived(2);
    await set(handler("webhook.payload += '!' + webhook.transformationsParams.headers['content-type'];"));
    await p.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: {}, transformationsParams: { rawPayload: 'n=7', headers: { 'content-type': 'text/csv' } } });
    const raw = (await r.arrived(3))[2];
    assert.deepEqual([raw.body.toString(), raw.headers['content-type']], ['n=7!text/csv', 'text/csv']);
});

test("credentials of the endpoint stay with its own server", options, async (t) => {
    const { p, r, app, set } = await start(t, { fields: { headers: { Authorization: 'Bearer own', 'X-Api-Key': 'k', 'X-Plain': 'p' } } });
    const other = await receiver(t);
    const sent = async (url, more = '') => {
        await set(handler(`webhook.url = '${url}'; ${more}`));
        await p.send(app, 'a.b', '{}');
    };
    await sent(r.url('/else'));
    const [own] = await r.arrived(1);
    assert.deepEqual([own.path, own.headers.authorization, own.headers['x-api-key']], ['/else', 'Bearer own', 'k']);
    await sent(other.url());
    await other.arrived(1); // two runs have no order
    await sent(other.url(), "webhook.headers.Authorization = 'Bearer for-other';");
    const [bare, given] = await other.arrived(2);
    assert.deepEqual([bare.headers.authorization, bare.headers['x-api-key'], bare.headers['x-plain']], [undefined, undefined, 'p']);
    assert.equal(given.headers.authorization, 'Bearer for-other');
    assert.equal(p.log().includes('for-other'), false);
});

test('cancel ends the delivery as a success without a request', options, async (t) => {
    const { p, r, app, set, attempts, endpoint } = await start(t);
    await set(handler('webhook.cancel = webhook.payload.n % 2 === 1;'));
    const odd = await p.send(app, 'a.b', '{"n":1}');
    await p.send(app, 'a.b', '{"n":2}');
    await r.arrived(1);
    const [a] = await until(() => 'an attempt', async () => ((await attempts(odd)).length > 0 ? attempts(odd) : undefined));
    assert.deepEqual([a.status, a.responseStatusCode, a.response], [0, 0, 'cancelled by the transformation: nothing was sent']);
    await p.ok('POST', `/api/v1/app/${app.id}/msg/${odd.id}/endpoint/${endpoint.id}/resend`, {});
    await until(() => 'the resent is cancelled too', async () => (await attempts(odd)).length === 2);
    assert.equal(r.count, 1);
});

test('retries, replays and restarts send the same bytes, whoever edits what', options, async (t) => {
    let status = 500;
    const { p, r, app, endpoint, set } = await start(t, { answer: () => ({ status }), settings: { RETRY_SCHEDULE: '1s,2s,2s' } });
    await set(handler('webhook.payload = {t: [Date.now(), new Date().toISOString(), Math.random()], v: 1}; webhook.headers = {a: "1"};'));
    const m = await p.send(app, 'a.b', '{"n":1}');
    await r.arrived(1);
    await set(handler('webhook.payload = {v: 2}; webhook.method = "PUT";'));
    await r.arrived(2);
    await p.kill();
    await p.start();
    await r.arrived(3);
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/transformation`, { code: null });
    status = 204;
    const before = r.count;
    await p.ok('POST', `/api/v1/app/${app.id}/msg/${m.id}/endpoint/${endpoint.id}/resend`, {});
    await r.arrived(before + 1);
    for (const q of [...r.requests]) assert.deepEqual([q.body.toString(), q.method, q.headers.a], [r.requests[0].body.toString(), 'POST', '1']);
    assert.equal(JSON.parse(r.requests[0].body).v, 1);
    await p.send(app, 'a.b', '{"n":3}');
    await until('it goes out as it came', () => r.requests.slice(before).some((q) => q.body.toString() === '{"n":3}'));
});

test('a delivery keeps the version that it was accepted with, until somebody asks by hand', options, async (t) => {
    const { p, r, app, endpoint, set, failed } = await start(t);
    await set(handler('webhook.payload = {v: webhook.payload.missing.x};'));
    const m = await p.send(app, 'a.b', '{"n":1}');
    const [first] = await failed(m);
    assert.equal(first.status, 2);
    assert.match(first.errorText ?? JSON.stringify(first), /line 2.*TypeError/);
    await set(handler('webhook.payload = {v: "mended"};'));
    await failed(m, 2);
    assert.equal(r.count, 0);
    await p.ok('POST', `/api/v1/app/${app.id}/msg/${m.id}/endpoint/${endpoint.id}/resend`, {});
    const [q] = await r.arrived(1);
    assert.equal(q.body.toString(), '{"v":"mended"}');
});

test('code that passes its limits fails alone, and again', options, async (t) => {
    const { p, r, app, set, failed } = await start(t, { settings: { RETRY_SCHEDULE: '1h' } });
    const good = await p.endpoint(app, r.url('/good'));
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${good.id}/transformation`, { code: handler('webhook.payload.ok = true;'), enabled: true });
    let n = 0;
    for (const [body, words] of [
        ['for (;;);', /took too long/],
        ["let s = 'x'; for (;;) s += s;", /memory|RangeError/],
        ['const a = []; for (;;) a.push(new Array(10000).fill(a.length));', /memory/],
        ['(function f() { f(); })();', /RangeError/],
        ["/^(a+)+$/.test('a'.repeat(50) + 'b'); for (;;);", /took too long/],
        ["webhook.url = 'http://169.254.169.254/latest';", /webhook.url|not allowed|metadata/],
        ["webhook.method = 'DELETE';", /POST, PUT or PATCH/],
        ["webhook.headers.Host = 'x';", /cannot be set/],
        ['return process.env;', /ReferenceError/],
        ["return require('fs');", /ReferenceError/],
        ["webhook.payload = {e: Function('return typeof process + typeof fetch')()}; throw new Error(webhook.payload.e);", /undefinedundefined/],
    ]) {
        await set(handler(body));
        const m = await p.send(app, 'a.b', '{"n":1}');
        const at = Date.now();
        const a = (await failed(m)).find((x) => x.status === 2) ?? (await until(() => `a failure of ${body}`, async () => (await failed(m)).find((x) => x.status === 2)));
        assert.ok(Date.now() - at < 30_000 * slow, `${body}: ${Date.now() - at} ms`);
        assert.match(JSON.stringify(a), words);
        await r.arrived(++n);
        assert.deepEqual(JSON.parse(r.requests[n - 1].body), { n: 1, ok: true });
    }
    assert.ok(r.requests.every((q) => q.path === '/good'));
});

test('a worker is started when it is needed, has nothing, and is replaced when it is killed', options, async (t) => {
    const { p, r, app, set } = await start(t);
    assert.deepEqual(workers(p), []);
    await set(handler('webhook.payload.x = 1;'));
    const [pid] = workers(p);
    assert.ok(pid > 0);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    assert.match(status, /^Seccomp:\s*2/m);
    assert.match(status, /^NoNewPrivs:\s*1/m);
    if (slow === 1) assert.match(status, /^Threads:\s*1$/m);
    if (process.getuid() === 0) {
        // Its socket, and what the engine opened for itself before the doors closed.
        const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\d+/g, 'N')).sort();
        const harmless = ['/dev/null', '/dev/urandom', '/proc/N/statm', 'anon_inode:[eventfd]', 'socket:[N]'];
        assert.deepEqual(open.filter((x) => !harmless.includes(x)), []);
        assert.equal(open.filter((x) => x.startsWith('socket')).length, 1);
        assert.doesNotMatch(readFileSync(`/proc/${pid}/environ`, 'utf8'), /JWT|PATH|HOME/);
    }
    for (let n = 1; n <= 3; n++) {
        for (const w of workers(p)) process.kill(w, 'SIGKILL');
        await p.send(app, 'a.b', '{"n":1}');
        await r.arrived(n);
    }
    const last = workers(p);
    assert.ok(last.length > 0 && !last.includes(pid));
    await p.kill();
    await until(() => 'the worker ends with the server', () => last.every((w) => !existsSync(`/proc/${w}`) || /^State:\s*Z/m.test(readFileSync(`/proc/${w}/status`, 'utf8'))));
});

test('a workspace with slow code does not hold up another', options, async (t) => {
    const { p, r, app } = await start(t, { settings: { TRANSFORM_WORKERS: '1', RETRY_SCHEDULE: '1h' } });
    for (let i = 0; i < 4; i++) {
        const e = await p.endpoint(app, r.url('/slow'));
        await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${e.id}/transformation`, { code: handler('for (;;);'), enabled: true });
    }
    const quick = await p.app({ uid: 'quick' });
    const e = await p.endpoint(quick, r.url('/quick'));
    await p.ok('PATCH', `/api/v1/app/${quick.id}/endpoint/${e.id}/transformation`, { code: handler(''), enabled: true });
    const before = r.count;
    for (let i = 0; i < 10; i++) await p.send(app, 'a.b', '{}');
    const slowOnes = async () => (await p.ok('GET', `/api/v1/app/${app.id}/attempt?status=2&limit=250`)).data.length;
    const ended = await slowOnes();
    await p.send(quick, 'a.b', '{"quick":1}');
    await until(() => 'the quick one', () => r.requests.slice(before).some((q) => q.body.toString() === '{"quick":1}'));
    assert.ok((await slowOnes()) < ended + 10, 'before most of the forty');
});

test('saving, trying and who may', options, async (t) => {
    const { p, app, endpoint, path } = await start(t);
    const problem = async (body, words, status = 422) => {
        const a = await p.api('PATCH', path, body);
        assert.equal(a.status, status, a.text);
        assert.match(a.text, words);
    };
    await problem({ code: 'short' }, /10 to 51200/);
    await problem({ code: 'x'.repeat(51201) }, /10 to 51200/);
    await problem({ code: handler('let = ;') }, /line 2.*SyntaxError/);
    await problem({ code: 'var nothing = 1;' }, /no function named handler/);
    await problem({ code: 'for (;;); function handler() {}' }, /took too long/);
    await problem({ enabled: true }, /no code/);
    await problem({ variables: { a: 1 } }, /must be a string/);
    assert.deepEqual(await p.ok('GET', path), { code: null, enabled: false, variables: null, updatedAt: null });
    const code = handler('webhook.payload.v = webhook.variables.secret; console.log("seen", webhook.payload);');
    await p.ok('PATCH', path, { code, variables: { secret: 'vvv-secret-vvv' } });
    const got = await p.ok('GET', path);
    assert.deepEqual([got.code, got.enabled, got.variables], [code, false, { secret: 'vvv-secret-vvv' }]);
    await p.ok('PATCH', path, { enabled: true });
    assert.equal((await p.ok('GET', path)).enabled, true);
    assert.equal((await p.ok('GET', path)).updatedAt, got.updatedAt);
    const tried = await p.ok('POST', `${path}/simulate`, { code, eventType: 'a.b', payload: { n: 1 }, variables: { secret: 's' } });
    assert.deepEqual([tried.payload, tried.method, tried.cancel, tried.logs], ['{"n":1,"v":"s"}', 'POST', false, ['seen {"n":1,"v":"s"}']]);
    assert.equal((await p.api('POST', `${path}/simulate`, { code: handler('null.x;'), eventType: 'a.b', payload: {} })).status, 422);
    assert.equal(readFileSync(`${p.dir}/postrider.db`).includes('vvv-secret-vvv') || readFileSync(`${p.dir}/postrider.db-wal`).includes('vvv-secret-vvv'), false);

    // Variables may be credentials: who looks at them is written down, who tries code is not.
    const actions = (await p.ok('GET', '/api/v1/audit-log?limit=250')).data.map((x) => x.action);
    for (const action of ['endpoint.transformation.patch', 'endpoint.transformation.get']) assert.ok(actions.includes(action), action);
    assert.equal(actions.includes('endpoint.transformation.simulate'), false);

    const portal = async (capabilities) => (await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, { capabilities })).token;
    for (const [capabilities, status] of [[['ViewBase'], 403], [['ManageEndpoint'], 403], [['ManageTransformations'], 200], [undefined, 200]]) {
        const token = await portal(capabilities);
        assert.equal((await p.api('GET', path, undefined, { token })).status, status, String(capabilities));
        assert.equal((await p.api('PATCH', path, { enabled: false }, { token })).status, status === 200 ? 204 : 403);
    }
    const other = await p.app({ uid: 'other' });
    assert.equal((await p.api('GET', `/api/v1/app/${other.id}/endpoint/${endpoint.id}/transformation`)).status, 404);
    await p.ok('PATCH', path, { code: null, variables: null });
    assert.deepEqual([(await p.ok('GET', path)).code, (await p.ok('GET', path)).enabled], [null, false]);
});

test('what a transformation made is gone with the payload', options, async (t) => {
    const { p, r, app, set } = await start(t);
    await set(handler('webhook.payload = {secret: "made-of-" + webhook.payload.word};'));
    const m = await p.send(app, 'a.b', '{"word":"nightingale"}');
    await r.arrived(1);
    await until(() => 'it is recorded', async () => (await p.ok('GET', `/api/v1/app/${app.id}/attempt/msg/${m.id}`)).data.length === 1);
    await p.ok('DELETE', `/api/v1/app/${app.id}/msg/${m.id}/content`);
    await p.stop();
    assert.equal(readFileSync(`${p.dir}/postrider.db`).includes('nightingale'), false);
});

// Root may look away from a file: an empty one over the library, in a mount namespace of the server's own.
const library = missing ? undefined : /=> (\S*libjavascriptcoregtk-\S+)/.exec(execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }))?.[1];
const blind = process.getuid() === 0 && library ? {} : { skip: 'needs root and the library' };

test('without the library: saving says which package, the rest works', blind, async (t) => {
    const hide = `for f in ${library.replace(/-\d.*/, '-*')}; do [ -f "$f" ] && mount --bind /dev/null "$f"; done; exec "$@"`;
    let p;
    try {
        p = await postrider(t, { start: { wrapper: ['unshare', '-m', 'sh', '-c', hide, 'sh'] } });
    } catch (e) {
        if (/unshare|mount|permission/i.test(e.message)) return t.skip('no mounts here');
        throw e;
    }
    const r = await receiver(t);
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url());
    const answer = await p.api('PATCH', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/transformation`, { code: handler(''), enabled: true });
    assert.equal(answer.status, 422);
    assert.match(answer.json.detail[0].msg, /install the package libjavascriptcoregtk-4\.1-0/);
    await p.send(app, 'a.b', '{"n":1}');
    assert.equal((await r.arrived(1))[0].body.toString(), '{"n":1}');
});
