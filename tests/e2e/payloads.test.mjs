// SPDX-License-Identifier: Apache-2.0
// Real payloads through every profile, verified by what receivers really use: the companies' own code and libraries, unchanged.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import test from 'node:test';
import * as standardwebhooks from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix-1';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf } from './lib/wait.mjs';

const require = createRequire(import.meta.url);
const { verifyWebhook } = require('./fixtures/myra.cjs');
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

// The 329 examples, as texts in three layouts.
const examples = require('@octokit/webhooks-examples')
    .flatMap(({ name, examples: list }) => list.map((example) => ({ type: name, example })))
    .map(({ type, example }, i) => ({ type, text: JSON.stringify(example, null, [0, 1, '\t'][i % 3]) }));

// Sends all examples to a workspace with this profile; {requests by message id, messages, secret}
async function throughProfile(t, profile) {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app({ profile, name: `Customer of ${profile}`, uid: `customer-${profile}` });
    const endpoint = await p.endpoint(app, r.url());
    const secret = await p.secret(app, endpoint);
    const messages = await eachOf(examples, 16, async (e) => ({ ...e, message: await p.send(app, e.type, e.text) }));
    assert.equal(messages.length, 329);
    await r.arrived(329);
    assert.equal(r.count, 329);
    return { p, app, requests: r.requests, messages, secret };
}

test('329 payloads, profile standard: bytes and signatures', async (t) => {
    const { requests, messages, secret } = await throughProfile(t, 'standard');
    const byId = new Map(requests.map((q) => [q.headers['webhook-id'], q]));
    assert.equal(byId.size, 329);
    for (const { message, text } of messages) {
        const q = byId.get(message.id);
        assert.ok(q.body.equals(Buffer.from(text)), `${message.id}: the body differs from what was posted`);
        new standardwebhooks.Webhook(secret).verify(q.body, q.headers);
        new SvixWebhook(secret).verify(q.body, {
            'svix-id': q.headers['svix-id'],
            'svix-timestamp': q.headers['svix-timestamp'],
            'svix-signature': q.headers['svix-signature'],
        });
        const tampered = Buffer.from(q.body);
        tampered[tampered.length - 2] ^= 1;
        assert.throws(() => new standardwebhooks.Webhook(secret).verify(tampered, q.headers));
    }
});

test("329 payloads, profile myra: the customers' Node function", async (t) => {
    const { requests, messages, secret } = await throughProfile(t, 'myra');
    const byEvent = new Map(requests.map((q) => [JSON.parse(q.body).event_id, q]));
    assert.equal(byEvent.size, 329);
    for (const { message, text, type } of messages) {
        const q = byEvent.get(message.eventUuid);
        assert.ok(q, `${message.id}: no delivery has its event_id ${message.eventUuid}`);
        const signature = q.headers['x-pulsepost-signature'];
        assert.equal(verifyWebhook(q.body, signature, secret), true);
        assert.equal(verifyWebhook(`${q.body} `, signature, secret), false);
        const body = JSON.parse(q.body);
        assert.deepEqual(Object.keys(body), ['event_id', 'event_type', 'timestamp', 'data']);
        assert.match(body.event_id, uuid);
        assert.equal(body.event_type, type);
        assert.match(body.timestamp, rfc3339);
        assert.ok(q.body.includes(Buffer.from(`"data":${text}`)), `${message.id}: data differs from what was posted`);
    }
});

test("329 payloads, profile metapulse: the customers' Ruby lines", async (t) => {
    const { requests, messages, secret } = await throughProfile(t, 'metapulse');
    const byEvent = new Map(requests.map((q) => [JSON.parse(q.body).id, q]));
    assert.equal(byEvent.size, 329);
    for (const { message, text, type } of messages) {
        const q = byEvent.get(message.eventUuid);
        const body = JSON.parse(q.body);
        assert.deepEqual(Object.keys(body), ['id', 'type', 'created_at', 'actor', 'data']);
        assert.equal(body.type, type);
        assert.match(body.created_at, rfc3339);
        assert.ok(q.body.includes(Buffer.from(`"data":${text}`)), `${message.id}: data differs from what was posted`);
    }
    const asRuby = (q, body, key) =>
        JSON.stringify({
            secret: key,
            body: body.toString('base64'),
            // As a Ruby server would offer them.
            headers: {
                'MetaPulse-Request-Timestamp': q.headers['metapulse-request-timestamp'],
                'MetaPulse-Signature': q.headers['metapulse-signature'],
            },
        });
    const lines = [
        ...requests.map((q) => asRuby(q, q.body, secret)),
        asRuby(requests[0], Buffer.concat([requests[0].body, Buffer.from(' ')]), secret),
        asRuby(requests[0], requests[0].body, `${secret}x`),
    ];
    const ruby = spawnSync('ruby', [new URL('./fixtures/verify_metapulse.rb', import.meta.url).pathname], {
        input: `${lines.join('\n')}\n`,
        encoding: 'utf8',
    });
    assert.equal(ruby.status, 0, ruby.stderr);
    const verdicts = ruby.stdout.trim().split('\n');
    assert.deepEqual(verdicts, [...Array(329).fill('valid'), 'invalid', 'invalid']);
    const stamps = requests.map((q) => Number(q.headers['metapulse-request-timestamp']));
    assert.ok(stamps.every((s, i) => Math.abs(s - requests[i].at / 1000) < 30), 'the timestamp is the time of the attempt');
});

// Sends one message to an endpoint with an example profile; the request and the secret.
async function viaExample(t, profile, payload) {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app({ profile });
    const endpoint = await p.endpoint(app, r.url());
    await p.send(app, 'thing.happened', payload);
    const [request] = await r.arrived(1);
    return { request, secret: await p.secret(app, endpoint), body: request.body.toString() };
}

const sample = { id: 'evt_1', object: 'event', type: 'thing.happened', text: 'Grüße, 世界', data: { object: { id: 1 } } };

test("example profile github: GitHub's own library", async (t) => {
    const { verify } = await import('@octokit/webhooks-methods');
    const { request, secret, body } = await viaExample(t, 'github', sample);
    assert.equal(await verify(secret, body, request.headers['x-hub-signature-256']), true);
    assert.equal(await verify(secret, `${body} `, request.headers['x-hub-signature-256']), false);
});

test("example profile stripe: Stripe's own library", async (t) => {
    const { default: Stripe } = await import('stripe');
    const { request, secret } = await viaExample(t, 'stripe', sample);
    const event = new Stripe('sk_test_unused').webhooks.constructEvent(request.body, request.headers['stripe-signature'], secret);
    assert.equal(event.id, 'evt_1');
    assert.throws(() => new Stripe('sk_test_unused').webhooks.constructEvent(`${request.body} `, request.headers['stripe-signature'], secret));
});

test("example profile slack: Slack's own library", async (t) => {
    const { verifySlackRequest } = require('@slack/bolt/dist/receivers/verify-request.js');
    const { request, secret, body } = await viaExample(t, 'slack', sample);
    const headers = {
        'x-slack-signature': request.headers['x-slack-signature'],
        'x-slack-request-timestamp': Number(request.headers['x-slack-request-timestamp']),
    };
    verifySlackRequest({ signingSecret: secret, body, headers });
    assert.throws(() => verifySlackRequest({ signingSecret: secret, body: `${body} `, headers }));
});

test("example profile shopify: Shopify's own library", async (t) => {
    require('@shopify/shopify-api/adapters/node');
    const { ApiVersion, shopifyApi } = require('@shopify/shopify-api');
    const { request, secret, body } = await viaExample(t, 'shopify', sample);
    const shopify = shopifyApi({
        apiKey: 'key',
        apiSecretKey: secret,
        apiVersion: Object.values(ApiVersion)[0],
        hostName: 'example.com',
        isEmbeddedApp: false,
        logger: { log: () => {} },
    });
    // Besides the signature that library wants headers about the shop; what the profile does not send is added here.
    const shop = { 'x-shopify-topic': 'thing/happened', 'x-shopify-api-version': '2024-10', 'x-shopify-shop-domain': 'a.myshopify.com', 'x-shopify-webhook-id': '1' };
    const asked = (rawBody) => {
        const rawRequest = { method: 'POST', url: request.path, headers: { ...shop, ...request.headers } };
        const rawResponse = { setHeader() {}, getHeaders: () => ({}), end() {} };
        return shopify.webhooks.validate({ rawBody, rawRequest, rawResponse });
    };
    const good = await asked(body);
    assert.equal(good.valid, true, JSON.stringify(good));
    const bad = await asked(`${body} `);
    assert.equal(bad.valid, false);
});

const oddBodies = [
    ['spaces between tokens', ' { "a" :\t1 ,\r\n "b" : [ 1 , 2 ] } '],
    ['key order and duplicate keys', '{"z":1,"a":2,"z":3,"10":4,"9":5}'],
    ['escapes as they were written', '{"t":"\\u00e9\\/\\ud83d\\ude00\\u0000\\b é 😀"}'],
    ['lone surrogates escaped', '{"t":"\\ud800","u":"\\udfff"}'],
    ['64-bit and longer integers', '{"a":9007199254740993,"b":18446744073709551615,"c":18446744073709551616,"d":-9223372036854775808}'],
    ['numbers as they were written', '{"a":1.10,"b":1E400,"c":-0,"d":0.1e-2,"e":1e+05}'],
    ['empty object', '{}'],
    ['deep', `{"a":${'['.repeat(60)}${']'.repeat(60)}}`],
    ['large', `{"a":"${'x'.repeat(1024 * 1024)}"}`],
    ['line separators and quotes', '{"a":"\u2028\u2029\'</script>","\u00ff":"\u007f"}'],
];

for (const profile of ['standard', 'myra', 'metapulse']) {
    test(`profile ${profile}: data arrives byte for byte, whatever its form`, async (t) => {
        const p = await postrider(t);
        const r = await receiver(t);
        const app = await p.app({ profile });
        await p.endpoint(app, r.url());
        for (const [what, text] of oddBodies) {
            const before = r.count;
            await p.send(app, 'a.b', text);
            await r.arrived(before + 1);
            const { body } = r.requests[before];
            // Spaces around the value belong to the message, not to the payload.
            const wanted = Buffer.from(text.trim());
            assert.ok(profile === 'standard' ? body.equals(wanted) : body.includes(Buffer.concat([Buffer.from('"data":'), wanted])), `${what}: ${body.subarray(0, 200)}`);
        }
    });
}
