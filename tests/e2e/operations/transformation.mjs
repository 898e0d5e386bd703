// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { missing } from '../lib/javascript.mjs';

const code = 'function handler(webhook) { webhook.payload.seen = webhook.variables.v; return webhook; }';
// Without the engine nothing can be saved or tried: a 422 says which package it takes.
const names = (e) => missing && e.code === 422 && JSON.stringify(e.body).includes('libjavascriptcoregtk');

// The clients have had several names for the same request.
async function patch({ svix, http }, app, ep, body) {
    if (svix.endpoint.transformation) return svix.endpoint.transformation.patch(app, ep, body);
    if (svix.endpoint.patchTransformation) return svix.endpoint.patchTransformation(app, ep, body);
    const a = await http('PATCH', `/app/${app}/endpoint/${ep}/transformation`, body);
    if (a.status !== 204) throw Object.assign(new Error('refused'), { code: a.status, body: a.json });
    return undefined;
}

async function get({ svix, http }, app, ep) {
    if (svix.endpoint.transformation) return svix.endpoint.transformation.get(app, ep);
    if (svix.endpoint.transformationGet) return svix.endpoint.transformationGet(app, ep);
    const a = await http('GET', `/app/${app}/endpoint/${ep}/transformation`);
    if (a.status !== 200) throw Object.assign(new Error('refused'), { code: a.status, body: a.json });
    return a.json;
}

export default [
    {
        op: 'v1.endpoint.transformation.get',
        async run(c) {
            const { id } = await c.app();
            const ep = await c.endpoint({ id });
            const none = await get(c, id, ep.id);
            assert.deepEqual([none.code ?? null, none.enabled], [null, false]);
            await assert.rejects(get(c, id, 'ep_nothing'), (e) => e.code === 404);
        },
    },
    {
        op: 'v1.endpoint.transformation.patch',
        async run(c) {
            const { id } = await c.app();
            const ep = await c.endpoint({ id });
            await patch(c, id, ep.id, { enabled: false });
            try {
                await patch(c, id, ep.id, { code, enabled: true });
            } catch (e) {
                if (names(e)) return;
                throw e;
            }
            const got = await get(c, id, ep.id);
            assert.deepEqual([got.code, got.enabled], [code, true]);
            await assert.rejects(patch(c, id, ep.id, { code: 'function handler( {}' }), (e) => e.code === 422);
            if (c.svix.endpoint.transformationPartialUpdate) await c.svix.endpoint.transformationPartialUpdate(id, ep.id, { code, enabled: false });
        },
    },
    {
        op: 'v1.endpoint.transformation.simulate',
        async run(c) {
            const { id } = await c.app();
            const ep = await c.endpoint({ id });
            const body = { code, eventType: 'a.b', payload: { n: 1 }, variables: { v: 'x' } };
            const a = await c.http('POST', `/app/${id}/endpoint/${ep.id}/transformation/simulate`, body);
            if (names({ code: a.status, body: a.json })) return;
            assert.deepEqual([a.status, a.json.payload, a.json.cancel, a.json.method], [200, '{"n":1,"seen":"x"}', false, 'POST']);
        },
    },
];
