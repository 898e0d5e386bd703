// SPDX-License-Identifier: Apache-2.0
// Requests from outside: what Postrider takes in at trigger URLs, and does, beside adnanh/webhook with the same hook. Its
// hook never runs its command, so that what is measured of it is the check of the signature and the filter, no more.
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { ratios, spread } from './measure.mjs';
import { Postrider, Webhook, cpuMicros, load, sleep, until } from './world.mjs';

const SECRET = 'a secret of the bench, as long as they are';
const WORKSPACES = 4;
const QUIET_MS = 500;
const RUNS_MINUTES = 3;

// GitHub's own example of a push to a repository of average size.
function payload() {
    const tests = join(dirname(fileURLToPath(import.meta.url)), '../tests/e2e/package.json');
    const all = createRequire(tests)('@octokit/webhooks-examples');
    const pushes = (all.default ?? all).find((e) => e.name === 'push').examples;
    return JSON.stringify(pushes[4]);
}

export function request(world) {
    const body = payload();
    const file = join(world.folder(), 'payload.json');
    const signature = createHmac('sha256', SECRET).update(body).digest('hex');
    writeFileSync(file, body);
    return {
        file,
        unique: 'X-GitHub-Delivery',
        headers: ['X-GitHub-Event: push', `X-Hub-Signature-256: sha256=${signature}`, 'Accept: */*', 'X-GitHub-Hook-ID: 292430182'],
        bytes: body.length,
    };
}

// The filter of both does not hold, after the signature did.
const BRANCH = 'refs/heads/nobody-has-this';
const steps = [{ id: 'filter', type: 'branch', branches: [{ when: { value: '{{ trigger.body.ref }}', eq: BRANCH }, steps: [] }] }];
const trigger = { type: 'incoming_webhook', verify: { profile: 'github', secret: SECRET } };
const hook = {
    id: 'bench',
    'execute-command': '/bin/true',
    'trigger-rule': {
        and: [
            { match: { type: 'payload-hmac-sha256', secret: SECRET, parameter: { source: 'header', name: 'X-Hub-Signature-256' } } },
            { match: { type: 'value', value: BRANCH, parameter: { source: 'payload', name: 'ref' } } },
        ],
    },
};

export async function makeTriggers(server) {
    server.automations = [];
    for (let i = 0; i < WORKSPACES; i++) {
        const app = await server.make('/api/v1/app', { name: `in-${i}`, uid: `in-${i}` });
        const base = `/api/v1/app/${app.id}/automation`;
        const made = await server.make(base, { name: 'Pushes', trigger, steps });
        await server.make(`${base}/${made.id}/publish`, {});
        server.automations.push(`${base}/${made.id}`);
        server.paths.push(new URL(made.trigger.url).pathname);
    }
}

// Runs are done in the order in which they came.
async function isDone(server, base) {
    const { status, text } = await server.request('GET', `${base}/run?limit=20`);
    if (status !== 200) throw new Error(`GET ${base}/run: ${status} ${text.slice(0, 300)}`);
    return JSON.parse(text).data.every((run) => run.status === 'done');
}

// Until every run has ended and nothing works any more.
export async function rest(server) {
    for (const base of server.automations ?? []) await until('the runs end', RUNS_MINUTES * 60, () => isDone(server, base));
    for (let before = -1; before !== cpuMicros(server.pid); await sleep(QUIET_MS)) before = cpuMicros(server.pid);
}

async function measure(world, server, options) {
    const before = cpuMicros(server.pid);
    const sent = await load(world, server, { paths: server.paths, ...options });
    const answered = cpuMicros(server.pid) - before;
    const seconds = (sent.end_us - sent.start_us) / 1e6;
    await rest(server);
    const all = cpuMicros(server.pid) - before;
    return { ok: sent.ok, refused: sent.refused, rate: sent.ok / seconds, taken: answered / sent.ok, cpu: all / sent.ok, p99Ms: sent.p99_us / 1000 };
}

async function interleave(world, servers, rounds, options) {
    const all = servers.map(() => []);
    for (let i = 0; i < rounds; i++)
        for (const [k, server] of servers.entries()) all[k].push(await measure(world, server, options));
    return all;
}

const column = (list, key) => list.map((m) => m[key]);
const refusals = (...lists) => {
    const n = lists.flat().reduce((sum, m) => sum + m.refused, 0);
    return n ? `; ${n} refused` : '';
};

async function compare(ctx, own, other, format) {
    const { range, perSecond, micros, times, ms } = format;
    const asked = request(ctx.world);
    const figures = [];
    for (const server of [own, other]) await measure(ctx.world, server, { ...asked, connections: 64, seconds: ctx.warmUp });
    for (const connections of [256, 64]) {
        const [a, b] = await interleave(ctx.world, [own, other], ctx.rounds, { ...asked, connections, seconds: 2 * ctx.seconds });
        const rate = ratios(column(a, 'rate'), column(b, 'rate'));
        const cpu = ratios(column(a, 'cpu'), column(b, 'cpu'));
        const [rates, costs, p99s] = ['rate', 'cpu', 'p99Ms'].map((key) => [a, b].map((m) => spread(column(m, key))));
        figures.push({
            name: `incoming requests/s beside webhook's, ${connections} connections`,
            value: rate.median,
            text: `${range(rate, times)}: ${range(rates[0], perSecond)} to ${range(rates[1], perSecond)}; p99 ${ms(p99s[0].median)} to ${ms(p99s[1].median)}${refusals(a, b)}`,
            first: 1,
            then: 2,
            more: true,
        });
        figures.push({
            name: `CPU per incoming request beside webhook's, ${connections} connections`,
            value: cpu.median,
            text: `${range(cpu, times)}: ${range(costs[0], micros)}, its run done, to ${range(costs[1], micros)}; ${asked.bytes} bytes each`,
            first: 1,
            then: 0.7,
        });
    }
    return figures;
}

// Ours is durable before it answers, and its run comes to its end; theirs forgets the request.
export async function incoming(ctx, format) {
    const own = await Postrider.start(ctx.world, { INCOMING_RATE_LIMIT: 1000000 });
    const other = await Webhook.start(ctx.world, hook);
    try {
        await makeTriggers(own);
        return await compare(ctx, own, other, format);
    } finally {
        await own.stop();
        await other.stop();
    }
}
