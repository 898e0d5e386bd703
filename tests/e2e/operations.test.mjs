// SPDX-License-Identifier: Apache-2.0
// Every operation that the official clients can call, called: by the client where it has a method (the newest and the last
// 1.x, unmodified, with only the server URL set), else over HTTP as the client would.
//
// A row, in operations/RESOURCE.mjs: {op: 'v1.application.create', run: async (c) => { … asserts … }}. A row makes what it needs and
// may be run alone. What `c` has:
//   c.svix                 the client          c.version     'svix' or 'svix-1'
//   c.http(method, path, body)                 for what the client has no method for: {status, json}; path below /api/v1
//   c.p                    the running program c.r           a receiver that answers 200 (c.failing: 500)
//   await c.app(fields)    a new workspace     await c.endpoint(app, fields)   a new endpoint of it at c.r
//   c.until(what, fn)      waits
// A row passes when its run does and a request of its operation was answered with the status that the reference has.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import assert from 'node:assert/strict';
import test from 'node:test';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';
import { recorder } from './lib/recorder.mjs';
import { until } from './lib/wait.mjs';

const here = new URL('.', import.meta.url);
const reference = JSON.parse(readFileSync(new URL('data/svix-operations.json', here)));
const files = readdirSync(new URL('operations/', here)).sort();
const rows = (await Promise.all(files.map(async (file) => (await import(new URL(`operations/${file}`, here))).default.map((row) => ({ ...row, file }))))).flat();

// The request that an operation is, as a pattern.
function patternOf(op) {
    const { op: text, status } = reference.find((x) => x.id === op) ?? assert.fail(`the reference has no ${op}`);
    const [method, path] = text.split(' ');
    const segments = path.split('/').map((s) => (s.startsWith('{') ? '[^/]+' : s.replaceAll('.', '\\.')));
    return { method, path: new RegExp(`^${segments.join('/')}/?$`), status };
}

async function clientOf(name) {
    try {
        return await import(name);
    } catch (e) {
        return { trouble: `${name} does not load in Node ${process.versions.node}: ${e.message}` };
    }
}

for (const version of ['svix', 'svix-1']) {
    test(`every operation, by ${version}`, async (t) => {
        const { Svix, trouble } = await clientOf(version);
        if (trouble) return t.skip(trouble);
        const p = await postrider(t);
        const { seen, url } = await recorder(t, p.port);
        const r = await receiver(t);
        const failing = await receiver(t, { answer: () => ({ status: 500, body: 'no' }) });
        let number = 0;
        const c = {
            Svix,
            version,
            svix: new Svix(p.token, { serverUrl: url }),
            p,
            r,
            failing,
            until,
            url,
            http: (method, path, body, options) => p.api(method, `/api/v1${path}`, body, { port: new URL(url).port, ...options }),
            app: (fields = {}) => p.app({ uid: `app-${++number}`, ...fields }),
            endpoint: (app, fields = {}) => p.endpoint(app, r.url(), fields),
        };
        for (const { op, run } of rows) {
            await t.test(op, async () => {
                const { method, path, status } = patternOf(op);
                const from = seen.length;
                await run(c);
                const asked = seen.slice(from).filter((x) => x.method === method && path.test(x.path));
                assert.ok(asked.length > 0, `no request of ${op} was made`);
                assert.ok(asked.some((x) => x.status === status || (status === 200 && x.status === 201)), `${op} answered ${asked.map((x) => x.status)}, not ${status}`);
            });
        }
    });
}

test('no row twice, none for what does not exist', () => {
    const names = rows.map((x) => x.op);
    assert.equal(new Set(names).size, names.length, names.filter((x, i) => names.indexOf(x) !== i).join(', '));
    for (const name of names) patternOf(name);
});

// What the official clients can call and Postrider does not have; all else has a row.
const left_out = {};
// What the clients know besides the reference: parts of Svix that Postrider leaves out.
const closed = [
    ['`/api/v1/stream…`, `/api/v1/auth/stream…`', 'streams and sinks'],
    ['`/api/v1/app/{app_id}/destination…`', 'one-click destinations'],
    ['`/api/v1/app/{app_id}/autoconfig…`', 'one-click destinations'],
];

const table = new URL('../../docs/api/operations.md', here);

function tableText() {
    const fileOf = Object.fromEntries(rows.map((x) => [x.op, x.file]));
    const lines = reference.map(({ id, op }) => {
        const [method, path] = op.split(' ');
        return `| \`${id}\` | ${method} \`${path}\` | ${fileOf[id] ? `[${fileOf[id]}](../../tests/e2e/operations/${fileOf[id]})` : left_out[id] ?? 'not yet'} |`;
    });
    return `# The operations of the official Svix clients

Every operation that the official client libraries can call, with the file of its row in the tests: the row calls it with the newest npm client and with the last 1.x where they have a method, else over HTTP, and looks at what happened.
\`UPDATE_OPERATIONS=1 node --test tests/e2e/operations.test.mjs\` writes this page. Deeper tests of single features are in [tests/e2e](../../tests/e2e).

| operation | request | test, or why it is missing |
|---|---|---|
${lines.join('\n')}

Left out, and answered 404 with a sentence:

| requests | because Postrider has no |
|---|---|
${closed.map(([paths, why]) => `| ${paths} | ${why} |`).join('\n')}
`;
}

test('the table of operations is as the rows are', () => {
    if (process.env.UPDATE_OPERATIONS) writeFileSync(table, tableText());
    assert.equal(readFileSync(table, 'utf8'), tableText(), 'run with UPDATE_OPERATIONS=1');
});
