// SPDX-License-Identifier: Apache-2.0
// Records: written, found by key, tagged, remembered; and what their changes tell the workspace's endpoints.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { sleep, until } from './lib/wait.mjs';

// Answers, and refuses anything but `status`.
async function ask(p, method, path, body, status = 200) {
    const answer = await p.api(method, path, body);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
}

test('a record is created, found, changed, tagged, forgotten; its history stays', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const base = `/api/v1/app/${app.id}/record/contact`;
    const made = await p.api('POST', base, '{"data":{"email":"ada@example.com","order":9007199254740993,"price":1.10},"tags":["new"]}');
    assert.equal(made.status, 201);
    assert.match(made.text, /"data":\{"email":"ada@example.com","order":9007199254740993,"price":1.10\}/);
    const { id } = made.json;
    assert.match(id, /^rec_[0-9A-Za-z]{27}$/);
    assert.deepEqual([made.json.key, made.json.tags, made.json.version, made.json.type], ['ada@example.com', ['new'], 1, 'contact']);
    await ask(p, 'POST', base, { data: { email: 'ada@example.com' } }, 409);
    assert.equal((await ask(p, 'GET', `${base}/ada%40example.com`)).id, id);
    assert.equal((await ask(p, 'GET', `${base}/${id}`)).id, id);

    const merged = await p.api('PATCH', `${base}/${id}`, '{"data":{"name":"Ada","price":null}}');
    assert.match(merged.text, /"data":\{"email":"ada@example.com","order":9007199254740993,"name":"Ada"\}/);
    assert.equal(merged.json.version, 2);
    assert.equal((await ask(p, 'PATCH', `${base}/${id}`, { data: { name: 'Ada' } })).version, 2, 'no change is no version');
    assert.deepEqual((await ask(p, 'POST', `${base}/${id}/tag/Customer`)).tags, ['new', 'Customer']);
    assert.deepEqual((await ask(p, 'POST', `${base}/${id}/tag/Customer`)).tags, ['new', 'Customer']);
    assert.deepEqual((await ask(p, 'DELETE', `${base}/${id}/tag/new`)).tags, ['Customer']);
    const upserted = await ask(p, 'POST', `${base}?upsert=true`, { data: { email: 'ada@example.com', city: 'London' }, tags: ['vip'] });
    assert.deepEqual([upserted.id, upserted.data.name, upserted.data.city, upserted.tags], [id, 'Ada', 'London', ['Customer', 'vip']]);
    const put = await ask(p, 'PUT', `${base}/ada@example.com`, { data: { email: 'ada@example.org' } });
    assert.deepEqual([put.id, put.key, put.data, put.tags], [id, 'ada@example.org', { email: 'ada@example.org' }, []]);
    await ask(p, 'GET', `${base}/ada@example.com`, undefined, 404);
    await ask(p, 'PUT', `${base}/grace@example.com`, { data: { email: 'other@example.com' } }, 404);
    assert.equal((await ask(p, 'PUT', `${base}/grace@example.com`, { data: { email: 'grace@example.com' } }, 201)).key, 'grace@example.com');

    const history = await ask(p, 'GET', `${base}/${id}/history`);
    assert.deepEqual(history.data.map((x) => x.change), ['updated', 'updated', 'updated', 'updated', 'updated', 'created']);
    assert.deepEqual(history.data[4].changes, [{ path: 'price', from: 1.1, to: null }, { path: 'name', from: null, to: 'Ada' }]);
    assert.deepEqual(history.data[3].changes, [{ path: 'tags', from: ['new'], to: ['new', 'Customer'] }]);
    assert.equal(history.data[0].actor.type, 'token');
    await ask(p, 'DELETE', `${base}/${id}`, undefined, 204);
    await ask(p, 'GET', `${base}/${id}`, undefined, 404);
    assert.equal((await ask(p, 'GET', `${base}/${id}/history`)).data[0].change, 'deleted');
    assert.notEqual((await ask(p, 'POST', base, { data: { email: 'ada@example.org' } }, 201)).id, id);
});

test('what does not fit is refused with its place', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const base = `/api/v1/app/${app.id}/record`;
    for (const [body, status] of [
        ['{"data":[]}', 422],
        ['{"data":{"email":{}}}', 422],
        ['{"data":{"email":""}}', 422],
        [`{"data":{"x":"${'y'.repeat(70_000)}"}}`, 422],
        ['{"tags":[""]}', 422],
        ['{"data":', 400],
        ['[]', 422],
        ['{}', 201],
    ])
        await ask(p, 'POST', `${base}/contact`, body, status);
    // Nothing is no key, whatever the key of another is.
    await ask(p, 'POST', `${base}/contact`, { data: { email: 'null' } }, 201);
    await ask(p, 'POST', `${base}/contact?upsert=true`, { data: { email: null } }, 201);
    await ask(p, 'PUT', `${base}/contact/null2`, { data: { email: null } }, 404);
    await ask(p, 'GET', `${base}/team`, undefined, 404);
    await ask(p, 'GET', `${base}/contact/rec_000000000000000000000000000`, undefined, 404);
    const other = await p.app({ profile: 'myra' });
    const { id } = await ask(p, 'POST', `${base}/contact`, { data: { email: 'a@example.com' } }, 201);
    await ask(p, 'GET', `/api/v1/app/${other.id}/record/contact/${id}`, undefined, 404);
    await ask(p, 'GET', `${base}/deal/${id}`, undefined, 404);
});

test('lists page both ways and filter by tag', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'metapulse' });
    const base = `/api/v1/app/${app.id}/record/team`;
    const ids = [];
    for (let i = 0; i < 7; i++) ids.unshift((await ask(p, 'POST', base, { data: { external_id: i }, tags: i % 3 === 0 ? ['third'] : [] }, 201)).id);
    const first = await ask(p, 'GET', `${base}?limit=3`);
    const second = await ask(p, 'GET', `${base}?limit=3&iterator=${first.iterator}`);
    const third = await ask(p, 'GET', `${base}?limit=3&iterator=${second.iterator}`);
    assert.deepEqual([...first.data, ...second.data, ...third.data].map((x) => x.id), ids);
    assert.deepEqual([first.done, second.done, third.done], [false, false, true]);
    assert.deepEqual((await ask(p, 'GET', `${base}?limit=3&iterator=${third.prevIterator}`)).data.map((x) => x.id), second.data.map((x) => x.id));
    assert.deepEqual((await ask(p, 'GET', `${base}?tag=third`)).data.map((x) => x.id), [ids[0], ids[3], ids[6]]);
    assert.deepEqual((await ask(p, 'GET', `${base}?tag=none`)).data, []);
    assert.equal((await ask(p, 'GET', `${base}/3`)).id, ids[3]);
});

test('lists are searched, and narrowed to values', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const base = `/api/v1/app/${app.id}/record/contact`;
    const people = [
        { email: 'ada@example.com', name: 'Ada Lovelace', address: { city: 'London' }, n: 1.1, ok: true },
        { email: 'grace@example.com', name: 'Grace Hopper', address: { city: 'New York' }, n: 12, 'a.b': 'dotted' },
        { email: 'zofia@example.com', name: 'Żółć Ćma', address: { city: 'LONDON', note: ['Über', { deep: 'Привет' }] } },
    ];
    for (const data of people) await ask(p, 'POST', base, { data, tags: data.n === 12 ? ['VIP'] : [] }, 201);
    const found = async (query) => (await ask(p, 'GET', `${base}?${new URLSearchParams(query)}`)).data.map((x) => x.key.split('@')[0]).sort();
    for (const [query, want] of [
        [{ search: 'london' }, ['ada', 'zofia']],
        [{ search: 'żÓŁĆ' }, ['zofia']],
        [{ search: 'über' }, ['zofia']],
        [{ search: 'ПРИВЕТ' }, ['zofia']],
        [{ search: 'GRACE@' }, ['grace']],
        [{ search: 'vip' }, ['grace']],
        [{ search: '1.1' }, ['ada']],
        [{ search: 'city' }, [], 'names of fields are not searched'],
        [{ search: '' }, ['ada', 'grace', 'zofia']],
        [{ where: 'address.city:London' }, ['ada']],
        [{ where: 'a.b:dotted' }, ['grace']],
        [{ where: 'ok:true' }, ['ada']],
        [{ where: 'n:12' }, ['grace']],
        [{ where: 'address:x' }, []],
        [[['where', 'n:12'], ['where', 'name:Grace Hopper'], ['search', 'york'], ['tag', 'VIP']], ['grace']],
        [[['where', 'n:12'], ['tag', 'vip']], []],
    ])
        assert.deepEqual(await found(query), want, JSON.stringify(query));
    await ask(p, 'GET', `${base}?where=name`, undefined, 422);
    await ask(p, 'GET', `${base}?where=:x`, undefined, 422);
});

// [type, [[method, body]…], events]: every row of both catalogues.
const plain = (type) => [type, [['POST', { a: 1 }], ['PATCH', { a: 2 }], ['DELETE']], [`${type}.created`, `${type}.updated`, `${type}.deleted`]];
const catalogues = {
    myra: [
        plain('contact'),
        ['deal', [['POST', { stage: 'new' }], ['PATCH', { stage: 'won' }], ['PATCH', { value: 5 }], ['DELETE']], ['deal.stage_changed']],
        ['booking', [['POST', { status: 'confirmed' }], ['PATCH', { status: 'cancelled' }], ['DELETE']], ['booking.confirmed', 'booking.cancelled']],
        ['form_submission', [['POST', { answers: [1] }], ['PATCH', { a: 1 }]], ['form.submitted']],
        ['call', [['POST', { status: 'ringing' }], ['PATCH', { status: 'completed' }]], ['call.completed']],
        ['esignature', [['POST', { status: 'sent' }], ['PATCH', { status: 'signed' }], ['PATCH', { pages: 2 }]], ['esignature.signed']],
    ],
    metapulse: ['data_point', 'event', 'graph', 'knowledge_item', 'member', 'objective', 'position', 'team'].map(plain),
};

for (const [profile, types] of Object.entries(catalogues)) {
    test(`${profile}: each change of each type tells what its row says, signed, in order`, async (t) => {
        const p = await postrider(t);
        const r = await receiver(t);
        const app = await p.app({ profile });
        const endpoint = await p.endpoint(app, r.url(), { fifo: true });
        const secret = await p.secret(app, endpoint);
        const wanted = [];
        for (const [type, changes, events] of types) {
            const base = `/api/v1/app/${app.id}/record/${type}`;
            let id;
            for (const [method, data] of changes) {
                const answer = await p.api(method, method === 'POST' ? base : `${base}/${id}`, data && { data });
                assert.ok(answer.status < 300, answer.text);
                id ??= answer.json.id;
            }
            for (const event of events) wanted.push([event, id]);
        }
        await r.arrived(wanted.length);
        const seen = r.requests.map((x) => JSON.parse(x.body));
        assert.deepEqual(seen.map((x) => [x.event_type ?? x.type, x.data.id]), wanted);
        for (const { body, headers } of r.requests) {
            const time = headers['metapulse-request-timestamp'];
            const signed = profile === 'myra' ? body : `${time}.${body}`;
            const expected = createHmac('sha256', secret).update(signed).digest('hex');
            assert.equal(headers[profile === 'myra' ? 'x-pulsepost-signature' : 'metapulse-signature'], expected);
        }
        const moved = seen.find((x) => x.event_type === 'deal.stage_changed');
        if (profile === 'myra') assert.deepEqual([moved.data.stage, moved.data.previous_stage, moved.data.object], ['won', 'new', 'deal']);
        else assert.equal(seen[0].actor.type, 'token');
    });
}

test('rows of the catalogue to the letter: at creation, twice, back and forth; a graph and its values', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const heard = async (profile, changes) => {
        const app = await p.app({ profile });
        await p.endpoint(app, r.url(`/${profile}`), { fifo: true });
        const ids = {};
        for (const [name, method, data] of changes) {
            const base = `/api/v1/app/${app.id}/record/${name.split(' ')[0]}`;
            const answer = await p.api(method, method === 'POST' ? base : `${base}/${ids[name]}`, data && { data: typeof data === 'function' ? data(ids) : data });
            assert.ok(answer.status < 300, answer.text);
            ids[name] ??= answer.json.id;
        }
        // A last event, so that nothing more can come.
        await p.send(app, profile === 'myra' ? 'contact.deleted' : 'team.deleted', { end: true });
        const mine = () => r.requests.filter((x) => x.path === `/${profile}`).map((x) => JSON.parse(x.body));
        await until('the last event arrives', () => mine().some((x) => x.data.end));
        return mine().slice(0, -1).map((x) => [x.event_type ?? x.type, Object.keys(ids).find((name) => ids[name] === x.data.id), x.data]);
    };
    const myra = await heard('myra', [
        ['booking a', 'POST', { status: 'cancelled' }],
        ['booking b', 'POST', { status: 'pending' }],
        ['booking b', 'PATCH', { status: 'confirmed' }],
        ['booking b', 'PATCH', { note: 'still confirmed' }],
        ['booking b', 'PATCH', { status: 'pending' }],
        ['booking b', 'PATCH', { status: 'confirmed' }],
        ['booking b', 'DELETE'],
        ['deal', 'POST', { stage: 'new', value: 1 }],
        ['deal', 'PATCH', { stage: 'new', value: 2 }],
        ['deal', 'PATCH', { stage: 'won' }],
        ['deal', 'PUT', { value: 3 }],
        ['deal', 'DELETE'],
        ['form_submission', 'POST', { answers: [] }],
        ['form_submission', 'DELETE'],
        ['call', 'POST', { status: 'completed' }],
        ['call', 'PATCH', { status: 'completed', note: 'x' }],
        ['esignature', 'POST', { status: 'sent' }],
        ['esignature', 'PATCH', { status: 'declined' }],
        ['esignature', 'PATCH', { status: 'signed' }],
    ]);
    assert.deepEqual(myra.map(([event, name]) => `${event} ${name}`), [
        'booking.cancelled booking a',
        'booking.confirmed booking b',
        'booking.confirmed booking b',
        'deal.stage_changed deal',
        'deal.stage_changed deal',
        'form.submitted form_submission',
        'call.completed call',
        'esignature.signed esignature',
    ]);
    assert.deepEqual(myra.filter(([event]) => event.startsWith('deal')).map(([, , d]) => [d.previous_stage, d.stage, d.value]), [['new', 'won', 2], ['won', undefined, 3]]);
    const metapulse = await heard('metapulse', [
        ['graph', 'POST', { name: 'Revenue' }],
        ['data_point', 'POST', (ids) => ({ graph: ids.graph, value: 1 })],
        ['data_point', 'PATCH', { value: 2 }],
        ['graph', 'PATCH', { unit: 'EUR' }],
        ['data_point', 'DELETE'],
    ]);
    assert.deepEqual(metapulse.map(([event]) => event), ['graph.created', 'data_point.created', 'data_point.updated', 'graph.updated', 'data_point.deleted']);
    assert.equal(metapulse[2][2].graph, metapulse[0][2].id);
});

test('the history ages out, what it is of stays; of what was deleted nothing is left then', async (t) => {
    const p = await postrider(t, { settings: { RETENTION_HISTORY: '30d' } });
    const app = await p.app({ profile: 'myra' });
    const base = `/api/v1/app/${app.id}/record/contact`;
    const kept = await p.ok('POST', base, { key: 'a@example.com', data: { n: 1 } });
    const gone = await p.ok('POST', base, { key: 'b@example.com', data: { n: 1 } });
    await p.ok('DELETE', `${base}/${gone.id}`);
    assert.equal((await p.ok('GET', `${base}/${gone.id}/history`)).data.length, 2);
    const db = join(p.dir, 'postrider.db');
    const sql = (text) => execFileSync('sqlite3', [db, text], { encoding: 'utf8' }).trim();
    await p.stop();
    assert.equal(sql('SELECT count(*), min(purge_ms-created_ms), max(purge_ms-created_ms) FROM doc WHERE kind=2'), `3|${30 * 86_400_000}|${30 * 86_400_000}`);
    sql('UPDATE doc SET purge_ms=1 WHERE kind=2');
    await p.start();
    await until('it is forgotten', async () => (await p.api('GET', `${base}/${gone.id}/history`)).status === 404);
    await until('and so is the other', async () => (await p.ok('GET', `${base}/${kept.id}/history`)).data.length === 0);
    assert.deepEqual((await p.ok('GET', `${base}/${kept.id}/run`)).data, []);
    assert.equal((await p.ok('GET', `${base}/${kept.id}`)).data.n, 1);
    const other = await p.app({ profile: 'myra' });
    assert.equal((await p.api('GET', `/api/v1/app/${other.id}/record/contact/${kept.id}/history`)).status, 404);
    await p.ok('PATCH', `${base}/${kept.id}`, { data: { n: 2 } });
    assert.equal((await p.ok('GET', `${base}/${kept.id}/history`)).data.length, 1);
});

test('the history says who: a token, a portal visitor, an automation, an import', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const base = `/api/v1/app/${app.id}/record/contact`;
    const { id } = await ask(p, 'POST', base, { data: { email: 'ada@example.com' } }, 201);
    const key = await ask(p, 'POST', '/api/v1/auth/api-key', { name: 'the shop' }, 201);
    assert.equal((await p.api('PATCH', `${base}/${id}`, { data: { a: 1 } }, { token: key.token })).status, 200);
    const access = await ask(p, 'POST', `/api/v1/auth/app-portal-access/${app.id}`, {});
    assert.equal((await p.api('POST', `${base}/${id}/tag/x`, undefined, { token: access.token })).status, 200);
    const automation = await ask(p, 'POST', `/api/v1/app/${app.id}/automation`, { name: 'Greeter', trigger: { type: 'incoming_webhook' }, steps: [{ id: 'up', type: 'upsert_record', record: 'contact', set: { email: 'ada@example.com', b: 2 } }] }, 201);
    await ask(p, 'POST', `/api/v1/app/${app.id}/automation/${automation.id}/publish`, {});
    await fetch(automation.trigger.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
    const history = () => ask(p, 'GET', `${base}/${id}/history`);
    await until('the automation has changed it', async () => (await history()).data.length === 4);
    const task = await ask(p, 'POST', `${base}/import`, 'email,c\nada@example.com,3\n', 202);
    await until('the import has ended', async () => (await history()).data.length === 5);
    const who = (await history()).data.map((x) => [x.actor.type, x.actor.name ?? null, x.import ?? null]).reverse();
    assert.deepEqual(who, [
        ['token', null, null],
        ['api_key', 'the shop', null],
        ['portal', null, null],
        ['automation', 'Greeter', null],
        ['token', null, task.id],
    ]);
});

test('an operator adds a type; its rules are rows', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app();
    const row = { name: 'ticket', key: 'number', rules: [{ when: 'becomes', field: 'status', value: 'open', event: 'ticket.opened' }] };
    assert.equal((await ask(p, 'POST', '/api/v1/record-type', row, 201)).builtin, false);
    await ask(p, 'POST', '/api/v1/record-type', row, 409);
    await ask(p, 'POST', '/api/v1/record-type', { name: 'contact' }, 422);
    await ask(p, 'POST', '/api/v1/record-type', { name: 'x', rules: [{ when: 'never' }] }, 422);
    await p.endpoint(app, r.url());
    const base = `/api/v1/app/${app.id}/record/ticket`;
    await ask(p, 'POST', base, { data: { number: 7, status: 'draft' } }, 201);
    await ask(p, 'PATCH', `${base}/7`, { data: { status: 'open' } });
    await r.arrived(1);
    assert.deepEqual(JSON.parse(r.requests[0].body).status, 'open');
    const names = (await ask(p, 'GET', `/api/v1/app/${app.id}/record-type`)).data.map((x) => x.name);
    assert.deepEqual(names, ['ticket']);
    assert.equal((await ask(p, 'GET', '/api/v1/record-type')).data.length, 15);
    await ask(p, 'PUT', '/api/v1/record-type/ticket', { ...row, rules: [] });
    assert.deepEqual((await ask(p, 'GET', '/api/v1/record-type/ticket')).rules, []);
    // Neither its key nor the type itself goes away below records.
    const other = await p.app();
    for (const number of [1, 2]) await ask(p, 'POST', `/api/v1/app/${other.id}/record/ticket`, { data: { number } }, 201);
    assert.match((await ask(p, 'PUT', '/api/v1/record-type/ticket', { ...row, key: 'code' }, 409)).detail, /3 records of this type exist in 2 workspaces/);
    assert.match((await ask(p, 'DELETE', '/api/v1/record-type/ticket', undefined, 409)).detail, /3 records of this type exist in 2 workspaces: delete them first/);
    for (const number of [1, 2]) await ask(p, 'DELETE', `/api/v1/app/${other.id}/record/ticket/${number}`, undefined, 204);
    assert.match((await ask(p, 'DELETE', '/api/v1/record-type/ticket', undefined, 409)).detail, /1 record of this type exists in 1 workspace:/);
    await ask(p, 'DELETE', `${base}/7`, undefined, 204);
    await ask(p, 'PUT', '/api/v1/record-type/ticket', { ...row, key: 'code' });
    await ask(p, 'DELETE', '/api/v1/record-type/ticket', undefined, 204);
    await ask(p, 'GET', base, undefined, 404);
});

test('a schema of a type holds for whatever writes its records', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const schema = { type: 'object', required: ['number'], properties: { number: { type: 'integer' }, owner: { type: 'object', properties: { age: { minimum: 18 } } } } };
    const wrong = await ask(p, 'POST', '/api/v1/record-type', { name: 'ticket', schema: { properties: { a: { type: 'nothing' } } } }, 422);
    assert.deepEqual(wrong.detail[0].loc, ['body', 'schema', '/properties/a/type']);
    await ask(p, 'POST', '/api/v1/record-type', { name: 'ticket', key: 'number', schema }, 201);
    const base = `/api/v1/app/${app.id}/record/ticket`;
    const refused = async (method, path, data, at) => {
        const { detail } = await ask(p, method, path, { data }, 422);
        assert.deepEqual([detail[0].loc.slice(0, 2), detail[0].loc[2] ?? ''], [['body', 'data'], at], JSON.stringify(detail));
    };
    await refused('POST', base, { number: '7' }, '/number');
    await refused('POST', base, {}, '/number');
    await refused('PUT', `${base}/8.5`, { number: 8.5 }, '/number');
    await ask(p, 'POST', base, { data: { number: 7 } }, 201);
    await refused('POST', `${base}?upsert=true`, { number: 7, owner: { age: 3 } }, '/owner/age');
    await refused('PATCH', `${base}/7`, { owner: { age: 3 } }, '/owner/age');
    await refused('PUT', `${base}/7`, { owner: {} }, '/number');
    // A step of an automation fails with the place.
    const automation = await ask(p, 'POST', `/api/v1/app/${app.id}/automation`, { name: 'x', trigger: { type: 'incoming_webhook' }, steps: [{ id: 'up', type: 'upsert_record', record: 'ticket', set: { number: '{{ trigger.body.n }}' } }] }, 201);
    await ask(p, 'POST', `/api/v1/app/${app.id}/automation/${automation.id}/publish`, {});
    const started = await fetch(automation.trigger.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"n":"nine"}' });
    const { id } = await started.json();
    const run = await until('the run has failed', async () => {
        const r = await ask(p, 'GET', `/api/v1/app/${app.id}/automation/${automation.id}/run/${id}`);
        return r.status === 'failed' && r;
    });
    assert.match(run.steps[0].error, /^data\/number: must be/);
    // A stricter schema leaves what is there, until its data changes.
    await ask(p, 'PUT', '/api/v1/record-type/ticket', { name: 'ticket', key: 'number', schema: { ...schema, required: ['number', 'owner'] } });
    assert.deepEqual((await ask(p, 'POST', `${base}/7/tag/old`)).tags, ['old']);
    await refused('PATCH', `${base}/7`, { more: 1 }, '/owner');
    await ask(p, 'PATCH', `${base}/7`, { data: { owner: { age: 18 } } });
});

test('data has a shape with bounds', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const base = `/api/v1/app/${app.id}/record/contact`;
    const wide = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`f${i}`, 1]));
    const { id } = await ask(p, 'POST', base, { data: wide(2000) }, 201);
    await ask(p, 'POST', base, { data: wide(2001) }, 422);
    await ask(p, 'PATCH', `${base}/${id}`, { data: { one_more: 1 } }, 422);
    const deep = (n) => `{"data":${'{"a":'.repeat(n)}1${'}'.repeat(n)}}`;
    await ask(p, 'POST', base, deep(120), 201);
    await ask(p, 'POST', base, deep(121), 422);
    // A history is of the type that the path names.
    const deal = await ask(p, 'POST', `/api/v1/app/${app.id}/record/deal`, { data: {} }, 201);
    await ask(p, 'GET', `${base}/${deal.id}/history`, undefined, 404);
});

test('twenty at once with one key make one record', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app({ profile: 'myra' });
    await p.endpoint(app, r.url(), { eventTypes: ['contact.created'] });
    const base = `/api/v1/app/${app.id}/record/contact?upsert=true`;
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => p.api('POST', base, { data: { email: 'one@example.com', [`n${i}`]: i } })));
    assert.deepEqual([...new Set(answers.map((x) => x.json.id))].length, 1);
    assert.equal(answers.filter((x) => x.status === 201).length, 1, answers.map((x) => x.status).join());
    const all = await ask(p, 'GET', `/api/v1/app/${app.id}/record/contact/one@example.com`);
    assert.equal(Object.keys(all.data).length, 21);
    assert.equal(all.version, 20);
    await r.arrived(1);
    const again = await Promise.all([1, 2, 3].map(() => p.api('POST', `/api/v1/app/${app.id}/record/contact`, { data: { email: 'two@example.com' } }, { headers: { 'idempotency-key': 'k' } })));
    assert.deepEqual([...new Set(again.map((x) => `${x.status} ${x.json.id}`))].length, 1);
    assert.equal(again[0].status, 201);
});

test('as many PUTs of one new key make one record, and refuse nobody', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const path = `/api/v1/app/${app.id}/record/contact/one@example.com`;
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => p.api('PUT', path, { data: { email: 'one@example.com', n } })));
    assert.deepEqual(answers.map((x) => x.status).sort(), [...Array(19).fill(200), 201]);
    assert.equal((await ask(p, 'GET', path)).version, 20);
});

test('If-Match keeps one from overwriting what another has changed', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const base = `/api/v1/app/${app.id}/record/contact`;
    const path = `${base}/ada@example.com`;
    const data = (name) => ({ data: { email: 'ada@example.com', name } });
    const made = await ask(p, 'POST', base, data('One'), 201);
    const seen = (at) => ({ headers: { 'if-match': `"${at}"` } });
    const status = async (method, body, options) => (await p.api(method, path, body, options)).status;
    await sleep(5);
    const second = await p.ok('PUT', path, data('Two'), seen(made.updatedAt));
    assert.notEqual(second.updatedAt, made.updatedAt);
    for (const method of ['PUT', 'PATCH']) assert.equal(await status(method, data('Three'), seen(made.updatedAt)), 412);
    assert.equal(await status('DELETE', undefined, seen(made.updatedAt)), 412);
    assert.deepEqual([(await ask(p, 'GET', path)).data.name, (await ask(p, 'GET', path)).version], ['Two', 2]);
    assert.equal(await status('PATCH', data('Four'), { headers: { 'if-match': '*' } }), 200);
    const { updatedAt } = await ask(p, 'GET', path);
    assert.equal(await status('DELETE', undefined, seen(updatedAt)), 204);
    assert.equal(await status('PUT', data('Five'), seen(updatedAt)), 412, 'what is gone is not made again');
    assert.equal(await status('PUT', data('Five')), 201);
});
