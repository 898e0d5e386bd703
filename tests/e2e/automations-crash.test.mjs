// SPDX-License-Identifier: Apache-2.0
// kill -9 at random moments with runs in all kinds of steps: every run ends, records change exactly once, each request
// outside has one key however often it was sent. KILL_ROUNDS says how often (10).
import assert from 'node:assert/strict';
import test from 'node:test';
import { Postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { sleep, until } from './lib/wait.mjs';

const rounds = Number(process.env.KILL_ROUNDS ?? 10);

test(`${rounds} kills leave no run behind and repeat no change`, { timeout: 300_000 }, async (t) => {
    const p = new Postrider();
    t.after(() => p.dispose());
    await p.start();
    const server = await receiver(t, { answer: async () => (await sleep(Math.random() * 40), { status: 200, body: '{"ok":true}' }) });
    const app = await p.app({ profile: 'myra' });
    const base = `/api/v1/app/${app.id}`;
    const publish = async (definition) => {
        const { id } = await p.ok('POST', `${base}/automation`, { name: 'A', ...definition });
        await p.ok('POST', `${base}/automation/${id}/publish`);
        return id;
    };
    const sequence = await publish({ steps: [{ id: 'pause', type: 'wait', for: '300ms' }, { id: 'tag', type: 'add_tag', target: '{{ target.id }}', tag: 'sequenced' }] });
    const main = await publish({
        trigger: { type: 'event', event: 'go' },
        steps: [
            { id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}' } },
            { id: 'pause', type: 'wait', for: '100ms' },
            { id: 'call', type: 'http_request', url: server.url('/call'), retrySchedule: [0.1, 0.1, 0.1] },
            { id: 'way', type: 'branch', branches: [{ when: { value: '{{ trigger.body.n }}', gt: 3 }, steps: [{ id: 'seq', type: 'start_sequence', automation: sequence, target: '{{ contact.id }}' }] }], else: [{ id: 'v', type: 'set', set: { n: 1 } }] },
            { id: 'once', type: 'update_record', target: '{{ contact.id }}', set: { done: true } },
            { id: 'tell', type: 'emit_event', event: 'told', payload: { n: '{{ trigger.body.n }}' } },
        ],
    });
    const accepted = [];
    for (let round = 0; round < rounds; round++) {
        const email = (i) => `r${round}-${i}@x.example`;
        for (let i = 0; i < 8; i++)
            await p.send(app, 'go', { email: email(i), n: i }).then(() => accepted.push(email(i)), () => {});
        await sleep(Math.random() * 500);
        await p.kill();
        await p.start();
    }
    const runs = async (id) => (await p.ok('GET', `${base}/automation/${id}/run?limit=250`)).data;
    let left = [];
    await until(
        () => `all runs end; left: ${JSON.stringify(left.slice(0, 3))}`,
        async () => (left = [...(await runs(main)), ...(await runs(sequence))].filter((r) => !r.endedAt)).length === 0 && (await runs(main)).length >= accepted.length,
        { timeoutMs: 60_000 * slow },
    );
    const all = await runs(main);
    assert.equal(all.length, accepted.length, 'one run for each message');
    assert.deepEqual([...new Set(all.map((r) => r.status))], ['done']);
    let changes = 0;
    for (const email of accepted) {
        const { data, tags } = await p.ok('GET', `${base}/record/contact/${email}`);
        const history = (await p.ok('GET', `${base}/record/contact/${email}/history`)).data.map((h) => h.change);
        const sequenced = Number(/-(\d)@/.exec(email)[1]) > 3;
        assert.deepEqual([data.done, tags, history.length], [true, sequenced ? ['sequenced'] : [], sequenced ? 3 : 2], email);
        changes += history.length;
    }
    const keys = new Set(server.requests.map((r) => r.headers['idempotency-key']));
    assert.deepEqual([...keys].sort(), all.map((r) => `${r.id}-call`).sort());
    const told = (await p.ok('GET', `${base}/msg?event_types=told&limit=250`)).data;
    assert.equal(told.length, accepted.length, 'one event for each run');
    assert.equal((await runs(sequence)).length, accepted.filter((e) => Number(/-(\d)@/.exec(e)[1]) > 3).length);
    t.diagnostic(`${rounds} kills: ${all.length} runs and ${(await runs(sequence)).length} of the sequence ended, ${changes} changes of records, ${server.count} requests with ${keys.size} keys`);
});
