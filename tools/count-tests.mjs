// SPDX-License-Identifier: Apache-2.0
// Adds up the results that `./dev test` left in a folder: meson's testlog.json (each program's output is TAP, from cmocka) and
// the TAP of Node's test runner. Prints skipped and failed tests by name, then one line; exit 1 when something failed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const total = { passed: 0, failed: 0, skipped: 0 };
const skips = [];
const failures = [];

function cmockaProgram(suite, run) {
    let failed = 0;
    let any = false;
    let reason = '';
    for (const line of run.stdout?.split('\n') ?? []) {
        // cmocka has no words for why: a test prints them itself, before it skips.
        reason = /^skipped: (.*)$/.exec(line)?.[1] ?? reason;
        const m = /^(not ok|ok)\b\s*\d*\s*(?:-\s*)?(.*)$/.exec(line);
        if (!m) continue;
        any = true;
        const skip = /# SKIP\s*(.*)$/i.exec(m[2]);
        if (skip) {
            total.skipped++;
            skips.push(`${suite}: ${run.name}: ${skip[1]}: ${reason || 'no reason given'}`);
        } else if (m[1] === 'not ok') {
            failed++;
            failures.push(`${suite}: ${run.name}: ${m[2]}`);
        } else {
            total.passed++;
        }
        reason = '';
    }
    // A program that crashes or times out says nothing about its last test; one without TAP counts as one test.
    if (run.returncode !== 0 && failed === 0) {
        failed = 1;
        failures.push(`${suite}: ${run.name}: ${run.result}, exit code ${run.returncode}`);
    } else if (!any) {
        total.passed++;
    }
    total.failed += failed;
}

function nodeTap(suite, text) {
    const count = (word) => [...text.matchAll(new RegExp(`^# ${word} (\\d+)`, 'gm'))].reduce((n, m) => n + Number(m[1]), 0);
    total.passed += count('pass');
    total.failed += count('fail') + count('cancelled');
    total.skipped += count('skipped') + count('todo');
    for (const line of text.split('\n')) {
        const skip = /^\s*ok \d+ - (.*?) # (?:SKIP|TODO)\s*(.*)$/.exec(line);
        if (skip) skips.push(`${suite}: ${skip[1]}: ${skip[2] || 'no reason given'}`);
        const bad = /^\s*not ok \d+ - (.*)$/.exec(line);
        if (bad) failures.push(`${suite}: ${bad[1]}`);
    }
}

const dir = process.argv[2];
for (const file of readdirSync(dir).sort()) {
    const suite = file.replace(/\.[a-z]+$/, '');
    const text = readFileSync(join(dir, file), 'utf8');
    if (file.endsWith('.tap')) nodeTap(suite, text);
    if (file.endsWith('.json')) for (const line of text.split('\n').filter(Boolean)) cmockaProgram(suite, JSON.parse(line));
}
for (const s of skips) console.log(`skipped  ${s}`);
for (const f of failures) console.log(`FAILED   ${f}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
