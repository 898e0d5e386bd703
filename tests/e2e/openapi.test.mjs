// SPDX-License-Identifier: Apache-2.0
// The description of the API is the one in docs/, has everything that others' clients know, and answers are as it says.
// UPDATE_OPENAPI=1 writes docs/api/openapi.json.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { selfSigned } from './lib/certs.mjs';
import { missing as noEngine } from './lib/javascript.mjs';
import { environment, jwt, postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { firstKey, goodPassword, Person } from './lib/console.mjs';
import { until } from './lib/wait.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const committed = join(here, '..', '..', 'docs', 'api', 'openapi.json');
// What the open-source server describes and what the official clients know, united: a field is required where both say so.
const reference = JSON.parse(readFileSync(join(here, 'data', 'svix-operations.json')));
// Of those, what does not exist yet: a list that only gets shorter.
const absent = new Set(JSON.parse(readFileSync(join(here, 'data', 'svix-absent.json'))));

async function served(t) {
    const p = await postrider(t);
    return { p, api: (await p.ok('GET', '/api/v1/openapi.json', undefined, { token: null })) };
}

const resolve = (api, schema) => (schema.$ref ? api.components.schemas[schema.$ref.split('/').pop()] : schema.allOf ? resolve(api, schema.allOf[0]) : schema);
const bodyOf = (api, x) => resolve(api, x.content['application/json'].schema);

test('the committed description is the served one', async (t) => {
    const { p, api } = await served(t);
    const text = `${JSON.stringify(api, null, 1)}\n`;
    if (process.env.UPDATE_OPENAPI) {
        mkdirSync(dirname(committed), { recursive: true });
        writeFileSync(committed, text);
    }
    assert.equal(readFileSync(committed, 'utf8'), text, 'run with UPDATE_OPENAPI=1');
    assert.deepEqual(await p.ok('GET', '/openapi.json'), api);
});

test('no operation and no field of the reference is missing', async (t) => {
    const { api } = await served(t);
    const missing = [];
    for (const want of reference) {
        const [method, path] = want.op.split(' ');
        const op = api.paths[path]?.[method.toLowerCase()];
        if (!op || absent.has(want.id)) {
            if (!op !== absent.has(want.id)) missing.push(op ? `${want.id} exists: take it out of data/svix-absent.json` : want.op);
            continue;
        }
        const query = op.parameters.filter((x) => x.in === 'query').map((x) => x.name);
        for (const name of want.query ?? []) if (!query.includes(name)) missing.push(`${want.op} ?${name}`);
        if (want.in) {
            const body = bodyOf(api, op.requestBody);
            for (const name of Object.keys(want.in)) if (!body.properties[name]) missing.push(`${want.op} takes ${name}`);
            for (const name of body.required ?? []) if (want.in[name] !== 'required') missing.push(`${want.op} insists on ${name}`);
        }
        if (want.out) {
            const answer = op.responses[want.status];
            if (!answer) {
                missing.push(`${want.op} answers ${want.status}`);
                continue;
            }
            let body = bodyOf(api, answer);
            if (want.list) body = resolve(api, body.properties.data.items);
            for (const name of [...want.out, ...want.maybe]) if (!body.properties?.[name]) missing.push(`${want.op} answers ${name}`);
        }
    }
    assert.deepEqual(missing.filter((x) => !absent.has(x)), []);
});

// What does not fit, as "path: why".
function misfits(api, schema, value, at = '$') {
    const s = resolve(api, schema);
    if (value === null) return schema.nullable || s.nullable ? [] : [`${at}: null`];
    if (s.type === 'array') return Array.isArray(value) ? value.flatMap((v, i) => misfits(api, s.items, v, `${at}[${i}]`)) : [`${at}: no array`];
    if (s.type === 'object') {
        if (typeof value !== 'object' || Array.isArray(value)) return [`${at}: no object`];
        if (!s.properties) return s.additionalProperties ? Object.entries(value).flatMap(([k, v]) => misfits(api, s.additionalProperties, v, `${at}.${k}`)) : [];
        return [
            ...(s.required ?? []).filter((k) => !(k in value)).map((k) => `${at}.${k}: missing`),
            ...Object.entries(value).flatMap(([k, v]) => (s.properties[k] ? misfits(api, s.properties[k], v, `${at}.${k}`) : [`${at}.${k}: not described`])),
        ];
    }
    if (s.type === undefined) return [];
    const fits = { string: typeof value === 'string', boolean: typeof value === 'boolean', integer: Number.isInteger(value), number: typeof value === 'number' }[s.type];
    if (!fits) return [`${at}: ${JSON.stringify(value)} is no ${s.type}`];
    return s.format === 'date-time' && Number.isNaN(Date.parse(value)) ? [`${at}: no time`] : [];
}

test('answers are as described, for every operation', async (t) => {
    const { p, api } = await served(t);
    const seen = new Set();
    async function call(pattern, names, body, options) {
        const [method, path] = pattern.split(' ');
        const op = api.paths[path.split('?')[0]][method.toLowerCase()];
        const url = path.replace(/\{(\w+)\}/g, (_, name) => names[name]);
        const answer = await p.api(method, url, body, options);
        const status = String(answer.status);
        assert.ok(op.responses[status] && (/^2/.test(status) || status === Object.keys(op.responses)[0]), `${pattern}: ${answer.status} ${answer.text}`);
        seen.add(op.operationId);
        if (!op.responses[status].content) return undefined;
        assert.deepEqual(misfits(api, op.responses[status].content['application/json'].schema, answer.json), [], pattern);
        return answer.json;
    }
    const r = await receiver(t, { answer: (_, n) => ({ status: n === 0 ? 500 : 200, body: 'ok' }) });
    const V = '/api/v1';
    const A = `${V}/app/{app_id}`;
    const E = `${A}/endpoint/{endpoint_id}`;
    const M = `${A}/msg/{msg_id}`;
    const n = {};

    await call(`POST ${V}/event-type`, n, { name: 'a.b', description: 'x', schemas: { 1: { examples: [{ a: 1 }] } } });
    n.event_type_name = 'a.b';
    const T = `${V}/event-type/{event_type_name}`;
    for (const [m, body] of [['GET'], ['PUT', { description: 'y' }], ['PATCH', { groupName: 'g', featureFlags: ['f'] }]]) await call(`${m} ${T}`, n, body);
    await call(`GET ${V}/event-type?include_archived=true&with_content=true`, n);

    n.app_id = (await call(`POST ${V}/app`, n, { name: 'A', uid: 'a', metadata: { k: 'v' }, throttleRate: 5 })).id;
    for (const [m, body] of [['GET'], ['PUT', { name: 'B' }], ['PATCH', { name: 'C' }]]) await call(`${m} ${A}`, n, body);
    for (const [m, body] of [['GET'], ['PATCH', { incomingRateLimit: 50 }]]) await call(`${m} ${A}/settings`, n, body);
    await call(`GET ${V}/app`, n);

    n.endpoint_id = (await call(`POST ${A}/endpoint`, n, { url: r.url(), eventTypes: ['a.b'], channels: ['c'], retrySchedule: [600] })).id;
    await call(`PATCH ${E}`, n, { channels: null, description: 'd' });
    await call(`PUT ${E}`, n, { url: r.url(), description: 'e' });
    for (const rest of [E, `${A}/endpoint`, `${E}/secret`, `${E}/stats`, `${E}/rate-limit-status`]) await call(`GET ${rest}`, n);
    await call(`PUT ${E}/headers`, n, { headers: { 'X-A': '1', Authorization: 'secret' } });
    await call(`PATCH ${E}/headers`, n, { headers: { 'X-B': '1' }, deleteHeaders: ['X-A'] });
    await call(`GET ${E}/headers`, n);
    await call(`POST ${E}/secret/rotate`, n, {});
    await call(`PUT ${E}/mtls`, n, { identity: selfSigned() });
    for (const rest of ['mtls', 'mtls-config', 'ca']) await call(`GET ${E}/${rest}`, n);
    await call(`DELETE ${E}/mtls`, n);
    await call(`PUT ${E}/ca`, n, { cert: null });
    await call(`PUT ${E}/oauth`, n, { grantType: 'clientCredentials', authMethod: 'clientSecretPost', clientId: 'a', clientSecret: 'b', tokenUrl: r.url('/token'), scopes: ['c'], extraParams: { d: 'e' } });
    for (const rest of ['oauth', 'oauth-config']) await call(`GET ${E}/${rest}`, n);
    await call(`DELETE ${E}/oauth`, n);
    await call(`PATCH ${E}/transformation`, n, { variables: { a: 'b' } });
    await call(`GET ${E}/transformation`, n);
    const code = 'const handler = (webhook) => webhook;';
    if (noEngine) seen.add('v1.endpoint.transformation.simulate');
    else await call(`POST ${E}/transformation/simulate`, n, { code, eventType: 'a.b', payload: {} });

    n.msg_id = (await call(`POST ${A}/msg`, n, { eventType: 'a.b', payload: { x: 1 }, tags: ['t'], channels: ['c'], actor: { type: 'user', id: '1' } })).id;
    await p.attempted({ id: n.app_id }, { id: n.msg_id }, 1);
    for (const rest of [`${A}/msg`, M, `${M}/raw`, `${M}/endpoint`, `${M}/endpoint/{endpoint_id}/body`, `${E}/msg`, `${A}/attempt/endpoint/{endpoint_id}`, `${A}/attempt`]) await call(`GET ${rest}`, n);
    const range = 'since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z';
    for (const rest of [`${A}/stats/attempts?${range}`, `${A}/stats/timeline?${range}`, `${A}/attempt/endpoint/{endpoint_id}/count`]) await call(`GET ${rest}`, n);
    for (const rest of ['app/stats/count-active', 'stats/app/{app_id}/attempt', 'stats/endpoint/count']) await call(`GET ${V}/${rest}`, n);
    await call(`POST ${V}/stats/usage/app`, n, { since: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z' });
    await call(`PUT ${V}/stats/usage/event-types`, n);
    await call(`POST ${A}/msg/search`, n, { limit: 1 });
    await call(`POST ${A}/msg/precheck/active`, n, { eventType: 'a.b' });
    await call(`POST ${E}/msg/test-attempt`, n, { eventType: 'a.b', payload: { a: 1 } });
    n.attempt_id = (await call(`GET ${A}/attempt/msg/{msg_id}?with_msg=true&with_content=true`, n)).data[0].id;
    await call(`GET ${M}/attempt/{attempt_id}`, n);
    await call(`GET ${M}/attempt/{attempt_id}/headers`, n);
    await call(`POST ${M}/endpoint/{endpoint_id}/resend`, n, {});
    await call(`POST ${E}/send-example`, n, { eventType: 'a.b' });
    n.task_id = (await call(`POST ${E}/recover`, n, { since: new Date(Date.now() - 3_600_000).toISOString() })).id;
    await until('the task is done', async () => (await call(`GET ${V}/background-task/{task_id}`, n)).status === 'finished');
    await call(`GET ${V}/background-task`, n);
    const since = new Date(Date.now() - 3_600_000).toISOString();
    for (const kind of ['bulk-replay', 'replay-missing']) n.task_id = (await call(`POST ${E}/${kind}`, n, { since })).id;
    await call(`POST ${E}/cancel-msgs`, n, { createdBefore: since });
    await call(`POST ${A}/msg/bulk-expunge`, n, { ids: ['nobody'] });
    await until('one is canceled before its end', async () => {
        n.task_id = (await call(`POST ${V}/msg/broadcast`, n, { eventType: 'a.b', payload: { a: 1 }, deliverAt: new Date(Date.now() + 3_600_000).toISOString() })).id;
        return (await p.api('POST', `/api/v1/background-task/${n.task_id}/cancel`, {})).status === 200;
    });
    await call(`POST ${V}/background-task/{task_id}/cancel`, n, {});
    await call(`POST ${A}/msg/expunge-all-contents`, n, {});
    await call(`DELETE ${M}/attempt/{attempt_id}/content`, n);
    await call(`DELETE ${M}/content`, n);
    await call(`GET ${M}`, n);

    const { builtin, version, createdAt, updatedAt, ...row } = await call(`GET ${V}/profile/{name}`, { name: 'standard' });
    assert.equal(builtin, true);
    await call(`GET ${V}/profile`, n);
    await call(`GET ${V}/provider`, n);
    await call(`POST ${V}/profile`, n, { ...row, name: 'mine' });
    n.name = 'mine';
    await call(`PUT ${V}/profile/{name}`, n, { ...row, name: 'mine' });
    await call(`POST ${V}/profile/{name}/preview`, n, { eventType: 'a.b', payload: { x: 1 } });
    await call(`DELETE ${V}/profile/{name}`, n);

    await call(`PUT ${T}/retry-schedule`, n, { retrySchedule: [{ secs: 5, nanos: 0 }] });
    await call(`GET ${T}/retry-schedule`, n);
    for (const rest of ['environment/settings', 'management/environment-settings']) await call(`GET ${V}/${rest}`, n);
    for (const m of ['PUT', 'PATCH']) await call(`${m} ${V}/management/environment-settings`, n, { retryPolicy: [1], colorPaletteDark: { primary: 'red' } });

    const copy = await call(`POST ${V}/environment/export`, n);
    await call(`POST ${V}/environment/import`, n, copy);

    const spec = { webhooks: { 'c.d': { post: { requestBody: { content: { 'application/json': { schema: { type: 'object' } } } } } } } };
    for (const dryRun of [true, false]) await call(`POST ${V}/event-type/import/openapi`, n, { spec, dryRun });
    await call(`POST ${V}/event-type/export/openapi`, n);

    const I = `${A}/integration`;
    n.integ_id = (await call(`POST ${I}`, n, { name: 'I', featureFlags: ['f'] })).id;
    for (const rest of [I, `${I}/{integ_id}`]) await call(`GET ${rest}`, n);
    await call(`PUT ${I}/{integ_id}`, n, { name: 'J' });
    await call(`POST ${I}/{integ_id}/key/rotate`, n);
    await call(`GET ${I}/{integ_id}/key`, n);
    await call(`DELETE ${I}/{integ_id}`, n);

    const N = `${V}/management/environment`;
    const K = `${V}/management/authentication/{env_id}/api-token`;
    const made = { env_id: (await call(`POST ${N}`, n, { name: 'E', type: 'production' })).id };
    for (const rest of [N, `${N}/{env_id}`]) await call(`GET ${rest}`, made);
    await call(`PUT ${N}/{env_id}`, made, { name: 'F' });
    made.key_id = (await call(`POST ${K}`, made, { name: 'k', scopes: ['app:read'] })).id;
    for (const rest of [K, `${K}/{key_id}`]) await call(`GET ${rest}`, made);
    await call(`PUT ${K}/{key_id}`, made, { name: 'l' });
    await call(`PATCH ${K}/{key_id}`, made, { scopes: ['message:write'] });
    await call(`POST ${K}/{key_id}/expire`, made, {});
    await call(`DELETE ${N}/{env_id}`, made);

    const D = `${V}/auth/app/{app_id}/poller/{endpoint_id}/token`;
    const d = { ...n, consumer_id: 'c', sink_id: (await call(`POST ${A}/endpoint`, n, { type: 'polling' })).id };
    d.endpoint_id = d.sink_id;
    await call(`POST ${A}/msg`, n, { eventType: 'a.b', payload: { x: 1 }, tags: ['t'], channels: ['c'] });
    await until('it is there', async () => (await call(`GET ${A}/poller/{sink_id}`, d)).data.length > 0);
    await call(`GET ${A}/poller/{sink_id}/consumer/{consumer_id}`, d);
    await call(`POST ${A}/poller/{sink_id}/consumer/{consumer_id}/seek`, d, { after: '2026-01-01T00:00:00Z' });
    await call(`GET ${A}/polling-endpoint/{sink_id}/consumer/{consumer_id}`, d);
    await call(`POST ${A}/polling-endpoint/{sink_id}/consumer/{consumer_id}/commit`, d, { offset: 1 });
    await call(`POST ${D}/rotate`, d, { expiry: 60 });
    await call(`GET ${D}`, d);
    for (const rest of [`${A}/events`, `${V}/events`]) await call(`GET ${rest}`, d);

    const O = `${V}/operational-webhook/endpoint`;
    const o = { endpoint_id: (await call(`POST ${O}`, n, { url: r.url() })).id };
    for (const [m, body] of [['GET'], ['PUT', { url: r.url(), disabled: true }], ['PATCH', { description: 'd' }]]) await call(`${m} ${O}/{endpoint_id}`, o, body);
    await call(`PUT ${O}/{endpoint_id}/headers`, o, { headers: { 'X-A': '1' } });
    for (const rest of ['', '/{endpoint_id}/headers', '/{endpoint_id}/secret']) await call(`GET ${O}${rest}`, o);
    await call(`POST ${O}/{endpoint_id}/secret/rotate`, o, {});
    await call(`DELETE ${O}/{endpoint_id}`, o);

    {
    const I = '/ingest/api/v1/source';
    const made3 = await call(`POST ${I}`, n, { name: 'source', type: 'telnyx', config: { publicKey: Buffer.alloc(32, 1).toString('base64') } });
    const i = { source_id: made3.id };
    await call(`PUT ${I}/{source_id}`, i, { name: 'source', type: 'generic-webhook' });
    await call(`PATCH ${I}/{source_id}`, i, { metadata: { a: 'b' } });
    i.token = (await call(`POST ${I}/{source_id}/token/rotate`, i)).ingestUrl.split('/').at(-1);
    i.endpoint_id = (await call(`POST ${I}/{source_id}/endpoint`, i, { url: r.url() })).id;
    for (const [m, body] of [['PUT', { url: r.url(), disabled: true }], ['PATCH', { description: 'd' }]]) await call(`${m} ${I}/{source_id}/endpoint/{endpoint_id}`, i, body);
    await call(`PUT ${I}/{source_id}/endpoint/{endpoint_id}/headers`, i, { headers: { 'X-A': '1' } });
    await call(`PATCH ${I}/{source_id}/endpoint/{endpoint_id}/transformation`, i, { enabled: false });
    for (const rest of ['', '/headers', '/secret', '/transformation']) await call(`GET ${I}/{source_id}/endpoint/{endpoint_id}${rest}`, i);
    await call(`POST ${I}/{source_id}/endpoint/{endpoint_id}/secret/rotate`, i, {});
    for (const m of ['POST', 'PUT']) for (const rest of ['', '/{rest}']) await call(`${m} ${I}/{source_id}/in/{token}${rest}`, { ...i, rest: 'a' }, { m }, { token: null });
    for (const id of ['v1.ingest.in.get', 'v1.ingest.in.get-path']) seen.add(id); // what providers ask: ingest.test.mjs
    for (const rest of ['', '/{source_id}', '/{source_id}/log', '/{source_id}/endpoint']) await call(`GET ${I}${rest}`, i);
    await call(`POST ${I}/{source_id}/dashboard`, i, {});
    await call(`DELETE ${I}/{source_id}/endpoint/{endpoint_id}`, i);
    await call(`DELETE ${I}/{source_id}`, i);
    i.app_id = n.app_id;
    i.token = (await call(`POST ${A}/inbound/rotate-url`, i)).url.split('/').at(-1);
    for (const m of ['POST', 'PUT']) await call(`${m} ${A}/inbound/msg/{token}`, i, { m }, { token: null });
    }

    await call(`POST ${V}/filter/test`, n, { filter: { x: 1 }, payload: { x: 1 } });
    const R = `${A}/record/{type}/{record_id}`;
    await call(`POST ${V}/record-type`, n, { name: 'ticket', key: 'number', schema: { type: 'object' }, rules: [{ when: 'created', event: 'a.b' }] });
    await call(`PUT ${V}/record-type/{name}`, { name: 'ticket' }, { name: 'ticket', key: 'number' });
    for (const rest of [`${V}/record-type`, `${V}/record-type/{name}`, `${A}/record-type`]) await call(`GET ${rest}`, { ...n, name: 'ticket' });
    n.type = 'ticket';
    n.record_id = (await call(`POST ${A}/record/{type}`, n, { data: { number: 1 }, tags: ['t'] })).id;
    for (const [m, body] of [['GET'], ['PUT', { data: { number: 1 } }], ['PATCH', { data: { a: 1 } }]]) await call(`${m} ${R}`, n, body);
    await call(`POST ${R}/tag/{tag}`, { ...n, tag: 'x' });
    await call(`DELETE ${R}/tag/{tag}`, { ...n, tag: 'x' });
    for (const rest of [`${A}/record/{type}`, `${R}/history`, `${R}/run`]) await call(`GET ${rest}`, n);
    const imports = `${A}/record/{type}/import`;
    const task_id = (await call(`POST ${imports}`, n, 'number\n1\n')).id;
    await call(`GET ${imports}/{import_id}`, { ...n, import_id: task_id });
    await until('the import has ended', async () => (await p.ok('GET', `/api/v1/background-task/${task_id}`)).status === 'finished');
    const many = (await call(`POST ${imports}`, n, `number,x\n${'2,y\n'.repeat(50_000)}`)).id;
    await call(`POST ${imports}/{import_id}/cancel`, { ...n, import_id: many });
    for (const number of [1, 2]) await p.api('DELETE', `/api/v1/app/${n.app_id}/record/${n.type}/${number}`);
    await p.api('DELETE', `/api/v1/app/${n.app_id}/record/${n.type}/${n.record_id}`);
    n.record_id = (await call(`POST ${A}/record/{type}`, n, { data: { number: 1 }, tags: ['t'] })).id;
    await call(`DELETE ${R}`, n);
    await call(`DELETE ${V}/record-type/{name}`, { name: 'ticket' });

    {
    const U = `${A}/automation/{auto_id}`;
    const steps = [{ id: 'first', type: 'set', set: { a: '{{ trigger.body.x }}' } }, { id: 'second', type: 'branch', branches: [{ when: { value: 1, eq: 1 }, steps: [] }] }, { id: 'third', type: 'add_tag', target: 'nobody', tag: 't' }];
    n.auto_id = (await call(`POST ${A}/automation`, n, { name: 'a', trigger: { type: 'event', event: 'a.b' }, steps })).id;
    for (const rest of ['publish', 'pause', 'resume']) await call(`POST ${U}/${rest}`, n);
    await call(`PUT ${U}`, n, { name: 'b', trigger: { type: 'event', event: 'a.b' }, steps });
    await call(`POST ${U}/test`, n, { trigger: { body: { x: 1 } } });
    await call(`POST ${U}/preview`, n, { steps: [steps[0]], texts: [{ text: '{{ steps.first.a }}', as: 'value' }] });
    await call(`POST ${A}/msg`, n, { eventType: 'a.b', payload: { x: 1 } });
    await until('it has failed', async () => (await call(`GET ${U}/run`, n)).data[0]?.status === 'failed');
    n.run_id = (await call(`GET ${U}/run`, n)).data[0].id;
    for (const rest of [`${A}/automation`, U, `${U}/version`, `${U}/run/{run_id}`]) await call(`GET ${rest}`, n);
    await call(`POST ${U}/run/{run_id}/retry`, n);
    await call(`PUT ${U}`, n, { name: 'b', steps: [{ id: 'w', type: 'wait', for: '1d' }] });
    await call(`DELETE ${U}`, n);
    const w = { ...n, auto_id: (await call(`POST ${A}/automation`, n, { name: 'w', trigger: { type: 'event', event: 'a.w' }, steps: [{ id: 'w', type: 'wait', for: '1d' }] })).id };
    await call(`POST ${U}/publish`, w);
    await call(`POST ${A}/msg`, n, { eventType: 'a.w', payload: { x: 1 } });
    await until('it waits', async () => (await call(`GET ${U}/run`, w)).data[0]?.status === 'waiting');
    w.run_id = (await call(`GET ${U}/run`, w)).data[0].id;
    await call(`POST ${U}/run/{run_id}/cancel`, w);
    const hook = (await call(`POST ${A}/automation`, n, { name: 'h', trigger: { type: 'incoming_webhook', methods: ['GET', 'POST', 'PUT'] }, steps })).trigger;
    const h = { ...n, auto_id: (await call(`GET ${A}/automation`, n)).data.find((a) => a.trigger.id === hook.id).id, trigger_id: hook.id, token: hook.url.split('/').pop() };
    const I = '/v1/webhooks/in/{token}';
    h.request_id = (await call(`POST ${I}`, h, { x: 1 }, { token: null })).id;
    await call(`PUT ${I}`, h, { x: 1, y: { z: 2 } }, { token: null });
    await call(`GET ${I}`, h, undefined, { token: null });
    const G = `${A}/trigger/{trigger_id}`;
    for (const rest of ['', '/request', '/request/{request_id}']) await call(`GET ${G}${rest}`, h);
    await call(`POST ${U}/sample/{request_id}/use`, h);
    for (const rest of ['sample', 'variable']) await call(`GET ${U}/${rest}`, h);
    await call(`POST ${G}/rotate`, h, { graceSeconds: 60 });
    }

    await call(`GET ${V}/settings/egress`, n);
    n.key_id = (await call(`POST ${V}/auth/api-key`, n, { name: 'k' })).id;
    await call(`GET ${V}/auth/api-key`, n);
    await call(`DELETE ${V}/auth/api-key/{key_id}`, n);
    await call(`GET ${V}/auth/whoami`, n);
    const { url, token } = await call(`POST ${V}/auth/app-portal-access/{app_id}`, n, {});
    await call(`POST ${V}/auth/dashboard-access/{app_id}`, n, {});
    await call(`POST ${V}/auth/one-time-token`, n, { oneTimeToken: url.split('#key=')[1] }, { token: null });
    await call(`POST ${V}/auth/logout`, n, '', { token });
    await call(`POST ${V}/auth/app/{app_id}/expire-all`, n, {});

    for (const id of ['v1.live.application', 'v1.live.environment']) seen.add(id); // without an end: see live.test.mjs
    const S = `${V}/console/session`;
    const c = { token: await firstKey(p) };
    const person = new Person(p);
    const asPerson = () => ({ token: null, headers: person.headers() });
    await call(`GET ${V}/console/link/{token}`, c, undefined, { token: null });
    const made2 = await person.api('POST', `/api/v1/console/link/${c.token}`, { email: 'a@example.com', password: goodPassword });
    assert.deepEqual(misfits(api, api.components.schemas.ConsoleSessionOut, made2.json), []);
    seen.add('v1.console.link.use');
    await call(`POST ${S}`, n, { email: 'a@example.com', password: goodPassword }, { token: null });
    await call(`POST ${V}/console/password/forgot`, n, { email: 'a@example.com' }, { token: null });
    for (const rest of ['', '/list']) await call(`GET ${S}${rest}`, n, undefined, asPerson());
    const extra = (await person.ok('GET', `${S}/list`)).data.find((s) => !s.current);
    await call(`DELETE ${S}/{session_id}`, { session_id: extra.id }, undefined, asPerson());
    await call(`POST ${S}/confirm`, n, { password: goodPassword }, asPerson());
    await call(`PUT ${V}/console/password`, n, { current: goodPassword, new: 'green-bicycle-11' }, asPerson());
    await call(`POST ${V}/console/totp`, n, undefined, asPerson());
    for (const id of ['v1.console.totp.update', 'v1.console.totp.delete']) seen.add(id); // see members.test.mjs
    for (const rest of ['audit-log', 'console/system']) await call(`GET ${V}/${rest}`, n);
    const C = `${V}/console/member`;
    const invited = { member_id: (await call(`POST ${C}`, n, { email: 'b@example.com', role: 'viewer' })).member.id };
    await call(`GET ${C}`, n);
    await call(`PUT ${C}/{member_id}`, invited, { role: 'editor' });
    await call(`DELETE ${C}/{member_id}`, invited);
    const U = `${V}/console/user`;
    const operator = { token: jwt({ sub: environment, postriderOperator: true }) };
    const user = { email: 'c@example.com' };
    await call(`POST ${U}`, n, { email: user.email, role: 'owner', password: goodPassword }, operator);
    await call(`GET ${U}`, n, undefined, operator);
    for (const rest of ['link', 'disable', 'enable']) await call(`POST ${U}/{email}/${rest}`, user, {}, operator);
    await call(`DELETE ${U}/{email}`, user, undefined, operator);
    await call(`DELETE ${S}`, n, undefined, asPerson());
    const access = await call(`POST ${V}/auth/app-portal-access/{app_id}`, n, {});
    await call(`POST ${S}/portal`, n, { key: access.url.split('#key=')[1] }, { token: null });

    for (const rest of [`${V}/health`, `${V}/health/ping`, '/health', '/health/ping', `${V}/openapi.json`, '/openapi.json', '/docs']) await call(`GET ${rest}`, n, undefined, { token: null });

    await call(`DELETE ${E}`, n);
    await call(`DELETE ${T}`, n);
    await call(`DELETE ${A}`, n);
    const all = Object.values(api.paths).flatMap((path) => Object.values(path).map((op) => op.operationId));
    assert.deepEqual(all.filter((id) => !seen.has(id)), []);
});

test('the page asks nobody for anything', async (t) => {
    const { p, api } = await served(t);
    const page = await p.api('GET', '/docs', undefined, { token: null });
    assert.equal(page.status, 200);
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(page.headers['x-content-type-options'], 'nosniff');
    const style = /<style>(.*?)<\/style>/s.exec(page.text)[1];
    const hash = createHash('sha256').update(style).digest('base64');
    assert.equal(page.headers['content-security-policy'], `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`);
    assert.doesNotMatch(page.text, /<script|<img|<link|\bsrc=|https?:\/\/|url\(|\sstyle=|\son\w+=/);
    for (const path of Object.keys(api.paths)) assert.ok(page.text.includes(`<code>${path}</code>`), path);
    for (const [, id] of page.text.matchAll(/href="#(\w+)"/g)) assert.ok(page.text.includes(`id="${id}"`), id);
});
