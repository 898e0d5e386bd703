// SPDX-License-Identifier: Apache-2.0
// Event types out of OpenAPI documents.
import assert from 'node:assert/strict';
import test from 'node:test';
import { jwt, postrider } from './lib/postrider.mjs';
import { until } from './lib/wait.mjs';

const path = '/api/v1/event-type/import/openapi';

const yaml = `
openapi: 3.1.0
info: {title: Pets, version: '1'}
webhooks:
  pet.new:
    post:
      operationId: newPet
      description: A pet has arrived
      x-svix-feature-flags: [beta]
      x-svix-group-name: pet
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Pet'}
            examples:
              rex: {value: {id: 1, name: Rex}}
  Pet Gone:
    post: {operationId: pet.gone, summary: A pet has left, deprecated: true}
x-webhooks:
  pet.moved: {$ref: '#/components/pathItems/moved'}
components:
  pathItems:
    moved:
      put:
        requestBody: {$ref: '#/components/requestBodies/Move'}
  requestBodies:
    Move:
      description: Where to
      content:
        application/vnd.move+json:
          schema:
            type: object
            properties:
              pet: {$ref: '#/components/schemas/Pet'}
              $ref: {type: string}
            example: {$ref: 'not a reference'}
  schemas:
    Pet:
      type: object
      required: [id]
      properties:
        id: {type: integer}
        parent: {$ref: '#/components/schemas/Pet'}
        tags: {type: array, items: {$ref: '#/components/schemas/Tag~1s'}}
    Tag/s: {type: string}
`;

test('webhooks in YAML become event types with schemas that stand alone', async (t) => {
    const p = await postrider(t);
    await p.ok('POST', '/api/v1/event-type', { name: 'other', description: '' });
    const dry = await p.ok('POST', path, { specRaw: yaml, dryRun: true });
    assert.deepEqual(dry.data.modified, []);
    assert.deepEqual(dry.data.to_modify.map((x) => x.name), ['pet.new', 'pet.gone', 'pet.moved']);
    assert.equal((await p.api('GET', '/api/v1/event-type/pet.new')).status, 404);

    const { data } = await p.ok('POST', path, { specRaw: yaml });
    assert.deepEqual(data, { modified: ['pet.new', 'pet.gone', 'pet.moved'], to_modify: null });
    const pet = await p.ok('GET', '/api/v1/event-type/pet.new');
    assert.deepEqual([pet.description, pet.groupName, pet.featureFlags, pet.deprecated], ['A pet has arrived', 'pet', ['beta'], false]);
    assert.deepEqual(pet.schemas, {
        1: {
            type: 'object',
            required: ['id'],
            properties: { id: { type: 'integer' }, parent: { $ref: '#' }, tags: { type: 'array', items: { $ref: '#/$defs/Tag_1s' } } },
            examples: [{ id: 1, name: 'Rex' }],
            $defs: { Tag_1s: { type: 'string' } },
        },
    });
    const gone = await p.ok('GET', '/api/v1/event-type/pet.gone');
    assert.deepEqual([gone.description, gone.deprecated, gone.schemas], ['A pet has left', true, null]);
    const moved = await p.ok('GET', '/api/v1/event-type/pet.moved');
    assert.equal(moved.description, 'Where to');
    assert.deepEqual(moved.schemas[1].properties, { pet: { $ref: '#/$defs/Pet' }, $ref: { type: 'string' } });
    assert.deepEqual(moved.schemas[1].example, { $ref: 'not a reference' });
    assert.deepEqual(moved.schemas[1].$defs.Pet.properties.parent, { $ref: '#/$defs/Pet' });

    assert.deepEqual((await p.ok('POST', path, { specRaw: yaml })).data.modified, [], 'the second time nothing changes');
    // They work as they are.
    await p.ok('PATCH', '/api/v1/event-type/pet.new', { validate: true });
    const app = await p.app();
    const send = (payload) => p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'pet.new', payload });
    assert.equal((await send({ id: 1, parent: { id: 2, tags: ['x'] } })).status, 202);
    assert.equal((await send({ id: 1, parent: { id: 2, tags: [3] } })).status, 422);
});

const spec = (webhooks, more = {}) => ({ openapi: '3.1.0', webhooks, ...more });
const hook = (schema, more = {}) => ({ post: { requestBody: { content: { 'application/json': { schema } } }, ...more } });

test('versions, archived types and those that are not in the document', async (t) => {
    const p = await postrider(t);
    const get = (name) => p.ok('GET', `/api/v1/event-type/${name}`);
    await p.ok('PUT', '/api/v1/event-type/a', { description: 'Mine', groupName: 'kept', schemas: { 3: { type: 'object', title: 'old' } } });
    await p.ok('PUT', '/api/v1/event-type/b', { description: 'B' });
    await p.ok('DELETE', '/api/v1/event-type/a');
    const one = spec({ a: hook({ title: 'old', type: 'object' }), c: hook({ type: 'object' }, { description: 'C' }) });
    assert.deepEqual((await p.ok('POST', path, { spec: one })).data.modified, ['a', 'c']);
    const a = await get('a');
    assert.deepEqual([a.archived, a.description, a.groupName, Object.keys(a.schemas)], [false, 'Mine', 'kept', ['3']], 'the same schema is no new version');
    await p.ok('POST', path, { spec: spec({ a: hook({ type: 'object', title: 'new' }) }) });
    assert.deepEqual(Object.entries((await get('a')).schemas).map(([k, v]) => [k, v.title]), [['3', 'old'], ['4', 'new']]);
    const dry = await p.ok('POST', path, { spec: one, replaceAll: true, dryRun: true });
    assert.deepEqual(dry.data.to_modify.map((x) => x.name), ['a']);
    assert.deepEqual(dry.data.to_archive, ['b'], 'what would go');
    const all = await p.ok('POST', path, { specRaw: JSON.stringify(one), replaceAll: true });
    assert.deepEqual(all.data.modified.sort(), ['a', 'b']);
    assert.deepEqual([(await get('b')).archived, (await get('c')).archived], [true, false]);
});

test('what cannot be imported says where, and nothing of it is', async (t) => {
    const p = await postrider(t);
    const good = hook({ type: 'object' });
    const bombs = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(20).fill(`*a${i}`).join(', ')}]`).join('\n');
    const cases = [
        [{ spec: spec({}) }, ['spec']],
        [{ spec: [] }, ['spec']],
        [{ spec: spec({ good, 'no name': hook({}) }) }, ['spec', '/webhooks/no name']],
        [{ spec: spec({ good, bad: hook({ $ref: '#/components/schemas/None' }) }) }, ['spec', '/components/schemas/None']],
        [{ spec: spec({ good, bad: hook({ properties: { x: { $ref: 'other.yaml#/X' } } }) }) }, ['spec', '/webhooks/bad/post/requestBody/content/application~1json/schema']],
        [{ spec: spec({ good, bad: { $ref: '#/webhooks/bad' } }) }, ['spec', '/webhooks/bad']],
        [{ spec: spec({ good, bad: { description: 'none' } }) }, ['spec', '/webhooks/bad']],
        [{ spec: spec({ good }, { 'x-webhooks': { good } }) }, ['spec', '/x-webhooks/good']],
        [{ specRaw: 'a: [1,\nb: }' }, ['specRaw']],
        [{ specRaw: `a0: &a0 [x, x]\n${bombs}` }, ['specRaw']],
        [{ specRaw: 'text' }, ['specRaw']],
        [{ specRaw: yaml, dryRun: 'yes' }, ['dryRun']],
    ];
    for (const [body, loc] of cases) {
        const answer = await p.api('POST', path, body);
        assert.equal(answer.status, 422, `${JSON.stringify(body)} ${answer.text}`);
        assert.ok(answer.json.detail.some((x) => JSON.stringify(x.loc) === JSON.stringify(['body', ...loc])), `${answer.text} has no ${loc}`);
    }
    assert.equal((await p.api('POST', path, {})).status, 400);
    assert.equal((await p.api('POST', path, { spec: spec({ good }), specRaw: yaml })).status, 400);
    assert.deepEqual((await p.ok('GET', '/api/v1/event-type')).data, []);
});

test('an export is an import elsewhere', async (t) => {
    const p = await postrider(t);
    const token = jwt({ sub: 'org_2OtherEnvironment000000000A' });
    await p.ok('POST', path, { specRaw: yaml });
    await p.ok('DELETE', '/api/v1/event-type/pet.gone');
    const started = await p.ok('POST', '/api/v1/event-type/export/openapi');
    assert.equal(started.task, 'sdk.generate');
    let task = started;
    await until('it is written', async () => (task = await p.ok('GET', `/api/v1/background-task/${started.id}`)).status === 'finished');
    const document = task.data.openapi;
    assert.deepEqual(Object.keys(document.webhooks), ['pet.moved', 'pet.new']);
    await p.ok('POST', path, { spec: document }, { token });
    for (const name of ['pet.new', 'pet.moved']) {
        const [{ createdAt: _a, updatedAt: _b, ...a }, { createdAt: _c, updatedAt: _d, ...b }] = [await p.ok('GET', `/api/v1/event-type/${name}`), await p.ok('GET', `/api/v1/event-type/${name}`, undefined, { token })];
        assert.deepEqual(b, a);
    }
    assert.deepEqual((await p.ok('POST', path, { spec: document })).data.modified, [], 'nothing is new where it came from');
    assert.equal((await p.ok('GET', '/api/v1/background-task')).data[0].data.openapi, undefined, 'not in lists');
});
