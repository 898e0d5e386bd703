// SPDX-License-Identifier: Apache-2.0
// Ingest sources and inbound URLs: what a provider sends arrives at the source's endpoints, byte for byte and signed anew;
// what may not come in is told in the log.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac, createSign, generateKeyPairSync, sign as signWith } from 'node:crypto';
import { join } from 'node:path';
import test from 'node:test';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { missing as noEngine } from './lib/javascript.mjs';
import { jwt, postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

const S = '/ingest/api/v1/source';
const hmac = (secret, text, encoding = 'hex', algorithm = 'sha256') => createHmac(algorithm, secret).update(text).digest(encoding);
const github = (body, secret = 's3cret') => ({ 'content-type': 'application/json', 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${hmac(secret, body)}` });
const path = (url) => url.replace(/^https?:\/\/[^/]+/, '');

// A source with an endpoint at the receiver, and how to send to it.
async function world(t, p, fields = { type: 'github', config: { secret: 's3cret' } }, answer = undefined) {
    const r = await receiver(t, answer ? { answer } : undefined);
    const source = await p.ok('POST', S, { name: 'from outside', ...fields });
    const endpoint = await p.ok('POST', `${S}/${source.id}/endpoint`, { url: r.url('/in') });
    const { key } = await p.ok('GET', `${S}/${source.id}/endpoint/${endpoint.id}/secret`);
    const send = (body, headers = {}, { to = source.ingestUrl, method = 'POST', more = '' } = {}) => p.api(method, path(to) + more, body, { token: null, headers });
    return { r, source, endpoint, key, send };
}

const log = async (p, source) => (await p.ok('GET', `${S}/${source.id}/log`)).data;

test('a signed request arrives as it came, signed by the secret of the endpoint', async (t) => {
    const p = await postrider(t);
    const { r, source, key, send } = await world(t, p);
    assert.match(source.id, /^src_/);
    assert.deepEqual(source.config, {});
    assert.ok(source.ingestUrl.includes(`/ingest/api/v1/source/${source.id}/in/`));
    const body = '{ "ref": "refs/heads/main",\n  "id": 12345678901234567890, "n": 1.50 }\n';
    const answer = await send(body, { ...github(body), 'x-github-delivery': 'd-1', authorization: 'Bearer of the provider', 'user-agent': 'GitHub-Hookshot/1' }, { more: '/a/b%20c?x=1&y=%2F' });
    assert.equal(answer.status, 202, answer.text);
    assert.match(answer.json.id, /^msg_/);
    const [got] = await r.arrived(1);
    assert.equal(got.body.toString(), body);
    new Webhook(key).verify(got.body.toString(), got.headers);
    assert.equal(got.headers['webhook-id'], answer.json.id);
    assert.equal(got.headers['content-type'], 'application/json');
    assert.equal(got.headers['x-github-event'], 'push');
    assert.equal(got.headers['x-hub-signature-256'], github(body)['x-hub-signature-256'], 'who verified it before goes on doing so');
    assert.equal(got.headers['svix-ingest-query'], 'x=1&y=%2F');
    assert.equal(got.headers['svix-ingest-trailing-path-segments'], 'a/b%20c');
    assert.equal(got.headers.authorization, undefined);
    assert.notEqual(got.headers['user-agent'], 'GitHub-Hookshot/1');
    assert.deepEqual((await send(body, { ...github(body), 'x-github-delivery': 'd-1' })).json, { id: answer.json.id, duplicate: true });
    const entries = await log(p, source);
    assert.deepEqual(entries.map((e) => [e.status_code, e.error_text, e.source_id]), [[200, '', source.id], [202, '', source.id]]);
    assert.equal(entries[1].payload, body);
    assert.equal(entries[1].headers['x-github-event'], 'push');
    assert.equal(entries[1].headers.authorization, '***');
});

test('Stripe, and what is not JSON', async (t) => {
    const p = await postrider(t);
    const secret = 'whsec_stripes0wn';
    const { r, key, send } = await world(t, p, { type: 'stripe', config: { secret } });
    const body = '{"id":"evt_1","object":"event"}';
    const signature = new Stripe('sk_test_x').webhooks.generateTestHeaderString({ payload: body, secret });
    assert.equal((await send(body, { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature })).status, 202);
    const [got] = await r.arrived(1);
    assert.equal(got.body.toString(), body);
    new Webhook(key).verify(body, got.headers);
    assert.equal(new Stripe('sk_test_x').webhooks.constructEvent(got.body, got.headers['stripe-signature'], secret).id, 'evt_1');
    assert.equal((await send(body, { 'content-type': 'application/json', 'stripe-signature': signature.replace('v1=', 'v1=0') })).status, 401);

    const any = await world(t, p, { type: 'generic-webhook' });
    for (const [text, type] of [['a=1&b=%20', 'application/x-www-form-urlencoded'], ['<a>é</a>', 'application/xml'], ['[1, 2]', 'application/json'], ['', undefined]]) {
        const before = any.r.requests.length;
        const sent = await any.send(text, type ? { 'content-type': type } : {}, { more: `?n=${before}` });
        assert.equal(sent.status, 202, sent.text);
        await any.r.arrived(before + 1);
        const one = any.r.requests.find((x) => x.headers['svix-ingest-query'] === `n=${before}`);
        assert.equal(one.body.toString(), text);
        if (type) assert.equal(one.headers['content-type'], type);
        const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = one.headers;
        assert.equal(signature, new Webhook(any.key).sign(id, new Date(at * 1000), text));
    }
    assert.equal((await any.send('x', { 'content-type': 'text/plain' }, { method: 'PUT' })).status, 202);
    assert.equal((await any.r.arrived(5))[4].method, 'POST');
    assert.equal((await any.send(undefined, {}, { method: 'GET' })).status, 405);
});

test('what may not come in is in the log, with why', async (t) => {
    const p = await postrider(t);
    const { r, source, send } = await world(t, p);
    const body = '{"a":1}';
    for (const [headers, status] of [[{}, 401], [github(body, 'another'), 401], [{ ...github(body), 'content-type': 'image/png' }, 415]]) assert.equal((await send(body, headers)).status, status);
    assert.equal((await send('{', github('{'))).status, 400);
    const entries = await log(p, source);
    assert.deepEqual(entries.map((e) => e.status_code), [400, 415, 401, 401]);
    assert.match(entries[0].error_text, /no JSON: line 1/);
    assert.deepEqual(entries.slice(2).map((e) => e.error_text), ['the signature does not fit', 'the signature header is missing or cannot be read']);
    assert.equal(entries[2].payload, body);
    assert.match(entries[0].id, /^log/);
    const page = await p.ok('GET', `${S}/${source.id}/log?limit=3&order=ascending`);
    assert.deepEqual(page.data.map((e) => e.status_code), [401, 401, 415]);
    assert.deepEqual((await p.ok('GET', `${S}/${source.id}/log?limit=3&order=ascending&iterator=${page.iterator}`)).data.map((e) => e.status_code), [400]);
    assert.equal(r.requests.length, 0);
});

test('types: each is verified as its provider signs, or refused', async (t) => {
    const p = await postrider(t);
    const body = '{"id":"1","event":"x","created_at":"2022-07-26T18:45:17.441Z"}';
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const now = Math.floor(Date.now() / 1000);
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64');
    const svix = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    const likeSvix = { 'svix-id': 'm1', 'svix-timestamp': `${now}`, 'svix-signature': new Webhook(svix).sign('m1', new Date(now * 1000), body) };
    const s = { config: { secret: 's3cret' } };
    const types = {
        'adobe-sign': [{ config: { clientId: 'c1' } }, { 'x-adobesign-clientid': 'c1' }],
        airwallex: [s, { 'x-timestamp': `${now}000`, 'x-signature': hmac('s3cret', `${now}000${body}`) }],
        checkbook: [s, { signature: `nonce=7,signature=${hmac('s3cret', `${body}7`)}` }],
        docusign: [s, { 'x-docusign-signature-1': hmac('older', body, 'base64'), 'x-docusign-signature-2': hmac('s3cret', body, 'base64') }],
        easypost: [s, { 'x-hmac-signature': `hmac-sha256-hex=${hmac('s3cret', body)}` }],
        merge: [s, { 'x-merge-webhook-signature': hmac('s3cret', body, 'base64url') }],
        nango: [s, { 'x-nango-hmac-sha256': hmac('s3cret', body) }],
        openclaw: [s, { authorization: 'Bearer s3cret' }],
        'orum-io': [{ config: { publicKey: rsa.publicKey.export({ type: 'spki', format: 'pem' }) } }, { signature: createSign('sha256').update(`${body}2022-07-26T18:45:17.441Z`).sign(rsa.privateKey, 'base64') }],
        'panda-doc': [s, {}, `?signature=${hmac('s3cret', body)}`],
        'port-io': [s, { 'x-port-timestamp': `${now}`, 'x-port-signature': `v1,${hmac('s3cret', `${now}.${body}`, 'base64')}` }],
        rutter: [s, { 'x-rutter-signature': `sha256=${hmac('s3cret', body, 'base64')}` }],
        segment: [s, { 'x-signature': hmac('s3cret', body, 'hex', 'sha1') }],
        shopify: [s, { 'x-shopify-hmac-sha256': hmac('s3cret', body, 'base64') }],
        slack: [s, { 'x-slack-request-timestamp': `${now}`, 'x-slack-signature': `v0=${hmac('s3cret', `v0:${now}:${body}`)}` }],
        tailscale: [s, { 'tailscale-webhook-signature': `t=1663781880,v1=${hmac('s3cret', `1663781880.${body}`)}` }],
        telnyx: [{ config: { publicKey: raw } }, { 'telnyx-timestamp': `${now}`, 'telnyx-signature-ed25519': signWith(null, Buffer.from(`${now}|${body}`), privateKey).toString('base64') }],
        vapi: [s, { 'x-vapi-secret': 's3cret' }],
        veriff: [s, { 'x-hmac-signature': hmac('s3cret', body) }],
        zoom: [s, { 'x-zm-request-timestamp': `${now}`, 'x-zm-signature': `v0=${hmac('s3cret', `v0:${now}:${body}`)}` }],
    };
    for (const type of ['beehiiv', 'brex', 'clerk', 'guesty', 'incident-io', 'lithic', 'nash', 'open-ai', 'pleo', 'psi-fi', 'render', 'replicate', 'resend', 'safebase', 'sardine', 'stych', 'svix']) types[type] = [{ config: { secret: svix } }, likeSvix];
    for (const [type, [fields, headers, query = '']] of Object.entries(types)) {
        const source = await p.ok('POST', S, { name: type, type, ...fields });
        const send = (text, h, q) => p.api('POST', path(source.ingestUrl) + q, text, { token: null, headers: { 'content-type': 'application/json', ...h } });
        assert.equal((await send(body, {}, '')).status, 401, type);
        const good = await send(body, headers, query);
        assert.ok([200, 202].includes(good.status), `${type}: ${good.text}`);
        assert.match(good.json.id, /^msg_/, type);
        if (!['adobe-sign', 'openclaw', 'vapi'].includes(type)) assert.equal((await send(`${body} `, headers, query)).status, 401, type);
        assert.ok(!JSON.stringify(await p.ok('GET', `${S}/${source.id}`)).includes('s3cret'), type);
        if (type === 'telnyx' || type === 'orum-io') assert.deepEqual(source.config, fields.config);
        if (type === 'adobe-sign') {
            assert.equal(good.headers['x-adobesign-clientid'], 'c1');
            const asked = await p.api('GET', path(source.ingestUrl), undefined, { token: null, headers });
            assert.deepEqual([asked.status, asked.json, asked.headers['x-adobesign-clientid']], [200, { xAdobeSignClientId: 'c1' }, 'c1']);
        }
    }
    const strict = await p.ok('POST', S, { name: 'tailscale', type: 'tailscale', config: { secret: 's3cret', timestampGraceSeconds: 60 } });
    const stale = await p.api('POST', path(strict.ingestUrl), body, { token: null, headers: types.tailscale[1] });
    assert.deepEqual([stale.status, stale.json.detail], [401, 'the timestamp is too old']);
    const meta = await p.ok('POST', S, { name: 'meta', type: 'meta', config: { secret: 's3cret', verifyToken: 'v' } });
    const asked = await p.api('GET', `${path(meta.ingestUrl)}?hub.mode=subscribe&hub.verify_token=v&hub.challenge=42`, undefined, { token: null });
    assert.deepEqual([asked.status, asked.text], [200, '42']);
    assert.deepEqual(await log(p, meta), []);
    // Without its secret a source takes nothing; with it, later, it does.
    const late = await p.ok('POST', S, { name: 'late', uid: 'late', type: 'github', config: {} });
    const refused = await p.api('POST', path(late.ingestUrl), body, { token: null, headers: github(body) });
    assert.deepEqual([refused.status, refused.json.detail], [401, 'no secret is set']);
    const put = await p.ok('PUT', `${S}/late`, { name: 'late', type: 'github', config: { secret: 's3cret' } });
    assert.deepEqual([put.id, put.uid, put.ingestUrl], [late.id, 'late', late.ingestUrl]);
    assert.equal((await p.api('POST', path(late.ingestUrl), body, { token: null, headers: github(body) })).status, 202);
    await p.ok('POST', S, { name: 'paid', uid: 'paid', type: 'stripe', config: { secret: 'whsec_abc' } });
    assert.equal((await p.ok('PUT', `${S}/paid`, { name: 'paid again', type: 'stripe', config: {} })).name, 'paid again', 'it keeps its secret');
    assert.equal((await p.api('POST', S, { name: 'unpaid', type: 'stripe', config: {} })).status, 422);
    for (const [fields, at, words] of [
        [{ type: 'orum-io', config: { publicKey: raw } }, 'publicKey', /no public RSA key/],
        [{ type: 'vgs', config: { secret: 'x' } }, 'type', /cannot be verified; generic-webhook takes them unverified/],
        [{ type: 'nobody' }, 'type', /no such type/],
        [{}, 'type', /./],
        [{ type: 'stripe' }, 'secret', /missing/],
        [{ type: 'svix', config: { secret: 'not base64!' } }, 'secret', /./],
        [{ type: 'meta', config: { secret: 's' } }, 'verifyToken', /must be/],
        [{ type: 'generic-webhook', uid: 'a.b' }, 'uid', /letters/],
        [{ type: 'generic-webhook', uid: 'src_x' }, 'uid', /./],
    ]) {
        const answer = await p.api('POST', S, { name: 'no', ...fields });
        assert.equal(answer.status, 422, answer.text);
        assert.equal(answer.json.detail[0].loc.at(-1), at);
        assert.match(answer.json.detail[0].msg, words);
    }
});

test('another URL, and the end of one', async (t) => {
    const p = await postrider(t);
    const { r, source, send } = await world(t, p, { type: 'generic-webhook', uid: 'mine', metadata: { a: 'b' } });
    const rotated = await p.ok('POST', `${S}/mine/token/rotate`);
    assert.deepEqual(Object.keys(rotated), ['ingestUrl']);
    assert.notEqual(rotated.ingestUrl, source.ingestUrl);
    assert.equal((await p.ok('GET', `${S}/mine`)).ingestUrl, rotated.ingestUrl);
    assert.equal((await send('{"n":1}')).status, 202, 'the one before is good for two days');
    assert.equal((await send('{"n":2}', {}, { to: rotated.ingestUrl })).status, 202);
    await r.arrived(2);
    for (let i = 0; i < 2; i++) await p.ok('POST', `${S}/mine/token/rotate`);
    assert.equal((await p.api('POST', `${S}/mine/token/rotate`)).status, 429);
    const again = { headers: { 'idempotency-key': 'k' } };
    const two = await p.ok('POST', S, { name: 'two', type: 'generic-webhook' }, again);
    assert.equal((await p.ok('POST', S, { name: 'two', type: 'generic-webhook' }, again)).id, two.id);
    const once = await p.ok('POST', `${S}/${two.id}/token/rotate`, undefined, again);
    assert.deepEqual(await p.ok('POST', `${S}/${two.id}/token/rotate`, undefined, again), once);
    // The token is that source's and of that kind of URL.
    const token = source.ingestUrl.split('/').at(-1);
    for (const to of [`${S}/${two.id}/in/${token}`, `${S}/mine/in/${token}`, `/v1/webhooks/in/${token}`]) assert.equal((await p.api('POST', to, '{}', { token: null })).status, 404, to);
    await p.ok('DELETE', `${S}/mine`);
    for (const to of [source.ingestUrl, rotated.ingestUrl]) assert.equal((await send('{}', {}, { to })).status, 404);
    for (const rest of ['', '/endpoint', '/log']) assert.equal((await p.api('GET', `${S}/${source.id}${rest}`)).status, 404);
    assert.equal((await p.ok('POST', S, { name: 'mine again', uid: 'mine', type: 'generic-webhook' })).uid, 'mine');
    assert.equal((await p.api('POST', S, { name: 'mine once more', uid: 'mine', type: 'generic-webhook' })).status, 409);
});

test('lists, changes, and what nobody sees', async (t) => {
    const p = await postrider(t);
    const made = [];
    for (let i = 0; i < 5; i++) made.push(await p.ok('POST', S, { name: `source ${i}`, uid: `s${i}`, type: 'generic-webhook' }));
    const ids = (list) => list.data.map((x) => x.uid);
    assert.deepEqual(ids(await p.ok('GET', S)), ['s4', 's3', 's2', 's1', 's0']);
    const first = await p.ok('GET', `${S}?limit=2&order=ascending`);
    assert.deepEqual([ids(first), first.done], [['s0', 's1'], false]);
    assert.deepEqual(ids(await p.ok('GET', `${S}?limit=2&order=ascending&iterator=${first.iterator}`)), ['s2', 's3']);
    const changed = await p.ok('PATCH', `${S}/s1`, { name: 'another', metadata: { x: 'y' }, uid: 'renamed' });
    assert.deepEqual([changed.name, changed.metadata, changed.uid, changed.type, changed.ingestUrl], ['another', { x: 'y' }, 'renamed', 'generic-webhook', made[1].ingestUrl]);
    const put = await p.api('PUT', `${S}/brand-new`, { name: 'brand new', type: 'github', config: { secret: 'a' } });
    assert.deepEqual([put.status, put.json.uid], [201, 'brand-new']);
    assert.equal((await p.ok('PUT', `${S}/brand-new`, { name: 'open', type: 'generic-webhook' })).config, undefined);
    // Its workspace is in no list, and only the portal of the source leads to it.
    assert.deepEqual((await p.ok('GET', '/api/v1/app')).data, []);
    const { token, url } = await p.ok('POST', `${S}/s0/dashboard`, { expiry: 3600 });
    assert.match(url, /\/portal#key=/);
    const who = await p.ok('GET', '/api/v1/auth/whoami', undefined, { token });
    const app = who.app?.id ?? who.appId ?? who.app;
    await p.ok('POST', `/api/v1/app/${app}/endpoint`, { url: 'https://example.com/hook' }, { token });
    assert.equal((await p.ok('GET', `${S}/s0/endpoint`)).data.length, 1);
    for (const method of ['DELETE', 'PATCH', 'PUT']) assert.equal((await p.api(method, `/api/v1/app/${app}`, method === 'DELETE' ? undefined : { name: 'x' })).status, 404, method);
    assert.equal((await p.ok('GET', `/api/v1/app/${app}`)).uid, null);
    assert.equal((await p.api('GET', S, undefined, { token })).status, 403);
    const read = await p.ok('POST', `${S}/s0/dashboard`, { readOnly: true });
    assert.equal((await p.api('POST', `/api/v1/app/${app}/endpoint`, { url: 'https://example.com/' }, { token: read.token })).status, 403);
    // Another tenant's.
    const other = jwt({ sub: 'org_2ZZZZZZZZZZZZZZZZZZZZZZZZZZ' });
    for (const rest of ['', '/endpoint', '/log']) for (const id of ['s0', made[0].id]) assert.equal((await p.api('GET', `${S}/${id}${rest}`, undefined, { token: other })).status, 404);
    for (const rest of ['token/rotate', 'dashboard', 'endpoint']) assert.equal((await p.api('POST', `${S}/${made[0].id}/${rest}`, { url: 'https://example.com/' }, { token: other })).status, 404);
    assert.equal((await p.api('DELETE', `${S}/${made[0].id}`, undefined, { token: other })).status, 404);
    assert.deepEqual((await p.ok('GET', S, undefined, { token: other })).data, []);
});

test("an endpoint's transformation finds the headers, the query and the rest of the path", { skip: noEngine && 'no JavaScript here' }, async (t) => {
    const p = await postrider(t);
    const { r, source, endpoint, send } = await world(t, p, { type: 'generic-webhook' });
    const code = 'function handler(w) { w.payload = { event: w.eventType, was: w.payload, ...w.transformationsParams }; w.headers = { "X-Twice": "mine" }; return w; }';
    assert.equal((await p.api('PATCH', `${S}/${source.id}/endpoint/${endpoint.id}/transformation`, { code, enabled: true })).status, 204);
    assert.equal((await send('{"a":1}', { 'content-type': 'application/json', 'X-Twice': 'theirs', 'X-Once': '1' }, { more: '/to/here?q=1' })).status, 202);
    const [got] = await r.arrived(1);
    const seen = JSON.parse(got.body);
    assert.deepEqual([seen.event, seen.was], ['svix.in', { a: 1 }]);
    assert.deepEqual(['x-twice', 'x-once', 'svix-ingest-query', 'svix-ingest-trailing-path-segments'].map((n) => seen.headers[n]), ['theirs', '1', 'q=1', 'to/here']);
    assert.deepEqual([got.headers['x-twice'], got.headers['x-once']], ['mine', '1']);
    assert.equal(got.rawHeaders.filter(([n]) => n.toLowerCase() === 'x-twice').length, 1);
});

test('what was answered 202 is delivered after kill -9', async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10000 } });
    let open = false;
    const { r, send } = await world(t, p, { type: 'generic-webhook' }, () => (open ? 200 : 500));
    const taken = [];
    let on = true;
    const senders = Array.from({ length: 6 }, async (_, s) => {
        for (let i = 0; on; i++) {
            const answer = await send(`{"id":"${s}-${i}"}`).catch(() => ({ status: 0 }));
            if (answer.status === 202) taken.push([answer.json.id, `${s}-${i}`]);
            else if (answer.status === 0) return;
        }
    });
    await until('some were taken', () => taken.length > 20);
    await p.kill();
    on = false;
    await Promise.all(senders);
    open = true;
    const before = r.requests.length;
    await p.start();
    await until('all have arrived', () => {
        const good = new Map(r.requests.slice(before).map((x) => [x.headers['webhook-id'], JSON.parse(x.body).id]));
        return taken.every(([id, body]) => good.get(id) === body);
    });
});

test("a workspace's inbound URL", async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app({ uid: 'shop' });
    await p.ok('POST', `/api/v1/app/${app.id}/endpoint`, { url: r.url('/all') });
    const rotate = () => p.ok('POST', '/api/v1/app/shop/inbound/rotate-url');
    const { url } = await rotate();
    assert.ok(url.includes(`/api/v1/app/${app.id}/inbound/msg/`));
    const send = (to, body, headers = {}) => p.api('POST', path(to), body, { token: null, headers });
    const body = '{"hello": "world"}';
    const answer = await send(`${url}?event_type=user.signup`, body, { 'content-type': 'application/json', 'idempotency-key': 'once' });
    assert.deepEqual([answer.status, answer.json.eventType, answer.json.payload], [202, 'user.signup', { hello: 'world' }]);
    assert.equal((await send(`${url}?event_type=user.signup`, body, { 'idempotency-key': 'once' })).json.id, answer.json.id);
    const [got] = await r.arrived(1);
    assert.equal(got.body.toString(), body);
    assert.equal((await send(url.replace(app.id, 'shop'), 'plain', { 'content-type': 'text/plain' })).json.eventType, 'svix.in');
    assert.equal((await send(`${url}?event_type=a%20b`, body)).status, 422);
    assert.equal((await p.ok('GET', `/api/v1/app/shop/msg/${answer.json.id}`)).eventType, 'user.signup');
    const other = await p.app({ uid: 'other' });
    assert.equal((await send(url.replace(app.id, other.id), body)).status, 404);
    const next = (await rotate()).url;
    assert.notEqual(next, url);
    assert.equal((await send(url, body)).status, 404, 'the one before is unknown');
    assert.equal((await send(next, body)).status, 202);
    await p.ok('DELETE', '/api/v1/app/shop');
    assert.equal((await send(next, body)).status, 404);
});

test('a source with a schedule sends its payload when its time comes', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const make = (config, uid) => p.ok('POST', S, { name: 'tick', uid, type: 'cron', config });
    const config = { schedule: '0 0 1 1 *', payload: '{ "tick": 1.50 }', contentType: null };
    const yearly = await make(config, 'yearly');
    assert.deepEqual([yearly.ingestUrl, yearly.config], [null, config]);
    await make({ schedule: '*/5 * * * *', payload: 'ding', contentType: 'text/plain' }, 'often');
    await make({ schedule: '0 0 1 7 *', payload: '{}' }, 'july');
    await p.ok('DELETE', `${S}/${(await make({ schedule: '@weekly', payload: '{}' }, 'weekly')).uid}`);
    await make(config, 'gone');
    for (const uid of ['yearly', 'often', 'july', 'gone']) await p.ok('POST', `${S}/${uid}/endpoint`, { url: r.url(`/${uid}`) });
    for (const [fields, at] of [[{ payload: '{}' }, 'schedule'], [{ schedule: '61 * * * *', payload: '{}' }, 'schedule'], [{ schedule: '* * * * *' }, 'payload']]) {
        const { status, json } = await p.api('POST', S, { name: 'no', type: 'cron', config: fields });
        assert.deepEqual([status, json.detail[0].loc.at(-1)], [422, at]);
    }
    assert.equal((await p.api('POST', `${S}/yearly/token/rotate`)).status, 409);
    assert.equal((await p.api('PUT', `${S}/yearly`, { name: 'tick', type: 'generic-webhook' })).status, 422);
    assert.equal((await p.ok('PUT', `${S}/yearly`, { name: 'tock', type: 'cron', config })).name, 'tock');
    assert.deepEqual((await p.ok('GET', `${S}/yearly/log`)).data, []);
    await p.ok('DELETE', `${S}/gone`);
    await p.stop();
    const due = Date.parse('2024-01-01T00:00:00Z');
    execFileSync('sqlite3', [join(p.dir, 'postrider.db'), `UPDATE doc SET due_ms=${due} WHERE key='source'`]);
    await p.start();
    await r.arrived(2);
    assert.deepEqual(r.requests.map((x) => [x.path, x.body.toString(), x.headers['content-type']]).sort(), [['/often', 'ding', 'text/plain'], ['/yearly', config.payload, 'application/json']]);
    await p.stop();
    const left = execFileSync('sqlite3', [join(p.dir, 'postrider.db'), `SELECT count(*), min(due_ms) > ${Date.now()} FROM doc WHERE key='source' AND due_ms > ${due}`]);
    assert.ok(/^[34]\|1/.test(left.toString()), `${left}`);
    assert.equal(r.requests.length, 2);
});

test('who may only look sees no token of a URL', async (t) => {
    const p = await postrider(t);
    const { source, send } = await world(t, p, { type: 'generic-webhook', uid: 'mine' });
    const secret = source.ingestUrl.split('/').at(-1);
    const token = async (fields) => (await p.ok('POST', '/api/v1/auth/api-key', { name: 'k', ...fields })).token;
    const covered = source.ingestUrl.replace(secret, '****');
    for (const fields of [{ role: 'viewer' }, { role: 'owner', scopes: ['app:read', 'message:read'] }]) {
        const key = await token(fields);
        const one = await p.ok('GET', `${S}/mine`, undefined, { token: key });
        assert.equal(one.ingestUrl, covered);
        assert.deepEqual((await p.ok('GET', S, undefined, { token: key })).data, [one]);
    }
    for (const fields of [{ role: 'owner' }, { role: 'editor' }, { role: 'owner', scopes: ['app:read', 'message:write'] }]) assert.equal((await p.ok('GET', `${S}/mine`, undefined, { token: await token(fields) })).ingestUrl, source.ingestUrl);
    assert.equal((await send('{}', {}, { to: covered })).status, 404);
});

test('the limit is that of each source', async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10 } });
    const one = await world(t, p, { type: 'generic-webhook' });
    const two = await world(t, p, { type: 'generic-webhook' });
    const began = Date.now();
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => one.send(`{"i":${i}}`)));
    const count = (status) => answers.filter((x) => x.status === status).length;
    assert.equal(count(202) + count(429), 30);
    if (Date.now() - began < 900) assert.equal(count(202), 10);
    assert.ok(answers.filter((x) => x.status === 429).every((x) => x.headers['retry-after'] === '1'));
    assert.equal((await two.send('{}')).status, 202);
});
