// SPDX-License-Identifier: Apache-2.0
// A slow line and a slow device, so that races between a person, the page and the server show:
//   SLOW_ANSWERS=800   what the browser asks for waits up to so many milliseconds on its way there, and the answer on its way back;
//                      what a stream brings comes late, too. 1 is 800.
//   SLOW_CPU=6         the page has a sixth of the processor. 1 is 4. Its frames and timers are late, too: what a person types comes
//                      before them, as in a browser that is busy.
//   SLOW_FRAMES=200    only frames and timers are late, by so many milliseconds: whatever waits for one misses what is typed meanwhile.
//                      1 is 200.
// The line is a proxy of the browser: the tests' own requests do not go through it.
import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const number = (text, usual) => (!text || text === '0' ? 0 : text === '1' ? usual : Number(text));
export const answersMs = number(process.env.SLOW_ANSWERS, 800);
export const cpuRate = number(process.env.SLOW_CPU, 4);
export const framesMs = number(process.env.SLOW_FRAMES, 200);

// What a test that is held to a time, or waits for one, multiplies it with.
export const patience = (answersMs > 0 ? 3 : 1) * (cpuRate > 0 || framesMs > 0 ? 2 : 1);

const some = () => sleep(Math.random() * Math.random() * answersMs);

// Bytes in their order, each piece after a while of its own.
async function pass(from, to) {
    for await (const chunk of from) {
        await some();
        if (!to.write(chunk)) await new Promise((resolve) => to.once('drain', resolve).once('close', resolve));
        if (to.destroyed) return;
    }
    to.end();
}

async function relay(request, response) {
    const target = new URL(request.url);
    request.on('error', () => {});
    response.on('error', () => {});
    const upstream = http.request({ host: target.hostname, port: target.port, path: target.pathname + target.search, method: request.method, headers: request.headers });
    // As a line that breaks: whoever waits at its other end notices.
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    upstream.on('response', async (answer) => {
        answer.on('error', () => response.destroy());
        await some();
        response.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders);
        response.flushHeaders();
        await pass(answer, response).catch(() => response.destroy());
    });
    await some();
    request.pipe(upstream);
}

// The proxy, as the browser's launch takes it; nothing when the line is not slow.
export async function slowLine() {
    if (answersMs === 0) return { options: {}, stop: () => {} };
    const server = http.createServer((request, response) => void relay(request, response));
    // Requests that a test makes with the page's cookies.
    server.on('connect', (request, socket) => {
        const { hostname, port } = new URL(`http://${request.url}`);
        const through = net.connect(port, hostname, () => {
            socket.write('HTTP/1.1 200 Connected\r\n\r\n');
            socket.pipe(through).pipe(socket);
        });
        for (const [one, other] of [[socket, through], [through, socket]]) one.on('error', () => other.destroy()).on('close', () => other.destroy());
    });
    server.on('clientError', (_, socket) => socket.destroy());
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
        options: { proxy: { server: `http://127.0.0.1:${server.address().port}` } },
        stop: () => (server.closeAllConnections(), server.close()),
    };
}

// Runs in the page, before its own scripts.
function lateFrames([leastMs, mostMs]) {
    const frame = globalThis.requestAnimationFrame.bind(globalThis);
    const timer = globalThis.setTimeout.bind(globalThis);
    const late = () => leastMs + Math.random() * Math.random() * (mostMs - leastMs);
    globalThis.requestAnimationFrame = (fn) => frame((now) => timer(fn, late(), now));
    globalThis.setTimeout = (fn, ms = 0, ...rest) => timer(fn, ms + late(), ...rest);
}

// lateMs: so late are frames and timers of the page, whatever the settings say.
export async function slowDown(page, lateMs = 0) {
    const least = lateMs + framesMs;
    if (least > 0 || cpuRate > 0) await page.addInitScript(lateFrames, [least, least + 50 * cpuRate]);
    if (cpuRate === 0) return;
    page.cdp = await page.context().newCDPSession(page);
    await setRate(page, cpuRate);
}

const setRate = (page, rate) => page.cdp?.send('Emulation.setCPUThrottlingRate', { rate });

// For what no person waits for.
export async function atFullSpeed(page, run) {
    await setRate(page, 1);
    try {
        return await run();
    } finally {
        await setRate(page, cpuRate);
    }
}
