// SPDX-License-Identifier: Apache-2.0
// Statistics are the same as the attempts would give: over time, per endpoint, after a crash.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf, until } from './lib/wait.mjs';

const sum = (list, key) => list.reduce((n, x) => n + x[key], 0);

test('a timeline counts every attempt once', { timeout: 300_000 * slow }, async (t) => {
    const p = await postrider(t, { settings: { RETRY_SCHEDULE: '1ms,1ms' } });
    const slowOne = await receiver(t, { answer: () => ({ status: 200, delayMs: 120 }) });
    const failing = await receiver(t, { answer: () => ({ status: 500 }) });
    const app = await p.app();
    const good = await p.endpoint(app, slowOne.url(), { uid: 'good' });
    const bad = await p.endpoint(app, failing.url());
    await eachOf(Array.from({ length: 40 }, (_, i) => i), 8, (i) => p.send(app, i % 4 ? 'a.b' : 'a.c'));
    const path = `/api/v1/app/${app.id}/stats/timeline`;
    const points = async (more = '') => (await p.ok('GET', `${path}?${more}`)).data;
    const attempts = async (ep) => (await p.ok('GET', `/api/v1/app/${app.id}/attempt/endpoint/${ep.id}/count`)).count;
    await until('all that succeed are counted', async () => sum(await points(), 'success') === 40);
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${bad.id}`, { disabled: true });
    await until('none is under way', async () => {
        const { pending, sending } = await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${bad.id}/stats`);
        return pending === 0 && sending === 0;
    });
    const failed = await attempts(bad);
    assert.ok(failed > 0);
    assert.equal(sum(await points(), 'fail'), failed);

    const own = await points('endpoint_id=good&bucket=5m');
    assert.deepEqual([sum(own, 'success'), sum(own, 'fail')], [40, 0]);
    const busy = own.filter((x) => x.success > 0);
    assert.ok(busy.length <= 2, 'in the span of now, or two');
    assert.ok(busy.every((x) => x.meanMs >= 120 && x.longestMs >= x.meanMs && x.longestMs < 30_000), JSON.stringify(busy));
    assert.deepEqual(own.filter((x) => x.success === 0).find((x) => x.meanMs !== null), undefined);
    assert.deepEqual([sum(await points(`endpoint_id=${bad.id}`), 'success'), sum(await points(`endpoint_id=${bad.id}`), 'fail')], [0, failed]);
    assert.equal(sum(await points('event_types=a.c&bucket=1d'), 'success'), 10);
    const old = `since=${new Date(Date.now() - 86_400_000).toISOString()}&until=${new Date(Date.now() - 3_600_000).toISOString()}`;
    assert.equal(sum(await points(old), 'success'), 0);
    assert.equal((await p.ok('GET', `${path}?bucket=1h&${old}`)).data.length, 24);
    for (const [more, status] of [
        ['bucket=2h', 422],
        ['since=2020-01-01T00:00:00Z&bucket=5m', 422],
        ['since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z', 422],
        ['since=never', 400],
        ['endpoint_id=nobody', 404],
    ])
        assert.equal((await p.api('GET', `${path}?${more}`)).status, status, more);

    await t.test('the counts survive a crash, as the attempts do', async () => {
        await p.kill();
        await p.start();
        assert.equal(sum(await points('endpoint_id=good'), 'success'), await attempts(good));
        assert.equal(sum(await points(`endpoint_id=${bad.id}`), 'fail'), await attempts(bad));
    });
});

test('deliveries of an endpoint are counted, however many there are', { timeout: 300_000 * slow }, async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { answer: () => 500 });
    const app = await p.app();
    const ep = await p.endpoint(app, r.url());
    const message = await p.send(app, 'a.b');
    await r.arrived(1);
    await p.stop();
    // Before that message: of each hundred ten have failed, one was cancelled.
    const sql = `WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<100000)
        INSERT INTO delivery(msg,ep,profile_version,status,reason,tries,due_ms,pos,request,last_attempt,flags)
        SELECT d.msg-c.i,d.ep,d.profile_version,CASE WHEN c.i%10=0 THEN 2 WHEN c.i%100=1 THEN 4 ELSE 0 END,0,1,0,NULL,0,0,0 FROM (SELECT * FROM delivery LIMIT 1) d, c`;
    execFileSync('sqlite3', [join(p.dir, 'postrider.db'), sql]);
    await p.start();
    const stats = (more = '') => p.ok('GET', `/api/v1/app/${app.id}/endpoint/${ep.id}/stats?${more}`);
    assert.deepEqual(await stats(), { success: 89_000, pending: 1, sending: 0, fail: 10_000, canceled: 1000 });
    const at = Date.parse(message.timestamp);
    assert.deepEqual(await stats(`since=${new Date(at + 60_000).toISOString()}&until=${new Date(at + 120_000).toISOString()}`), { success: 0, pending: 0, sending: 0, fail: 0, canceled: 0 });
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${ep.id}`, { disabled: true });
    await until('the one that waited is failed or cancelled', async () => (await stats()).pending === 0);
    const { success, fail, canceled } = await stats();
    assert.deepEqual([success, fail + canceled], [89_000, 11_001]);
});
