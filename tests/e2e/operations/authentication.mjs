// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';

export default [
    {
        op: 'v1.authentication.app-portal-access',
        async run({ svix, app, Svix, url }) {
            const { id } = await app();
            const { url: link, token } = await svix.authentication.appPortalAccess(id, { expiry: 3600, readOnly: true });
            assert.match(link, /\/portal#key=prl_/);
            const customer = new Svix(token, { serverUrl: url });
            assert.equal((await customer.application.get(id)).id, id);
            await assert.rejects(customer.endpoint.create(id, { url: 'https://example.com/' }), (e) => e.code === 403);
        },
    },
    {
        op: 'v1.authentication.exchange-one-time-token',
        async run({ svix, app, http }) {
            const { id } = await app();
            const { url } = await svix.authentication.appPortalAccess(id, {});
            const body = { oneTimeToken: url.split('#key=')[1] };
            const { status, json } = await http('POST', '/auth/one-time-token', body, { token: null });
            assert.equal(status, 200);
            assert.equal((await http('GET', `/app/${id}`, undefined, { token: json.token })).status, 200);
            assert.notEqual((await http('POST', '/auth/one-time-token', body, { token: null })).status, 200);
        },
    },
    {
        op: 'v1.authentication.logout',
        async run({ svix, app, Svix, url }) {
            const { id } = await app();
            const customer = new Svix((await svix.authentication.appPortalAccess(id, {})).token, { serverUrl: url });
            await customer.authentication.logout();
            await assert.rejects(customer.application.get(id), (e) => e.code === 401);
        },
    },
    {
        op: 'v1.authentication.expire-all',
        async run({ svix, app, Svix, url, until }) {
            const { id } = await app();
            const customer = new Svix((await svix.authentication.appPortalAccess(id, {})).token, { serverUrl: url });
            await svix.authentication.expireAll(id, { expiry: 0 });
            await until('the token is over', () => customer.application.get(id).then(() => false, (e) => e.code === 401));
        },
    },
    {
        op: 'v1.authentication.whoami',
        async run({ svix, app, http }) {
            const { id } = await app();
            const { token } = await svix.authentication.appPortalAccess(id, { sessionId: 'mine' });
            const { json } = await http('GET', '/auth/whoami', undefined, { token });
            assert.deepEqual([json.appId, json.sessionId], [id, 'mine']);
        },
    },
];
