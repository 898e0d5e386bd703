// SPDX-License-Identifier: Apache-2.0
// Canaries for every secret. After a run at debug level none of them is found where it does not belong, in any form.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf } from './lib/wait.mjs';

function forms(secret) {
    const bytes = Buffer.from(secret);
    // Base64 of a text inside other bytes has three alignments; the part that does not depend on its neighbours is searched.
    const inner = [0, 1, 2].map((skip) => {
        const text = Buffer.concat([Buffer.alloc(skip), bytes]).toString('base64');
        return text.slice(skip ? 4 : 0, text.length - 4);
    });
    return [secret, bytes.toString('hex'), bytes.toString('hex').toUpperCase(), encodeURIComponent(secret), ...inner];
}

test('no secret in logs, lists, attempts, metrics or the store', async (t) => {
    const canaries = {
        'JWT secret': 'canary-jwt-secret-Zq8Yw3Rk5Tn1Vb7Mx2Lc',
        'master key': 'c0ffee5eed'.padEnd(64, '7b19e4'),
        'endpoint secret': `whsec_${Buffer.from('canary-endpoint-key-4Hs9').toString('base64')}`,
        'authorization header': 'Bearer canary-authorization-Pq7Lm2Xz9',
        'custom header': 'canary-custom-value-Gh4Jk8Wd1',
        'proxy password': 'canary-proxy-password-Bn6Vc3',
    };
    const p = await postrider(t, {
        settings: {
            JWT_SECRET: canaries['JWT secret'],
            MASTER_KEY: canaries['master key'],
            LOG_LEVEL: 'debug',
            PROXY: `http://somebody:${canaries['proxy password']}@127.0.0.1:9`,
            NO_PROXY: '127.0.0.1',
        },
    });
    const key = await p.command(['token', 'create']);
    assert.equal(key.status, 0, key.stderr);
    canaries['API key'] = key.stdout.trim();
    canaries['JSON web token'] = p.token.split('.')[2];
    const r = await receiver(t, { answer: (_, n) => [500, 204, 'reset', 204][n % 4] });
    const app = await p.app({ uid: 'canary' });
    const endpoint = await p.endpoint(app, r.url(), {
        secret: canaries['endpoint secret'],
        retrySchedule: [0.05, 0.05, 0.05],
        headers: { Authorization: canaries['authorization header'], 'X-Custom': canaries['custom header'] },
    });
    const generated = await p.endpoint(app, r.url('/other'), { retrySchedule: [0.05, 0.05, 0.05] });
    canaries['generated secret'] = await p.secret(app, generated);
    const messages = await eachOf(Array(12).keys(), 4, () => p.send(app, 'a.b'));
    await r.arrived(24);
    assert.ok(r.requests.some((q) => q.headers.authorization === canaries['authorization header']), 'the header is really sent');
    // Things that go wrong: bad tokens, bad bodies with a secret in them, unknown paths.
    await p.api('GET', '/api/v1/app', undefined, { token: `${canaries['API key']}` });
    await p.api('GET', '/api/v1/app', undefined, { token: `${p.token}x` });
    await p.api('POST', `/api/v1/app/${app.id}/endpoint`, { url: 'nonsense', secret: canaries['endpoint secret'] });
    await p.api('POST', `/api/v1/app/${app.id}/endpoint`, `{"url": "https://example.com", "secret": "${canaries['endpoint secret']}" oops`);
    await p.api('POST', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/secret/rotate`, {});
    canaries['rotated secret'] = await p.secret(app, endpoint);
    const answers = {};
    const paths = ['/app', `/app/${app.id}`, `/app/${app.id}/endpoint`, `/app/${app.id}/endpoint/${endpoint.id}`, `/app/${app.id}/endpoint/${endpoint.id}/headers`,
        `/app/${app.id}/msg`, `/app/${app.id}/attempt/endpoint/${endpoint.id}?with_content=true`, `/app/${app.id}/endpoint/${endpoint.id}/msg`,
        `/app/${app.id}/attempt/msg/${messages[0].id}?with_content=true`, `/app/${app.id}/msg/${messages[0].id}/endpoint`, '/event-type', '/profile', '/settings/egress'];
    for (const path of paths) {
        const answer = await p.api('GET', `/api/v1${path}`);
        assert.equal(answer.status, 200, `${path}: ${answer.text}`);
        answers[path] = answer.text;
    }
    answers.metrics = await p.metrics();
    answers['token list'] = Object.values(await p.command(['token', 'list'])).join('\n');
    await p.stop();
    answers.log = p.log();
    assert.ok(answers.log.length > 0);
    for (const file of readdirSync(p.dir)) {
        if (/\.db/.test(file)) answers[file] = readFileSync(join(p.dir, file), 'latin1');
    }
    assert.ok(Object.keys(answers).some((f) => f.endsWith('.db')));
    // What a customer wrote into a header that is not one of the sensitive names is shown to that customer again.
    const allowed = (where, what) => what === 'custom header' && where.endsWith('/headers');
    for (const [where, text] of Object.entries(answers)) {
        for (const [what, secret] of Object.entries(canaries)) {
            if (allowed(where, what)) continue;
            for (const form of forms(secret)) assert.ok(!text.includes(form), `${what} is in ${where}, as ${form}`);
        }
    }
});
