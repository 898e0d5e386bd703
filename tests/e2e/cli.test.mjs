// SPDX-License-Identifier: Apache-2.0
// Each command against a real server: what it prints, its exit status, and how it refuses wrong use.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { authority } from './lib/certs.mjs';
import { nameServer } from './lib/dns.mjs';
import { environment, postrider, Postrider, program } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

const DONE = 0;
const NO = 1;
const USAGE = 2;
const COULD_NOT = 3;

// Runs a command that must end with this status; its output, as JSON when `--json` is among the arguments.
async function run(p, status, args, options) {
    const r = await p.command(args, options);
    assert.equal(r.status, status, `${args.join(' ')}: ${r.status}\n${r.stdout}\n${r.stderr}`);
    if (status === DONE && args.includes('--json') && !args.includes('--help')) r.json = JSON.parse(r.stdout);
    if (status > NO) assert.ok(r.stderr.length > 10, `${args.join(' ')} says why`);
    return r;
}

// A folder and settings, but no server.
async function unstarted(t, settings) {
    const p = new Postrider({ settings });
    t.after(() => p.dispose());
    p.port = 1;
    p.metricsPort = 1;
    return p;
}

const verbs = {
    token: ['create', 'list', 'revoke'],
    app: ['create', 'list', 'get', 'update', 'delete'],
    endpoint: ['create', 'list', 'get', 'update', 'delete', 'secret', 'rotate-secret', 'stats'],
    'event-type': ['create', 'list', 'get', 'update', 'delete'],
    message: ['create', 'list', 'get'],
    attempt: ['list', 'get'],
    profile: ['create', 'list', 'get', 'update', 'delete', 'preview'],
    record: ['create', 'list', 'get', 'update', 'delete', 'import', 'export'],
    trigger: ['send'],
    keys: ['rotate'],
};
const single = ['send', 'listen', 'replay', 'verify', 'doctor', 'backup', 'restore', 'migrate'];

test('every command has a page with flags and an example', async (t) => {
    const p = await unstarted(t);
    const top = await run(p, DONE, ['--help']);
    for (const name of [...Object.keys(verbs), ...single, 'serve']) assert.match(top.stdout, new RegExp(`^  ${name} `, 'm'));
    for (const words of [...Object.entries(verbs).flatMap(([r, vs]) => vs.map((v) => [r, v])), ...single.map((c) => [c])]) {
        const help = await run(p, DONE, [...words, '--help']);
        assert.match(help.stdout, new RegExp(`^usage: postrider ${words.join(' ')}`));
        assert.match(help.stdout, /^example: postrider /m);
        assert.match(help.stdout, /--json/);
        const wrong = await run(p, USAGE, [...words, '--jsn']);
        assert.match(wrong.stderr, /did you mean --json/);
    }
    const serve = await run(p, DONE, ['serve', '--help']);
    assert.match(serve.stdout, /^usage: postrider serve [^]*^example: postrider serve /m);
    assert.match((await run(p, USAGE, ['serve', '--lissten', 'x'])).stderr, /did you mean --listen/);
    for (const resource of Object.keys(verbs)) {
        const help = await run(p, DONE, [resource, '--help']);
        for (const verb of verbs[resource]) assert.match(help.stdout, new RegExp(`^  ${verb} `, 'm'));
        await run(p, USAGE, [resource]);
        await run(p, USAGE, [resource, 'frobnicate']);
    }
    assert.match((await run(p, USAGE, ['sned'])).stderr, /"send"/);
    assert.match((await run(p, USAGE, ['app', 'lst'])).stderr, /"list"/);
    assert.match((await run(p, USAGE, ['-v'])).stderr, /see postrider --help/);
    assert.match((await run(p, USAGE, ['attempt', 'list', '--app', 'a'])).stderr, /--message or --endpoint is missing/);
    assert.doesNotMatch((await run(p, DONE, ['record', 'list', '--help'])).stdout, /repeated; may be repeated/);
    await run(p, USAGE, []);
    assert.match((await run(p, DONE, ['--version'])).stdout, /^postrider \d/);
});

test('help COMMAND is COMMAND --help', async (t) => {
    const p = await unstarted(t);
    const pages = [...Object.entries(verbs).flatMap(([r, vs]) => [[r], ...vs.map((v) => [r, v])]), ...[...single, 'serve', 'user'].map((c) => [c])];
    for (const words of pages) {
        const page = await run(p, DONE, [...words, '--help']);
        assert.match(page.stdout, new RegExp(`^usage: postrider ${words.join(' ')} `));
        for (const help of ['help', '--help']) assert.deepEqual(await run(p, DONE, [help, ...words]), page, words.join(' '));
    }
    const top = await run(p, DONE, ['--help']);
    for (const words of [['help'], ['-h'], ['help', '--help'], ['help', 'help'], ['help', 'version']]) assert.deepEqual(await run(p, DONE, words), top);
    assert.match((await run(p, USAGE, ['help', 'sned'])).stderr, /did you mean "send"/);
    assert.match((await run(p, USAGE, ['help', 'app', 'lst'])).stderr, /did you mean "list"/);
});

const wrongUses = [
    ['app', 'get'],
    ['app', 'get', 'a', 'b'],
    ['app', 'list', '--limit', 'many'],
    ['app', 'create', '--name'],
    ['app', 'create', '--data', '[1]'],
    ['endpoint', 'list'],
    ['endpoint', 'create', '--app', 'a', '--disabled', 'perhaps'],
    ['attempt', 'list', '--app', 'a'],
    ['send', '--app', 'a'],
    ['send', '--app', 'a', '--type', 't', '--data', '{"a":}'],
    ['send', '--app', 'a', '--type', 't', '--data', '/nonexistent'],
    ['replay', '--app', 'a', '--endpoint', 'e'],
    ['replay', '--app', 'a', '--endpoint', 'e', '--since', '1h', 'msg'],
    ['replay', '--app', 'a', '--endpoint', 'e', '--since', 'long'],
    ['replay', '--app', 'a', '--endpoint', 'e', '--since', '1h', '--status', 'lost'],
    ['replay', '--app', 'a', '--endpoint', 'e', '--status', 'all', 'msg'],
    ['replay', '--app', 'a', '--endpoint', 'e', '--since', '1h', '--missing', '--tag', 't'],
    ['token', 'create', '--env', 'me'],
    ['token', 'create', '--expires', 'soon'],
    ['verify'],
    ['verify', '--secret', 'not-base64!'],
    ['listen', '--status', '99'],
    ['listen', '--port', '70000'],
    ['listen', '--delay', 'long'],
    ['listen', '--verify-profile', 'github'],
    ['listen', '--secret', 'not-base64!'],
    ['doctor', 'all'],
    ['backup'],
    ['migrate', 'now'],
];
test('wrong use is 2, with the reason', async (t) => {
    const p = await unstarted(t);
    for (const args of wrongUses) await run(p, USAGE, args);
    await run(p, USAGE, ['app', 'list'], { settings: { LISTEN: 'nonsense' } });
});

test('without a server a command could not: 3', async (t) => {
    const p = await unstarted(t);
    assert.match((await run(p, COULD_NOT, ['app', 'list'])).stderr, /127\.0\.0\.1:1/);
    await run(p, COULD_NOT, ['token', 'create']);
    await run(p, COULD_NOT, ['app', 'list'], { settings: { URL: 'http://127.0.0.1:2', TOKEN: 'x' } });
});

test('resources: create, list, get, update, delete', async (t) => {
    const p = await postrider(t);
    const app = (await run(p, DONE, ['app', 'create', '--name', 'Ünïcode Ltd', '--uid', 'uni', '--json'])).json;
    assert.equal(app.name, 'Ünïcode Ltd');
    assert.match((await run(p, DONE, ['app', 'list'])).stdout, /^id +uid +name +profile +createdAt\napp_\w{27} +uni +Ünïcode Ltd +standard /);
    assert.match((await run(p, DONE, ['app', 'get', 'uni'])).stdout, /^name +Ünïcode Ltd$/m);
    assert.equal((await run(p, DONE, ['app', 'update', 'uni', '--name', 'Other', '--metadata', '{"a":"b"}', '--json'])).json.name, 'Other');
    await run(p, NO, ['app', 'get', 'nobody']);
    await run(p, NO, ['app', 'create', '--name', 'x', '--uid', 'uni']);
    await run(p, USAGE, ['app', 'create', '--uid', 'no name']);

    for (const name of ['a.b', 'c.d']) await run(p, DONE, ['event-type', 'create', '--name', name, '--description', `The type ${name}`]);
    const url = 'http://127.0.0.1:9/hook';
    const ep = (await run(p, DONE, ['endpoint', 'create', '--app', 'uni', '--url', url, '--event-type', 'a.b', '--event-type', 'c.d', '--json'])).json;
    assert.deepEqual(ep.eventTypes, ['a.b', 'c.d']);
    assert.match((await run(p, DONE, ['endpoint', 'list', '--app', 'uni'])).stdout, new RegExp(ep.id));
    assert.match((await run(p, DONE, ['endpoint', 'secret', '--app', 'uni', ep.id])).stdout, /^key +whsec_/m);
    assert.equal((await run(p, DONE, ['endpoint', 'update', '--app', 'uni', ep.id, '--disabled', 'true', '--json'])).json.disabled, true);
    await run(p, DONE, ['endpoint', 'stats', '--app', 'uni', ep.id]);
    await run(p, DONE, ['endpoint', 'rotate-secret', '--app', 'uni', ep.id]);
    assert.match((await run(p, USAGE, ['endpoint', 'create', '--app', 'uni', '--url', 'gopher://x'])).stderr, /url: /);

    assert.match((await run(p, DONE, ['event-type', 'list'])).stdout, /a\.b +The type a\.b/);
    await run(p, DONE, ['event-type', 'update', 'a.b', '--archived', 'true']);
    assert.equal((await run(p, DONE, ['event-type', 'get', 'a.b', '--json'])).json.archived, true);
    await run(p, DONE, ['event-type', 'delete', 'a.b']);

    const profile = { name: 'mine', headers: { 'X-Sig': '{signature}' } };
    await run(p, DONE, ['profile', 'create', '--data', '-'], { input: JSON.stringify(profile) });
    assert.match((await run(p, DONE, ['profile', 'list'])).stdout, /^mine /m);
    assert.equal((await run(p, DONE, ['profile', 'get', 'mine', '--json'])).json.name, 'mine');
    await run(p, DONE, ['profile', 'delete', 'mine']);

    await run(p, DONE, ['endpoint', 'delete', '--app', 'uni', ep.id]);
    await run(p, DONE, ['app', 'delete', 'uni']);
    await run(p, NO, ['app', 'get', 'uni']);
});

test('lists say how to go on', async (t) => {
    const p = await postrider(t);
    for (const uid of ['one', 'two', 'three']) await p.app({ uid });
    const first = await run(p, DONE, ['app', 'list', '--limit', '2']);
    assert.equal(first.stdout.trim().split('\n').length, 3);
    const [, iterator] = first.stderr.match(/--iterator (\S+)/);
    const rest = await run(p, DONE, ['app', 'list', '--iterator', iterator, '--json']);
    assert.deepEqual(rest.json.data.map((a) => a.uid), ['three']);
});

test('send: the payload keeps its bytes; message and attempt show it', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app({ uid: 'a' });
    const endpoint = await p.endpoint(app, r.url());
    const payload = '{"z":1.10, "a": "\\u00e9é", "z":2}';
    const sent = await run(p, DONE, ['send', '--app', 'a', '--type', 'a.b', '--id', 'evt-1', '--channel', 'c', '--tag', 't'], { input: `\n${payload}\n` });
    assert.match(sent.stdout, /^msg_[0-9A-Za-z]{27}\n$/);
    const id = sent.stdout.trim();
    const [request] = await r.arrived(1);
    assert.equal(request.body.toString(), payload);
    await run(p, NO, ['send', '--app', 'a', '--type', 'a.b', '--id', 'evt-1', '--data', '{}']);
    assert.match((await run(p, NO, ['send', '--app', 'nobody', '--type', 'a.b', '--data', '{}'])).stderr, /no such workspace/);
    const file = join(p.dir, 'payload.json');
    writeFileSync(file, '{"from":"file"}');
    assert.equal((await run(p, DONE, ['send', '--app', 'a', '--type', 'a.b', '--data', file, '--json'])).json.eventType, 'a.b');
    await p.attempted(app, { id }, 1);
    assert.match((await run(p, DONE, ['message', 'list', '--app', 'a', '--event-type', 'a.b'])).stdout, new RegExp(id));
    assert.match((await run(p, DONE, ['message', 'get', '--app', 'a', id])).stdout, /^eventId +evt-1$/m);
    const of = (await run(p, DONE, ['attempt', 'list', '--app', 'a', '--message', id, '--json'])).json.data;
    assert.equal(of.length, 1);
    const to = await run(p, DONE, ['attempt', 'list', '--app', 'a', '--endpoint', endpoint.id]);
    assert.match(to.stdout, new RegExp(`${of[0].id}.* 20\\d `));
    await run(p, DONE, ['attempt', 'get', '--app', 'a', '--message', id, of[0].id]);
});

test('replay: one message again, and all that failed', async (t) => {
    const p = await postrider(t, { settings: { RETRY_SCHEDULE: '' } });
    let status = 500;
    const r = await receiver(t, { answer: () => status });
    const app = await p.app({ uid: 'a' });
    const endpoint = await p.endpoint(app, r.url(), { uid: 'e' });
    const messages = [];
    for (let n = 0; n < 3; n++) messages.push(await p.send(app, 'a.b', { n }));
    for (const m of messages) await p.attempted(app, m, 1);
    status = 204;
    await run(p, DONE, ['replay', '--app', 'a', '--endpoint', 'e', messages[0].id]);
    await p.attempted(app, messages[0], 2);
    const all = await run(p, DONE, ['replay', '--app', 'a', '--endpoint', endpoint.id, '--since', '1h']);
    assert.match(all.stdout, /finished/);
    await r.arrived(6);
    await p.attempted(app, messages[2], 2);
    assert.equal((await p.attempts(app, messages[0])).length, 2, 'what was delivered is left alone');
    const again = await run(p, DONE, ['replay', '--app', 'a', '--endpoint', 'e', '--since', '1h', '--status', 'success', '--event-type', 'a.b', '--status-class', '200']);
    assert.match(again.stdout, /^bulk-replay since .*: finished, 3 messages, 0 without a payload\n$/);
    await r.arrived(9);
    const none = await run(p, DONE, ['replay', '--app', 'a', '--endpoint', 'e', '--since', '1h', '--status', 'all', '--channel', 'x']);
    assert.match(none.stdout, /finished, 0 messages/);
    await p.endpoint(app, r.url('/late'), { uid: 'late' });
    const missing = JSON.parse((await run(p, DONE, ['replay', '--app', 'a', '--endpoint', 'late', '--since', '1h', '--missing', '--json'])).stdout);
    assert.deepEqual([missing.task, missing.data.messagesSent], ['endpoint.replay', 3]);
    await r.arrived(12);
    await run(p, NO, ['replay', '--app', 'a', '--endpoint', 'e', 'msg_nothing']);
    await run(p, USAGE, ['replay', '--app', 'a', '--endpoint', 'e', '--since', '20d']);
});

test('tokens: made, listed, used, revoked; by the server and without', async (t) => {
    const p = await postrider(t, { settings: { JWT_SECRET: undefined } });
    const made = (await run(p, DONE, ['token', 'create', '--name', 'ci', '--expires', '30d', '--scope', 'app:read'])).stdout;
    assert.match(made, /^prk_\w{40}\n$/);
    const settings = { TOKEN: made.trim(), URL: `http://127.0.0.1:${p.port}/` };
    await run(p, DONE, ['app', 'list'], { settings });
    await run(p, COULD_NOT, ['app', 'create', '--name', 'x'], { settings });
    await run(p, COULD_NOT, ['app', 'list'], { settings: { ...settings, TOKEN: 'prk_wrong' } });
    const owner = (await run(p, DONE, ['token', 'create', '--json'])).json;
    assert.match(owner.token, /^prk_/);
    p.token = owner.token;
    await p.app({ uid: 'a' });
    const list = await run(p, DONE, ['token', 'list']);
    assert.match(list.stdout, /ci /);
    assert.ok(!list.stdout.includes(made.trim()));
    const { id } = (await run(p, DONE, ['token', 'list', '--json'])).json.data.find((k) => k.name === 'ci');
    await run(p, DONE, ['token', 'revoke', id]);
    await run(p, NO, ['token', 'revoke', id]);
    await run(p, COULD_NOT, ['app', 'list'], { settings });
    await run(p, USAGE, ['token', 'create', '--scope', 'moon:read']);
    await run(p, USAGE, ['token', 'create', '--role', 'emperor']);

    await p.stop();
    const offline = (await run(p, DONE, ['token', 'create', '--app', 'a', '--scope', 'message:write'])).stdout.trim();
    await run(p, NO, ['token', 'create', '--app', 'nobody']);
    await run(p, USAGE, ['token', 'create', '--scope', 'moon:read']);
    await p.start();
    const message = await p.api('POST', '/api/v1/app/a/msg', { eventType: 'a.b', payload: {} }, { token: offline });
    assert.equal(message.status, 202, message.text);
    assert.equal((await p.api('GET', '/api/v1/app', undefined, { token: offline })).status, 403);
    const elsewhere = await run(p, COULD_NOT, ['token', 'create'], { settings: { LISTEN: '127.0.0.1:1' } });
    assert.match(elsewhere.stderr, /has the database open/);
});

test('a token of another environment', async (t) => {
    const p = await postrider(t);
    const env = 'org_00000000000000000000000test';
    const token = (await run(p, DONE, ['token', 'create', '--env', env])).stdout.trim();
    await p.app({ uid: 'mine' });
    assert.deepEqual((await p.ok('GET', '/api/v1/app', undefined, { token })).data, []);
    assert.equal((await run(p, DONE, ['token', 'list', '--env', env, '--json'])).json.data.length, 1);
    assert.equal((await run(p, DONE, ['token', 'list', '--env', environment, '--json'])).json.data.length, 0);
    await run(p, USAGE, ['token', 'list', '--env', env], { settings: { TOKEN: token } });
});

test('verify: valid, not, wrong use', async (t) => {
    const p = await unstarted(t);
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const at = Math.floor(Date.now() / 1000);
    const sign = (id, time, body) => createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(`${id}.${time}.${body}`).digest('base64');
    const request = (body, time = at, end = '\n') =>
        `POST /hook HTTP/1.1${end}Host: x${end}Webhook-Id: msg_1${end}webhook-timestamp:  ${time}${end}webhook-signature: v1,${sign('msg_1', time, body)}${end}${end}${body}`;
    const verify = ['verify', '--secret', secret];
    const body = '{"a":1}\r\n\n{}';
    assert.equal((await run(p, DONE, verify, { input: request(body) })).stdout, 'valid\n');
    await run(p, DONE, verify, { input: request(body, at, '\r\n') });
    await run(p, DONE, ['verify', '--secret', `whsec_${'A'.repeat(32)}`, '--secret', secret], { input: request('') });
    const not = await run(p, NO, [...verify, '--json'], { input: `${request(body)} ` });
    assert.equal(JSON.parse(not.stdout).valid, false);
    await run(p, NO, verify, { input: request(body, at - 3600) });
    await run(p, DONE, [...verify, '--tolerance', '2h'], { input: request(body, at - 3600) });
    await run(p, USAGE, verify, { input: 'webhook-id: x' });
    await run(p, USAGE, verify, { input: '\n{}' });
    const file = join(p.dir, 'secret');
    writeFileSync(file, `${secret}\n`);
    assert.equal((await run(p, DONE, ['verify', '--secret-file', file, '--quiet'], { input: request(body) })).stdout, '');
    const hex = createHmac('sha256', 'a-long-secret-of-a-repository').update('{}').digest('hex');
    const github = { input: `x-hub-signature-256: sha256=${hex}\n\n{}` };
    await run(p, DONE, ['verify', '--profile', 'github', '--secret', 'a-long-secret-of-a-repository'], github);
    await run(p, NO, ['verify', '--profile', 'github', '--secret', 'another-long-secret-of-it'], github);
    await run(p, COULD_NOT, ['verify', '--profile', 'mine', '--secret', 'x'], github);
});

test('verify with a profile of the server', async (t) => {
    const p = await postrider(t);
    await p.ok('POST', '/api/v1/profile', { name: 'mine', headers: { 'X-Sig': '{signature}' } });
    const secret = 'x'.repeat(32);
    const input = `X-Sig: ${createHmac('sha256', secret).update('{}').digest('hex')}\n\n{}`;
    await run(p, DONE, ['verify', '--profile', 'mine', '--secret', secret], { input });
    await run(p, USAGE, ['verify', '--profile', 'nobody', '--secret', secret], { input });
});

test('backup says what is in it; restore checks it', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    await p.endpoint(app, 'http://127.0.0.1:9/');
    await p.send(app, 'a.b');
    const file = join(p.dir, 'copy');
    const made = (await run(p, DONE, ['backup', file, '--with-keys', '--json'])).json;
    assert.equal(made.messages, 1);
    assert.equal(made.deliveries, 1);
    assert.equal(made.bytes, statSync(file).size);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(`${file}.keys`).mode & 0o777, 0o600);
    assert.deepEqual(readFileSync(`${file}.keys`), readFileSync(join(p.dir, 'postrider.keys')));
    assert.ok(!existsSync(`${file}-wal`));
    await run(p, COULD_NOT, ['backup', file]);
    await run(p, COULD_NOT, ['backup', join(p.dir, 'no-folder', 'copy')]);
    assert.match((await run(p, COULD_NOT, ['restore', file, '--force'])).stderr, /another process/);

    const q = await unstarted(t);
    assert.match((await run(q, DONE, ['restore', file])).stdout, /its secrets need the postrider.keys/);
    await run(q, COULD_NOT, ['restore', file]);
    copyFileSync(`${file}.keys`, join(q.dir, 'postrider.keys'));
    const again = await run(q, DONE, ['restore', file, '--force', '--json']);
    assert.equal(again.json.sha256, made.sha256);
    assert.match(again.json.keys, /belong to it/);
    delete q.port;
    delete q.metricsPort;
    await q.start();
    assert.equal((await q.ok('GET', `/api/v1/app/${app.id}/msg`)).data.length, 1);

    const broken = Buffer.from(readFileSync(file));
    broken.fill(0xff, 8192, 12288);
    writeFileSync(`${file}.broken`, broken);
    const r = await unstarted(t);
    await run(r, COULD_NOT, ['restore', `${file}.broken`]);
    writeFileSync(`${file}.text`, 'this is no database at all, is it?');
    await run(r, COULD_NOT, ['restore', `${file}.text`]);
    assert.ok(!existsSync(join(r.dir, 'postrider.db')), 'nothing was put in place');
});

test('keys rotate refuses beside a server, and continues after an interruption', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const endpoint = await p.endpoint(app, 'http://127.0.0.1:9/');
    const secret = await p.secret(app, endpoint);
    assert.match((await run(p, COULD_NOT, ['keys', 'rotate'])).stderr, /stop it/);
    await p.stop();
    const path = join(p.dir, 'postrider.keys');
    const keys = JSON.parse(readFileSync(path, 'utf8'));
    keys.masterKeys.push({ id: 7, key: 'ab'.repeat(32) });
    keys.current = 7;
    writeFileSync(path, JSON.stringify(keys));
    const ended = await run(p, DONE, ['keys', 'rotate']);
    assert.match(ended.stderr, /continued/);
    const after = JSON.parse(readFileSync(path, 'utf8'));
    assert.deepEqual(after.masterKeys.map((k) => k.id), [7]);
    const next = (await run(p, DONE, ['keys', 'rotate', '--json'])).json;
    assert.notEqual(next.current, 7);
    await p.start();
    assert.equal(await p.secret(app, endpoint), secret);
    await p.stop();
    rmSync(path);
    await run(p, COULD_NOT, ['keys', 'rotate']);
    assert.ok(!existsSync(path), 'no new keys are made where the old ones are missing');
});

test('keys rotate with keys from the environment', async (t) => {
    const [old, fresh] = ['ab'.repeat(32), 'cd'.repeat(32)];
    const p = await postrider(t, { settings: { MASTER_KEY: old } });
    const app = await p.app();
    const endpoint = await p.endpoint(app, 'http://127.0.0.1:9/');
    const secret = await p.secret(app, endpoint);
    await p.stop();
    await run(p, DONE, ['keys', 'rotate'], { settings: { MASTER_KEY: `${fresh},${old}` } });
    p.settings.MASTER_KEY = fresh;
    await p.start();
    assert.equal(await p.secret(app, endpoint), secret);
});

test('migrate', async (t) => {
    const p = await unstarted(t);
    await run(p, NO, ['migrate', '--check']);
    assert.ok(!existsSync(join(p.dir, 'postrider.db')));
    const made = (await run(p, DONE, ['migrate', '--json'])).json;
    assert.equal(made.from, 0);
    assert.ok(made.to > 0);
    await run(p, DONE, ['migrate', '--check']);
    await run(p, DONE, ['migrate']);
});

// `postrider listen` as a child: its URL, and how it ended.
async function listener(t, p, args) {
    const child = spawn(program, ['listen', '--port', '0', ...args], { cwd: p.dir, env: p.env() });
    const l = { child, stdout: '', stderr: '' };
    child.stdout.on('data', (c) => (l.stdout += c));
    child.stderr.on('data', (c) => (l.stderr += c));
    l.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
    t.after(() => child.kill('SIGKILL'));
    l.url = await until('it listens', () => l.stderr.match(/listening on (http:\S+)/)?.[1]);
    return l;
}

test('listen prints what is delivered, and whether it verifies', async (t) => {
    const p = await postrider(t, { settings: { RETRY_SCHEDULE: '' } });
    const app = await p.app({ uid: 'a' });
    const endpoint = await p.endpoint(app, 'http://127.0.0.1:9/');
    const secret = await p.secret(app, endpoint);
    const l = await listener(t, p, ['--secret', secret, '--count', '2', '--json', '--status', '201']);
    await run(p, DONE, ['endpoint', 'update', '--app', 'a', endpoint.id, '--url', `${l.url}hook?x=1`]);
    const message = await p.send(app, 'a.b', '{"text":"\\u001b[31m"}');
    const [attempt] = await p.attempted(app, message, 1);
    assert.equal(attempt.responseStatusCode, 201);
    const forged = await fetch(`${l.url}other`, { method: 'POST', body: Buffer.from([0xff, 0xfe]), headers: { 'webhook-id': 'x' } });
    assert.equal(forged.status, 201);
    assert.deepEqual(await l.ended, { code: 0, signal: null }, l.stderr);
    const [real, other] = l.stdout.trim().split('\n').map((line) => JSON.parse(line));
    assert.equal(real.verified, true, real.reason);
    assert.equal(real.path, '/hook');
    assert.equal(real.query, 'x=1');
    assert.deepEqual(real.headers.find(([n]) => n === 'webhook-id'), ['webhook-id', message.id]);
    assert.equal(other.verified, false);
    assert.ok(other.reason);
    assert.equal(other.bodyEncoding, 'base64');
    assert.equal(other.body, '//4=');
});

test('listen: delay, forward, a terminal is safe, SIGINT ends it', async (t) => {
    const p = await unstarted(t);
    const slow = await listener(t, p, ['--delay', '400ms', '--status', '500']);
    const began = Date.now();
    const answers = await Promise.all([1, 2].map((n) => fetch(slow.url, { method: 'POST', body: `\u001b[31m${n}` })));
    assert.deepEqual(answers.map((a) => a.status), [500, 500]);
    assert.ok(Date.now() - began >= 390, `${Date.now() - began} ms`);
    await until('both are printed', () => /\?\[31m1/.test(slow.stdout) && /\?\[31m2/.test(slow.stdout));
    assert.ok(!slow.stdout.includes('\u001b'));
    slow.child.kill('SIGINT');
    assert.deepEqual(await slow.ended, { code: 0, signal: null });
    const r = await receiver(t, { answer: () => ({ status: 418, body: 'a teapot' }) });
    const relay = await listener(t, p, ['--forward', r.url('/to'), '--count', '1']);
    const relayed = await fetch(relay.url, { method: 'POST', body: 'x', headers: { 'x-custom': 'kept' } });
    assert.equal(relayed.status, 418);
    assert.equal(await relayed.text(), 'a teapot');
    assert.equal(r.requests[0].headers['x-custom'], 'kept');
    assert.equal(r.requests[0].body.toString(), 'x');
    const dead = await listener(t, p, ['--forward', 'http://127.0.0.1:2/', '--count', '1']);
    assert.equal((await fetch(dead.url, { method: 'POST' })).status, 502);
    await dead.ended;
    assert.match(dead.stdout, /not forwarded: /);
});

test('doctor: a line per check, 0 or 1', async (t) => {
    const dns = await nameServer(t, (name, type) => (name === 'good.example' && type === 'A' ? ['192.0.2.1'] : []));
    const p = await postrider(t, { settings: { RESOLVER: dns.address } });
    const app = await p.app();
    await p.endpoint(app, 'http://127.0.0.1:9/');
    const doctor = ['doctor', '--name', 'good.example'];
    const words = async (status, options, args = doctor) => {
        const r = await run(p, status, [...args, '--json'], options);
        const { ok, checks } = JSON.parse(r.stdout);
        assert.equal(ok, status === DONE);
        return Object.fromEntries(checks.map((c) => [c.check, c.verdict]));
    };
    const text = await run(p, DONE, doctor);
    assert.match(text.stdout, /^ok {4}listen +the server at http:\S+ answers 200$/m);
    for (const line of text.stdout.trim().split('\n')) assert.match(line, /^(ok {2}|warn|fail) {2}\w+ +\S/);
    assert.equal((await words(DONE, {})).keys, 'ok');
    assert.equal((await words(DONE, {}, ['doctor', '--name', 'bad.example'])).dns, 'warn');
    assert.equal((await words(NO, { settings: { LISTEN: '127.0.0.1:1' } })).listen, 'fail', 'in use, but nobody answers there');
    assert.equal((await words(NO, { settings: { EGRESS_BIND: '192.0.2.1' } })).egress, 'fail');
    assert.deepEqual(await words(NO, { settings: { LISTEN: 'nonsense' } }), { settings: 'fail' });
    await p.stop();
    assert.equal((await words(DONE, {})).listen, 'ok', 'the address is free');
    const keys = join(p.dir, 'postrider.keys');
    chmodSync(keys, 0o644);
    assert.equal((await words(NO, {})).keys, 'fail');
    chmodSync(keys, 0o600);
    rmSync(keys);
    assert.equal((await words(NO, {})).keys, 'fail', 'the keys are gone');
    assert.equal((await words(NO, { settings: { MASTER_KEY: 'ab'.repeat(32) } })).keys, 'fail', 'another key');
    const other = await postrider(t, {});
    await other.stop();
    copyFileSync(join(other.dir, 'postrider.keys'), keys);
    chmodSync(keys, 0o600);
    assert.equal((await words(NO, {})).keys, 'fail', 'the keys of another store, with the same key id');
    writeFileSync(join(p.dir, 'postrider.db'), 'no database');
    assert.equal((await words(NO, {})).database, 'fail');
});

test('commands reach a server over TLS: by its own certificate here, by name elsewhere', async (t) => {
    const ca = authority(t);
    const { key, cert } = ca.issue(['DNS:hooks.example.com', 'DNS:localhost']);
    const p = new Postrider();
    t.after(() => p.dispose());
    writeFileSync(join(p.dir, 'key.pem'), key, { mode: 0o600 });
    writeFileSync(join(p.dir, 'cert.pem'), cert);
    p.settings = { TLS_CERT: join(p.dir, 'cert.pem'), TLS_KEY: join(p.dir, 'key.pem') };
    await p.start({ ready: false });
    await until('it answers', async () => (await p.command(['app', 'list'])).status === DONE);
    const other = ca.issue(['IP:127.0.0.1']);
    writeFileSync(join(p.dir, 'other.pem'), other.cert);
    writeFileSync(join(p.dir, 'other.key'), other.key, { mode: 0o600 });
    const tls = { TLS_CERT: join(p.dir, 'other.pem'), TLS_KEY: join(p.dir, 'other.key') };
    await run(p, COULD_NOT, ['app', 'list'], { settings: tls });
    const named = (host, more) => ({ settings: { URL: `https://${host}:${p.port}`, ...more } });
    await run(p, COULD_NOT, ['app', 'list'], named('localhost'));
    await run(p, DONE, ['app', 'list'], named('localhost', { CA_FILE: ca.path }));
    await run(p, COULD_NOT, ['app', 'list'], named('127.0.0.1', { CA_FILE: ca.path }));
});
