// SPDX-License-Identifier: Apache-2.0
// Every sender that the program knows, as its own list names them: a right signature is taken; a wrong, truncated, missing or stale
// one is refused, with a reason that the customer can read. A new row is tested by itself.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf, sleep, slow } from './lib/wait.mjs';

const steps = [{ id: 'say', type: 'emit_event', event: 'incoming.seen', payload: { id: '{{ trigger.body.id }}' } }];

// What the sender signs with and what the trigger is told; pairs of keys where there is a public one.
function secrets(provider) {
    if (provider === 'sendgrid') {
        const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const der = (key, type) => key.export({ format: 'der', type }).toString('base64');
        const [one, two] = [pair(), pair()];
        return [`private:${der(one.privateKey, 'sec1')}`, der(one.publicKey, 'spki'), der(two.publicKey, 'spki')];
    }
    if (provider === 'discord' || provider === 'telnyx') {
        const pair = () => generateKeyPairSync('ed25519');
        const text = (key, part) => Buffer.from(key.export({ format: 'jwk' })[part], 'base64url').toString(provider === 'discord' ? 'hex' : 'base64');
        const [one, two] = [pair(), pair()];
        return [`private:${text(one.privateKey, 'd')}`, text(one.publicKey, 'x'), text(two.publicKey, 'x')];
    }
    if (provider === 'orum') {
        const pair = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
        const der = (key, type) => key.export({ format: 'der', type }).toString('base64');
        const [one, two] = [pair(), pair()];
        return [`private:${der(one.privateKey, 'pkcs8')}`, der(one.publicKey, 'spki'), der(two.publicKey, 'spki')];
    }
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    return [secret, secret, 'whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw'];
}

// The program sends to where its URLs say, which is a receiver that keeps what comes: it can be sent on, changed or late.
async function world(t) {
    const post = await receiver(t, { answer: () => 200 });
    const p = await postrider(t, { settings: { PUBLIC_URL: post.url('').replace(/\/$/, ''), INCOMING_RATE_LIMIT: 10000 } });
    const app = await p.app();
    const listed = await p.command(['trigger', 'send', '--provider', 'nobody', '--secret', 'x', '--url', post.url('/')]);
    const providers = /known are ([^;\n]*)/.exec(listed.stderr)[1].split(', ');
    return { p, app, post, providers };
}

async function trigger({ p, app }, verify) {
    const base = `/api/v1/app/${app.id}/automation`;
    const made = await p.ok('POST', base, { name: 'In', trigger: { type: 'incoming_webhook', dedupe: 'none', verify }, steps });
    await p.ok('POST', `${base}/${made.id}/publish`);
    return { ...made.trigger, base: `${base}/${made.id}`, requests: `/api/v1/app/${app.id}/trigger/${made.trigger.id}/request` };
}

// What the provider would send to this trigger: {path, headers, body}.
async function signed({ p, post }, provider, secret, to) {
    const sent = await p.command(['trigger', 'send', '--provider', provider, '--secret', secret, '--url', to.url]);
    assert.equal(sent.status, 0, `${provider}: ${sent.stderr}`);
    const got = post.requests.filter((q) => q.path.startsWith(new URL(to.url).pathname)).at(-1);
    const headers = Object.fromEntries(Object.entries(got.headers).filter(([name]) => !['host', 'content-length', 'connection'].includes(name)));
    return { path: got.path, headers, body: got.body };
}

const deliver = ({ p }, q) => p.api('POST', q.path, q.body, { token: null, headers: q.headers });
const secretHeader = /signature|hmac|authorization|token$|^x-wc-webhook-signature$|pulsepost|^x-adobesign-clientid$|^x-vapi-secret$/;

test('right signatures are taken; wrong, truncated and missing ones are refused with a reason; old ones where a time is signed', { timeout: 400_000 * slow }, async (t) => {
    const w = await world(t);
    const names = ['standard', 'stripe', 'github', 'shopify', 'slack', 'twilio', 'square', 'paddle', 'meta', 'zoom', 'xero', 'hubspot', 'woocommerce', 'linear',
        'gitlab', 'sendgrid', 'discord', 'okta', 'hmac', 'bearer', 'basic', 'header', 'adobe-sign', 'airwallex', 'checkbook', 'docusign', 'easypost', 'merge', 'nango', 'openclaw', 'orum',
        'pandadoc', 'port', 'rutter', 'segment', 'tailscale', 'telnyx', 'vapi', 'veriff'];
    for (const name of names) assert.ok(w.providers.includes(name), name);
    const late = [];
    await eachOf(w.providers, 4, async (provider) => {
        const [sender, secret, other] = secrets(provider);
        const to = await trigger(w, { profile: provider, secrets: [other, secret] });
        const strict = await trigger(w, { profile: provider, secret, toleranceSeconds: 1 });
        const wrong = await trigger(w, { profile: provider, secret: other });
        const none = await trigger(w, { profile: provider });
        const good = await signed(w, provider, sender, to);
        late.push({ provider, strict, request: await signed(w, provider, sender, strict), at: Date.now() });
        const answer = await deliver(w, good);
        assert.ok(answer.status >= 200 && answer.status < 300, `${provider}: ${answer.status} ${answer.text}`);
        const names = Object.keys(good.headers).filter((name) => secretHeader.test(name));
        assert.ok(names.length > 0, `${provider}: ${Object.keys(good.headers)}`);
        const refused = async (what, request, trigger_ = to) => {
            const no = await deliver(w, request);
            assert.equal(no.status, 401, `${provider}: ${what}: ${no.status} ${no.text}`);
            const [kept] = (await w.p.ok('GET', `${trigger_.requests}?limit=1`)).data;
            assert.equal(kept.status, 401, `${provider}: ${what}`);
            assert.ok(kept.reason.length > 5, `${provider}: ${what}: ${kept.reason}`);
            for (const name of names) if (kept.headers[name] !== undefined) assert.equal(kept.headers[name], '***', `${provider}: ${name}`);
        };
        const change = (how) => Object.fromEntries(Object.entries(good.headers).flatMap(([name, value]) => (names.includes(name) ? how(name, value) : [[name, value]])));
        await refused('missing', { ...good, headers: change(() => []) });
        await refused('empty', { ...good, headers: change((name) => [[name, '']]) });
        await refused('truncated', { ...good, headers: change((name, value) => [[name, value.replace(/=*$/, '').slice(0, -1)]]) });
        await refused('wrong', { ...good, headers: change((name, value) => [[name, value.replace(/.(?=.{5}$)/, (c) => (c === '0' ? '1' : '0'))]]) });
        await refused('of another', await signed(w, provider, sender, wrong), wrong);
        await refused('no secret', await signed(w, provider, sender, none), none);
        if (!['gitlab', 'okta', 'bearer', 'basic', 'header', 'adobe-sign', 'openclaw', 'vapi'].includes(provider)) await refused('another body', { ...good, body: Buffer.from(`${good.body} `) });
    });
    assert.equal(late.length, w.providers.length);
    await sleep(Math.max(0, late.at(-1).at + 2200 - Date.now()));
    const old = [];
    for (const { provider, strict, request } of late) {
        const answer = await deliver(w, request);
        if (answer.status === 401) {
            old.push(provider);
            assert.equal((await w.p.ok('GET', `${strict.requests}?limit=1`)).data[0].reason, 'the timestamp is too old', provider);
        } else {
            assert.ok(answer.status >= 200 && answer.status < 300, `${provider}: ${answer.text}`);
        }
    }
    assert.deepEqual(old.sort(), ['airwallex', 'discord', 'hubspot', 'linear', 'metapulse', 'orum', 'paddle', 'port', 'sendgrid', 'slack', 'standard', 'stripe', 'tailscale', 'telnyx', 'zoom']);
    t.diagnostic(`${w.providers.length} senders, ${old.length} with a window`);
});

test('address ranges: of the connection, or of what a trusted proxy says; together with a signature both must fit', async (t) => {
    const body = '{"id":1}';
    const ask = async (p, app, verify, headers = {}) => {
        const to = await trigger({ p, app }, verify);
        const answer = await p.api('POST', new URL(to.url).pathname, body, { token: null, headers });
        const [kept] = (await p.ok('GET', to.requests)).data;
        return [answer.status, kept.address, kept.reason];
    };
    const p = await postrider(t);
    const app = await p.app();
    const no = 'the sender\'s address is not allowed';
    const spoofed = { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7', 'x-real-ip': '203.0.113.7' };
    assert.deepEqual(await ask(p, app, { addresses: ['192.0.2.1', '127.0.0.0/8'] }), [202, '127.0.0.1', null]);
    assert.deepEqual(await ask(p, app, { addresses: ['203.0.113.0/24', '2001:db8::/32'] }), [401, '127.0.0.1', no]);
    assert.deepEqual(await ask(p, app, { addresses: ['203.0.113.0/24'] }, spoofed), [401, '127.0.0.1', no]);
    const bearer = { authorization: 'Bearer s3cret' };
    assert.deepEqual((await ask(p, app, { profile: 'bearer', secret: 's3cret', addresses: ['127.0.0.1'] }, bearer))[0], 202);
    assert.deepEqual((await ask(p, app, { profile: 'bearer', secret: 's3cret', addresses: ['203.0.113.7'] }, bearer))[2], no);
    assert.deepEqual((await ask(p, app, { profile: 'bearer', secret: 's3cret', addresses: ['127.0.0.1'] }))[0], 401);
    const behind = await postrider(t, { settings: { TRUSTED_PROXIES: '127.0.0.1,198.51.100.0/24' } });
    const its = await behind.app();
    const via = (list) => ({ 'x-forwarded-for': list });
    assert.deepEqual(await ask(behind, its, { addresses: ['203.0.113.0/24'] }, via('203.0.113.7')), [202, '203.0.113.7', null]);
    assert.deepEqual(await ask(behind, its, { addresses: ['203.0.113.0/24'] }, via('203.0.113.7, 198.51.100.9')), [202, '203.0.113.7', null]);
    // What the client wrote itself stands to the left of what the proxy saw.
    assert.deepEqual(await ask(behind, its, { addresses: ['203.0.113.0/24'] }, via('203.0.113.7, 192.0.2.9')), [401, '192.0.2.9', no]);
});

test('`trigger send` makes a run with every sender', { timeout: 400_000 * slow }, async (t) => {
    const w = await world(t);
    const url = (u) => u.replace(/^https?:\/\/[^/]+/, `http://127.0.0.1:${w.p.port}`);
    await w.p.stop();
    w.p.settings.PUBLIC_URL = `http://127.0.0.1:${w.p.port}`;
    await w.p.start();
    await eachOf(w.providers, 4, async (provider) => {
        const [sender, secret] = secrets(provider);
        const to = await trigger(w, { profile: provider, secret });
        const sent = await w.p.command(['trigger', 'send', '--provider', provider, '--secret', sender, '--url', url(to.url)]);
        assert.equal(sent.status, 0, `${provider}: ${sent.stdout} ${sent.stderr}`);
        assert.equal((await w.p.ok('GET', `${to.base}/run`)).data.length, 1, provider);
        const wrong = await w.p.command(['trigger', 'send', '--provider', provider, '--secret', 'private:00', '--url', url(to.url)]);
        assert.notEqual(wrong.status, 0, provider);
    });
});

test('the list of those that are known says what each is told with', async (t) => {
    const { p, providers } = await world(t);
    const { data } = await p.ok('GET', '/api/v1/provider');
    assert.deepEqual(data.map((d) => d.name), providers);
    const of = (name) => data.find((d) => d.name === name);
    assert.deepEqual(of('shopify'), { name: 'shopify', title: 'Shopify', secret: 'shared', header: 'X-Shopify-Hmac-Sha256', dedupe: 'header:x-shopify-webhook-id' });
    assert.deepEqual([of('telnyx').secret, of('telnyx').header], ['public_key', 'telnyx-signature-ed25519']);
    assert.deepEqual([of('vapi').secret, of('vapi').header, of('vapi').dedupe], ['token', 'X-Vapi-Secret', null]);
});
