// SPDX-License-Identifier: Apache-2.0
// A scriptable receiver of webhooks over a bare socket: it records every request byte for byte with its time of arrival, and
// answers as it is told, also in ways that no HTTP library would.
//
//   const r = await receiver(t, { answer: (req, n) => 204 });
//
// `answer` gets the request and its number (0, 1, …) and returns, or resolves to,
//   a number                         that status, empty body
//   {status, headers, body, delayMs} an ordinary answer
//   {raw: Buffer|string, end: bool}  these bytes
//   'hang'                           never answers, keeps the connection
//   'reset'                          RST
//   'close'                          FIN without an answer
//   (socket) => void                 whatever it does
// A request: {method, path, head (bytes), body (bytes), headers (lower-case name → value), rawHeaders [[name, value]…], at (ms),
// peer and local (addresses), connection (number), certificate (common name of the client's, if it showed one)}.
import net from 'node:net';
import tls from 'node:tls';
import { sleep, until } from './wait.mjs';

function parseHead(head) {
    const [first, ...lines] = head.toString('latin1').split('\r\n');
    const [method, path, version] = first.split(' ');
    const rawHeaders = lines.filter(Boolean).map((l) => {
        const colon = l.indexOf(':');
        return [l.slice(0, colon), l.slice(colon + 1).trim()];
    });
    const headers = {};
    for (const [name, value] of rawHeaders) headers[name.toLowerCase()] = value;
    return { method, path, version, rawHeaders, headers };
}

// Takes one complete request off the front of the buffer: {request, rest}, or null when more bytes are needed.
function takeRequest(buffer) {
    const end = buffer.indexOf('\r\n\r\n');
    if (end < 0) return null;
    const head = buffer.subarray(0, end + 4);
    const parsed = parseHead(buffer.subarray(0, end));
    const length = Number(parsed.headers['content-length'] ?? 0);
    if (parsed.headers['transfer-encoding']) throw new Error('a delivery came with transfer-encoding');
    if (buffer.length < head.length + length) return null;
    return {
        request: { ...parsed, head: Buffer.from(head), body: Buffer.from(buffer.subarray(head.length, head.length + length)) },
        rest: buffer.subarray(head.length + length),
    };
}

async function give(socket, answer) {
    if (typeof answer === 'function') return answer(socket);
    if (answer === 'hang') return undefined;
    if (answer === 'reset') return socket.resetAndDestroy?.() ?? socket.destroy();
    if (answer === 'close') return socket.end();
    if (typeof answer === 'number') answer = { status: answer };
    if (answer.delayMs) await sleep(answer.delayMs);
    if (socket.destroyed) return undefined;
    if (answer.raw !== undefined) {
        socket.write(answer.raw);
        if (answer.end) socket.end();
        return undefined;
    }
    const body = Buffer.from(answer.body ?? '');
    const lines = [`HTTP/1.1 ${answer.status} Answer`];
    for (const [name, value] of Object.entries(answer.headers ?? {})) lines.push(`${name}: ${value}`);
    if (answer.status !== 204 && answer.status !== 304) lines.push(`Content-Length: ${body.length}`);
    socket.write(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]));
    return undefined;
}

export class Receiver {
    constructor({ answer = () => 204, keep = true } = {}) {
        this.answer = answer;
        this.keep = keep; // false: only counts, for tests with very many requests
        this.requests = [];
        this.count = 0;
        this.connections = 0;
        this.sockets = new Set();
        this.errors = [];
    }

    async listen({ host = '127.0.0.1', port = 0, tlsOptions } = {}) {
        const onConnection = (socket) => this.#serve(socket);
        this.server = tlsOptions ? tls.createServer(tlsOptions, onConnection) : net.createServer(onConnection);
        this.server.on('tlsClientError', (e) => this.errors.push(e));
        await new Promise((resolve, reject) => this.server.once('error', reject).listen({ host, port, backlog: 4096 }, resolve));
        this.port = this.server.address().port;
        this.secure = Boolean(tlsOptions);
        this.host = host;
        return this;
    }

    url(path = '/hook', host = this.host) {
        return `${this.secure ? 'https' : 'http'}://${host}:${this.port}${path}`;
    }

    #serve(socket) {
        const connection = ++this.connections;
        let buffer = Buffer.alloc(0);
        let busy = false;
        this.sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('close', () => this.sockets.delete(socket));
        socket.on('error', () => {});
        const next = async () => {
            if (busy) return;
            const taken = takeRequest(buffer);
            if (!taken) return;
            busy = true;
            buffer = taken.rest;
            const request = { ...taken.request, at: Date.now(), peer: socket.remoteAddress, local: socket.localAddress, connection, certificate: socket.getPeerCertificate?.()?.subject?.CN };
            const n = this.count++;
            if (this.keep) this.requests.push(request);
            await give(socket, await this.answer(request, n));
            busy = false;
            await next();
        };
        socket.on('data', (chunk) => {
            buffer = buffer.length ? Buffer.concat([buffer, chunk]) : chunk;
            next().catch((e) => this.errors.push(e));
        });
    }

    // Resolves to the requests once there are n of them.
    async arrived(n, options) {
        await until(() => `${n} requests, ${this.count} came`, () => this.count >= n, options);
        return this.requests;
    }

    async close() {
        for (const socket of this.sockets) socket.destroy();
        await new Promise((resolve) => this.server.close(resolve));
    }
}

// A receiver that lives as long as the test.
export async function receiver(t, options = {}) {
    const r = await new Receiver(options).listen(options);
    t.after(() => r.close());
    return r;
}
