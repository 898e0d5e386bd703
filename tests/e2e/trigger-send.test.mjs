// SPDX-License-Identifier: Apache-2.0
// `trigger send`: what it sends is what the provider's own recipe, or its library, calls right.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { verify } from '@octokit/webhooks-methods';
import { Webhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';

const body = '{"id":12345678901234567890,"action":"opened"}';
const hmac = (secret, text, encoding, algorithm = 'sha256') => createHmac(algorithm, secret).update(text).digest(encoding);
const url = (u) => u.replace(/\?.*/, '');

const checks = {
    github: (h) => verify('s3cret', body, h['x-hub-signature-256']),
    standard: (h) => new Webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw').verify(body, h),
    stripe: (h) => new Stripe('sk_test_x').webhooks.constructEvent(body, h['stripe-signature'], 's3cret'),
    shopify: (h) => assert.equal(h['x-shopify-hmac-sha256'], hmac('s3cret', body, 'base64')),
    slack: (h) => assert.equal(h['x-slack-signature'], `v0=${hmac('s3cret', `v0:${h['x-slack-request-timestamp']}:${body}`, 'hex')}`),
    zoom: (h) => assert.equal(h['x-zm-signature'], `v0=${hmac('s3cret', `v0:${h['x-zm-request-timestamp']}:${body}`, 'hex')}`),
    square: (h, u) => assert.equal(h['x-square-hmacsha256-signature'], hmac('s3cret', u + body, 'base64')),
    hubspot: (h, u) => assert.equal(h['x-hubspot-signature-v3'], hmac('s3cret', `POST${u}${body}${h['x-hubspot-request-timestamp']}`, 'base64')),
    paddle: (h) => assert.match(h['paddle-signature'], new RegExp(`h1=${hmac('s3cret', `${/ts=(\d+)/.exec(h['paddle-signature'])[1]}:${body}`, 'hex')}`)),
    xero: (h) => assert.equal(h['x-xero-signature'], hmac('s3cret', body, 'base64')),
    linear: (h) => assert.equal(h['linear-signature'], hmac('s3cret', body, 'hex')),
    gitlab: (h) => assert.equal(h['x-gitlab-token'], 's3cret'),
    bearer: (h) => assert.equal(h.authorization, 'Bearer s3cret'),
    basic: (h) => assert.equal(h.authorization, `Basic ${Buffer.from('s3cret').toString('base64')}`),
};

test('requests of every provider', async (t) => {
    const p = new Postrider();
    const r = await receiver(t);
    const dir = mkdtempSync(join(tmpdir(), 'postrider-send-'));
    t.after(() => (rmSync(dir, { recursive: true }), rmSync(p.dir, { recursive: true })));
    p.port = p.metricsPort = 0;
    writeFileSync(join(dir, 'body.json'), body);
    for (const [provider, check] of Object.entries(checks)) {
        const secret = provider === 'standard' ? 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' : 's3cret';
        const to = r.url(`/${provider}`);
        const sent = await p.command(['trigger', 'send', '--provider', provider, '--secret', secret, '--url', to, join(dir, 'body.json')]);
        assert.equal(sent.status, 0, `${provider}: ${sent.stderr}`);
        const got = r.requests.find((x) => x.path === `/${provider}`);
        assert.equal(got.body.toString(), body);
        await check(got.headers, url(to));
        const raw = `${Object.entries(got.headers).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n${body}`;
        if (provider !== 'linear') assert.equal((await p.command(['verify', '--profile', provider, '--secret', secret, '--url', to], { input: raw })).status, 0, provider);
        assert.equal((await p.command(['verify', '--profile', provider, '--secret', `${secret}x`, '--url', to], { input: raw })).status === 0, false, provider);
    }
    const unknown = await p.command(['trigger', 'send', '--provider', 'nobody', '--secret', 'x', '--url', r.url('/')]);
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /known are standard, stripe, github/);
    const wrong = { url: ['github', 's3cret', 'hooks.example.com/in', []], secret: ['github', '', r.url('/wrong'), []], private: ['discord', 's3cret', r.url('/wrong'), []], header: ['github', 's3cret', r.url('/wrong'), ['--header', 'X-Nothing']] };
    for (const [what, [provider, secret, to, more]] of Object.entries(wrong)) {
        const refused = await p.command(['trigger', 'send', '--provider', provider, '--secret', secret, '--url', to, ...more]);
        assert.equal(refused.status, 2, what);
        assert.match(refused.stderr, new RegExp(what), what);
    }
    assert.equal(r.requests.some((x) => x.path === '/wrong'), false);
});
