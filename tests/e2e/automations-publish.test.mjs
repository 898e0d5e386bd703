// SPDX-License-Identifier: Apache-2.0
// What is looked at before an automation is put in force: whatever cannot work is refused with its place and with what to do, and a
// test run says the same; a draft may say anything.
import assert from 'node:assert/strict';
import test from 'node:test';
import { on, step, Workspace } from './lib/automations.mjs';
import { Relay } from './lib/smtp.mjs';

const places = (list) => list.map((d) => d.loc.join('.'));

// Saves a draft, has it refused at these places with words of each, and finds the same in a test.
async function refused(w, definition, wanted) {
    const made = await w.ok('POST', '/automation', { name: 'A draft', ...definition });
    const publish = await w.post(`/automation/${made.id}/publish`);
    const said = JSON.stringify(publish.json);
    assert.equal(publish.status, 422, `${JSON.stringify(definition)}: ${said}`);
    assert.deepEqual(places(publish.json.detail), Object.keys(wanted).map((p) => `body.${p}`), said);
    for (const [i, words] of Object.values(wanted).entries()) assert.match(publish.json.detail[i].msg, words);
    const tried = await w.ok('POST', `/automation/${made.id}/test`, { trigger: { body: {} } });
    assert.deepEqual(tried.problems, publish.json.detail);
    assert.equal((await w.ok('GET', `/automation/${made.id}`)).status, 'draft');
}

async function accepted(w, definition) {
    const made = await w.ok('POST', '/automation', { name: 'Good', ...definition });
    const { status, json } = await w.post(`/automation/${made.id}/publish`);
    assert.equal(status, 200, `${JSON.stringify(definition)}: ${JSON.stringify(json)}`);
    assert.deepEqual((await w.ok('POST', `/automation/${made.id}/test`, { trigger: { body: {} } })).problems, []);
    await w.p.api('DELETE', `${w.base}/automation/${made.id}`);
}

const one = (fields) => ({ steps: [{ id: 'a', ...fields }] });

test('types of records that are not there, and records without what names them', async (t) => {
    const w = await Workspace.open(t);
    await w.p.ok('POST', '/api/v1/record-type', { name: 'note', schema: { type: 'object' } });
    const upsert = (fields) => one({ type: 'upsert_record', ...fields });
    await refused(w, upsert({ record: 'contakt', set: { email: 'a@x.example' } }), { 'steps.0.record': /no type of records "contakt".*choose one/ });
    await refused(w, upsert({ record: 'contact', set: { name: 'Ada' } }), { 'steps.0.set.email': /is missing: .*add it/ });
    await refused(w, upsert({ record: 'contact', set: { email: null } }), { 'steps.0.set.email': /is empty: .*give it a value/ });
    await refused(w, upsert({ record: 'contact', set: { email: ' ' } }), { 'steps.0.set.email': /is empty/ });
    await refused(w, upsert({ record: 'contact', key: 'name', set: { name: 'Ada' } }), { 'steps.0.key': /named by "email"/, 'steps.0.set.email': /is missing/ });
    await refused(w, upsert({ record: 'note', key: 'title', set: { title: 'x' } }), { 'steps.0.key': /have no key: leave it out/ });
    for (const type of ['update_record', 'add_tag', 'remove_tag'])
        await refused(w, one({ type, target: 'x', record: 'nothing', ...(type === 'update_record' ? { set: {} } : { tag: 'x' }) }), { 'steps.0.record': /no type of records "nothing"/ });
    await refused(w, { trigger: { type: 'record_changed', record: 'nothing' }, steps: [] }, { 'trigger.record': /no type of records/ });
    const deep = [{ id: 'b', type: 'branch', branches: [{ when: { value: 1, eq: 1 }, steps: [] }], else: [{ id: 'u', type: 'upsert_record', record: 'contact', set: {} }] }];
    await refused(w, { steps: deep }, { 'steps.0.else.0.set.email': /is missing/ });
    await accepted(w, { trigger: { type: 'record_changed', record: 'note' }, ...upsert({ record: 'contact', key: 'email', set: { email: '{{ trigger.body.email }}' } }) });
    await accepted(w, upsert({ record: 'note', set: { title: 'x' } }));
    await refused(new Workspace(w.p, await w.p.app({ profile: 'standard' })), upsert({ record: 'contact', set: { email: 'a@x.example' } }), { 'steps.0.record': /no type of records/ });
});

test('URLs and headers that no request can have', async (t) => {
    const w = await Workspace.open(t);
    const http = (url, headers) => one({ type: 'http_request', url, ...(headers ? { headers } : {}) });
    for (const [url, words] of [
        ['ftp://x.example/', /http/],
        ['x.example/hook', /http/],
        ['file:///etc/passwd', /http/],
        ['http://', /host/],
        ['https:///path', /host/],
        ['http://10.1.2.3/', /private network/],
        ['http://169.254.169.254/latest', /metadata/],
        ['http://[fd00::1]/', /private network/],
        ['https://x.example:99999/', /port/],
        ['https://user:pass@x.example/', /user/],
        ['ftp://x.example/{{ trigger.body.id }}', /http/],
        ['x.example/{{ trigger.body.id }}', /http/],
        ['http:///{{ trigger.body.id }}', /host/],
        ['http://10.1.2.3/{{ trigger.body.id }}', /private network/],
        ['http://192.168.1.1?id={{ trigger.body.id }}', /private network/],
    ])
        await refused(w, http(url), { 'steps.0.url': words });
    for (const url of ['https://x.example/a b', 'https://']) await refused(w, http(url), { 'steps.0.url': /./ });
    for (const url of ['https://x.example/hook', 'http://{{ trigger.body.host }}/x', '{{ trigger.body.url }}', 'https://x.example/{{ trigger.body.id }}', 'https://x{{ trigger.body.n }}.example/', 'http{{ trigger.body.s }}://x.example', 'HTTPS://X.example/{{ trigger.body.id }}'])
        await accepted(w, http(url));
    const good = 'https://x.example/';
    await refused(w, http(good, { 'X Name': 'a' }), { 'steps.0.headers.X Name': /not a header name/ });
    await refused(w, http(good, { '': 'a' }), { 'steps.0.headers.': /not a header name/ });
    await refused(w, http(good, { 'Content-Length': '3', 'Idempotency-Key': 'mine' }), { 'steps.0.headers.Content-Length': /cannot be set/, 'steps.0.headers.Idempotency-Key': /cannot be set/ });
    await refused(w, http(good, { 'X-A': 'a\r\nX-B: b' }), { 'steps.0.headers.X-A': /control characters/ });
    await refused(w, http(good, { 'X-A': '{{ trigger.body.a }}\n' }), { 'steps.0.headers.X-A': /control characters/ });
    await refused(w, http(good, Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`X-${i}`, '1']))), { 'steps.0.headers.X-39': /39 at most/ });
    await accepted(w, http(good, { Authorization: 'Bearer {{ trigger.body.token |\n default: "none" }}', 'X-Tab': 'a\tb', ...Object.fromEntries(Array.from({ length: 37 }, (_, i) => [`X-${i}`, '1'])) }));
    await refused(w, one({ type: 'send_email', to: 'nobody', subject: 'x', text: 'x' }), { 'steps.0.to': /one mail address/ });
    await accepted(w, one({ type: 'send_email', to: 'Ada <ada@x.example>', subject: 'x', text: 'x' }));
    await accepted(w, one({ type: 'send_email', to: '{{ contact.email }}', subject: 'x', text: 'x' }));
});

test('event types, payloads, times and automations that cannot be', async (t) => {
    const w = await Workspace.open(t);
    await w.p.ok('POST', '/api/v1/event-type', { name: 'score.made', description: '', schemas: { 1: { required: ['level'], properties: { level: { type: 'integer' } } } }, validate: true });
    const emit = (event, payload = {}) => one({ type: 'emit_event', event, payload });
    await refused(w, emit('no such!'), { 'steps.0.event': /is no event type/ });
    await refused(w, { trigger: on(['a.b', 'no such!']), steps: [] }, { 'trigger.event': /is no event type/ });
    await refused(w, one({ type: 'wait', event: ['a.b', 'a b'] }), { 'steps.0.event': /is no event type/ });
    await refused(w, emit('score.made', { level: 'high' }), { 'steps.0.payload': /schema.*\/level/ });
    await refused(w, emit('score.made', {}), { 'steps.0.payload': /schema/ });
    await accepted(w, emit('score.made', { level: 3 }));
    await accepted(w, emit('never.heard.of', { any: 'thing' }));
    await refused(w, one({ type: 'wait', for: '366d' }), { 'steps.0.for': /a year at most/ });
    await refused(w, one({ type: 'wait', event: 'a.b', timeout: '9000h' }), { 'steps.0.timeout': /a year at most/ });
    await accepted(w, one({ type: 'wait', for: '364d' }));
    await accepted(w, one({ type: 'wait', event: 'a.b', timeout: '365d' }));
    const start = (automation) => one({ type: 'start_sequence', automation });
    await refused(w, start('auto_nothing'), { 'steps.0.automation': /none of this id/ });
    const draft = await w.ok('POST', '/automation', { name: 'Draft', steps: [] });
    await refused(w, start(draft.id), { 'steps.0.automation': /publish it first/ });
    await w.ok('POST', `/automation/${draft.id}/publish`);
    await accepted(w, start(draft.id));
    await w.p.api('DELETE', `${w.base}/automation/${draft.id}`);
    await refused(w, start(draft.id), { 'steps.0.automation': /none of this id/ });
});

test('what expressions name must be able to be there', async (t) => {
    const w = await Workspace.open(t);
    const set = (text, ...more) => ({ trigger: on('go'), steps: [{ id: 'a', type: 'set', set: { x: text } }, ...more] });
    await refused(w, set('{{ triger.payload.n }}'), { 'steps.0': /"triger".*trigger, steps/ });
    await refused(w, set('1', { id: 'b', type: 'branch', branches: [{ when: { value: '{{ var.x }}', eq: '1' }, steps: [] }] }), { 'steps.1': /"var"/ });
    await refused(w, set('1', { id: 'b', type: 'branch', branches: [{ when: { value: '1', eq: '1' }, steps: [{ id: 'c', type: 'set', set: { y: '{{ steps.aa.x }}' } }] }] }), {
        'steps.1.branches.0.steps.0': /the step "aa"/,
    });
    await accepted(w, set('{{ trigger.payload.n | default: "triger.n" }} {{ vars.never }} {{ contact.email }} {{ target.data.a }} {{ run.id }}', { id: 'b', type: 'set', set: { y: '{{ steps.a.x }} {{ steps }}' } }));
    await accepted(w, one({ type: 'wait', event: 'go', where: { value: '{{ event.payload.n }}', eq: '{{ trigger.payload.n }}' }, timeout: '1d' }));
});

test('several problems are told at once; what is in force stays; a test tells of the steps that it is given', async (t) => {
    const w = await Workspace.open(t);
    const a = await w.publish({ trigger: on('go'), steps: [{ id: 'v', type: 'set', set: { n: 1 } }] });
    const bad = [{ id: 'r', type: 'upsert_record', record: 'nothing', set: {} }, { id: 'h', type: 'http_request', url: 'nowhere' }];
    const changed = await w.ok('PUT', `/automation/${a.id}`, { name: 'x', trigger: { type: 'record_changed', record: 'gone' }, steps: bad });
    assert.deepEqual([changed.version, changed.publishedVersion], [2, 1]);
    const publish = await w.post(`/automation/${a.id}/publish`);
    assert.deepEqual([publish.status, places(publish.json.detail)], [422, ['body.trigger.record', 'body.steps.0.record', 'body.steps.1.url']]);
    await w.p.send(w.app, 'go');
    assert.deepEqual((await w.run(a)).vars, { n: 1 });
    const given = await w.ok('POST', `/automation/${a.id}/test`, { trigger: { body: {} }, steps: [bad[1]] });
    assert.deepEqual(places(given.problems), ['body.steps.0.url']);
});

test('what the sample leaves empty fails in a test as it does in a run, with the same words', async (t) => {
    const relay = await new Relay().start();
    t.after(() => relay.stop());
    const w = await Workspace.open(t, { settings: { SMTP_URL: relay.url, SMTP_FROM: 'hooks@example.com' } });
    const them = { record: 'contact', target: '{{ trigger.body.who }}' };
    const rows = [
        { type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}' } },
        { type: 'upsert_record', record: 'contact', key: 'email', set: { email: '{{ trigger.body.none }}', name: 'Ada' } },
        { type: 'update_record', ...them, set: { name: 'Ada' } },
        { type: 'add_tag', ...them, tag: 'x' },
        { type: 'remove_tag', ...them, tag: 'x' },
        { type: 'send_email', to: '{{ trigger.body.email }}', subject: 's', text: 't' },
        { type: 'send_email', to: 'Ada <{{ trigger.body.none }}>', subject: 's', text: 't' },
        { type: 'wait', until: '{{ trigger.body.email }}' },
    ];
    const made = await w.publish({ trigger: on('go'), steps: rows.map((row, i) => ({ id: `s${i}`, ...row, onError: 'continue' })) });
    const errors = (steps) => steps.map((s) => [s.id, s.error]);
    const empty = { email: '', who: '' };
    const tried = await w.ok('POST', `/automation/${made.id}/test`, { trigger: { body: empty } });
    await w.p.send(w.app, 'go', empty);
    const run = await w.run(made);
    assert.deepEqual(errors(tried.steps), errors(run.steps));
    assert.ok(run.steps.every((s) => s.error), JSON.stringify(errors(run.steps)));
    assert.match(tried.steps[0].error, /"email".* is empty/);
    assert.match(tried.steps[5].error, /mail address/);
    // With something there nothing is wrong, although nothing is done that later steps could find.
    const full = { email: 'ada@x.example', who: 'ada@x.example' };
    const good = await w.ok('POST', `/automation/${made.id}/test`, { trigger: { body: full }, steps: [0, 2, 3, 4, 5].map((i) => made.steps[i]) });
    assert.deepEqual(good.steps.map((s) => s.error), [null, null, null, null, null]);
});

test('an event that a step emits must fit its schema like one that comes in', async (t) => {
    const w = await Workspace.open(t);
    await w.p.ok('POST', '/api/v1/event-type', { name: 'score.made', description: '', schemas: { 1: { properties: { level: { type: 'integer' } } } }, validate: true });
    const a = await w.publish({ trigger: on('go'), steps: [{ id: 'e', type: 'emit_event', event: 'score.made', payload: { level: '{{ trigger.body.level }}' } }] });
    await w.p.send(w.app, 'go', { level: 'high' });
    const failed = await w.run(a);
    assert.equal(failed.status, 'failed');
    assert.match(failed.error, /e: payload\/level: .*schema/);
    await w.p.send(w.app, 'go', { level: 3 });
    const done = await w.run(a, undefined, 1);
    assert.equal(done.status, 'done');
    assert.match(step(done, 'e').output.id, /^msg_/);
});
