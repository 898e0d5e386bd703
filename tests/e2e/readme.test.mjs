// SPDX-License-Identifier: Apache-2.0
// The README's first steps, typed in as they stand there: the first event arrives at the first attempt.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, postrider, program } from './lib/postrider.mjs';
import { until } from './lib/wait.mjs';

const readme = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'README.md'), 'utf8');

// The blocks of code below a heading.
function blocks(heading) {
    const section = readme.split(/^## /m).find((s) => s.startsWith(`${heading}\n`));
    return [...section.matchAll(/(?:^ {4}.*\n|^\n(?= {4}))+/gm)].map((m) => m[0].replace(/^ {4}/gm, '').trim());
}

test('the steps of "Send an event" work in their order', async (t) => {
    const p = await postrider(t, { settings: { ENVIRONMENT: undefined } });
    const receiverPort = await freePort();
    const here = (text) => text.replaceAll('build/postrider', program).replaceAll(':8071', `:${p.port}`).replaceAll(/\b9000\b/g, receiverPort);
    const [listen, commands, ...rest] = blocks('Send an event');
    assert.deepEqual([listen.split('\n').length, rest], [1, []]);
    const options = { cwd: p.dir, env: { ...p.env(), PATH: process.env.PATH } };
    const receiver = spawn('bash', ['-c', `exec ${here(listen)}`], options);
    t.after(() => receiver.kill('SIGKILL'));
    let printed = '';
    receiver.stdout.on('data', (c) => (printed += c));
    receiver.stderr.on('data', (c) => (printed += c));
    await until('the receiver listens', () => printed.includes(String(receiverPort)));
    const { stdout } = await promisify(execFile)('bash', ['-e', '-c', `${here(commands)}\necho; echo $TOKEN`], options);
    await until(() => `the event arrives; printed: ${printed}`, () => printed.includes('in_42'));
    const token = stdout.trim().split('\n').at(-1);
    const attempts = await until('its attempt', async () => {
        const { data } = await p.ok('GET', '/api/v1/app/acme/attempt/endpoint/first', undefined, { token });
        return data.length > 0 && data;
    });
    assert.deepEqual(attempts.map((a) => a.responseStatusCode), [204]);
});

test('the steps of "Receive one" work in their order', async (t) => {
    const p = await postrider(t, { settings: { ENVIRONMENT: undefined } });
    const here = (text) => text.replaceAll('build/postrider', program).replaceAll(':8071', `:${p.port}`);
    const [, setUp] = blocks('Send an event');
    const [commands, ...rest] = blocks('Receive one');
    assert.deepEqual(rest, []);
    const shell = here(`${setUp.split(/^post \/app /m)[0]}\n${commands}`);
    const { stdout } = await promisify(execFile)('bash', ['-e', '-c', `${shell}\necho $TOKEN`], { cwd: p.dir, env: { ...p.env(), PATH: process.env.PATH } });
    assert.match(stdout, /"id":"run_/);
    const token = stdout.trim().split('\n').at(-1);
    const contact = await until('the contact', async () => {
        const { data } = await p.ok('GET', '/api/v1/app/studio/record/contact', undefined, { token });
        return data[0]?.tags.length > 0 && data[0];
    });
    assert.deepEqual([contact.key, contact.tags], ['ada@example.com', ['Customer']]);
});
