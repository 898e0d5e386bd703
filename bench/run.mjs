#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Measures Postrider against the floor, in the same minutes on the same machine, and prints a table.
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { rows } from './rows.mjs';
import { World } from './world.mjs';

const HELP = `./dev bench [options]

  --quick          about two minutes: few rounds, 50,000 pending, 2,000 endpoints,
                   lists over 100,000 messages (the default)
  --full           about twenty minutes: more rounds, 1,000,000 pending, 100,000 endpoints,
                   lists over 1,000,000 messages
  --only ROW       ${rows.map((r) => r.key).join(', ')}; several separated by commas
  --rounds N       rounds of each measurement; the median counts
  --seconds N      length of a round (twice that for the throughput)
  --backlog N      events pending for a dead endpoint
  --endpoints N    endpoints whose memory is measured
  --messages N     messages, with an attempt each, of the lists
  --json FILE      writes the figures as JSON
  --check          exit status 1 when a figure misses its limit in the column "first"
  --build DIR      of the programs (build)
`;

const PRESETS = {
    quick: { rounds: 3, seconds: 1, warmUp: 1, backlog: 50000, endpoints: 2000, messages: 100000, limitMinutes: 10 },
    full: { rounds: 7, seconds: 5, warmUp: 3, backlog: 1000000, endpoints: 100000, messages: 1000000, limitMinutes: 60 },
};

function usage(message) {
    process.stderr.write(`bench: ${message}\n\n${HELP}`);
    process.exit(2);
}

function options() {
    const flag = { type: 'boolean', default: false };
    const text = { type: 'string' };
    const spec = { quick: flag, full: flag, check: flag, help: flag, only: text, rounds: text, seconds: text };
    let values;
    try {
        ({ values } = parseArgs({ options: { ...spec, backlog: text, endpoints: text, messages: text, json: text, build: text } }));
    } catch (e) {
        usage(e.message);
    }
    if (values.help) {
        process.stdout.write(HELP);
        process.exit(0);
    }
    const numbers = {};
    for (const name of ['rounds', 'seconds', 'backlog', 'endpoints', 'messages']) {
        if (values[name] === undefined) continue;
        numbers[name] = Number(values[name]);
        if (!Number.isInteger(numbers[name]) || numbers[name] < 1) usage(`--${name} wants a number from 1`);
    }
    const chosen = values.only?.split(',') ?? rows.map((r) => r.key);
    const unknown = chosen.find((key) => !rows.some((r) => r.key === key));
    if (unknown !== undefined) usage(`there is no row ${unknown}`);
    return { ...PRESETS[values.full ? 'full' : 'quick'], ...numbers, ...values, ...numbers, chosen };
}

function verdict(figure) {
    if (figure.first === undefined) return '';
    const meets = (limit) => (figure.more ? figure.value >= limit : figure.value <= limit);
    return meets(figure.then) ? 'then' : meets(figure.first) ? 'first' : 'MISSED';
}

function limit(figure, which) {
    return figure[which] === undefined ? '' : `${figure.more ? '≥' : '≤'} ${figure[which]}`;
}

function print(figures) {
    const lines = [['row', 'first', 'then', 'verdict', 'measured']];
    for (const f of figures) lines.push([f.name, limit(f, 'first'), limit(f, 'then'), verdict(f), f.text]);
    const widths = lines[0].map((_, i) => Math.max(...lines.map((l) => l[i].length)));
    for (const line of lines)
        process.stdout.write(`${line.map((cell, i) => (i < 4 ? cell.padEnd(widths[i]) : cell)).join('  ')}\n`);
}

async function main() {
    const opt = options();
    const root = join(dirname(fileURLToPath(import.meta.url)), '..');
    const world = new World(opt.build ?? join(root, 'build'));
    const end = async (status, message) => {
        if (message) process.stderr.write(`bench: ${message}\n`);
        await world.close();
        process.exit(status);
    };
    process.once('SIGINT', () => end(130));
    process.once('SIGTERM', () => end(143));
    setTimeout(() => end(3, `not done in ${opt.limitMinutes} minutes`), opt.limitMinutes * 60000).unref();

    const ctx = { ...opt, world };
    const [busy] = loadavg(); // what else runs here
    const figures = [];
    const failed = [];
    for (const row of rows.filter((r) => opt.chosen.includes(r.key))) {
        const from = Date.now();
        try {
            figures.push(...(await row.run(ctx)).map((f) => ({ row: row.key, ...f })));
        } catch (e) {
            failed.push(row.key);
            figures.push({ row: row.key, name: row.key, text: `could not be measured: ${e.message}` });
        }
        process.stderr.write(`${row.key}: ${((Date.now() - from) / 1000).toFixed(0)} s\n`);
    }
    const machine = { cpus: cpus().length, model: cpus()[0].model, kernel: release(), loadBefore: busy };
    process.stdout.write(`\n${machine.cpus} × ${machine.model}, Linux ${machine.kernel}, load before ${busy.toFixed(1)}`);
    process.stdout.write('; median (lowest to highest)\n\n');
    print(figures);
    if (opt.json !== undefined) {
        const { rounds, seconds, backlog, endpoints, messages } = opt;
        const settings = { rounds, seconds, backlog, endpoints, messages };
        const out = figures.map((f) => ({ ...f, verdict: verdict(f) }));
        writeFileSync(opt.json, `${JSON.stringify({ when: new Date().toISOString(), machine, settings, figures: out }, null, 1)}\n`);
    }
    const missed = figures.filter((f) => verdict(f) === 'MISSED');
    for (const f of missed) process.stdout.write(`missed: ${f.name}: ${f.text}\n`);
    await end(failed.length > 0 ? 3 : opt.check && missed.length > 0 ? 1 : 0);
}

await main();
