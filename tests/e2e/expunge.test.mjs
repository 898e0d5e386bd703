// SPDX-License-Identifier: Apache-2.0
// Content that is expunged is gone: from answers, from the files, and from what still waits to be sent.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Svix } from 'svix';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { sleep } from './lib/wait.mjs';

test('a message that waits for its next try is expunged, and not sent again', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { answer: () => ({ status: 500, body: 'echo: secret-in-the-answer' }) });
    const svix = new Svix(p.token, { serverUrl: `http://127.0.0.1:${p.port}` });
    const app = await p.app({ uid: 'expunge' });
    const endpoint = await p.endpoint(app, r.url(), { retrySchedule: [1.5, 60], uid: 'e' });
    const message = await svix.message.create('expunge', { eventType: 'a.b', payload: { card: 'secret-in-the-payload' } });
    const [attempt] = await p.attempted(app, message, 1);

    await svix.message.expungeContent('expunge', message.id);
    await svix.message.expungeContent('expunge', message.id);
    assert.deepEqual((await svix.message.get('expunge', message.id, { withContent: true })).payload, { expired: true });
    await assert.rejects(svix.message.expungeContent('expunge', 'msg_000000000000000000000000000'), (e) => e.code === 404);
    await assert.rejects(svix.messageAttempt.resend('expunge', message.id, endpoint.id), (e) => e.code === 410);
    const [delivery] = (await p.ok('GET', `/api/v1/app/${app.id}/msg/${message.id}/endpoint`)).data;
    assert.equal(delivery.status, 2);
    assert.equal(delivery.nextAttempt, null);

    await svix.messageAttempt.expungeContent('expunge', message.id, attempt.id);
    assert.equal((await svix.messageAttempt.get('expunge', message.id, attempt.id)).response, 'EXPUNGED');

    await sleep(2500);
    assert.equal(r.requests.length, 1);
    assert.equal((await p.attempts(app, message)).length, 1);

    await p.stop();
    for (const name of readdirSync(p.dir)) {
        const bytes = readFileSync(join(p.dir, name));
        if (name.endsWith('.log')) continue;
        assert.equal(bytes.includes('secret-in-the-payload'), false, `the payload is in ${name}`);
        assert.equal(bytes.includes('secret-in-the-answer'), false, `the answer is in ${name}`);
    }
});
