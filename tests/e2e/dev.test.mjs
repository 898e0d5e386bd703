// SPDX-License-Identifier: Apache-2.0
// ./dev: every command says what it does, and what `up` starts ends with it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { program } from './lib/postrider.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

// Runs a command to its end, which must come; its output.
async function run(command, args, options) {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60000, ...options });
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (s) => (text[name] += s));
    const [status, signal] = await new Promise((resolve, reject) => child.once('error', reject).once('close', (...ended) => resolve(ended)));
    assert.equal(signal, null, `${command} ${args.join(' ')} did not end\n${text.stdout}\n${text.stderr}`);
    return { status, ...text };
}

const dev = (...args) => run(join(root, 'dev'), args);

test('every command of ./dev says what it does, and does nothing else', async () => {
    const top = await dev('help');
    assert.equal(top.status, 0);
    const names = new Set([...top.stdout.matchAll(/^\.\/dev (\w+)/gm)].map((m) => m[1]));
    assert.deepEqual([...names].sort(), ['bench', 'build', 'check', 'fuzz', 'help', 'sim', 'test', 'up']);
    for (const name of names) {
        for (const words of [[name, '--help'], [name, '-h'], ['help', name]]) {
            const help = await dev(...words);
            assert.equal(help.status, 0, `${words.join(' ')}: ${help.stderr}`);
            assert.match(help.stdout, new RegExp(`^\\./dev ${name === 'help' ? 'up' : name}\\b`));
            assert.equal(help.stderr, '');
        }
    }
    for (const words of [['nothing'], ['nothing', '--help'], ['help', 'nothing'], ['up', '--nothing']]) {
        const wrong = await dev(...words);
        assert.deepEqual([wrong.status, wrong.stdout], [2, ''], words.join(' '));
        assert.match(wrong.stderr, /^\.\/dev up/);
    }
});

// The processes that were started in this folder.
function processesIn(folder) {
    return readdirSync('/proc').filter((pid) => {
        try {
            return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/cwd`) === folder;
        } catch {
            return false; // it has ended, or is another user's
        }
    });
}

// What `./dev up` starts after building, in a folder of its own, read by `reader`.
async function demo(t, reader) {
    const folder = mkdtempSync(join(tmpdir(), 'postrider-dev-'));
    t.after(() => {
        for (const pid of processesIn(folder)) process.kill(Number(pid));
        rmSync(folder, { recursive: true, force: true });
    });
    mkdirSync(join(folder, 'build'));
    symlinkSync(resolve(program), join(folder, 'build/postrider'));
    const r = await run('bash', ['-c', `"$0" "$1" | ${reader}`, process.execPath, join(root, 'tools/demo/demo.mjs')], { cwd: folder });
    assert.equal(r.status, 0, `${reader}: ${r.stdout}\n${r.stderr}`);
    assert.deepEqual(processesIn(folder), [], 'nothing is left running');
    return r.stdout;
}

test('./dev up | head: who reads leaves, and Postrider ends', async (t) => {
    assert.match(await demo(t, 'head -n 3'), /Postrider runs at /);
});

test('./dev up ends, too, when there is nothing more to print to who has left', async (t) => {
    assert.match(await demo(t, "grep -m 1 'Ctrl-C stops both'"), /Ctrl-C stops both/);
});
