// SPDX-License-Identifier: Apache-2.0
// A message by every name that it has: its id, the caller's eventId, the UUID that receivers see.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test from 'node:test';
import { eachOf } from './lib/wait.mjs';
import { postrider } from './lib/postrider.mjs';

test('a message is found by its UUID', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const other = await p.app();
    const get = (a, id) => p.api('GET', `/api/v1/app/${a.id}/msg/${id}`);
    const sent = await eachOf(Array(40).keys(), 40, (i) => p.send(app, 'contact.created', { i }, i % 8 === 7 ? { eventId: `own-${i}` } : {}));
    for (const [i, message] of sent.entries()) {
        for (const name of [message.id, message.eventUuid, message.eventUuid.toUpperCase(), ...(message.eventId ? [message.eventId] : [])]) {
            const found = await get(app, name);
            assert.equal(found.status, 200, `${name}: ${found.text}`);
            assert.deepEqual([found.json.id, found.json.payload], [message.id, { i }]);
        }
        assert.equal((await get(other, message.eventUuid)).status, 404);
    }
    const own = randomUUID();
    const mine = await p.send(app, 'contact.created', { mine: true }, { eventId: own });
    assert.equal((await get(app, own)).json.id, mine.id);
    const near = sent[0].eventUuid.replace(/.$/, (c) => (c === '0' ? '1' : '0'));
    for (const none of [near, randomUUID(), `ffffffff-ffff-7${own.slice(15)}`, `00000000-0000-7${own.slice(15)}`, sent[0].eventUuid.slice(1), `${sent[0].eventUuid}0`]) assert.equal((await get(app, none)).status, 404, none);
    assert.equal((await p.ok('GET', `/api/v1/app/${app.id}/attempt/msg/${sent[0].eventUuid}`)).data.length, 0);
});
