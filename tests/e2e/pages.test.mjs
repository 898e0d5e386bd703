// SPDX-License-Identifier: Apache-2.0
// The pages of the console as files: headers, caching, what is not a page. And what the API has for them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import http from 'node:http';
import { postrider, program } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { until } from './lib/wait.mjs';

// The answer with its bytes.
function get(p, path, { method = 'GET', headers = {} } = {}) {
    return new Promise((resolve, reject) => {
        const request = http.request({ host: '127.0.0.1', port: p.port, path, method, headers }, (response) => {
            const chunks = [];
            response.on('data', (c) => chunks.push(c));
            response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, bytes: Buffer.concat(chunks) }));
        });
        request.on('error', reject).end();
    });
}

async function withConsole(t, options) {
    const p = await postrider(t, options);
    const page = await get(p, '/');
    if (page.status === 404) t.skip(`${program} was built without the console`);
    return page.status === 404 ? null : p;
}

test('every page is the document, with the headers that keep it safe', async (t) => {
    const p = await withConsole(t, { settings: { PORTAL_FRAME_ANCESTORS: 'https://app.example.com' } });
    if (!p) return;
    for (const path of ['/', '/login', '/link', '/app/x/webhooks', '/app/x/events/y', '/settings', '/system', '/portal', '/portal/webhooks']) {
        const { status, headers, bytes } = await get(p, path);
        assert.equal(status, 200, path);
        assert.equal(headers['content-type'], 'text/html; charset=utf-8');
        assert.match(bytes.toString(), /^<!doctype html>/);
        assert.equal(headers['cache-control'], 'no-store');
        assert.equal(headers['x-content-type-options'], 'nosniff');
        assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
        assert.equal(headers['referrer-policy'], 'no-referrer');
        const policy = Object.fromEntries(headers['content-security-policy'].split('; ').map((d) => [d.split(' ')[0], d.split(' ').slice(1).join(' ')]));
        assert.deepEqual(policy, {
            'default-src': "'none'",
            'script-src': "'self'",
            'style-src': "'self'",
            'connect-src': "'self'",
            'img-src': "'self' data:",
            'form-action': "'self'",
            'base-uri': "'none'",
            'frame-ancestors': path.startsWith('/portal') ? 'https://app.example.com' : "'none'",
        });
        assert.equal(headers['x-frame-options'], path.startsWith('/portal') ? undefined : 'DENY');
        // Nothing in it that the policy would have to allow.
        assert.doesNotMatch(bytes.toString(), /<style|style=|<script>|https?:\/\//);
    }
    for (const path of ['/apps', '/portals', '/login.html', '/assets/none.js', '/nothing']) assert.equal((await get(p, path)).status, 404, path);
    for (const method of ['POST', 'DELETE']) assert.equal((await get(p, '/login', { method })).status, 405);
    const head = await get(p, '/', { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.bytes.length, 0);
});

test('the files behind the pages are cached for good, and small', async (t) => {
    const p = await withConsole(t);
    if (!p) return;
    const html = (await get(p, '/')).bytes.toString();
    const files = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((m) => m[1]);
    assert.ok(files.length >= 4);
    let total = 0;
    for (const path of files) {
        const { status, headers, bytes } = await get(p, path, { headers: { 'accept-encoding': 'br, gzip' } });
        assert.equal(status, 200, path);
        assert.equal(headers['content-encoding'], 'gzip');
        assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
        assert.equal(headers['x-content-type-options'], 'nosniff');
        total += bytes.length;
        assert.ok(gunzipSync(bytes).length > 0);
        const again = await get(p, path, { headers: { 'if-none-match': `"other", W/${headers.etag}` } });
        assert.equal(again.status, 304);
        assert.equal(again.bytes.length, 0);
        assert.equal((await get(p, path, { headers: { 'accept-encoding': 'gzip;q=0, br' } })).status, 404);
    }
    assert.ok(total < 150 * 1024, `${total} bytes`);
});

test('what an endpoint was sent can be read byte for byte', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app({ profile: 'metapulse' });
    const other = await p.app({ profile: 'standard' });
    for (const a of [app, other]) {
        const endpoint = await p.endpoint(a, r.url());
        const message = await p.send(a, 'team.created', '{ "a" : 1.10, "b":"\\u00e9" }', { actor: { type: 'user', id: 'u', name: 'Ada' } });
        const path = `/api/v1/app/${a.id}/msg/${message.id}/endpoint/${endpoint.id}/body`;
        const got = (await r.arrived(a === app ? 1 : 2)).at(-1);
        assert.equal((await p.ok('GET', path)).body, got.body.toString());
        assert.equal((await p.api('GET', path.replace(endpoint.id, 'ep_000000000000000000000000000'))).status, 404);
        await p.ok('DELETE', `/api/v1/app/${a.id}/msg/${message.id}/content`);
        assert.equal((await p.api('GET', path)).status, 410);
    }
});

test('what a transformation made is what was sent', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app({ profile: 'myra' });
    const endpoint = await p.endpoint(app, r.url());
    await p.ok('PATCH', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/transformation`, {
        enabled: true,
        code: 'function handler(webhook) { webhook.payload = { made: webhook.payload.n + 1 }; return webhook; }',
    });
    const message = await p.send(app, 'contact.created', { n: 1 });
    const [got] = await r.arrived(1);
    await p.attempted(app, message, 1);
    const { body } = await p.ok('GET', `/api/v1/app/${app.id}/msg/${message.id}/endpoint/${endpoint.id}/body`);
    assert.equal(body, got.body.toString());
    assert.deepEqual(JSON.parse(body).data, { made: 2 });
});

test('failing: given up or to be tried again, never what waits or was delivered', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const r = await receiver(t, { answer: (q) => (q.body.includes('bad') ? 500 : 200) });
    const list = async (ep, query) => (await p.ok('GET', `/api/v1/app/${app.id}/endpoint/${ep.id}/msg?${query}`)).data.map((m) => m.id).sort();
    const retries = await p.endpoint(app, r.url(), { retrySchedule: [600] });
    const gives = await p.endpoint(app, r.url(), { retrySchedule: [] });
    const good = await p.send(app, 'a.b', { is: 'good' });
    const bad = await p.send(app, 'a.b', { is: 'bad' });
    const later = await p.send(app, 'a.b', { is: 'bad, later' }, { deliverAt: new Date(Date.now() + 600_000).toISOString() });
    await p.attempted(app, bad, 2);
    await p.attempted(app, good, 2);
    for (const ep of [retries, gives]) {
        assert.deepEqual(await list(ep, 'failing=true'), [bad.id]);
        assert.deepEqual(await list(ep, 'status=0'), [good.id]);
        assert.deepEqual(await list(ep, ''), [good.id, bad.id, later.id].sort());
    }
});

test('If-Match keeps one from overwriting what another has changed', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const endpoint = await p.endpoint(app, 'https://example.com/a');
    const path = `/api/v1/app/${app.id}/endpoint/${endpoint.id}`;
    const seen = { headers: { 'if-match': `"${endpoint.updatedAt}"` } };
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal((await p.api('PATCH', path, { name: 'first' }, seen)).status, 200);
    const late = await p.api('PATCH', path, { name: 'second' }, seen);
    assert.equal(late.status, 412);
    assert.equal(late.json.code, 'precondition_failed');
    assert.equal((await p.ok('GET', path)).name, 'first');
    assert.equal((await p.api('PATCH', path, { name: 'third' }, { headers: { 'if-match': '*' } })).status, 200);
    assert.equal((await p.api('PATCH', path, { name: 'fourth' })).status, 200);
});

test('the portal may preview a request', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const { token } = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, {});
    const { token: reads } = await p.ok('POST', `/api/v1/auth/app-portal-access/${app.id}`, { readOnly: true });
    const body = { eventType: 'contact.created', payload: { a: 1 } };
    assert.equal((await p.api('POST', '/api/v1/profile/myra/preview', body, { token })).status, 200);
    assert.equal((await p.api('POST', '/api/v1/profile/myra/preview', body, { token: reads })).status, 403);
});

test('the attempts of a workspace, and of one endpoint of it', async (t) => {
    const p = await postrider(t);
    const [app, other] = [await p.app(), await p.app()];
    const r = await receiver(t, { answer: (q) => (q.path === '/bad' ? 500 : 200) });
    const good = await p.endpoint(app, r.url('/good'));
    const bad = await p.endpoint(app, r.url('/bad'), { retrySchedule: [600] });
    await p.endpoint(other, r.url('/good'));
    for (const a of [app, app, other]) await p.send(a, 'a.b');
    await r.arrived(5);
    const list = async (query) => (await p.ok('GET', `/api/v1/app/${app.id}/attempt?${query}`)).data;
    await until('all are logged', async () => (await list('')).length === 4);
    const all = await list('');
    assert.equal(all.length, 4);
    assert.deepEqual(all.map((a) => a.timestamp), all.map((a) => a.timestamp).sort().reverse());
    assert.deepEqual((await list('status=2')).map((a) => a.endpointId), [bad.id, bad.id]);
    assert.deepEqual((await list(`endpoint_id=${good.id}`)).map((a) => a.endpointId), [good.id, good.id]);
    const first = await p.ok('GET', `/api/v1/app/${app.id}/attempt?limit=3`);
    const rest = await p.ok('GET', `/api/v1/app/${app.id}/attempt?limit=3&iterator=${first.iterator}`);
    assert.deepEqual([...first.data, ...rest.data].map((a) => a.id), all.map((a) => a.id));
});
