// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { selfSigned } from '../lib/certs.mjs';

// The clients have no methods for these.
const made = async ({ app, endpoint }) => {
    const a = await app();
    return `/app/${a.id}/endpoint/${(await endpoint(a)).id}`;
};

const oauth = { grantType: 'clientCredentials', authMethod: 'clientSecretBasic', clientId: 'a', clientSecret: 'b', tokenUrl: 'http://127.0.0.1:9/token', scopes: ['c'], extraParams: { d: 'e' }, extraHeaders: { 'X-F': 'g' } };
const { clientSecret, ...shown } = oauth;
const identity = selfSigned();
const certificate = identity.slice(identity.indexOf('-----BEGIN CERT'));

export default [
    {
        op: 'v1.endpoint.set-mtls-config',
        async run(c) {
            const ep = await made(c);
            assert.equal((await c.http('PUT', `${ep}/mtls`, { identity })).status, 204);
            assert.equal((await c.http('PUT', `${ep}/mtls`, { identity: 'no' })).status, 422);
        },
    },
    {
        op: 'v1.endpoint.get-mtls',
        async run(c) {
            const ep = await made(c);
            assert.equal((await c.http('GET', `${ep}/mtls`)).status, 404);
            await c.http('PUT', `${ep}/mtls`, { identity });
            assert.equal((await c.http('GET', `${ep}/mtls`)).json.certificate, certificate);
        },
    },
    {
        op: 'v1.endpoint.get-mtls-2',
        async run(c) {
            const ep = await made(c);
            assert.deepEqual((await c.http('GET', `${ep}/mtls-config`)).json, { enabled: false, config: null });
            await c.http('PUT', `${ep}/mtls`, { identity });
            assert.equal((await c.http('GET', `${ep}/mtls-config`)).json.enabled, true);
        },
    },
    {
        op: 'v1.endpoint.delete-mtls-config',
        async run(c) {
            const ep = await made(c);
            await c.http('PUT', `${ep}/mtls`, { identity });
            assert.equal((await c.http('DELETE', `${ep}/mtls`)).status, 204);
            assert.equal((await c.http('GET', `${ep}/mtls`)).status, 404);
        },
    },
    {
        op: 'v1.endpoint.set-server-ca',
        async run(c) {
            const ep = await made(c);
            assert.equal((await c.http('PUT', `${ep}/ca`, { cert: certificate })).status, 204);
            assert.equal((await c.http('GET', ep)).json.caBundle, certificate);
            assert.equal((await c.http('PUT', `${ep}/ca`, { cert: null })).status, 204);
            assert.equal((await c.http('GET', ep)).json.caBundle, null);
        },
    },
    {
        op: 'v1.endpoint.get-server-ca',
        async run(c) {
            const ep = await made(c);
            assert.deepEqual((await c.http('GET', `${ep}/ca`)).json, { cert: null });
        },
    },
    {
        op: 'v1.endpoint.set-oauth-config',
        async run(c) {
            const ep = await made(c);
            assert.equal((await c.http('PUT', `${ep}/oauth`, oauth)).status, 204);
            assert.equal((await c.http('PUT', `${ep}/oauth`, shown)).status, 422);
        },
    },
    {
        op: 'v1.endpoint.get-oauth',
        async run(c) {
            const ep = await made(c);
            assert.equal((await c.http('GET', `${ep}/oauth`)).status, 404);
            await c.http('PUT', `${ep}/oauth`, oauth);
            assert.deepEqual((await c.http('GET', `${ep}/oauth`)).json, shown);
        },
    },
    {
        op: 'v1.endpoint.get-oauth-2',
        async run(c) {
            const ep = await made(c);
            assert.deepEqual((await c.http('GET', `${ep}/oauth-config`)).json, { enabled: false, config: null });
            await c.http('PUT', `${ep}/oauth`, oauth);
            assert.deepEqual((await c.http('GET', `${ep}/oauth-config`)).json, { enabled: true, config: shown });
        },
    },
    {
        op: 'v1.endpoint.delete-oauth-config',
        async run(c) {
            const ep = await made(c);
            await c.http('PUT', `${ep}/oauth`, oauth);
            assert.equal((await c.http('DELETE', `${ep}/oauth`)).status, 204);
            assert.equal((await c.http('GET', `${ep}/oauth`)).status, 404);
        },
    },
];
