// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { jwt } from '../lib/postrider.mjs';

let number = 0;
// An environment of its own, and a client of it.
function fresh({ Svix, url, version }) {
    const token = jwt({ sub: `org_2Copies${version === 'svix' ? 'A' : 'B'}${String(++number).padStart(19, '0')}` });
    return new Svix(token, { serverUrl: url });
}

export default [
    {
        op: 'v1.environment.export',
        async run(c) {
            const svix = fresh(c);
            await svix.eventType.create({ name: 'a.b', description: 'A', schemas: { 1: { type: 'object' } } });
            const out = await svix.environment.export();
            assert.equal(out.version, 1);
            assert.deepEqual(out.eventTypes.map((x) => [x.name, x.description, x.schemas]), [['a.b', 'A', { 1: { type: 'object' } }]]);
            assert.equal(out.settings.disableEndpointOnFailure, true);
            assert.deepEqual(out.connectors, []);
        },
    },
    {
        op: 'v1.environment.import',
        async run(c) {
            const [from, to] = [fresh(c), fresh(c)];
            await from.eventType.create({ name: 'a.b', description: 'A' });
            await to.environment.import(await from.environment.export());
            assert.equal((await to.eventType.get('a.b')).description, 'A');
            await to.environment.import({ connectors: [{ name: 'Slack', kind: 'Slack', transformation: 'function handler(w) { return w; }' }] });
            assert.equal((await to.environment.export()).connectors[0].kind, 'Slack');
            await assert.rejects(to.environment.import({ eventTypes: [{ name: 'no good', description: '' }] }), (e) => e.code === 422);
        },
    },
];
