// SPDX-License-Identifier: Apache-2.0
// The only place that talks to the server. Errors become words; a lost connection and an ended session are known to all.
import { value } from './store';

export interface Problem {
    loc: string[];
    msg: string;
    type: string;
}

export class ApiError extends Error {
    constructor(
        readonly status: number, // 0: no connection
        readonly code: string,
        message: string,
        readonly problems: Problem[] = [],
        readonly retryAfter = 0,
    ) {
        super(message);
    }
    // What is wrong with a field of the body.
    field(name: string): string | undefined {
        return this.problems.find((p) => p.loc.includes(name))?.msg;
    }
}

// Whether the server could be reached last time.
export const connected = value(true);

let bearer: string | null = null; // an embedded portal has no cookie
let csrf: string | null = null;
let environment: string | null = null;
let onSignedOut: () => boolean = () => false;
let onRenew: () => Promise<boolean> = () => Promise.resolve(false);
let onConfirm: () => Promise<boolean> = () => Promise.resolve(false);

export const identify = {
    bearer(token: string | null) {
        bearer = token;
    },
    csrf(token: string | null) {
        csrf = token;
    },
    environment(id: string | null) {
        environment = id;
    },
    // Returns whether the page stays, for the sake of what is not saved.
    signedOut(fn: () => boolean) {
        onSignedOut = fn;
    },
    // Takes over what the session is known by now; false: it is the same.
    renew(fn: () => Promise<boolean>) {
        onRenew = fn;
    },
    // Asks for the password once more; false: it was not given.
    confirm(fn: () => Promise<boolean>) {
        onConfirm = fn;
    },
};

export function authHeaders(): Record<string, string> {
    return {
        ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}),
        ...(environment ? { 'Postrider-Environment': environment } : {}),
    };
}

interface Options {
    query?: Record<string, string | number | boolean | string[] | null | undefined>;
    headers?: Record<string, string>;
    signal?: AbortSignal;
    // A 401 is an answer here, not the end of the session.
    quiet?: boolean;
    confirmed?: boolean;
    renewed?: boolean;
    // The body, if there is one, and the answer are texts.
    asText?: boolean;
    file?: Blob;
}

// "this link is over" → "This link is over."
function sentence(text: string): string {
    return text === '' ? text : text[0]!.toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}

// What the API calls otherwise than these pages do.
const ours: Record<string, string> = { 'no such message': 'no such event' };

function words(status: number, detail: string): string {
    if (status === 401) return 'You are signed out. Sign in again.';
    if (status === 403) return 'You may not do this here. Ask an owner of this workspace.';
    if (status === 404) return ours[detail] ?? (detail || 'This is not here (any more).');
    if (status === 413) return 'This is larger than the server takes.';
    if (status === 429) return 'Too many requests. Wait a moment and try again.';
    if (status === 503) return 'The server cannot take this right now. Try again in a moment.';
    if (status >= 500) return 'Something went wrong in the server. Try again; if it stays, tell the operator.';
    return detail || `The server answered ${status}.`;
}

export function url(path: string, query: Options['query'] = {}): string {
    const params = new URLSearchParams();
    for (const [name, v] of Object.entries(query)) {
        if (v === null || v === undefined || v === '') continue;
        for (const item of Array.isArray(v) ? v : [v]) params.append(name, String(item));
    }
    const text = params.toString();
    return `/api/v1${path}${text ? `?${text}` : ''}`;
}

function problemsToWords(problems: Problem[]): string {
    return problems.map((p) => `${p.loc.slice(1).join('.') || 'request'}: ${p.msg}`).join('; ');
}

async function failure(response: Response): Promise<ApiError> {
    const body = await response.json().catch(() => ({}));
    const problems: Problem[] = Array.isArray(body.detail) ? body.detail : [];
    const detail = typeof body.detail === 'string' ? body.detail : problemsToWords(problems);
    return new ApiError(
        response.status,
        body.code ?? 'unknown',
        sentence(words(response.status, detail)),
        problems,
        Number(response.headers.get('Retry-After') ?? 0),
    );
}

async function send<T>(method: string, path: string, body: unknown, options: Options): Promise<T> {
    const changes = method !== 'GET';
    const as = [bearer, csrf].join();
    let response: Response;
    try {
        response = await fetch(url(path, options.query), {
            method,
            headers: {
                ...authHeaders(),
                ...(changes ? { 'Content-Type': 'application/json' } : {}),
                ...(changes && csrf ? { 'X-CSRF-Token': csrf } : {}),
                ...options.headers,
            },
            body: options.file ? options.file : body === undefined ? null : options.asText ? (body as string) : JSON.stringify(body),
            credentials: 'same-origin',
            cache: 'no-store',
            signal: options.signal ?? null,
        });
    } catch (error) {
        if (error instanceof DOMException && error.name === 'AbortError') throw error;
        connected.set(false);
        throw new ApiError(0, 'connection', 'The server cannot be reached. Check your connection; nothing was changed as far as we know.');
    }
    connected.set(true);
    if (!response.ok) {
        // Of whoever asked: somebody may have signed in since.
        const stays = response.status === 401 && !options.quiet && as === [bearer, csrf].join() && onSignedOut();
        const error = await failure(response);
        if (stays) error.message = 'You are signed out. Sign in again in another tab, then try once more: what is not saved stays here.';
        if (error.status === 403 && error.code !== 'confirm_required' && changes && csrf !== null && !options.quiet && !options.renewed) {
            if (await onRenew()) return send<T>(method, path, body, { ...options, renewed: true });
        }
        if (error.code === 'confirm_required' && !options.confirmed) {
            if (await onConfirm()) return send<T>(method, path, body, { ...options, confirmed: true });
            throw new ApiError(403, error.code, 'This needs your password once more.');
        }
        throw error;
    }
    if (response.status === 204 || response.status === 304) return undefined as T;
    const text = await response.text();
    if (options.asText) return text as T;
    return (text === '' ? undefined : JSON.parse(text)) as T;
}

export const api = {
    get: <T>(path: string, query?: Options['query'], options: Options = {}) => send<T>('GET', path, undefined, { ...options, query }),
    // JSON that must stay as it is.
    text: (path: string, options: Options = {}) => send<string>('GET', path, undefined, { ...options, asText: true }),
    sendText: (method: 'POST' | 'PUT', path: string, body: string, options: Options = {}) => send<string>(method, path, body, { ...options, asText: true }),
    post: <T>(path: string, body: unknown = {}, options: Options = {}) => send<T>('POST', path, body, options),
    upload: <T>(path: string, file: Blob, type: string, query?: Options['query']) => send<T>('POST', path, undefined, { file, query, headers: { 'Content-Type': type } }),
    put: <T>(path: string, body: unknown, options: Options = {}) => send<T>('PUT', path, body, options),
    patch: <T>(path: string, body: unknown, options: Options = {}) => send<T>('PATCH', path, body, options),
    delete: <T>(path: string, options: Options & { body?: unknown } = {}) => send<T>('DELETE', path, options.body, options),
};

export function isAbort(error: unknown): boolean {
    return error instanceof DOMException && error.name === 'AbortError';
}

export function errorText(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
