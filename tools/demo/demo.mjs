// SPDX-License-Identifier: Apache-2.0
// ./dev up: starts Postrider with its data under .dev/demo and a receiver beside it, sends the first events, shows them arrive,
// fail, be retried and be replayed, and stays until Ctrl-C, or until nobody reads what it prints (./dev up | head). However it ends,
// Postrider ends with it. A second run goes on with the same data.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startReceiver } from './receiver.mjs';

const program = 'build/postrider';
const folder = '.dev/demo';
const database = `sqlite:${folder}/postrider.db`;
const tokenFile = `${folder}/token`;
const logFile = `${folder}/postrider.log`;

const bold = (s) => `\x1b[1m${s}\x1b[0m`;
const say = (s = '') => console.log(s);

function isFree(port) {
    return new Promise((resolve) => {
        const s = net.createServer();
        s.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => s.close(() => resolve(true)));
    });
}

async function choosePort(wanted) {
    for (let port = wanted; ; port += 100) if (await isFree(port)) return port;
}

class Api {
    constructor(base, token) {
        this.base = base;
        this.token = token;
    }

    async call(method, path, body) {
        const response = await fetch(`${this.base}/api/v1${path}`, {
            method,
            headers: { authorization: `Bearer ${this.token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
            body: body === undefined ? undefined : JSON.stringify(body),
        });
        const text = await response.text();
        if (!response.ok && response.status !== 404) throw new Error(`${method} ${path}: ${response.status} ${text}`);
        return response.ok && text ? JSON.parse(text) : response.ok ? {} : null;
    }
}

// Starts Postrider; untilItAnswers() waits for it.
async function startProgram() {
    const port = await choosePort(8071);
    const metrics = await choosePort(9071);
    const others = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('POSTRIDER_')));
    const env = { ...others, POSTRIDER_LISTEN: `127.0.0.1:${port}`, POSTRIDER_METRICS_LISTEN: `127.0.0.1:${metrics}`, POSTRIDER_DATABASE: database };
    const log = openSync(logFile, 'a');
    // A group of its own, so that Ctrl-C reaches it through us, once.
    const child = spawn(program, ['serve', '--dev'], { env, stdio: ['ignore', log, log], detached: true });
    const server = { child, env, base: `http://127.0.0.1:${port}`, metrics: `http://127.0.0.1:${metrics}/metrics`, ended: false };
    server.exited = new Promise((resolve) => child.once('exit', (code) => ((server.ended = true), resolve(code))));
    // Whatever ends this process without asking.
    process.once('exit', () => server.ended || child.kill('SIGTERM'));
    return server;
}

async function untilItAnswers(server) {
    for (let i = 0; i < 200 && !server.ended; i++) {
        if (await fetch(`${server.base}/api/v1/health`).then((r) => r.ok, () => false)) return;
        await sleep(50);
    }
    throw new Error(`Postrider did not start; ${logFile} ends with:\n${readFileSync(logFile, 'utf8').slice(-2000)}`);
}

// The token of the run before, if it still opens the API; else a new one.
async function getToken(server) {
    if (existsSync(tokenFile)) {
        const token = readFileSync(tokenFile, 'utf8').trim();
        const r = await fetch(`${server.base}/api/v1/app`, { headers: { authorization: `Bearer ${token}` } });
        if (r.ok) return token;
    }
    const token = execFileSync(program, ['token', 'create'], { env: server.env, encoding: 'utf8' }).trim();
    writeFileSync(tokenFile, `${token}\n`, { mode: 0o600 });
    return token;
}

// A workspace and its endpoints, made once, pointed at this run's receiver.
async function workspace(api, secrets, port, profile, name, paths) {
    const uid = `demo-${profile}`;
    const app = (await api.call('GET', `/app/${uid}`)) ?? (await api.call('POST', '/app', { uid, name, profile }));
    const endpoints = {};
    for (const path of paths) {
        const endpointUid = path.slice(1).replaceAll('/', '-');
        const wanted = { url: `http://127.0.0.1:${port}${path}`, retrySchedule: [1, 2, 4] };
        const there = await api.call('GET', `/app/${uid}/endpoint/${endpointUid}`);
        endpoints[path] = there
            ? await api.call('PATCH', `/app/${uid}/endpoint/${endpointUid}`, wanted)
            : await api.call('POST', `/app/${uid}/endpoint`, { uid: endpointUid, name: `The demonstration's ${path}`, ...wanted });
        secrets.set(path, (await api.call('GET', `/app/${uid}/endpoint/${endpointUid}/secret`)).key);
    }
    return { app, endpoints };
}

function printArrival({ path, status, verified, id, type, body }) {
    const mark = verified ? 'signature verified' : 'SIGNATURE WRONG';
    say(`  ${status === 200 ? '✓' : '✗'} ${path}  ${type ?? ''}  ${id}  ${mark}, answered ${status}`);
    say(`      ${body.length > 160 ? `${body.slice(0, 160)}…` : body}`);
}

// Waits until `done` says so; the arrivals print themselves meanwhile.
async function until(done) {
    for (let i = 0; i < 300; i++) {
        if (await done()) return true;
        await sleep(50);
    }
    return false;
}

async function show(api, arrivals, apps) {
    const send = (uid, eventType, payload) => api.call('POST', `/app/${uid}/msg`, { eventType, payload });
    const arrived = (count) => until(() => arrivals.length >= count);
    let n = arrivals.length;

    say(bold('\nOne event for each of three customers, each with the webhooks they know:'));
    const contact = await send('demo-myra', 'contact.created', { id: 'c_1', name: 'Ada Lovelace', email: 'ada@example.com' });
    await send('demo-metapulse', 'graph.updated', { id: 'g_7', name: 'Revenue', unit: 'EUR' });
    const invoice = await send('demo-standard', 'invoice.paid', { invoice: 'in_42', amount: 1200 });
    await arrived((n += 4));

    say(bold('\nThe second endpoint of demo-standard said 500. It is tried again after a second:'));
    await arrived((n += 1));

    say(bold('\nThe log of that delivery, attempt by attempt:'));
    const flaky = apps['demo-standard'].endpoints['/standard/flaky'];
    const log = async () => (await api.call('GET', `/app/demo-standard/attempt/msg/${invoice.id}`)).data.filter((a) => a.endpointId === flaky.id).reverse();
    await until(async () => (await log()).length >= 2);
    for (const a of await log()) say(`  ${a.timestamp}  ${a.status === 0 ? 'delivered' : 'failed   '}  ${a.responseStatusCode}  ${JSON.stringify(a.response)}`);

    say(bold('\nA replay sends the very same body with the same event id:'));
    const before = arrivals.find((a) => a.id === contact.eventUuid);
    await api.call('POST', `/app/demo-myra/msg/${contact.id}/endpoint/myra/resend`);
    await arrived((n += 1));
    const same = arrivals.at(-1)?.body === before?.body && before !== undefined;
    say(`  ${same ? 'byte for byte the same' : 'NOT THE SAME'}`);
    return arrivals.length >= n && arrivals.every((a) => a.verified) && same;
}

function printNext(server) {
    const auth = `-H "Authorization: Bearer $(cat ${tokenFile})"`;
    say(bold('\nThe same by hand, in another terminal of this folder:'));
    say(`
  # send an event to the workspace demo-standard; it arrives in this window
  curl -s ${auth} -H 'Content-Type: application/json' \\
    ${server.base}/api/v1/app/demo-standard/msg -d '{"eventType":"invoice.paid","payload":{"invoice":"in_43"}}'

  # the latest attempts of one endpoint
  curl -s ${auth} '${server.base}/api/v1/app/demo-standard/attempt/endpoint/standard-flaky?limit=5'

  # the secret that its receiver verifies with
  curl -s ${auth} ${server.base}/api/v1/app/demo-myra/endpoint/myra/secret

  # metrics
  curl -s ${server.metrics}
`);
    const lastStart = readFileSync(logFile, 'utf8').split(' dev_mode ').pop();
    const link = /\/link#[\w.=-]+/.exec(lastStart)?.[0];
    say(`Console ${bold(`${server.base}${link ?? '/'}`)}${link ? '   (this link makes its first user)' : ''}`);
    say('To receive webhooks: the workspace demo-myra → Automations → New Automation (docs/guide.md, “Automations in the console”)');
    say(`API ${bold(`${server.base}/api/v1`)}   guide docs/guide.md   log ${logFile}   data ${folder} (remove it to begin anew)`);
    say('Ctrl-C stops both Postrider and the receiver.\n');
}

// Calls `leave` once nobody reads what is printed any more. A write tells; between writes tail does, which waits for nothing else.
function onceUnread(leave) {
    for (const stream of [process.stdout, process.stderr]) stream.on('error', leave);
    if (!fstatSync(1).isFIFO()) return;
    const watch = spawn('tail', [`--pid=${process.pid}`, '-f', '/dev/null'], { stdio: ['ignore', 'inherit', 'ignore'] });
    watch.once('error', () => {}).once('exit', leave);
    process.once('exit', () => watch.kill());
}

async function main() {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const server = await startProgram();
    let stopping = false;
    let close = () => {};
    const stop = async (code) => {
        if (stopping) return;
        stopping = true;
        close();
        if (!server.ended) server.child.kill('SIGTERM');
        await server.exited;
        process.exit(code);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop(0));
    onceUnread(() => stop(1));
    server.exited.then((code) => {
        if (!stopping) say(`Postrider ended (${code}); see ${logFile}`);
        return stop(1);
    });
    try {
        await untilItAnswers(server);
        const api = new Api(server.base, await getToken(server));
        const secrets = new Map();
        const arrivals = [];
        const receiver = await startReceiver(8090, secrets, (a) => (arrivals.push(a), printArrival(a)));
        close = receiver.close;
        say(`Postrider runs at ${bold(server.base)}, a receiver at http://127.0.0.1:${receiver.port}`);
        const apps = {};
        for (const [profile, name, paths] of [
            ['myra', 'A customer of Myra', ['/myra']],
            ['metapulse', 'A customer of MetaPulse', ['/metapulse']],
            ['standard', 'A customer with Standard Webhooks', ['/standard', '/standard/flaky']],
        ]) {
            apps[`demo-${profile}`] = await workspace(api, secrets, receiver.port, profile, name, paths);
        }
        if (!(await show(api, arrivals, apps))) {
            say(bold('\nNot everything arrived as it should; see above and the log.'));
            if (process.argv.includes('--once')) return await stop(1);
        }
        printNext(server);
        if (process.argv.includes('--once')) return await stop(0);
    } catch (e) {
        if (!stopping) console.error(e.message);
        return stop(1);
    }
    return undefined;
}

main().catch((e) => {
    console.error(e.message);
    process.exit(1);
});
