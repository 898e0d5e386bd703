// SPDX-License-Identifier: Apache-2.0
// Statistics are the same as the attempts would give: over time, per endpoint, after a crash.
import assert from 'node:assert/strict';
import test from 'node:test';
import { postrider, slow } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { eachOf, until } from './lib/wait.mjs';

const sum = (list, key) => list.reduce((n, x) => n + x[key], 0);

test('a timeline counts every attempt once', { timeout: 60_000 * slow }, async (t) => {
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
    await until('none is under way', async () => (await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${bad.id}/stats`)).pending === 0);
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
