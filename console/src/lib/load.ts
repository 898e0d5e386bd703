// SPDX-License-Identifier: Apache-2.0
// Loading what a page shows: one thing, or a list that grows page by page and takes in what is new at its top.
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { api, isAbort } from './api';
import type { Page } from './types';

export interface Loaded<T> {
    data: T | undefined;
    error: unknown;
    loading: boolean;
    reload: () => void;
    set: (data: T) => void;
}

// What has no answer for so long is asked again: a connection may be dead without knowing.
const STUCK_MS = 20_000;

interface State<T> {
    key: string | null;
    data?: T;
    error?: unknown;
    loading: boolean;
}

// Loads when `key` changes (null: not at all). What was there stays until the new is, unless it is of another key.
export function useLoad<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
    const [state, setState] = useState<State<T>>({ key, loading: key !== null });
    const latest = useRef(load);
    latest.current = load;
    const run = useRef<AbortController | null>(null); // what is on its way
    const again = useRef(false); // asked for since it began
    const began = useRef(0);
    const start = useCallback(() => {
        if (key === null) return;
        // What is on its way may be too old. It is not stopped: when answers take longer than news stay away, none would arrive.
        again.current = run.current !== null && Date.now() - began.current < STUCK_MS;
        if (again.current) return;
        run.current?.abort();
        const abort = new AbortController();
        run.current = abort;
        began.current = Date.now();
        const end = (next: (s: State<T>) => State<T>) => {
            if (run.current !== abort) return;
            run.current = null;
            setState(next);
            if (again.current) start();
        };
        setState((s) => (s.key === key ? { ...s, loading: true } : { key, loading: true }));
        latest.current(abort.signal).then(
            (data) => end(() => ({ key, data, loading: false })),
            (error) => end((s) => (isAbort(error) ? s : { ...s, key, error, loading: false })),
        );
    }, [key]);
    // Who asks late, after an answer of the server, may have been given these while there was another key.
    const now = useRef({ key, start });
    now.current = { key, start };
    const stop = () => {
        run.current?.abort();
        run.current = null;
    };
    // Before the next frame: what somebody leaves at once was asked for, too.
    useLayoutEffect(() => {
        start();
        return stop;
    }, [start]);
    const mine = state.key === key;
    return {
        data: mine ? state.data : undefined,
        error: mine ? state.error : undefined,
        loading: mine ? state.loading : key !== null,
        reload: useCallback(() => now.current.start(), []),
        set: useCallback(
            (data: T) => {
                if (now.current.key !== key) return;
                const late = run.current !== null;
                stop();
                setState({ key, data, loading: false });
                if (late) start();
            },
            [start],
        ),
    };
}

const EMPTY_PAGES_MAX = 20;

type Query = Record<string, string | number | boolean | string[] | null | undefined>;

export interface Paged<T> {
    items: T[] | undefined;
    error: unknown;
    loading: boolean;
    more: boolean;
    loadMore: () => void;
    refresh: () => void;
}

// The new first page over what is listed: what follows its last item stays.
function merge<T extends { id: string }>(old: T[], fresh: T[], done: boolean): { items: T[]; kept: boolean } {
    const last = fresh[fresh.length - 1];
    if (!last || done) return { items: fresh, kept: false };
    const at = old.findIndex((item) => item.id === last.id);
    return at < 0 ? { items: fresh, kept: false } : { items: [...fresh, ...old.slice(at + 1)], kept: at + 1 < old.length };
}

interface Listing<T> {
    key: string;
    items?: T[];
    iterator: string | null;
    done: boolean;
    error?: unknown;
    loading: boolean;
}

export function usePaged<T extends { id: string }>(path: string | null, query: Query = {}): Paged<T> {
    const key = JSON.stringify([path, query]);
    const [state, setState] = useState<Listing<T>>({ key, iterator: null, done: true, loading: path !== null });
    const run = useRef<AbortController | null>(null);
    const busy = useRef<'first' | 'more' | null>(null);
    const again = useRef(false); // the first page, once more
    const began = useRef(0);

    const fetchPage = useCallback(
        async (iterator: string | null) => {
            if (path === null || now.current.key !== key) return;
            const mode = iterator === null ? 'first' : 'more';
            // A refresh waits for its turn: what is on its way may be too old, but were it stopped, news that come faster than answers
            // would let none arrive. Who wants more does not wait for a refresh.
            const stuck = Date.now() - began.current > STUCK_MS;
            if (busy.current !== null && mode === 'first' && !stuck) return void (again.current = true);
            if (busy.current === 'more' && mode === 'more' && !stuck) return;
            again.current = busy.current === 'first' && mode === 'more';
            began.current = Date.now();
            run.current?.abort();
            const abort = new AbortController();
            run.current = abort;
            busy.current = mode;
            setState((s) => (s.key === key ? { ...s, loading: true } : { key, iterator: null, done: true, loading: true }));
            try {
                let page = await api.get<Page<T>>(path, { ...query, iterator }, { signal: abort.signal });
                // A page of a filtered list may be empty although there is more: the server looks at so many rows at a time.
                for (let i = 0; i < EMPTY_PAGES_MAX && page.data.length === 0 && !page.done && page.iterator; i++)
                    page = await api.get<Page<T>>(path, { ...query, iterator: page.iterator }, { signal: abort.signal });
                if (run.current !== abort) return;
                setState((s) => {
                    if (s.key !== key) return s;
                    if (iterator !== null) {
                        const known = new Set((s.items ?? []).map((item) => item.id));
                        const items = [...(s.items ?? []), ...page.data.filter((item) => !known.has(item.id))];
                        return { key, items, iterator: page.iterator, done: page.done, loading: false };
                    }
                    const merged = merge(s.items ?? [], page.data, page.done);
                    return merged.kept
                        ? { ...s, items: merged.items, error: undefined, loading: false }
                        : { key, items: merged.items, iterator: page.iterator, done: page.done, loading: false };
                });
            } catch (error) {
                if (run.current === abort && !isAbort(error)) setState((s) => ({ ...s, key, error, loading: false }));
            } finally {
                if (run.current === abort) {
                    busy.current = null;
                    if (again.current) void fetchPage(null);
                }
            }
        },
        [key],
    );

    // As above.
    const now = useRef({ key, fetchPage });
    now.current = { key, fetchPage };
    useLayoutEffect(() => {
        busy.current = null;
        void fetchPage(null);
        return () => {
            run.current?.abort();
            run.current = null;
            busy.current = null;
        };
    }, [fetchPage]);

    const mine = state.key === key;
    return {
        items: mine ? state.items : undefined,
        error: mine ? state.error : undefined,
        loading: mine ? state.loading : path !== null,
        more: mine && !state.done && state.items !== undefined,
        loadMore: () => void fetchPage(state.iterator),
        refresh: () => void now.current.fetchPage(null),
    };
}

// Everything of a list that is known to be short.
export async function all<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T[]> {
    const out: T[] = [];
    let iterator: string | null = null;
    for (let pages = 0; pages < 20; pages++) {
        const page: Page<T> = await api.get<Page<T>>(path, { limit: 250, ...query, iterator }, signal ? { signal } : {});
        out.push(...page.data);
        if (page.done || page.iterator === null) break;
        iterator = page.iterator;
    }
    return out;
}

// One clock for all who move on at the same pace: a long list has many.
const clocks = new Map<number, Set<(now: number) => void>>();

function tick(everyMs: number, fn: (now: number) => void): () => void {
    let all = clocks.get(everyMs);
    if (!all) {
        all = new Set();
        clocks.set(everyMs, all);
        const listeners = all;
        setInterval(() => {
            if (document.hidden) return;
            const now = Date.now();
            for (const each of listeners) each(now);
        }, everyMs);
    }
    all.add(fn);
    return () => all.delete(fn);
}

// A time that moves on, for "5 s ago".
export function useNow(everyMs = 1000): number {
    const [now, setNow] = useState(Date.now());
    useEffect(() => {
        const end = tick(everyMs, setNow);
        return () => void end();
    }, [everyMs]);
    return now;
}
