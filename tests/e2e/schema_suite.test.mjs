// SPDX-License-Identifier: Apache-2.0
// The cases of the official JSON-Schema-Test-Suite, as PyPI's jsonschema carries them in its source archive; fetched into build/.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { program } from './lib/postrider.mjs';

const version = '4.17.3';
const runner = join(dirname(program), 'tests', 'schema_suite');
const cache = join(dirname(program), 'schema-suite');
const suite = join(cache, `jsonschema-${version}`, 'json', 'tests');

function fetchSuite() {
    if (existsSync(suite)) return undefined;
    mkdirSync(cache, { recursive: true });
    const got = spawnSync('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', ':all:', `jsonschema==${version}`], { cwd: cache, encoding: 'utf8', timeout: 120_000 });
    const archive = readdirSync(cache).find((f) => f.endsWith('.tar.gz'));
    if (!archive) return `the suite cannot be fetched: ${got.error?.message ?? got.stderr.trim().split('\n').at(-1)}`;
    const opened = spawnSync('tar', ['xzf', archive], { cwd: cache });
    return opened.status === 0 ? undefined : 'the suite cannot be unpacked';
}

// folder, the dialect that its schemas are in, how many cases must be decided at least
const drafts = [
    ['draft2020-12', 'https://json-schema.org/draft/2020-12/schema', 870],
    ['draft2019-09', 'https://json-schema.org/draft/2019-09/schema', 880],
    ['draft7', 'http://json-schema.org/draft-07/schema#', 800],
    ['draft6', 'http://json-schema.org/draft-06/schema#', 720],
];

for (const [folder, dialect, least] of drafts) {
    test(`official cases of ${folder}`, (t) => {
        if (!existsSync(runner)) return t.skip('the tests were not built');
        const trouble = fetchSuite();
        if (trouble) return t.skip(trouble);
        const dir = mkdtempSync(join(tmpdir(), 'postrider-suite-'));
        t.after(() => rmSync(dir, { recursive: true, force: true }));
        const files = readdirSync(join(suite, folder)).filter((f) => f.endsWith('.json'));
        for (const f of files) {
            const groups = JSON.parse(readFileSync(join(suite, folder, f), 'utf8'));
            for (const g of groups) if (typeof g.schema === 'object') g.schema.$schema ??= dialect;
            writeFileSync(join(dir, f), JSON.stringify(groups));
        }
        const run = spawnSync(runner, files.map((f) => join(dir, f)), { encoding: 'utf8', timeout: 60_000 });
        assert.deepEqual(run.stdout.split('\n').filter((l) => l.startsWith('WRONG') || l.startsWith('cannot')), []);
        assert.equal(run.status, 0);
        assert.ok(Number(/(\d+) right/.exec(run.stdout)[1]) >= least, run.stdout.slice(-200));
    });
}
