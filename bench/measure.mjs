// SPDX-License-Identifier: Apache-2.0
// One measurement: load on a server, arrivals at the receiver, CPU time between; and what is made of several of them.
import { cpuMicros, load, sleep } from './world.mjs';

const QUIET_MS = 3000; // no arrival for so long: what is missing is not coming
const SETTLE_MS = 200; // the last outcomes are made durable

// Waits until the receiver has so many arrivals, or none for a while.
export async function drain(receiver, want) {
    let report = await receiver.report();
    for (let quiet = 0; report.count < want && quiet < QUIET_MS; ) {
        await sleep(50);
        const next = await receiver.report();
        quiet = next.count > report.count ? 0 : quiet + 50;
        report = next;
    }
    return report;
}

// options as for load(); the server's own paths unless others are given. Rates are events per second.
export async function measure(world, server, receiver, options) {
    receiver.reset();
    const before = cpuMicros(server.pid);
    const sent = await load(world, server, { paths: server.paths, ...options });
    const got = await drain(receiver, sent.ok);
    await sleep(SETTLE_MS);
    const cpu = cpuMicros(server.pid) - before;
    return {
        sent: sent.posted,
        accepted: sent.ok,
        refused: sent.refused,
        delivered: got.count,
        rate: got.count / ((got.last_us - sent.start_us) / 1e6),
        cpuMicros: cpu / got.count,
        ackP99Ms: sent.p99_us / 1000,
        p50Ms: got.p50_us / 1000,
        p99Ms: got.p99_us / 1000,
        maxMs: got.max_us / 1000,
        gapMs: got.longest_gap_us / 1000,
    };
}

// A B A B …: each of the servers in turn, `rounds` times; lists of measurements, one for each server.
export async function interleave(world, servers, receiver, rounds, options) {
    const all = servers.map(() => []);
    for (let i = 0; i < rounds; i++)
        for (const [k, server] of servers.entries()) all[k].push(await measure(world, server, receiver, options));
    return all;
}

export function spread(values) {
    const sorted = values.slice().sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    return { median, min: sorted[0], max: sorted.at(-1) };
}

// Of pairs measured one after the other.
export function ratios(of, to) {
    return spread(of.map((v, i) => v / to[i]));
}
