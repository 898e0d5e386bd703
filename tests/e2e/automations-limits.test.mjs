// SPDX-License-Identifier: Apache-2.0
// What a step keeps of an answer, and that those who wait for events of one workspace do not hold up another.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Workspace, on, step } from './lib/automations.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf, slow, until } from './lib/wait.mjs';

const cue = 8; // what happened and is still to be told

test('http_request: the output of a step that failed is that of its last attempt', async (t) => {
    const w = await Workspace.open(t);
    const server = await receiver(t, { answer: (_, n) => (n === 0 ? { status: 500, body: '{"first":true}' } : 'close') });
    const automation = await w.publish({
        trigger: on('go'),
        steps: [
            { id: 'ask', type: 'http_request', url: server.url('/x'), retrySchedule: [0], onError: 'continue' },
            { id: 'see', type: 'set', set: { status: '{{ steps.ask.status }}' } },
        ],
    });
    await w.p.send(w.app, 'go');
    const run = await w.run(automation);
    assert.deepEqual([run.status, step(run, 'ask').status, step(run, 'ask').attempts, step(run, 'ask').output, run.vars], ['done', 'failed', 2, null, { status: null }]);
    assert.match(step(run, 'ask').error, /closed before an answer/);
});

test('http_request: JSON of up to 48 KiB can be read by later steps; of what is larger there is a text', async (t) => {
    const w = await Workspace.open(t);
    const answer = (size) => {
        const body = { filler: '', last: { id: 'x-1' } };
        body.filler = 'y'.repeat(size - JSON.stringify(body).length);
        return JSON.stringify(body);
    };
    const server = await receiver(t, { answer: (request) => ({ status: 200, body: answer(Number(request.path.slice(1))) }) });
    const automation = await w.publish({
        trigger: on('go'),
        steps: [
            { id: 'ask', type: 'http_request', url: server.url('/{{ trigger.body.size }}') },
            { id: 'see', type: 'set', set: { id: '{{ steps.ask.body.last.id }}' } },
        ],
    });
    const see = async (size, n) => {
        await w.p.send(w.app, 'go', { size });
        const run = await w.run(automation, undefined, n);
        return [run.status, run.vars.id, typeof step(run, 'ask').output.body];
    };
    assert.deepEqual(await see(17_000, 0), ['done', 'x-1', 'object']);
    assert.deepEqual(await see(49_152, 1), ['done', 'x-1', 'object']);
    assert.deepEqual(await see(49_153, 2), ['done', null, 'string']);
    assert.deepEqual(await see(2_000_000, 3), ['done', null, 'string']);
});

test('many events that many runs look at do not hold up another workspace', async (t) => {
    const w = await Workspace.open(t);
    const other = new Workspace(w.p, await w.p.app({ profile: 'myra' }));
    const small = await other.publish({ trigger: on('go'), steps: [{ id: 'a', type: 'set', set: {} }] });
    const where = { value: '{{ trigger.body.list }}', contains: '{{ event.body.what }}' };
    const waiting = await w.publish({ trigger: on('begin'), steps: [{ id: 'w', type: 'wait', event: 'reply', where }] });
    const list = Array.from({ length: 4000 / slow }, (_, i) => i);
    await eachOf(Array(64), 8, () => w.p.send(w.app, 'begin', { list }));
    await until('64 runs wait', async () => (await w.runs(waiting)).filter((r) => r.status === 'waiting').length === 64);
    await eachOf(Array(120), 16, () => w.p.send(w.app, 'reply', { what: -1 }));
    const left = () => Number(w.p.sql(`SELECT count(*) FROM doc WHERE kind=${cue} AND ref=0`));
    let done = 0;
    for (; done < 8; done++) {
        await other.p.send(other.app, 'go');
        await other.run(small, undefined, done);
        if (left() === 0) break;
    }
    t.diagnostic(`${done} runs of the other workspace ended, one after the other, while ${left()} of 120 events were left`);
    assert.equal(done, 8);
    await w.p.send(w.app, 'reply', { what: 17 });
    await until('all of them have heard', async () => (await w.runs(waiting)).every((r) => r.status === 'done'));
});
