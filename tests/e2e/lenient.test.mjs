// SPDX-License-Identifier: Apache-2.0
// Every route with what callers get wrong: methods, paths, bodies, queries. Whatever comes in, the answer has the right status, is
// never a 5xx, and is JSON.
import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { eachOf, sleep } from './lib/wait.mjs';

const methods = ['GET', 'PUT', 'POST', 'PATCH', 'DELETE'];
// What a route without a body may answer in another form than JSON when all is well.
const otherForms = /^(text\/(html|css|javascript|plain|event-stream)|application\/(javascript|x-ndjson|octet-stream)|image\/)/;
// A request that waits, or ends what the others need.
const apart = (op) => /(logout|expire|stream|poll|listen|live)/i.test(op.operationId + op.path);

// Two dozen changes of the same thing at once may be told to try again.
function patient(p) {
    const once = p.api.bind(p);
    p.api = async (...args) => {
        for (let i = 0; ; i++) {
            const answer = await once(...args);
            if (answer.status !== 503 || answer.json?.code !== 'stale' || i === 100) return answer;
            await sleep(20);
        }
    };
    return p;
}

async function everything(t) {
    const p = patient(await postrider(t));
    const api = await p.ok('GET', '/openapi.json', undefined, { token: null });
    const operations = Object.entries(api.paths).flatMap(([path, item]) => methods.filter((m) => item[m.toLowerCase()]).map((method) => ({ path, method, ...item[method.toLowerCase()] })));
    const app = await p.app({ uid: 'a' });
    const names = { app_id: app.id, event_type_name: 'a.b', name: 'standard' };
    await p.ok('POST', '/api/v1/event-type', { name: 'a.b', description: '' });
    names.endpoint_id = (await p.endpoint(app, 'http://127.0.0.1:9/', { uid: 'e' })).id;
    names.integ_id = (await p.ok('POST', '/api/v1/app/a/integration', { name: 'i' })).id;
    names.env_id = (await p.ok('POST', '/api/v1/management/environment', { name: 'n', type: 'development' })).id;
    names.msg_id = (await p.ok('POST', '/api/v1/app/a/msg', { eventType: 'a.b', payload: {} })).id;
    const operational = (await p.ok('POST', '/api/v1/operational-webhook/endpoint', { url: 'http://127.0.0.1:9/' })).id;
    // Where something would be deleted nothing is.
    const url = (op, more = {}) => {
        const all = { ...names, ...(op.path.includes('/operational-webhook/') ? { endpoint_id: operational } : {}), ...more };
        return op.path.replace(/\{(\w+)\}/g, (_, n) => encodeURIComponent(op.method === 'DELETE' ? 'nothing' : (all[n] ?? 'nothing')));
    };
    return { p, api, operations: operations.filter((op) => !apart(op)), all: operations, url };
}

// What is wrong with an answer; undefined: nothing.
function trouble(answer, { allowOther = true } = {}) {
    // An answer too: what is being tried for others takes its time.
    if (answer.status === 503 && answer.json?.code === 'overloaded' && answer.headers['retry-after']) return undefined;
    if (answer.status >= 500) return `status ${answer.status} ${answer.text.slice(0, 200)}`;
    if (answer.status === 204 || answer.status === 304) return answer.text === '' ? undefined : 'a body where none may be';
    const type = answer.headers['content-type'] ?? '';
    if (answer.status < 400 && allowOther && otherForms.test(type)) return undefined;
    if (!type.startsWith('application/json')) return `status ${answer.status}, content type ${type}`;
    if (answer.json === undefined) return `status ${answer.status}, no JSON: ${answer.text.slice(0, 100)}`;
    if (answer.status >= 400 && answer.json.detail === undefined) return `status ${answer.status} without detail`;
    return undefined;
}

async function none(t, p, list, tryOne, width = 24) {
    const found = (await eachOf(list, width, async (x) => tryOne(x))).filter(Boolean);
    assert.equal(found.length, 0, `${found.length} of ${list.length}:\n${found.slice(0, process.env.ALL ? 500 : 25).join('\n')}`);
    assert.equal((await p.api('GET', '/api/v1/health', undefined, { token: null })).status, 200);
}

test('methods that a path does not have are 405 and name those it has', async (t) => {
    const { p, all, url } = await everything(t);
    const paths = [...new Set(all.map((op) => op.path))];
    const list = paths.flatMap((path) => {
        const has = all.filter((op) => op.path === path).map((op) => op.method);
        return methods.filter((m) => !has.includes(m)).map((method) => ({ path, method, has }));
    });
    await none(t, p, list, async ({ path, method, has }) => {
        const answer = await p.api(method, url({ path, method: 'GET' }), method === 'GET' || method === 'DELETE' ? undefined : {});
        const allow = answer.headers.allow ?? '';
        const wrong = trouble(answer) ?? (answer.status !== 405 ? `status ${answer.status}` : has.every((m) => allow.includes(m)) ? undefined : `allow: ${allow}`);
        return wrong && `${method} ${path}: ${wrong}`;
    });
});

test('a slash behind the path, and characters that need no encoding encoded, are the same path', async (t) => {
    const { p, operations, url } = await everything(t);
    const ways = [(u) => `${u}/`, (u) => u.replace('/v1/', '/%76%31/'), (u) => u.replace(/\/a(?=\/|$)/, '/%61'), (u) => u.replace(/\/e(?=\/|$)/, '/%65'), (u) => u.replace(/.$/, (c) => `%${c.charCodeAt(0).toString(16)}`)];
    const looks = operations.filter((op) => op.method === 'GET');
    await none(t, p, looks.flatMap((op) => ways.map((way) => ({ op, way }))), async ({ op, way }) => {
        const plain = url(op, { app_id: 'a', endpoint_id: 'e' });
        const [a, b] = [await p.api('GET', plain), await p.api('GET', way(plain))];
        const wrong = trouble(b) ?? (a.status === b.status ? undefined : `status ${a.status}, ${b.status}`);
        return wrong && `GET ${way(plain)}: ${wrong}`;
    });
    for (const path of ['/api/v1/app/%61/msg', '/api/v1/app/a/msg/', '/api/v1/app/a/%6Dsg', '/%61pi/v1/app/a/msg']) {
        const answer = await p.api('POST', path, { eventType: 'a.b', payload: {} });
        assert.equal(answer.status, 202, `${path}: ${answer.text}`);
    }
});

test('what is no path, no id and no name is 404', async (t) => {
    const { p, operations, url } = await everything(t);
    const odd = ['%2F', '%00', '%zz', '%', '%c0%af', '%ff', '%f0%28%8c%bc', 'a%2Fb', '..%2f..', '%20', 'a%0d%0ab', 'app_', 'ep_zzz', 'msg_\u00e9'.replace('\u00e9', '%C3%A9'), '~', `${'x'.repeat(300)}`, '+', 'a%25', '*', '-'];
    const list = operations.filter((op) => op.path.includes('{')).flatMap((op) => {
        const places = [...op.path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]);
        return odd.flatMap((text) => places.map((place) => ({ op, place, text })));
    });
    await none(t, p, list, async ({ op, place, text }) => {
        const path = url({ ...op, path: op.path.replace(`{${place}}`, '\u0001') }).replace('\u0001', text);
        const answer = await p.api(op.method, path, op.requestBody ? {} : undefined);
        const wrong = trouble(answer) ?? (answer.status < 400 ? `status ${answer.status}` : undefined);
        return wrong && `${op.method} ${path}: ${wrong}`;
    });
    for (const path of ['/', '/api', '/api/v1', '/api/v1/', '/api/v2/app', '/api/v1//app', '//api/v1/app', '/api/v1/app/a//endpoint', '/api/v1/app/a/nothing', '/api/v1/app/../app', '/%2e%2e/etc/passwd', '/api/v1/app;x=1']) {
        for (const method of methods) {
            const answer = await p.api(method, path);
            assert.equal(trouble(answer), undefined, `${method} ${path}`);
            assert.ok([404, 405].includes(answer.status) || (path === '/' && answer.status < 400), `${method} ${path}: ${answer.status}`);
        }
    }
});

// ---- bodies

const values = [null, true, false, 0, -1, 1.5, 9e15, '', 'x', '\u0000', '\ud800', 'ä'.repeat(40_000), [], [null], [1], ['x', 'x'], {}, { x: 1 }, [[]], [{}]].map((v) => JSON.stringify(v)).concat(['1e400', '-0', '123456789012345678901234567890', '"\\ud83d"', `${'['.repeat(200)}${']'.repeat(200)}`]);

function typeOf(json) {
    if (json[0] === '"') return 'string';
    if (json[0] === '[') return 'array';
    if (json[0] === '{') return 'object';
    if (json === 'null') return 'null';
    return /^(true|false)$/.test(json) ? 'boolean' : 'number';
}

function resolve(api, schema) {
    if (schema?.$ref) return resolve(api, api.components.schemas[schema.$ref.split('/').pop()]);
    if (schema?.allOf?.length === 1) return { ...resolve(api, schema.allOf[0]), nullable: schema.nullable };
    return schema ?? {};
}

function mayBe(schema, json) {
    const type = typeOf(json);
    if (type === 'null') return schema.nullable === true || schema.type === undefined;
    if (schema.oneOf || schema.anyOf || schema.type === undefined) return true;
    return schema.type === 'integer' ? type === 'number' : schema.type === type;
}

function example(api, schema, name) {
    const s = resolve(api, schema);
    if (s.enum) return s.enum[0];
    if (name === 'url') return 'https://example.com/';
    if (name === 'eventType') return 'a.b';
    if (name === 'type') return 'development';
    if (name === 'filter') return { a: 1 };
    if (s.format === 'date-time') return new Date(Date.now() - 60_000).toISOString();
    if (s.type === 'array') return [];
    if (s.type === 'integer' || s.type === 'number') return 1;
    if (s.type === 'boolean') return false;
    if (s.type === 'object' || s.properties) return Object.fromEntries((s.required ?? []).map((n) => [n, example(api, s.properties[n], n)]));
    return 'x';
}

const bodyOf = (api, op) => resolve(api, op.requestBody?.content?.['application/json']?.schema);

test('bodies of the wrong form', async (t) => {
    const { p, api, operations, url } = await everything(t);
    const wrong = ['', ' ', '{', '{"a":1', '{"a":1}x', "{'a':1}", '{"a":1,}', 'null', '[]', '"x"', '1', 'true', '\ufeff{}', '{"\\ud800":1}', `{"a":${'['.repeat(200)}${']'.repeat(200)}}`, Buffer.from([0x7b, 0xff, 0x7d]), Buffer.from('{"a":"\u00e4"}', 'latin1'), Buffer.from('{}', 'utf16le'), Buffer.alloc(100)];
    const list = operations.filter((op) => op.requestBody).flatMap((op) => wrong.map((body) => ({ op, body })));
    await none(t, p, list, async ({ op, body }) => {
        const answer = await p.api(op.method, url(op), body);
        const needs = (bodyOf(api, op).required ?? []).length > 0;
        const fault = trouble(answer) ?? (answer.status < 400 && needs ? `status ${answer.status}` : undefined);
        return fault && `${op.method} ${op.path} ${JSON.stringify(body.toString())}: ${fault}`;
    });
});

test('values of every wrong type in every field', async (t) => {
    const { p, api, operations, url } = await everything(t);
    const list = operations.filter((op) => op.requestBody).flatMap((op) => Object.entries(bodyOf(api, op).properties ?? {}).flatMap(([field, schema]) => values.map((value) => ({ op, field, schema: resolve(api, schema), value }))));
    await none(t, p, list, async ({ op, field, schema, value }) => {
        const { [field]: _, ...rest } = example(api, bodyOf(api, op));
        const body = `{${Object.entries(rest).map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)},`).join('')}${JSON.stringify(field)}:${value}}`;
        const answer = await p.api(op.method, url(op, op.method === 'PUT' ? { name: 'mine' } : {}), body);
        const fault = trouble(answer) ?? (answer.status < 400 && !mayBe(schema, value) ? `status ${answer.status}` : undefined);
        return fault && `${op.method} ${op.path} ${field}: ${value.slice(0, 60)}: ${fault}`;
    });
});

test('unknown fields and repeated names change nothing; a body is read as JSON whatever it says it is', async (t) => {
    const { p, api, operations, url } = await everything(t);
    const list = operations.filter((op) => op.requestBody && op.method !== 'DELETE');
    let number = 0;
    await none(t, p, list, async (op) => {
        const faults = [];
        const fresh = () => {
            const body = example(api, bodyOf(api, op));
            for (const n of ['name', 'uid', 'email']) if (typeof body[n] === 'string' && op.method === 'POST') body[n] = `n${++number}${n === 'email' ? '@example.com' : ''}`;
            // A PUT without it takes it away, and the next one makes another.
            if (op.method === 'PUT' && bodyOf(api, op).properties?.uid) body.uid = op.path.endsWith('{app_id}') ? 'a' : 'e';
            return body;
        };
        if (op.method === 'PUT') await p.api(op.method, url(op), fresh()); // makes what is not there
        const plain = await p.api(op.method, url(op), fresh());
        const ways = {
            'unknown fields': [JSON.stringify({ ...fresh(), unknown: { a: [1] }, '': 1, __proto__x: 1 })],
            'repeated names': [JSON.stringify(fresh()).replace(/^\{("[^"]+":)/, '{$1[{"wrong":1}],$1')],
            'text/plain': [fresh(), { headers: { 'content-type': 'text/plain' } }],
            'no content type': [Buffer.from(JSON.stringify(fresh())), { headers: { 'content-type': '' } }],
            'a charset': [fresh(), { headers: { 'content-type': 'application/json; charset=utf-8' } }],
        };
        for (const [what, args] of Object.entries(ways)) {
            const answer = await p.api(op.method, url(op), ...args);
            const fault = trouble(answer) ?? (answer.status === plain.status || answer.status === 415 ? undefined : `status ${plain.status}, ${answer.status} ${answer.text.slice(0, 120)}`);
            if (fault) faults.push(`${op.method} ${op.path} ${what}: ${fault}`);
        }
        return faults.join('\n');
    }, 1);
});

test('queries: malformed is 400 or 422, unknown is nothing, the first of several counts', async (t) => {
    const { p, operations, url } = await everything(t);
    const odd = ['', 'x', '-1', '0', '99999999999999999999999', '%zz', '%00', '%', '%ff', '+', 'true', 'null', '[]', '2026-13-45', '1.5', '1e3', "'", '2026-11-21T00:00:00Z', 'a,b,,', 'x'.repeat(5000)];
    const list = operations.filter((op) => op.method !== 'DELETE').flatMap((op) => {
        const named = (op.parameters ?? []).filter((x) => x.in === 'query').map((x) => x.name);
        return ['', '&', '&&=&', '=', '%zz', '%zz=1', 'unknown=1', '?', ...named.flatMap((n) => [n, `${n}&${n}=`, `${n}=x&${n}=1`, `${n}[]=1`, ...odd.map((v) => `${n}=${v}`)])].map((query) => ({ op, query }));
    });
    await none(t, p, list, async ({ op, query }) => {
        const answer = await p.api(op.method, `${url(op)}?${query}`, op.requestBody ? {} : undefined);
        const fault = trouble(answer);
        return fault && `${op.method} ${op.path}?${query.slice(0, 80)}: ${fault}`;
    });
    for (const [query, status] of [['limit=x', 400], ['limit=0', 422], ['limit=251', 422], ['limit=%zz', 400], ['limit=2&limit=x', 200], ['unknown=%41', 200], ['iterator=nonsense', 422]]) {
        const answer = await p.api('GET', `/api/v1/app?${query}`);
        assert.ok(answer.status === status || (status === 400 && answer.status === 422), `${query}: ${answer.status} ${answer.text}`);
    }
});

test('tokens that are none, on every route', async (t) => {
    const { p, operations, url } = await everything(t);
    const tokens = ['', 'x', 'Bearer', 'Bearer ', 'Bearer a.b.c', 'Basic eDp5', `Bearer ${'x'.repeat(5000)}`, 'Bearer prk_nothing', `bearer ${p.token}x`, 'Bearer \u00e4'];
    const list = operations.flatMap((op) => tokens.map((authorization) => ({ op, authorization })));
    await none(t, p, list, async ({ op, authorization }) => {
        const answer = await p.api(op.method, url(op), op.requestBody ? {} : undefined, { token: null, headers: { authorization } });
        const fault = trouble(answer);
        return fault && `${op.method} ${op.path} ${authorization.slice(0, 30)}: ${fault}`;
    });
});

// ---- times and single cases

test('times in every usual spelling are the same time', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const at = async (occurredAt) => (await p.ok('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: {}, occurredAt })).occurredAt;
    for (const text of ['2026-11-21T09:30:00Z', '2026-11-21 09:30:00Z', '2026-11-21T09:30:00.0Z', '2026-11-21T09:30:00.000000000Z', '2026-11-21T10:30:00+01:00', '2026-11-21 09:30:00 UTC', '2026-11-21T09:30:00z', '2026-11-21t09:30:00z'])
        assert.equal(await at(text), '2026-11-21T09:30:00.000Z', text);
    for (const [text, out] of [['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'], ['1970-01-01T00:00:00.001Z', '1970-01-01T00:00:00.001Z'], ['1969-12-31T23:59:59Z', '1969-12-31T23:59:59.000Z'], ['1969-12-31T23:59:59.999Z', '1969-12-31T23:59:59.999Z']])
        assert.equal(await at(text), out, text);
    const before = Date.now();
    assert.ok(Date.parse(await at(null)) >= before - 1000);
    for (const text of ['yesterday', '2026-11-21', '2026-02-30T00:00:00Z', '2026-11-21T25:00:00Z', '', 0, 1763717400, true, '2026-11-21T09:30:00']) {
        const answer = await p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: {}, occurredAt: text });
        assert.ok([202, 422].includes(answer.status), `${text}: ${answer.text}`);
        if (answer.status === 202) assert.equal(text, '2026-11-21T09:30:00');
    }
});

test('a request line that is no HTTP is answered in JSON too, where it can be', async (t) => {
    const p = await postrider(t);
    const lines = ['GET  / HTTP/1.1', 'BREW /coffee HTTP/1.1', 'GET /api/v1/app HTTP/9.9', 'G\u0000T / HTTP/1.1', 'GET /\u0000 HTTP/1.1', 'GET / HTTP/1.1\r\nContent-Length: x', 'POST /api/v1/app HTTP/1.1\r\nTransfer-Encoding: nonsense', 'GET nothing HTTP/1.1', `GET /${'x'.repeat(100_000)} HTTP/1.1`];
    for (const line of lines) {
        const text = await new Promise((resolve, reject) => {
            let got = '';
            const s = net.connect(p.port, '127.0.0.1', () => s.write(`${line}\r\nHost: x\r\nConnection: close\r\n\r\n`));
            s.setTimeout(5000, () => s.destroy());
            s.on('data', (c) => (got += c.toString('latin1')));
            s.on('close', () => resolve(got));
            s.on('error', (e) => (e.code === 'ECONNRESET' || e.code === 'EPIPE' ? resolve(got) : reject(e)));
        });
        if (text === '') continue;
        const [head, body] = text.split('\r\n\r\n');
        assert.match(head, /^HTTP\/1\.[01] (4\d\d|501|505) /, line.slice(0, 60));
        assert.ok(JSON.parse(body).detail, line.slice(0, 60));
    }
});

test('tags and channels have the limits of the reference', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const long = 'x'.repeat(128);
    const rows = [
        [{ tags: ['a', 'b', 'c', 'd', 'e'] }, 202],
        [{ tags: ['a', 'b', 'c', 'd', 'e', 'f'] }, 422],
        [{ tags: [long] }, 202],
        [{ tags: [`${long}x`] }, 422],
        [{ tags: ['A-z_0.9/\\#'] }, 202],
        [{ tags: ['a b'] }, 422],
        [{ tags: ['ä'] }, 422],
        [{ tags: [''] }, 422],
        [{ tags: ['a', 'a'] }, 422],
        [{ tags: [] }, 202],
        [{ tags: null }, 202],
        [{ channels: [] }, 422],
        [{ channels: Array.from({ length: 10 }, (_, i) => `c${i}`) }, 202],
        [{ channels: Array.from({ length: 11 }, (_, i) => `c${i}`) }, 422],
        [{ channels: ['a:b+c'] }, 202],
        [{ channels: ['a/b'] }, 422],
    ];
    for (const [fields, status] of rows) {
        const answer = await p.api('POST', `/api/v1/app/${app.id}/msg`, { eventType: 'a.b', payload: {}, ...fields });
        assert.equal(answer.status, status, JSON.stringify(fields).slice(0, 80));
    }
    for (const tag of [long, 'A-z_0.9/\\#']) {
        const { data } = await p.ok('GET', `/api/v1/app/${app.id}/msg?tag=${encodeURIComponent(tag)}`);
        assert.deepEqual(data.map((m) => m.tags), [[tag]]);
    }
});
