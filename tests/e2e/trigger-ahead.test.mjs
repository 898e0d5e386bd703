// SPDX-License-Identifier: Apache-2.0
// The first steps of a run may be done where its request comes in. Whether they are, nobody can tell by what comes of it: the first request
// to a trigger is never taken in so, the later ones are.
import assert from 'node:assert/strict';
import test from 'node:test';
import { postrider, slow } from './lib/postrider.mjs';
import { until } from './lib/wait.mjs';

const body = {
    n: 7,
    big: 12345678901234567890n,
    name: 'Ada "the" Countess\n\u00e9',
    tags: ['a', 'b', 'c'],
    nested: { a: [1, { b: null }], yes: true },
    many: Array.from({ length: 1000 }, (_, i) => ({ i, half: i / 2 })),
};
const text = JSON.stringify({ ...body, big: 'BIG' }).replace('"BIG"', '12345678901234567890');
const short = JSON.stringify({ ...body, big: 0, many: [] });

const when = (value, more) => ({ value, ...more });
const set = (id, values) => ({ id, type: 'set', set: values });
const branch = (id, arms, otherwise) => ({ id, type: 'branch', branches: arms.map(([w, steps]) => ({ when: w, steps })), ...(otherwise ? { else: otherwise } : {}) });
const emit = { id: 'tell', type: 'emit_event', event: 'a.told', payload: { n: '{{ vars.n }}' } };

const cases = {
    'a filter that holds not': [branch('f', [[when('{{ trigger.body.n }}', { eq: 8 }), [emit]]])],
    'one that holds, and what follows': [branch('f', [[when('{{ trigger.body.n }}', { gt: 6, lt: 8 }), [set('s', { n: '{{ trigger.body.n }}' })]]]), emit],
    'all that conditions can say': [
        branch('f', [
            [when('{{ trigger.body.tags }}', { eq: ['a', 'b'] }), [set('w1', {})]],
            [when('{{ trigger.body.nested }}', { ne: { yes: true, a: [1, { b: null }] } }), [set('w2', {})]],
            [when('x {{ trigger.body.n }}', { eq: 'x 8' }), [set('w3', {})]],
            [when('{{ trigger.body.name | upper | split: " " }}', { contains: 'ADA!' }), [set('w4', {})]],
            [when(['{{ trigger.body.n }}', 1], { eq: [8, 1] }), [set('w5', {})]],
            [when('{{ trigger.body.none }}', { exists: true }), [set('w6', {})]],
            [when('{{ trigger.body.n }}', { in: [1, 7], eq: '7.0' }), [set('right', { n: 1 })]],
        ]),
    ],
    'values of every kind': [
        set('s', {
            all: '{{ trigger.body.nested }}',
            headers: '{{ trigger.headers["x-mine"] }} {{ trigger.headers.authorization }}',
            query: '{{ trigger.query }}',
            method: '{{ trigger.method }}',
            number: '{{ trigger.body.big }}',
            name: '{{ trigger.body.name }}',
        }),
        set('t', { again: '{{ vars.name }}', of: '{{ run.automation }}', whole: '{{ trigger | json }}' }),
    ],
    'outputs of steps before': [set('s', { a: 1 }), set('t', { b: '{{ steps.s.a }}', c: '{{ trigger.body.n }}' })],
    'more steps than are done at once': Array.from({ length: 12 }, (_, i) => set(`s${i}`, { [`v${i}`]: i })),
    'one that fails': [set('s', { a: 1 }), set('t', { b: '{{ trigger.body.none | required }}' }), emit],
    'one that fails, and goes on': [{ ...set('t', { b: '{{ trigger.body.none | required }}' }), onError: 'continue' }, emit],
    'one that takes long': [branch('f', [[when('{{ trigger.body.many }}', { eq: '{{ trigger.body.many }}' }), [set('same', {})]]])],
    'a limit of runs at a time': { steps: [set('s', { a: '{{ trigger.body.n }}' })], concurrency: 1 },
    'none of these': [emit, set('s', { a: 1 })],
    'no steps': [],
};

const atOnce = new Set(['a filter that holds not', 'all that conditions can say', 'values of every kind']);

// What people see of a run, without what must differ.
function seen(run) {
    const { id, requestId, createdAt, startedAt, endedAt, updatedAt, steps, ...rest } = run;
    assert.ok(id && startedAt && endedAt);
    const told = steps.map(({ beganAt, startedAt: a, endedAt: b, durationMs, ...s }) => s);
    return JSON.parse(JSON.stringify({ ...rest, steps: told }).replace(/"(msg|run|req)_[0-9A-Za-z]{27}"/g, '"$1"'));
}

test('what comes of a run is the same, wherever its first steps are done', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const base = `/api/v1/app/${app.id}/automation`;
    const kinds = {};
    for (const [name, given] of Object.entries(cases)) {
        for (const sent of [text, short]) {
            const made = await p.ok('POST', base, { name, trigger: { type: 'incoming_webhook' }, ...(Array.isArray(given) ? { steps: given } : given) });
            await p.ok('POST', `${base}/${made.id}/publish`);
            const path = `${new URL(made.trigger.url).pathname}?a=1&a=2`;
            const headers = { 'content-type': 'application/json', 'x-mine': 'mine', authorization: 'Basic eDp5' };
            const runs = [];
            for (let i = 0; i < 3; i++) {
                const r = await p.api('POST', path, sent, { token: null, headers });
                assert.equal(r.status, 202, name);
                let run = await p.ok('GET', `${base}/${made.id}/run/${r.json.id}`);
                if (i > 0 && atOnce.has(name)) assert.ok(run.endedAt, `${name} is done before the answer`);
                await until(`${name}: the run ends`, async () => (run = await p.ok('GET', `${base}/${made.id}/run/${r.json.id}`)).endedAt, { timeoutMs: 10_000 * slow });
                runs.push(seen(run));
            }
            assert.deepEqual(runs[1], runs[0], name);
            assert.deepEqual(runs[2], runs[0], name);
            kinds[`${name}, ${sent === text ? 'large' : 'small'}`] = runs[0];
        }
    }
    assert.equal(kinds['all that conditions can say, small'].steps.at(-1).id, 'right');
    assert.equal(kinds['one that fails, small'].status, 'failed');
    assert.equal(kinds['one that takes long, large'].steps.length, 2);
    assert.equal(kinds['more steps than are done at once, small'].steps.length, 12);
    const values = kinds['values of every kind, large'].steps[0].output;
    assert.equal(values.headers, 'mine ***');
    assert.deepEqual([values.method, values.query.a, values.name], ['POST', ['1', '2'], body.name]);
});
