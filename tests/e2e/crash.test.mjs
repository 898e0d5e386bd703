// SPDX-License-Identifier: Apache-2.0
// kill -9 at random moments under load. What got a 2xx is delivered; what is delivered twice was in flight at a kill.
// KILL_ROUNDS says how often (100).
import assert from 'node:assert/strict';
import test from 'node:test';
import { Postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { patienceMs, sleep, until } from './lib/wait.mjs';

const rounds = Number(process.env.KILL_ROUNDS ?? 100);
const endpoints = 4;

// Posts without pause until told to stop; remembers what was acknowledged.
function sender(p, app, accepted) {
    let stopped = false;
    let refused = 0;
    const run = async () => {
        for (let n = 0; !stopped; n++) {
            try {
                accepted.push((await p.send(app, 'load.event', { n, text: 'x'.repeat(200) })).id);
            } catch {
                // No answer or a refusal: nothing was promised.
                refused++;
                await sleep(5);
            }
        }
    };
    const lanes = Array.from({ length: 8 }, run);
    return {
        refused: () => refused,
        stop: () => {
            stopped = true;
            return Promise.all(lanes);
        },
    };
}

test(`${rounds} kills under load lose nothing`, { timeout: 900_000 }, async (t) => {
    const p = new Postrider();
    t.after(() => p.dispose());
    await p.start();
    const arrivals = new Map(); // message id and path → how often
    const r = await receiver(t, {
        keep: false,
        answer: (q) => {
            const key = `${q.headers['webhook-id']} ${q.path}`;
            arrivals.set(key, (arrivals.get(key) ?? 0) + 1);
            // Some are slow, so that there is always something in flight.
            return Math.random() < 0.1 ? { status: 204, delayMs: 20 } : 204;
        },
    });
    const app = await p.app();
    // Each message goes to every endpoint.
    for (let i = 0; i < endpoints; i++) await p.endpoint(app, r.url(`/${i}`), { retrySchedule: Array(20).fill(0.5) });
    const accepted = [];
    const load = sender(p, app, accepted);
    for (let i = 0; i < rounds; i++) {
        // Every fifth kill comes while it starts.
        await (i % 5 === 4 ? sleep(Math.random() * 40) : sleep(30 + Math.random() * 200));
        await p.kill();
        await p.start({ ready: i % 5 !== 3 });
    }
    await p.kill();
    await load.stop();
    await p.start();
    assert.ok(accepted.length > rounds, `only ${accepted.length} messages were accepted`);
    const missing = () => accepted.filter((id) => [...Array(endpoints).keys()].some((e) => !arrivals.has(`${id} /${e}`)));
    await until(() => `everything accepted is delivered; missing ${missing().length} of ${accepted.length}`, () => missing().length === 0, {
        timeoutMs: 2 * patienceMs,
        everyMs: 200,
    });
    // The program says at each start how many pending deliveries were on their way when the last process ended: sent, or answered but
    // not yet recorded. Nothing else may arrive twice.
    const duplicates = [...arrivals.values()].reduce((n, times) => n + times - 1, 0);
    const inFlight = [...p.log().matchAll(/were_on_their_way deliveries=(\d+)/g)].reduce((n, [, count]) => n + Number(count), 0);
    t.diagnostic(
        `${rounds} kills, ${accepted.length} messages accepted, ${load.refused()} posts without an answer, ${arrivals.size} deliveries, ${duplicates} duplicates of ${inFlight} in flight at the kills`,
    );
    assert.ok(duplicates <= inFlight, `${duplicates} duplicates, ${inFlight} attempts were in flight`);
    assert.doesNotMatch(p.log(), /delivery_parked/);
    // The log agrees: no delivery is left pending.
    await until('no delivery is pending', async () => {
        const last = accepted.slice(-200);
        const lists = await Promise.all(last.map((id) => p.attempts(app, { id })));
        return lists.every((list) => new Set(list.filter((a) => a.status === 0).map((a) => a.endpointId)).size === endpoints);
    }, { everyMs: 500 });
});
