// SPDX-License-Identifier: Apache-2.0
// The store over time: a full disk, retention, backup and restore, another master key.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { smallDisk } from './lib/disk.mjs';
import { Postrider, postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf, sleep, slow, until } from './lib/wait.mjs';

test('a full disk: 503 with Retry-After, nothing accepted is lost, goes on by itself', { timeout: 300_000 * slow }, async (t) => {
    const arrived = new Set();
    const r = await receiver(t, { keep: false, answer: (q) => (arrived.add(q.headers['webhook-id']), 204) });
    const disk = smallDisk(t, 64);
    if (disk.skip) return t.skip(disk.skip);
    const filler = join(disk.dir, 'filler');
    const p = new Postrider({ settings: { DATABASE: `sqlite:${join(disk.dir, 'postrider.db')}` } });
    t.after(() => p.dispose());
    await p.start();
    const app = await p.app();
    await p.endpoint(app, r.url(), { retrySchedule: Array(20).fill(1) });
    writeFileSync(filler, Buffer.alloc(16 * 1024 * 1024));
    const accepted = [];
    const text = 'x'.repeat(30_000);
    let refusal;
    await until('the disk is full', async () => {
        await eachOf(Array(16).keys(), 8, async (n) => {
            const answer = await p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: { n, text } });
            if (answer.status === 202) accepted.push(answer.json.id);
            else refusal = answer;
        });
        return refusal;
    }, { everyMs: 0 });
    assert.equal(refusal.status, 503, refusal.text);
    assert.match(refusal.headers['retry-after'] ?? '', /^\d+$/);
    assert.equal((await p.api('GET', `/api/v1/app/${app.id}/msg/${accepted[0]}`)).status, 200, 'reading goes on');
    assert.equal(p.exit, undefined, 'the program goes on');
    unlinkSync(filler);
    await until('messages are accepted again', async () => {
        const answer = await p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: { again: true } });
        if (answer.status === 202) accepted.push(answer.json.id);
        return answer.status === 202;
    }, { everyMs: 200 });
    await until(() => `all ${accepted.length} accepted messages arrive, ${accepted.filter((id) => !arrived.has(id)).length} are missing`,
        () => accepted.every((id) => arrived.has(id)), { everyMs: 100 });
    await p.restart();
    for (const id of accepted.slice(-3)) assert.equal((await p.api('GET', `/api/v1/app/${app.id}/msg/${id}`)).status, 200);
    t.diagnostic(`${accepted.length} messages accepted around the full disk, all delivered`);
});

test('retention: a store under constant load stops growing; a replay of what is gone answers 410', { timeout: 300_000 * slow }, async (t) => {
    const p = await postrider(t, { settings: { RETENTION_PAYLOAD: '3s', RETENTION_ATTEMPTS: '3s' } });
    const r = await receiver(t, { keep: false });
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url());
    const first = await p.send(app, 'a.b', { first: true });
    const size = () => readdirSync(p.dir).filter((f) => /^postrider\.db(-wal)?$/.test(f)).reduce((n, f) => n + statSync(join(p.dir, f)).size, 0);
    const sizes = [];
    // About 9 MB a second: several times what the write-ahead log may hold, and what three seconds may keep.
    const seconds = 30;
    const text = 'x'.repeat(30_000);
    for (let s = 0; s < seconds; s++) {
        const end = Date.now() + 1000;
        await eachOf(Array(300).keys(), 8, () => p.send(app, 'a.b', { text }));
        await sleep(Math.max(0, end - Date.now()));
        sizes.push(size());
    }
    t.diagnostic(`store after each second, MB: ${sizes.map((n) => Math.round(n / 1e6)).join(' ')}`);
    const middle = Math.max(...sizes.slice(seconds / 3, (2 * seconds) / 3));
    const late = Math.max(...sizes.slice((2 * seconds) / 3));
    // Without an end it would be half as large again, and as large as all that was sent.
    assert.ok(late <= middle * 1.4 && late < (seconds * 300 * text.length) / 2, `grew from ${middle} to ${late} bytes`);
    const replay = await p.api('POST', `/api/v1/app/${app.id}/msg/${first.id}/endpoint/${endpoint.id}/resend`);
    assert.ok([404, 410].includes(replay.status), `${replay.status} ${replay.text}`);
});

// Everything that a customer can see in a workspace, as one digest, and the ids of its messages.
async function contents(p, app) {
    const all = async (path) => {
        const rows = [];
        for (let iterator = ''; ; ) {
            const page = await p.ok('GET', `${path}${path.includes('?') ? '&' : '?'}limit=250${iterator}`);
            rows.push(...page.data);
            if (page.done || !page.data.length) return rows;
            iterator = `&iterator=${page.iterator}`;
        }
    };
    const endpoints = await all(`/api/v1/app/${app.id}/endpoint`);
    const messages = await all(`/api/v1/app/${app.id}/msg`);
    const attempts = (await Promise.all(endpoints.map((e) => all(`/api/v1/app/${app.id}/attempt/endpoint/${e.id}`)))).flat();
    const secrets = await Promise.all(endpoints.map((e) => p.secret(app, e)));
    const digest = (rows) => createHash('sha256').update(JSON.stringify(rows)).digest('hex');
    return { messages, endpoints, counts: [endpoints.length, messages.length, attempts.length], digest: digest([endpoints, messages, attempts, secrets]) };
}

function copyKeys(from, to) {
    if (existsSync(join(from, 'postrider.keys'))) copyFileSync(join(from, 'postrider.keys'), join(to, 'postrider.keys'));
}

test('backup under load; restored elsewhere it is equal by count and checksum', { timeout: 300_000 * slow }, async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { keep: false });
    const app = await p.app();
    await p.endpoint(app, r.url());
    const before = await eachOf(Array(500).keys(), 16, (n) => p.send(app, 'a.b', { n, text: 'ü'.repeat(n) }));
    let busy = true;
    let during = 0;
    const load = eachOf(Array(4).keys(), 4, async () => {
        for (; busy; during++) await p.send(app, 'a.b', { during: true });
    });
    const file = join(p.dir, 'copy.backup');
    const made = await p.command(['backup', file]);
    busy = false;
    await load;
    assert.equal(made.status, 0, made.stderr);
    const restoreInto = async () => {
        const q = new Postrider();
        t.after(() => q.dispose());
        copyKeys(p.dir, q.dir);
        q.port = 1;
        q.metricsPort = 1;
        const restored = await q.command(['restore', file]);
        assert.equal(restored.status, 0, restored.stderr);
        delete q.port;
        delete q.metricsPort;
        return q.start();
    };
    const one = await contents(await restoreInto(), app);
    const ids = new Set(one.messages.map((m) => m.id));
    assert.deepEqual(before.filter((m) => !ids.has(m.id)), [], 'all that was accepted before the backup began is in it');
    // Once nothing changes any more, copy and original are equal.
    await until('all is delivered', () => r.count >= before.length + during);
    await p.stop();
    await p.start();
    const still = await p.command(['backup', `${file}2`]);
    assert.equal(still.status, 0, still.stderr);
    copyFileSync(`${file}2`, file);
    const original = await contents(p, app);
    const copy = await contents(await restoreInto(), app);
    assert.deepEqual(copy.counts, original.counts);
    assert.equal(copy.digest, original.digest);
    t.diagnostic(`endpoints, messages, attempts: ${copy.counts.join(', ')}; sha256 ${copy.digest.slice(0, 16)}…`);
});

test('restore does not overwrite a store that is there', async (t) => {
    const p = await postrider(t);
    await p.app();
    const file = join(p.dir, 'copy.backup');
    assert.equal((await p.command(['backup', file])).status, 0);
    await p.stop();
    const again = await p.command(['restore', file]);
    assert.notEqual(again.status, 0);
    assert.ok(again.stderr.length > 10);
});

test('after keys rotate the old key opens nothing, and everything still works', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url(), { headers: { 'X-Custom': 'a value' } });
    const secret = await p.secret(app, endpoint);
    const keys = join(p.dir, 'postrider.keys');
    copyFileSync(keys, join(p.dir, 'old.keys'));
    await p.stop();
    const rotated = await p.command(['keys', 'rotate']);
    assert.equal(rotated.status, 0, rotated.stderr);
    await p.start();
    assert.equal(await p.secret(app, endpoint), secret);
    await p.send(app, 'a.b');
    await r.arrived(1);
    assert.equal(r.requests[0].headers['x-custom'], 'a value');
    await p.stop();
    copyFileSync(join(p.dir, 'old.keys'), keys);
    const old = await p.start({ ready: true, timeoutMs: 5000 }).catch((e) => e);
    if (!(old instanceof Error)) {
        const answer = await p.api('GET', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/secret`);
        assert.ok(answer.status >= 400, 'the old key does not open a secret');
        assert.ok(!answer.text.includes(secret));
    }
});
