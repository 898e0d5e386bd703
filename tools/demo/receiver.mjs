// SPDX-License-Identifier: Apache-2.0
// The receiver of the demonstration: what a customer's server would be. It verifies every signature and prints what came.
import { createHmac, timingSafeEqual } from 'node:crypto';
import http from 'node:http';

function hmac(key, text, encoding) {
    return createHmac('sha256', key).update(text).digest(encoding);
}

function same(a, b) {
    return a !== undefined && a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

// How each profile's receivers verify; the event's id and type.
const profiles = {
    standard: {
        valid: (h, body, secret) => {
            const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
            const wanted = `v1,${hmac(key, `${h['webhook-id']}.${h['webhook-timestamp']}.${body}`, 'base64')}`;
            return (h['webhook-signature'] ?? '').split(' ').some((s) => same(s, wanted));
        },
        event: (h) => ({ id: h['webhook-id'] }),
    },
    myra: {
        valid: (h, body, secret) => same(h['x-pulsepost-signature'], hmac(secret, body, 'hex')),
        event: (h, json) => ({ id: json.event_id, type: json.event_type }),
    },
    metapulse: {
        valid: (h, body, secret) => same(h['metapulse-signature'], hmac(secret, `${h['metapulse-request-timestamp']}.${body}`, 'hex')),
        event: (h, json) => ({ id: json.id, type: json.type }),
    },
};

// Listens on 127.0.0.1; /PROFILE verifies, /PROFILE/flaky answers 500 the first time an event comes there. `secrets` maps a path to
// its endpoint's secret; `report` is called with {path, status, verified, id, type, body}.
export async function startReceiver(port, secrets, report) {
    const seen = new Set();
    const server = http.createServer(async (request, response) => {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        const body = Buffer.concat(chunks).toString('utf8');
        const profile = profiles[request.url.split('/')[1]];
        if (!profile || !secrets.has(request.url)) return response.writeHead(404).end();
        const event = profile.event(request.headers, JSON.parse(body));
        const verified = profile.valid(request.headers, body, secrets.get(request.url));
        const key = `${request.url} ${event.id}`;
        const first = !seen.has(key);
        seen.add(key);
        const status = !verified ? 401 : first && request.url.endsWith('/flaky') ? 500 : 200;
        response.writeHead(status, { 'content-type': 'text/plain' }).end(status === 200 ? 'thank you\n' : status === 500 ? 'database is down, try again\n' : 'who are you?\n');
        return report({ path: request.url, status, verified, ...event, body });
    });
    const listen = (at) => new Promise((resolve, reject) => server.once('error', reject).listen(at, '127.0.0.1', resolve));
    await listen(port).catch(() => listen(0));
    return { port: server.address().port, close: () => (server.closeAllConnections?.(), server.close()) };
}
