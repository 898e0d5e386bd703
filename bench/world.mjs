// SPDX-License-Identifier: Apache-2.0
// The programs of a run: the receiver, the load generator, the floor, Postrider. All of them, and the folder they write
// to, end with the run.
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ENVIRONMENT = 'org_23rb8YdGqMT0qIzpgGwdXfHirMu';
const LOG_MIB = 256;
const FLOOR_CONNECTIONS = 64;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(what, seconds, check) {
    for (const end = Date.now() + seconds * 1000; ; await sleep(20)) {
        const got = await check();
        if (got) return got;
        if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    }
}

// CPU time of all threads of a process so far, user and system, microseconds (in steps of 10 ms).
export function cpuMicros(pid) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10000;
}

// Resident memory now and at its highest, MB.
export function memory(pid) {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const mb = (name) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)[1]) * 1024) / 1e6;
    return { rss: mb('VmRSS'), peak: mb('VmHWM') };
}

export function folderBytes(dir) {
    return readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
}

function freePort() {
    return new Promise((resolve, reject) => {
        const s = net.createServer();
        s.once('error', reject).listen(0, '127.0.0.1', () => {
            const { port } = s.address();
            s.close(() => resolve(port));
        });
    });
}

function isOpen(port) {
    return new Promise((resolve) => {
        const s = net.connect(port, '127.0.0.1');
        s.once('connect', () => resolve(s.destroy() !== undefined)).once('error', () => resolve(false));
    });
}

function jwt(secret) {
    const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: now, nbf: now - 60, exp: now + 86400, sub: ENVIRONMENT })}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export class World {
    constructor(build) {
        this.build = build;
        this.dir = mkdtempSync(join(tmpdir(), 'postrider-bench-'));
        this.children = new Set();
        this.folders = 0;
    }

    // A program of the build directory; its standard error goes to a file in the run's folder, or to ours.
    start(name, args, { env = process.env, cwd = this.dir, log } = {}) {
        const err = log ? openSync(log, 'a') : 'inherit';
        const child = spawn(name.startsWith('/') ? name : join(this.build, name), args, { cwd, env, stdio: ['pipe', 'pipe', err] });
        child.ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
        child.ended.then(() => this.children.delete(child));
        child.once('error', (e) => process.stderr.write(`${name}: ${e.message}\n`));
        this.children.add(child);
        return child;
    }

    folder() {
        const dir = join(this.dir, String(++this.folders));
        mkdirSync(dir);
        return dir;
    }

    async close() {
        const children = [...this.children];
        for (const child of children) child.kill('SIGKILL');
        await Promise.all(children.map((child) => child.ended));
        rmSync(this.dir, { recursive: true, force: true });
    }
}

async function stopChild(child) {
    child.kill('SIGKILL');
    await child.ended;
}

// Lines of JSON that a program answers with, one for each question.
class Talker {
    constructor(child) {
        this.child = child;
        this.waiting = [];
        this.lines = [];
        createInterface({ input: child.stdout }).on('line', (line) => {
            const next = this.waiting.shift();
            if (next) next.resolve(JSON.parse(line));
            else this.lines.push(JSON.parse(line));
        });
        child.ended.then((how) => this.waiting.forEach((w) => w.reject(new Error(`${child.spawnfile} ended: ${how}`))));
    }

    line() {
        if (this.lines.length > 0) return Promise.resolve(this.lines.shift());
        return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
    }

    ask(word) {
        this.child.stdin.write(`${word}\n`);
        return this.line();
    }
}

export class Receiver {
    static async start(world, ports) {
        const r = new Receiver();
        r.child = world.start('bench/bench_receiver', [String(ports)]);
        r.talker = new Talker(r.child);
        r.ports = (await r.talker.line()).ports;
        return r;
    }

    url(i, path = '/hook') {
        return `http://127.0.0.1:${this.ports[i % this.ports.length]}${path}`;
    }

    reset() {
        this.child.stdin.write('reset\n');
    }

    report() {
        return this.talker.ask('report');
    }

    // Closes every connection.
    closeAll() {
        return this.talker.ask('close');
    }

    stop() {
        return stopChild(this.child);
    }
}

// Runs the load generator against a server; what it counted.
export async function load(world, server, { paths, connections = 64, seconds = 1, rate = 0, events = 0, bytes = 1024, file, unique, headers = [] }) {
    const what = file === undefined ? ['-b', bytes] : ['-f', file, '-u', unique, ...headers.flatMap((h) => ['-H', h])];
    const args = ['-p', server.port, '-c', connections, '-s', seconds, '-n', events, '-r', rate, ...what, ...paths];
    const child = world.start('bench/bench_load', args.map(String), { env: { ...process.env, BENCH_TOKEN: server.token } });
    let out = '';
    child.stdout.on('data', (d) => (out += d));
    const how = await child.ended;
    if (how !== 0 && how !== 1) throw new Error(`bench_load ended: ${how}`);
    return JSON.parse(out);
}

export class Floor {
    static async start(world, ports, answerBytes) {
        const f = new Floor();
        const args = [join(world.folder(), 'log'), LOG_MIB, answerBytes, FLOOR_CONNECTIONS, ...ports];
        f.child = world.start('bench/bench_floor', args.map(String));
        f.pid = f.child.pid;
        f.port = (await new Talker(f.child).line()).port;
        f.token = jwt('floor'); // not looked at: the requests are to have the same size
        f.paths = ['/api/v1/app/app_000000000000000000000000000/msg?with_content=false'];
        return f;
    }

    stop() {
        return stopChild(this.child);
    }
}

export class Postrider {
    static async start(world, settings = {}) {
        const p = new Postrider();
        p.dir = world.folder();
        p.port = await freePort();
        const env = { PATH: process.env.PATH, POSTRIDER_LISTEN: `127.0.0.1:${p.port}`, POSTRIDER_METRICS_LISTEN: 'off' };
        for (const [name, value] of Object.entries(settings)) env[`POSTRIDER_${name}`] = String(value);
        p.log = join(p.dir, 'log.txt');
        p.child = world.start('postrider', ['serve', '--dev'], { env, cwd: p.dir, log: p.log });
        p.child.stdout.resume();
        p.pid = p.child.pid;
        p.agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
        p.paths = [];
        try {
            await until('postrider answers', 15, () => p.isUp());
        } catch (e) {
            throw new Error(`${e.message}; its log: ${readFileSync(p.log, 'utf8').slice(-2000)}`);
        }
        p.token = jwt(JSON.parse(readFileSync(join(p.dir, 'postrider.keys'), 'utf8')).jwtSecret);
        return p;
    }

    async isUp() {
        if (this.child.exitCode !== null) throw new Error(`postrider ended with ${this.child.exitCode}`);
        return this.request('GET', '/api/v1/health').then((r) => r.status < 300, () => false);
    }

    request(method, path, body) {
        const text = body === undefined ? undefined : JSON.stringify(body);
        const headers = { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' };
        if (text !== undefined) headers['content-length'] = Buffer.byteLength(text);
        return new Promise((resolve, reject) => {
            const options = { method, path, headers, agent: this.agent, port: this.port, host: '127.0.0.1' };
            const q = http.request(options, (r) => {
                let got = '';
                r.setEncoding('utf8').on('data', (d) => (got += d)).on('end', () => resolve({ status: r.statusCode, text: got }));
            });
            q.once('error', reject).end(text);
        });
    }

    async make(path, body) {
        const r = await this.request('POST', path, body);
        if (r.status >= 300) throw new Error(`POST ${path}: ${r.status} ${r.text.slice(0, 300)}`);
        return JSON.parse(r.text);
    }

    // A workspace with one endpoint for each URL; the path to post its events to.
    async workspace(uid, urls, more = {}) {
        await this.make('/api/v1/app', { name: uid, uid });
        await each(urls, 16, (url) => this.make(`/api/v1/app/${uid}/endpoint`, { url, ...more }));
        return `/api/v1/app/${uid}/msg?with_content=false`;
    }

    // The workspaces of most measurements: one endpoint each, each on a port of its own.
    async workspaces(receiver, count = 10) {
        for (let i = 0; i < count; i++) this.paths.push(await this.workspace(`bench-${i}`, [receiver.url(i)]));
        return this;
    }

    // How large the answer to one event is.
    async answerBytes() {
        const r = await this.request('POST', this.paths[0], { eventType: 'bench.event', payload: { t: 0 } });
        if (r.status !== 202) throw new Error(`an event was answered ${r.status} ${r.text.slice(0, 300)}`);
        return Buffer.byteLength(r.text);
    }

    stop() {
        this.agent.destroy();
        return stopChild(this.child);
    }
}

// adnanh/webhook of Debian, with one hook.
export class Webhook {
    static async start(world, hook) {
        const h = new Webhook();
        const file = join(world.folder(), 'hooks.json');
        writeFileSync(file, JSON.stringify([hook]));
        h.port = await freePort();
        h.child = world.start('/usr/bin/webhook', ['-hooks', file, '-ip', '127.0.0.1', '-port', String(h.port)]);
        h.child.stdout.resume();
        h.pid = h.child.pid;
        h.paths = [`/hooks/${hook.id}`];
        h.token = '';
        await until('webhook answers', 10, () => isOpen(h.port));
        return h;
    }

    stop() {
        return stopChild(this.child);
    }
}

// Runs `make` for each item, so many at a time.
export async function each(items, width, make) {
    let next = 0;
    const lane = async () => {
        while (next < items.length) await make(items[next++]);
    };
    await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
}
