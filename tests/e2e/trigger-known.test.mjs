// SPDX-License-Identifier: Apache-2.0
// A trigger that takes in requests is remembered between them: whatever is changed holds for the very next request.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { until } from './lib/wait.mjs';

const steps = [{ id: 'say', type: 'set', set: { n: '{{ trigger.body.n }}' } }];
const trigger = (secret, more = {}) => ({ type: 'incoming_webhook', verify: { profile: 'github', secret }, ...more });
let n = 0;

class Hook {
    static async make(p, more) {
        const app = await p.app();
        const base = `/api/v1/app/${app.id}/automation`;
        const made = await p.ok('POST', base, { name: 'In', trigger: trigger('one', more), steps });
        await p.ok('POST', `${base}/${made.id}/publish`);
        const hook = Object.assign(new Hook(), { p, app, id: made.trigger.id, base: `${base}/${made.id}`, path: new URL(made.trigger.url).pathname });
        for (let i = 0; i < 3; i++) assert.equal((await hook.send()).status, 202);
        return hook;
    }

    send({ secret = 'one', body = `{"n":${++n}}`, path = this.path, headers = {}, method = 'POST' } = {}) {
        const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
        return this.p.api(method, path, body, { token: null, headers: { 'x-hub-signature-256': signature, ...headers } });
    }

    async publish(more) {
        await this.p.ok('PUT', this.base, { name: 'In', trigger: trigger('one', more), steps, ...more });
        await this.p.ok('POST', `${this.base}/publish`);
    }

    status = async (how) => (await this.send(how)).status;
}

test('what is changed holds for the next request', async (t) => {
    const p = await postrider(t);
    const hook = await Hook.make(p);
    await hook.publish({ trigger: trigger('two') });
    assert.deepEqual([await hook.status({ secret: 'one' }), await hook.status({ secret: 'two' })], [401, 202]);
    await hook.publish({ trigger: trigger('one', { methods: ['PUT'] }) });
    assert.deepEqual([await hook.status(), await hook.status({ method: 'PUT' })], [405, 202]);
    await hook.publish({ trigger: { type: 'incoming_webhook' } });
    assert.deepEqual([await hook.status({ secret: 'no matter' }), await hook.status()], [202, 202]);
    for (let i = 0; i < 3; i++) {
        await p.ok('POST', `${hook.base}/pause`);
        assert.equal(await hook.status(), 410);
        await p.ok('POST', `${hook.base}/resume`);
        assert.deepEqual([await hook.status(), await hook.status()], [202, 202]);
    }
    await p.ok('PATCH', `/api/v1/app/${hook.app.id}/settings`, { incomingRateLimit: 1 });
    await until('one a second is taken', async () => {
        const both = await Promise.all([hook.status(), hook.status()]);
        return both.sort().join() === '202,429';
    });
});

test('a URL that ends, an automation and a workspace that are deleted', async (t) => {
    const p = await postrider(t);
    const hook = await Hook.make(p);
    const { url } = await p.ok('POST', `/api/v1/app/${hook.app.id}/trigger/${hook.id}/rotate`, { graceSeconds: 0 });
    const path = new URL(url).pathname;
    assert.deepEqual([await hook.status(), await hook.status({ path }), await hook.status({ path })], [404, 202, 202]);
    await p.ok('POST', `/api/v1/app/${hook.app.id}/trigger/${hook.id}/rotate`, { graceSeconds: 4 });
    assert.equal(await hook.status({ path }), 202);
    await until('the one before is over', async () => (await hook.status({ path })) === 404);
    const other = await Hook.make(p);
    await p.ok('DELETE', other.base);
    assert.equal(await other.status(), 410);
    const third = await Hook.make(p);
    await p.ok('DELETE', `/api/v1/app/${third.app.id}`);
    assert.equal(await third.status(), 404);
});

test('duplicates, refusals and handshakes are seen as ever', async (t) => {
    const p = await postrider(t);
    const hook = await Hook.make(p);
    const headers = { 'x-github-delivery': 'once' };
    const first = await hook.send({ headers });
    assert.equal(first.status, 202);
    const again = await Promise.all(Array.from({ length: 5 }, () => hook.send({ headers })));
    for (const { status, json } of again) assert.deepEqual([status, json], [200, { id: first.json.id, duplicate: true }]);
    const together = await Promise.all(Array.from({ length: 8 }, () => hook.send({ headers: { 'x-github-delivery': 'at once' } })));
    assert.deepEqual(together.map((a) => a.status).sort(), [200, 200, 200, 200, 200, 200, 200, 202]);
    assert.equal(new Set(together.map((a) => a.json.id)).size, 1);
    assert.equal(await hook.status({ body: '{' }), 400);
    assert.equal(await hook.status({ body: `{"a":${'['.repeat(100)}${']'.repeat(100)}}` }), 400);
    assert.equal(await hook.status({ headers: { 'content-type': 'image/png' } }), 415);
    assert.equal(await hook.status({ secret: 'wrong' }), 401);
    const kept = (await p.ok('GET', `/api/v1/app/${hook.app.id}/trigger/${hook.id}/request?limit=250`)).data;
    assert.deepEqual(kept.slice(0, 4).map((r) => r.status), [401, 415, 400, 400]);
    const slack = { type: 'incoming_webhook', verify: { profile: 'slack', secret: 'one' } };
    await hook.publish({ trigger: slack });
    const ask = (body) => {
        const at = Math.floor(Date.now() / 1000);
        const signature = `v0=${createHmac('sha256', 'one').update(`v0:${at}:${body}`).digest('hex')}`;
        return p.api('POST', hook.path, body, { token: null, headers: { 'x-slack-signature': signature, 'x-slack-request-timestamp': `${at}` } });
    };
    for (let i = 0; i < 3; i++) {
        assert.equal((await ask(`{"type":"event_callback","event_id":"e${i}"}`)).status, 202);
        assert.equal((await ask('{"type":"url_verification","challenge":"c4"}')).text, 'c4');
        assert.equal((await ask(`{"type":"event_callback","event_id":"e${i}"}`)).json.duplicate, true);
    }
});

test('where a time is signed, the same request without an id is known again, and one that is signed anew is not', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const row = { headers: { 'X-At': '{timestamp}', 'X-Sig': '{signature}' }, signedString: '{timestamp}|{body}', secret: { keyDecoding: 'raw' } };
    const hmac = (text) => createHmac('sha256', 'one').update(text).digest('hex');
    const slack = (body, at) => ({ 'x-slack-request-timestamp': `${at}`, 'x-slack-signature': `v0=${hmac(`v0:${at}:${body}`)}` });
    const own = (body, at) => ({ 'x-at': `${at}`, 'x-sig': hmac(`${at}|${body}`) });
    const untimed = (body) => ({ 'x-signature': hmac(body) });
    const of = async (verify, sign, dedupe) => {
        const base = `/api/v1/app/${app.id}/automation`;
        const made = await p.ok('POST', base, { name: 'In', trigger: { type: 'incoming_webhook', dedupe, verify: { secret: 'one', ...verify } }, steps });
        await p.ok('POST', `${base}/${made.id}/publish`);
        const path = new URL(made.trigger.url).pathname;
        const at = Math.floor(Date.now() / 1000);
        const send = async (body, later = 0, headers = {}, query = '') => (await p.api('POST', path + query, body, { token: null, headers: { 'content-type': 'application/x-www-form-urlencoded', ...sign(body, at + later), ...headers } })).status;
        return { send, effective: made.trigger.effectiveDedupe };
    };
    const command = 'command=%2Fweather&text=94070';
    const known = async ({ send }, again, more) => {
        for (let later = 0; later < 3; later++) {
            assert.equal(await send(command, later), 202);
            for (let i = 0; i < 2; i++) assert.equal(await send(command, later, more), again);
        }
    };
    const commands = await of({ profile: 'slack' }, slack);
    assert.equal(commands.effective, 'body:event_id');
    await known(commands, 200, { 'content-type': 'text/plain' });
    assert.equal(await commands.send('event_id=e1'), 202);
    assert.equal(await commands.send('event_id=e1', 1), 200);
    const custom = await of({ row }, own);
    assert.equal(custom.effective, 'signed');
    await known(custom, 200);
    await known(await of({ profile: 'hmac' }, untimed), 202);
    await known(await of({ row: { ...row, verify: { dedupe: 'none' } } }, own), 202);
    // Equal in all that is signed, and not in what is asked.
    const asked = await of({ row }, own, undefined);
    assert.deepEqual([await asked.send('', 0, {}, '?id=1'), await asked.send('', 0, {}, '?id=2'), await asked.send('', 0), await asked.send('', 0)], [202, 202, 202, 200]);
    for (const dedupe of ['none', 'header:x-id', 'body:id']) await known(await of({ profile: 'slack' }, slack, dedupe), 202);
});

test('the first answer and the next have the same headers; what came is kept, and its run done', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const base = `/api/v1/app/${app.id}/automation`;
    const made = await p.ok('POST', base, { name: 'In', trigger: trigger('one'), steps });
    await p.ok('POST', `${base}/${made.id}/publish`);
    const hook = Object.assign(new Hook(), { p, path: new URL(made.trigger.url).pathname });
    const answers = [];
    for (const type of ['application/json', 'application/json', 'application/x-www-form-urlencoded', 'text/plain'])
        answers.push(await hook.send({ body: '{"n":7}', headers: { 'content-type': type, 'x-github-delivery': `${++n}` } }));
    const named = ({ headers }) => Object.keys(headers).filter((h) => h !== 'date').map((h) => `${h}: ${h === 'content-length' ? 0 : headers[h]}`).sort();
    for (const answer of answers) assert.deepEqual([answer.status, named(answer)], [202, named(answers[0])]);
    const requests = (await p.ok('GET', `/api/v1/app/${app.id}/trigger/${made.trigger.id}/request`)).data;
    assert.equal(requests.length, 4);
    for (const { json } of answers) {
        const run = await p.ok('GET', `${base}/${made.id}/run/${json.id}`);
        assert.equal(run.trigger.method, 'POST');
        assert.ok(requests.some((r) => r.runId === json.id));
    }
});
