// SPDX-License-Identifier: Apache-2.0
// What is measured, one function for each row of the table. A row starts what it needs and stops it again. It returns
// figures: {name, text, value, first, then, more}, where `first` and `then` are limits on value, and more is true where
// more is better. A figure without limits is for information.
import { join } from 'node:path';

import { incoming } from './incoming.mjs';
import { drain, interleave, measure, ratios, spread } from './measure.mjs';
import { Floor, Postrider, Receiver, each, folderBytes, load, memory, sleep, until } from './world.mjs';

const PORTS = 10; // one endpoint on each: the cap for each host is 64, for each endpoint 16
const HANGING = 1000;
const HANG_MS = 15000;
const PEERS = 3000;
const TOTAL_IN_FLIGHT = 4096;

const percent = (x) => `${(x * 100).toFixed(1)} %`;
const times = (x) => `${x.toFixed(2)}×`;
const perSecond = (x) => `${Math.round(x).toLocaleString('en')}/s`;
const ms = (x) => `${x < 10 ? x.toFixed(2) : x.toFixed(1)} ms`;
const micros = (x) => `${x.toFixed(1)} µs`;
const mb = (x) => `${x.toFixed(1)} MB`;
const range = (s, unit) => `${unit(s.median)} (${unit(s.min)} to ${unit(s.max)})`;
const column = (list, key) => list.map((m) => m[key]);

// What went wrong in measurements, for the end of a text.
function losses(...lists) {
    const sum = (key) => lists.flat().reduce((n, m) => n + m[key], 0);
    const missing = sum('accepted') - sum('delivered');
    const refused = sum('refused');
    return (missing ? `; ${missing} not delivered` : '') + (refused ? `; ${refused} refused` : '');
}

// Runs `use` with Postrider and workspaces that deliver to a receiver, its own unless it is given one.
async function withPostrider(ctx, settings, use, shared) {
    const receiver = shared ?? (await Receiver.start(ctx.world, PORTS));
    const server = await Postrider.start(ctx.world, settings);
    try {
        await server.workspaces(receiver, PORTS);
        await measure(ctx.world, server, receiver, { connections: 64, seconds: ctx.warmUp });
        return await use(server, receiver);
    } finally {
        await server.stop();
        if (!shared) await receiver.stop();
    }
}

// Its own maximum with 256 connections, events per second: measured once in a run.
async function maximum(ctx) {
    ctx.max ??= await withPostrider(ctx, {}, async (server, receiver) => {
        const all = await interleave(ctx.world, [server], receiver, ctx.rounds, { connections: 256, seconds: ctx.seconds });
        return spread(column(all[0], 'rate')).median;
    });
    return ctx.max;
}

// An open loop needs enough connections that it never waits for one.
const openLoop = (rate, seconds) => ({ rate, seconds, connections: 256 });

async function shareOfFloor(ctx) {
    return withPostrider(ctx, {}, async (server, receiver) => {
        const floor = await Floor.start(ctx.world, receiver.ports, await server.answerBytes());
        const figures = [];
        await measure(ctx.world, floor, receiver, { connections: 64, seconds: ctx.warmUp });
        for (const connections of [256, 64]) {
            const [base, own] = await interleave(ctx.world, [floor, server], receiver, ctx.rounds, { connections, seconds: 2 * ctx.seconds });
            const share = ratios(column(own, 'rate'), column(base, 'rate'));
            const cost = ratios(column(own, 'cpuMicros'), column(base, 'cpuMicros'));
            const counts = connections === 256;
            if (counts) ctx.max = spread(column(own, 'rate')).median;
            const rates = [own, base].map((m) => range(spread(column(m, 'rate')), perSecond));
            const costs = [own, base].map((m) => range(spread(column(m, 'cpuMicros')), micros));
            figures.push({
                name: `events/s as a share of the floor, ${connections} connections`,
                value: share.median,
                text: `${range(share, (x) => x.toFixed(2))}: ${rates[0]} of ${rates[1]}${losses(own)}`,
                ...(counts && { first: 0.4, then: 0.65, more: true }),
            });
            figures.push({
                name: `CPU per event as a multiple of the floor, ${connections} connections`,
                value: cost.median,
                text: `${range(cost, times)}: ${costs[0]} to ${costs[1]}`,
                ...(counts && { first: 3.5, then: 1.8 }),
            });
        }
        await floor.stop();
        return figures;
    });
}

async function withPostgres() {
    return [{ name: 'the share with PostgreSQL', text: 'not in this build' }];
}

// The floor at the same rate shows how much of it is the machine's disk and scheduler.
async function latency(ctx) {
    const rate = (await maximum(ctx)) / 2;
    return withPostrider(ctx, {}, async (server, receiver) => {
        const floor = await Floor.start(ctx.world, receiver.ports, await server.answerBytes());
        const load = openLoop(rate, ctx.seconds);
        const [base, own] = await interleave(ctx.world, [floor, server], receiver, ctx.rounds, load);
        await floor.stop();
        const p99 = spread(column(own, 'p99Ms'));
        const p50 = spread(column(own, 'p50Ms')).median;
        const ack = spread(column(own, 'ackP99Ms')).median;
        const beside = range(spread(column(base, 'p99Ms')), ms);
        const text = `${range(p99, ms)} at ${perSecond(rate)}; p50 ${ms(p50)}; p99 of the 202 ${ms(ack)}; the floor's p99 ${beside}`;
        return [
            {
                name: 'p99 from POST to arrival at half of the maximum',
                value: p99.median,
                text: text + losses(own),
                first: 25,
                then: 10,
            },
        ];
    });
}

// Accepted events that wait for an endpoint that nobody answers for.
async function addBacklog(ctx, server) {
    const refusing = await Receiver.start(ctx.world, 1); // a port where, a moment later, nobody listens
    const url = refusing.url(0);
    await refusing.stop();
    const path = await server.workspace('dead', [url], { retrySchedule: [36000, 36000] });
    const options = { paths: [path], connections: 128, events: ctx.backlog, seconds: ctx.backlog / 1000 + 10 };
    const sent = await load(ctx.world, server, options);
    await sleep(2000);
    return sent.ok;
}

async function backlog(ctx) {
    const rate = (await maximum(ctx)) / 2;
    const compare = async (full, empty, receiver) => {
        const pending = await addBacklog(ctx, full);
        const grown = memory(full.pid);
        const [a, b] = await interleave(ctx.world, [empty, full], receiver, ctx.rounds, openLoop(rate, ctx.seconds));
        const ratio = ratios(column(b, 'cpuMicros'), column(a, 'cpuMicros'));
        const costs = [b, a].map((m) => micros(spread(column(m, 'cpuMicros')).median));
        const n = pending.toLocaleString('en');
        return [
            {
                name: `cost per event with ${n} pending, to an empty store`,
                value: ratio.median,
                text: `${range(ratio, times)}: ${costs[0]} to ${costs[1]}${losses(a, b)}`,
                first: 1.2,
                then: 1.05,
            },
            {
                name: `memory with ${n} pending`,
                value: grown.rss,
                text: `${mb(grown.rss)} (highest ${mb(grown.peak)})`,
                first: 150,
                then: 80,
            },
        ];
    };
    return withPostrider(ctx, {}, (full, receiver) =>
        withPostrider(ctx, {}, (empty) => compare(full, empty, receiver), receiver),
    );
}

async function retention(ctx) {
    const rate = (await maximum(ctx)) / 2;
    const keep = `${ctx.seconds * 1000}ms`;
    // Rounds of one server follow each other without a break: what one round wrote ages out while the next one runs.
    const steady = async (server, receiver) => {
        const first = await server.make('/api/v1/app/bench-0/msg', { eventType: 'bench.event', payload: { t: 0 } });
        await measure(ctx.world, server, receiver, openLoop(rate, ctx.seconds * 2));
        const [list] = await interleave(ctx.world, [server], receiver, ctx.rounds, openLoop(rate, ctx.seconds));
        const { status } = await server.request('GET', `/api/v1/app/bench-0/msg/${first.id}`);
        return { list, kept: status === 200, size: mb(folderBytes(server.dir) / 1e6), cost: micros(spread(column(list, 'cpuMicros')).median) };
    };
    const all = await withPostrider(ctx, {}, steady);
    const few = await withPostrider(ctx, { RETENTION_PAYLOAD: keep, RETENTION_ATTEMPTS: keep }, steady);
    if (few.kept || !all.kept) throw new Error(`the first event is ${few.kept ? 'still there' : 'gone without retention'}`);
    const ratio = ratios(column(few.list, 'cpuMicros'), column(all.list, 'cpuMicros'));
    return [
        {
            name: `cost per event while what is older than ${ctx.seconds} s is deleted`,
            value: ratio.median,
            text: `${range(ratio, times)}: ${few.cost} to ${all.cost}; on disk ${few.size} to ${all.size}${losses(few.list, all.list)}`,
            first: 1.5,
            then: 1.2,
        },
    ];
}

async function idleMemory(ctx) {
    const server = await Postrider.start(ctx.world);
    await sleep(1500);
    const m = memory(server.pid);
    await server.stop();
    return [{ name: 'memory, idle', value: m.rss, text: `${mb(m.rss)} (highest ${mb(m.peak)})`, first: 30, then: 15 }];
}

// A workspace for every hundred endpoints; one event to each, so that nothing is left unloaded.
async function endpointMemory(ctx) {
    const receiver = await Receiver.start(ctx.world, PORTS);
    const server = await Postrider.start(ctx.world);
    const urls = Array.from({ length: 100 }, (_, i) => receiver.url(i));
    const names = Array.from({ length: Math.ceil(ctx.endpoints / 100) }, (_, i) => `many-${i}`);
    try {
        await each(names, 4, async (uid) => server.paths.push(await server.workspace(uid, urls)));
        const made = memory(server.pid);
        const sent = await load(ctx.world, server, { paths: server.paths, connections: 16, events: names.length, seconds: 60 });
        const got = await drain(receiver, sent.ok * 100);
        await sleep(1500);
        const used = memory(server.pid);
        const n = (names.length * 100).toLocaleString('en');
        return [
            {
                name: `memory with ${n} endpoints`,
                value: used.rss,
                text: `${mb(used.rss)} (highest ${mb(used.peak)}) after an event to each, ${got.count} arrived; before ${mb(made.rss)}`,
                first: 300,
                then: 150,
            },
        ];
    } finally {
        await server.stop();
        await receiver.stop();
    }
}

// The same load over workspaces of one endpoint each, many of them or ten. Nothing is asked of it; it shows what locality is worth.
const SPREAD_MAX = 5000;

async function endpointCost(ctx) {
    const count = Math.min(ctx.endpoints, SPREAD_MAX);
    const options = { connections: 256, seconds: ctx.seconds };
    const compare = async (many, few, receiver) => {
        const numbers = Array.from({ length: count }, (_, i) => i);
        many.paths = [];
        await each(numbers, 4, async (i) => many.paths.push(await many.workspace(`one-${i}`, [receiver.url(i % PORTS)])));
        await measure(ctx.world, many, receiver, { ...options, seconds: ctx.warmUp });
        const [a, b] = await interleave(ctx.world, [few, many], receiver, ctx.rounds, options);
        const ratio = ratios(column(b, 'cpuMicros'), column(a, 'cpuMicros'));
        const costs = [b, a].map((m) => micros(spread(column(m, 'cpuMicros')).median));
        return [
            {
                name: `cost per event over ${count.toLocaleString('en')} endpoints, to ${PORTS}`,
                text: `${range(ratio, times)}: ${costs[0]} to ${costs[1]}${losses(a, b)}`,
            },
        ];
    };
    return withPostrider(ctx, {}, (many, receiver) =>
        withPostrider(ctx, {}, (few) => compare(many, few, receiver), receiver),
    );
}

// What a page of each list costs in the store, with each filter, over many messages with an attempt each.
async function lists(ctx) {
    const file = join(ctx.world.folder(), 'lists.db');
    const child = ctx.world.start('bench/bench_lists', [file, String(ctx.messages)]);
    let out = '';
    child.stdout.on('data', (d) => (out += d));
    const how = await child.ended;
    if (how !== 0) throw new Error(`bench_lists ended: ${how}`);
    return out
        .trim()
        .split('\n')
        .map((line) => line.split('\t'))
        .map(([median, highest, items, pages, name]) => ({
            name: `list: ${name}`,
            value: median / 1000,
            text: `${ms(median / 1000)} (highest ${ms(highest / 1000)}); ${items} items on ${pages} pages`,
        }));
}

// Enough events that requests hang as long as it takes, then rounds of load on the healthy endpoints.
async function hanging(ctx) {
    const rate = (await maximum(ctx)) / 8;
    return withPostrider(ctx, {}, async (server, receiver) => {
        const hang = await Receiver.start(ctx.world, HANGING);
        const urls = hang.ports.map((_, i) => hang.url(i, '/hang'));
        const path = await server.workspace('hang', urls, { timeoutMs: HANG_MS, retrySchedule: [1, 1, 1, 1, 1] });
        const flood = await server.workspace('flood', [receiver.url(0, '/flood')]);
        const look = () => interleave(ctx.world, [server], receiver, ctx.rounds, openLoop(rate, ctx.seconds));
        const [alone] = await look();
        const events = Math.ceil((2 * TOTAL_IN_FLIGHT) / HANGING);
        await load(ctx.world, server, { paths: [path], connections: 4, events, seconds: 20 });
        await until('requests hang', 20, async () => (await hang.report()).hung >= HANGING);
        await sleep(1000);
        const [beside] = await look();
        const flooding = load(ctx.world, server, { paths: [flood], connections: 32, seconds: ctx.seconds });
        const flooded = await measure(ctx.world, server, receiver, openLoop(rate, ctx.seconds));
        const sent = await flooding;
        const { hung } = await hang.report();
        await hang.stop();
        const p99s = [beside, alone].map((m) => spread(column(m, 'p99Ms')));
        const ratio = p99s[0].median / p99s[1].median;
        const texts = p99s.map((p) => range(p, ms));
        return [
            {
                name: `healthy endpoints' p99 while ${HANGING} others hang`,
                value: ratio,
                text: `${times(ratio)}: ${texts[0]} to ${texts[1]} at ${perSecond(rate)}; ${hung} requests hung${losses(alone, beside)}`,
                first: 1.5,
                then: 1.1,
            },
            {
                name: '… and one workspace floods',
                value: flooded.p99Ms,
                text: `p99 of all arrivals ${ms(flooded.p99Ms)}; the flood: ${sent.ok} accepted, ${sent.refused} refused`,
            },
        ];
    });
}

async function idlePeers(ctx) {
    const rate = (await maximum(ctx)) / 4;
    return withPostrider(ctx, {}, async (server, receiver) => {
        const peers = await Receiver.start(ctx.world, PEERS);
        const urls = peers.ports.map((_, i) => peers.url(i));
        const path = await server.workspace('peers', urls);
        const event = { paths: [path], connections: 1, events: 1, seconds: 20 };
        const calm = await measure(ctx.world, server, receiver, openLoop(rate, 4));
        await load(ctx.world, server, event);
        await drain(peers, PEERS);
        await sleep(500);
        const running = measure(ctx.world, server, receiver, openLoop(rate, 6));
        await sleep(2000);
        const { closed } = await peers.closeAll();
        await sleep(500);
        peers.reset();
        await load(ctx.world, server, event);
        const again = await drain(peers, PEERS);
        const busy = await running;
        await peers.stop();
        return [
            {
                name: `longest gap between deliveries while ${PEERS} idle peers close at once`,
                value: busy.gapMs,
                text: `${ms(busy.gapMs)} (calm: ${ms(calm.gapMs)}), highest latency ${ms(busy.maxMs)} (calm: ${ms(calm.maxMs)}); ${closed} were kept open; then ${again.count} of ${PEERS} delivered again${losses([busy])}`,
            },
        ];
    });
}

// In the order in which they run.
export const rows = [
    { key: 'memory', run: idleMemory },
    { key: 'share', run: shareOfFloor },
    { key: 'postgres', run: withPostgres },
    { key: 'latency', run: latency },
    { key: 'backlog', run: backlog },
    { key: 'retention', run: retention },
    { key: 'hang', run: hanging },
    { key: 'peers', run: idlePeers },
    { key: 'endpoints', run: endpointMemory },
    { key: 'spread', run: endpointCost },
    { key: 'lists', run: lists },
    { key: 'incoming', run: (ctx) => incoming(ctx, { range, perSecond, micros, times, ms }) },
];
