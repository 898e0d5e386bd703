// SPDX-License-Identifier: Apache-2.0
// Runs and requests as people look for them: by state, by what they wait for, by the record that they are about; and what is told of them.
import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { Relay } from './lib/smtp.mjs';
import { until } from './lib/wait.mjs';


async function open(t, options) {
    const p = await postrider(t, options);
    const app = await p.app({ profile: 'myra' });
    const base = `/api/v1/app/${app.id}`;
    const ok = (method, path, body) => p.ok(method, base + path, body);
    const w = { p, app, base, ok };
    w.automation = async (definition, published = true) => {
        const made = await ok('POST', '/automation', { name: 'An automation', trigger: { type: 'incoming_webhook' }, ...definition });
        if (published) await ok('POST', `/automation/${made.id}/publish`);
        return made;
    };
    w.post = (automation, body, headers = {}) => {
        const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
        return p.api('POST', new URL(automation.trigger.url).pathname, text, { token: null, headers: { 'content-type': 'application/json', ...headers } });
    };
    w.runs = async (automation, query = '') => (await ok('GET', `/automation/${automation.id}/run${query}`)).data;
    w.run = (automation, id) => ok('GET', `/automation/${automation.id}/run/${id}`);
    w.reaches = async (automation, id, status) => {
        let run;
        await until(() => `the run is ${status}: ${JSON.stringify(run)}`, async () => (run = await w.run(automation, id)).status === status);
        return run;
    };
    return w;
}

test('runs are listed by state, and say what they wait for and until when', async (t) => {
    const w = await open(t);
    const r = await receiver(t, { answer: () => 503 });
    const contact = { id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}', name: 'Ada' } };
    const cases = {
        done: [contact],
        failed: [{ id: 'broken', type: 'add_tag', target: 'nobody', tag: 't' }],
        time: [contact, { id: 'nap', type: 'wait', for: '1h' }],
        event: [{ id: 'b', type: 'branch', branches: [{ when: { value: 1, eq: 1 }, steps: [{ id: 'paid', type: 'wait', event: ['order.paid', 'order.cancelled'], timeout: '2h' }] }] }],
        retry: [{ id: 'call', type: 'http_request', url: r.url('/x'), retrySchedule: [3600] }],
    };
    const of = {};
    for (const [name, steps] of Object.entries(cases)) {
        of[name] = await w.automation({ name, steps });
        of[name].run = (await w.post(of[name], { email: `${name}@example.com` })).json.id;
    }
    await w.reaches(of.done, of.done.run, 'done');
    await w.reaches(of.failed, of.failed.run, 'failed');
    for (const name of ['time', 'event']) await w.reaches(of[name], of[name].run, 'waiting');
    await until('the request has failed once', async () => (await w.run(of.retry, of.retry.run)).waitingFor !== null);

    const time = await w.run(of.time, of.time.run);
    assert.deepEqual([time.step, time.stepType, time.waitingFor.type, time.waitingFor.events, time.waitingFor.until], ['nap', 'wait', 'time', [], time.dueAt]);
    assert.ok(Date.parse(time.dueAt) > Date.now() + 3_000_000);
    assert.deepEqual([time.record.type, time.record.key, time.record.name, time.record.id], ['contact', 'time@example.com', 'Ada', time.target]);
    assert.deepEqual([time.automationId, time.automationName], [of.time.id, 'time']);
    const [event] = await w.runs(of.event, '?status=waiting');
    assert.deepEqual([event.step, event.waitingFor.type, event.waitingFor.events], ['paid', 'event', ['order.paid', 'order.cancelled']]);
    const [retry] = await w.runs(of.retry, '?status=waiting&status=failed');
    assert.deepEqual([retry.status, retry.waitingFor.type, retry.step], ['waiting', 'retry', 'call']);
    assert.ok(Date.parse(retry.waitingFor.until) > Date.now() + 3_000_000);
    const done = await w.run(of.done, of.done.run);
    assert.deepEqual([done.waitingFor, done.step, done.definition.map((s) => s.id)], [null, null, ['contact']]);

    assert.equal((await w.runs(of.done, '?status=done,failed')).length, 1);
    assert.equal((await w.runs(of.done, '?status=failed')).length, 0);
    assert.equal((await w.runs(of.failed, '?status=failed'))[0].error.startsWith('broken: '), true);
    const wrong = await w.p.api('GET', `${w.base}/automation/${of.done.id}/run?status=gone`);
    assert.deepEqual([wrong.status, wrong.json.detail[0].loc], [422, ['query', 'status']]);
    await w.ok('POST', `/automation/${of.time.id}/run/${of.time.run}/cancel`);
    const cancelled = await w.run(of.time, of.time.run);
    assert.deepEqual([cancelled.status, cancelled.waitingFor, cancelled.dueAt, cancelled.steps[1].status, cancelled.steps[1].endedAt], ['cancelled', null, null, 'cancelled', cancelled.endedAt]);
});

test('a run that waits for its turn says so', async (t) => {
    const w = await open(t);
    const r = await receiver(t, { answer: () => 'hang' });
    const a = await w.automation({ concurrency: 1, steps: [{ id: 'call', type: 'http_request', url: r.url('/x') }] });
    const ids = [(await w.post(a, {})).json.id, (await w.post(a, {})).json.id];
    let waits;
    await until(() => `one waits: ${JSON.stringify(waits)}`, async () => (waits = (await w.runs(a)).filter((x) => x.waitingFor)).length === 1);
    assert.deepEqual([waits[0].status, waits[0].waitingFor], ['running', { type: 'turn', events: [], until: null }]);
    await w.ok('POST', `/automation/${a.id}/run/${ids.find((id) => id !== waits[0].id)}/cancel`);
    await until('it has its turn', async () => (await w.run(a, waits[0].id)).waitingFor === null && r.count === 2);
});

test('pages of a filtered list have every run once, newest first', async (t) => {
    const w = await open(t);
    const a = await w.automation({ steps: [{ id: 'b', type: 'branch', branches: [{ when: { value: '{{ trigger.body.n }}', lt: 3 }, steps: [{ id: 'x', type: 'add_tag', target: 'nobody', tag: 't' }] }] }] });
    const ids = [];
    for (let n = 0; n < 9; n++) ids.push((await w.post(a, { n: n % 6 })).json.id);
    await until('all have ended', async () => (await w.runs(a, '?status=done,failed')).length === 9);
    const failed = ids.filter((_, n) => n % 6 < 3).reverse();
    const seen = [];
    for (let iterator = ''; ; ) {
        const page = await w.ok('GET', `/automation/${a.id}/run?status=failed&limit=2&iterator=${iterator}`);
        seen.push(...page.data.map((r) => r.id));
        if (page.done) break;
        iterator = page.iterator;
    }
    assert.deepEqual(seen, failed);
});

test('the runs that are about a record', async (t) => {
    const w = await open(t);
    const contact = { id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}' } };
    const review = await w.automation({ name: 'Review', trigger: { type: 'sequence' }, steps: [{ id: 'nap', type: 'wait', for: '1h' }] });
    const purchase = await w.automation({ name: 'Purchase', steps: [contact, { id: 'seq', type: 'start_sequence', automation: review.id, target: '{{ steps.contact.id }}' }] });
    for (const name of ['ada', 'grace', 'ada']) await w.reaches(purchase, (await w.post(purchase, { email: `${name}@example.com` })).json.id, 'done');
    await until('the sequences wait', async () => (await w.runs(review, '?status=waiting')).length === 2);
    const { data } = await w.ok('GET', '/record/contact/ada@example.com/run');
    assert.deepEqual(data.map((r) => r.automationName).sort(), ['Purchase', 'Purchase', 'Review']);
    assert.ok(data.every((r) => r.record.key === 'ada@example.com'));
    const [child] = (await w.ok('GET', '/record/contact/ada@example.com/run?status=waiting')).data;
    const run = await w.run(review, child.id);
    assert.deepEqual([run.parentAutomationId, run.parentAutomationName], [purchase.id, 'Purchase']);
    assert.ok(data.some((r) => r.id === run.parent));
    const { id } = child.record;
    await w.ok('DELETE', '/record/contact/ada@example.com');
    assert.equal((await w.ok('GET', `/record/contact/${id}/run`)).data.length, 3);
    assert.equal((await w.ok('GET', `/record/contact/${id}/run`)).data[0].record, null);
    assert.equal((await w.p.api('GET', `${w.base}/record/contact/ada@example.com/run`)).status, 404);
});

test('a retry by hand counts its attempts on, and is one of the enrolled again', async (t) => {
    const w = await open(t);
    let well = false;
    const r = await receiver(t, { answer: () => (well ? 200 : 500) });
    const review = await w.automation({ trigger: { type: 'sequence' }, steps: [{ id: 'call', type: 'http_request', url: r.url('/x'), headers: { Authorization: 'Bearer of the shop', 'X-Shop': '7' }, retrySchedule: [0.1] }] });
    const contact = { id: 'contact', type: 'upsert_record', record: 'contact', set: { email: 'ada@example.com' } };
    const purchase = await w.automation({ steps: [contact, { id: 'seq', type: 'start_sequence', automation: review.id, target: '{{ steps.contact.id }}', reentry: 'ignore' }] });
    await w.post(purchase, {});
    await until('the first has failed', async () => (await w.runs(review, '?status=failed')).length === 1);
    const [first] = await w.runs(review);
    const failed = await w.run(review, first.id);
    assert.equal(failed.steps[0].attempts, 2);
    assert.deepEqual(failed.steps[0].input.headers, { Authorization: '****', 'X-Shop': '7' });
    assert.equal(r.requests[0].headers.authorization, 'Bearer of the shop');
    await w.post(purchase, {});
    await until('the second has failed too', async () => (await w.runs(review, '?status=failed')).length === 2);
    const second = (await w.runs(review))[0];
    // The first takes its place again and hangs there, so there is none for the second.
    r.answer = () => 'hang';
    await w.ok('POST', `/automation/${review.id}/run/${first.id}/retry`);
    const refused = await w.p.api('POST', `${w.base}/automation/${review.id}/run/${second.id}/retry`);
    assert.deepEqual([refused.status, refused.json.detail], [409, 'another run of this automation is under way for the same record']);
    await until('its step is under way again', async () => {
        const now = await w.run(review, first.id);
        return now.status === 'running' && now.steps[0].endedAt === null;
    });
    await w.ok('POST', `/automation/${review.id}/run/${first.id}/cancel`);
    r.answer = () => (well ? 200 : 500);
    well = true;
    await w.ok('POST', `/automation/${review.id}/run/${second.id}/retry`);
    const done = await w.reaches(review, second.id, 'done');
    assert.deepEqual([done.steps[0].attempts, done.steps[0].error, done.error], [3, null, null]);
});

test('a letter that was not delivered says so at its step', async (t) => {
    const relay = new Relay({ answers: { RCPT: ['550 5.1.1 no such mailbox here'] } });
    await relay.start();
    t.after(() => relay.stop());
    const w = await open(t, { settings: { SMTP_URL: relay.url, SMTP_FROM: 'shop@example.com' } });
    const a = await w.automation({ steps: [{ id: 'letter', type: 'send_email', to: '{{ trigger.body.to }}', subject: 'Hello', text: 'Hello' }] });
    const mail = async (to) => {
        const { id } = (await w.post(a, { to })).json;
        let step;
        await until(() => `the letter to ${to} has an end: ${JSON.stringify(step)}`, async () => ((step = (await w.run(a, id)).steps[0]), step?.mail && step.mail.status !== 'queued'));
        return step.mail;
    };
    const lost = await mail('nobody@example.com');
    assert.deepEqual([lost.status, lost.to, lost.attempts, lost.nextAttempt], ['failed', 'nobody@example.com', 1, null]);
    assert.match(lost.error, /550/);
    const sent = await mail('ada@example.com');
    assert.deepEqual([sent.status, sent.error, sent.attempts], ['sent', null, 1]);
});

test('requests by outcome, with their bytes; secrets stay out, whatever became of them', async (t) => {
    const w = await open(t);
    const a = await w.automation({ trigger: { type: 'incoming_webhook', verify: { profile: 'header', secret: 'a token of this shop', header: 'X-Shop-Pass' } }, steps: [{ id: 's', type: 'set', set: { a: '1' } }] }, false);
    const pass = { 'x-shop-pass': 'a token of this shop' };
    const list = async (query = '') => (await w.ok('GET', `/trigger/${a.trigger.id}/request${query}`)).data;
    const get = (id) => w.ok('GET', `/trigger/${a.trigger.id}/request/${id}`);
    assert.equal((await w.post(a, '{ "n": 9007199254740993,  "price": 1.10 }', pass)).status, 202);
    const [captured] = await list();
    assert.deepEqual([captured.outcome, captured.selected, captured.status, captured.reason], ['captured', true, 202, null]);
    const whole = await w.p.api('GET', `${w.base}/trigger/${a.trigger.id}/request/${captured.id}`);
    assert.equal(whole.json.raw, '{ "n": 9007199254740993,  "price": 1.10 }');
    assert.match(whole.text, /"body":\{ "n": 9007199254740993,  "price": 1\.10 \}/);
    await w.ok('POST', `/automation/${a.id}/publish`);
    assert.equal((await w.post(a, { n: 1 }, pass)).status, 202);
    assert.equal((await w.post(a, { n: 2 }, { 'x-shop-pass': 'a wrong one' })).status, 401);
    assert.equal((await w.post(a, '{"n": ', pass)).status, 400);
    assert.equal((await w.post(a, 'x'.repeat(20_000), { ...pass, 'content-type': 'image/png' })).status, 415);
    await w.ok('POST', `/automation/${a.id}/pause`);
    assert.equal((await w.post(a, { n: 3 }, pass)).status, 410);
    assert.deepEqual((await list('?outcome=refused')).map((r) => r.status), [410, 415, 400, 401]);
    assert.deepEqual((await list('?outcome=accepted,captured')).map((r) => r.outcome), ['accepted', 'captured']);
    assert.equal((await w.p.api('GET', `${w.base}/trigger/${a.trigger.id}/request?outcome=lost`)).status, 422);
    const [paused, image, broken, unsigned] = await Promise.all((await list('?outcome=refused')).map((r) => get(r.id)));
    assert.deepEqual([paused.reason, paused.body, paused.raw], ['the automation is paused', { n: 3 }, '{"n":3}']);
    assert.deepEqual([image.bodyTruncated, image.raw.length, image.size], [true, 16384, 20_000]);
    assert.match(broken.reason, /line 1, column/);
    assert.deepEqual([broken.body, broken.raw], ['{"n": ', '{"n": ']);
    assert.deepEqual([unsigned.body, unsigned.runId], [{ n: 2 }, null]);
    const all = await list();
    assert.ok(all.every((r) => r.headers['x-shop-pass'] === '***'), JSON.stringify(all.map((r) => r.headers)));
    // The newest that was taken is the sample, until one is chosen.
    assert.deepEqual(all.map((r) => r.selected), [false, false, false, false, true, false]);
    await w.ok('POST', `/automation/${a.id}/sample/${captured.id}/use`);
    assert.deepEqual((await list()).map((r) => r.selected), [false, false, false, false, false, true]);
    const png = Buffer.from([0x89, 0x50, 0xff]);
    await w.ok('POST', `/automation/${a.id}/resume`);
    await w.post(a, png, { ...pass, 'content-type': 'text/plain' });
    const bytes = await get((await list('?limit=1'))[0].id);
    assert.deepEqual([bytes.rawEncoding, bytes.raw, bytes.size], ['base64', png.toString('base64'), 3]);
});

test('a live stream tells of runs, and of no others', async (t) => {
    const w = await open(t);
    const contact = { id: 'contact', type: 'upsert_record', record: 'contact', set: { email: 'ada@example.com' } };
    const a = await w.automation({ steps: [contact, { id: 'nap', type: 'wait', for: '200ms' }] });
    const other = await w.p.app({});
    const open1 = (path) =>
        new Promise((resolve) => {
            const seen = [];
            const request = http.get({ host: '127.0.0.1', port: w.p.port, path, headers: { authorization: `Bearer ${w.p.token}` }, agent: false }, (response) => {
                let text = '';
                response.setEncoding('utf8').on('data', (chunk) => {
                    text += chunk;
                    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
                        const [, kind, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
                        if (kind) seen.push({ kind, ...JSON.parse(data) });
                        else resolve(seen);
                    }
                });
            });
            request.on('error', () => {});
            t.after(() => request.destroy());
        });
    const [mine, all, theirs] = await Promise.all([open1(`${w.base}/live`), open1('/api/v1/live'), open1(`/api/v1/app/${other.id}/live`)]);
    const { id } = (await w.post(a, {})).json;
    const states = (seen) => [...new Set(seen.filter((e) => e.kind === 'run' && e.id === id && e.automationId === a.id).map((e) => e.status))];
    await until(() => `all states: ${JSON.stringify(mine)}`, () => states(mine).length === 3);
    assert.deepEqual(states(mine), ['running', 'waiting', 'done']);
    await until('the environment too', () => states(all).length === 3);
    const { target } = await w.run(a, id);
    assert.ok(mine.some((e) => e.kind === 'run' && e.target === target));
    assert.deepEqual(theirs, []);
    await w.reaches(a, id, 'done');
});
