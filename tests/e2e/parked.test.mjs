// SPDX-License-Identifier: Apache-2.0
// A delivery that was on its way when the process faulted three times is parked, so that it cannot end the process for ever; it is shown,
// and sent again by hand. What was only queued behind it goes out.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { slow, until } from './lib/wait.mjs';

test('on its way at three faults: parked, shown, sent again only by hand', { timeout: 300_000 * slow }, async (t) => {
    const p = new Postrider();
    t.after(() => p.dispose());
    await p.start();
    let hang = true;
    const r = await receiver(t, { answer: () => (hang ? 'hang' : 204) });
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url(), { retrySchedule: [60] });
    const message = await p.send(app, 'a.b', { n: 1 });
    for (let crash = 1; crash <= 3; crash++) {
        await until(`request ${crash} is on its way`, () => r.count === crash);
        p.process.kill('SIGSEGV');
        await p.exited;
        await p.start();
    }
    const [parked] = await p.attempted(app, message, 1);
    assert.equal(parked.statusText, 'fail');
    assert.match(JSON.stringify(parked), /parked/);
    assert.equal(r.count, 3, 'it was not sent a fourth time');
    hang = false;
    await p.ok('POST', `/api/v1/app/${app.id}/msg/${message.id}/endpoint/${endpoint.id}/resend`);
    await p.attempted(app, message, 2);
    assert.equal(r.count, 4);
    const other = await p.send(app, 'a.b', { n: 2 });
    await until('others go out', () => r.count === 5);
    assert.ok(other.id);
    await p.stop();
    await p.start();
    assert.doesNotMatch(p.log().split('stopped').pop(), /were_on_their_way/);
});

test('on its way at many kills: never parked', { timeout: 300_000 * slow }, async (t) => {
    const p = new Postrider();
    t.after(() => p.dispose());
    await p.start();
    let hang = true;
    const r = await receiver(t, { answer: () => (hang ? 'hang' : 204) });
    const app = await p.app();
    await p.endpoint(app, r.url(), { retrySchedule: [60] });
    const message = await p.send(app, 'a.b', { n: 1 });
    for (let kill = 1; kill <= 6; kill++) {
        await until(`request ${kill} is on its way`, () => r.count === kill);
        await p.kill();
        hang = kill < 6;
        await p.start();
    }
    const [attempt] = await p.attempted(app, message, 1);
    assert.equal(attempt.statusText, 'success');
    assert.doesNotMatch(p.log(), /delivery_parked/);
});
