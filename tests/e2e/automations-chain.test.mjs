// SPDX-License-Identifier: Apache-2.0
// One event that makes many of the same: the runs that come from it are counted and come to an end, also over a kill; those that begin
// from outside are not counted.
import assert from 'node:assert/strict';
import test from 'node:test';
import { on, Workspace } from './lib/automations.mjs';
import { until } from './lib/wait.mjs';

const MAX = 1000;
const wait = { everyMs: 100 };

async function counts(w, automation) {
    const of = async (status) => {
        let n = 0;
        for (let iterator = ''; ; ) {
            const page = await w.ok('GET', `/automation/${automation.id}/run?limit=250&status=${status}&iterator=${iterator}`);
            n += page.data.length;
            if (page.done) return n;
            iterator = page.iterator;
        }
    };
    return { open: await of('running,waiting'), done: await of('done'), failed: await of('failed') };
}

// Once nothing is under way any more.
async function settled(w, automation, done) {
    let last = {};
    await until(() => `it comes to an end: ${JSON.stringify(last)}`, async () => ((last = await counts(w, automation)), last.open === 0 && last.done >= done), wait);
    return last;
}

const emits = (n, event) => Array.from({ length: n }, (_, i) => ({ id: `e${i}`, type: 'emit_event', event, payload: {} }));

test('an event that makes ten of itself ends after 1,000 runs; a kill changes nothing; another origin has a count of its own', async (t) => {
    const w = await Workspace.open(t);
    const a = await w.publish({ trigger: on('burst'), steps: emits(10, 'burst') });
    await w.p.send(w.app, 'burst');
    await until('some have run', async () => (await counts(w, a)).done > 50, wait);
    await w.p.kill();
    await w.p.start();
    const first = await settled(w, a, MAX + 1);
    assert.deepEqual(first, { open: 0, done: MAX + 1, failed: 1 });
    const [failed] = (await w.ok('GET', `/automation/${a.id}/run?status=failed`)).data;
    const [, origin] = /^not started: 1000 runs have come from (run_\w+), .* more are not allowed$/.exec(failed.error) ?? [];
    assert.deepEqual([(await w.ok('GET', `/automation/${a.id}/run/${failed.id}`)).steps, failed.endedAt !== null], [[], true]);
    assert.equal((await w.ok('GET', `/automation/${a.id}/run/${origin}`)).steps.length, 10);
    await w.p.send(w.app, 'burst');
    assert.deepEqual(await settled(w, a, 2 * (MAX + 1)), { open: 0, done: 2 * (MAX + 1), failed: 2 });
});

test('a sequence that starts itself thrice: the step that would start one too many fails and says why', async (t) => {
    const w = await Workspace.open(t);
    const draft = await w.ok('POST', '/automation', { name: 'Itself', steps: [] });
    const start = (id) => ({ id, type: 'start_sequence', automation: draft.id, onError: 'continue' });
    await w.ok('PUT', `/automation/${draft.id}`, { name: 'Itself', steps: [start('a'), start('b'), start('c'), { id: 'v', type: 'set', set: { a: '{{ steps.a.started }}' } }] });
    await w.ok('POST', `/automation/${draft.id}/publish`);
    const begin = await w.publish({ trigger: on('go'), steps: [{ id: 's', type: 'start_sequence', automation: draft.id }] });
    await w.p.send(w.app, 'go');
    const root = await w.run(begin);
    assert.deepEqual(await settled(w, draft, MAX), { open: 0, done: MAX, failed: 0 });
    const [last] = (await w.runs(draft)).slice(0, 1);
    const { steps } = await w.ok('GET', `/automation/${draft.id}/run/${last.id}`);
    assert.match(steps[0].error, new RegExp(`not started: 1000 runs have come from ${root.id}, `));
});

test('a sequence that cannot be started anew, because there were too many, goes on', async (t) => {
    const w = await Workspace.open(t);
    const contact = await w.ok('POST', '/record/contact', { data: { email: 'ada@x.example' } });
    const sequence = await w.publish({ steps: [{ id: 'w', type: 'wait', for: '1h' }] });
    const start = { id: 's', type: 'start_sequence', automation: sequence.id, target: contact.id, reentry: 'restart' };
    await w.publish({ trigger: on('begin'), steps: [start] });
    const burst = await w.publish({ trigger: on('burst'), steps: emits(10, 'burst') });
    const again = await w.publish({ trigger: on('again'), steps: [...emits(1, 'burst'), { id: 'w', type: 'wait', event: 'now' }, start] });
    await w.p.send(w.app, 'begin');
    const [before] = await until('it is started', async () => w.runs(sequence).then((runs) => runs.length > 0 && runs));
    await w.p.send(w.app, 'again');
    assert.deepEqual(await settled(w, burst, MAX), { open: 0, done: MAX, failed: 1 });
    await w.p.send(w.app, 'now');
    const run = await until('it has ended', async () => w.runs(again).then(([x]) => x.status !== 'waiting' && x.status !== 'running' && x), wait);
    assert.deepEqual([run.status, /not started: 1000 runs/.test(run.error)], ['failed', true]);
    assert.deepEqual((await w.runs(sequence)).map((x) => [x.id, x.status]), [[before.id, 'waiting']]);
});

test('a record that makes ten of its kind is counted like an event', async (t) => {
    const w = await Workspace.open(t);
    const steps = Array.from({ length: 10 }, (_, i) => ({ id: `c${i}`, type: 'upsert_record', record: 'contact', set: { email: `{{ run.id }}.${i}@x.example` } }));
    const a = await w.publish({ trigger: { type: 'record_changed', record: 'contact', on: 'created' }, steps });
    await w.ok('POST', '/record/contact', { data: { email: 'first@x.example' } });
    assert.deepEqual(await settled(w, a, MAX + 1), { open: 0, done: MAX + 1, failed: 1 });
});

test('what is started from outside is not counted, however much it is', async (t) => {
    const w = await Workspace.open(t);
    const second = await w.publish({ trigger: on('b'), steps: [{ id: 'v', type: 'set', set: { n: 1 } }] });
    const first = await w.publish({ trigger: on('a'), steps: emits(1, 'b') });
    for (let i = 0; i < 1100; i += 50) await Promise.all(Array.from({ length: 50 }, () => w.p.send(w.app, 'a')));
    assert.deepEqual(await settled(w, first, 1100), { open: 0, done: 1100, failed: 0 });
    assert.deepEqual(await settled(w, second, 1100), { open: 0, done: 1100, failed: 0 });
});
