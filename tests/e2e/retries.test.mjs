// SPDX-License-Identifier: Apache-2.0
// What happens after a failure: the schedule, what is logged, what stays the same, who is disabled and who is only slowed down.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf, sleep, until } from './lib/wait.mjs';

// A test that asserts durations measures from the end of the attempt before, as the schedule does, and grants a busy machine this much.
const lateMs = 5000;

function assertDelay(what, actualMs, scheduledMs) {
    assert.ok(actualMs >= scheduledMs * 0.9 - 15, `${what}: after ${actualMs} ms, scheduled after ${scheduledMs} ms`);
    assert.ok(actualMs <= scheduledMs * 1.1 + lateMs, `${what}: after ${actualMs} ms, scheduled after ${scheduledMs} ms`);
}

for (const profile of ['standard', 'myra', 'metapulse']) {
    test(`${profile}: 500 three times, hangs, resets, then 204: every attempt is logged, body and UUID stay`, async (t) => {
        const p = await postrider(t);
        const answers = [500, 500, 500, 'hang', 'reset', 204];
        const r = await receiver(t, { answer: (_, n) => answers[n] });
        const app = await p.app({ profile });
        const schedule = [0.3, 0.5, 0.4, 0.3, 0.6];
        await p.endpoint(app, r.url(), { retrySchedule: schedule, timeoutMs: 2500 });
        const message = await p.send(app, 'a.b', '{"n" : 1.10}');
        await r.arrived(6);
        const attempts = await p.attempted(app, message, 6);
        assert.deepEqual(attempts.map((a) => a.status), [2, 2, 2, 2, 2, 0]);
        assert.deepEqual(attempts.map((a) => a.responseStatusCode), [500, 500, 500, 0, 0, 204]);
        assert.deepEqual(attempts.map((a) => a.cause), ['status', 'status', 'status', 'timeout_wait', 'reset', 'ok'].map((c) => (c === 'ok' ? attempts[5].cause : c)));
        assert.ok(!attempts[5].error, 'a success has no error');
        for (const a of attempts.slice(0, 5)) assert.ok(a.error, `attempt ${a.id} says in words what went wrong`);
        const ends = attempts.map((a) => Date.parse(a.timestamp) + a.responseDurationMs);
        schedule.forEach((s, i) => assertDelay(`attempt ${i + 2}`, r.requests[i + 1].at - ends[i], s * 1000));
        for (let i = 0; i < 5; i++) {
            const next = Date.parse(attempts[i].nextAttempt);
            assert.ok(Math.abs(next - r.requests[i + 1].at) < lateMs, `attempt ${i + 1} tells when the next one is: ${attempts[i].nextAttempt}`);
        }
        assert.ok(!attempts[5].nextAttempt);
        for (const q of r.requests) assert.ok(q.body.equals(r.requests[0].body), 'the body never changes');
        const id = { standard: (q) => q.headers['webhook-id'], myra: (q) => JSON.parse(q.body).event_id, metapulse: (q) => JSON.parse(q.body).id }[profile];
        assert.equal(new Set(r.requests.map(id)).size, 1);
        assert.equal(id(r.requests[0]), profile === 'standard' ? message.id : message.eventUuid);
    });
}

test('a replay is byte-identical, with the same event id', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { answer: (_, n) => (n === 0 ? 500 : 204) });
    const app = await p.app({ profile: 'myra' });
    const endpoint = await p.endpoint(app, r.url(), { retrySchedule: [] });
    const message = await p.send(app, 'contact.created', '{ "a" : 1E400 }');
    await p.attempted(app, message, 1);
    const answer = await p.api('POST', `/api/v1/app/${app.id}/msg/${message.id}/endpoint/${endpoint.id}/resend`);
    assert.equal(answer.status, 202, answer.text);
    await r.arrived(2);
    assert.ok(r.requests[0].body.equals(r.requests[1].body));
    const attempts = await p.attempted(app, message, 2);
    assert.deepEqual(attempts.map((a) => a.triggerType), [0, 1]);
});

test('no retries when the schedule is empty; recover tries failed messages once more', async (t) => {
    const p = await postrider(t);
    let status = 503;
    const r = await receiver(t, { answer: () => status });
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url(), { retrySchedule: [] });
    const since = new Date(Date.now() - 60_000).toISOString();
    const messages = await eachOf(Array(5).keys(), 5, () => p.send(app, 'a.b'));
    await r.arrived(5);
    for (const m of messages) await p.attempted(app, m, 1);
    status = 204;
    await p.ok('POST', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/recover`, { since });
    await r.arrived(10);
    for (const m of messages) assert.equal((await p.attempted(app, m, 2))[1].status, 0);
    assert.equal(r.count, 10);
});

test('Retry-After is honoured between once and twice the scheduled delay', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { answer: (_, n) => [{ status: 503, headers: { 'Retry-After': '3' } }, { status: 503, headers: { 'Retry-After': '1' } }, { status: 503, headers: { 'Retry-After': '600' } }, 204][n] });
    const app = await p.app();
    await p.endpoint(app, r.url(), { retrySchedule: [2, 1.5, 0.5] });
    await p.send(app, 'a.b');
    await r.arrived(4);
    const gap = (i) => r.requests[i].at - r.requests[i - 1].at;
    assert.ok(gap(1) >= 2990 && gap(1) <= 4000 + lateMs, `asked for 3 s, scheduled 2 s: after ${gap(1)} ms`);
    assertDelay('asked for less than scheduled', gap(2), 1500);
    assert.ok(gap(3) >= 900 && gap(3) <= 1100 + lateMs, `asked for 600 s, scheduled 0.5 s: after ${gap(3)} ms`);
});

test('a rate limit of 10/s lets at most 11 through in any second', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url(), { rateLimit: 10 });
    await eachOf(Array(35).keys(), 35, () => p.send(app, 'a.b'));
    await r.arrived(35);
    // By the sender's clock: on a busy machine what left in time may arrive in bunches.
    const list = await until('all are logged', async () => {
        const { data } = await p.ok('GET', `/api/v1/app/${app.id}/attempt/endpoint/${endpoint.id}?limit=50`);
        return data.length === 35 && data;
    });
    const times = list.map((x) => Date.parse(x.timestamp)).sort((a, b) => a - b);
    times.forEach((from, i) => {
        const inSecond = times.slice(i).filter((at) => at < from + 1000).length;
        assert.ok(inSecond <= 11, `${inSecond} began within one second`);
    });
    assert.ok(times.at(-1) - times[0] < 6000 + lateMs, 'the limit is also used');
});

test('FIFO: the order of acceptance, through failures', async (t) => {
    const p = await postrider(t);
    const seen = [];
    const failures = new Map();
    const r = await receiver(t, {
        answer: (q) => {
            const { n } = JSON.parse(q.body);
            seen.push(n);
            // Every third message fails twice.
            const failed = failures.get(n) ?? 0;
            failures.set(n, failed + 1);
            return n % 3 === 0 && failed < 2 ? 500 : { status: 204, delayMs: Math.random() * 5 };
        },
    });
    const app = await p.app();
    await p.endpoint(app, r.url(), { fifo: true, retrySchedule: [0.05, 0.05, 0.05] });
    for (let n = 0; n < 30; n++) await p.send(app, 'a.b', { n });
    await r.arrived(50);
    const wanted = [...Array(30).keys()].flatMap((n) => (n % 3 === 0 ? [n, n, n] : [n]));
    assert.deepEqual(seen, wanted);
});

test('410 disables under standard only; disabled stays disabled after a restart', async (t) => {
    const p = await postrider(t);
    const gone = await receiver(t, { answer: () => 410 });
    const state = async (app, e) => p.ok('GET', `/api/v1/app/${app.id}/endpoint/${e.id}`);
    const standard = await p.app({ profile: 'standard' });
    const myra = await p.app({ profile: 'myra' });
    const one = await p.endpoint(standard, gone.url());
    const two = await p.endpoint(myra, gone.url(), { retrySchedule: [0.1, 600] });
    const message = await p.send(standard, 'a.b');
    const other = await p.send(myra, 'a.b');
    await until('the endpoint under standard is disabled', async () => (await state(standard, one)).disabled === true);
    await p.attempted(myra, other, 2);
    assert.equal((await state(myra, two)).disabled ?? false, false);
    assert.equal((await state(standard, one)).state.status, 'disabled');
    const before = gone.count;
    await p.restart();
    assert.equal((await state(standard, one)).disabled, true);
    await p.send(standard, 'a.b');
    // A message to another endpoint of the same workspace shows that deliveries go on without it.
    const alive = await receiver(t);
    await p.endpoint(standard, alive.url());
    await p.send(standard, 'a.b');
    await alive.arrived(1);
    assert.equal(gone.count, before);
    const [attempt] = await p.attempted(standard, message, 1);
    assert.equal(attempt.responseStatusCode, 410);
    assert.equal(attempt.nextAttempt, null, 'nothing follows the attempt that disabled the endpoint');
});

test('an open breaker delays and probes; it consumes no attempt', async (t) => {
    const p = await postrider(t);
    let up = false;
    const r = await receiver(t, { answer: () => (up ? 204 : 503) });
    const app = await p.app();
    const retrySchedule = Array(8).fill(0.3);
    await p.endpoint(app, r.url(), { retrySchedule });
    const messages = await eachOf(Array(40).keys(), 40, () => p.send(app, 'a.b'));
    await until('the endpoint has failed often', () => r.count >= 10);
    // Two and a half seconds would be enough for every message to use up its whole schedule.
    await sleep(2500);
    assert.ok(r.count < 40, `${r.count} requests went to an endpoint that is down`);
    up = true;
    await until('all are delivered once it is up', async () => {
        const lists = await eachOf(messages, 8, (m) => p.attempts(app, m));
        return lists.every((list) => list.some((a) => a.status === 0));
    }, { everyMs: 200 });
    // A scheduled attempt is a request that was really made: as many in the log as arrived.
    const lists = await eachOf(messages, 8, (m) => p.attempts(app, m));
    const logged = lists.reduce((n, list) => n + list.length, 0);
    assert.equal(logged, r.count);
    for (const list of lists) assert.ok(list.length <= retrySchedule.length + 1);
});

test('a dead endpoint delays nobody else', async (t) => {
    const p = await postrider(t);
    const dead = await receiver(t, { answer: () => 'hang' });
    const alive = await receiver(t);
    const app = await p.app();
    const other = await p.app();
    for (let i = 0; i < 20; i++) await p.endpoint(app, dead.url(`/${i}`), { timeoutMs: 30_000 });
    await p.endpoint(app, alive.url());
    await p.endpoint(other, alive.url());
    await eachOf(Array(20).keys(), 10, () => p.send(app, 'a.b'));
    const started = Date.now();
    await eachOf(Array(20).keys(), 10, () => p.send(other, 'a.b'));
    await alive.arrived(40);
    assert.ok(Date.now() - started < 25_000, 'not one of the others has ended meanwhile');
});

test('signatures and tokens go by the system clock, also after a day when that was wrong', async (t) => {
    const r = await receiver(t);
    const p = await postrider(t);
    const app = await p.app();
    await p.endpoint(app, r.url());
    await p.stop();
    // As a start with the clock two days ahead leaves it: the highest id is of then, and our time goes on from there.
    const ahead = (BigInt(Date.now() + 2 * 86_400_000) - 1_577_836_800_000n) << 21n;
    execFileSync('sqlite3', [join(p.dir, 'postrider.db'), `INSERT OR REPLACE INTO meta(key, value) VALUES('highest_oid', '${ahead}')`]);
    await p.start();
    assert.match(p.log(), /clock_behind_store/);
    const made = await p.command(['token', 'create']); // with a token of its own that lives for minutes
    assert.equal(made.status, 0, made.stderr);
    await p.send(app, 'a.b');
    const [request] = await r.arrived(1);
    const off = Math.abs(Number(request.headers['webhook-timestamp']) - Date.now() / 1000);
    assert.ok(off < 60, `webhook-timestamp is ${off} s off, receivers allow 300`);
});

test('an endpoint that is enabled again begins anew: it is well until it fails, and has as long as any other', async (t) => {
    const r = await receiver(t, { answer: () => 500 });
    const p = await postrider(t, { settings: { DISABLE_AFTER: '2s' } });
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url(), { retrySchedule: [] });
    const path = `/api/v1/app/${app.id}/endpoint/${endpoint.id}`;
    const state = async () => (await p.ok('GET', path)).state;
    await p.send(app, 'a.b');
    await until('it fails', async () => (await state()).status === 'failing');
    await sleep(2100); // one more message given up would disable it
    await p.ok('PATCH', path, { disabled: true });
    assert.equal((await state()).status, 'disabled');
    await p.ok('PATCH', path, { disabled: false });
    assert.deepEqual(await state(), { status: 'ok', reason: null, since: null, nextAttempt: null });
    const enabled = Date.now();
    await p.send(app, 'a.b');
    const after = await until('it fails again', async () => ((await state()).status === 'failing' ? state() : null));
    assert.equal(after.reason, 'exhausted');
    assert.ok(Date.parse(after.since) >= enabled - 1000, after.since);
    // What it failed before is not counted by a later start either.
    await p.ok('PATCH', path, { disabled: true });
    await p.ok('PATCH', path, { disabled: false });
    await p.restart();
    assert.equal((await state()).status, 'ok');
});
