// SPDX-License-Identifier: Apache-2.0
// Automations: what starts them, what their steps do, what becomes of their runs; all of it from outside.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import test from 'node:test';
import { on, step, Workspace } from './lib/automations.mjs';
import { postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { sleep, until } from './lib/wait.mjs';

test('a purchase makes a contact, tags it and starts the sequence; endpoints hear of it, signed', async (t) => {
    const w = await Workspace.open(t);
    const shop = await receiver(t);
    const hook = await receiver(t);
    const endpoint = await w.p.endpoint(w.app, hook.url(), { filterTypes: ['contact.created'] });
    const sequence = await w.publish({
        name: 'Welcome',
        steps: [
            { id: 'pause', type: 'wait', for: '1s' },
            { id: 'call', type: 'http_request', url: `${shop.url('/welcome')}?to={{ contact.email }}`, headers: { 'X-Name': '{{ contact.name }}' }, body: { name: '{{ contact.name }}', tags: '{{ contact.tags }}' } },
        ],
    });
    const purchases = await w.publish({
        name: 'Purchases',
        trigger: on('order.paid'),
        steps: [
            { id: 'contact', type: 'upsert_record', record: 'contact', key: 'email', set: { email: '{{ trigger.body.customer.email | lower }}', name: '{{ trigger.body.customer.name }}', order: '{{ trigger.body.id }}' } },
            { id: 'tag', type: 'add_tag', target: '{{ steps.contact.id }}', tag: 'Customer' },
            { id: 'seq', type: 'start_sequence', automation: sequence.id, target: '{{ steps.contact.id }}', reentry: 'ignore' },
        ],
    });
    await w.p.send(w.app, 'order.paid', '{"id":820982911946154508,"customer":{"email":"Ada@Example.com","name":"Ada & Co"}}');
    const run = await w.run(purchases);
    assert.equal(run.status, 'done', JSON.stringify(run));
    const listed = (await w.ok('GET', '/automation?with_runs=true')).data.find((a) => a.id === purchases.id);
    assert.deepEqual([listed.runCount, listed.lastRun.id, listed.lastRun.status], [1, run.id, 'done']);
    assert.equal((await w.ok('GET', '/automation')).data[0].runCount, undefined);
    assert.deepEqual(run.steps.map((s) => [s.id, s.status, s.attempts]), [['contact', 'done', 1], ['tag', 'done', 1], ['seq', 'done', 1]]);
    const raw = await w.p.api('GET', `${w.base}/record/contact/ada@example.com`);
    assert.match(raw.text, /"order":820982911946154508/);
    assert.deepEqual([raw.json.data.name, raw.json.tags], ['Ada & Co', ['Customer']]);
    assert.equal(step(run, 'seq').output.started, true);

    const [told] = await hook.arrived(1);
    const secret = await w.p.secret(w.app, endpoint);
    const { event_type: type, data: contact } = JSON.parse(told.body);
    assert.deepEqual([type, contact.email, contact.name], ['contact.created', 'ada@example.com', 'Ada & Co']);
    assert.equal(told.headers['x-pulsepost-signature'], createHmac('sha256', secret).update(told.body).digest('hex'));

    const [welcome] = await shop.arrived(1);
    const started = await w.run(sequence);
    assert.equal(started.status, 'done', JSON.stringify(started));
    assert.equal(started.parent, run.id);
    assert.equal(welcome.target ?? welcome.path ?? welcome.url, '/welcome?to=ada%40example.com');
    assert.equal(welcome.headers['idempotency-key'], `${started.id}-call`);
    assert.equal(welcome.headers['x-name'], 'Ada & Co');
    assert.deepEqual(JSON.parse(welcome.body), { name: 'Ada & Co', tags: ['Customer'] });
    const waited = Date.parse(step(started, 'pause').endedAt) - Date.parse(step(started, 'pause').startedAt);
    assert.ok(waited >= 1000, `waited ${waited} ms`);
    assert.equal(hook.count, 1);
});

test('branches, variables, records, events; what has no key in the payload is missing, not wrong', async (t) => {
    const w = await Workspace.open(t);
    const hook = await receiver(t);
    await w.p.ok('POST', '/api/v1/event-type', { name: 'score.made', description: 'A score' });
    await w.p.endpoint(w.app, hook.url(), { filterTypes: ['score.made'] });
    const automation = await w.publish({
        trigger: { ...on(['lead.new', 'lead.again']), where: { not: { value: '{{ trigger.body.spam }}', eq: true } } },
        steps: [
            { id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}', score: '{{ trigger.body.score }}' } },
            { id: 'vars', type: 'set', set: { level: 'low', total: '{{ trigger.body.score }}' } },
            {
                id: 'how',
                type: 'branch',
                branches: [
                    { when: { all: [{ value: '{{ vars.total }}', gte: 50 }, { any: [{ value: '{{ trigger.body.country }}', in: ['DE', 'FR'] }, { value: '{{ trigger.body.email }}', starts_with: 'vip' }] }] }, steps: [{ id: 'high', type: 'set', set: { level: 'high' } }, { id: 'mark', type: 'add_tag', target: '{{ contact.id }}', tag: 'hot' }] },
                    { when: { value: '{{ trigger.body.nothing.here }}', exists: true }, steps: [{ id: 'never', type: 'set', set: { level: 'never' } }] },
                ],
                else: [{ id: 'cold', type: 'update_record', target: '{{ trigger.body.email }}', record: 'contact', set: { note: 'cold' } }],
            },
            { id: 'untag', type: 'remove_tag', target: '{{ contact.id }}', tag: 'nobody has it' },
            { id: 'tell', type: 'emit_event', event: 'score.made', payload: { level: '{{ vars.level }}', missing: '{{ trigger.body.nope }}', text: 'x{{ trigger.body.nope }}y', big: '{{ trigger.body.big }}' } },
        ],
    });
    await w.p.send(w.app, 'lead.new', '{"email":"vip@x.example","score":77.50,"country":"US","big":9007199254740993}');
    const hot = await w.run(automation);
    assert.equal(hot.status, 'done', JSON.stringify(hot));
    assert.deepEqual(hot.steps.map((s) => s.id), ['contact', 'vars', 'how', 'high', 'mark', 'untag', 'tell']);
    const [told] = await hook.arrived(1);
    assert.match(told.body.toString(), /"level":"high","missing":null,"text":"xy","big":9007199254740993/);
    await w.p.send(w.app, 'lead.again', '{"email":"b@x.example","score":"9"}');
    const cold = await w.run(automation, undefined, 1);
    assert.deepEqual([cold.status, cold.steps.map((s) => s.id).join()], ['done', 'contact,vars,how,cold,untag,tell']);
    await w.p.send(w.app, 'lead.new', { email: 'c@x.example', spam: true });
    await w.p.send(w.app, 'other.type', { email: 'd@x.example' });
    await sleep(300);
    assert.equal((await w.runs(automation)).length, 2);
    assert.deepEqual((await w.ok('GET', '/record/contact/b@x.example')).data, { email: 'b@x.example', score: '9', note: 'cold' });
    assert.deepEqual((await w.ok('GET', '/record/contact/vip@x.example')).tags, ['hot']);
});

test('a run waits for an event: for the right one, and no longer than it says', async (t) => {
    const w = await Workspace.open(t);
    const automation = await w.publish({
        trigger: on('cart.left'),
        steps: [
            { id: 'paid', type: 'wait', event: ['order.paid', 'order.refused'], where: { value: '{{ event.body.cart }}', eq: '{{ trigger.body.cart }}' }, timeout: '{{ trigger.body.patience }}' },
            { id: 'result', type: 'set', set: { late: '{{ steps.paid.timedOut }}', by: '{{ steps.paid.event.event }}' } },
        ],
    });
    await w.p.send(w.app, 'order.paid', { cart: 1 }); // too early
    await sleep(200);
    await w.p.send(w.app, 'cart.left', { cart: 1, patience: '1s' });
    await w.p.send(w.app, 'cart.left', { cart: 2, patience: '1h' });
    await w.run(automation, (r) => r.status === 'waiting', 1);
    await w.p.send(w.app, 'order.refused', { cart: 2 });
    const second = await w.run(automation, undefined, 1);
    assert.deepEqual([second.status, second.vars], ['done', { late: false, by: 'order.refused' }]);
    const first = await w.run(automation);
    assert.deepEqual([first.status, first.vars], ['done', { late: true, by: null }]);
});

test('editing changes no run in flight; a run is cancelled; a paused automation is not started', async (t) => {
    const w = await Workspace.open(t);
    const steps = (word) => [{ id: 'pause', type: 'wait', event: 'on', timeout: '1h' }, { id: 'say', type: 'set', set: { word } }];
    const automation = await w.publish({ trigger: on('go'), steps: steps('old') });
    await w.p.send(w.app, 'go');
    await w.p.send(w.app, 'go');
    await w.run(automation, (r) => r.status === 'waiting', 1);
    const changed = await w.ok('PUT', `/automation/${automation.id}`, { name: 'Changed', trigger: on('go'), steps: steps('new') });
    assert.deepEqual([changed.status, changed.version, changed.publishedVersion], ['published', 2, 1]);
    await w.ok('POST', `/automation/${automation.id}/publish`);
    const victim = await w.run(automation, () => true, 1);
    await w.ok('POST', `/automation/${automation.id}/run/${victim.id}/cancel`);
    await w.p.send(w.app, 'go');
    await w.run(automation, (r) => r.status === 'waiting', 2);
    await w.p.send(w.app, 'on');
    assert.equal((await w.run(automation, undefined, 2)).vars.word, 'new');
    const old = await w.run(automation);
    assert.deepEqual([old.vars.word, old.version, old.status], ['old', 1, 'done']);
    const cancelled = await w.run(automation, () => true, 1);
    assert.deepEqual([cancelled.status, cancelled.steps.map((s) => s.status)], ['cancelled', ['cancelled']]);
    assert.equal((await w.p.api('POST', `${w.base}/automation/${automation.id}/run/${victim.id}/cancel`)).status, 409);
    assert.deepEqual((await w.ok('GET', `/automation/${automation.id}/version`)).data.map((v) => [v.version, v.status]), [[2, 'published'], [1, 'replaced']]);
    await w.ok('POST', `/automation/${automation.id}/pause`);
    await w.p.send(w.app, 'go');
    await sleep(300);
    assert.equal((await w.runs(automation)).length, 3);
    await w.ok('POST', `/automation/${automation.id}/resume`);
    await w.p.send(w.app, 'go');
    await w.run(automation, () => true, 3);
});

test('a request is tried again with the same key; a failed run goes on from its step', async (t) => {
    const w = await Workspace.open(t);
    let broken = true;
    const server = await receiver(t, { answer: (r, n) => ((r.url ?? r.path ?? r.target).startsWith('/sick') && broken ? { status: 500, body: 'sick' } : { status: 200, body: `{"n":${n},"id":9007199254740993}` }) });
    const automation = await w.publish({
        trigger: on('go'),
        steps: [
            { id: 'count', type: 'upsert_record', record: 'contact', set: { email: 'one@x.example', seen: 1 } },
            { id: 'try', type: 'http_request', url: server.url('/sick/try'), retrySchedule: [0.1], onError: 'continue' },
            { id: 'call', type: 'http_request', method: 'PUT', url: server.url('/sick/call'), retrySchedule: [0.1, 0.1] },
            { id: 'after', type: 'set', set: { status: '{{ steps.call.status }}', id: '{{ steps.call.body.id }}' } },
        ],
    });
    await w.p.send(w.app, 'go');
    const failed = await w.run(automation);
    assert.equal(failed.status, 'failed');
    assert.match(failed.error, /call: .*500/);
    assert.deepEqual([step(failed, 'try').status, step(failed, 'try').attempts, step(failed, 'call').attempts, step(failed, 'call').output.status], ['failed', 2, 3, 500]);
    broken = false;
    await w.ok('POST', `/automation/${automation.id}/run/${failed.id}/retry`);
    const done = await w.run(automation, (r) => r.status === 'done');
    assert.deepEqual(done.vars, { status: 200, id: 9007199254740992 });
    const keys = server.requests.map((r) => r.headers['idempotency-key']);
    assert.deepEqual([...new Set(keys)], [`${done.id}-try`, `${done.id}-call`]);
    assert.equal(server.count, 2 + 3 + 1);
    assert.equal(server.requests.at(-1).method, 'PUT');
    assert.equal((await w.p.api('POST', `${w.base}/automation/${automation.id}/run/${done.id}/retry`)).status, 409);
});

test('a run knows what started it, also when the request has gone before the run', async (t) => {
    const w = await Workspace.open(t, { settings: { RETENTION_PAYLOAD: '1s' } });
    const a = await w.publish({
        trigger: { type: 'incoming_webhook' },
        steps: [{ id: 'pause', type: 'wait', event: 'on', timeout: '1h' }, { id: 'keep', type: 'set', set: { name: '{{ trigger.body.name }}' } }, { id: 'bad', type: 'add_tag', target: 'nobody', tag: 'x' }],
    });
    const path = new URL(a.trigger.url).pathname;
    const answer = await w.p.api('POST', path, { name: 'Ada', pad: 'p'.repeat(5000) }, { token: null });
    assert.equal(answer.status, 202);
    const requests = async () => (await w.ok('GET', `/trigger/${a.trigger.id}/request`)).data.length;
    await until('the request is gone', async () => (await requests()) === 0);
    assert.equal((await w.run(a, () => true)).status, 'waiting');
    await w.p.send(w.app, 'on');
    const run = await w.run(a);
    assert.deepEqual([run.status, run.vars, run.trigger.body.name], ['failed', { name: 'Ada' }, 'Ada']);
    await w.ok('POST', `/automation/${a.id}/run/${run.id}/retry`);
    assert.equal((await w.run(a)).trigger.body.pad.length, 5000);
});

test('re-entry: ignored, started anew, side by side; stopped', async (t) => {
    const w = await Workspace.open(t);
    const sequence = await w.publish({ name: 'Sequence', steps: [{ id: 'long', type: 'wait', for: '1d' }] });
    const contact = await w.ok('POST', '/record/contact', { data: { email: 'a@x.example' } });
    const starter = {};
    for (const reentry of ['ignore', 'restart', 'parallel'])
        starter[reentry] = await w.publish({ trigger: on(`go.${reentry}`), steps: [{ id: 's', type: 'start_sequence', automation: sequence.id, target: '{{ trigger.body.id }}', reentry, input: { n: '{{ trigger.body.n }}' } }] });
    const stopper = await w.publish({ trigger: on('halt'), steps: [{ id: 's', type: 'stop_sequence', automation: sequence.id, target: '{{ trigger.body.id }}' }] });
    const go = async (reentry, n) => {
        await w.p.send(w.app, `go.${reentry}`, { id: contact.id, n });
        const count = { ignore: 0, restart: 0, parallel: 0 };
        count[reentry] = (go[reentry] = (go[reentry] ?? 0) + 1);
        return step(await w.run(starter[reentry], undefined, count[reentry] - 1), 's').output;
    };
    const statuses = async () => (await w.runs(sequence)).map((r) => r.status).reverse();
    const first = await go('ignore', 1);
    assert.deepEqual([first.started, (await go('ignore', 2)).run], [true, first.run]);
    assert.equal((await statuses()).length, 1);
    assert.notEqual((await go('restart', 3)).run, first.run);
    assert.deepEqual((await statuses()).map((s) => (s === 'running' ? 'waiting' : s)), ['cancelled', 'waiting']);
    assert.equal((await go('parallel', 4)).started, true);
    assert.equal((await statuses()).length, 3);
    await w.p.send(w.app, 'halt', { id: contact.id });
    assert.equal(step(await w.run(stopper), 's').output.stopped, 2);
    assert.deepEqual(await statuses(), ['cancelled', 'cancelled', 'cancelled']);
    assert.equal((await go('ignore', 5)).started, true);
});

test('changes of records and schedules start automations; those that start each other come to an end', async (t) => {
    const w = await Workspace.open(t);
    const changed = await w.publish({ trigger: { type: 'record_changed', record: 'contact', on: 'updated', where: { value: '{{ trigger.body.stage }}', eq: 'won' } }, steps: [{ id: 'a', type: 'set', set: { who: '{{ trigger.body.email }}', how: '{{ trigger.change }}' } }] });
    await w.ok('POST', '/record/contact', { data: { email: 'a@x.example', stage: 'won' } });
    await w.ok('PATCH', '/record/contact/a@x.example', { data: { stage: 'lost' } });
    await w.ok('PATCH', '/record/contact/a@x.example', { data: { stage: 'won' } });
    assert.deepEqual((await w.run(changed)).vars, { who: 'a@x.example', how: 'updated' });
    await sleep(200);
    assert.equal((await w.runs(changed)).length, 1);
    const loop = await w.publish({ trigger: on('loop'), steps: [{ id: 'again', type: 'emit_event', event: 'loop', payload: {} }] });
    await w.p.send(w.app, 'loop');
    assert.match((await w.run(loop, undefined, 11)).error, /^not started: .* 10 deep/);
    await sleep(500);
    assert.deepEqual((await w.runs(loop)).map((r) => r.status), ['failed', ...Array(11).fill('done')]);
    const every = await w.publish({ trigger: { type: 'schedule', cron: `${(new Date().getUTCMinutes() + 30) % 60} * * * *` }, steps: [{ id: 'a', type: 'set', set: { at: '{{ trigger.body.scheduledAt }}' } }] });
    assert.equal((await w.runs(every)).length, 0);
});

test('what does not fit is refused with its place; a test run does nothing', async (t) => {
    const w = await Workspace.open(t);
    const server = await receiver(t);
    const refused = async (definition, path) => {
        const { status, json } = await w.p.api('POST', `${w.base}/automation`, { name: 'x', ...definition });
        assert.equal(status, 422, JSON.stringify(json));
        assert.ok(json.detail.some((d) => d.loc.slice(1).join('.') === path), `${path}: ${JSON.stringify(json)}`);
    };
    await refused({}, 'steps');
    await refused({ steps: [{ id: 'a', type: 'nothing' }] }, 'steps.0.type');
    await refused({ steps: [{ id: 'a b', type: 'set', set: {} }] }, 'steps.0.id');
    await refused({ steps: [{ id: 'a', type: 'set', set: {} }, { id: 'a', type: 'set', set: {} }] }, 'steps.1.id');
    await refused({ steps: [{ id: 'a', type: 'set', set: { deep: ['{{ a. }}'] } }] }, 'steps.0.set.deep.0');
    await refused({ steps: [{ id: 'a', type: 'set', set: {}, colour: 1 }] }, 'steps.0.colour');
    await refused({ steps: [{ id: 'a', type: 'wait', for: '3 moons' }] }, 'steps.0.for');
    await refused({ steps: [{ id: 'a', type: 'wait' }] }, 'steps.0');
    await refused({ steps: [{ id: 'b', type: 'branch', branches: [{ when: { value: 1, like: 2 }, steps: [] }] }] }, 'steps.0.branches.0.when.like');
    await refused({ steps: [{ id: 'b', type: 'branch', branches: [{ when: { value: 1, eq: 2 }, steps: [{ id: 'x', type: 'add_tag', tag: 'y' }] }] }] }, 'steps.0.branches.0.steps.0.target');
    await refused({ trigger: { type: 'schedule', cron: '61 * * * *' }, steps: [] }, 'trigger.cron');
    await refused({ steps: Array.from({ length: 201 }, (_, i) => ({ id: `s${i}`, type: 'set', set: {} })) }, 'steps');
    const draft = await w.ok('POST', '/automation', { name: 'Draft', steps: [] });
    for (const [automation, why] of [['nobody', 'none of this id'], [draft.id, 'publish it first']]) {
        const made = await w.ok('POST', '/automation', { name: 'x', steps: [{ id: 'a', type: 'start_sequence', automation }] });
        const { status, json } = await w.post(`/automation/${made.id}/publish`);
        assert.equal(status, 422, JSON.stringify(json));
        assert.equal(json.detail[0].loc.join('.'), 'body.steps.0.automation');
        assert.match(json.detail[0].msg, new RegExp(why));
    }
    const automation = await w.ok('POST', '/automation', {
        name: 'Tried',
        trigger: on('x'),
        steps: [
            { id: 'c', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}' } },
            { id: 'b', type: 'branch', branches: [{ when: { value: '{{ steps.c.email }}', contains: '@' }, steps: [{ id: 'h', type: 'http_request', url: `${server.url('/')}{{ trigger.body.nope }}` }] }] },
            { id: 'e', type: 'emit_event', event: 'x', payload: { to: '{{ steps.c.email | upper }}' } },
        ],
    });
    const tried = await w.ok('POST', `/automation/${automation.id}/test`, { trigger: { body: { email: 'a@b' } } });
    assert.deepEqual(tried.steps.map((s) => s.id), ['c', 'b', 'h', 'e']);
    assert.deepEqual([tried.steps[0].input.set, tried.steps[1].branch, tried.steps[2].missing], [{ email: 'a@b' }, 0, ['trigger.body.nope']]);
    assert.equal(tried.steps[3].input.payload.to, 'A@B');
    assert.equal((await w.ok('GET', '/record/contact')).data.length, 0);
    assert.equal((await w.runs(automation)).length, 0);
    assert.equal(server.count, 0);
});

test('a test without a sample in the request takes the one that is stored; other steps can be tried than those that are saved', async (t) => {
    const w = await Workspace.open(t);
    const made = await w.ok('POST', '/automation', { name: 'Shop', trigger: { type: 'incoming_webhook' }, steps: [{ id: 'c', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}' } }] });
    const path = `/automation/${made.id}`;
    const post = async (body) => (await w.p.api('POST', new URL(made.trigger.url).pathname, body, { token: null })).json.id;
    const email = (tried) => tried.steps[0].input.set.email;
    const empty = await w.ok('POST', `${path}/test`, {});
    assert.deepEqual([empty.sample, email(empty), empty.steps[0].missing], [null, null, ['trigger.body.email']]);
    const first = await post({ email: 'first@x.example' });
    const second = await post({ email: 'second@x.example' });
    assert.equal(email(await w.ok('POST', `${path}/test`)), 'second@x.example');
    const named = await w.ok('POST', `${path}/test`, { sample: first });
    assert.deepEqual([named.sample, email(named)], [first, 'first@x.example']);
    await w.ok('POST', `${path}/sample/${first}/use`);
    assert.equal((await w.ok('POST', `${path}/test`)).sample, first);
    assert.equal((await w.post(`${path}/test`, { sample: w.app.id })).status, 422);
    const exists = await w.ok('POST', '/record/contact', { data: { email: 'second@x.example', name: 'Ada' } });
    const steps = [...made.steps, { id: 'mail', type: 'send_email', to: '{{ contact.email }}', subject: 'For {{ steps.c.name }}', text: '{{ steps.c.nope }}' }];
    const other = await w.ok('POST', `${path}/test`, { sample: second, steps });
    assert.deepEqual(other.steps.map((s) => [s.id, s.record]), [['c', exists.id], ['mail', null]]);
    assert.deepEqual([other.steps[1].input, other.steps[1].missing], [{ to: 'second@x.example', subject: 'For Ada', text: '' }, ['steps.c.nope']]);
    assert.equal((await w.post(`${path}/test`, { steps: [{ id: 'x', type: 'nope' }] })).status, 422);
    assert.deepEqual((await w.ok('GET', path)).steps, made.steps);
});

test('If-Match keeps one from overwriting what another has changed', async (t) => {
    const w = await Workspace.open(t);
    const made = await w.ok('POST', '/automation', { name: 'One', steps: [] });
    const put = (name, seen) => w.p.api('PUT', `${w.base}/automation/${made.id}`, { name, steps: [] }, { headers: { 'if-match': seen } });
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal((await put('Two', `"${made.updatedAt}"`)).status, 200);
    assert.equal((await put('Three', `"${made.updatedAt}"`)).status, 412);
    assert.equal((await w.ok('GET', `/automation/${made.id}`)).name, 'Two');
    assert.equal((await put('Four', '*')).status, 200);
    const publish = await w.p.api('POST', `${w.base}/automation/${made.id}/publish`, {}, { headers: { 'if-match': `"${made.updatedAt}"` } });
    assert.equal(publish.status, 412);
});

test('in a text that is sent as JSON a value stays a value; a test and a preview show the same', async (t) => {
    const w = await Workspace.open(t);
    const server = await receiver(t);
    const body = '{"name":"{{ trigger.body.v }}","n":{{ trigger.body.n }},"role":"user"}';
    const call = (id, type) => ({ id, type: 'http_request', body, url: server.url(`/${id}`), ...(type ? { headers: { 'content-Type': type } } : {}) });
    const made = await w.publish({ name: 'JSON', trigger: on('x'), steps: [call('a', 'Application/JSON; charset=utf-8'), call('b', 'application/vnd.x+json'), call('c')] });
    const v = 'x","role":"admin';
    const safe = `{"name":${JSON.stringify(v)},"n":1.10,"role":"user"}`;
    const sample = `{"trigger":{"body":{"v":${JSON.stringify(v)},"n":1.10}}}`;
    const tried = await w.p.api('POST', `${w.base}/automation/${made.id}/test`, sample);
    assert.equal(tried.json.steps[0].input.body, safe, tried.text);
    const shown = await w.p.api('POST', `${w.base}/automation/${made.id}/preview`, `${sample.slice(0, -1)},"texts":[${JSON.stringify({ text: body, as: 'json' })}]}`);
    assert.equal(shown.json.data[0].value, safe, shown.text);
    await w.p.send(w.app, 'x', JSON.stringify({ v, n: 0 }).replace(':0', ':1.10'));
    const run = await w.run(made);
    assert.equal(run.status, 'done', JSON.stringify(run));
    const got = await server.arrived(3);
    assert.deepEqual(got.map((r) => String(r.body)), [safe, safe, `{"name":"${v}","n":1.10,"role":"user"}`]);
    assert.match(got[2].headers['content-type'], /^text\/plain/);
});

test('in a text that is sent as a form a value stays a value; a test and a preview show the same', async (t) => {
    const w = await Workspace.open(t);
    const server = await receiver(t);
    const body = 'name={{ trigger.body.v }}&role=user&again={{ trigger.body.v | urlencode }}';
    const call = (id, type, text = body) => ({ id, type: 'http_request', body: text, url: server.url(`/${id}`), ...(type ? { headers: { 'Content-type': type } } : {}) });
    const form = 'application/x-www-form-urlencoded';
    const steps = [call('a', `${form}; charset=utf-8`), call('b', 'text/plain', 'name={{ trigger.body.v }}'), call('c', form, '{{ trigger.body.whole }}')];
    const made = await w.publish({ name: 'Form', trigger: on('x'), steps });
    const sent = { v: 'x&role=admin', whole: 'a=1&b=2' };
    const safe = 'name=x%26role%3Dadmin&role=user&again=x%26role%3Dadmin';
    const tried = await w.ok('POST', `/automation/${made.id}/test`, { trigger: { body: sent } });
    assert.equal(tried.steps[0].input.body, safe);
    const shown = await w.ok('POST', `/automation/${made.id}/preview`, { trigger: { body: sent }, texts: [{ text: body, as: 'form' }] });
    assert.equal(shown.data[0].value, safe);
    await w.p.send(w.app, 'x', sent);
    const run = await w.run(made);
    assert.equal(run.status, 'done', JSON.stringify(run));
    const got = await server.arrived(3);
    assert.deepEqual(got.map((r) => String(r.body)), [safe, 'name=x&role=admin', 'a=1&b=2']);
});

test('in a text that is sent as XML or HTML a value stays a value; a test and a preview show the same', async (t) => {
    const w = await Workspace.open(t);
    const server = await receiver(t);
    const body = '<o by="{{ trigger.body.q }}"><n>{{ trigger.body.v }}</n><![CDATA[{{ trigger.body.v }}]]><role>user</role></o>';
    const call = (id, type, text = body) => ({ id, type: 'http_request', body: text, url: server.url(`/${id}`), headers: { 'Content-type': type } });
    const steps = [call('a', 'Text/XML; charset=utf-8'), call('b', 'application/xml'), call('c', 'application/soap+xml'), call('d', 'text/plain'), call('e', 'text/xml', '{{ trigger.body.whole }}'), call('f', 'Text/HTML; charset=utf-8', '<p title="{{ trigger.body.q }}">{{ trigger.body.v }}</p>')];
    const made = await w.publish({ name: 'XML', trigger: on('x'), steps });
    const sent = { v: ']]></n><role>admin</role>&x;', q: 'x" role="admin', whole: '<o/>' };
    const safe = '<o by="x&quot; role=&quot;admin"><n>]]&gt;&lt;/n&gt;&lt;role&gt;admin&lt;/role&gt;&amp;x;</n><![CDATA[]]]]><![CDATA[></n><role>admin</role>&x;]]><role>user</role></o>';
    const tried = await w.ok('POST', `/automation/${made.id}/test`, { trigger: { body: sent } });
    assert.deepEqual(tried.steps.slice(0, 3).map((s) => s.input.body), [safe, safe, safe]);
    const shown = await w.ok('POST', `/automation/${made.id}/preview`, { trigger: { body: sent }, texts: [{ text: body, as: 'xml' }, { text: '<a {{ trigger.body.q }}/>', as: 'xml' }] });
    assert.equal(shown.data[0].value, safe);
    assert.equal(shown.data[1].error, 'trigger.body.q: in a tag, outside of quotes, only a name can stand');
    await w.p.send(w.app, 'x', sent);
    const run = await w.run(made);
    assert.equal(run.status, 'done', JSON.stringify(run));
    const got = await server.arrived(6);
    const plain = `<o by="${sent.q}"><n>${sent.v}</n><![CDATA[${sent.v}]]><role>user</role></o>`;
    assert.deepEqual(got.map((r) => String(r.body)), [safe, safe, safe, plain, '<o/>', '<p title="x&quot; role=&quot;admin">]]&gt;&lt;/n&gt;&lt;role&gt;admin&lt;/role&gt;&amp;x;</p>']);
});

test('a preview shows what texts become, encoded for where they go, with what is missing', async (t) => {
    const w = await Workspace.open(t);
    const made = await w.ok('POST', '/automation', { name: 'Shop', trigger: { type: 'incoming_webhook' }, steps: [] });
    const path = `/automation/${made.id}/preview`;
    await w.p.api('POST', new URL(made.trigger.url).pathname, '{"id":820982911946154508,"name":"<Ada> & co","tags":["a"]}', { token: null, headers: { 'content-type': 'application/json' } });
    const texts = [
        { text: '{{ trigger.body.name }}', as: 'html' },
        { text: 'https://x.example/?q={{ trigger.body.name }}', as: 'url' },
        { text: '{{ trigger.body.tags }}' },
        { text: 'Hello {{ trigger.body.nobody }}', as: 'text' },
        { text: '{{ trigger.body.name | shout }}' },
        { text: '{{ steps.c.email }} {{ steps.bad.x }}{{ vars.a }}', as: 'text' },
        { text: '{{ trigger.body.nobody | required }}' },
        { text: '{{ target.city }}', as: 'text' },
    ];
    const steps = [
        { id: 'c', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.id }}@x.example' } },
        { id: 'bad', type: 'nope' },
        { id: 'v', type: 'set', set: { a: 1 } },
        { id: 'w', type: 'set', set: { b: 1 } },
    ];
    const { data, sample } = await w.ok('POST', path, { texts, steps, target: { city: 'Turin' } });
    assert.match(sample, /^req_/);
    assert.deepEqual(data.map((d) => d.value), ['&lt;Ada&gt; &amp; co', 'https://x.example/?q=%3CAda%3E%20%26%20co', ['a'], 'Hello ', null, '820982911946154508@x.example 1', null, 'Turin']);
    assert.deepEqual(data[3].missing, ['trigger.body.nobody']);
    assert.match(data[4].error, /shout/);
    assert.match(data[6].error, /trigger\.body\.nobody/);
    const exact = await w.p.api('POST', `/api/v1/app/${w.app.id}${path}`, { texts: [{ text: '{{ trigger.body.id }}' }] });
    assert.match(exact.text, /"value":820982911946154508/);
    const done = (await w.p.ok('GET', '/api/v1/audit-log')).data.map((e) => e.action);
    assert.deepEqual([done.includes('automation.create'), done.includes('automation.preview')], [true, false], done.join());
    for (const wrong of [{}, { texts: {} }, { texts: [], steps: {} }, { texts: [], trigger: [] }]) assert.equal((await w.post(path, wrong)).status, 422);
});

test('a request to its URL starts a published automation; the secret is not in its definition', async (t) => {
    const w = await Workspace.open(t);
    const definition = { name: 'Shop', trigger: { type: 'incoming_webhook', dedupe: 'header:x-request-id' }, steps: [{ id: 'c', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.customer.email | lower }}' } }] };
    const made = await w.ok('POST', '/automation', definition);
    assert.match(made.trigger.id, /^trg_/);
    const post = (body, id) => w.p.api('POST', new URL(made.trigger.url).pathname, body, { token: null, headers: { 'x-request-id': id } });
    const sample = await post({ customer: { email: 'S@x.example' } }, 'a');
    assert.deepEqual([sample.status, sample.json.captured], [202, true]);
    const published = await w.ok('POST', `/automation/${made.id}/publish`);
    assert.equal(published.trigger.url, made.trigger.url);
    const answer = await post({ customer: { email: 'Ada@x.example' } }, 'b');
    assert.equal(answer.status, 202, answer.text);
    const run = await w.run(made);
    assert.deepEqual([run.id, run.status], [answer.json.id, 'done']);
    assert.equal((await post({ customer: { email: 'Ada@x.example' } }, 'b')).json.id, run.id);
    assert.equal((await w.ok('GET', '/record/contact/ada@x.example')).key, 'ada@x.example');
    const changed = await w.ok('PUT', `/automation/${made.id}`, { ...definition, trigger: { ...definition.trigger, verify: { profile: 'github', secret: 'a-secret-of-the-sender-0123' } } });
    assert.doesNotMatch(JSON.stringify([changed, await w.ok('GET', `/automation/${made.id}/version`)]), /a-secret-of/);
    await w.ok('POST', `/automation/${made.id}/pause`);
    assert.equal((await post({}, 'c')).status, 410);
    await w.p.api('DELETE', `${w.base}/automation/${made.id}`);
    assert.equal((await post({}, 'd')).status, 410);
    assert.equal((await w.runs(made)).length, 1);
});

test('of other automations no version is forgotten, and none is listed', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const base = `/api/v1/app/${app.id}/automation`;
    const definition = (n) => ({ name: `n${n}`, trigger: { type: 'sequence' }, steps: [{ id: 'say', type: 'emit_event', event: 'a.b', payload: { n } }] });
    const made = [];
    for (let n = 0; n < 3; n++) {
        made.push((await p.ok('POST', base, definition(n))).id);
        await p.ok('POST', `${base}/${made[n]}/publish`);
    }
    await p.stop();
    execFileSync('sqlite3', [join(p.dir, 'postrider.db'), `UPDATE object SET body=json_set(body,'$.published',${Date.now() - 500 * 86_400_000}) WHERE json_extract(body,'$.number') IS NOT NULL AND json_extract(body,'$.steps') IS NOT NULL`]);
    await p.start();
    await p.ok('PUT', `${base}/${made[0]}`, definition(10));
    for (const [i, id] of made.entries()) {
        const { data } = await p.ok('GET', `${base}/${id}/version`);
        assert.deepEqual(data.map((v) => [v.version, v.status]), i === 0 ? [[2, 'draft'], [1, 'published']] : [[1, 'published']]);
    }
});

test('versions that no run can need any more are forgotten, and there are not any number of them', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const base = `/api/v1/app/${app.id}/automation`;
    const definition = (n) => ({ name: `n${n}`, trigger: { type: 'sequence' }, steps: [{ id: 'say', type: 'emit_event', event: 'a.b', payload: { n } }] });
    const { id } = await p.ok('POST', base, definition(1));
    for (let n = 2; n <= 5; n++) {
        await p.ok('POST', `${base}/${id}/publish`);
        await p.ok('PUT', `${base}/${id}`, definition(n));
    }
    const numbers = async () => (await p.ok('GET', `${base}/${id}/version`)).data.map((v) => v.version);
    assert.deepEqual(await numbers(), [5, 4, 3, 2, 1]);
    const db = join(p.dir, 'postrider.db');
    await p.stop();
    // The first was replaced 401 days ago, the second 399.
    const ago = (days) => Date.now() - days * 86_400_000;
    const kind = `json_extract(body,'$.number') IS NOT NULL AND json_extract(body,'$.steps') IS NOT NULL`;
    execFileSync('sqlite3', [db, `UPDATE object SET body=json_set(body,'$.published',${ago(401)}) WHERE ${kind} AND json_extract(body,'$.number')=2; UPDATE object SET body=json_set(body,'$.published',${ago(399)}) WHERE ${kind} AND json_extract(body,'$.number')=3`]);
    await p.start();
    await p.ok('PUT', `${base}/${id}`, definition(5));
    assert.deepEqual(await numbers(), [5, 4, 3, 2, 1], 'no new version was made');
    await p.ok('POST', `${base}/${id}/publish`);
    await p.ok('PUT', `${base}/${id}`, definition(6));
    assert.deepEqual(await numbers(), [6, 5, 4, 3, 2]);
    await p.ok('POST', `${base}/${id}/publish`);
    await p.stop();
    execFileSync('sqlite3', [db, `UPDATE object SET body=json_set(body,'$.number',2002) WHERE json_extract(body,'$.number')=6 AND json_extract(body,'$.steps') IS NULL`]);
    await p.start();
    const full = await p.api('PUT', `${base}/${id}`, definition(7));
    assert.deepEqual([full.status, full.json.detail], [409, 'an automation has at most 2000 versions; a copy of it begins anew']);
});
