// SPDX-License-Identifier: Apache-2.0
// What the API answers, as far as the console looks at it.

export interface Page<T> {
    data: T[];
    iterator: string | null;
    prevIterator: string | null;
    done: boolean;
}

export interface Actor {
    type?: string;
    id?: string;
    name?: string;
}

export interface App {
    id: string;
    uid: string | null;
    name: string;
    profile?: string;
    createdAt: string;
    updatedAt: string;
}

export interface EndpointState {
    status: 'ok' | 'failing' | 'disabled';
    reason: string | null;
    since: string | null;
    nextAttempt: string | null;
}

export interface Endpoint {
    id: string;
    uid: string | null;
    name: string | null;
    description: string;
    url: string;
    disabled: boolean;
    eventTypes: string[] | null;
    channels: string[] | null;
    metadata: Record<string, string>;
    rateLimit: number | null;
    profile: string | null;
    effectiveProfile: string;
    retrySchedule: number[] | null;
    effectiveRetrySchedule: number[];
    timeoutMs: number | null;
    effectiveTimeoutMs: number;
    fifo: boolean;
    http2: boolean;
    state: EndpointState;
    createdAt: string;
    updatedAt: string;
    version?: number;
}

export interface EndpointHeaders {
    headers: Record<string, string>;
    sensitive: string[];
}

// 0 delivered, 1 waiting, 2 failed, 3 being sent, 4 cancelled
export type DeliveryStatus = 0 | 1 | 2 | 3 | 4;

export interface Message {
    id: string;
    eventId: string | null;
    eventUuid: string;
    eventType: string;
    payload: unknown;
    channels: string[] | null;
    tags: string[] | null;
    actor: Actor | null;
    timestamp: string;
    occurredAt: string;
    deliverAt: string | null;
}

export interface Delivery {
    status: DeliveryStatus;
    statusText: string;
    statusReason: string | null;
    lastAttemptFailed: boolean;
    attempted: boolean;
    nextAttempt: string | null;
}

export type EndpointMessage = Message & Delivery;

// GET …/msg/{msg}/endpoint
export type Destination = Delivery & { id: string; url: string; name?: string | null; description?: string; disabled?: boolean };

export interface Phases {
    dnsUs: number;
    connectUs: number;
    tlsUs: number;
    sentUs: number;
    firstByteUs: number;
    totalUs: number;
}

export interface Attempt {
    id: string;
    msgId: string;
    endpointId: string;
    url: string;
    response: string;
    responseEncoding: 'text' | 'base64';
    responseTruncated: boolean;
    responseStatusCode: number;
    responseDurationMs: number;
    status: DeliveryStatus;
    statusText: string;
    triggerType: number;
    trigger: 'schedule' | 'manual' | 'recovery';
    timestamp: string;
    attempt: number;
    eventType: string;
    cause: string | null;
    error: string | null;
    peer: string | null;
    nextAttempt: string | null;
    phases: Phases;
    requestHeaders?: [string, string][];
    responseHeaders?: [string, string][];
    msg?: Message | null;
}

export interface EventType {
    name: string;
    description: string;
    archived?: boolean;
    deprecated?: boolean;
    profile?: string | null;
    schemas?: Record<string, unknown> | null;
    groupName?: string | null;
}

export interface Profile {
    name: string;
    description?: string;
    body?: { type: string; template?: string };
    headers?: Record<string, string>;
    signedString?: string;
    algorithm?: string;
    encoding?: string;
    retrySchedule?: number[];
    timeoutMs?: number;
    secret?: { prefix?: string };
    eventTypes?: { name: string; description?: string; example?: unknown }[];
    builtin?: boolean;
}

export interface Task {
    id: string;
    status: 'running' | 'finished' | 'failed';
    task: string;
    data?: Record<string, unknown>;
    updatedAt?: string;
}
