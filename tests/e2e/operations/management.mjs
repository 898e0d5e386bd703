// SPDX-License-Identifier: Apache-2.0
// The clients have no methods for the management API: it is spoken over HTTP as they would.
import assert from 'node:assert/strict';
import { environment } from '../lib/postrider.mjs';

const envs = '/management/environment';
const tokensOf = (env) => `/management/authentication/${env}/api-token`;

async function ok(http, method, path, body, options) {
    const a = await http(method, path, body, options);
    assert.ok(a.status >= 200 && a.status < 300, `${method} ${path}: ${a.status} ${a.text}`);
    return a.json;
}

const newEnv = (http, name = 'Staging') => ok(http, 'POST', envs, { name, type: 'development' });
const newToken = (http, fields = {}, env = environment) => ok(http, 'POST', tokensOf(env), { name: 'A key', ...fields });
const works = async (http, token) => (await http('GET', '/app', undefined, { token })).status;

export default [
    {
        op: 'v1.management.environment.create',
        async run({ http }) {
            const env = await newEnv(http, 'Créée');
            assert.match(env.id, /^org_[A-Za-z0-9]{27}$/);
            assert.deepEqual([env.name, env.type, env.region], ['Créée', 'development', 'self-hosted']);
            for (const body of [{}, { name: '', type: 'production' }, { name: 'x', type: 'testing' }, { name: 'x'.repeat(256), type: 'production' }])
                assert.equal((await http('POST', envs, body)).status, 422, JSON.stringify(body));
        },
    },
    {
        op: 'v1.management.environment.list',
        async run({ http }) {
            const made = [await newEnv(http, 'One'), await newEnv(http, 'Two')];
            const ids = [];
            for (let at = '', page; !page?.done; at = `&iterator=${page.iterator}`) {
                page = await ok(http, 'GET', `${envs}?limit=1${at}`);
                ids.push(...page.data.map((x) => x.id));
            }
            assert.deepEqual(ids.filter((x) => made.some((m) => m.id === x)), made.map((m) => m.id));
            assert.ok(ids.includes(environment), 'the own one is among them');
        },
    },
    {
        op: 'v1.management.environment.get',
        async run({ http }) {
            const env = await newEnv(http);
            assert.deepEqual(await ok(http, 'GET', `${envs}/${env.id}`), env);
            assert.equal((await ok(http, 'GET', `${envs}/${environment}`)).id, environment);
            assert.equal((await http('GET', `${envs}/org_00000000000000000000000000a`)).status, 404);
        },
    },
    {
        op: 'v1.management.environment.update',
        async run({ http }) {
            const env = await newEnv(http);
            const renamed = await ok(http, 'PUT', `${envs}/${env.id}`, { name: 'Renamed', type: 'production' });
            assert.deepEqual([renamed.name, renamed.type], ['Renamed', 'development']);
            assert.equal((await http('PUT', `${envs}/${env.id}`, {})).status, 422);
        },
    },
    {
        op: 'v1.management.environment.delete',
        async run({ http }) {
            const env = await newEnv(http);
            const { token } = await newToken(http, {}, env.id);
            assert.equal(await works(http, token), 200);
            assert.equal((await http('DELETE', `${envs}/${env.id}`)).status, 204);
            assert.equal((await http('GET', `${envs}/${env.id}`)).status, 404);
            assert.equal(await works(http, token), 401);
            assert.equal((await http('DELETE', `${envs}/${environment}`)).status, 409, 'not oneself');
        },
    },
    {
        op: 'v1.management.authentication.create-api-token',
        async run({ http }) {
            const made = await newToken(http, { scopes: ['app:read'] });
            assert.match(made.token, /^prk_/);
            assert.deepEqual(made.scopes, ['app:read']);
            assert.equal(await works(http, made.token), 200);
            assert.equal((await http('POST', '/app', { name: 'x' }, { token: made.token })).status, 403);
            for (const body of [{}, { name: '' }, { name: 'x', scopes: [] }, { name: 'x', scopes: ['all'] }])
                assert.equal((await http('POST', tokensOf(environment), body)).status, 422, JSON.stringify(body));
        },
    },
    {
        op: 'v1.management.authentication.list-api-tokens',
        async run({ http }) {
            const env = await newEnv(http);
            const made = [await newToken(http, {}, env.id), await newToken(http, {}, env.id), await newToken(http, {}, env.id)];
            const ids = async (order) => {
                const all = [];
                for (let at = '', page; !page?.done; at = `&iterator=${page.iterator}`) {
                    page = await ok(http, 'GET', `${tokensOf(env.id)}?limit=2&order=${order}${at}`);
                    assert.ok(page.data.every((x) => x.token === undefined && x.censoredToken.startsWith('prk_')));
                    all.push(...page.data.map((x) => x.id));
                }
                return all;
            };
            assert.deepEqual(await ids('ascending'), made.map((x) => x.id));
            assert.deepEqual(await ids('descending'), made.map((x) => x.id).reverse());
        },
    },
    {
        op: 'v1.management.authentication.get-api-token',
        async run({ http }) {
            const { token, ...rest } = await newToken(http);
            const seen = await ok(http, 'GET', `${tokensOf(environment)}/${rest.id}`);
            assert.deepEqual([seen.id, seen.name, seen.censoredToken, seen.token], [rest.id, rest.name, rest.censoredToken, undefined]);
            assert.ok(token.startsWith(seen.censoredToken.replace('…', '')));
            assert.equal((await http('GET', `${tokensOf((await newEnv(http)).id)}/${rest.id}`)).status, 404, 'of another environment');
        },
    },
    {
        op: 'v1.management.authentication.update-api-token',
        async run({ http }) {
            const made = await newToken(http, { scopes: ['app:read'] });
            const seen = await ok(http, 'PUT', `${tokensOf(environment)}/${made.id}`, { name: 'Other' });
            assert.deepEqual([seen.name, seen.scopes], ['Other', ['app:read']]);
            assert.equal(await works(http, made.token), 200);
        },
    },
    {
        op: 'v1.management.authentication.patch-api-token',
        async run({ http }) {
            const made = await newToken(http, { scopes: ['app:read'] });
            const path = `${tokensOf(environment)}/${made.id}`;
            assert.deepEqual((await ok(http, 'PATCH', path, { scopes: ['message:write'] })).scopes, ['message:write']);
            assert.equal(await works(http, made.token), 403);
            assert.equal((await ok(http, 'PATCH', path, { name: 'N', scopes: null })).scopes, null);
            assert.equal(await works(http, made.token), 200);
            assert.equal((await http('PATCH', path, { scopes: ['nonsense'] })).status, 422);
        },
    },
    {
        op: 'v1.management.authentication.expire-api-token',
        async run({ http }) {
            const [now, later] = [await newToken(http), await newToken(http)];
            const expire = (t, body) => http('POST', `${tokensOf(environment)}/${t.id}/expire`, body);
            assert.equal((await expire(now, {})).status, 204);
            assert.equal(await works(http, now.token), 401);
            assert.equal((await expire(later, { expiry: 3600 })).status, 204);
            assert.equal(await works(http, later.token), 200);
            const seen = await ok(http, 'GET', `${tokensOf(environment)}/${later.id}`);
            assert.ok(Math.abs(Date.parse(seen.expiresAt) - Date.now() - 3_600_000) < 60_000, seen.expiresAt);
            assert.equal((await expire(later, { expiry: 7200 })).status, 204);
            assert.equal((await ok(http, 'GET', `${tokensOf(environment)}/${later.id}`)).expiresAt, seen.expiresAt, 'never later than before');
            assert.equal((await expire(later, { expiry: 259201 })).status, 422);
        },
    },
];
