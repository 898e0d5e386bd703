// SPDX-License-Identifier: Apache-2.0
// Files of records: CSV and lines of JSON become records and events, each row once, whatever is killed when.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import test from 'node:test';
import { ApiError, postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { patienceMs, sleep, slow, until } from './lib/wait.mjs';

const csv = { 'content-type': 'text/csv' };
const lines = { 'content-type': 'application/x-ndjson' };

const importPath = (app, type, query = {}) => `/api/v1/app/${app.id}/record/${type}/import?${new URLSearchParams(query)}`;

// The answer to an upload.
const upload = (p, app, type, file, query, headers = csv) => p.api('POST', importPath(app, type, query), Buffer.from(file), { headers });

// An import's end: its task.
async function imported(p, app, type, file, query, headers) {
    const answer = await upload(p, app, type, file, query, headers);
    if (answer.status !== 202) throw new ApiError('POST', importPath(app, type, query), answer);
    return ended(p, answer.json.id);
}

function ended(p, id) {
    return until(
        'the import has ended',
        async () => {
            const task = await p.ok('GET', `/api/v1/background-task/${id}`);
            return task.status !== 'running' && task;
        },
        { timeoutMs: 2 * patienceMs },
    );
}

const counts = ({ data }) => [data.processed, data.created, data.updated, data.unchanged, data.skipped, data.failed];

async function all(p, app, type) {
    const out = [];
    for (let page = { iterator: null }; !page.done; ) {
        page = await p.ok('GET', `/api/v1/app/${app.id}/record/${type}?limit=250&order=ascending${page.iterator ? `&iterator=${page.iterator}` : ''}`);
        out.push(...page.data);
    }
    return out;
}

test('CSV as spreadsheets write it becomes records, with their events, tags and history', async (t) => {
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app({ profile: 'myra' });
    await p.endpoint(app, r.url(), { fifo: true, eventTypes: ['contact.created', 'contact.updated'] });
    await p.ok('POST', `/api/v1/app/${app.id}/record/contact`, { data: { email: 'old@example.com', name: 'Old', address: { zip: '1' } }, tags: ['was'] });
    const file =
        '\ufeffemail,name,address.city,Age,VIP,Labels,notes,more\r\n' +
        'ada@example.com,"Ada ""Countess"" Lovelace",London,036,yes,"Customer; vip","two\r\nlines, one cell",{"a":[1.10]}\r\n' +
        '\r\n' +
        ' old@example.com ,,Paris,,,Customer,,\n' +
        'żółć@example.com,Żółć,,12.50,no,,,\n';
    const task = await imported(p, app, 'contact', file, [['map', 'Age:facts.age'], ['map', 'VIP:vip:boolean'], ['map', 'Labels::tags'], ['map', 'notes:'], ['map', 'more:more:json'], ['tag', 'Imported'], ['file', 'contacts.csv']]);
    assert.equal(task.task, 'record.import');
    assert.deepEqual([task.status, counts(task), task.data.percent, task.data.rows], ['finished', [3, 2, 1, 0, 0, 0], 100, 3]);
    assert.deepEqual([task.data.type, task.data.file, task.data.appId, task.data.dryRun, task.data.errors], ['contact', 'contacts.csv', app.id, false, []]);
    const records = await all(p, app, 'contact');
    assert.deepEqual(
        records.map((x) => [x.key, x.data, x.tags]),
        [
            ['old@example.com', { email: 'old@example.com', name: 'Old', address: { zip: '1', city: 'Paris' } }, ['was', 'Imported', 'Customer']],
            ['ada@example.com', { email: 'ada@example.com', name: 'Ada "Countess" Lovelace', address: { city: 'London' }, facts: { age: '036' }, vip: true, more: { a: [1.1] } }, ['Imported', 'Customer', 'vip']],
            ['żółć@example.com', { email: 'żółć@example.com', name: 'Żółć', facts: { age: '12.50' }, vip: false }, ['Imported']],
        ],
    );
    const text = (await p.api('GET', `/api/v1/app/${app.id}/record/contact/ada@example.com`)).text;
    assert.match(text, /"more":\{"a":\[1\.10\]\}/, 'numbers keep their digits');
    await r.arrived(4);
    const seen = r.requests.map((x) => JSON.parse(x.body));
    assert.deepEqual(seen.map((x) => [x.event_type, x.data.email]), [
        ['contact.created', 'old@example.com'],
        ['contact.created', 'ada@example.com'],
        ['contact.updated', 'old@example.com'],
        ['contact.created', 'żółć@example.com'],
    ]);
    const history = await p.ok('GET', `/api/v1/app/${app.id}/record/contact/old@example.com/history`);
    assert.deepEqual(history.data.map((x) => [x.change, x.import, x.actor.type]), [['updated', task.id, 'token'], ['created', undefined, 'token']]);
    // The same file once more changes nothing and tells nobody.
    const again = await imported(p, app, 'contact', file, [['map', 'Age:facts.age'], ['map', 'VIP:vip:boolean'], ['map', 'Labels::tags'], ['map', 'notes:'], ['map', 'more:more:json'], ['tag', 'Imported']]);
    assert.deepEqual(counts(again), [3, 0, 0, 3, 0, 0]);
    await sleep(200);
    assert.equal(r.requests.length, 4);
});

test('separators, line ends and what an empty cell means', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'metapulse' });
    for (const [n, file, query] of [
        [1, 'external_id;name\n1;a,b\n'],
        [2, 'external_id\tname\r2\ta,b\r'],
        [3, 'external_id|name\r\n3|a,b'],
        [4, 'external_id,name;x\n4,"a,b"\n', { separator: 'comma' }],
    ]) {
        assert.deepEqual(counts(await imported(p, app, 'team', file, query)), [1, 1, 0, 0, 0, 0], file);
        assert.equal(Object.values((await p.ok('GET', `/api/v1/app/${app.id}/record/team/${n}`)).data)[1], 'a,b');
    }
    await imported(p, app, 'team', 'external_id,a.b,a.c\n5,1,2\n');
    assert.deepEqual(counts(await imported(p, app, 'team', 'external_id,a.b,a.c\n5,,\n')), [1, 0, 0, 1, 0, 0]);
    await imported(p, app, 'team', 'external_id,a.b,a.c\n5,,3\n', { empty: 'clear' });
    assert.deepEqual((await p.ok('GET', `/api/v1/app/${app.id}/record/team/5`)).data, { external_id: '5', a: { c: '3' } });
});

test('lines of JSON: data, or records as answers show them; bad lines are named', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const file = ['{"email":"a@example.com","n":9007199254740993,"tags":["x"]}', '', '{"data":{"email":"b@example.com","data":1},"tags":["y","x"],"version":3,"id":"rec_1"}', '{"email":"c@example.com","data":{"q":1}}', '{"email":', '[1]', '{"email":{}}', '{"name":"nobody"}', '{"email":"a@example.com","n":null,"tags":"x"}', '  {"email":"a@example.com","n":null}  '].join('\r\n');
    const task = await imported(p, app, 'contact', file, {}, lines);
    assert.deepEqual(counts(task), [9, 3, 1, 0, 0, 5]);
    assert.deepEqual(task.data.errors.map((x) => x.line), [5, 6, 7, 8, 9]);
    assert.match(task.data.errors[0].reason, /it is no JSON: .* at character 10/);
    assert.equal(task.data.errors[1].reason, 'it is no JSON object');
    assert.equal(task.data.errors[3].reason, 'email, which names the record, is empty');
    assert.equal(task.data.errors[4].reason, 'tags must be a list of texts');
    assert.deepEqual((await all(p, app, 'contact')).map((x) => [x.data, x.tags]), [
        [{ email: 'a@example.com' }, ['x']],
        [{ email: 'b@example.com', data: 1 }, ['y', 'x']],
        [{ email: 'c@example.com', data: { q: 1 } }, []],
    ]);
});

test('modes, a dry run, a schema', async (t) => {
    const p = await postrider(t);
    const app = await p.app();
    const schema = { required: ['n'], properties: { n: { type: 'integer' }, ok: { type: 'boolean' }, at: { properties: { x: { type: 'number' } } } } };
    await p.ok('POST', '/api/v1/record-type', { name: 'item', key: 'n', schema });
    const file = 'n,ok,at.x,text\n1,true,1.50,7\n2,maybe,1,7\n3,no,x,7\n4.5,no,1,7\n,,,7\n5,1,1,7,8\n6,0,2,7,\n';
    const dry = await imported(p, app, 'item', file, { dry_run: true });
    assert.deepEqual([counts(dry), dry.data.dryRun], [[7, 2, 0, 0, 0, 5], true]);
    assert.deepEqual(await all(p, app, 'item'), []);
    const real = await imported(p, app, 'item', file);
    assert.deepEqual(counts(real), [7, 2, 0, 0, 0, 5]);
    assert.deepEqual(real.data.errors, [
        { line: 3, key: null, reason: 'ok: "maybe" is neither true nor false' },
        { line: 4, key: null, reason: 'at.x: "x" is no number such as 12 or 9.50' },
        { line: 5, key: '4.5', reason: '/n: must be of type integer' },
        { line: 6, key: null, reason: 'n, which names the record, is empty' },
        { line: 7, key: null, reason: 'it has 5 values, the header has 4' },
    ]);
    const one = await p.api('GET', `/api/v1/app/${app.id}/record/item/1`);
    assert.match(one.text, /"data":\{"n":1,"ok":true,"at":\{"x":1\.50\},"text":"7"\}/);
    assert.deepEqual(counts(await imported(p, app, 'item', 'n,text\n1,8\n7,8\n', { mode: 'create' })), [2, 1, 0, 0, 1, 0]);
    assert.deepEqual(counts(await imported(p, app, 'item', 'n,text\n1,8\n8,8\n', { mode: 'update' })), [2, 0, 1, 0, 1, 0]);
    assert.deepEqual((await all(p, app, 'item')).map((x) => [x.key, x.data.text]), [['1', '8'], ['6', '7'], ['7', '8']]);
});

test('what is no such file is refused at once, with its line', async (t) => {
    const p = await postrider(t, { settings: { IMPORT_LIMIT: '3MiB' } });
    const app = await p.app({ profile: 'myra' });
    await p.ok('POST', '/api/v1/record-type', { name: 'nameless' });
    const refusals = [
        ['', 400, /the file is empty: its first line must name the columns/],
        ['email,name\n', 400, /no rows below its header/],
        ['email,name\na@example.com,"x\n\ny', 400, /line 2: a quote is opened and never closed/],
        ['email,name\n"a"b,c\n', 400, /line 2: something follows a closing quote/],
        [`email,name\n\nx,"${'y'.repeat(300_000)}"\n`, 400, /line 3: the row is longer than 262,144 bytes: is a quote not closed\?/],
        [Buffer.from('email\nok\nJos\xe9\n', 'latin1'), 400, /line 3: is not UTF-8/],
        [Buffer.from('\ufeffemail\nx\n', 'utf16le'), 400, /UTF-16/],
        ['email,name,email\na,b,c\n', 422, /two columns are called \\"email\\"/],
        ['email,a,a.b\nx,1,2\n', 422, /the column \\"a.b\\" goes where another one goes/],
        ['email\nx\n', 422, /there is no column \\"e-mail\\"/, { map: 'e-mail:email' }],
        ['email\nx\n', 422, /is not of the form column:field/, { map: 'email' }],
        ['email\nx\n', 422, /is no field/, { map: 'email:a..b' }],
        ['email\nx\n', 422, /must be upsert, create or update/, { mode: 'replace' }],
        ['email\nx\n', 422, /must be auto, comma/, { separator: '%' }],
        ['email\nx\n', 400, /dry_run/, { dry_run: 'maybe' }],
        ['{"email":"x"}', 422, /is for CSV/, { map: 'a:b', format: 'jsonl' }],
        ['email\nx\n', 415, /send the file itself/, {}, { 'content-type': 'multipart/form-data; boundary=x' }],
        [`email\n${'x'.repeat(99)}\n`.padEnd(3 * 1024 * 1024 + 1, '\n'), 413, /too large/],
    ];
    for (const [file, status, why, query, headers] of refusals) {
        const answer = await upload(p, app, 'contact', file, query, headers);
        assert.equal(answer.status, status, `${String(file).slice(0, 40)}: ${answer.status} ${answer.text}`);
        assert.match(answer.text, why);
    }
    assert.equal((await upload(p, app, 'nameless', 'a\n1\n', { mode: 'update' })).status, 422);
    assert.equal((await upload(p, app, 'nothing', 'a\n1\n')).status, 404);
    // Bodies of other paths are as large as ever.
    assert.equal((await p.api('POST', `/api/v1/app/${app.id}/record/contact`, `{"data":{}${' '.repeat(2_200_000)}}`)).status, 413);
    // Nothing of this has left anything behind, and a file that just fits is taken.
    const task = await imported(p, app, 'contact', `email\n${Array.from({ length: 300 }, (_, i) => `${i}@example.com,,\n`).join('')}`.padEnd(3 * 1024 * 1024, '\n'));
    assert.deepEqual(counts(task), [300, 300, 0, 0, 0, 0]);
});

test('errors are bounded, an import is canceled, is seen by who may, is asked for once', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const bad = await imported(p, app, 'contact', `email,n\n${'x,1,2\n'.repeat(250)}`);
    assert.deepEqual([counts(bad), bad.data.errors.length, bad.data.errors[99].line], [[250, 0, 0, 0, 0, 250], 100, 101]);
    // Once per key.
    const path = importPath(app, 'contact');
    const twice = await Promise.all([1, 2].map(() => p.api('POST', path, 'email\none@example.com\n', { headers: { ...csv, 'idempotency-key': 'once' } })));
    assert.deepEqual([...new Set(twice.map((x) => `${x.status} ${x.json.id}`))].length, 1);
    // Canceled: it stops where it is.
    const long = await upload(p, app, 'contact', `email\n${Array.from({ length: 60_000 }, (_, i) => `${i}@example.com\n`).join('')}`);
    const canceled = await p.ok('POST', `/api/v1/app/${app.id}/record/contact/import/${long.json.id}/cancel`);
    assert.deepEqual([canceled.status, canceled.data.canceled], ['failed', true]);
    assert.equal((await p.api('POST', `/api/v1/background-task/${long.json.id}/cancel`)).status, 200);
    let before = -1;
    await until('it stands still', async () => {
        const now = (await p.ok('GET', `/api/v1/background-task/${long.json.id}`)).data.processed;
        await sleep(150 * slow);
        const same = now === before;
        before = now;
        return same;
    });
    assert.ok(before < 60_000, `${before} rows were done`);
    // Who is confined to a workspace sees its imports and no others.
    const other = await p.app({ profile: 'myra' });
    const access = async (a, body = {}) => (await p.ok('POST', `/api/v1/auth/app-portal-access/${a.id}`, body)).token;
    const mine = await access(app);
    const theirs = await access(other);
    assert.equal((await p.api('GET', `/api/v1/background-task/${bad.id}`, undefined, { token: mine })).status, 200);
    assert.equal((await p.api('GET', `/api/v1/background-task/${bad.id}`, undefined, { token: theirs })).status, 404);
    const listed = await p.ok('GET', `/api/v1/background-task?task=record.import&app_id=${app.id}&limit=250`);
    assert.deepEqual([listed.data.length, listed.data.every((x) => x.data.errors === undefined)], [3, true]);
    assert.deepEqual((await p.ok('GET', `/api/v1/background-task?task=record.import&app_id=${other.id}`)).data, []);
    assert.equal((await p.ok('GET', `/api/v1/background-task`)).data.length, 0, 'clients know no such tasks');
    assert.equal((await p.api('POST', path, 'email\nx\n', { headers: csv, token: await access(app, { capabilities: ['ViewBase'] }) })).status, 403);
    assert.equal((await p.api('GET', `/api/v1/app/${other.id}/record/contact/import/${bad.id}`)).status, 404);
});

test('kill -9 while rows are written: each is there once, and so is its event', async (t) => {
    const rows = 3000;
    const p = await postrider(t);
    const r = await receiver(t);
    const app = await p.app({ profile: 'myra' });
    // Rows without a key of their own in the type would be made twice if they were done twice.
    await p.ok('POST', '/api/v1/record-type', { name: 'entry', rules: [{ when: 'created', event: 'entry.created' }] });
    await p.endpoint(app, r.url(), { eventTypes: ['contact.created'] });
    const file = `n,text\n${Array.from({ length: rows }, (_, i) => `${i},"${'x'.repeat(200)}\n${i}"\n`).join('')}`;
    const { json } = await upload(p, app, 'entry', file, {}, csv);
    let kills = 0;
    for (let seen = -1; ; ) {
        const task = await p.ok('GET', `/api/v1/background-task/${json.id}`);
        if (task.status !== 'running') break;
        if (task.data.processed === seen || kills >= 6) {
            await sleep(2);
            continue;
        }
        seen = task.data.processed;
        await p.kill();
        kills++;
        await p.start();
    }
    const task = await ended(p, json.id);
    assert.deepEqual([task.status, counts(task)], ['finished', [rows, rows, 0, 0, 0, 0]]);
    const records = await all(p, app, 'entry');
    assert.deepEqual(records.map((x) => x.data.n), Array.from({ length: rows }, (_, i) => String(i)));
    let messages = 0;
    for (let page = { iterator: null }; !page.done; messages += page.data.length)
        page = await p.ok('GET', `/api/v1/app/${app.id}/msg?limit=250${page.iterator ? `&iterator=${page.iterator}` : ''}`);
    assert.equal(messages, rows);
    t.diagnostic(`${rows} rows, ${kills} kills, each row and each event once`);
    assert.ok(kills >= 2, `only ${kills} kills`);
});

test('others change the same records meanwhile: nothing is lost on either side', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const file = `email,n\n${Array.from({ length: 2000 }, (_, i) => `${i % 500}@example.com,${i}\n`).join('')}`;
    const { json } = await upload(p, app, 'contact', file);
    const base = `/api/v1/app/${app.id}/record/contact`;
    for (let i = 0; i < 300; i++) await p.ok('POST', `${base}?upsert=true`, { data: { email: `${(i * 7) % 500}@example.com`, [`by_hand_${i}`]: i } });
    const task = await ended(p, json.id);
    assert.deepEqual([task.status, task.data.processed, task.data.failed], ['finished', 2000, 0]);
    const records = await all(p, app, 'contact');
    assert.equal(records.length, 500);
    assert.ok(records.every((x) => Number(x.data.n) === 1500 + Number(x.key.split('@')[0])), 'the last row of a key wins');
    const again = await upload(p, app, 'contact', file);
    for (let i = 0; i < 200; i++) await p.api('DELETE', `${base}/${(i * 7) % 500}@example.com`);
    const second = await ended(p, again.json.id);
    assert.deepEqual([second.status, second.data.processed, second.data.failed], ['finished', 2000, 0], 'what others delete is made anew');
    const byHand = records.flatMap((x) => Object.keys(x.data).filter((name) => name.startsWith('by_hand_')));
    assert.equal(byHand.length, 300);
});

test('a workspace or a type that goes ends its imports', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra' });
    const file = `email\n${Array.from({ length: 60_000 }, (_, i) => `${i}@example.com\n`).join('')}`;
    const { json } = await upload(p, app, 'contact', file);
    await p.ok('DELETE', `/api/v1/app/${app.id}`);
    const task = await ended(p, json.id);
    assert.deepEqual([task.status, task.data.error], ['failed', 'the workspace was deleted']);
});

test('from the shell: import waits and says what was wrong, export prints what import takes', async (t) => {
    const p = await postrider(t);
    const app = await p.app({ profile: 'myra', uid: 'acme' });
    const to = ['--app', 'acme', '--type', 'contact'];
    const file = join(p.dir, 'people.csv');
    writeFileSync(file, 'E-Mail,name,Age\nada@example.com,Ada,36\ngrace@example.com,Grace,x\n');
    const map = ['--map', 'E-Mail:email', '--map', 'Age:age:number'];
    const dry = await p.command(['record', 'import', ...to, file, ...map, '--dry-run']);
    assert.deepEqual([dry.status, dry.stdout], [1, '2 rows: 1 would be created, 0 would be updated, 0 unchanged, 0 left out, 1 wrong\n']);
    assert.equal(dry.stderr, 'line 3: Age: "x" is no number such as 12 or 9.50\n');
    const real = await p.command(['record', 'import', ...to, file, ...map, '--tag', 'a', '--tag', 'b, c']);
    assert.deepEqual([real.status, real.stdout], [1, '2 rows: 1 created, 0 updated, 0 unchanged, 0 left out, 1 wrong\n']);
    const piped = await p.command(['record', 'import', ...to, '-', '--json'], { input: '{"email":"zofia@example.com",\t"n": 1.10}\n' });
    assert.deepEqual([piped.status, JSON.parse(piped.stdout).data.created], [0, 1]);
    const begun = await p.command(['record', 'import', ...to, '--no-wait', '-'], { input: '{"email":"last@example.com"}\n' });
    assert.match(begun.stdout, /^qtask_[0-9A-Za-z]{27}\n$/);
    await ended(p, begun.stdout.trim());
    await p.ok('POST', `/api/v1/app/${app.id}/record/contact`, '{"data":{"email":"spaced@example.com",\n "t" : "a \\" { b" }}');
    const exported = await p.command(['record', 'export', ...to]);
    const lines = exported.stdout.trim().split('\n').map((x) => JSON.parse(x));
    assert.deepEqual([exported.status, lines.map((x) => x.key.split('@')[0]), lines[0].tags], [0, ['ada', 'zofia', 'last', 'spaced'], ['a', 'b, c']]);
    assert.match(exported.stdout, /"data":\{"email":"zofia@example.com","n":1\.10\}/);
    const other = await p.app({ profile: 'myra', uid: 'other' });
    const again = await p.command(['record', 'import', '--app', 'other', '--type', 'contact', '-'], { input: exported.stdout });
    assert.deepEqual([again.status, again.stdout], [0, '4 rows: 4 created, 0 updated, 0 unchanged, 0 left out, 0 wrong\n']);
    assert.equal((await p.command(['record', 'export', '--app', 'other', '--type', 'contact', '--search', 'ZOFIA'])).stdout.split('\n').length, 2);
    assert.deepEqual((await all(p, other, 'contact')).map((x) => [x.data, x.tags]), (await all(p, app, 'contact')).map((x) => [x.data, x.tags]));
    const csv = await p.command(['record', 'export', ...to, '--format', 'csv']);
    assert.deepEqual(csv.stdout.split('\r\n'), ['email,name,age,n,t,tags', 'ada@example.com,Ada,36,,,"[""a"",""b, c""]"', 'zofia@example.com,,,1.10,,', 'last@example.com,,,,,', 'spaced@example.com,,,,"a "" { b",', '']);
    const third = await p.app({ profile: 'myra', uid: 'third' });
    await p.ok('POST', `/api/v1/app/third/record/contact`, '{"data":{"email":"x@example.com","f":"=1+1","g":-1.5e+3,"h":"-2+3","phone":"+49 (30) 1-2","a":{"b":{"c":[1, {"d": 1.50}]},"e":{}},"yes":true,"none":null},"tags":["one","two"]}');
    const flat = await p.command(['record', 'export', '--app', 'third', '--type', 'contact', '--format', 'csv']);
    assert.equal(flat.stdout, `email,f,g,h,phone,a.b.c,a.e,yes,tags\r\nx@example.com,'=1+1,-1.5e+3,'-2+3,+49 (30) 1-2,"[1,{""d"":1.50}]",{},true,"one, two"\r\n`);
    const fourth = await p.app({ profile: 'myra', uid: 'fourth' });
    const back = await p.command(['record', 'import', '--app', 'fourth', '--type', 'contact', '-', '--map', 'a.b.c:a.b.c:json', '--map', 'yes:yes:boolean'], { input: flat.stdout });
    assert.deepEqual([back.status, back.stdout], [0, '1 rows: 1 created, 0 updated, 0 unchanged, 0 left out, 0 wrong\n']);
    assert.deepEqual((await all(p, fourth, 'contact'))[0].tags, (await all(p, third, 'contact'))[0].tags);
    assert.deepEqual((await all(p, fourth, 'contact'))[0].data.a.b.c, [1, { d: 1.5 }]);
    assert.equal((await p.command(['record', 'export', ...to, '--format', 'xls'])).status, 2);
    const refused = await p.command(['record', 'import', ...to, file, '--map', 'nothing:email']);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /query\.map: there is no column "nothing"/);
    const keyless = await p.command(['record', 'import', ...to, file]);
    assert.deepEqual([keyless.status, keyless.stdout], [2, '']);
    assert.equal(keyless.stderr, 'postrider record import: the server answers 422\n  query.map: no column goes to "email", which names the records: if it has another name in the file, map that to it, as COLUMN:email\n');
    const fresh = await p.command(['record', 'import', ...to, '-', '--mode', 'create', '--dry-run'], { input: 'name\nNobody\n' });
    assert.deepEqual([fresh.status, fresh.stdout], [0, '1 rows: 1 would be created, 0 would be updated, 0 unchanged, 0 left out, 0 wrong\n']);
    assert.equal((await p.command(['record', 'get', ...to, 'ada@example.com'])).status, 0);
    assert.match((await p.command(['record', 'list', ...to, '--where', 'age:36'])).stdout, /ada@example\.com/);
});

// A body in chunks, with nothing but what is written.
function chunked(p, path, token, chunks) {
    return new Promise((resolve, reject) => {
        const request = http.request({ host: '127.0.0.1', port: p.port, method: 'POST', path, headers: { authorization: `Bearer ${token}`, 'content-type': 'text/csv', 'transfer-encoding': 'chunked' } }, (response) => {
            let text = '';
            response.on('data', (c) => (text += c));
            response.on('end', () => resolve({ status: response.statusCode, text }));
        });
        request.on('error', reject);
        for (const chunk of chunks) request.write(chunk);
        request.end();
    });
}

test('large files come in chunks too, up to the limit; others are served meanwhile', async (t) => {
    const p = await postrider(t, { settings: { IMPORT_LIMIT: '6MiB', WORKERS: '1' } });
    const app = await p.app({ profile: 'myra' });
    const rows = (n, from) => Array.from({ length: n }, (_, i) => `${from + i}@example.com,${'x'.repeat(1000)}\n`).join('');
    const path = importPath(app, 'contact');
    const taken = await chunked(p, path, p.token, ['email,text\n', rows(1500, 0), rows(1500, 1500), rows(1500, 3000)]);
    assert.equal(taken.status, 202, taken.text);
    const refused = await chunked(p, path, p.token, ['email,text\n', ...Array.from({ length: 8 }, (_, i) => rows(1000, i * 1000))]).catch((error) => ({ status: error.code }));
    assert.ok([413, 'ECONNRESET', 'EPIPE'].includes(refused.status), refused.status);
    assert.equal((await chunked(p, path, 'nobody', ['email\n', rows(3000, 0)])).status, 401);
    // Two large ones that never end leave the room of everything else alone, and make a third wait for its turn.
    const open = new Set();
    const hold = () => {
        const request = http.request({ host: '127.0.0.1', port: p.port, method: 'POST', path, headers: { authorization: `Bearer ${p.token}`, 'content-type': 'text/csv', 'content-length': 6 * 1024 * 1024 } });
        for (const end of ['error', 'response', 'close']) request.on(end, () => open.delete(request));
        request.write(rows(4000, 0));
        open.add(request);
    };
    await until('a third has no room', async () => {
        while (open.size < 2) hold();
        return (await upload(p, app, 'contact', `email,text\n${rows(4000, 0)}`, { dry_run: true })).status === 503;
    });
    assert.equal((await p.api('POST', `/api/v1/app/${app.id}/record/contact`, `{"data":{"email":"big@example.com"}${' '.repeat(2_000_000)}}`)).status, 201);
    const other = await p.app({ profile: 'myra' });
    assert.deepEqual(counts(await imported(p, other, 'contact', 'email\nsmall@example.com\n')), [1, 1, 0, 0, 0, 0]);
    for (const request of open) request.destroy();
    await until('there is room again', async () => (await upload(p, other, 'contact', `email,text\n${rows(4000, 0)}`, { dry_run: true })).status === 202);
});

test('records with a field called tags come back from a CSV file as they were', async (t) => {
    const p = await postrider(t);
    const records = [
        { data: { email: 'a@example.com', tags: 'one, two', Tags: '[x' }, tags: ['vip', 'a, b'] },
        { data: { email: 'b@example.com', Tags: 'three' }, tags: [] },
        { data: { email: 'c@example.com', name: 'No such field' }, tags: ['vip'] },
        { data: { email: 'd@example.com', tags: { inner: 'four' } }, tags: ['last'] },
    ];
    const [from, to, again] = [await p.app({ profile: 'myra', uid: 'from' }), await p.app({ profile: 'myra', uid: 'to' }), await p.app({ profile: 'myra', uid: 'again' })];
    const contents = async (app) => (await all(p, app, 'contact')).map((x) => ({ data: x.data, tags: x.tags }));
    // A field cannot be a text in one row and an object in another one: these go by themselves.
    for (const some of [records.slice(0, 3), records.slice(3)]) {
        for (const x of some) await p.ok('POST', `/api/v1/app/from/record/contact`, x);
        const csv = await p.command(['record', 'export', '--app', 'from', '--type', 'contact', '--format', 'csv']);
        assert.equal(csv.status, 0, csv.stderr);
        const back = await p.command(['record', 'import', '--app', 'to', '--type', 'contact', '-'], { input: csv.stdout });
        assert.deepEqual([back.status, back.stdout, back.stderr], [0, `${some.length} rows: ${some.length} created, 0 updated, 0 unchanged, 0 left out, 0 wrong\n`, '']);
        assert.deepEqual(await contents(to), some);
        for (const app of [from, to]) for (const x of await all(p, app, 'contact')) await p.ok('DELETE', `/api/v1/app/${app.id}/record/contact/${x.id}`);
    }
    // A list is JSON, which is said of the first column of the name.
    const list = { data: { email: 'e@example.com', tags: ['x', 1] }, tags: ['real'] };
    await p.ok('POST', `/api/v1/app/from/record/contact`, list);
    const csv = await p.command(['record', 'export', '--app', 'from', '--type', 'contact', '--format', 'csv']);
    assert.equal(csv.stdout, 'email,tags,tags\r\ne@example.com,"[""x"",1]",real\r\n');
    const back = await p.command(['record', 'import', '--app', 'again', '--type', 'contact', '-', '--map', 'tags:tags:json'], { input: csv.stdout });
    assert.equal(back.status, 0, back.stderr);
    assert.deepEqual(await contents(again), [list]);
});
