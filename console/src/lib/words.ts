// SPDX-License-Identifier: Apache-2.0
// States and causes in the words of somebody who runs an endpoint.
import { ago, duration, when } from './format';
import type { Actor, Attempt, Delivery, Endpoint, Phases } from './types';

export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'plain'; // busy: on its way

export interface Status {
    tone: Tone;
    label: string;
    detail: string;
}

// When the next attempt is: "now", "in 5 min".
function dueWords(iso: string, now: number): string {
    return Date.parse(iso) < now + 5000 ? 'now' : ago(iso, now);
}

// Of one event on its way to one endpoint.
export function deliveryStatus(d: Delivery, now = Date.now()): Status {
    if (d.status === 0) return { tone: 'good', label: 'Sent', detail: '' };
    if (d.status === 4) return { tone: 'plain', label: 'Cancelled', detail: 'will not be sent' };
    if (d.status === 2) {
        const reasons: Record<string, string> = {
            exhausted: 'no retries left',
            'endpoint disabled': 'the endpoint was disabled',
            'endpoint deleted': 'the endpoint was deleted',
            'payload expired': 'its data was no longer kept',
            parked: 'set aside by the operator’s system',
        };
        return { tone: 'bad', label: 'Failed', detail: reasons[d.statusReason ?? ''] ?? 'not delivered' };
    }
    const next = d.nextAttempt ? dueWords(d.nextAttempt, now) : 'soon';
    if (d.lastAttemptFailed) return { tone: 'warn', label: 'Retrying', detail: `next attempt ${next}` };
    if (d.status === 3) return { tone: 'plain', label: 'Sending', detail: 'on its way' };
    return { tone: 'plain', label: 'Waiting', detail: d.nextAttempt && Date.parse(d.nextAttempt) > now + 2000 ? `first attempt ${next}` : 'not tried yet' };
}

export function attemptStatus(a: Attempt): Status {
    if (a.status === 0) return { tone: 'good', label: 'Sent', detail: `answered ${a.responseStatusCode}` };
    if (a.status === 4) return { tone: 'plain', label: 'Cancelled', detail: 'the transformation cancelled it' };
    return { tone: 'bad', label: 'Failed', detail: attemptFailure(a) };
}

// Why an attempt failed, as a sentence without its full stop.
export function attemptFailure(a: Attempt): string {
    if (a.responseStatusCode > 0 && (a.cause === 'status' || a.cause === null)) return statusWords(a.responseStatusCode);
    return a.error ?? causes[a.cause ?? ''] ?? 'it did not arrive';
}

const causes: Record<string, string> = {
    blocked: 'the address is not one that may be delivered to',
    dns: 'the host name could not be found',
    refused: 'nothing answers at that address and port',
    unreachable: 'the host cannot be reached',
    reset: 'the connection was closed before an answer came',
    tls: 'the TLS connection could not be set up',
    expired: 'the data of the event is no longer kept',
    status: 'answered, but not with a 2xx',
    url: 'the URL cannot be used',
    timeout_dns: 'timed out looking for the host name',
    timeout_connect: 'timed out connecting',
    timeout_tls: 'timed out setting up TLS',
    timeout_send: 'timed out sending',
    timeout_wait: 'timed out waiting for the answer',
    timeout_body: 'timed out reading the answer',
    protocol: 'the answer is not HTTP',
    proxy: 'the egress proxy failed',
    parked: 'set aside',
    internal: 'an error of the server',
};

export function causeWords(cause: string): string {
    const words = causes[cause] ?? cause;
    return words[0]!.toUpperCase() + words.slice(1);
}

// What to do about it.
export function advice(a: Attempt): string | null {
    const code = a.responseStatusCode;
    if (a.status === 0) return null;
    switch (a.cause) {
        case 'dns':
            return 'Check the host name in the URL and its DNS records.';
        case 'refused':
            return 'Check that your server runs and listens on that port.';
        case 'unreachable':
        case 'timeout_connect':
            return 'Check that your firewall lets our addresses in (Developer Settings lists them).';
        case 'tls':
        case 'timeout_tls':
            return 'Check the certificate: it must be valid, complete with its chain, and name this host.';
        case 'timeout_wait':
        case 'timeout_body':
            return 'Answer with 202 first and do the work afterwards.';
        case 'blocked':
            return 'Use an address that is reachable from the internet.';
        case 'reset':
            return 'Your server, or a proxy in front of it, closed the connection: look at its log for this time.';
    }
    if (code >= 300 && code < 400) return 'Redirects are not followed: enter the final URL.';
    if (code === 401 || code === 403) return 'Your server refused the request: compare the secret, and any header it wants.';
    if (code === 404 || code === 405) return 'Check the path of the URL, and that it takes POST.';
    if (code === 410) return '410 says that this endpoint is gone for good.';
    if (code === 413) return 'Your server, or a proxy in front of it, does not take bodies of this size.';
    if (code === 429) return 'Your server asks for fewer requests: set a rate limit for the endpoint.';
    if (code >= 500) return 'Your server failed while handling it: look at its log for this time.';
    return null;
}

const names: Record<number, string> = {
    301: 'Moved Permanently', 302: 'Found', 307: 'Temporary Redirect', 308: 'Permanent Redirect',
    400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 408: 'Request Timeout',
    409: 'Conflict', 410: 'Gone', 413: 'Content Too Large', 415: 'Unsupported Media Type', 422: 'Unprocessable Content', 429: 'Too Many Requests',
    500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout',
    200: 'OK', 201: 'Created', 202: 'Accepted', 204: 'No Content',
};

export function statusWords(code: number): string {
    return names[code] ? `${code} ${names[code]}` : String(code);
}

export function endpointStatus(e: Endpoint): Status {
    if (e.state.status === 'disabled') return { tone: 'plain', label: 'Disabled', detail: disabledReason(e) };
    if (e.state.status === 'failing') {
        return {
            tone: e.state.reason === 'exhausted' ? 'bad' : 'warn',
            label: 'Failing',
            detail: e.state.since ? `since ${ago(e.state.since)}`.replace('since ', 'for ').replace(' ago', '') : 'the last attempt failed',
        };
    }
    return { tone: 'good', label: 'Healthy', detail: 'no failures' };
}

function disabledReason(e: Endpoint): string {
    if (e.state.reason === 'gone') return 'it answered 410 Gone';
    if (e.state.reason === 'failing') return 'it kept failing for days';
    return 'by hand';
}

// The whole story, for the endpoint's page.
export function endpointStory(e: Endpoint): string | null {
    const since = e.state.since ? when(e.state.since) : 'a while ago';
    if (e.state.status === 'disabled') {
        if (e.state.reason === 'gone')
            return `This endpoint was disabled on ${since} because it answered 410 Gone, which says that it does not want webhooks any more. Events since then were not queued for it.`;
        if (e.state.reason === 'failing')
            return `This endpoint was disabled on ${since} because its deliveries kept failing for days, with no success in between. Events since then were not queued for it.`;
        return `This endpoint was disabled by hand on ${since}. Events since then are not queued for it.`;
    }
    if (e.state.status === 'failing') {
        const next = e.state.nextAttempt ? ` The next attempt is ${dueWords(e.state.nextAttempt, Date.now()).replace(/^now$/, 'due now')}.` : '';
        if (e.state.reason === 'exhausted') return `Deliveries have been failing since ${since}, and at least one event ran out of retries.${next}`;
        return `Deliveries have been failing since ${since}. They are being retried.${next}`;
    }
    return null;
}

export function actorName(actor: Actor | null): string {
    if (!actor) return 'Not known';
    // The environment's own token has neither name nor owner: its id says nothing to anybody.
    if (actor.type === 'token' && !actor.name) return 'API';
    if (actor.type === 'portal' && !actor.name) return 'Portal visitor';
    return actor.name || actor.id || actor.type || 'Not known';
}

export function actorKind(actor: Actor | null): string {
    const kinds: Record<string, string> = { api_key: 'API key', token: 'API token', user: 'User', system: 'System', portal: 'Portal' };
    return actor?.type ? (kinds[actor.type] ?? actor.type) : '';
}

// The lengths of the phases, from the times at which each ended.
export function phaseLengths(p: Phases): { name: string; us: number }[] {
    const ends: [string, number][] = [
        ['DNS', p.dnsUs],
        ['Connect', p.connectUs],
        ['TLS', p.tlsUs],
        ['Send', p.sentUs],
        ['Wait', p.firstByteUs],
        ['Read', p.totalUs],
    ];
    const out: { name: string; us: number }[] = [];
    let before = 0;
    for (const [name, end] of ends) {
        if (end <= before) continue;
        out.push({ name: name === 'Read' && p.firstByteUs === 0 ? lastPhase(p) : name, us: end - before });
        before = end;
    }
    return out;
}

// Of an attempt that got no answer: what it was doing when it ended.
function lastPhase(p: Phases): string {
    if (p.sentUs > 0) return 'Wait';
    if (p.tlsUs > 0) return 'Send';
    if (p.connectUs > 0) return 'TLS';
    return 'Connect';
}

export function triggerWords(a: Attempt): string {
    if (a.trigger === 'manual') return 'Replay';
    if (a.trigger === 'recovery') return 'Recovery';
    return a.attempt > 1 ? `Retry ${a.attempt - 1}` : 'First attempt';
}

export function scheduleWords(seconds: number[]): string {
    if (seconds.length === 0) return 'No retries';
    const total = seconds.reduce((sum, s) => sum + s, 0);
    return `${seconds.length} ${seconds.length === 1 ? 'retry' : 'retries'} over ${duration(total)}`;
}
