// SPDX-License-Identifier: Apache-2.0
// A workspace with very many records: how fast a file of them comes in, what lists and searches take, how much memory.
// node bench/records.mjs [RECORDS]; POSTRIDER names another program than build/postrider.
import { readFileSync } from 'node:fs';
import { Postrider } from '../tests/e2e/lib/postrider.mjs';
import { sleep } from '../tests/e2e/lib/wait.mjs';

const rows = Number(process.argv[2] ?? 100_000);
const p = new Postrider({ settings: { LOG_LEVEL: 'warn' } });
await p.start();

const fields = () => readFileSync(`/proc/${p.process.pid}/stat`, 'utf8').split(' ');
const cpu = () => (Number(fields()[13]) + Number(fields()[14])) / 100;
const memory = (name) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${p.process.pid}/status`, 'utf8'))[1]) / 1024);
const say = (what, value) => console.log(`${what.padEnd(46)} ${value}`);

const app = await p.app({ profile: 'myra' });
const base = `/api/v1/app/${app.id}/record/contact`;
const line = (i, score) => `person${i}@example.com,Person Number ${i},London,N1 ${i % 100},${score},"Customer, vip"\n`;
const file = (score) => Buffer.from(`email,name,address.city,address.zip,score,tags\n${Array.from({ length: rows }, (_, i) => line(i, score(i))).join('')}`);

async function bring(what, body) {
    const [from, used] = [performance.now(), cpu()];
    const { id } = await p.ok('POST', `${base}/import`, body, { headers: { 'content-type': 'text/csv' }, timeoutMs: 120_000 });
    const answered = performance.now() - from;
    for (let task; (task = await get(`/api/v1/background-task/${id}`)).status === 'running'; ) await sleep(100);
    const seconds = (performance.now() - from) / 1000;
    say(what, `${Math.round(rows / seconds)} rows/s, ${(((cpu() - used) / rows) * 1e6).toFixed(0)} µs of CPU per row, answered after ${answered.toFixed(0)} ms`);
}

// A machine that does too much else answers 503 now and then.
async function get(path) {
    for (;;) {
        const answer = await p.api('GET', path);
        if (answer.status === 200) return answer.json;
        if (answer.status !== 503) throw new Error(answer.text);
        await sleep(200);
    }
}

// The median of five.
async function time(what, run) {
    const times = [];
    for (let i = 0; i < 5; i++) {
        const from = performance.now();
        await run(i);
        times.push(performance.now() - from);
    }
    say(what, `${times.sort((a, b) => a - b)[2].toFixed(1)} ms`);
}

async function pages(query) {
    for (let page = { iterator: null }; !page.done; ) page = await get(`${base}?limit=250${query}${page.iterator ? `&iterator=${page.iterator}` : ''}`);
}

const before = memory('VmRSS');
const first = file((i) => i);
say('records, bytes of the file', `${rows}, ${first.length}`);
await bring('import: all are new', first);
await bring('import: all are as they were', first);
await bring('import: all change', file((i) => i + 1));
await time('a page of 50', () => get(base));
await time('a page of 250', () => get(`${base}?limit=250`));
await time('one by its key', (i) => get(`${base}/person${i * 1000}@example.com`));
await time('a page by tag, all have it', () => get(`${base}?tag=vip`));
await time('searched through all, in pages, nothing fits', () => pages('&search=nobody'));
await time('by a value, through all, nothing fits', () => pages('&where=score:none'));
say('memory before, most', `${before} MB, ${memory('VmHWM')} MB`);
await p.dispose();
