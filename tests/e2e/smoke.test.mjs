// SPDX-License-Identifier: Apache-2.0
// The shortest way through everything: start, a workspace, an endpoint, a message, its delivery, its log; stop and go on.
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { Webhook } from 'standardwebhooks';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';

test('a message is delivered, verified and logged', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t, { answer: () => ({ status: 200, body: 'thank you' }) });
    const app = await p.app({ name: 'First customer', uid: 'first' });
    const endpoint = await p.endpoint(app, r.url('/hook?x=1'));
    const message = await p.send({ id: 'first' }, 'invoice.paid', { n: 1 }, { eventId: 'evt-1' });
    assert.match(message.id, /^msg_[0-9A-Za-z]{27}$/);
    const [request] = await r.arrived(1);
    assert.equal(request.method, 'POST');
    assert.equal(request.path, '/hook?x=1');
    assert.equal(request.body.toString(), '{"n":1}');
    assert.equal(request.headers['webhook-id'], message.id);
    new Webhook(await p.secret(app, endpoint)).verify(request.body, request.headers);
    const [attempt] = await p.attempted(app, message, 1);
    assert.equal(attempt.status, 0);
    assert.equal(attempt.responseStatusCode, 200);
    assert.equal(attempt.response, 'thank you');
    assert.equal(attempt.endpointId, endpoint.id);
    assert.equal(attempt.triggerType, 0);
});

test('a token made on the command line opens the API', async (t) => {
    const p = await postrider(t);
    const made = await p.command(['token', 'create']);
    assert.equal(made.status, 0, made.stderr);
    assert.match(made.stdout, /^prk_[0-9A-Za-z]+\n$/);
    const answer = await p.api('GET', '/api/v1/app', undefined, { token: made.stdout.trim() });
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await p.api('GET', '/api/v1/app', undefined, { token: `${made.stdout.trim()}x` })).status, 401);
    assert.equal((await p.api('GET', '/api/v1/app', undefined, { token: null })).status, 401);
});

test('a second start continues with what there was', async (t) => {
    const p = await postrider(t, { settings: { JWT_SECRET: undefined } });
    p.token = (await p.command(['token', 'create'])).stdout.trim();
    const r = await receiver(t);
    const app = await p.app();
    const endpoint = await p.endpoint(app, r.url());
    const secret = await p.secret(app, endpoint);
    const first = await p.send(app, 'a.b');
    await r.arrived(1);
    const keys = join(p.dir, 'postrider.keys');
    assert.ok(existsSync(keys), 'the keys are in a file beside the database');
    assert.equal(statSync(keys).mode & 0o777, 0o600);
    await p.restart();
    assert.equal(await p.secret(app, endpoint), secret);
    assert.equal((await p.ok('GET', `/api/v1/app/${app.id}/msg/${first.id}`)).id, first.id);
    const second = await p.send(app, 'a.b');
    assert.ok(second.id > first.id, 'ids go on rising');
    await r.arrived(2);
});
