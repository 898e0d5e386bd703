// SPDX-License-Identifier: Apache-2.0
// Who may do what: every route of the description with every kind of token and role, and with others' ids. The table of
// API's roles is written down here a second time, by route, so that a route that forgets to ask is found.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { environment, jwt, postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';

const api = JSON.parse(readFileSync(new URL('../../docs/api/openapi.json', import.meta.url)));
const routes = Object.entries(api.paths).flatMap(([path, methods]) => Object.keys(methods).map((m) => ({ method: m.toUpperCase(), path, name: `${m.toUpperCase()} ${path}` })));

// What a route is about; the first that fits.
const kinds = [
    [/ \/v1\/webhooks\/in\//, 'incoming'], // the URL is the token
    [/ \/ingest\/api\/v1\/source\/\{source_id\}\/in\//, 'incoming'],
    [/\/inbound\/msg\//, 'incoming'],
    [/\/inbound\/rotate-url/, 'send'],
    [/ \/ingest\/.*\/dashboard/, 'admin'],
    [/ \/ingest\/.*\/endpoint\/.*\/(secret|transformation)/, 'staff edit'],
    [/^GET \/ingest\//, 'staff'],
    [/ \/ingest\/.*\/endpoint/, 'staff edit'],
    [/ \/ingest\//, 'admin'],
    [/ (\/api\/v1)?\/(health|openapi|docs)/, 'public'],
    [/ \/api\/v1\/auth\/one-time-token/, 'public'],
    [/ \/api\/v1\/console\//, 'console'], // by cookie: console.test.mjs
    [/ .*\/live$/, 'stream'],
    [/ \/api\/v1\/auth\/logout/, 'portal'],
    [/ \/api\/v1\/auth\/whoami/, 'shared'],
    [/\/poller\/\{endpoint_id\}\/token/, 'edit'],
    [/\/consumer\/\{consumer_id\}/, 'shared edit'],
    [/ \/api\/v1\/events$/, 'staff'],
    [/^GET \/api\/v1\/auth\//, 'look'],
    [/ \/api\/v1\/auth\//, 'admin'],
    [/ \/api\/v1\/filter\/test/, 'shared'],
    [/^GET \/api\/v1\/(event-type|profile|provider|record-type|settings\/egress)/, 'shared'],
    [/ \/api\/v1\/event-type\/export\/openapi/, 'staff look'],
    [/ \/api\/v1\/profile\/\{name\}\/preview/, 'shared edit'],
    [/ \/api\/v1\/(event-type|profile|record-type)/, 'send'],
    [/ \/api\/v1\/environment\/export/, 'look'],
    [/^GET \/api\/v1\/environment\/settings/, 'shared'],
    [/^GET \/api\/v1\/(environment|management|audit-log)/, 'look'],
    [/ \/api\/v1\/(environment|management)/, 'admin'],
    [/^GET \/api\/v1\/operational-webhook.*\/secret/, 'admin'],
    [/^GET \/api\/v1\/background-task/, 'shared'],
    [/^GET \/api\/v1\/(app|operational-webhook\/endpoint|stats\/endpoint\/count|app\/stats\/count-active)($|\/\{endpoint_id\})/, 'staff'],
    [/ \/api\/v1\/stats\/usage/, 'staff edit'],
    [/ \/api\/v1\/operational-webhook/, 'admin'],
    [/ \/api\/v1\/background-task\//, 'own edit'],
    [/ \/api\/v1\/msg\/broadcast/, 'staff edit'],
    [/^GET .*\/integration/, 'app look'],
    [/ .*\/integration/, 'app admin'],
    [/^(POST|PUT|PATCH|DELETE) \/api\/v1\/app(\/\{app_id\})?$/, 'admin'],
    [/^PATCH .*\/app\/\{app_id\}\/settings/, 'app admin'],
    [/\/(secret|transformation)/, 'edit'],
    [/^GET \/api\/v1\/(stats\/)?app\/\{app_id\}/, 'read'],
    [/ .*\/msg\/search/, 'read'],
    [/ .*\/msg\/precheck/, 'read'],
    [/ .*\/msg\/(bulk-expunge|expunge-all|test-attempt)/, 'send'],
    [/^POST \/api\/v1\/app\/\{app_id\}\/msg$/, 'send'],
    [/\/content$/, 'send'],
    [/ \/api\/v1\/app\/\{app_id\}\/(endpoint|msg|attempt|record|trigger|automation)/, 'edit'],
];

const kindOf = (route) => kinds.find(([pattern]) => pattern.test(route.name))?.[1] ?? assert.fail(`who may ${route.name}? Add it to kinds`);

// Principals: what they may, by the kind of route. `of`: the workspace they are confined to.
const all = ['own edit', 'read', 'staff look', 'shared edit', 'shared', 'staff', 'staff edit', 'edit', 'send', 'look', 'admin', 'app look', 'app admin'];
const principals = {
    'no token': { answers: 401 },
    'no such token': { answers: 401 },
    'another secret': { answers: 401 },
    'expired JWT': { answers: 401 },
    'JWT of tomorrow': { answers: 401 },
    'JWT without algorithm': { answers: 401 },
    'revoked key': { answers: 401 },
    'ended portal token': { answers: 401 },
    'another environment': { may: all, foreign: true },
    'JWT of the environment': { may: all },
    'key of an owner': { may: all },
    'key of an editor': { may: ['own edit', 'read', 'staff look', 'shared edit', 'shared', 'staff', 'staff edit', 'edit', 'send'] },
    'key of a viewer': { may: ['read', 'shared', 'staff'] },
    'key to look': { may: ['read', 'staff look', 'shared edit', 'shared', 'staff', 'look', 'app look'] },
    'key for one workspace': { may: ['own edit', 'read', 'shared edit', 'shared', 'edit', 'send'], of: 'a' },
    'key for another workspace': { may: ['own edit', 'read', 'shared edit', 'shared', 'edit', 'send'], of: 'b' },
    'key of an integration': { may: ['own edit', 'read', 'shared', 'shared edit', 'edit'], of: 'a' },
    'portal': { may: ['own edit', 'read', 'shared edit', 'shared', 'edit', 'portal'], of: 'a' },
    'portal to look': { may: ['read', 'shared', 'portal'], of: 'a' },
    'portal of another': { may: ['own edit', 'read', 'shared edit', 'shared', 'edit', 'portal'], of: 'b' },
    'JWT of a workspace': { may: ['own edit', 'read', 'shared edit', 'shared', 'edit', 'portal'], of: 'a' },
    'JWT of another workspace': { may: ['own edit', 'read', 'shared edit', 'shared', 'edit', 'portal'], of: 'b' },
};

async function tokens(p, a, b) {
    const day = 86_400;
    const now = Math.floor(Date.now() / 1000);
    const key = async (fields) => p.ok('POST', '/api/v1/auth/api-key', { name: 'k', ...fields });
    const portal = async (app, fields = {}) => (await p.ok('POST', `/api/v1/auth/app-portal-access/${app}`, fields)).token;
    const integration = async (app) => {
        const { id } = await p.ok('POST', `/api/v1/app/${app}/integration`, { name: 'i' });
        return (await p.ok('POST', `/api/v1/app/${app}/integration/${id}/key/rotate`)).key;
    };
    const revoked = await key({ role: 'owner' });
    await p.ok('DELETE', `/api/v1/auth/api-key/${revoked.id}`);
    const ended = await portal(a.app_id);
    await p.ok('POST', '/api/v1/auth/logout', undefined, { token: ended });
    const [head, body] = jwt({ sub: environment }).split('.');
    return {
        'no token': null,
        'no such token': `prk_${'0'.repeat(40)}`,
        'another secret': jwt({ sub: environment }, 'not the secret of this server, but as long'),
        'expired JWT': jwt({ sub: environment, exp: now - day }),
        'JWT of tomorrow': jwt({ sub: environment, nbf: now + day }),
        'JWT without algorithm': `${Buffer.from(Buffer.from(head, 'base64url').toString().replace('HS256', 'none')).toString('base64url')}.${body}.`,
        'revoked key': revoked.token,
        'ended portal token': ended,
        'another environment': jwt({ sub: 'org_2ZZZZZZZZZZZZZZZZZZZZZZZZZZ' }),
        'JWT of the environment': p.token,
        'key of an owner': (await key({ role: 'owner' })).token,
        'key of an editor': (await key({ role: 'editor' })).token,
        'key of a viewer': (await key({ role: 'viewer' })).token,
        'key to look': (await key({ scopes: ['*:read'] })).token,
        'key for one workspace': (await key({ appId: a.app_id })).token,
        'key for another workspace': (await key({ appId: b.app_id })).token,
        'key of an integration': await integration(a.app_id),
        'portal': await portal(a.app_id),
        'portal to look': await portal(a.app_id, { readOnly: true }),
        'portal of another': await portal(b.app_id),
        'JWT of a workspace': jwt({ sub: a.app_id, org: environment }),
        'JWT of another workspace': jwt({ sub: b.app_id, org: environment }),
    };
}

// A workspace with one of everything, all of it marked.
async function world(p, url, mark) {
    const app = await p.app({ uid: `uid-${mark}`, name: `name ${mark}` });
    const endpoint = await p.endpoint(app, url(`/${mark}`), { description: mark, uid: `endpoint-${mark}` });
    const poller = await p.ok('POST', `/api/v1/app/${app.id}/endpoint`, { type: 'polling', description: mark });
    await p.ok('POST', `/api/v1/auth/app/${app.id}/poller/${poller.id}/token/rotate`, {});
    const record = await p.ok('POST', `/api/v1/app/${app.id}/record/matrix`, { data: { mark } });
    const { id: import_id } = await p.ok('POST', `/api/v1/app/${app.id}/record/matrix/import`, 'mark\nx\n');
    const automation = await p.ok('POST', `/api/v1/app/${app.id}/automation`, { name: mark, trigger: { type: 'incoming_webhook' }, steps: [{ id: 'a', type: 'wait', for: '1s' }] });
    await p.ok('POST', `/api/v1/app/${app.id}/automation/${automation.id}/publish`);
    const message = await p.send(app, 'matrix.event', { mark }, { tags: [mark] });
    const [attempt] = await p.attempted(app, message, 1);
    return { app_id: app.id, endpoint_id: endpoint.id, sink_id: poller.id, consumer_id: 'c', msg_id: message.id, attempt_id: attempt.id, type: 'matrix', record_id: record.id, import_id, auto_id: automation.id, trg_id: automation.trigger.id, tag: 'x' };
}

// What is the environment's and not a workspace's.
async function shared(p, url, mark) {
    await p.ok('POST', '/api/v1/event-type', { name: 'matrix.event', description: mark });
    const { builtin, version, createdAt, updatedAt, ...row } = await p.ok('GET', '/api/v1/profile/standard');
    assert.ok(builtin && version && createdAt && updatedAt);
    await p.ok('POST', '/api/v1/profile', { ...row, name: 'matrix' });
    await p.ok('POST', '/api/v1/record-type', { name: 'matrix' });
    const { id } = await p.ok('POST', '/api/v1/operational-webhook/endpoint', { url: url('/operational'), description: mark });
    const source = await p.ok('POST', '/ingest/api/v1/source', { name: mark, uid: 'matrix', type: 'generic-webhook' });
    const ingest = await p.ok('POST', `/ingest/api/v1/source/${source.id}/endpoint`, { url: url('/ingest'), description: mark });
    return { event_type_name: 'matrix.event', name: 'matrix', operational_id: id, source_id: source.id, ingest_id: ingest.id, key_id: (await p.ok('POST', '/api/v1/auth/api-key', { name: mark })).id };
}

const idOfEndpoint = (route, ids) => (route.path.includes('operational-webhook') ? ids.operational_id : route.path.startsWith('/ingest/') ? ids.ingest_id : /\/poller\//.test(route.path) ? ids.sink_id : ids.endpoint_id);

// Some lists insist on their window.
const window = '?since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z';
const fill = (route, ids) => route.path.replace(/\/stats\/attempts$/, `$&${window}`).replace(/\{(\w+)\}/g, (_, name) => (name === 'endpoint_id' ? idOfEndpoint(route, ids) : ids[name]) ?? `none-${name}`);

// What must look the same after all of it (of the workspace that was asked about, only what nobody was allowed to change would).
async function snapshot(p, worlds, common) {
    const seen = {};
    for (const ids of [...worlds, common].map((x) => ({ ...common, ...x })))
        for (const route of routes)
            if (route.method === 'GET' && !/health|docs|openapi|headers$|stats|background-task$|audit-log|console|live$|events$|poller|consumer/.test(route.path) && !/none-/.test(fill(route, ids))) {
                const { status, text } = await p.api('GET', fill(route, ids));
                seen[fill(route, ids)] = `${status} ${text.replace(/"(lastUsedAt|usedAt)":("[^"]*"|null)/g, '')}`;
            }
    return seen;
}

test('every route with every kind of token', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const common = await shared(p, (x) => r.url(x), 'mark of all');
    const a = { ...common, ...(await world(p, (x) => r.url(x), 'mark-of-a')) };
    const b = { ...common, ...(await world(p, (x) => r.url(x), 'mark-of-b')) };
    common.task_id = a.task_id = b.task_id = (await p.ok('POST', `/api/v1/app/${b.app_id}/endpoint/${b.endpoint_id}/recover`, { since: new Date(Date.now() - 1000).toISOString(), until: new Date(Date.now() - 999).toISOString() })).id;
    const token = await tokens(p, a, b);
    const before = await snapshot(p, [b], common);
    const wrong = [];

    for (const route of routes) {
        const kind = kindOf(route);
        if (['console', 'stream', 'incoming'].includes(kind)) continue;
        // Where it is allowed nothing shall happen: a body that cannot be read, or something that is not there.
        const harmless = route.method === 'DELETE' ? fill(route, a).replace(/\/[^/]+(\/content)?$/, '/nobody$1') : fill(route, a);
        for (const [name, { may, answers, of, foreign }] of Object.entries(principals)) {
            const isWorkspaces = route.path.includes('{app_id}');
            const allowed = kind === 'public' || (may?.includes(kind) && !(of && !isWorkspaces && !['shared', 'shared edit', 'own edit', 'portal'].includes(kind)));
            const others = foreign ? /\{(app_id|task_id|key_id|endpoint_id|source_id)\}/.test(route.path) || /\{(event_type_name|name)\}/.test(route.path) : (of === 'b' && isWorkspaces) || (of === 'a' && /\{task_id\}/.test(route.path));
            if (kind === 'portal' && allowed) continue; // would end it
            const path = allowed && !others ? harmless : fill(route, a);
            const { status, text } = await p.api(route.method, path, ['GET', 'DELETE'].includes(route.method) ? undefined : '{', { token: token[name] });
            const says = `${route.name} by ${name}: ${status} ${text.slice(0, 120)}`;
            if (status >= 500) wrong.push(says);
            else if (kind !== 'public' && answers && status !== answers) wrong.push(`${says}, not ${answers}`);
            else if (!allowed && !answers && kind !== 'public' && ![403, 404].includes(status)) wrong.push(`${says}, not 403`);
            else if (!allowed && !answers && !others && kind !== 'public' && status !== 403) wrong.push(`${says}, not 403`);
            else if (allowed && others && ![404, 400, 403].includes(status)) wrong.push(`${says}, not 404`);
            else if (allowed && others && route.method === 'GET' && status !== 404) wrong.push(`${says}, not 404`);
            else if (allowed && !others && [401, 403].includes(status)) wrong.push(`${says}, but may`);
            else if (allowed && !others && status === 404 && route.method !== 'DELETE' && !path.includes('none-') && !/\/(mtls|oauth)$/.test(path)) wrong.push(`${says}, but is there`);
            if (foreign && /mark.of/.test(text)) wrong.push(`${says} shows another's`);
            if (of === 'b' && /mark-of-a/.test(text)) wrong.push(`${says} shows another's`);
            if (status >= 400 && !/^\{/.test(text)) wrong.push(`${says}: no JSON`);
        }
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(await snapshot(p, [b], common), before);
});

test("others' ids in the own path", async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const common = await shared(p, (x) => r.url(x), 'mark of all');
    const a = { ...common, ...(await world(p, (x) => r.url(x), 'mark-of-a')) };
    const b = { ...common, ...(await world(p, (x) => r.url(x), 'mark-of-b')) };
    const before = await snapshot(p, [a, b], common);
    const wrong = [];
    for (const route of routes) {
        if (/operational-webhook|ingest/.test(route.path)) continue;
        for (const [, name] of route.path.matchAll(/\{(endpoint_id|sink_id|msg_id|attempt_id|record_id|import_id)\}/g)) {
            const path = fill(route, { ...a, [name]: b[name], ...(name === 'endpoint_id' && { sink_id: b.sink_id }) });
            for (const body of route.method === 'GET' || route.method === 'DELETE' ? [undefined] : ['{}', '{']) {
                const { status, text } = await p.api(route.method, path, body);
                const fits = body === undefined ? status === 404 : [404, 400, 422].includes(status);
                // An endpoint that is created under an id in its path: its uid would be one that is no uid.
                if (!fits || /mark-of-b/.test(text)) wrong.push(`${route.name} with another's ${name}: ${status} ${text.slice(0, 120)}`);
            }
        }
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(await snapshot(p, [a, b], common), before);
});
