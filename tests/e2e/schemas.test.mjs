// SPDX-License-Identifier: Apache-2.0
// Event types that check their messages against a JSON Schema.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Svix } from 'svix';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';

const schema = { type: 'object', required: ['id', 'lines'], properties: { id: { type: 'integer' }, lines: { type: 'array', minItems: 1, items: { $ref: '#/$defs/line' } } }, $defs: { line: { required: ['sku'], properties: { sku: { type: 'string', pattern: '^[A-Z]+$' } } } } };
const good = { id: 1, lines: [{ sku: 'A' }] };

test('a message must fit the newest schema when the event type says so, and only then', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app();
    await p.endpoint(app, r.url('/x'));
    const send = (payload, more = {}) => p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'order.placed', payload, ...more });
    const type = (fields, method = 'PATCH', path = '/order.placed') => p.api(method, `/api/v1/event-type${path}`, fields);

    const made = await type({ name: 'order.placed', description: '', schemas: { 1: schema } }, 'POST', '');
    assert.equal(made.json.validate, false);
    assert.equal((await send({ anything: true })).status, 202);

    // The next message already knows.
    assert.equal((await type({ validate: true })).json.validate, true);
    const wrong = [
        [{}, '/id'],
        [{ id: 'x', lines: [] }, '/id'],
        [{ id: 1, lines: [] }, '/lines'],
        [{ id: 1, lines: [{ sku: 'A' }, {}] }, '/lines/1/sku'],
        [{ id: 1, lines: [{ sku: 'a' }] }, '/lines/0/sku'],
    ];
    for (const [payload, place] of wrong) {
        const answer = await send(payload);
        assert.equal(answer.status, 422, answer.text);
        assert.deepEqual(answer.json.detail.map((d) => [d.loc, d.type]), [[['body', 'payload', place], 'value_error.schema']]);
    }
    assert.equal((await send(good)).status, 202);
    const raw = await send(good, { transformationsParams: { rawPayload: '{}' } });
    assert.deepEqual([raw.status, raw.json.detail[0].loc], [422, ['body', 'transformationsParams', 'rawPayload']]);
    assert.equal((await p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'another.type', payload: {} })).status, 202);

    // A newer version takes over, by number; PUT without our field keeps it; archived or not.
    await type({ schemas: { 2: { required: ['old'] }, 10: { required: ['v10'] }, 9: { required: ['v9'] } } });
    assert.equal((await send({ v10: 1 })).status, 202);
    assert.deepEqual((await send({ v9: 1 })).json.detail[0].loc, ['body', 'payload', '/v10']);
    const put = await type({ description: 'd', schemas: { 1: { required: ['again'] } } }, 'PUT');
    assert.equal(put.json.validate, true);
    assert.equal((await send({ v10: 1 })).status, 422);
    assert.equal((await send({ again: 1 })).status, 202);
    await type({ validate: null });
    assert.equal((await send({})).status, 202);
    await r.arrived(6);
});

test('it survives a restart, and a known idempotency key answers again whatever the body', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    await p.ok('POST', '/api/v1/event-type', { name: 'a.b', description: '', schemas: { 1: { required: ['a'] } }, validate: true });
    const send = (payload, key) => p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload }, { headers: { 'idempotency-key': key } });
    const first = await send({ a: 1 }, 'k1');
    assert.equal(first.status, 202);
    assert.equal((await send({}, 'k2')).status, 422);
    assert.equal((await send({ a: 2 }, 'k2')).status, 202);
    const again = await send({}, 'k1');
    assert.deepEqual([again.status, again.json.id], [202, first.json.id]);
    await p.restart();
    assert.equal((await send({}, 'k3')).status, 422);
});

test('a schema that cannot be compiled is refused when it would be used', async (t) => {
    const p = await postrider(t);
    const api = (method, path, body) => p.api(method, `/api/v1/event-type${path}`, body);
    const bad = { properties: { a: { type: 'text' } } };
    assert.equal((await api('POST', '', { name: 'off', description: '', schemas: { 1: bad } })).status, 201);
    for (const [method, path, body] of [
        ['POST', '', { name: 'on', description: '', schemas: { 1: bad }, validate: true }],
        ['PATCH', '/off', { validate: true }],
        ['PUT', '/new', { description: '', schemas: { 1: bad }, validate: true }],
    ]) {
        const answer = await api(method, path, body);
        assert.equal(answer.status, 422, answer.text);
        assert.deepEqual(answer.json.detail[0].loc, ['body', 'schemas', '/1/properties/a/type']);
    }
    // Only the newest counts.
    assert.equal((await api('PATCH', '/off', { schemas: { 1: bad, 2: {} }, validate: true })).status, 200);
});

test('the official client, which does not know the field, keeps it', async (t) => {
    const p = await postrider(t);
    const svix = new Svix(p.token, { serverUrl: `http://127.0.0.1:${p.port}` });
    await svix.eventType.create({ name: 'a.b', description: '', schemas: { 1: { required: ['a'] } } });
    await p.ok('PATCH', '/api/v1/event-type/a.b', { validate: true });
    await svix.eventType.upsert('a.b', { description: 'new', schemas: { 1: { required: ['a'] } } });
    const app = await svix.application.create({ name: 'A' });
    await assert.rejects(svix.message.create(app.id, { eventType: 'a.b', payload: {} }), (e) => e.code === 422);
    await svix.message.create(app.id, { eventType: 'a.b', payload: { a: 1 } });
});
