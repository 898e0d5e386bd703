// SPDX-License-Identifier: Apache-2.0
// The official clients of other languages, as their registries give them: one flow each. What they need beyond the language is
// fetched into build/languages.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import { postrider } from './lib/postrider.mjs';
import { receiver } from './lib/receiver.mjs';

const here = join(dirname(fileURLToPath(import.meta.url)), 'languages');
const cache = join(here, '..', '..', '..', 'build', 'languages');

// Resolves to {status, stdout, stderr}; status is null when there is no such command.
function run(command, args, options = {}) {
    return new Promise((resolve) => {
        const child = spawn(command, args, { timeout: 240_000, ...options });
        const out = { stdout: '', stderr: '' };
        child.stdout.on('data', (c) => (out.stdout += c));
        child.stderr.on('data', (c) => (out.stderr += c));
        child.once('error', (e) => resolve({ status: null, stdout: '', stderr: e.message }));
        child.once('close', (status) => resolve({ status, ...out }));
    });
}

async function python() {
    const venv = join(cache, 'python');
    const bin = join(venv, 'bin', 'python');
    const wanted = readFileSync(join(here, 'python', 'requirements.txt'), 'utf8').trim();
    const [name, version] = wanted.split('==');
    const have = existsSync(bin) && (await run(bin, ['-c', `import importlib.metadata as m; print(m.version(${JSON.stringify(name)}))`]));
    if (have?.stdout?.trim() !== version) {
        const made = await run('python3', ['-m', 'venv', '--clear', venv]);
        if (made.status !== 0) return { trouble: `no Python with venv: ${made.stderr || made.stdout}` };
        const got = await run(bin, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', join(here, 'python', 'requirements.txt')]);
        if (got.status !== 0) return { trouble: `the Python client cannot be fetched: ${got.stderr.trim().split('\n').at(-1)}` };
    }
    return { command: [bin, join(here, 'python', 'smoke.py')] };
}

async function java() {
    const jars = join(cache, 'java');
    for (const command of ['mvn', 'javac']) {
        const found = await run(command, ['-version']);
        if (found.status !== 0) return { trouble: `the Java client's flow needs Maven and a JDK; there is no ${command}` };
    }
    const got = await run('mvn', ['-q', '-B', '-f', join(here, 'java', 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`]);
    if (got.status !== 0) return { trouble: `the Java client cannot be fetched: ${(got.stdout + got.stderr).trim().split('\n').at(-1)}` };
    const built = await run('javac', ['-cp', join(jars, '*'), '-d', jars, join(here, 'java', 'Smoke.java')]);
    assert.equal(built.status, 0, built.stderr);
    return { command: ['java', '-cp', `${jars}:${join(jars, '*')}`, 'Smoke'] };
}

for (const [name, prepare] of Object.entries({ python, java })) {
    test(`the ${name} client: event type, workspace, endpoint, message, attempts, errors`, async (t) => {
        mkdirSync(cache, { recursive: true });
        const { trouble, command } = await prepare();
        if (trouble) return t.skip(trouble);
        const p = await postrider(t);
        const r = await receiver(t);
        const [program, ...args] = command;
        const { status, stdout, stderr } = await run(program, [...args, `http://127.0.0.1:${p.port}`, p.token, r.url('/hook')]);
        assert.equal(status, 0, stderr);
        const said = JSON.parse(stdout);
        assert.equal(r.requests.length, 1);
        const { body, headers } = r.requests[0];
        assert.equal(headers['webhook-id'], said.message);
        assert.deepEqual(new Webhook(said.secret).verify(body.toString(), headers), { from: name });
    });
}
