// SPDX-License-Identifier: Apache-2.0
// Requests signed here, by what each provider publishes, not by the program's own rows: that they are taken, that a second one starts
// nothing, and what becomes of requests that are right in all but one thing.
import assert from 'node:assert/strict';
import { createHash, createHmac, createSign, generateKeyPairSync, sign } from 'node:crypto';
import net from 'node:net';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { postrider } from './lib/postrider.mjs';
import { eachOf, slow } from './lib/wait.mjs';

const steps = [{ id: 'say', type: 'emit_event', event: 'incoming.seen', payload: {} }];
const mac = (secret, text, encoding = 'hex', algorithm = 'sha256') => createHmac(algorithm, secret).update(text).digest(encoding);
const seconds = () => String(Math.floor(Date.now() / 1000));
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const secret = '8f742231b10e8888abcd99yyyzzz85a5';

const ed = generateKeyPairSync('ed25519');
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rawEd = Buffer.from(ed.publicKey.export({ format: 'jwk' }).x, 'base64url');
const spki = (key) => key.export({ format: 'der', type: 'spki' }).toString('base64');
const whsec = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;

// provider: {secret, query, body, sign(body, url, at) → headers, once: what makes a second request another one}
const key = { secret };
const body = '{"id":"b-1","event_id":"e-1","data":{"id":"d-1"},"messageId":"m-1","eventId":"o-1","n":12345678901234567890, "s":"\\u00e9"}';
const senders = {
    standard: { secret: whsec, sign: (b, u, at) => ({ 'webhook-id': 'msg_1', 'webhook-timestamp': at, 'webhook-signature': `v1a,AAAA v1,${mac(Buffer.alloc(24, 9), `msg_1.${at}.${b}`, 'base64')}` }) },
    stripe: { secret: 'whsec_undecoded', sign: (b, u, at) => ({ 'stripe-signature': `t=${at},v0=00,v1=${'0'.repeat(64)},v1=${mac('whsec_undecoded', `${at}.${b}`)}` }) },
    github: { ...key, sign: (b) => ({ 'x-github-delivery': 'd', 'x-hub-signature': 'sha1=00', 'x-hub-signature-256': `sha256=${mac(secret, b)}` }) },
    shopify: { ...key, sign: (b) => ({ 'x-shopify-webhook-id': 'w', 'x-shopify-hmac-sha256': mac(secret, b, 'base64') }) },
    slack: { ...key, sign: (b, u, at) => ({ 'x-slack-request-timestamp': at, 'x-slack-signature': `v0=${mac(secret, `v0:${at}:${b}`)}` }) },
    twilio: {
        ...key,
        query: '?foo=1&bar=2',
        body: 'To=%2B1800&From=%2B1415&Body=a+b%26c&Digits=1234&To=%2B1800',
        sign: (b, url) => ({ ...form, 'i-twilio-idempotency-token': 't', 'x-twilio-signature': mac(secret, `${url}Bodya b&cDigits1234From+1415To+1800`, 'base64', 'sha1') }),
    },
    square: { ...key, sign: (b, url) => ({ 'x-square-hmacsha256-signature': mac(secret, url + b, 'base64') }) },
    paddle: { ...key, sign: (b, u, at) => ({ 'paddle-signature': `ts=${at};h1=${'0'.repeat(64)};h1=${mac(secret, `${at}:${b}`)}` }) },
    meta: { ...key, sign: (b) => ({ 'x-hub-signature-256': `sha256=${mac(secret, b)}` }), repeats: true },
    zoom: { ...key, sign: (b, u, at) => ({ 'x-zm-request-timestamp': at, 'x-zm-signature': `v0=${mac(secret, `v0:${at}:${b}`)}` }) },
    xero: { ...key, sign: (b) => ({ 'x-xero-signature': mac(secret, b, 'base64') }) },
    hubspot: {
        ...key,
        query: '?next=https%3A%2F%2Fa.b%2fc%3Fd&x=%20%26%3D%21%24%27%28%29%2A%2C%3B%40',
        sign: (b, url, at) => ({ 'x-hubspot-request-timestamp': `${at}000`, 'x-hubspot-signature-v3': mac(secret, `POST${url.replace(/\?.*/, () => "?next=https://a.b/c?d&x=%20%26%3D!$'()*,;@")}${b}${at}000`, 'base64') }),
    },
    woocommerce: { ...key, sign: (b) => ({ 'x-wc-webhook-delivery-id': '7', 'x-wc-webhook-signature': mac(secret, b, 'base64') }) },
    linear: { ...key, body: () => JSON.stringify({ action: 'create', webhookTimestamp: Date.now() }), sign: (b) => ({ 'linear-delivery': 'l', 'linear-signature': mac(secret, b) }) },
    gitlab: { ...key, sign: () => ({ 'idempotency-key': 'g', 'x-gitlab-token': secret }) },
    sendgrid: { secret: spki(ec.publicKey), sign: (b, u, at) => ({ 'x-twilio-email-event-webhook-timestamp': at, 'x-twilio-email-event-webhook-signature': createSign('sha256').update(at + b).sign(ec.privateKey, 'base64') }) },
    discord: { secret: rawEd.toString('hex'), sign: (b, u, at) => ({ 'x-signature-timestamp': at, 'x-signature-ed25519': sign(null, Buffer.from(at + b), ed.privateKey).toString('hex') }) },
    telnyx: { secret: rawEd.toString('base64'), sign: (b, u, at) => ({ 'telnyx-timestamp': at, 'telnyx-signature-ed25519': sign(null, Buffer.from(`${at}|${b}`), ed.privateKey).toString('base64') }) },
    orum: {
        secret: rsa.publicKey.export({ format: 'pem', type: 'spki' }),
        body: '{"event_id":"e-1","created_at":"2022-07-26T18:45:17.441Z","event_data":{}}',
        sign: (b) => ({ signature: createSign('sha256').update(`${b}2022-07-26T18:45:17.441Z`).sign(rsa.privateKey, 'base64') }),
    },
    'adobe-sign': { ...key, body: '{"webhookNotificationId":"a-1"}', sign: () => ({ 'x-adobesign-clientid': secret }) },
    airwallex: { ...key, sign: (b, u, at) => ({ 'x-timestamp': `${at}000`, 'x-signature': mac(secret, `${at}000${b}`) }) },
    checkbook: { ...key, sign: (b) => ({ signature: `nonce=1243549809,signature=${mac(secret, `${b}1243549809`)}` }) },
    docusign: { ...key, sign: (b) => ({ 'x-docusign-signature-1': mac('older', b, 'base64'), 'x-docusign-signature-2': mac(secret, b, 'base64') }), repeats: true },
    easypost: { ...key, sign: (b) => ({ 'x-hmac-signature': `hmac-sha256-hex=${mac(secret, b)}` }) },
    merge: { ...key, sign: (b) => ({ 'x-merge-webhook-signature': mac(secret, b, 'base64url') }), repeats: true },
    nango: { ...key, sign: (b) => ({ 'x-nango-hmac-sha256': mac(secret, b) }), repeats: true },
    okta: { ...key, sign: () => ({ authorization: secret }) },
    openclaw: { ...key, sign: () => ({ authorization: `Bearer ${secret}` }), repeats: true },
    pandadoc: { ...key, query: (b) => `?signature=${mac(secret, b)}`, sign: () => ({}) },
    port: { ...key, sign: (b, u, at) => ({ 'x-port-timestamp': at, 'x-port-signature': `v1,${mac(secret, `${at}.${b}`, 'base64')}` }) },
    rutter: { ...key, sign: (b) => ({ 'x-rutter-signature': `sha256=${mac(secret, b, 'base64')}` }), repeats: true },
    segment: { ...key, sign: (b) => ({ 'x-signature': mac(secret, b, 'hex', 'sha1') }) },
    tailscale: { ...key, sign: (b, u, at) => ({ 'tailscale-webhook-signature': `t=${at},v1=${mac(secret, `${at}.${b}`)}` }) },
    vapi: { ...key, sign: () => ({ 'x-vapi-secret': secret }), repeats: true },
    veriff: { ...key, sign: (b) => ({ 'x-hmac-signature': mac(secret, b) }), repeats: true },
    hmac: { ...key, sign: (b) => ({ 'x-signature': mac(secret, b).toUpperCase() }), repeats: true },
    bearer: { ...key, sign: () => ({ authorization: `bearer ${secret}` }), repeats: true },
    basic: { secret: 'Aladdin:open sesame', sign: () => ({ authorization: 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==' }), repeats: true },
    header: { ...key, sign: () => ({ 'x-webhook-token': secret }), repeats: true },
    myra: { ...key, sign: (b) => ({ 'x-pulsepost-signature': mac(secret, b) }) },
    metapulse: { ...key, sign: (b, u, at) => ({ 'metapulse-request-timestamp': at, 'metapulse-signature': mac(secret, `${at}.${b}`) }) },
};

async function trigger(p, app, trigger_) {
    const base = `/api/v1/app/${app.id}/automation`;
    const made = await p.ok('POST', base, { name: 'In', trigger: { type: 'incoming_webhook', ...trigger_ }, steps });
    await p.ok('POST', `${base}/${made.id}/publish`);
    const path = new URL(made.trigger.url).pathname;
    return {
        url: made.trigger.url,
        path,
        send: (text, headers, { query = '', method = 'POST' } = {}) => p.api(method, path + query, text, { token: null, headers }),
        runs: async () => (await p.ok('GET', `${base}/${made.id}/run`)).data.length,
        last: async () => (await p.ok('GET', `/api/v1/app/${app.id}/trigger/${made.trigger.id}/request?limit=1`)).data[0],
    };
}

const bodyOf = (sender) => (typeof sender.body === 'function' ? sender.body() : (sender.body ?? body));
const queryOf = (sender, text) => (typeof sender.query === 'function' ? sender.query(text) : (sender.query ?? ''));

test('each provider, by its own recipe: taken once, and near the end of its window', { timeout: 120_000 * slow }, async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10000 } });
    const app = await p.app();
    const listed = await p.command(['trigger', 'send', '--provider', 'nobody', '--secret', 'x', '--url', 'http://127.0.0.1/']);
    assert.deepEqual(/known are ([^;\n]*)/.exec(listed.stderr)[1].split(', ').sort(), Object.keys(senders).sort(), 'every row has a recipe here');
    await eachOf(Object.entries(senders), 4, async ([provider, sender]) => {
        const to = await trigger(p, app, { verify: { profile: provider, secret: sender.secret } });
        const text = bodyOf(sender);
        const query = queryOf(sender, text);
        const headers = { 'content-type': 'application/json', ...sender.sign(text, to.url + query, seconds()) };
        const first = await to.send(text, headers, { query });
        assert.ok([200, 202, 204].includes(first.status), `${provider}: ${first.status} ${first.text} ${(await to.last())?.reason}`);
        assert.equal(await to.runs(), 1, provider);
        const again = await to.send(text, headers, { query });
        assert.ok(again.status >= 200 && again.status < 300, `${provider}: ${again.text}`);
        assert.equal(await to.runs(), sender.repeats ? 2 : 1, `${provider}: a second one`);
        const other = await to.send(text, { 'content-type': 'application/json', ...sender.sign(text, to.url + query, String(seconds() - 290)) }, { query });
        assert.ok(other.status >= 200 && other.status < 300, `${provider}: near the end of its window: ${other.text}`);
    });
});

test('right but for one thing', async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10000 } });
    const app = await p.app();
    const json = { 'content-type': 'application/json' };
    const ask = async (provider, { at = seconds(), change = (h) => h, text = body, dedupe = 'none', ...more } = {}) => {
        const sender = senders[provider];
        const to = await trigger(p, app, { verify: { profile: provider, secret: sender.secret }, dedupe });
        const headers = change({ ...json, ...sender.sign(text, to.url, at) });
        const answer = await to.send(more.sent ?? text, headers, more);
        return [answer.status, answer.status >= 400 ? (await to.last())?.reason : undefined];
    };
    const notFit = [401, 'the signature does not fit'];
    const good = [202, undefined];
    // Times: seconds where milliseconds are meant and the reverse, and what is no time.
    assert.deepEqual(await ask('slack', { at: String(Date.now()) }), [401, 'the timestamp lies in the future']);
    assert.deepEqual(await ask('slack', { at: `${seconds()}.5` }), [401, 'the timestamp is not a number']);
    assert.deepEqual(await ask('slack', { at: `-${seconds()}` }), [401, 'the timestamp is not a number']);
    assert.deepEqual(await ask('stripe', { at: '99999999999999999999' }), [401, 'the timestamp is not a number']);
    assert.deepEqual(await ask('hubspot', { at: '9223372036854775' }), [401, 'the timestamp lies in the future']);
    assert.deepEqual(await ask('telnyx', { at: String(Number(seconds()) + 360) }), [401, 'the timestamp lies in the future']);
    assert.deepEqual(await ask('telnyx', { at: String(seconds() - 302) }), [401, 'the timestamp is too old']);
    assert.deepEqual(await ask('zoom', { change: (h) => ({ ...h, 'x-zm-request-timestamp': ` ${h['x-zm-request-timestamp']} ` }) }), good);
    // The signature: its case, blanks around it, the scheme of another, cut, longer, empty.
    assert.deepEqual(await ask('github', { change: (h) => ({ ...h, 'x-hub-signature-256': ` ${h['x-hub-signature-256'].replace(/=.*/, (x) => x.toUpperCase())} ` }) }), good);
    assert.deepEqual(await ask('github', { change: (h) => ({ ...h, 'x-hub-signature-256': h['x-hub-signature-256'].replace('sha256=', '') }) }), notFit);
    assert.deepEqual(await ask('github', { change: (h) => ({ ...h, 'x-hub-signature-256': h['x-hub-signature-256'].replace('sha256=', 'sha1=') }) }), notFit);
    assert.deepEqual(await ask('github', { change: (h) => ({ ...h, 'x-hub-signature-256': `${h['x-hub-signature-256']}00` }) }), notFit);
    assert.deepEqual(await ask('shopify', { change: (h) => ({ ...h, 'x-shopify-hmac-sha256': Buffer.from(h['x-shopify-hmac-sha256'], 'base64').toString('hex') }) }), notFit);
    assert.deepEqual(await ask('hmac', { change: (h) => ({ ...h, 'x-signature': Buffer.from(h['x-signature'], 'hex').toString('base64') }) }), notFit);
    assert.deepEqual(await ask('okta', { change: (h) => ({ ...h, authorization: '' }) }), [401, 'the signature header is missing or cannot be read']);
    assert.deepEqual(await ask('standard', { change: (h) => ({ ...h, 'svix-id': 'msg_2' }) }), [401, 'two headers contradict each other']);
    // What cannot be a signature, however much of it there is.
    assert.deepEqual(await ask('stripe', { change: (h) => ({ ...h, 'stripe-signature': h['stripe-signature'].replace(',v0', `,${'v1=00,'.repeat(40)}v0`) }) }), notFit);
    assert.deepEqual(await ask('stripe', { change: (h) => ({ ...h, 'stripe-signature': h['stripe-signature'].replace(',v0', `,${'v1=00,'.repeat(20)}v0`) }) }), good);
    assert.deepEqual((await ask('github', { change: (h) => ({ ...h, 'x-hub-signature-256': `sha256=${'a'.repeat(5000)}` }) })), notFit);
    assert.ok([400, 431].includes((await ask('github', { change: (h) => ({ ...h, 'x-hub-signature-256': `sha256=${'a'.repeat(100_000)}` }) }))[0]));
    assert.deepEqual(await ask('github', { change: (h) => ({ ...h, 'x-hub-signature-256': 'sha256=é\xff' }) }), notFit);
    // Several: the right one may be any of them. Node joins a list to lines of its own.
    assert.deepEqual(await ask('github', { change: (h) => ({ ...h, 'x-hub-signature-256': ['sha256=00', h['x-hub-signature-256']] }) }), good);
    assert.deepEqual(await ask('slack', { change: (h) => ({ ...h, 'x-slack-request-timestamp': [h['x-slack-request-timestamp'], '1'] }) }), [401, 'two headers contradict each other']);
    // The body, byte for byte.
    assert.deepEqual(await ask('github', { text: '' }), good);
    assert.deepEqual(await ask('github', { text: '', sent: '{}' }), notFit);
    assert.deepEqual(await ask('github', { sent: JSON.stringify(JSON.parse(body)) }), notFit);
    assert.deepEqual(await ask('github', { text: `\ufeff${body}` }), good);
    const zipped = gzipSync(body);
    assert.deepEqual(await ask('github', { text: zipped, change: (h) => ({ ...h, 'content-encoding': 'gzip' }) }), [415, 'compressed bodies are not taken']);
    assert.deepEqual(await ask('github', { sent: zipped, change: (h) => ({ ...h, 'content-encoding': 'gzip' }) }), [415, 'compressed bodies are not taken']);
    assert.deepEqual(await ask('github', { change: (h) => ({ ...h, 'content-encoding': 'identity' }) }), good);
    assert.deepEqual(await ask('github', { change: (h) => ({ ...h, 'content-encoding': ['identity', 'gzip'] }) }), [415, 'compressed bodies are not taken']);
    assert.deepEqual(await ask('github', { change: (h) => ({ ...h, 'content-type': ['application/json', 'text/plain'] }) }), [415, 'there are two content types']);
    assert.deepEqual(await ask('github', { change: (h) => ({ ...h, 'content-type': ['application/json', 'application/json'] }) }), good);
    // The URL that is signed is the whole of it; the method is signed where it is.
    assert.deepEqual(await ask('square', { query: '?a=b' }), notFit);
    assert.deepEqual(await ask('hubspot', { method: 'PUT' }), notFit);
    assert.deepEqual(await ask('square', { method: 'PUT' }), good);
});

test('Twilio: JSON by its hash, with and without a port', async (t) => {
    const p = await postrider(t, { settings: { PUBLIC_URL: 'https://hooks.example.com' } });
    const app = await p.app();
    const to = await trigger(p, app, { verify: { profile: 'twilio', secret } });
    const text = '{"property": "value"}';
    const query = `?bodySHA256=${createHash('sha256').update(text).digest('hex')}`;
    const signed = (url) => ({ 'content-type': 'application/json', 'x-twilio-signature': mac(secret, url, 'base64', 'sha1') });
    assert.equal((await to.send(text, signed(to.url + query), { query })).status, 202);
    assert.equal((await to.send(text, signed(to.url.replace('.com/', '.com:443/') + query), { query })).status, 202);
    assert.equal((await to.send(text, signed(to.url.replace('.com/', '.com:444/') + query), { query })).status, 401);
    assert.equal((await to.send(`${text} `, signed(to.url + query), { query })).status, 401);
    assert.equal((await to.send(text, signed(to.url))).status, 401, 'no hash in the URL');
    assert.equal((await to.send('a=b', { ...signed(to.url + query), ...form }, { query })).status, 401, 'a form is signed field by field');
});

test('a request that was seen is told by what is signed, not by how the signature is written down', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const at = seconds();
    const cases = {
        zoom: (h) => [{ ...h, 'x-zm-signature': h['x-zm-signature'].toUpperCase().replace('V0=', 'v0=') }, { ...h, 'x-zm-signature': ['v0=00', h['x-zm-signature']] }],
        xero: (h) => [{ ...h, 'x-xero-signature': h['x-xero-signature'].replace('=', '') }, { ...h, 'x-xero-signature': ['AAAA', h['x-xero-signature']] }],
        sendgrid: (h) => [{ ...h, 'x-twilio-email-event-webhook-signature': senders.sendgrid.sign(body, '', at)['x-twilio-email-event-webhook-signature'] }],
        discord: (h) => [{ ...h, 'x-signature-ed25519': h['x-signature-ed25519'].toUpperCase() }],
        tailscale: (h) => [{ ...h, 'tailscale-webhook-signature': h['tailscale-webhook-signature'].replace(',v1', ',v0=1,v1') }],
    };
    for (const [provider, others] of Object.entries(cases)) {
        const to = await trigger(p, app, { verify: { profile: provider, secret: senders[provider].secret } });
        const headers = { 'content-type': 'application/json', ...senders[provider].sign(body, to.url, at) };
        for (const h of [headers, ...others(headers)]) {
            const answer = await to.send(body, h);
            assert.ok(answer.status >= 200 && answer.status < 300, `${provider}: ${answer.status} ${answer.text}`);
        }
        assert.equal(await to.runs(), 1, provider);
    }
});

test('secrets that cannot be right are refused when they are set', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const set = async (profile, value) => {
        const answer = await p.api('POST', `/api/v1/app/${app.id}/automation`, { name: 'In', trigger: { type: 'incoming_webhook', verify: { profile, secret: value } }, steps });
        return answer.status === 422 ? answer.json.detail[0].msg : answer.status;
    };
    assert.match(await set('standard', 'whsec_not base64'), /base64/);
    assert.match(await set('standard', `${whsec}\n`), /base64/);
    assert.match(await set('standard', 'whsec_'), /empty/);
    assert.match(await set('discord', rawEd.toString('base64')), /hexadecimal/);
    assert.match(await set('telnyx', rawEd.toString('hex')), /32 or 64 bytes/);
    assert.match(await set('sendgrid', rawEd.toString('base64')), /P-256/);
    assert.match(await set('sendgrid', spki(rsa.publicKey)), /P-256/);
    assert.match(await set('orum', spki(ec.publicKey)), /RSA/);
    for (const good of [spki(rsa.publicKey), rsa.publicKey.export({ format: 'pem', type: 'spki' }), rsa.publicKey.export({ format: 'pem', type: 'pkcs1' })]) assert.equal(await set('orum', good), 201);
    assert.equal(await set('sendgrid', ec.publicKey.export({ format: 'pem', type: 'spki' })), 201);
});

test('bytes of a header that are no text do no harm', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const to = await trigger(p, app, { verify: { profile: 'github', secret } });
    const raw = (lines) =>
        new Promise((resolve, reject) => {
            const s = net.connect(p.port, '127.0.0.1');
            const chunks = [];
            s.on('data', (d) => chunks.push(d)).on('end', () => resolve(Buffer.concat(chunks).toString('latin1'))).on('error', reject);
            s.write(Buffer.from(`POST ${to.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${lines}\r\n\r\n${body}`, 'latin1'));
        });
    const right = `X-Hub-Signature-256: sha256=${mac(secret, body)}`;
    assert.match(await raw(`${right}\r\nX-Odd: \xff\xfe\x80 caf\xe9`), /^HTTP\/1.1 202/);
    assert.match(await raw('X-Hub-Signature-256: sha256=\xff\xfe'), /^HTTP\/1.1 401/);
    assert.match(await raw(`${right}\r\n  folded`), /^HTTP\/1.1 400/);
    assert.match(await raw(`X-Hub-Signature-256 : sha256=${mac(secret, body)}`), /^HTTP\/1.1 400/);
    assert.match(await raw(`X-Hub-Signature-256: sha256=${mac(secret, body)}\0`), /^HTTP\/1.1 400/);
    assert.equal((await to.last()).status, 401);
    assert.equal(await to.runs(), 1);
});
