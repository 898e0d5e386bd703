// SPDX-License-Identifier: Apache-2.0
// Every operation of the description, against everybody who may not: a cookie without its token, a page of another
// site, a viewer, a member of another workspace, somebody of another environment, nobody.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { firstUser, goodPassword, Person } from './lib/console.mjs';
import { environment, jwt, postrider } from './lib/postrider.mjs';

const api = JSON.parse(readFileSync(new URL('../../docs/api/openapi.json', import.meta.url), 'utf8'));
const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, op]) => ({ id: op.operationId, method: method.toUpperCase(), path, open: op.security?.length === 0, live: op.operationId.startsWith('v1.live.') })),
);
const changing = operations.filter((op) => op.method !== 'GET' && !op.open);

// What a viewer may: their own session, password and codes; and what changes nothing although it is no GET.
const ofOneself = /^v1\.console\.(session|password|totp)\./;
const changesNothing = new Set(['v1.authentication.logout', 'v1.message.search', 'v1.message.precheck', 'v1.filter.test']);

async function world(t) {
    const p = await postrider(t);
    const owner = await firstUser(p);
    const mine = await p.app({ uid: 'mine' });
    const other = await p.app({ uid: 'other' });
    const operator = (sub) => ({ token: jwt({ sub, postriderOperator: true }) });
    async function user(email, role, app, env = environment) {
        await p.ok('POST', '/api/v1/console/user', { email, role, password: goodPassword, ...(app ? { app } : {}) }, operator(env));
        const person = new Person(p);
        assert.equal((await person.signIn(email)).status, 200);
        return person;
    }
    return { p, owner, mine, other, user };
}

const urlOf = (op, app) => op.path.replace('{app_id}', app).replace(/\{(\w+)\}/g, (_, name) => `${name.replace(/_id$/, '')}x`);
const ask = (person, op, app, options) => person.api(op.method, urlOf(op, app), op.method === 'DELETE' || op.method === 'GET' ? undefined : {}, options);

async function all(list, fn) {
    const wrong = [];
    for (const op of list) {
        const said = await fn(op);
        if (said) wrong.push(`${op.id}: ${said}`);
    }
    assert.deepEqual(wrong, []);
}

test('a cookie without its token, or from a page of another site, changes nothing', async (t) => {
    const { owner, mine } = await world(t);
    assert.ok(changing.length > 60, `${changing.length} operations`);
    await all(changing, async (op) => {
        for (const headers of [{ 'x-csrf-token': '' }, { 'x-csrf-token': 'wrong' }, { 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }]) {
            const answer = await ask(owner, op, mine.id, { headers });
            if (answer.status !== 403) return `${JSON.stringify(headers)}: ${answer.status} ${answer.text}`;
        }
    });
    assert.equal((await owner.api('GET', '/api/v1/app/mine')).json.name, 'A customer');
    assert.equal((await owner.api('GET', '/api/v1/console/session')).status, 200);
});

test('a viewer changes nothing, nor does who only sees one workspace change the others', async (t) => {
    const { user, mine, other } = await world(t);
    const viewer = await user('viewer@example.com', 'viewer');
    await all(
        changing.filter((op) => !ofOneself.test(op.id) && !changesNothing.has(op.id)),
        async (op) => {
            const answer = await ask(viewer, op, mine.id);
            if (answer.status !== 403) return `${answer.status} ${answer.text}`;
        },
    );
    const confined = await user('editor@example.com', 'editor', 'mine');
    await all(
        operations.filter((op) => op.path.includes('{app_id}') && !op.open),
        async (op) => {
            const answer = await ask(confined, op, other.id);
            const looked = op.method === 'GET' && !op.id.includes('.stats') ? [404, 403] : [404, 403, 422];
            if (!looked.includes(answer.status)) return `${answer.status} ${answer.text}`;
        },
    );
    await all(
        changing.filter((op) => !op.path.includes('{app_id}') && !ofOneself.test(op.id) && !changesNothing.has(op.id) && op.id !== 'v1.profile.preview'),
        async (op) => {
            const answer = await ask(confined, op, mine.id);
            // Tasks of one's own workspace may be ended: the others are not there.
            if (answer.status !== (op.path.includes('{task_id}') ? 404 : 403)) return `${answer.status} ${answer.text}`;
        },
    );
});

test('another environment’s workspaces are not there', async (t) => {
    const { p, user, mine } = await world(t);
    const elsewhere = 'org_00000000000000000000000abcd';
    await p.ok('POST', '/api/v1/app', { name: 'x' }, { token: jwt({ sub: elsewhere }) });
    const stranger = await user('stranger@example.com', 'owner', undefined, elsewhere);
    await all(
        operations.filter((op) => op.path.includes('{app_id}') && !op.open),
        async (op) => {
            const answer = await ask(stranger, op, mine.id);
            // Some make what is not there, or look at the body first; none touches what is another's.
            const fine = op.method === 'GET' && !op.id.includes('.stats') ? [404] : [404, 422, 403];
            if (!fine.includes(answer.status)) return `${answer.status} ${answer.text}`;
        },
    );
    assert.equal((await p.ok('GET', '/api/v1/app/mine')).name, 'A customer');
    await all(
        operations.filter((op) => op.path.includes('{app_id}') && !op.open),
        async (op) => {
            const answer = await stranger.api(op.method, urlOf(op, mine.id), op.method === 'DELETE' || op.method === 'GET' ? undefined : {}, { headers: { 'postrider-environment': environment } });
            if (answer.status !== 404) return `${answer.status} ${answer.text}`;
        },
    );
});

test('nobody gets in without a session', async (t) => {
    const { p, mine } = await world(t);
    const nobody = new Person(p);
    const forged = new Person(p);
    forged.cookie = `postrider=prs_${'0'.repeat(27)}${'a'.repeat(40)}`;
    await all(
        operations.filter((op) => !op.open),
        async (op) => {
            for (const person of [nobody, forged]) {
                const answer = await ask(person, op, mine.id);
                if (answer.status !== 401) return `${answer.status} ${answer.text}`;
            }
        },
    );
});
