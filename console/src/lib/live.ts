// SPDX-License-Identifier: Apache-2.0
// What happens in a workspace, as it happens. One stream of server-sent events is shared by all who listen; it is read by
// fetch, since an EventSource can send no header. While there is no stream, the listeners are told to look every so often.
import { useEffect, useRef } from 'preact/hooks';
import { authHeaders } from './api';
import { value } from './store';

export interface LiveEvent {
    kind: 'message' | 'attempt' | 'endpoint' | 'request' | 'run' | 'look'; // look: something may have happened
    data: Record<string, unknown>;
}
type Listener = (event: LiveEvent) => void;

const GATHER_MS = 200; // what happens together is looked at together,
const APART_MS = 1000; // and under load not more often than this
const LOOK_MS = 1500; // without a stream
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 30_000;
const SILENCE_MAX_MS = 60_000; // the server sends a heartbeat more often

// Whether events arrive by themselves.
export const streaming = value(false);

class Stream {
    private listeners = new Set<Listener>();
    private abort: AbortController | null = null;
    private looking: number | undefined;
    private waiting: number | undefined;
    private retryMs = RETRY_MIN_MS;

    constructor(private readonly path: string) {}

    add(fn: Listener): () => void {
        this.listeners.add(fn);
        if (this.listeners.size === 1) this.start();
        return () => {
            this.listeners.delete(fn);
            if (this.listeners.size === 0) this.stop();
        };
    }

    private tell(event: LiveEvent): void {
        for (const fn of [...this.listeners]) fn(event);
    }

    private start(): void {
        this.look(true);
        void this.run();
    }

    private stop(): void {
        this.look(false);
        clearTimeout(this.waiting);
        this.abort?.abort();
        this.abort = null;
        streaming.set(false);
    }

    private look(on: boolean): void {
        clearInterval(this.looking);
        this.looking = on
            ? window.setInterval(() => {
                  if (!document.hidden) this.tell({ kind: 'look', data: {} });
              }, LOOK_MS)
            : undefined;
    }

    private async run(): Promise<void> {
        const abort = new AbortController();
        this.abort = abort;
        let again = true;
        try {
            const response = await fetch(this.path, {
                headers: { ...authHeaders(), Accept: 'text/event-stream' },
                credentials: 'same-origin',
                cache: 'no-store',
                signal: abort.signal,
            });
            const type = response.headers.get('Content-Type') ?? '';
            if (response.ok && response.body && type.startsWith('text/event-stream')) await this.read(response.body, abort);
            else again = response.status !== 404 && response.status !== 403 && response.status !== 401;
        } catch {
            // the connection is gone: once more, below
        }
        if (this.abort !== abort) return;
        streaming.set(false);
        if (this.listeners.size === 0) return;
        this.look(true);
        if (!again) return;
        this.waiting = window.setTimeout(() => void this.run(), this.retryMs * (0.75 + Math.random() / 2));
        this.retryMs = Math.min(this.retryMs * 2, RETRY_MAX_MS);
    }

    private async read(body: ReadableStream<Uint8Array>, abort: AbortController): Promise<void> {
        const reader = body.getReader();
        const decoder = new TextDecoder();
        let text = '';
        let silence: number | undefined;
        this.look(false);
        this.retryMs = RETRY_MIN_MS;
        streaming.set(true);
        this.tell({ kind: 'look', data: {} }); // what happened before the stream began
        try {
            for (;;) {
                clearTimeout(silence);
                silence = window.setTimeout(() => void reader.cancel().catch(() => {}), SILENCE_MAX_MS);
                const { done, value: chunk } = await reader.read();
                if (done || abort.signal.aborted) return;
                text += decoder.decode(chunk, { stream: true }).replace(/\r\n?/g, '\n');
                for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) this.take(text.slice(0, end));
            }
        } finally {
            clearTimeout(silence);
        }
    }

    private take(block: string): void {
        let kind = 'message';
        let data = '';
        for (const line of block.split('\n')) {
            if (line.startsWith('event:')) kind = line.slice(6).trim();
            else if (line.startsWith('data:')) data += line.slice(5).trim();
        }
        if (kind === 'lagged') return this.tell({ kind: 'look', data: {} });
        if (kind !== 'message' && kind !== 'attempt' && kind !== 'endpoint' && kind !== 'request' && kind !== 'run') return;
        try {
            this.tell({ kind, data: JSON.parse(data) as Record<string, unknown> });
        } catch {
            // a heartbeat without data
        }
    }
}

const streams = new Map<string, Stream>();

// Calls back on what happens in the workspace; several things at once make one call.
export function useLive(app: string | null, concerns: (event: LiveEvent) => boolean, react: () => void): void {
    const latest = useRef({ concerns, react });
    latest.current = { concerns, react };
    useEffect(() => {
        if (app === null) return;
        const path = `/api/v1/app/${encodeURIComponent(app)}/live`;
        let stream = streams.get(path);
        if (!stream) streams.set(path, (stream = new Stream(path)));
        let timer: number | undefined;
        let last = 0;
        const end = stream.add((event) => {
            if (event.kind !== 'look' && !latest.current.concerns(event)) return;
            timer ??= window.setTimeout(() => {
                timer = undefined;
                last = Date.now();
                latest.current.react();
            }, Math.max(GATHER_MS, last + APART_MS - Date.now()));
        });
        return () => {
            clearTimeout(timer);
            end();
        };
    }, [app]);
}
