// SPDX-License-Identifier: Apache-2.0
// kill -9 at random moments with runs in all kinds of steps: every accepted request is one run that ends, effects inside happen
// exactly once, each request outside has one key and each letter one Message-ID however often they were sent.
// KILLS says how often (10): KILLS=100 node --test tests/e2e/automations-crash.test.mjs
import assert from 'node:assert/strict';
import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { on, Workspace } from './lib/automations.mjs';
import { smallDisk } from './lib/disk.mjs';
import { Postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { readLetter, Relay } from './lib/smtp.mjs';
import { eachOf, patienceMs, sleep, slow, until } from './lib/wait.mjs';

const kills = Number(process.env.KILLS ?? 10);
const perRound = 6;

async function all(p, path) {
    const found = [];
    for (let iterator = null; ; ) {
        const page = await p.ok('GET', `${path}${path.includes('?') ? '&' : '?'}limit=250${iterator ? `&iterator=${encodeURIComponent(iterator)}` : ''}`);
        found.push(...page.data);
        if (page.done) return found;
        iterator = page.iterator;
    }
}

async function publishAll(w, url) {
    const sequence = await w.publish({
        name: 'Sequence',
        steps: [
            { id: 'pause', type: 'wait', for: '200ms' },
            { id: 'tag', type: 'add_tag', target: '{{ target.id }}', tag: 'sequenced' },
            { id: 'count', type: 'update_record', target: '{{ target.id }}', set: { sequenced: '{{ target.sequenced | plus: 1 }}' } },
        ],
    });
    const main = await w.publish({
        name: 'Main',
        trigger: { type: 'incoming_webhook', dedupe: 'header:x-request-id' },
        steps: [
            { id: 'contact', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}', counted: 0, sequenced: 0 } },
            { id: 'new', type: 'add_tag', target: '{{ contact.id }}', tag: 'new' },
            { id: 'pause', type: 'wait', for: '100ms' },
            { id: 'call', type: 'http_request', url, body: { email: '{{ contact.email }}' }, retrySchedule: Array(20).fill(0.05) },
            {
                id: 'way',
                type: 'branch',
                branches: [{ when: { all: [{ value: '{{ trigger.body.n }}', gte: 3 }, { value: '{{ steps.call.body.ok }}', eq: true }] }, steps: [{ id: 'seq', type: 'start_sequence', automation: sequence.id, target: '{{ contact.id }}' }] }],
                else: [{ id: 'v', type: 'set', set: { way: 'else' } }],
            },
            { id: 'old', type: 'remove_tag', target: '{{ contact.id }}', tag: 'new' },
            { id: 'count', type: 'update_record', target: '{{ contact.id }}', set: { counted: '{{ contact.counted | plus: 1 }}' } },
            { id: 'tell', type: 'emit_event', event: 'told', payload: { email: '{{ contact.email }}' } },
            { id: 'mail', type: 'send_email', to: '{{ contact.email }}', subject: 'Hello', text: 'Hello {{ contact.email }}' },
            { id: 'reply', type: 'wait', event: 'reply', where: { value: '{{ event.body.run }}', eq: '{{ run.id }}' }, timeout: '1h' },
            { id: 'last', type: 'set', set: { late: '{{ steps.reply.timedOut }}' } },
        ],
    });
    const heard = await w.publish({ name: 'Heard', trigger: on('told'), steps: [{ id: 'c', type: 'update_record', target: '{{ trigger.body.email }}', record: 'contact', set: { heard: true } }] });
    return { sequence, main, heard };
}

// Answers the runs that wait for their reply; one that was sent is not sent again for a while.
async function reply(w, main, sent) {
    for (const run of await all(w.p, `${w.base}/automation/${main.id}/run?status=waiting`)) {
        if (run.step !== 'reply' || Date.now() - (sent.get(run.id) ?? 0) < 2000) continue;
        sent.set(run.id, Date.now());
        await w.p.send(w.app, 'reply', { run: run.id });
    }
}

test(`${kills} kills leave no run behind and repeat no change`, { timeout: 240_000 * slow + kills * 20_000 * slow }, async (t) => {
    const relay = await new Relay({ textDelayMs: 30 }).start();
    t.after(() => relay.stop());
    const p = new Postrider({ settings: { SMTP_URL: relay.url, SMTP_FROM: 'hooks@example.com' } });
    t.after(() => p.dispose());
    await p.start();
    const server = await receiver(t, { answer: async (_, n) => (await sleep(Math.random() * 60), n % 7 === 3 ? { status: 500 } : { status: 200, body: '{"ok":true}' }) });
    const hook = await receiver(t);
    const w = new Workspace(p, await p.app({ profile: 'myra' }));
    await w.p.endpoint(w.app, hook.url(), { filterTypes: ['contact.created'] });
    const { sequence, main, heard } = await publishAll(w, server.url('/call'));
    const path = new URL(main.trigger.url).pathname;
    const wanted = [], answers = new Map(), sent = new Map();
    // Whoever gets no answer asks again, as senders do; the same request is taken once.
    const post = async (n, email) => {
        const { status, json } = await p.api('POST', path, { n, email }, { token: null, headers: { 'x-request-id': email } });
        if (status === 202 || status === 200) answers.set(email, json.id);
    };
    const postAll = () => eachOf(wanted.filter((r) => !answers.has(r.email)), 6, (r) => post(r.n, r.email).catch(() => {}));
    let repliesLost = 0;
    for (let round = 0; round < kills; round++) {
        for (let n = 0; n < perRound; n++) wanted.push({ n, email: `r${round}-${n}@x.example` });
        const posted = postAll();
        const replied = round % 3 === 1 ? reply(w, main, sent).catch(() => repliesLost++) : undefined;
        await sleep(Math.random() * 450);
        await p.kill();
        await Promise.all([posted, replied]);
        await p.start();
    }
    let runs = [], sequenced = [], told = [];
    await until(
        () => `all runs end; left: ${JSON.stringify([...runs, ...sequenced, ...told].filter((r) => !r.endedAt).slice(0, 3))}`,
        async () => {
            await postAll();
            await reply(w, main, sent);
            [runs, sequenced, told] = [await all(p, `${w.base}/automation/${main.id}/run`), await all(p, `${w.base}/automation/${sequence.id}/run`), await all(p, `${w.base}/automation/${heard.id}/run`)];
            return answers.size === wanted.length && told.length === wanted.length && [...runs, ...sequenced, ...told].every((r) => r.endedAt);
        },
        { timeoutMs: 2 * patienceMs + kills * 1000, everyMs: 200 },
    );
    assert.deepEqual([...new Set([...runs, ...sequenced, ...told].map((r) => r.status))], ['done']);
    assert.deepEqual(runs.map((r) => r.id).sort(), [...answers.values()].sort(), 'one run for each accepted request');
    let changes = 0;
    await eachOf(wanted, 4, async ({ n, email }) => {
        const { data, tags } = await p.ok('GET', `${w.base}/record/contact/${email}`);
        const history = (await p.ok('GET', `${w.base}/record/contact/${email}/history`)).data;
        const more = n >= 3 ? 1 : 0;
        assert.deepEqual([data.counted, data.sequenced, data.heard, tags, history.length], [1, more, true, more ? ['sequenced'] : [], 5 + 2 * more], email);
        changes += history.length;
    });
    assert.equal(sequenced.length, wanted.filter((r) => r.n >= 3).length);
    assert.equal((await all(p, `${w.base}/msg?event_types=told`)).length, wanted.length, 'one event for each run');
    assert.equal((await all(p, `${w.base}/msg?event_types=contact.created`)).length, wanted.length, 'one for each contact');
    const keys = new Set(server.requests.map((r) => r.headers['idempotency-key']));
    assert.deepEqual([...keys].sort(), runs.map((r) => `${r.id}-call`).sort());
    await until(() => `a letter for each; there are ${relay.letters.length}`, () => new Set(relay.letters.map((l) => l.to[0])).size === wanted.length);
    const letters = new Map(relay.letters.map((l) => [readLetter(l.raw).headers['message-id'], l.to[0]]));
    assert.deepEqual([...letters.values()].sort(), wanted.map((r) => r.email).sort(), 'one Message-ID for each');
    await until('each contact is told of', () => new Set(hook.requests.map((r) => JSON.parse(r.body).event_id)).size === wanted.length);
    t.diagnostic(`${kills} kills: ${wanted.length} requests accepted, ${runs.length} runs ended, and ${sequenced.length} of the sequence, ${told.length} by an event`);
    t.diagnostic(`${changes} changes of records and ${2 * wanted.length} events, each once; ${server.count} HTTP requests with ${keys.size} keys; ${relay.letters.length} letters with ${letters.size} Message-IDs; ${hook.count} deliveries of ${wanted.length} messages`);
});

test('a full disk stops runs and loses none; what was asked outside is not asked again', { timeout: 300_000 * slow }, async (t) => {
    const disk = smallDisk(t, 64);
    if (disk.skip) return t.skip(disk.skip);
    const p = new Postrider({ settings: { DATABASE: `sqlite:${join(disk.dir, 'postrider.db')}` } });
    t.after(() => p.dispose());
    await p.start();
    const w = new Workspace(p, await p.app({ profile: 'myra' }));
    let release;
    const released = new Promise((resolve) => (release = resolve));
    const server = await receiver(t, { answer: async () => (await released, { status: 200, body: '{}' }) });
    const automation = await w.publish({ trigger: on('go'), steps: [{ id: 'call', type: 'http_request', url: server.url('/'), timeoutMs: 60000 }, { id: 'c', type: 'upsert_record', record: 'contact', set: { email: '{{ trigger.body.email }}' } }] });
    for (let i = 0; i < 5; i++) await w.p.send(w.app, 'go', { email: `a${i}@x.example` });
    await server.arrived(5);
    const filler = join(disk.dir, 'filler');
    writeFileSync(filler, Buffer.alloc(16 * 1024 * 1024));
    const fill = async (length) => {
        const answers = await eachOf(Array(16).keys(), 8, () => p.api('POST', `${w.base}/msg`, { eventType: 'a.b', payload: { text: 'x'.repeat(length) } }));
        return answers.every((a) => a.status === 503);
    };
    for (const length of [30_000, 1000, 1]) await until('the disk is full', () => fill(length), { everyMs: 0 });
    release();
    for (const end = Date.now() + 2500; Date.now() < end; ) await fill(1); // whatever becomes free
    assert.equal(p.exit, undefined, 'the program goes on');
    unlinkSync(filler);
    for (let i = 0; i < 5; i++) assert.equal((await w.run(automation, undefined, i)).status, 'done');
    assert.equal(server.count, 5);
    assert.equal((await w.ok('GET', '/record/contact')).data.length, 5);
});
