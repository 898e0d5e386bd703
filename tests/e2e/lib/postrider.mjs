// SPDX-License-Identifier: Apache-2.0
// Runs the built program as a user would: a folder of its own, a free port, settings by environment; and speaks its API.
import { execFileSync, spawn } from 'node:child_process';
import { createHmac, webcrypto } from 'node:crypto';
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { patienceMs, slow, until } from './wait.mjs';

// The official clients expect this global, which Node has from version 19 on.
globalThis.crypto ??= webcrypto;

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
export const program = process.env.POSTRIDER ?? join(root, 'build', 'postrider');
export const environment = 'org_23rb8YdGqMT0qIzpgGwdXfHirMu';
export const jwtSecret = 'end-to-end-secret-of-the-tests-0123456789';

export { slow };

// A listener, or undefined where somebody else has the port.
function listenAt(port, host) {
    return new Promise((resolve) => {
        const s = net.createServer();
        s.once('error', () => resolve(undefined)).listen(port, host, () => resolve(s));
    });
}

// Below the range that the system gives to connections and to port 0, so that nobody takes it before, or between two starts. While
// this process lives it holds the same port of another loopback address, so that no other process of tests finds it free.
let given = 0;
export async function freePort() {
    for (;;) {
        const port = 10_000 + ((process.pid * 100 + given++) % 22_000);
        const hold = await listenAt(port, '127.0.0.254');
        if (!hold) continue;
        hold.unref();
        const probe = await listenAt(port, '127.0.0.1');
        if (!probe) {
            hold.close();
            continue;
        }
        await new Promise((resolve) => probe.close(resolve));
        return port;
    }
}

export function jwt(claims, secret = jwtSecret) {
    const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
    const now = Math.floor(Date.now() / 1000);
    const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: now, nbf: now, exp: now + 86400, iss: 'tests', ...claims })}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

// An environment that inherits no POSTRIDER_ setting from whoever runs the tests.
function cleanEnv() {
    return Object.fromEntries(Object.entries(process.env).filter(([k]) => !k.startsWith('POSTRIDER') && !/proxy$/i.test(k)));
}

export class ApiError extends Error {
    constructor(method, path, answer) {
        super(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 500)}`);
        this.status = answer.status;
        this.answer = answer;
    }
}

export class Postrider {
    constructor({ settings = {}, args = ['--dev'], dir } = {}) {
        this.dir = dir ?? mkdtempSync(join(tmpdir(), 'postrider-test-'));
        this.logPath = join(this.dir, 'log.txt');
        this.settings = settings;
        this.args = args;
        this.token = jwt({ sub: settings.ENVIRONMENT ?? environment }, settings.JWT_SECRET ?? jwtSecret);
        this.agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
        this.starts = 0;
    }

    env() {
        const all = {
            LISTEN: `127.0.0.1:${this.port}`,
            METRICS_LISTEN: `127.0.0.1:${this.metricsPort}`,
            DATABASE: `sqlite:${join(this.dir, 'postrider.db')}`,
            JWT_SECRET: jwtSecret,
            WORKERS: '2',
            ...this.settings,
        };
        const env = cleanEnv();
        for (const [name, value] of Object.entries(all)) if (value !== undefined) env[`POSTRIDER_${name}`] = String(value);
        return env;
    }

    // Starts the program; unless `ready` is false, waits until it answers.
    async start({ ready = true, wrapper = [], timeoutMs = patienceMs } = {}) {
        this.port ??= await freePort();
        this.metricsPort ??= await freePort();
        const log = openSync(this.logPath, 'a');
        const [command, ...args] = [...wrapper, program, 'serve', ...this.args];
        this.exit = undefined;
        this.process = spawn(command, args, { cwd: this.dir, env: this.env(), stdio: ['ignore', log, log] });
        closeSync(log);
        this.starts++;
        this.exited = new Promise((resolve) => {
            this.process.once('error', (error) => resolve((this.exit = { error })));
            this.process.once('exit', (code, signal) => resolve((this.exit = { code, signal })));
        });
        if (ready) await this.ready(timeoutMs);
        return this;
    }

    async ready(timeoutMs) {
        await until(
            () => `the program answers; its log ends with:\n${this.log().slice(-2000)}`,
            async () => {
                if (this.exit) return true;
                return (await this.api('GET', '/api/v1/health', undefined, { token: null })).status === 200;
            },
            { timeoutMs },
        );
        if (this.exit) throw new Error(`the program ended at its start (${JSON.stringify(this.exit)}):\n${this.log().slice(-2000)}`);
    }

    log() {
        try {
            return readFileSync(this.logPath, 'utf8');
        } catch {
            return '';
        }
    }

    kill() {
        this.process.kill('SIGKILL');
        return this.exited;
    }

    // SIGTERM; resolves to how it ended.
    async stop(timeoutMs = patienceMs) {
        if (!this.process || this.exit) return this.exit;
        this.process.kill('SIGTERM');
        const timer = setTimeout(() => this.process.kill('SIGKILL'), timeoutMs);
        const exit = await this.exited;
        clearTimeout(timer);
        this.agent.destroy();
        this.agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
        return exit;
    }

    async restart() {
        await this.stop();
        return this.start();
    }

    // What a sanitizer found, or a broken invariant, stands in the log, and is a failure of whatever test was running.
    async dispose() {
        await this.stop(5_000 * slow);
        this.agent.destroy();
        const found = /^.*(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|postrider: bug:)[^]{0,3000}/m.exec(this.log());
        rmSync(this.dir, { recursive: true, force: true });
        if (found) throw new Error(found[0]);
    }

    // A statement in the program's database, also while it runs.
    sql(statement) {
        return execFileSync('sqlite3', [join(this.dir, 'postrider.db'), '.timeout 20000', statement], { encoding: 'utf8' }).trim();
    }

    // Another command of the program, with this instance's settings: {status, signal, stdout, stderr}.
    command(args, { input = '', settings = {}, timeoutMs = 2 * patienceMs } = {}) {
        const env = { ...this.env() };
        for (const [name, value] of Object.entries(settings)) env[`POSTRIDER_${name}`] = String(value);
        return new Promise((resolve, reject) => {
            const child = spawn(program, args, { cwd: this.dir, env, timeout: timeoutMs });
            let stdout = '';
            let stderr = '';
            child.stdout.on('data', (c) => (stdout += c));
            child.stderr.on('data', (c) => (stderr += c));
            child.once('error', reject);
            child.once('close', (status, signal) => resolve({ status, signal, stdout, stderr }));
            child.stdin.on('error', () => {});
            child.stdin.end(input);
        });
    }

    // One request. `body` is sent as it is when a string or Buffer, else as JSON. {status, headers, text, json}
    api(method, path, body, { token = this.token, headers = {}, port = this.port, timeoutMs = patienceMs } = {}) {
        const bytes = body === undefined ? undefined : typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
        return new Promise((resolve, reject) => {
            const request = http.request(
                {
                    host: '127.0.0.1',
                    port,
                    method,
                    path,
                    agent: this.agent,
                    timeout: timeoutMs,
                    headers: {
                        ...(token ? { authorization: `Bearer ${token}` } : {}),
                        ...(bytes === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(bytes) }),
                        ...headers,
                    },
                },
                (response) => {
                    const chunks = [];
                    response.on('data', (c) => chunks.push(c));
                    response.on('error', reject);
                    response.on('end', () => {
                        const text = Buffer.concat(chunks).toString('utf8');
                        let json;
                        try {
                            json = text === '' ? undefined : JSON.parse(text);
                        } catch {
                            json = undefined;
                        }
                        resolve({ status: response.statusCode, headers: response.headers, text, json });
                    });
                },
            );
            request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${path} in ${timeoutMs} ms`)));
            request.on('error', reject);
            request.end(bytes);
        });
    }

    // As api, but anything but a 2xx is an error, and the answer is its JSON.
    async ok(method, path, body, options) {
        const answer = await this.api(method, path, body, options);
        if (answer.status < 200 || answer.status > 299) throw new ApiError(method, path, answer);
        return answer.json;
    }

    app(fields = {}) {
        return this.ok('POST', '/api/v1/app', { name: 'A customer', ...fields });
    }

    endpoint(app, url, fields = {}) {
        return this.ok('POST', `/api/v1/app/${app.id}/endpoint`, { url, ...fields });
    }

    async secret(app, endpoint) {
        return (await this.ok('GET', `/api/v1/app/${app.id}/endpoint/${endpoint.id}/secret`)).key;
    }

    // `payload` may be a string of JSON text, which is then sent byte for byte.
    send(app, eventType, payload = { hello: 'world' }, fields = {}) {
        const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
        const rest = JSON.stringify({ eventType, ...fields });
        return this.ok('POST', `/api/v1/app/${app.id}/msg`, `${rest.slice(0, -1)},"payload":${text}}`);
    }

    async attempts(app, message) {
        return (await this.ok('GET', `/api/v1/app/${app.id}/attempt/msg/${message.id}?limit=250&with_content=true`)).data;
    }

    // The message's attempts, oldest first, once there are n.
    async attempted(app, message, n, options) {
        let seen = [];
        await until(
            () => `${n} attempts of ${message.id}, ${seen.length} are logged`,
            async () => (seen = await this.attempts(app, message)).length >= n,
            { everyMs: 50, ...options },
        );
        return seen.reverse();
    }

    async metrics() {
        return (await this.api('GET', '/metrics', undefined, { token: null, port: this.metricsPort })).text;
    }
}

// A running instance that lives as long as the test.
export async function postrider(t, options = {}) {
    const p = new Postrider(options);
    t.after(() => p.dispose());
    return p.start(options.start);
}
