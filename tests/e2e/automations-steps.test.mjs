// SPDX-License-Identifier: Apache-2.0
// What steps do outside and over time: mail at a real relay, requests and their keys, waits and schedules over kills and downtime,
// limits, what becomes of runs when their automation goes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { on, step, Workspace } from './lib/automations.mjs';
import { receiver } from './lib/receiver.mjs';
import { readLetter, Relay } from './lib/smtp.mjs';
import { patienceMs, sleep, slow, until } from './lib/wait.mjs';

const kinds = { run: 5, step: 6, cue: 8 };

// In the file of a program that does not run; looking is fine at any time.
function sql(p, statement) {
    return execFileSync('sqlite3', [join(p.dir, 'postrider.db'), statement], { encoding: 'utf8' }).trim();
}

async function crash(p) {
    await p.kill();
    await p.start();
}

async function withRelay(t, options) {
    const relay = await new Relay(options).start();
    t.after(() => relay.stop());
    return { relay, w: await Workspace.open(t, { settings: { SMTP_URL: relay.url, SMTP_FROM: 'hooks@example.com' } }) };
}

const mail = { id: 'mail', type: 'send_email', to: '{{ trigger.body.name }} <{{ trigger.body.email }}>', subject: 'For {{ trigger.body.name }}', text: 'Dear {{ trigger.body.name }}', html: '<p>Dear {{ trigger.body.name }}</p>' };

test('send_email: at the relay as it was written, under one Message-ID however often it is sent', async (t) => {
    const { relay, w } = await withRelay(t, { answers: { TEXT: ['451 4.3.0 not now'] } });
    const automation = await w.publish({ trigger: on('go'), steps: [{ id: 'pause', type: 'wait', for: '300ms' }, mail, { id: 'after', type: 'set', set: { letter: '{{ steps.mail.id }}' } }] });
    await w.p.send(w.app, 'go', { name: 'A<b>', email: 'ada@x.example' });
    const run = await w.run(automation);
    assert.deepEqual([run.status, run.steps.map((s) => s.id).join()], ['done', 'pause,mail,after']);
    await until('the letter', () => relay.letters.length === 1);
    assert.equal(relay.texts, 2, 'refused once');
    const { headers, text, html } = readLetter(relay.letters[0].raw);
    assert.equal(headers['message-id'], `<${run.vars.letter}@example.com>`);
    assert.deepEqual([headers.subject, relay.letters[0].to, text.trim()], ['For A<b>', ['ada@x.example'], 'Dear A<b>']);
    assert.match(html, /Dear A&lt;b&gt;/);
    await w.p.send(w.app, 'go', { name: 'B', email: 'no address' });
    assert.match((await w.run(automation, undefined, 1)).error, /mail: .*mail address/);
});

test('send_email: killed while the relay takes the letter, it comes again under the same Message-ID', async (t) => {
    const { relay, w } = await withRelay(t, { silent: true });
    const automation = await w.publish({ trigger: on('go'), steps: [mail] });
    await w.p.send(w.app, 'go', { name: 'A', email: 'ada@x.example' });
    await until('the relay has the text', () => relay.texts >= 1);
    await w.p.kill();
    relay.silent = false;
    await w.p.start();
    await until('the letter, again', () => relay.letters.length >= 1);
    const run = await w.run(automation);
    assert.equal(run.status, 'done');
    const ids = [...relay.unanswered, ...relay.letters].map((l) => readLetter(l.raw).headers['message-id']);
    assert.equal(ids.length, 2);
    assert.deepEqual([...new Set(ids)], [`<${step(run, 'mail').output.id}@example.com>`]);
    assert.equal((await w.runs(automation)).length, 1);
});

test('http_request: the same key and the same attempt after a kill; another attempt, the same key', async (t) => {
    const w = await Workspace.open(t);
    const answers = ['hang', 'hang', { status: 503, headers: { 'Retry-After': '1' } }];
    const server = await receiver(t, { answer: (_, n) => answers[n] ?? { status: 200, body: '{"ok":true}' } });
    const automation = await w.publish({ trigger: on('go'), steps: [{ id: 'call', type: 'http_request', url: server.url('/x'), body: { n: '{{ trigger.body.n }}' }, retrySchedule: [0.05, 0.05] }] });
    await w.p.send(w.app, 'go', { n: 1 });
    await server.arrived(1);
    await crash(w.p);
    await server.arrived(2);
    await crash(w.p);
    await server.arrived(4);
    const run = await w.run(automation);
    assert.deepEqual([run.status, step(run, 'call').attempts, step(run, 'call').output], ['done', 2, { status: 200, body: { ok: true } }]);
    assert.deepEqual([...new Set(server.requests.map((r) => r.headers['idempotency-key']))], [`${run.id}-call`]);
    assert.ok(server.requests[3].at - server.requests[2].at >= 900, 'Retry-After is waited for');
    assert.equal(server.count, 4);
});

test('http_request: a stop waits for the answer, so that nothing is asked twice', async (t) => {
    const w = await Workspace.open(t);
    const server = await receiver(t, { answer: async () => (await sleep(700), { status: 200, body: '{"ok":true}' }) });
    const automation = await w.publish({ trigger: on('go'), steps: [{ id: 'call', type: 'http_request', url: server.url('/x') }, { id: 'after', type: 'http_request', url: server.url('/y') }] });
    await w.p.send(w.app, 'go');
    await server.arrived(1);
    await w.p.stop();
    await w.p.start();
    assert.equal((await w.run(automation)).status, 'done');
    assert.deepEqual(server.requests.map((r) => new URL(r.url ?? r.path ?? r.target, 'http://x').pathname), ['/x', '/y']);
});

test('http_request: forbidden addresses are not reached, redirects not followed, reserved headers not set', async (t) => {
    const w = await Workspace.open(t);
    const inside = await receiver(t);
    const server = await receiver(t, { answer: () => ({ status: 302, headers: { Location: inside.url('/secret') } }) });
    const error = async (fields) => {
        const automation = await w.publish({ trigger: on('go'), steps: [{ id: 'call', type: 'http_request', retrySchedule: [], ...fields }] });
        await w.p.send(w.app, 'go', { host: '169.254.169.254', three: 3, file: 'file:///etc/passwd', key: 'idempotency-key' });
        const run = await w.run(automation);
        assert.equal(run.status, 'failed');
        await w.p.api('DELETE', `${w.base}/automation/${automation.id}`);
        return run.error;
    };
    assert.match(await error({ url: 'http://{{ trigger.body.host }}/latest' }), /cloud metadata/);
    assert.match(await error({ url: 'http://10.1.2.{{ trigger.body.three }}/' }), /private network/);
    assert.match(await error({ url: '{{ trigger.body.file }}' }), /url: /);
    assert.match(await error({ url: server.url('/') }), /302/);
    assert.equal(inside.count, 0);
});

test('wait: time passes while the program is down, and an event that was accepted is not lost to a kill', async (t) => {
    const w = await Workspace.open(t);
    const waitMs = 4000 * slow; // long enough to see it wait
    const timed = await w.publish({ trigger: on('timed'), steps: [{ id: 'w', type: 'wait', until: '{{ trigger.body.until }}' }, { id: 'v', type: 'set', set: { woke: true } }] });
    const waits = await w.publish({ trigger: on('begin'), steps: [{ id: 'w', type: 'wait', event: 'end', timeout: '1h' }, { id: 'v', type: 'set', set: { late: '{{ steps.w.timedOut }}', last: '{{ steps.w.event.body.last }}' } }] });
    const late = await w.publish({ trigger: on('begin'), steps: [{ id: 'w', type: 'wait', event: 'never', timeout: `${waitMs}ms` }, { id: 'v', type: 'set', set: { late: '{{ steps.w.timedOut }}' } }] });
    await w.p.send(w.app, 'begin');
    await w.p.send(w.app, 'timed', { until: new Date(Date.now() + waitMs).toISOString() });
    const [, , { dueAt }] = await Promise.all([timed, waits, late].map((a) => w.run(a, (r) => r.status === 'waiting')));
    await w.p.kill();
    await sleep(Math.max(0, Date.parse(dueAt) + 500 - Date.now()));
    await w.p.start();
    await w.p.send(w.app, 'end', { filler: 'x'.repeat(100_000), last: 'here' });
    await crash(w.p);
    assert.deepEqual((await w.run(timed)).vars, { woke: true });
    assert.deepEqual((await w.run(waits)).vars, { late: false, last: 'here' });
    assert.deepEqual((await w.run(late)).vars, { late: true });
    await w.p.send(w.app, 'timed', { until: 'tomorrow' });
    assert.match((await w.run(timed, undefined, 1)).error, /until: "tomorrow" is no time/);
});

test('wait: what was accepted before the deadline counts, however late it is told; what came after it does not', async (t) => {
    const w = await Workspace.open(t);
    const set = { id: 'v', type: 'set', set: { late: '{{ steps.w.timedOut }}', last: '{{ steps.w.event.body.last }}' } };
    const waitFor = (event) => w.publish({ trigger: on('begin'), steps: [{ id: 'w', type: 'wait', event, timeout: '1h' }, set] });
    const waits = { in_time: await waitFor(['other', 'in_time']), too_late: await waitFor('too_late'), nothing: await waitFor('nothing') };
    for (const event of ['in_time', 'too_late']) await w.p.send(w.app, event, { last: event }); // nobody waits yet
    await w.p.send(w.app, 'begin');
    for (const a of Object.values(waits)) await w.run(a, (r) => r.status === 'waiting');
    await w.p.stop();
    // The deadline has passed. What was sent comes once more: behind, as after a backlog, or from after the deadline.
    const now = Date.now();
    const deadline = now - 10_000;
    sql(w.p, `UPDATE doc SET due_ms=${deadline} WHERE kind=${kinds.run} AND status=1`);
    const cue = (event, acceptedMs, dueMs) =>
        sql(w.p, `INSERT INTO doc(id,kind,app,ref,status,due_ms,purge_ms,body,created_ms,updated_ms,version)
            SELECT (SELECT max(id) FROM doc) + 256, ${kinds.cue}, app, 0, 0, ${dueMs}, 0, json_object('msg', id, 'event', type, 'told', json('true')), ${acceptedMs}, ${acceptedMs}, 1 FROM message WHERE type='${event}'`);
    cue('in_time', deadline - 1, now + 3000);
    cue('too_late', deadline + 1, now);
    await w.p.start();
    assert.deepEqual((await w.run(waits.too_late)).vars, { late: true, last: null });
    assert.deepEqual((await w.run(waits.nothing)).vars, { late: true, last: null });
    assert.deepEqual((await w.run(waits.in_time)).vars, { late: false, last: 'in_time' });
});

test('schedule: a time that comes starts a run; many that were missed start one; those of an older schedule none', async (t) => {
    const w = await Workspace.open(t);
    const steps = [{ id: 'v', type: 'set', set: { at: '{{ trigger.body.scheduledAt }}' } }];
    const minute = (new Date().getUTCMinutes() + 30) % 60; // none of them is really due meanwhile
    const every = (rest) => ({ trigger: { type: 'schedule', cron: `${minute} ${rest}` }, steps });
    const yearly = await w.publish(every('0 1 1 *'));
    const hourly = await w.publish(every('* * * *'));
    const other = await w.publish(every('0 1 7 *'));
    const gone = await w.publish(every('0 1 1 *'));
    const paused = await w.publish(every('0 1 1 *'));
    await w.p.api('DELETE', `${w.base}/automation/${gone.id}`);
    await w.ok('POST', `/automation/${paused.id}/pause`);
    await w.p.stop();
    const due = Date.parse('2024-01-01T00:00:00Z') + minute * 60_000;
    sql(w.p, `UPDATE doc SET due_ms=${due} WHERE kind=${kinds.cue} AND ref<>0`);
    await w.p.start();
    for (const a of [yearly, hourly]) {
        const run = await w.run(a);
        assert.deepEqual([run.status, Date.parse(run.vars.at)], ['done', due]);
    }
    await sleep(300);
    const counts = [];
    for (const a of [yearly, hourly, other, paused]) counts.push((await w.runs(a)).length);
    assert.deepEqual(counts, [1, 1, 0, 0]);
    await w.ok('POST', `/automation/${paused.id}/resume`);
    await w.p.stop();
    const next = sql(w.p, `SELECT min(due_ms) FROM doc WHERE kind=${kinds.cue} AND ref<>0 AND due_ms>${Date.now() + 120_000}`);
    const later = sql(w.p, `SELECT count(*) FROM doc WHERE kind=${kinds.cue} AND ref<>0 AND due_ms>${Date.now() + 120_000}`);
    assert.ok(Number(next) <= Date.now() + 3600_000, `the next is ${next}`);
    assert.ok(Number(later) >= 3, `${later} are due later`);
});

test('a schedule that is replaced by an event starts nothing more', async (t) => {
    const w = await Workspace.open(t);
    const definition = { trigger: { type: 'schedule', cron: '0 0 1 1 *' }, steps: [] };
    const automation = await w.publish(definition);
    await w.ok('PUT', `/automation/${automation.id}`, { name: 'x', ...definition, trigger: on('go') });
    await w.ok('POST', `/automation/${automation.id}/publish`);
    await w.p.stop();
    sql(w.p, `UPDATE doc SET due_ms=${Date.parse('2024-01-01T00:00:00Z')}, updated_ms=1 WHERE kind=${kinds.cue} AND ref<>0`);
    await w.p.start();
    await w.p.send(w.app, 'go');
    await w.run(automation);
    assert.equal((await w.runs(automation)).length, 1);
    await w.p.stop();
    assert.equal(sql(w.p, `SELECT count(*) FROM doc WHERE kind=${kinds.cue}`), '0');
});

test('the runs of a deleted automation go on and stay readable; nothing starts it any more', async (t) => {
    const w = await Workspace.open(t);
    const automation = await w.publish({ trigger: on('go'), steps: [{ id: 'w', type: 'wait', event: 'on', timeout: '1h' }, { id: 'c', type: 'upsert_record', record: 'contact', set: { email: 'a@x.example' } }] });
    await w.p.send(w.app, 'go');
    await w.run(automation, (r) => r.status === 'waiting');
    assert.equal((await w.p.api('DELETE', `${w.base}/automation/${automation.id}`)).status, 204);
    await w.p.send(w.app, 'go');
    await w.p.send(w.app, 'on');
    const run = await w.run(automation);
    assert.deepEqual([run.status, step(run, 'c').output.email], ['done', 'a@x.example']);
    assert.equal((await w.runs(automation)).length, 1);
    assert.equal((await w.p.api('GET', `${w.base}/automation/${automation.id}`)).status, 404);
    const fails = await w.publish({ trigger: on('bad'), steps: [{ id: 'x', type: 'add_tag', target: 'nobody', tag: 'x' }] });
    await w.p.send(w.app, 'bad');
    const failed = await w.run(fails);
    await w.p.api('DELETE', `${w.base}/automation/${fails.id}`);
    const retry = await w.post(`/automation/${fails.id}/run/${failed.id}/retry`);
    assert.deepEqual([retry.status, retry.json.detail], [409, 'its automation was deleted: nothing starts it any more']);
    assert.equal((await w.run(fails)).status, 'failed');
});

test('with a workspace its runs end, its schedules too, and nothing is asked any more', async (t) => {
    const w = await Workspace.open(t);
    const server = await receiver(t, { answer: () => 'hang' });
    const ask = { id: 'h', type: 'http_request', url: server.url('/x'), retrySchedule: [0.1] };
    const timed = await w.publish({ trigger: on('go'), steps: [{ id: 'w', type: 'wait', for: `${4 * slow}s` }, ask] });
    const waits = await w.publish({ trigger: on('go'), steps: [{ id: 'w', type: 'wait', event: 'end' }, ask] });
    const asks = await w.publish({ trigger: on('go'), steps: [ask] });
    await w.publish({ trigger: { type: 'schedule', cron: `${(new Date().getUTCMinutes() + 30) % 60} * * * *` }, steps: [ask] });
    await w.p.send(w.app, 'go');
    for (const a of [timed, waits]) await w.run(a, (r) => r.status === 'waiting');
    await server.arrived(1);
    await w.run(asks, (r) => r.status === 'running');
    assert.equal((await w.p.api('DELETE', w.base)).status, 204);
    const open = () => sql(w.p, `SELECT (SELECT count(*) FROM doc WHERE kind=${kinds.run} AND status<2) || ' ' || (SELECT count(*) FROM doc WHERE kind=${kinds.cue})`);
    await until(() => `all have ended: ${open()}`, () => open() === '0 0');
    const ended = sql(w.p, `SELECT DISTINCT status || json_extract(body,'$.error') FROM doc WHERE kind=${kinds.run}`);
    assert.ok(['4the workspace was deleted', ''].includes(ended), ended); // ended, and a little later gone
    await sleep(4300 * slow);
    assert.equal(server.count, 1);
});

test('a deleted workspace leaves no documents and no automations; another keeps its own', async (t) => {
    const w = await Workspace.open(t);
    const other = new Workspace(w.p, await w.p.app({ profile: 'myra' }));
    for (const x of [w, other]) {
        const definition = { trigger: on('go'), steps: [{ id: 'v', type: 'set', set: { n: 1 } }] };
        const a = await x.publish(definition);
        const hook = await x.publish({ trigger: { type: 'incoming_webhook' }, steps: [{ id: 'w', type: 'wait', for: '1h' }] });
        await x.ok('PUT', `/automation/${a.id}`, { name: 'Again', ...definition });
        assert.equal((await x.p.api('POST', new URL(hook.trigger.url).pathname, { a: 1 }, { token: null })).status, 202);
        await x.run(hook, (r) => r.status === 'waiting');
        for (let i = 0; i < 150; i += 25) await Promise.all(Array.from({ length: 25 }, (_, k) => x.ok('POST', '/record/contact', { data: { email: `a${i + k}@x.example` } })));
    }
    // By workspace: its documents, and what of its automations is not deleted.
    const left = () => sql(w.p, 'SELECT app, (SELECT count(*) FROM doc WHERE doc.app=a.app), (SELECT count(*) FROM object o WHERE o.app=a.app AND o.kind IN (22,23,24) AND deleted_ms=0) FROM object a WHERE a.kind=2 ORDER BY id');
    const [, kept] = left().split('\n');
    assert.match(kept, /^\d+\|303\|6$/); // contacts, their history, a request, a run, its step; automations, versions, a trigger
    assert.equal((await w.p.api('DELETE', w.base)).status, 204);
    await until(() => `all is gone: ${left()}`, () => left().split('\n')[0].endsWith('|0|0'));
    assert.equal(left().split('\n')[1], kept);
});

test('what starts itself comes to an end: by a record, by an event, as a sequence', async (t) => {
    const w = await Workspace.open(t);
    const contact = await w.ok('POST', '/record/contact', { data: { email: 'a@x.example', n: 0 } });
    const record = await w.publish({ trigger: { type: 'record_changed', record: 'contact', on: 'updated' }, steps: [{ id: 'u', type: 'update_record', target: '{{ trigger.body.id }}', set: { n: '{{ trigger.body.n | plus: 1 }}' } }] });
    await w.ok('PATCH', `/record/contact/${contact.id}`, { data: { n: 1 } });
    assert.match((await w.run(record, undefined, 11)).error, /^not started: .* 10 deep/);
    const draft = await w.ok('POST', '/automation', { name: 'Itself', steps: [] });
    const again = { id: 's', type: 'start_sequence', automation: draft.id, target: '{{ target.id }}', reentry: 'parallel' };
    await w.ok('PUT', `/automation/${draft.id}`, { name: 'Itself', steps: [again] });
    await w.ok('POST', `/automation/${draft.id}/publish`);
    const begin = await w.publish({ trigger: on('go'), steps: [{ ...again, target: contact.id }] });
    await w.p.send(w.app, 'go');
    await w.run(begin);
    const last = await w.run(draft, undefined, 9);
    assert.match(last.error, /10 deep/);
    await sleep(300);
    assert.deepEqual([(await w.runs(record)).length, (await w.runs(draft)).length, (await w.ok('GET', `/record/contact/${contact.id}`)).data.n], [12, 10, 12]);
});

test('a run lives a year at most, and begins a thousand steps at most', async (t) => {
    const w = await Workspace.open(t);
    const automation = await w.publish({ trigger: on('go'), steps: [{ id: 'w', type: 'wait', for: '{{ trigger.body.for }}' }, { id: 'v', type: 'set', set: { a: 1 } }] });
    await w.p.send(w.app, 'go', { for: '366d' });
    assert.match((await w.run(automation)).error, /"366d" is no duration of up to a year/);
    const until = await w.publish({ trigger: on('until'), steps: [{ id: 'w', type: 'wait', until: '{{ trigger.body.until }}' }] });
    const late = new Date(Date.now() + 366 * 86_400_000).toISOString();
    await w.p.send(w.app, 'until', { until: late });
    const refused = await w.run(until);
    assert.equal(refused.status, 'failed');
    assert.match(refused.error, new RegExp(`w: until: "${late}" is later than 20..-.*Z, when the run ends: it lives a year at most`));
    const tried = await w.ok('POST', `/automation/${until.id}/test`, { trigger: { body: { until: late } } });
    assert.match(tried.steps[0].error, /lives a year at most/);
    assert.equal((await w.ok('POST', `/automation/${until.id}/test`, { trigger: { body: { until: '2027-01-01T00:00:00Z' } } })).steps[0].error, null);
    await w.p.send(w.app, 'go', { for: '1d' });
    await w.run(automation, (r) => r.status === 'waiting', 1);
    await w.p.send(w.app, 'go', { for: '1d' });
    await w.run(automation, (r) => r.status === 'waiting', 2);
    await w.p.stop();
    const ids = sql(w.p, `SELECT id FROM doc WHERE kind=${kinds.run} AND due_ms>0 ORDER BY id`).split('\n');
    sql(w.p, `UPDATE doc SET due_ms=1, created_ms=created_ms-366*86400000 WHERE id=${ids[0]}; UPDATE doc SET due_ms=1, body=json_set(body,'$.steps',1001) WHERE id=${ids[1]}`);
    await w.p.start();
    assert.match((await w.run(automation, undefined, 1)).error, /older than a year/);
    assert.match((await w.run(automation, undefined, 2)).error, /more than 1,000 steps/);
    for (const n of [1, 2]) {
        const { id } = await w.run(automation, undefined, n);
        assert.equal((await w.post(`/automation/${automation.id}/run/${id}/retry`)).status, 409);
    }
    const nested = (n) => (n === 0 ? [] : [{ id: `b${n}`, type: 'branch', branches: [{ when: { value: 1, eq: 1 }, steps: nested(n - 1) }] }]);
    assert.equal((await w.p.api('POST', `${w.base}/automation`, { name: 'x', steps: nested(10) })).status, 201);
    assert.equal((await w.p.api('POST', `${w.base}/automation`, { name: 'x', steps: nested(11) })).status, 422);
});

test('stop_sequence finds the run about a record among thousands; restart and ignore see runs side by side', async (t) => {
    const w = await Workspace.open(t);
    const sequence = await w.publish({ name: 'Sequence', steps: [{ id: 'long', type: 'wait', for: '1d' }] });
    const [a, b] = [await w.ok('POST', '/record/contact', { data: { email: 'a@x.example' } }), await w.ok('POST', '/record/contact', { data: { email: 'b@x.example' } })];
    const start = (id, target, reentry) => ({ id, type: 'start_sequence', automation: sequence.id, target, reentry });
    const one = await w.publish({ trigger: on('one'), steps: [start('s', '{{ trigger.body.id }}', 'parallel')] });
    const many = await w.publish({ trigger: on('many'), steps: Array.from({ length: 200 }, (_, i) => start(`s${i}`, b.id, 'parallel')) });
    const ignore = await w.publish({ trigger: on('ignore'), steps: [start('s', '{{ trigger.body.id }}', 'ignore')] });
    const restart = await w.publish({ trigger: on('restart'), steps: [start('s', '{{ trigger.body.id }}', 'restart')] });
    const stop = await w.publish({ trigger: on('stop'), steps: [{ id: 's', type: 'stop_sequence', automation: sequence.id, target: '{{ trigger.body.id }}' }] });
    await w.p.send(w.app, 'one', { id: a.id });
    const first = step(await w.run(one), 's').output;
    for (let i = 0; i < 6; i++) await w.p.send(w.app, 'many');
    for (let i = 0; i < 6; i++) assert.equal((await w.run(many, undefined, i)).status, 'done');
    await w.p.send(w.app, 'ignore', { id: a.id });
    assert.deepEqual(step(await w.run(ignore), 's').output, { started: false, run: first.run });
    await w.p.send(w.app, 'stop', { id: a.id });
    assert.equal(step(await w.run(stop), 's').output.stopped, 1);
    assert.equal((await w.ok('GET', `/automation/${sequence.id}/run/${first.run}`)).status, 'cancelled');
    await w.p.send(w.app, 'restart', { id: b.id });
    assert.equal(step(await w.run(restart), 's').output.started, true);
    await w.p.send(w.app, 'stop', { id: b.id });
    assert.equal(step(await w.run(stop, undefined, 1), 's').output.stopped, 1, 'the restart has ended all 1,200');
});

test('a run that waited for its place longer than its request is kept still knows what started it', async (t) => {
    const w = await Workspace.open(t, { settings: { RETENTION_PAYLOAD: '1s' } });
    let release;
    const held = new Promise((resolve) => (release = resolve));
    const server = await receiver(t, { answer: async () => (await held, { status: 200, body: '{}' }) });
    const automation = await w.publish({
        trigger: { type: 'incoming_webhook' },
        concurrency: 1,
        steps: [{ id: 'call', type: 'http_request', url: server.url('/hold'), timeoutMs: 20000, body: { name: '{{ trigger.body.name }}' } }, { id: 'keep', type: 'set', set: { name: '{{ trigger.body.name }}' } }],
    });
    const path = new URL(automation.trigger.url).pathname;
    for (const name of ['Ada', 'Grace']) assert.equal((await w.p.api('POST', path, { name }, { token: null })).status, 202);
    await server.arrived(1);
    await until('the requests are gone', async () => (await w.ok('GET', `/trigger/${automation.trigger.id}/request`)).data.length === 0);
    release();
    const names = [];
    for (const i of [0, 1]) {
        const run = await w.run(automation, undefined, i);
        assert.equal(run.status, 'done', JSON.stringify(run));
        names.push(run.vars.name);
    }
    assert.deepEqual(names.sort(), ['Ada', 'Grace']);
    assert.deepEqual(server.requests.map((r) => JSON.parse(r.body).name).sort(), ['Ada', 'Grace']);
});

test('concurrency: so many runs at work at a time, the others follow; those in a wait do not count', async (t) => {
    const w = await Workspace.open(t);
    const busy = []; // keys; what a killed program has asked is answered by nobody, and asked again
    let most = 0, silent = false;
    const server = await receiver(t, {
        answer: async (r) => {
            if (silent) return new Promise(() => {});
            const key = r.headers['idempotency-key'];
            busy.push(key);
            most = Math.max(most, new Set(busy).size);
            await sleep(60);
            busy.splice(busy.indexOf(key), 1);
            return { status: 200, body: '{}' };
        },
    });
    const call = (id) => ({ id, type: 'http_request', url: server.url(`/${id}`) });
    const definition = { trigger: on('go'), concurrency: 1, steps: [call('a'), { id: 'w', type: 'wait', for: '{{ trigger.body.wait }}' }, call('b'), call('c')] };
    const automation = await w.publish(definition);
    const runs = 6;
    for (let i = 0; i < runs; i++) await w.p.send(w.app, 'go', { wait: i === 0 ? '1h' : '1ms' });
    await server.arrived(3);
    await crash(w.p);
    for (let i = 1; i < runs; i++) assert.equal((await w.run(automation, undefined, i)).status, 'done');
    assert.equal((await w.run(automation, (r) => r.status === 'waiting')).step, 'w');
    assert.equal(most, 1);
    // What follows the wait is not done between another run's: b and c of one run are next to each other.
    const after = server.requests.map((r) => r.headers['idempotency-key']).filter((k, i, all) => !k.endsWith('-a') && all.indexOf(k) === i);
    for (let i = 0; i < after.length; i += 2) assert.equal(after[i].replace(/-b$/, '-c'), after[i + 1], after.join());
    silent = true;
    const before = server.count;
    await w.p.send(w.app, 'go', { wait: '1ms' });
    await w.p.send(w.app, 'go', { wait: '1ms' });
    await server.arrived(before + 1);
    const hangs = await w.run(automation, () => true, runs);
    silent = false;
    await w.ok('POST', `/automation/${automation.id}/run/${hangs.id}/cancel`);
    assert.equal((await w.run(automation, undefined, runs + 1)).status, 'done', 'who is cancelled gives up its place');
    assert.equal((await w.ok('PUT', `/automation/${automation.id}`, { name: 'x', trigger: on('go'), steps: [] })).concurrency, 1, 'what is not mentioned stays');
    assert.equal((await w.ok('PUT', `/automation/${automation.id}`, { name: 'x', concurrency: null, trigger: on('go'), steps: [] })).concurrency, null);
    assert.equal((await w.p.api('POST', `${w.base}/automation`, { name: 'x', concurrency: 0, steps: [] })).status, 422);
    await w.p.kill(); // a stop would wait for the request that hangs
    assert.equal(sql(w.p, 'SELECT count(*) FROM doc WHERE kind=12'), '0', 'no place is left behind');
});

test('a workspace with very many due runs does not hold up another', async (t) => {
    const w = await Workspace.open(t);
    const other = new Workspace(w.p, await w.p.app({ profile: 'myra' }));
    const steps = [{ id: 'w', type: 'wait', for: '1d' }, ...Array.from({ length: 20 }, (_, i) => ({ id: `v${i}`, type: 'set', set: { n: i } }))];
    const busy = await w.publish({ name: 'Busy', steps });
    const starter = await w.publish({ trigger: on('go'), steps: Array.from({ length: 200 }, (_, i) => ({ id: `s${i}`, type: 'start_sequence', automation: busy.id })) });
    const small = await other.publish({ trigger: on('go'), steps });
    const runs = slow > 1 ? 1000 : 3000;
    for (let i = 0; i < runs / 200; i++) await w.p.send(w.app, 'go');
    for (let i = 0; i < runs / 200; i++) assert.equal((await w.run(starter, undefined, i)).status, 'done');
    await other.p.send(other.app, 'go');
    await other.run(small, (r) => r.status === 'waiting');
    const waiting = () => Number(sql(w.p, `SELECT count(*) FROM doc WHERE kind=${kinds.run} AND status=1`));
    await w.p.stop();
    assert.equal(waiting(), runs + 1);
    sql(w.p, `UPDATE doc SET due_ms=1 WHERE kind=${kinds.run} AND due_ms>0; UPDATE doc SET due_ms=2 WHERE kind=${kinds.run} AND id=(SELECT max(id) FROM doc WHERE kind=${kinds.run})`);
    await w.p.start();
    await other.run(small);
    await w.p.kill();
    const left = Number(sql(w.p, `SELECT count(*) FROM doc WHERE kind=${kinds.run} AND status<2`));
    t.diagnostic(`${left} of ${runs} runs of the other workspace were left`);
    assert.ok(left > runs / 2, `only ${left} of ${runs} were left when its run had ended`);
    await w.p.start();
    await until('all of them end', async () => (await w.runs(busy)).every((r) => r.endedAt), { timeoutMs: 2 * patienceMs });
});

test('steps see the outputs that they name, or all of them; a large trigger too', async (t) => {
    const w = await Workspace.open(t);
    const set = (id, members) => ({ id, type: 'set', set: members });
    const a = await w.publish({
        trigger: on('go'),
        steps: [
            set('one', { a: 1, pad: '{{ trigger.body.pad }}' }),
            set('two', { b: '{{ steps.one.a }}', c: '{{ steps["one"].a | plus: steps.one.a }}', not: '{{ steps.three.x }}' }),
            { id: 'way', type: 'branch', branches: [{ when: { all: [{ value: '{{ steps.two.b }}', eq: 1 }, { not: { value: 1, in: ['{{ steps.two.c }}'] } }] }, steps: [set('three', { x: '{{ steps.all.x }}', n: '{{ trigger.body.n }}' })] }] },
            set('all', { ids: '{{ steps }}' }),
        ],
    });
    await w.p.send(w.app, 'go', { n: 7, pad: 'p'.repeat(9000) });
    const run = await w.run(a);
    assert.equal(run.status, 'done', run.error);
    assert.deepEqual([run.vars.b, run.vars.c, run.vars.not, run.vars.x, run.vars.n, Object.keys(run.vars.ids).join()], [1, 2, null, null, 7, 'one,two,way,three']);
});
