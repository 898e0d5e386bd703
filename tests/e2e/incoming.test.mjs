// SPDX-License-Identifier: Apache-2.0
// Requests at trigger URLs under strain: the same one fifty times at once, a full disk, more than the limit, odd bodies; what is kept
// of them, and what nobody may read there.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { smallDisk } from './lib/disk.mjs';
import { Postrider, postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf, sleep, until } from './lib/wait.mjs';

const examples = createRequire(import.meta.url)('@octokit/webhooks-examples');
const payloads = (examples.default ?? examples).flatMap((event) => event.examples.map((payload) => ({ name: event.name, payload })));
const say = [{ id: 'say', type: 'emit_event', event: 'incoming.seen', payload: { id: '{{ trigger.body.id }}' } }];

async function automation(p, app, trigger = {}, { steps = say, publish = true } = {}) {
    const base = `/api/v1/app/${app.id}/automation`;
    const made = await p.ok('POST', base, { name: 'In', trigger: { type: 'incoming_webhook', ...trigger }, steps });
    if (publish) await p.ok('POST', `${base}/${made.id}/publish`);
    const path = new URL(made.trigger.url).pathname;
    const at = `/api/v1/app/${app.id}/trigger/${made.trigger.id}`;
    return {
        made,
        path,
        at,
        base: `${base}/${made.id}`,
        send: (body, headers = {}, { method = 'POST', query = '' } = {}) => p.api(method, path + query, body, { token: null, headers }),
        runs: async () => (await p.ok('GET', `${base}/${made.id}/run?limit=250`)).data,
        requests: async () => (await p.ok('GET', `${at}/request?limit=250`)).data,
        put: (trigger_, steps_ = steps) => p.ok('PUT', `${base}/${made.id}`, { name: 'In', trigger: { type: 'incoming_webhook', ...trigger_ }, steps: steps_ }),
    };
}

// ---- duplicates -------------------------------------------------------------------------------------------------------

// The same bytes over so many connections that are all open before the first of them speaks: the answers, {status, json}.
async function atOnce(port, bytes, connections) {
    const sockets = await Promise.all(
        Array.from({ length: connections }, () => new Promise((resolve, reject) => {
            const socket = net.connect(port, '127.0.0.1', () => resolve(socket));
            socket.on('error', reject);
        })),
    );
    return Promise.all(
        sockets.map((socket) => new Promise((resolve) => {
            let text = '';
            socket.on('data', (c) => (text += c));
            socket.on('close', () => resolve({ status: Number(text.slice(9, 12)), json: JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4) || 'null') }));
            socket.write(bytes);
        })),
    );
}

test('the same request on fifty connections at once starts one run, by header and by body', async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10000 } });
    const app = await p.app();
    for (const dedupe of ['header:x-request-id', 'body:order["odd id"]']) {
        const a = await automation(p, app, { dedupe });
        for (let round = 0; round < 5; round++) {
            const body = JSON.stringify({ order: { 'odd id': `o-${round}` } });
            const bytes = `POST ${a.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Request-Id: r-${round}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
            const answers = await atOnce(p.port, bytes, 50);
            const first = answers.filter((x) => x.status === 202);
            assert.equal(first.length, 1, JSON.stringify(answers.map((x) => x.status)));
            for (const x of answers.filter((y) => y.status !== 202)) assert.deepEqual(x, { status: 200, json: { id: first[0].json.id, duplicate: true } });
            assert.equal((await a.runs()).length, round + 1);
        }
        await p.restart();
        const late = await a.send(JSON.stringify({ order: { 'odd id': 'o-3' } }), { 'x-request-id': 'r-3' });
        assert.deepEqual([late.status, late.json.duplicate], [200, true]);
        // What tells is missing, or empty: each one is new.
        for (let i = 0; i < 2; i++) assert.equal((await a.send('{"order":{}}', { 'x-request-id': '' })).status, 202);
        assert.equal((await a.runs()).length, 7);
    }
});

// A signature covers a body, not what it is called.
test('a signed request that comes again under another content type, method or query is the same', async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10000 } });
    const app = await p.app();
    const row = { headers: { 'X-Sign': '{signature}' }, verify: { dedupe: 'body:id' } };
    const bodies = [['application/json', '{ "id": 7, "a": "--x--" }'], ['application/json', '{\r\n"a": "\\r\\n--x--",\r\n"id": 7 }'], ['application/x-www-form-urlencoded', 'a=--x--&id=%37']];
    for (const [type, body] of bodies) {
        const a = await automation(p, app, { verify: { row, secret: 'k' } });
        const signed = { 'x-sign': createHmac('sha256', 'k').update(body).digest('hex') };
        const first = await a.send(body, { ...signed, 'content-type': type });
        assert.equal(first.status, 202, first.text);
        for (const as of [type, 'text/plain', 'application/xml', 'text/html; charset=utf-8', 'application/x-www-form-urlencoded', '']) {
            for (const how of [{}, { method: 'PUT' }, { query: '?id=8' }]) {
                const again = await a.send(body, { ...signed, 'content-type': as }, how);
                assert.deepEqual([again.status, again.json], [200, { id: first.json.id, duplicate: true }], `${type} as ${as}`);
            }
        }
        for (const boundary of ['x', '"x"', '-', '""']) {
            const odd = await a.send(body, { ...signed, 'content-type': `multipart/form-data; boundary=${boundary}` });
            assert.equal(odd.status, 400, `${body} with ${boundary}: ${odd.text}`);
        }
        const other = body.replace(/7/, '9');
        const late = await a.send(other, { 'x-sign': createHmac('sha256', 'k').update(other).digest('hex'), 'content-type': 'text/plain' });
        assert.equal(late.status, 202);
        assert.equal((await a.runs()).length, 2);
    }
});

// Who writes a row answers for it, not for the server that others see.
test('rows of customers: no headers but their own in answers, only duplicates that can be told, and no secret that is kept', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const at = `/api/v1/app/${app.id}/automation`;
    const row = (verify, headers = { 'X-One': '{signature}' }) => ({ headers, algorithm: 'token', encoding: 'raw', secret: { keyDecoding: 'raw' }, verify });
    const define = (r) => p.api('POST', at, { name: 'In', trigger: { type: 'incoming_webhook', verify: { row: r, secret: 'canary-6b2f' } }, steps: say });
    const page = 'X-A: b\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>';
    for (const echo of [page, 'Content-Length', 'Transfer-Encoding', 'Set-Cookie', 'Location', 'X-Accel-Redirect', 'X-Sendfile', 'X-Frame-Options']) {
        const refused = await define(row({ echo }));
        assert.equal(refused.status, 422, echo);
        assert.match(refused.json.detail[0].msg, /verify\.echo/);
    }
    for (const dedupe of ['x-request-id', 'header:', 'body:']) {
        const refused = await define(row({ dedupe }));
        assert.equal(refused.status, 422, dedupe);
        assert.match(refused.json.detail[0].msg, /verify\.dedupe/);
        const profile = await p.api('POST', '/api/v1/profile', { name: 'mine', headers: { 'X-One': '{signature}' }, verify: { dedupe } });
        assert.deepEqual([profile.status, profile.json.detail[0].loc], [422, ['body', 'verify.dedupe']]);
    }
    const a = await automation(p, app, { verify: { row: row({ echo: 'X-Mine', signatureQuery: 'k', dedupe: 'signed' }, { 'X-One': '{signature}', 'X-Two': '{signature}' }), secret: 'canary-6b2f' } });
    const taken = await a.send('{"id":1}', { 'x-two': 'canary-6b2f', 'x-mine': 'again' });
    assert.deepEqual([taken.status, taken.headers['x-mine']], [202, 'again']);
    assert.equal((await a.send('{"id":2}', {}, { query: '?k=canary-6b2f' })).status, 202);
    assert.equal((await a.send('{', {}, { query: '?k=canary-6b2f' })).status, 400);
    assert.equal((await a.send('{"id":3}', { 'x-two': 'canary-6b2f 2' }, { query: '?k=canary-6b2f' })).status, 401);
    const kept = await p.api('GET', `${a.at}/request`);
    assert.deepEqual(kept.json.data.map((r) => [r.status, r.headers['x-two'] ?? r.query.k]), [[401, '***'], [400, '***'], [202, '***'], [202, '***']]);
    assert.ok(!kept.text.includes('canary'), kept.text);
    // The row that says what is secret is gone.
    await p.ok('POST', '/api/v1/profile', { name: 'acme', headers: { 'X-Acme': '{signature}' }, verify: { signatureQuery: 'k' } });
    const b = await automation(p, app, { verify: { profile: 'acme', secret: 'one-0123456789-0123456789' } });
    await p.ok('DELETE', '/api/v1/profile/acme');
    assert.equal((await b.send('{}', { 'x-acme': 'canary-6b2f' }, { query: '?k=canary-6b2f' })).status, 401);
    const lost = await p.api('GET', `${b.at}/request`);
    assert.deepEqual(lost.json.data.map((r) => [r.status, r.headers, r.query]), [[401, {}, {}]]);
});

test('the name of a known sender means that sender, and no profile of the environment', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const mine = { headers: { 'X-Mine': '{signature}' } };
    const known = (await p.ok('GET', '/api/v1/provider')).data.map((s) => s.name);
    const shipped = (await p.ok('GET', '/api/v1/profile')).data.map((s) => s.name);
    assert.ok(known.length > 30 && shipped.length === 7 && shipped.every((name) => known.includes(name)));
    for (const name of known) {
        const made = await p.api('POST', '/api/v1/profile', { ...mine, name });
        assert.equal(made.status, shipped.includes(name) ? 409 : 422, `${name}: ${made.text}`);
        if (shipped.includes(name)) continue;
        assert.deepEqual([made.json.detail[0].loc, made.json.detail[0].msg], [['body', 'name'], 'this is the name of a known sender, which would be meant by it']);
        assert.equal((await p.api('PUT', `/api/v1/profile/${name}`, mine)).status, 422, name);
        assert.equal((await p.api('GET', `/api/v1/profile/${name}`)).status, 404, name);
    }
    // One that is shipped may be changed for deliveries; what comes in is verified as ever.
    const rules = await p.api('PUT', '/api/v1/profile/github', { ...mine, verify: { dedupe: 'body:id' } });
    assert.deepEqual([rules.status, rules.json.detail[0].loc], [422, ['body', 'verify']]);
    assert.match(rules.json.detail[0].msg, /^requests of "github" are verified as that sender/);
    await p.ok('PUT', '/api/v1/profile/github', mine);
    await p.ok('PUT', '/api/v1/profile/github', await p.ok('GET', '/api/v1/profile/github'));
    const a = await automation(p, app, { verify: { profile: 'github', secret: 's3cret' } });
    assert.equal((await a.send('{"id":1}', { 'x-hub-signature-256': `sha256=${createHmac('sha256', 's3cret').update('{"id":1}').digest('hex')}` })).status, 202);
    assert.equal((await a.send('{"id":1}', { 'x-mine': createHmac('sha256', 's3cret').update('{"id":1}').digest('hex') })).status, 401);
    assert.equal((await p.api('DELETE', '/api/v1/profile/github')).status, 204);
    await p.ok('POST', '/api/v1/profile', { ...mine, name: 'github-mine', verify: { dedupe: 'body:id' } });
});

test('what an answer says of a trigger can be sent back, and keeps its secrets', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const body = '{"id":1}';
    const send = (a, secret) => a.send(body, { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` });
    for (const verify of [{ profile: 'meta', secret: 'one', verifyToken: 'told' }, { profile: 'github', secrets: ['another', 'one'], addresses: ['127.0.0.1'], toleranceSeconds: 10 }]) {
        const a = await automation(p, app, { verify });
        const shown = await p.ok('GET', a.base);
        assert.deepEqual([shown.trigger.verify.secrets, shown.trigger.verify.verifyToken], [verify.secrets?.length ?? 1, verify.verifyToken !== undefined]);
        const again = await p.ok('PUT', a.base, { ...shown, name: 'Renamed' });
        assert.deepEqual([again.name, again.trigger.verify], ['Renamed', shown.trigger.verify]);
        await p.ok('POST', `${a.base}/publish`);
        assert.equal((await send(a, 'one')).status, 202);
        const { trigger } = again;
        // One more than there are: whose?
        for (const wrong of [{ secrets: trigger.verify.secrets + 1 }, { verifyToken: !trigger.verify.verifyToken }, { secrets: '1' }]) {
            assert.equal((await p.api('PUT', a.base, { ...again, trigger: { ...trigger, verify: { ...trigger.verify, ...wrong } } })).status, 422);
        }
        await p.ok('PUT', a.base, { ...again, trigger: { ...trigger, verify: { ...trigger.verify, secret: 'new' } } });
        await p.ok('POST', `${a.base}/publish`);
        assert.deepEqual([(await send(a, 'one')).status, (await send(a, 'new')).status], [401, 202]);
        // A copy has none of them.
        assert.equal((await p.api('POST', `/api/v1/app/${app.id}/automation`, shown)).status, 422);
    }
});

// ---- the store ---------------------------------------------------------------------------------------------------------

test('a full disk: 503 with Retry-After; what was taken runs, what was not can be sent again', { timeout: 300_000 * slow }, async (t) => {
    const disk = smallDisk(t, 64);
    if (disk.skip) return t.skip(disk.skip);
    const filler = join(disk.dir, 'filler');
    const p = new Postrider({ settings: { DATABASE: `sqlite:${join(disk.dir, 'postrider.db')}`, INCOMING_RATE_LIMIT: 100000 } });
    t.after(() => p.dispose());
    await p.start();
    const app = await p.app();
    const a = await automation(p, app, { dedupe: 'body:id' });
    const draft = await automation(p, app, {}, { publish: false });
    writeFileSync(filler, Buffer.alloc(16 * 1024 * 1024));
    const taken = new Map();
    const refused = [];
    const text = 'x'.repeat(60_000);
    const send = async (id) => {
        const answer = await a.send(JSON.stringify({ id, text }));
        if (answer.status === 202) taken.set(id, answer.json.id);
        return answer;
    };
    let n = 0;
    await until('the disk is full', async () => {
        await eachOf(Array(16).keys(), 8, async () => {
            const id = `i-${n++}`;
            const answer = await send(id);
            if (answer.status !== 202) refused.push({ id, answer });
        });
        return refused.length >= 8;
    }, { everyMs: 0 });
    for (const { answer } of refused) {
        assert.equal(answer.status, 503, answer.text);
        assert.match(answer.headers['retry-after'] ?? '', /^[1-9]\d*$/);
    }
    const captured = await draft.send(JSON.stringify({ text }));
    if (captured.status !== 202) assert.deepEqual([captured.status, /^\d+$/.test(captured.headers['retry-after'])], [503, true]);
    assert.equal(p.exit, undefined, 'the program goes on');
    unlinkSync(filler);
    for (const { id } of refused) {
        const answer = await until(`${id} is taken`, async () => {
            const x = await send(id);
            return x.status !== 503 && x;
        }, { everyMs: 200 });
        // A commit whose answer was an error may have happened all the same: then it is a duplicate of itself.
        if (answer.status === 200) taken.set(id, answer.json.id);
        assert.ok([200, 202].includes(answer.status), answer.text);
    }
    await p.restart();
    for (const id of taken.values())
        await until(`${id} ends`, async () => ['done', 'failed'].includes((await p.ok('GET', `${a.base}/run/${id}`)).status));
    t.diagnostic(`${taken.size} taken around the full disk, ${refused.length} refused first`);
});

// ---- the limit ---------------------------------------------------------------------------------------------------------

// Certainly accepted within one second: sent after it began, answered before it ended.
function mostInASecond(accepted) {
    let most = 0;
    const byStart = [...accepted].sort((x, y) => x.sent - y.sent);
    for (let i = 0; i < byStart.length; i++) {
        let inside = 0;
        for (let k = i; k < byStart.length && byStart[k].sent < byStart[i].sent + 1000; k++) inside += byStart[k].answered < byStart[i].sent + 1000;
        most = Math.max(most, inside);
    }
    return most;
}

// How many may have been accepted at most in the second before this one was answered: as many as the limit, if it was refused rightly.
const acceptedBefore = (accepted, x) => accepted.filter((y) => y.answered > x.sent - 1000 && y.sent < x.answered).length;

// Sends as fast as eight connections can: every request with its times.
async function flood(send, ms) {
    const seen = [];
    const end = performance.now() + ms;
    await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
            while (performance.now() < end) {
                const sent = performance.now();
                const { status, headers } = await send(i);
                seen.push({ sent, answered: performance.now(), status, after: headers['retry-after'] });
            }
        }),
    );
    return seen;
}

test('at most so many in any second, over all triggers of the workspace; refused ones do not count, others are not touched', { timeout: 300_000 * slow }, async (t) => {
    const p = await postrider(t);
    const [one, two] = [await p.app(), await p.app()];
    const secret = { profile: 'bearer', secret: 's3cret' };
    const [a, b, other] = [await automation(p, one, { verify: secret }), await automation(p, one, { verify: secret }), await automation(p, two)];
    const good = { authorization: 'Bearer s3cret' };
    let on = true;
    const aside = [];
    const quiet = (async () => {
        for (; on; await sleep(50)) aside.push((await other.send('{}')).status);
    })();
    // A third of them is not verified: they must neither be taken nor take somebody's place.
    const seen = await flood((i) => (i % 2 ? a : b).send('{"id":1}', i % 3 === 2 ? {} : good), 3500);
    const accepted = seen.filter((x) => x.status === 202);
    const limited = seen.filter((x) => x.status === 429);
    assert.equal(accepted.length + limited.length + seen.filter((x) => x.status === 401).length, seen.length);
    if (mostInASecond(seen) > 200) assert.ok(limited.length > 0, 'the limit was reached');
    assert.ok(limited.every((x) => x.after === '1'));
    assert.ok(mostInASecond(accepted) <= 100, `${mostInASecond(accepted)} in a second`);
    for (const x of limited) assert.ok(acceptedBefore(accepted, x) >= 100, `${acceptedBefore(accepted, x)} in the second before it, and refused`);
    assert.ok((await p.ok('PATCH', `/api/v1/app/${one.id}/settings`, { incomingRateLimit: 20 })).incomingRateLimit === 20);
    await sleep(1000);
    const then = await flood((i) => (i % 2 ? a : b).send('{"id":1}', good), 2200);
    const fewer = then.filter((x) => x.status === 202);
    assert.ok(mostInASecond(fewer) <= 20, `${mostInASecond(fewer)} in a second`);
    for (const x of then.filter((y) => y.status === 429)) assert.ok(acceptedBefore(fewer, x) >= 20, `${acceptedBefore(fewer, x)} in the second before it, and refused`);
    on = false;
    await quiet;
    assert.ok(aside.length > 0 && aside.every((status) => status === 202));
    t.diagnostic(`${accepted.length} of ${seen.length} taken in 3.5 s, at most ${mostInASecond(accepted)} in a second; then ${fewer.length} in 2.2 s`);
});

// ---- bodies ------------------------------------------------------------------------------------------------------------

test("all of GitHub's examples become records and outgoing webhooks, every digit as it came", { timeout: 300_000 * slow }, async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10000 } });
    const app = await p.app();
    const hook = await receiver(t);
    await p.endpoint(app, hook.url());
    await p.ok('POST', '/api/v1/record-type', { name: 'delivery', key: 'delivery' });
    const steps = [
        { id: 'keep', type: 'upsert_record', record: 'delivery', set: { delivery: '{{ trigger.headers.x-github-delivery }}', large: '{{ trigger.body.large }}', exact: '{{ trigger.body.exact }}', sender: '{{ trigger.body.sender.id }}' } },
        { id: 'say', type: 'emit_event', event: 'incoming.seen', payload: { record: '{{ steps.keep.large }}', whole: '{{ trigger.body }}' } },
    ];
    const a = await automation(p, app, { verify: { profile: 'github', secret: 's3cret' } }, { steps });
    assert.ok(payloads.length >= 320);
    await eachOf(payloads, 8, async ({ name, payload }, i) => {
        const body = JSON.stringify({ ...payload, large: '@', exact: '#' }).replace('"@"', '820982911946154508').replace('"#"', '1.10');
        const headers = { 'x-github-event': name, 'x-github-delivery': `d-${i}`, 'x-hub-signature-256': `sha256=${createHmac('sha256', 's3cret').update(body).digest('hex')}` };
        const answer = await a.send(body, headers);
        assert.equal(answer.status, 202, `${name}: ${answer.text}`);
    });
    await hook.arrived(payloads.length);
    const texts = hook.requests.map((q) => q.body.toString());
    for (const text of texts) assert.match(text, /"record":820982911946154508/);
    for (const { name, payload } of payloads) {
        const whole = `"whole":${JSON.stringify({ ...payload, large: '@', exact: '#' }).replace('"@"', '820982911946154508').replace('"#"', '1.10')}`;
        assert.ok(texts.some((text) => text.includes(whole)), `${name} arrives as it came`);
    }
    for (let i = 0; i < payloads.length; i += 40) {
        const record = await p.api('GET', `/api/v1/app/${app.id}/record/delivery/d-${i}`);
        assert.match(record.text, /"large":820982911946154508/);
        assert.match(record.text, /"exact":1\.10/);
    }
    t.diagnostic(`${payloads.length} payloads through to an endpoint`);
});

const nested = (n) => '['.repeat(n) + ']'.repeat(n);
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const multi = { 'content-type': 'multipart/form-data; boundary=x' };
const part = (head, body) => `--x\r\nContent-Disposition: form-data; ${head}\r\n\r\n${body}\r\n`;

// What is sent, what is answered, and what a step sees of it (null: nothing).
const bodies = [
    ['{"a":1,"a":2}', {}, 202, { a: 2 }],
    [Buffer.from('\ufeff{"a":"BOM"}'), {}, 202, { a: 'BOM' }],
    [nested(100), {}, 202, JSON.parse(nested(100))],
    [nested(101), {}, 400],
    [nested(129), {}, 400],
    ['{"a":"\u0000"}', {}, 400],
    ['{"a":"\\u0000"}', {}, 202, { a: '\u0000' }],
    [Buffer.from([0x22, 0xff, 0x22]), {}, 400],
    [Buffer.from([0x61, 0xff, 0x00, 0x62]), { 'content-type': 'text/plain' }, 202, 'a\ufffd\u0000b'],
    ['<a b="1">é</a>', { 'content-type': 'application/xml; charset=UTF-8' }, 202, '<a b="1">é</a>'],
    ['<soap/>', { 'content-type': 'application/soap+xml' }, 202, '<soap/>'],
    ['{"a":1}', { 'content-type': 'APPLICATION/JSON ; charset="utf-8"' }, 202, { a: 1 }],
    ['{"a":1}', { 'content-type': 'application/cloudevents+json' }, 202, { a: 1 }],
    ['{}', { 'content-encoding': 'gzip' }, 415],
    ['{}', { 'content-type': 'application/octet-stream' }, 415],
    ['', { 'content-type': 'application/json' }, 202, null],
    ['a=1&a=2&b=x+y%2B%C3%A9&c&=d&%zz=%', form, 202, { a: ['1', '2'], b: 'x y+é', c: '', '': 'd', '%zz': '%' }],
    [Array.from({ length: 1000 }, (_, i) => `k${i}=1`).join('&'), form, 202, Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, '1']))],
    [Array.from({ length: 1001 }, (_, i) => `k${i}=1`).join('&'), form, 400],
    [`${part('name="a"', '1')}${part('name="f"; filename="../../etc/passwd"', '\u0000')}${part('name="g"; filename*=UTF-8\'\'x.png', 'abc')}--x--\r\n`, multi, 202,
        { a: '1', f: { filename: '../../etc/passwd', contentType: null, size: 1 }, g: { filename: "UTF-8''x.png", contentType: null, size: 3 } }],
    [`${part('name="q\\"q"', 'quoted')}${part('name=""', 'empty')}--x--`, multi, 202, { 'q"q': 'quoted', '': 'empty' }],
    [part('name="a"', 'no end'), multi, 400],
    [`${part(`name="a"${';b=""'.repeat(150_000)}`, '1')}--x--`, multi, 400],
    ['x', { 'content-type': 'multipart/form-data' }, 400],
];

test('odd bodies: taken as what they are, or refused with a reason; a run sees what came', { timeout: 300_000 * slow }, async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10000 } });
    const app = await p.app();
    const a = await automation(p, app, {}, { steps: [{ id: 'seen', type: 'set', set: { body: '{{ trigger.body }}' } }] });
    for (const [body, headers, status, seen] of bodies) {
        const what = `${JSON.stringify(headers)} ${String(body).slice(0, 40)}`;
        const answer = await a.send(body, headers);
        assert.equal(answer.status, status, `${what}: ${answer.text}`);
        if (status !== 202) {
            assert.ok(answer.json.detail.length > 10, what);
            assert.ok((await p.ok('GET', `${a.at}/request?limit=1`)).data[0].reason.length > 10, what);
            continue;
        }
        let run;
        await until(`a run of ${what}`, async () => ['done', 'failed'].includes((run = await p.ok('GET', `${a.base}/run/${answer.json.id}`)).status));
        assert.equal(run.status, 'done', `${what}: ${run.error}`);
        assert.deepEqual(run.steps[0].output.body, seen, what);
    }
});

test('what comes in never says where a step goes, nor what its request is; greedy templates end in errors', { timeout: 300_000 * slow }, async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const r = await receiver(t, { answer: () => 204 });
    const at = r.url('').replace(/\/$/, '');
    const ask = { id: 'ask', type: 'http_request', method: 'POST', retrySchedule: [] };
    const run = async (steps, body) => {
        const a = await automation(p, app, {}, { steps });
        const { json } = await a.send(JSON.stringify(body));
        return until('the run ends', async () => {
            const now = await p.ok('GET', `${a.base}/run/${json.id}`);
            return ['done', 'failed'].includes(now.status) && now;
        });
    };
    const hostile = '","admin":true,"x":"\\u0022 <b> \r\n';
    const step = { ...ask, url: `${at}/u/{{ trigger.body.id }}/profile?q={{ trigger.body.q }}&a=1`, headers: { 'X-Name': 'n {{ trigger.body.name }}' }, body: { one: '{{ trigger.body.json }}', two: 'x{{ trigger.body.json }}' } };
    const done = await run([step], { id: '../../admin', q: 'a&b=c#d', name: 'Ada', json: hostile });
    assert.equal(done.status, 'done', done.error);
    const [got] = r.requests;
    assert.equal(got.path, '/u/..%2F..%2Fadmin/profile?q=a%26b%3Dc%23d&a=1');
    assert.equal(got.headers['x-name'], 'n Ada');
    assert.deepEqual(JSON.parse(got.body.toString()), { one: hostile, two: `x${hostile}` });
    const big = 'a'.repeat(40_000);
    const fails = [
        [{ ...step, body: null }, { id: 1, name: 'a\r\nX-Evil: 1' }, /trigger\.body\.name: a header takes no line breaks/],
        [{ ...step, body: null }, { id: '..', name: 'a' }, /trigger\.body\.id: a value of dots/],
        [{ ...ask, url: `${at}{{ trigger.body.h }}/` }, { h: '@evil.example' }, /trigger\.body\.h: here, in the host/],
        [{ ...ask, url: '{{ trigger.body.u }}' }, { u: 'http://a.example/ HTTP/1.1\r\nX-Evil: 1' }, /url/],
        [{ ...ask, url: '{{ trigger.body.u }}' }, { u: 'file:///etc/passwd' }, /url/],
        [{ id: 'v', type: 'set', set: { v: `{{ trigger.body.big${' | replace: "a", "aaaaaaaaaa"'.repeat(5)} }}` } }, { big }, /more than 1048576 bytes/],
        [{ id: 'v', type: 'set', set: { v: `{{ trigger.body.big${' | split: "a" | join: "a"'.repeat(8)} }}` } }, { big }, /more than 100000 steps/],
        [{ id: 'v', type: 'set', set: { v: '{{ trigger.body.nothing | required }}' } }, {}, /required of trigger\.body\.nothing/],
    ];
    for (const [bad, body, why] of fails) {
        const failed = await run([bad], body);
        assert.equal(failed.status, 'failed', JSON.stringify(bad).slice(0, 100));
        assert.match(failed.steps[0].error, why);
    }
    assert.equal(r.requests.length, 1, 'nothing else was sent');
});

// Bytes on a connection of their own: status, headers and body of the last answer.
function raw(port, bytes, delayed) {
    return new Promise((resolve, reject) => {
        const socket = net.connect(port, '127.0.0.1');
        let text = '';
        socket.on('data', (c) => {
            text += c;
            if (delayed !== undefined && text.startsWith('HTTP/1.1 100')) {
                text = '';
                socket.write(delayed);
                delayed = undefined;
            }
        });
        socket.on('error', reject);
        socket.on('close', () => resolve({ status: Number(text.slice(9, 12)), head: text.slice(0, text.indexOf('\r\n\r\n')), body: text.slice(text.indexOf('\r\n\r\n') + 4) }));
        socket.write(bytes);
    });
}

test('as HTTP allows it: chunks, 100-continue, methods, paths, headers', async (t) => {
    const p = await postrider(t);
    const a = await automation(p, await p.app(), { methods: ['POST'] });
    const line = (method, path = a.path) => `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n`;
    const json = 'Content-Type: application/json\r\n';
    const chunked = await raw(p.port, `${line('POST')}${json}Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n{"a\r\n5\r\n":1} \r\n0\r\nX-Trailer: 1\r\n\r\n`);
    assert.equal(chunked.status, 202, chunked.body);
    assert.equal((await raw(p.port, `${line('POST')}${json}Expect: 100-continue\r\nContent-Length: 7\r\n\r\n`, '{"a":1}')).status, 202);
    assert.equal((await raw(p.port, `${line('POST', `${a.path}/`)}${json}Content-Length: 2\r\n\r\n{}`)).status, 202);
    for (const method of ['GET', 'PUT', 'HEAD']) {
        const answer = await raw(p.port, `${line(method)}Content-Length: 0\r\n\r\n`);
        assert.equal(answer.status, 405, method);
        assert.match(answer.head, /\r\nAllow: POST, OPTIONS\r\n/, method);
        if (method === 'HEAD') assert.equal(answer.body, '');
    }
    assert.equal((await raw(p.port, `${line('OPTIONS')}Origin: https://e.example\r\nAccess-Control-Request-Method: POST\r\n\r\n`)).status, 204);
    const swapped = a.path.replace(/[a-zA-Z](?=[^a-zA-Z]*$)/, (c) => (c === c.toLowerCase() ? c.toUpperCase() : c.toLowerCase()));
    const unknown = [swapped, a.path.slice(0, -1), `${a.path}x`, `/v1/webhooks/in/${'x'.repeat(2000)}`, '/v1/webhooks/in/%00', `${a.path}/more`];
    for (const path of unknown) assert.equal((await raw(p.port, `${line('POST', path)}${json}Content-Length: 2\r\n\r\n{}`)).status, 404, path.slice(0, 80));
    assert.equal((await raw(p.port, `${line('POST')}${json}Content-Length: 1048577\r\n\r\n"${'x'.repeat(1048575)}"`)).status, 413);
    assert.equal((await raw(p.port, `${line('POST')}${json}Content-Length: 99999999\r\n\r\n`)).status, 413);
    assert.equal((await raw(p.port, `${line('POST')}${json}X-Big: ${'"'.repeat(15_000)}\r\nContent-Length: 2\r\n\r\n{}`)).status, 202);
    assert.equal((await raw(p.port, `${line('POST')}${json}X-Big: ${'a'.repeat(100_000)}\r\nContent-Length: 2\r\n\r\n{}`)).status, 431);
    assert.equal((await raw(p.port, `${line('POST')}${json}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)).status, 400);
    assert.equal((await a.runs()).length, 4);
    assert.ok(!p.log().includes(a.path.split('/').at(-1)), 'the token is in no log');
});

// ---- what is kept -------------------------------------------------------------------------------------------------------

test('what is kept is bounded, and holds no secret, whatever becomes of the request', async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10000, LOG_LEVEL: 'debug' } });
    const app = await p.app();
    const canary = (name) => `canary-${name}-6b2f`;
    const headers = Object.fromEntries(
        ['authorization', 'proxy-authorization', 'cookie', 'x-api-key', 'x-auth-token', 'x-gitlab-token', 'x-hub-signature-256', 'stripe-signature', 'x-my-secret', 'x-mine', 'x-shopify-hmac-sha256']
            .map((name) => [name, canary(name)]),
    );
    const parameters = ['token', 'access_token', 'api_key', 'secret', 'signature', 'hub.verify_token', 'Password'];
    const query = `?plain=seen&${parameters.map((name) => `${name}=${canary(name)}`).join('&')}`;
    const steps = [{ id: 'v', type: 'set', set: { h: '{{ trigger.headers }}', q: '{{ trigger.query }}' } }];
    const verify = { profile: 'header', header: 'X-Mine', secret: headers['x-mine'], verifyToken: canary('verify') };
    const a = await automation(p, app, { verify, dedupe: 'header:x-id' }, { steps, publish: false });
    const send = (more) => a.send('{}', { ...headers, 'x-plain': 'seen', ...more }, { query });
    assert.equal((await send()).json.captured, true);
    await p.ok('POST', `${a.base}/publish`);
    const taken = await send({ 'x-id': '1' });
    assert.equal(taken.status, 202);
    assert.equal((await send({ 'x-id': '1' })).status, 200);
    assert.equal((await send({ 'x-mine': canary('wrong') })).status, 401);
    assert.equal((await send({ 'content-type': 'image/png' })).status, 415);
    await until('the run ends', async () => (await p.ok('GET', `${a.base}/run/${taken.json.id}`)).status === 'done');
    await p.ok('POST', `${a.base}/pause`);
    assert.equal((await send()).status, 410);
    const kept = await a.requests();
    assert.deepEqual(kept.map((r) => r.status), [410, 415, 401, 200, 202, 202]);
    for (const r of kept) {
        assert.deepEqual([r.headers['x-plain'], r.headers['x-mine'], r.headers.authorization, r.query.plain, r.query.token], ['seen', '***', '***', 'seen', '***']);
    }
    const shown = await Promise.all(
        [`${a.at}/request?limit=250`, `${a.base}/sample`, `${a.base}/variable`, a.base, a.at, `${a.base}/run/${taken.json.id}`, ...kept.map((r) => `${a.at}/request/${r.id}`)].map((path) => p.api('GET', path)),
    );
    for (const { status, text } of shown) {
        assert.equal(status, 200);
        assert.ok(!text.includes('canary-'), text.slice(Math.max(0, text.indexOf('canary-') - 60), text.indexOf('canary-') + 40));
    }
    await p.stop();
    for (const file of readdirSync(p.dir)) assert.ok(!readFileSync(join(p.dir, file)).includes('canary-'), file);
});

test('captures stay fifty, with the sample; keys that change are pointed out', async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10000 } });
    const a = await automation(p, await p.app(), {}, { publish: false });
    const first = (await a.send('{"id":1,"customer":{"email":"a@b.example"},"items":[{"sku":"A"}],"odd key":1,"line\\nbreak":"x"}')).json.id;
    await p.ok('POST', `${a.base}/sample/${first}/use`);
    for (let i = 0; i < 60; i++) assert.equal((await a.send(`{"id":${i}}`)).status, 202);
    const samples = (await p.ok('GET', `${a.base}/sample?limit=250`)).data;
    assert.equal(samples.length, 50);
    assert.deepEqual(samples.filter((s) => s.selected).map((s) => s.id), [first]);
    await a.send('{"id":"now text","customer":{"mail":"a@b.example"},"items":[],"odd key":1,"line\\nbreak":"x"}');
    const { data, sample, changes } = await p.ok('GET', `${a.base}/variable`);
    assert.equal(sample, first);
    const by = Object.fromEntries(data.map((v) => [v.path, v]));
    assert.deepEqual([by['trigger.body.id'].type, by['trigger.body.id'].example, by['trigger.body.id'].change], ['number', 1, 'type']);
    assert.equal(by['trigger.body.customer.email'].change, 'removed');
    assert.equal(by['trigger.body.customer.mail'].change, 'added');
    assert.equal(by['trigger.body.items[0].sku'].change, 'removed');
    assert.equal(by['trigger.body["odd key"]'].change, null);
    assert.equal(changes, data.filter((v) => v.change !== null).length);
    // Every path that is offered is one that a text may hold, and leads to its value.
    for (const path of ['trigger.body["odd key"]', 'trigger.body["line\\nbreak"]', 'trigger.body.items[0].sku']) assert.ok(by[path], Object.keys(by).join(' '));
    const steps = [{ id: 'v', type: 'set', set: Object.fromEntries(Object.keys(by).filter((path) => by[path].change !== 'added').map((path, i) => [`v${i}`, `{{ ${path} | required }}`])) }];
    await a.put({}, steps);
    const tried = await p.ok('POST', `${a.base}/test`, { sample: first });
    assert.equal(tried.steps[0].error ?? null, null, JSON.stringify(tried.steps[0]));
    await a.put({}, [{ id: 'v', type: 'set', set: { v: '{{ trigger.body["line break"] | required }}' } }]);
    assert.match((await p.ok('POST', `${a.base}/test`, { sample: first })).steps[0].error, /there is nothing here/);
});

test('a name that comes again hides what the first one had: nothing of that is offered', async (t) => {
    const p = await postrider(t);
    const a = await automation(p, await p.app(), {}, { publish: false });
    await a.send('{"a":{"x":[1]},"b":1,"a":{"y":2},"b":{"z":3}}');
    const { data, changes } = await p.ok('GET', `${a.base}/variable`);
    const body = data.filter((v) => v.path.startsWith('trigger.body.'));
    assert.deepEqual(body.map((v) => [v.path, v.type]), [['trigger.body.a', 'object'], ['trigger.body.a.y', 'number'], ['trigger.body.b', 'object'], ['trigger.body.b.z', 'number']]);
    assert.equal(changes, 0);
});

test('what is asked of senders changes with the publication', async (t) => {
    const p = await postrider(t);
    const a = await automation(p, await p.app(), { verify: { profile: 'bearer', secret: 'one' } });
    const [one, two] = [{ authorization: 'bearer one' }, { 'x-webhook-token': 'two' }];
    assert.equal((await a.send('{}', one)).status, 202);
    const put = await a.put({ verify: { profile: 'header', secret: 'two' }, methods: ['POST'] });
    assert.deepEqual([put.trigger.verify.profile, put.trigger.methods, put.trigger.url], ['header', ['POST'], a.made.trigger.url]);
    assert.equal((await p.ok('GET', a.at)).verify.profile, 'bearer', 'what is in force');
    assert.equal((await p.ok('GET', a.base)).trigger.verify.profile, 'header', 'what will be');
    for (const state of ['pause', 'resume']) await p.ok('POST', `${a.base}/${state}`);
    assert.deepEqual([(await a.send('{}', one)).status, (await a.send('{}', two)).status], [202, 401]);
    await p.ok('POST', `${a.base}/publish`);
    assert.deepEqual([(await a.send('{}', one)).status, (await a.send('{}', two)).status], [401, 202]);
    assert.equal((await a.send('{}', two, { method: 'PUT' })).status, 405);
    assert.equal((await p.ok('GET', a.at)).verify.profile, 'header');
});
