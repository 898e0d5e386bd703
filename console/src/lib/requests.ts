// SPDX-License-Identifier: Apache-2.0
// Requests at trigger URLs, and what became of them in words.
import { api } from './api';
import { memberText } from './jsontext';
import type { Status } from './words';

export type Outcome = 'accepted' | 'captured' | 'duplicate' | 'refused';

export interface IncomingRequest {
    id: string;
    receivedAt: string;
    outcome: Outcome;
    status: number;
    reason: string | null;
    runId: string | null;
    method: string;
    headers: Record<string, string | string[]>;
    query: Record<string, string | string[]>;
    contentType: string | null;
    address: string | null;
    size: number;
    bodyTruncated: boolean;
    selected: boolean;
}

export interface WholeRequest extends IncomingRequest {
    raw: string;
    rawEncoding: 'text' | 'base64';
    bodyText: string; // as steps see it, digit by digit
}

export async function loadRequest(path: string, signal: AbortSignal): Promise<WholeRequest> {
    const text = await api.text(path, { signal });
    return { ...(JSON.parse(text) as WholeRequest), bodyText: memberText(text, 'body') ?? 'null' };
}

export function requestStatus(r: IncomingRequest): Status {
    if (r.outcome === 'accepted') return { tone: 'good', label: 'Accepted', detail: 'started a run' };
    if (r.outcome === 'captured') return { tone: 'plain', label: 'Captured', detail: 'a sample: the automation was a draft' };
    if (r.outcome === 'duplicate') return { tone: 'plain', label: 'Duplicate', detail: 'was there before; it started nothing' };
    return { tone: 'bad', label: 'Refused', detail: reasonWords(r) };
}

export function reasonWords(r: IncomingRequest): string {
    return r.reason ?? 'no reason is known';
}

// What to do about a refusal.
export function requestAdvice(r: IncomingRequest): string | null {
    if (r.outcome !== 'refused') return null;
    switch (r.status) {
        case 400:
            return 'The sender should send well-formed data of the type that its Content-Type says.';
        case 401:
            return 'Compare the secret here with the one at the sender, and look at the headers below for the signature. A proxy that changes the body breaks signatures.';
        case 405:
            return 'The sender should use a method that the trigger takes.';
        case 410:
            return 'Resume the automation to take requests again. Many senders stop for good after some such answers.';
        case 413:
            return 'Let the sender send less, or a link to the data instead.';
        case 415:
            return 'The sender should send JSON, a form, XML or text, and say so in its Content-Type.';
        case 429:
            return 'The limit is in Developer Settings. Senders that follow Retry-After come again by themselves.';
    }
    return null;
}
