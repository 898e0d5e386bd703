// SPDX-License-Identifier: Apache-2.0
// What is exported from one environment and imported into another is the same there; a bad import changes nothing.
import assert from 'node:assert/strict';
import test from 'node:test';
import { jwt, postrider } from './lib/postrider.mjs';

const other = jwt({ sub: 'org_2OtherEnvironment000000000A' });
const path = '/api/v1/environment';

// Without what is an environment's own: ids and times.
function plain(copy) {
    const strip = ({ id, orgId, createdAt, updatedAt, transformationUpdatedAt, ...rest }) => rest;
    const { createdAt, ...rest } = copy;
    return { ...rest, eventTypes: copy.eventTypes.map(strip), connectors: copy.connectors.map(strip) };
}

async function filled(p) {
    for (let i = 0; i < 300; i++) await p.ok('POST', '/api/v1/event-type', { name: `type.${String(i).padStart(3, '0')}`, description: `Number ${i}` });
    await p.ok('PUT', '/api/v1/event-type/rich', {
        description: 'With "all"\n',
        deprecated: true,
        archived: true,
        groupName: 'g',
        featureFlags: ['a', 'b'],
        schemas: { 1: { type: 'object', examples: [{ n: 1.1 }] }, 2: { type: 'object' } },
        retrySchedule: [5, 0.5],
        validate: true,
    });
    await p.ok('PATCH', '/api/v1/management/environment-settings', { displayName: 'Acme', retryPolicy: [1, 2], whitelabelHeaders: true, colorPaletteLight: { primary: '#123' } });
    await p.ok('POST', `${path}/import`, {
        connectors: [
            { name: 'One', uid: 'one', transformation: 'function handler() {}', featureFlags: ['x'] },
            { name: 'Two', kind: 'Discord', transformation: 'function handler() {}', allowedEventTypes: ['rich'], productType: 'Stream' },
        ],
    });
    return p.ok('POST', `${path}/export`);
}

test('a round trip between two environments, twice', async (t) => {
    const p = await postrider(t);
    const copy = await filled(p);
    assert.equal(copy.eventTypes.length, 301);
    const text = JSON.stringify(copy);
    await p.ok('POST', '/api/v1/event-type', { name: 'mine', description: 'stays' }, { token: other });
    for (let i = 0; i < 2; i++) {
        const answer = await p.api('POST', `${path}/import`, text, { token: other });
        assert.equal(answer.status, 204, answer.text);
    }
    const back = await p.ok('POST', `${path}/export`, undefined, { token: other });
    assert.ok(back.eventTypes.some((x) => x.name === 'mine'), 'what is not in it stays');
    back.eventTypes = back.eventTypes.filter((x) => x.name !== 'mine');
    assert.deepEqual(plain(back), plain(copy));
    const before = back.eventTypes.map((x) => x.updatedAt);
    await p.ok('POST', `${path}/import`, text, { token: other });
    const again = await p.ok('POST', `${path}/export`, undefined, { token: other });
    assert.deepEqual(again.eventTypes.filter((x) => x.name !== 'mine').map((x) => x.updatedAt), before, 'the third time nothing was written');
    const app = await p.ok('POST', '/api/v1/app', { name: 'x' }, { token: other });
    const ep = await p.ok('POST', `/api/v1/app/${app.id}/endpoint`, { url: 'http://127.0.0.1:9/' }, { token: other });
    assert.deepEqual(ep.effectiveRetrySchedule, [1, 2], 'the settings work');
});

test('a bad import says where, and nothing of it is done', async (t) => {
    const p = await postrider(t);
    await p.app();
    const good = { name: 'good', description: '' };
    const cases = [
        [{ eventTypes: [good, { name: 'no good', description: '' }] }, ['body', 'eventTypes', '1', 'name']],
        [{ eventTypes: [good, 'x'] }, ['body', 'eventTypes', '1']],
        [{ eventTypes: [good, good] }, ['body', 'eventTypes', 'good']],
        [{ eventTypes: {} }, ['body', 'eventTypes']],
        [{ eventTypes: [good], settings: { customColor: ';' } }, ['body', 'settings', 'customColor']],
        [{ eventTypes: [good], settings: { wipeSuccessfulPayload: true } }, ['body', 'settings', 'wipeSuccessfulPayload']],
        [{ eventTypes: [good], connectors: [{ name: 'x', transformation: 'short' }] }, ['body', 'connectors', '0', 'transformation']],
        [{ eventTypes: [{ ...good, validate: true, schemas: { 1: { type: 'nonsense' } } }] }, ['body', 'eventTypes', '0', 'schemas']],
    ];
    for (const [body, loc] of cases) {
        const answer = await p.api('POST', `${path}/import`, body);
        assert.equal(answer.status, 422, `${JSON.stringify(body)} ${answer.text}`);
        assert.ok(answer.json.detail.some((x) => JSON.stringify(x.loc.slice(0, loc.length)) === JSON.stringify(loc)), `${answer.text} has no ${loc}`);
    }
    assert.equal((await p.api('POST', `${path}/import`, '{"eventTypes": [')).status, 400);
    assert.equal((await p.api('POST', `${path}/import`, '[]')).status, 422);
    const copy = await p.ok('POST', `${path}/export`);
    assert.deepEqual([copy.eventTypes, copy.connectors], [[], []]);
    const { token } = await p.ok('POST', '/api/v1/auth/api-key', { name: 'k', role: 'editor' });
    assert.equal((await p.api('POST', `${path}/export`, undefined, { token })).status, 403);
});

test('what another version wrote, or what would not be done, is refused', async (t) => {
    const p = await postrider(t);
    const answer = (body) => p.api('POST', `${path}/import`, { eventTypes: [{ name: 'new', description: '' }], ...body });
    for (const version of [0, 2, 'x', 1.5]) {
        const { status, json } = await answer({ version });
        assert.deepEqual([status, json.detail[0].loc], [422, ['body', 'version']], String(version));
        assert.match(json.detail[0].msg, /must be 1, the only version/);
    }
    for (const name of ['dryRun', 'replaceAll']) assert.deepEqual((await answer({ [name]: true })).json.detail?.[0].loc, ['body', name]);
    assert.equal((await p.api('GET', '/api/v1/event-type/new')).status, 404, 'nothing was written');
    for (const head of [{}, { version: null }, { version: 1, dryRun: false }]) assert.equal((await answer(head)).status, 204);
});
