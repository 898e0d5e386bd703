// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { missing } from '../lib/javascript.mjs';

const S = '/ingest/api/v1/source';
const upsert = (x, ...args) => (x.upsert ? x.upsert(...args) : x.update(...args));
const sources = (c) => c.svix.ingest.source;
const endpoints = (c) => c.svix.ingest.endpoint;
// Below the root, as the clients ask for it.
const raw = (c, method, path, body, options) => c.p.api(method, path, body, { port: new URL(c.url).port, ...options });
const source = (c, fields = {}) => sources(c).create({ name: 'from outside', type: 'generic-webhook', ...fields });
const send = (c, url, body) => raw(c, 'POST', new URL(url).pathname, body, { token: null });
const gone = (e) => e.code === 404;

async function endpoint(c, fields = {}) {
    const { id } = await source(c);
    const ep = await endpoints(c).create(id, { url: c.r.url(`/${id}`), ...fields });
    return [id, ep.id, ep];
}

const setHeaders = (c, id, ep, headers) => (endpoints(c).setHeaders ?? endpoints(c).updateHeaders).call(endpoints(c), id, ep, { headers });

async function patch(c, id, ep, body) {
    if (endpoints(c).transformation) return endpoints(c).transformation.patch(id, ep, body);
    return endpoints(c).setTransformation(id, ep, body);
}
const transformation = (c, id, ep) => (endpoints(c).transformation ? endpoints(c).transformation.get(id, ep) : endpoints(c).getTransformation(id, ep));

export default [
    {
        op: 'v1.ingest.source.create',
        async run(c) {
            const made = await source(c, { uid: `github-${c.version}`, type: 'github', config: { secret: 's3cret' } });
            assert.deepEqual([made.type, made.uid, made.config], ['github', `github-${c.version}`, {}]);
            assert.equal((await send(c, made.ingestUrl, '{}')).status, 401);
            const open = await source(c);
            assert.equal((await send(c, open.ingestUrl, '{}')).status, 202);
            await assert.rejects(source(c, { type: 'vgs', config: { secret: 'x' } }), (e) => e.code === 422);
        },
    },
    {
        op: 'v1.ingest.source.list',
        async run(c) {
            const { id } = await source(c);
            const older = await sources(c).list({ limit: 1 });
            assert.equal(older.data[0].id, id);
            assert.equal((await sources(c).list({ limit: 250, order: 'ascending' })).data.at(-1).id, id);
        },
    },
    {
        op: 'v1.ingest.source.get',
        async run(c) {
            const made = await source(c);
            assert.deepEqual(await sources(c).get(made.id), made);
            await assert.rejects(sources(c).get('nobody'), gone);
        },
    },
    {
        op: 'v1.ingest.source.upsert',
        async run(c) {
            const uid = `put-${c.version}`;
            const made = await upsert(sources(c), uid, { name: 'made', type: 'generic-webhook' });
            const changed = await upsert(sources(c), uid, { name: 'changed', type: 'slack', config: { secret: 's' } });
            assert.deepEqual([changed.id, changed.uid, changed.name, changed.type], [made.id, uid, 'changed', 'slack']);
        },
    },
    {
        op: 'v1.ingest.source.patch',
        async run(c) {
            const { id } = await source(c);
            const changed = await raw(c, 'PATCH', `${S}/${id}`, { name: 'another name' });
            assert.deepEqual([changed.status, changed.json.name, changed.json.type], [200, 'another name', 'generic-webhook']);
        },
    },
    {
        op: 'v1.ingest.source.delete',
        async run(c) {
            const { id, ingestUrl } = await source(c);
            await sources(c).delete(id);
            await assert.rejects(sources(c).get(id), gone);
            assert.equal((await send(c, ingestUrl, '{}')).status, 404);
        },
    },
    {
        op: 'v1.ingest.source.rotate-token',
        async run(c) {
            const made = await source(c);
            const { ingestUrl } = await sources(c).rotateToken(made.id);
            assert.notEqual(ingestUrl, made.ingestUrl);
            for (const url of [ingestUrl, made.ingestUrl]) assert.equal((await send(c, url, '{}')).status, 202);
        },
    },
    {
        op: 'v1.ingest.authentication.consumer-portal-access',
        async run(c) {
            const [id] = await endpoint(c);
            const ask = c.svix.ingest.authentication ? (x) => c.svix.ingest.authentication.consumerPortalAccess(id, x) : (x) => c.svix.ingest.dashboard(id, x);
            const { url, token } = await ask({ readOnly: true });
            assert.match(url, /#key=/);
            const who = await c.http('GET', '/auth/whoami', undefined, { token });
            assert.equal(who.status, 200);
        },
    },
    {
        op: 'v1.ingest.log.list',
        async run(c) {
            const made = await source(c, { type: 'github', config: { secret: 's3cret' } });
            await send(c, made.ingestUrl, '{"a":1}');
            const { status, json } = await raw(c, 'GET', `${S}/${made.id}/log`);
            assert.deepEqual([status, json.data[0].status_code, json.data[0].payload, json.data[0].source_id], [200, 401, '{"a":1}', made.id]);
            assert.match(json.data[0].error_text, /signature/);
        },
    },
    {
        op: 'v1.ingest.endpoint.create',
        async run(c) {
            const { id, ingestUrl } = await source(c);
            const ep = await endpoints(c).create(id, { url: c.r.url(`/${id}`), description: 'd', headers: { 'X-Own': '1' }, metadata: { a: 'b' } });
            assert.deepEqual([ep.description, ep.metadata, ep.disabled], ['d', { a: 'b' }, false]);
            assert.equal((await send(c, ingestUrl, '{"from":"outside"}')).status, 202);
            await c.until('it arrives', () => c.r.requests.some((x) => x.path === `/${id}` && x.body.toString() === '{"from":"outside"}' && (c.version === 'svix-1' || x.headers['x-own'] === '1')));
        },
    },
    {
        op: 'v1.ingest.endpoint.list',
        async run(c) {
            const [id, ep] = await endpoint(c);
            assert.deepEqual((await endpoints(c).list(id)).data.map((x) => x.id), [ep]);
        },
    },
    {
        op: 'v1.ingest.endpoint.get',
        async run(c) {
            const [id, ep, made] = await endpoint(c, { uid: 'mine' });
            assert.equal((await endpoints(c).get(id, 'mine')).id, ep);
            assert.equal((await endpoints(c).get(id, ep)).url, made.url);
            const [other] = await endpoint(c);
            await assert.rejects(endpoints(c).get(other, ep), gone);
        },
    },
    {
        op: 'v1.ingest.endpoint.upsert',
        async run(c) {
            const [id, ep] = await endpoint(c);
            const changed = await upsert(endpoints(c), id, ep, { url: c.r.url('/else'), disabled: true });
            assert.deepEqual([changed.id, changed.disabled], [ep, true]);
        },
    },
    {
        op: 'v1.ingest.endpoint.delete',
        async run(c) {
            const [id, ep] = await endpoint(c);
            await endpoints(c).delete(id, ep);
            await assert.rejects(endpoints(c).get(id, ep), gone);
        },
    },
    {
        op: 'v1.ingest.endpoint.get-headers',
        async run(c) {
            const [id, ep] = await endpoint(c);
            await setHeaders(c, id, ep, { 'X-A': '1', Authorization: 'secret' });
            const got = await endpoints(c).getHeaders(id, ep);
            assert.equal(got.headers['X-A'], '1');
            assert.notEqual(got.headers.Authorization, 'secret');
            assert.deepEqual([...got.sensitive], ['Authorization']);
        },
    },
    {
        op: 'v1.ingest.endpoint.set-headers',
        async run(c) {
            const [id, ep] = await endpoint(c);
            await setHeaders(c, id, ep, { 'X-B': '2' });
            assert.deepEqual((await endpoints(c).getHeaders(id, ep)).headers, { 'X-B': '2' });
        },
    },
    {
        op: 'v1.ingest.endpoint.get-secret',
        async run(c) {
            const [id, ep] = await endpoint(c);
            assert.match((await endpoints(c).getSecret(id, ep)).key, /^whsec_/);
        },
    },
    {
        op: 'v1.ingest.endpoint.rotate-secret',
        async run(c) {
            const [id, ep] = await endpoint(c);
            const { key } = await endpoints(c).getSecret(id, ep);
            await endpoints(c).rotateSecret(id, ep, {});
            assert.notEqual((await endpoints(c).getSecret(id, ep)).key, key);
        },
    },
    {
        op: 'v1.ingest.endpoint.transformation.get',
        async run(c) {
            const [id, ep] = await endpoint(c);
            const none = await transformation(c, id, ep);
            assert.deepEqual([none.code ?? null, none.enabled], [null, false]);
        },
    },
    {
        op: 'v1.ingest.endpoint.transformation.patch',
        async run(c) {
            const [id, ep] = await endpoint(c);
            // Without the engine nothing with code can be saved.
            if (missing) return patch(c, id, ep, { enabled: false });
            const code = 'function handler(webhook) { return webhook; }';
            await patch(c, id, ep, { code, enabled: true });
            return assert.equal((await transformation(c, id, ep)).code, code);
        },
    },
    {
        op: 'v1.inbound.rotate-url',
        async run(c) {
            const app = await c.app();
            await c.endpoint(app);
            const { status, json } = await c.http('POST', `/app/${app.id}/inbound/rotate-url`);
            assert.equal(status, 200);
            const sent = await raw(c, 'POST', `${new URL(json.url).pathname}?event_type=a.b`, '{"by":"url"}', { token: null });
            assert.deepEqual([sent.status, sent.json.eventType], [202, 'a.b']);
            const next = await c.http('POST', `/app/${app.id}/inbound/rotate-url`);
            assert.notEqual(next.json.url, json.url);
            assert.equal((await send(c, json.url, '{}')).status, 404);
        },
    },
];
