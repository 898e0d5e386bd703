// SPDX-License-Identifier: Apache-2.0
// Everything at once, at random: load, changes of configuration, hostile receivers, kills and stops. Then peace, and the books are
// checked: what was acknowledged is delivered or shown as failed, and what the program logged is what happened.
//   STRESS_SEED repeats a run's choices, STRESS_SECONDS says how long (20).
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { Postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { patienceMs, sleep, until } from './lib/wait.mjs';

const seed = Number(process.env.STRESS_SEED ?? Date.now() % 1e9);
const seconds = Number(process.env.STRESS_SECONDS ?? 20);
const schedule = [0.05, 0.1, 0.2, 0.3, 0.4];
const apps = 3;
const stablePerApp = 2;
const shakyPerApp = 4;
const rssMax = 400_000; // KiB; sanitized builds need more

// mulberry32: a small generator with a seed.
function generator(state) {
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}

const random = generator(seed);
const pick = (list) => list[Math.floor(random() * list.length)];

class Stress {
    constructor(p) {
        this.p = p;
        this.apps = [];
        this.lanes = new Map(); // number of the endpoint in its URL → what is known of it
        this.accepted = []; // {app, id, n}
        this.seen = new Map(); // "n lane" → {bodies, ids, good, count}
        this.sent = []; // {lane, id, time, body, signature} to be verified
        this.peace = false;
        this.over = false;
        this.nextMessage = 0;
        this.nextLane = 0;
        this.refused = 0;
        this.kills = 0;
        this.stops = 0;
        this.rss = 0;
    }

    // The receiver: what it does depends on the endpoint's number in the path and on chance.
    answer(q) {
        const lane = Number(/^\/e(\d+)/.exec(q.path)[1]);
        const n = Number(/"n":(\d+)/.exec(q.body)?.[1] ?? -1);
        const key = `${n} ${lane}`;
        const had = this.seen.get(key) ?? { bodies: new Set(), ids: new Set(), good: 0, count: 0 };
        this.seen.set(key, had);
        had.count++;
        had.bodies.add(createHash('sha256').update(q.body).digest('hex'));
        const id = q.headers['webhook-id'];
        if (id) {
            had.ids.add(id);
            this.sent.push({ lane, id, time: q.headers['webhook-timestamp'], body: q.body, signature: q.headers['webhook-signature'] });
        }
        const act = this.peace ? 204 : this.temper(lane);
        if (act === 204 || act === 200 || act.status === 204) had.good++;
        return act;
    }

    temper(lane) {
        const x = Math.random();
        const stable = this.lanes.get(lane)?.stable;
        if (x < 0.6) return 204;
        if (x < 0.75) return { status: 204, delayMs: Math.random() * 100 };
        if (x < 0.88) return 500;
        if (x < 0.91) return 'hang';
        if (x < 0.94) return 'reset';
        if (x < 0.97) return 'close';
        if (x < 0.975 && !stable) return 410;
        return 503;
    }

    async addEndpoint(app, url, stable, fields = {}) {
        const lane = this.nextLane++;
        const known = { lane, app, stable, secrets: new Set(), changing: true }; // changing for ever: a secret that nobody told us
        this.lanes.set(lane, known);
        const endpoint = await this.p.endpoint(app, `${url}/e${lane}`, { retrySchedule: schedule, timeoutMs: 400, ...fields });
        known.id = endpoint.id;
        await this.learnSecret(known);
        return known;
    }

    async learnSecret(known) {
        known.secrets.add(await this.p.secret(known.app, known));
        known.changing = false;
    }

    // One connection's load.
    async load() {
        while (!this.over) {
            const app = pick(this.apps);
            const n = this.nextMessage++;
            try {
                const sent = await this.p.send(app, pick(['a.b', 'a.c', 'b']), `{"n":${n},"text":"${'x'.repeat(Math.floor(random() ** 4 * 3000))}"}`);
                this.accepted.push({ app, id: sent.id, n });
            } catch {
                this.refused++; // nothing was promised
                await sleep(10);
            }
            await sleep(random() * 10);
        }
    }

    // Something that somebody might ask for. Errors are answers: the program may be away.
    async disturb(url) {
        const shaky = [...this.lanes.values()].filter((l) => !l.stable && l.id && !l.deleted);
        const any = [...this.lanes.values()].filter((l) => l.id && !l.deleted);
        const l = pick(shaky);
        const patch = (lane, fields) => this.p.ok('PATCH', `/api/v1/app/${lane.app.id}/endpoint/${lane.id}`, fields);
        const deeds = [
            () => shaky.length < 40 && this.addEndpoint(pick(this.apps), url, false, { fifo: random() < 0.3, profile: pick(['standard', 'standard', 'myra', 'metapulse']) }),
            async () => {
                if (shaky.length < 6) return;
                l.deleted = true;
                await this.p.ok('DELETE', `/api/v1/app/${l.app.id}/endpoint/${l.id}`);
            },
            () => patch(l, { disabled: true }),
            () => patch(l, { disabled: false }),
            () => patch(pick(shaky), { disabled: false }),
            () => patch(l, { url: `${url}/e${l.lane}/v${Math.floor(random() * 3)}` }),
            () => patch(l, { rateLimit: pick([5, 50, null]) }),
            () => patch(pick(any), { fifo: random() < 0.5 }),
            () => patch(l, { profile: pick(['standard', 'myra', 'metapulse']) }),
            async () => {
                const target = pick(any);
                if (target.changing) return;
                target.changing = true;
                await this.p.ok('POST', `/api/v1/app/${target.app.id}/endpoint/${target.id}/secret/rotate`, {});
                await this.learnSecret(target);
            },
            async () => {
                const m = pick(this.accepted);
                const target = pick(any.filter((a) => a.app === m?.app));
                if (target) await this.p.ok('POST', `/api/v1/app/${m.app.id}/msg/${m.id}/endpoint/${target.id}/resend`);
            },
            async () => {
                const target = pick(any);
                await this.p.ok('POST', `/api/v1/app/${target.app.id}/endpoint/${target.id}/recover`, { since: new Date(Date.now() - 5000).toISOString() });
            },
            async () => {
                const target = pick(any);
                await this.p.ok('GET', `/api/v1/app/${target.app.id}/attempt/endpoint/${target.id}?limit=250&with_content=true`);
            },
        ];
        try {
            await pick(deeds)();
        } catch (e) {
            if (e.status >= 500 && e.status !== 503) throw e;
        }
    }

    async disturbForEver(url) {
        while (!this.over) {
            await this.disturb(url);
            await sleep(random() * 60);
        }
    }

    async interrupt() {
        if (random() < 0.6) {
            this.kills++;
            await this.p.kill();
        } else {
            this.stops++;
            const begun = Date.now();
            assert.deepEqual(await this.p.stop(60_000 * slow), { code: 0, signal: null }, 'SIGTERM ends with 0');
            assert.ok(Date.now() - begun < 45_000 * slow, 'within 30 s, and some more on a busy machine');
        }
        await this.p.start();
    }

    measure() {
        try {
            const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.p.process.pid}/status`, 'utf8'))[1]);
            this.rss = Math.max(this.rss, kib);
        } catch {
            // just being restarted
        }
    }

    async all(path) {
        const rows = [];
        let iterator = '';
        for (;;) {
            const page = await this.p.ok('GET', `${path}${path.includes('?') ? '&' : '?'}limit=250${iterator}`);
            rows.push(...page.data);
            if (page.done) return rows;
            iterator = `&iterator=${page.iterator}`;
        }
    }

    // The books of one endpoint: {message id → {status, attempts}}.
    async books(app, endpoint) {
        const books = new Map();
        for (const m of await this.all(`/api/v1/app/${app.id}/endpoint/${endpoint.id}/msg`)) books.set(m.id, { status: m.status, attempts: [] });
        for (const a of await this.all(`/api/v1/app/${app.id}/attempt/endpoint/${endpoint.id}`)) books.get(a.msgId)?.attempts.push(a);
        return books;
    }

    // How many deliveries are pending; says of which endpoints.
    async pending() {
        let n = 0;
        this.where = [];
        for (const app of this.apps)
            for (const e of await this.all(`/api/v1/app/${app.id}/endpoint`)) {
                const some = await this.p.ok('GET', `/api/v1/app/${app.id}/endpoint/${e.id}/msg?status=1&limit=250`);
                n += some.data.length;
                if (some.data.length > 0) this.where.push(`${e.url} ${some.data.length} ${JSON.stringify({ ...e.state, rate: e.rateLimit, fifo: e.fifo, off: e.disabled })} ${some.data[0].id} next ${some.data[0].nextAttempt}`);
            }
        return n;
    }

    checkDelivery(what, d) {
        const scheduled = d.attempts.filter((a) => a.triggerType === 0).map((a) => a.attempt);
        const numbers = [...new Set(scheduled)].sort((a, b) => a - b);
        assert.deepEqual(numbers, numbers.map((_, i) => i + 1), `${what}: attempts are numbered without gaps`);
        assert.ok(numbers.length <= schedule.length + 1, `${what}: no more attempts than scheduled: ${numbers}`);
        assert.ok(scheduled.length - numbers.length <= this.kills, `${what}: an attempt is repeated only after a kill: ${scheduled}`);
        const good = d.attempts.some((a) => a.status === 0);
        assert.equal(d.status, good ? 0 : 2, `${what}: its state agrees with its attempts`);
        return numbers.length;
    }

    async checkBooks() {
        let deliveries = 0;
        let failed = 0;
        for (const app of this.apps) {
            const accepted = this.accepted.filter((m) => m.app === app);
            const byId = new Map(accepted.map((m) => [m.id, m]));
            for (const e of await this.all(`/api/v1/app/${app.id}/endpoint`)) {
                const lane = this.lanes.get(Number(/\/e(\d+)/.exec(e.url)[1]));
                const books = await this.books(app, e);
                for (const [id, d] of books) {
                    const made = this.checkDelivery(`${id} to endpoint ${lane.lane}`, d);
                    deliveries++;
                    failed += d.status === 2 ? 1 : 0;
                    const got = this.seen.get(`${byId.get(id)?.n} ${lane.lane}`);
                    if (d.status === 0 && byId.has(id)) assert.ok(got?.good > 0, `${id}: shown as delivered, so endpoint ${lane.lane} took it`);
                    if (d.status === 2 && lane.stable) assert.equal(made, schedule.length + 1, `${id}: failed only when all attempts were made`);
                }
                if (lane.stable) for (const m of accepted) assert.ok(books.has(m.id), `${m.id} was acknowledged and is kept for endpoint ${lane.lane}`);
            }
        }
        return { deliveries, failed };
    }

    checkRequests() {
        for (const [key, had] of this.seen) {
            assert.equal(had.bodies.size, 1, `message and endpoint ${key}: the body is the same each time`);
            assert.ok(had.ids.size <= 1, `message and endpoint ${key}: the id is the same each time`);
        }
        let verified = 0;
        for (const s of this.sent) {
            const known = this.lanes.get(s.lane);
            if (known.changing) continue; // a rotation whose answer was lost
            // One that was made under another profile has no prefix.
            const good = [...known.secrets].some((secret) => {
                const signingKey = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
                const mac = createHmac('sha256', signingKey).update(`${s.id}.${s.time}.`).update(s.body).digest('base64');
                return s.signature.split(' ').includes(`v1,${mac}`);
            });
            assert.ok(good, `a signature of endpoint ${s.lane} verifies`);
            verified++;
        }
        assert.ok(verified > 0);
    }

    checkLog() {
        const log = this.p.log();
        for (const line of log.split('\n')) assert.doesNotMatch(line, /bug:|"level":"error"|\berror\b.*_failed|ERROR: |WARNING: Thread|runtime error/, 'nothing went wrong in the program');
    }
}

test(`stress, seed ${seed}`, { timeout: 400_000 * slow }, async (t) => {
    t.diagnostic(`STRESS_SEED=${seed}`);
    const p = new Postrider({ settings: { LOG_FORMAT: 'json' } });
    t.after(() => p.dispose());
    await p.start();
    const s = new Stress(p);
    const r = await receiver(t, { keep: false, answer: (q) => s.answer(q) });
    const url = r.url('');
    for (let i = 0; i < apps; i++) {
        const app = await p.app({ name: `Customer ${i}` });
        s.apps.push(app);
        for (let k = 0; k < stablePerApp; k++) await s.addEndpoint(app, url, true, { fifo: k === 1 && i === 0 });
        for (let k = 0; k < shakyPerApp; k++) await s.addEndpoint(app, url, false);
    }
    const busy = [...Array.from({ length: 6 }, () => s.load()), s.disturbForEver(url), s.disturbForEver(url)];
    const failed = Promise.all(busy);
    failed.catch(() => {});
    const end = Date.now() + seconds * 1000;
    const watch = setInterval(() => s.measure(), 200);
    t.after(() => clearInterval(watch));
    try {
        while (Date.now() < end) {
            await sleep(500 + random() * 3000);
            await s.interrupt();
        }
    } finally {
        s.over = true;
    }
    await failed;
    s.peace = true;
    for (const app of s.apps) for (const e of await s.all(`/api/v1/app/${app.id}/endpoint`)) await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${e.id}`, { rateLimit: null });
    await p.restart(); // breakers forget, so that peace comes soon
    await until(() => `nothing is pending; there are ${s.left}:\n${s.where.join('\n')}`, async () => (s.left = await s.pending()) === 0, { timeoutMs: 2 * patienceMs, everyMs: 300 });
    s.measure();
    const books = await s.checkBooks();
    s.checkRequests();
    assert.deepEqual(await p.stop(), { code: 0, signal: null });
    s.checkLog();
    t.diagnostic(`${s.accepted.length} messages, ${s.refused} refused, ${books.deliveries} deliveries, ${books.failed} failed, ${r.count} requests, ${s.kills} kills, ${s.stops} stops, ${s.rss} KiB`);
    assert.ok(slow > 1 || s.rss < rssMax, `memory stays bounded: ${s.rss} KiB`);
    assert.ok(s.accepted.length > 100);
    assert.deepEqual(r.errors, []);
});
