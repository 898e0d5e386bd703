// SPDX-License-Identifier: Apache-2.0
// Incoming webhooks from outside: GitHub's own examples, the answers, the limit, another URL, kill -9.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { until } from './lib/wait.mjs';

const examples = createRequire(import.meta.url)('@octokit/webhooks-examples');
const payloads = (examples.default ?? examples).flatMap((event) => event.examples.map((payload) => ({ name: event.name, payload })));
const github = { profile: 'github', secret: 's3cret' };
const steps = [{ id: 'say', type: 'emit_event', event: 'incoming.seen', payload: { id: '{{ trigger.body.id }}' } }];

// An automation of a workspace with a trigger, and how to send to it.
async function automation(p, app, trigger = {}, publish = true) {
    const base = `/api/v1/app/${app.id}/automation`;
    const made = await p.ok('POST', base, { name: 'In', trigger: { type: 'incoming_webhook', ...trigger }, steps });
    if (publish) await p.ok('POST', `${base}/${made.id}/publish`);
    const path = new URL(made.trigger.url).pathname;
    const send = (body, headers = {}, method = 'POST') => p.api(method, path, body, { token: null, headers });
    return { ...made, base: `${base}/${made.id}`, trigger: `/api/v1/app/${app.id}/trigger/${made.trigger.id}`, path, send };
}

const signed = (body, headers = {}) => ({ 'x-hub-signature-256': `sha256=${createHmac('sha256', 's3cret').update(body).digest('hex')}`, ...headers });

test("all of GitHub's examples, signed: taken, with variables and every digit", async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10000 } });
    const app = await p.app();
    const a = await automation(p, app, { verify: github }, false);
    assert.ok(payloads.length >= 320);
    for (const { name, payload } of payloads) {
        const body = JSON.stringify({ ...payload, large: '@' }).replace('"@"', '820982911946154508');
        const answer = await a.send(body, signed(body, { 'x-github-event': name }));
        assert.equal(answer.status, 202, `${name}: ${answer.text}`);
        assert.match(answer.json.id, /^req_/);
        assert.equal(answer.json.captured, true);
        await p.ok('POST', `${a.base}/sample/${answer.json.id}/use`);
        const { text, json } = await p.api('GET', `${a.base}/variable`);
        assert.match(text, /"path":"trigger\.body\.large","type":"number","example":820982911946154508/);
        const paths = new Set(json.data.map((v) => v.path));
        for (const key of Object.keys(payload)) assert.ok(paths.has(/^[A-Za-z_][\w-]*$/.test(key) ? `trigger.body.${key}` : `trigger.body["${key}"]`), `${name}: ${key}`);
        const kept = await p.api('GET', `${a.trigger}/request/${answer.json.id}`);
        assert.ok(kept.text.includes(body), name);
    }
    assert.equal((await p.ok('GET', `${a.base}/sample?limit=250`)).data.length, 50);
});

test('answers, and what is kept of refusals', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const a = await automation(p, app, { verify: github, dedupe: 'body:order.id' });
    const body = '{"order":{"id":7}}';
    const first = await a.send(body, signed(body));
    assert.deepEqual([first.status, Object.keys(first.json)], [202, ['id']]);
    assert.match(first.json.id, /^run_/);
    assert.deepEqual((await a.send(body, signed(body))).json, { id: first.json.id, duplicate: true });
    assert.equal((await a.send(body)).status, 401);
    assert.equal((await a.send(`${body} `, signed(body))).status, 401);
    assert.equal((await a.send('{', signed('{'))).status, 400);
    assert.match((await a.send('{', signed('{'))).json.detail, /line 1, column 2/);
    assert.equal((await a.send(body, signed(body, { 'content-type': 'image/png' }))).status, 415);
    const large = `"${'x'.repeat(1 << 20)}"`;
    assert.equal((await a.send(large, signed(large))).status, 413);
    for (const method of ['DELETE', 'PATCH']) assert.equal((await a.send(undefined, {}, method)).status, 405);
    assert.equal((await p.api('POST', a.path.replace(/.$/, '.'), body, { token: null })).status, 404);
    const kept = (await p.ok('GET', `${a.trigger}/request`)).data;
    assert.deepEqual(kept.map((x) => x.status), [413, 415, 400, 400, 401, 401, 200, 202]);
    assert.equal(kept[4].reason, 'the signature does not fit');
    await p.ok('POST', `${a.base}/pause`);
    assert.equal((await a.send('{"order":{"id":8}}', signed('{"order":{"id":8}}'))).status, 410);
    await p.ok('POST', `${a.base}/resume`);
    assert.equal((await a.send('{"order":{"id":8}}', signed('{"order":{"id":8}}'))).status, 202);
    await p.ok('DELETE', a.base);
    assert.equal((await a.send('{"order":{"id":9}}', signed('{"order":{"id":9}}'))).status, 410);
});

test('the limit is exact, also when many come at once; another workspace does not notice', async (t) => {
    const p = await postrider(t);
    const [one, two] = [await p.app(), await p.app()];
    const [a, b, other] = [await automation(p, one), await automation(p, one), await automation(p, two)];
    assert.deepEqual(await p.ok('GET', `/api/v1/app/${one.id}/settings`), { incomingRateLimit: 100 });
    await p.ok('PATCH', `/api/v1/app/${one.id}/settings`, { incomingRateLimit: 60 });
    const began = Date.now();
    const answers = await Promise.all(Array.from({ length: 150 }, (_, i) => (i % 2 ? a : b).send(`{"i":${i}}`)));
    const elapsed = Date.now() - began;
    const count = (status) => answers.filter((x) => x.status === status).length;
    assert.equal(count(202) + count(429), 150);
    if (elapsed < 900) assert.equal(count(202), 60);
    assert.ok(answers.filter((x) => x.status === 429).every((x) => x.headers['retry-after'] === '1'));
    assert.equal((await other.send('{}')).status, 202);
});

test('another URL, and the one before for a while', async (t) => {
    const p = await postrider(t);
    const a = await automation(p, await p.app());
    const rotated = await p.ok('POST', `${a.trigger}/rotate`, { graceSeconds: 4 });
    const path = new URL(rotated.url).pathname;
    assert.notEqual(path, a.path);
    assert.equal((await a.send('{}')).status, 202);
    assert.equal((await p.api('POST', path, '{}', { token: null })).status, 202);
    await until('the one before is over', async () => (await a.send('{}')).status === 404);
    assert.equal((await p.api('POST', path, '{}', { token: null })).status, 202);
});

test('who may only look does not see the URL, with which one could start something', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const a = await automation(p, app);
    const look = (await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, { readOnly: true })).token;
    const edit = (await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, {})).token;
    const secret = a.path.split('/').at(-1);
    for (const path of [a.trigger, `/api/v1/app/${app.id}/automation`]) {
        const seen = (await p.api('GET', path, undefined, { token: look })).text;
        assert.ok(seen.includes('/v1/webhooks/in/****') && !seen.includes(secret), seen);
        assert.ok((await p.api('GET', path, undefined, { token: edit })).text.includes(secret));
    }
});

test('what was answered 202 is there after kill -9', async (t) => {
    const p = await postrider(t, { settings: { INCOMING_RATE_LIMIT: 10000 } });
    const app = await p.app();
    const a = await automation(p, app);
    const taken = [];
    let on = true;
    const senders = Array.from({ length: 8 }, async (_, s) => {
        for (let i = 0; on; i++) {
            const answer = await a.send(`{"id":"${s}-${i}"}`).catch(() => ({ status: 0 }));
            if (answer.status === 202) taken.push(answer.json.id);
            else if (answer.status === 0) return;
        }
    });
    await until('some were taken', () => taken.length > 50);
    await p.kill();
    on = false;
    await Promise.all(senders);
    await p.start();
    assert.ok(taken.length > 10);
    for (const id of taken) assert.equal((await p.ok('GET', `${a.base}/run/${id}`)).id, id);
});
