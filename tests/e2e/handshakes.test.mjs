// SPDX-License-Identifier: Apache-2.0
// How providers ask whether a URL is ours: the exact answers, that nothing starts, and that whoever does not know the secret gets none.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';

const steps = [{ id: 'say', type: 'emit_event', event: 'incoming.seen', payload: {} }];
const mac = (secret, text, encoding) => createHmac('sha256', secret).update(text).digest(encoding);
const now = () => String(Math.floor(Date.now() / 1000));

// A trigger of a provider, as a draft and published; `runs` and `requests` are what came of it.
async function triggers(t, verify) {
    const p = await postrider(t);
    const app = await p.app();
    const base = `/api/v1/app/${app.id}/automation`;
    const both = [];
    for (const publish of [false, true]) {
        const made = await p.ok('POST', base, { name: 'In', trigger: { type: 'incoming_webhook', verify }, steps });
        if (publish) await p.ok('POST', `${base}/${made.id}/publish`);
        const path = new URL(made.trigger.url).pathname;
        both.push({
            publish,
            id: made.id,
            send: (method, body, headers = {}, query = '') => p.api(method, path + query, body, { token: null, headers }),
            runs: async () => (await p.ok('GET', `${base}/${made.id}/run`)).data,
            requests: async () => (await p.ok('GET', `/api/v1/app/${app.id}/trigger/${made.trigger.id}/request`)).data,
        });
    }
    return both;
}

const type = (answer) => (answer.headers['content-type'] ?? '').replace(/;.*/, '');

async function nothing(trigger, refused = 0) {
    assert.deepEqual(await trigger.runs(), []);
    const kept = await trigger.requests();
    assert.deepEqual(kept.map((r) => r.outcome), Array(refused).fill('refused'));
    for (const r of kept) assert.ok(r.reason.length > 5);
}

test('Slack: the challenge of a signed url_verification', async (t) => {
    const headers = (secret, body, at = now()) => ({ 'x-slack-request-timestamp': at, 'x-slack-signature': `v0=${mac(secret, `v0:${at}:${body}`, 'hex')}` });
    for (const trigger of await triggers(t, { profile: 'slack', secret: '8f742231b10e8888abcd99yyyzzz85a5' })) {
        const body = JSON.stringify({ token: 'Jhj5dZrVaK7ZwHHjRyZWjbDl', challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P', type: 'url_verification' });
        const good = await trigger.send('POST', body, headers('8f742231b10e8888abcd99yyyzzz85a5', body));
        assert.deepEqual([good.status, type(good), good.text], [200, 'text/plain', '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P']);
        assert.equal((await trigger.send('POST', body, headers('another', body))).status, 401);
        assert.equal((await trigger.send('POST', body, headers('8f742231b10e8888abcd99yyyzzz85a5', body, String(now() - 301)))).status, 401);
        assert.equal((await trigger.send('POST', body)).status, 401);
        await nothing(trigger, 3);
        const event = JSON.stringify({ type: 'event_callback', event_id: 'Ev1' });
        const taken = await trigger.send('POST', event, headers('8f742231b10e8888abcd99yyyzzz85a5', event));
        assert.equal(taken.status, 202);
        assert.match(taken.json.id, trigger.publish ? /^run_/ : /^req_/);
    }
});

test('Meta: hub.challenge, when the verify token is the one', async (t) => {
    const query = (token, challenge = '1158201444', mode = 'subscribe') => `?hub.mode=${mode}&hub.verify_token=${encodeURIComponent(token)}&hub.challenge=${encodeURIComponent(challenge)}`;
    for (const trigger of await triggers(t, { profile: 'meta', secret: 'app secret', verifyToken: 'me & you' })) {
        const good = await trigger.send('GET', undefined, {}, query('me & you'));
        assert.deepEqual([good.status, type(good), good.text], [200, 'text/plain', '1158201444']);
        const bad = [query('me'), query(''), query('me & you', '1158201444', 'unsubscribe'), query('me & you', '\r\nSet-Cookie: a=b'), '', '?hub.mode=subscribe&hub.challenge=1'];
        for (const q of bad) {
            const answer = await trigger.send('GET', undefined, {}, q);
            assert.equal(answer.status, 401, q);
            assert.ok(!answer.text.includes('1158201444'), q);
        }
        await nothing(trigger, bad.length);
        for (const r of await trigger.requests()) if (r.query['hub.verify_token'] !== undefined) assert.equal(r.query['hub.verify_token'], '***');
        const body = '{"object":"page","entry":[]}';
        assert.equal((await trigger.send('POST', body, { 'x-hub-signature-256': `sha256=${mac('app secret', body, 'hex')}` })).status, 202);
    }
    for (const trigger of await triggers(t, { profile: 'meta', secret: 'app secret' })) {
        assert.equal((await trigger.send('GET', undefined, {}, query(''))).status, 401);
        await nothing(trigger, 1);
    }
});

test('Zoom: the token and its HMAC, signed with the secret that fits; nobody else gets one', async (t) => {
    const headers = (secret, body, at = now()) => ({ 'x-zm-request-timestamp': at, 'x-zm-signature': `v0=${mac(secret, `v0:${at}:${body}`, 'hex')}` });
    const body = JSON.stringify({ payload: { plainToken: 'qgg8vlvZRS6UYooatFL8Aw' }, event_ts: 1654503849680, event: 'endpoint.url_validation' });
    for (const trigger of await triggers(t, { profile: 'zoom', secrets: ['new', 'old'] })) {
        for (const secret of ['new', 'old']) {
            const good = await trigger.send('POST', body, headers(secret, body));
            assert.deepEqual([good.status, type(good), good.text], [200, 'application/json', JSON.stringify({ plainToken: 'qgg8vlvZRS6UYooatFL8Aw', encryptedToken: mac(secret, 'qgg8vlvZRS6UYooatFL8Aw', 'hex') })]);
        }
        assert.equal((await trigger.send('POST', body)).status, 401);
        assert.equal((await trigger.send('POST', body, headers('wrong', body))).status, 401);
        await nothing(trigger, 2);
        // A token that would be what is signed for another request is none.
        const trap = JSON.stringify({ payload: { plainToken: `v0:${now()}:{"event":"meeting.ended"}` }, event: 'endpoint.url_validation' });
        const answer = await trigger.send('POST', trap, headers('new', trap));
        assert.ok(!answer.text.includes('encryptedToken'));
    }
});

test('Xero: 200 and nothing for good probes, 401 and nothing for bad ones', async (t) => {
    for (const trigger of await triggers(t, { profile: 'xero', secret: 'webhook key' })) {
        const probe = '{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"S0m3r4nd0mt3xt"}';
        const post = (body, key) => trigger.send('POST', body, { 'x-xero-signature': mac(key, body, 'base64') });
        const good = await post(probe, 'webhook key');
        assert.deepEqual([good.status, good.text, good.headers['set-cookie']], [200, '', undefined]);
        for (const bad of [await post(probe, 'wrong'), await trigger.send('POST', probe), await trigger.send('POST', probe, { 'x-xero-signature': '' })])
            assert.deepEqual([bad.status, bad.text, bad.headers['set-cookie']], [401, '', undefined]);
        await nothing(trigger, 3);
        const events = '{"events":[{"resourceId":"1"}],"firstEventSequence":1,"lastEventSequence":1}';
        const taken = await post(events, 'webhook key');
        assert.deepEqual([taken.status, taken.text], [200, '']);
        const again = await post(events, 'webhook key');
        assert.deepEqual([again.status, again.text], [200, '']);
        assert.equal((await trigger.runs()).length, trigger.publish ? 1 : 0);
    }
});

test('Okta: the verification once, then only the static header', async (t) => {
    for (const trigger of await triggers(t, { profile: 'okta', secret: 'Basic dXNlcjpwYXNz' })) {
        const good = await trigger.send('GET', undefined, { 'x-okta-verification-challenge': 'a"b\\c' });
        assert.deepEqual([good.status, type(good), good.text], [200, 'application/json', '{"verification":"a\\"b\\\\c"}']);
        await nothing(trigger);
        const body = '{"eventType":"com.okta.event_hook","eventId":"e1"}';
        assert.equal((await trigger.send('POST', body)).status, 401);
        assert.equal((await trigger.send('POST', body, { 'x-okta-verification-challenge': 'x' })).status, 401);
        assert.equal((await trigger.send('POST', body, { authorization: 'Basic dXNlcjpwYXNx' })).status, 401);
        assert.equal((await trigger.send('GET', undefined, { authorization: 'nothing' })).status, 401);
        await nothing(trigger, 4);
        assert.equal((await trigger.send('POST', body, { authorization: 'Basic dXNlcjpwYXNz' })).status, 202);
        assert.ok((await trigger.requests()).every((r) => (r.headers.authorization ?? '***') === '***'));
    }
});

test('Discord: 204 for its ping, 401 for its deliberate bad probes', async (t) => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const other = generateKeyPairSync('ed25519');
    const hex = Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url').toString('hex');
    const headers = (key, body, at = now()) => ({ 'x-signature-timestamp': at, 'x-signature-ed25519': sign(null, Buffer.from(at + body), key).toString('hex') });
    for (const trigger of await triggers(t, { profile: 'discord', secret: hex })) {
        const ping = '{"version":1,"application_id":"1234560123453231555","type":0}';
        const good = await trigger.send('POST', ping, headers(privateKey, ping));
        assert.deepEqual([good.status, good.text], [204, '']);
        const interaction = '{"id":"1","type":1}';
        const pong = await trigger.send('POST', interaction, headers(privateKey, interaction));
        assert.deepEqual([pong.status, pong.text], [200, '{"type":1}']);
        const right = headers(privateKey, ping);
        const bad = [
            headers(other.privateKey, ping),
            { ...right, 'x-signature-ed25519': right['x-signature-ed25519'].slice(0, 126) },
            { ...right, 'x-signature-ed25519': '0'.repeat(128) },
            { ...right, 'x-signature-ed25519': 'not hex' },
            { ...right, 'x-signature-timestamp': String(now() - 1000) },
            { 'x-signature-ed25519': right['x-signature-ed25519'] },
            {},
        ];
        for (const h of bad) assert.equal((await trigger.send('POST', ping, h)).status, 401, JSON.stringify(h));
        await nothing(trigger, bad.length);
        const event = '{"version":1,"application_id":"1","type":1,"event":{"type":"APPLICATION_AUTHORIZED","timestamp":"2024-10-18T14:42:53.064834","data":{}}}';
        const taken = await trigger.send('POST', event, headers(privateKey, event));
        assert.deepEqual([taken.status, taken.text], [204, '']);
        assert.equal((await trigger.runs()).length, trigger.publish ? 1 : 0);
    }
});

test('WooCommerce: its unsigned first request is answered, everything else must be signed', async (t) => {
    for (const trigger of await triggers(t, { profile: 'woocommerce', secret: 's3cret' })) {
        const form = { 'content-type': 'application/x-www-form-urlencoded' };
        assert.equal((await trigger.send('POST', 'webhook_id=8', form)).status, 200);
        await nothing(trigger);
        assert.equal((await trigger.send('POST', 'webhook_id=8&more=1', form)).status, 401);
        assert.equal((await trigger.send('POST', '{"id":1}')).status, 401);
        await nothing(trigger, 2);
    }
});
