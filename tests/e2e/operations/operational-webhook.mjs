// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

const upsert = (x, ...args) => (x.upsert ? x.upsert(...args) : x.update(...args));
const api = (svix) => svix.operationalWebhook?.endpoint ?? svix.operationalWebhookEndpoint;

export default [
    {
        op: 'v1.operational-webhook.endpoint.create',
        async run({ svix, r, app, endpoint, until }) {
            const made = await api(svix).create({ url: r.url('/ops'), description: 'ops' });
            const a = await app();
            const e = await endpoint(a);
            await until('the notice arrives', () => r.requests.some((x) => x.path === '/ops' && JSON.parse(x.body).type === 'endpoint.created' && JSON.parse(x.body).data.endpointId === e.id));
            await api(svix).delete(made.id);
        },
    },
    {
        op: 'v1.operational-webhook.endpoint.list',
        async run({ svix, r }) {
            const { id } = await api(svix).create({ url: r.url() });
            assert.ok((await api(svix).list()).data.some((x) => x.id === id));
        },
    },
    {
        op: 'v1.operational-webhook.endpoint.get',
        async run({ svix, r }) {
            const { id } = await api(svix).create({ url: r.url(), uid: `get-${Date.now()}` });
            assert.equal((await api(svix).get(id)).id, id);
        },
    },
    {
        op: 'v1.operational-webhook.endpoint.upsert',
        async run({ svix, r }) {
            const { id } = await api(svix).create({ url: r.url() });
            assert.equal((await upsert(api(svix), id, { url: r.url(), description: 'changed' })).description, 'changed');
        },
    },
    {
        op: 'v1.operational-webhook.endpoint.delete',
        async run({ svix, r }) {
            const { id } = await api(svix).create({ url: r.url() });
            await api(svix).delete(id);
            await assert.rejects(api(svix).get(id), (e) => e.code === 404);
        },
    },
    {
        op: 'v1.operational-webhook.endpoint.get-headers',
        async run({ svix, r }) {
            const { id } = await api(svix).create({ url: r.url() });
            assert.deepEqual((await api(svix).getHeaders(id)).headers, {});
        },
    },
    {
        op: 'v1.operational-webhook.endpoint.set-headers',
        async run({ svix, r }) {
            const { id } = await api(svix).create({ url: r.url() });
            await (api(svix).setHeaders ?? api(svix).updateHeaders).call(api(svix), id, { headers: { 'X-A': '1' } });
            assert.deepEqual((await api(svix).getHeaders(id)).headers, { 'X-A': '1' });
        },
    },
    {
        op: 'v1.operational-webhook.endpoint.get-secret',
        async run({ svix, r }) {
            const { id } = await api(svix).create({ url: r.url() });
            assert.match((await api(svix).getSecret(id)).key, /^whsec_/);
        },
    },
    {
        op: 'v1.operational-webhook.endpoint.rotate-secret',
        async run({ svix, r }) {
            const { id } = await api(svix).create({ url: r.url() });
            const { key } = await api(svix).getSecret(id);
            await api(svix).rotateSecret(id, {});
            assert.notEqual((await api(svix).getSecret(id)).key, key);
        },
    },
];
