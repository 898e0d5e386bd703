// SPDX-License-Identifier: Apache-2.0
// Values that several components show: set one and all of them follow. And what the browser keeps, where it lets us.
import { useLayoutEffect, useState } from 'preact/hooks';

export interface Value<T> {
    get(): T;
    set(next: T): void;
    watch(fn: () => void): () => void;
}

export function value<T>(initial: T): Value<T> {
    let current = initial;
    const watchers = new Set<() => void>();
    return {
        get: () => current,
        set(next) {
            if (Object.is(next, current)) return;
            current = next;
            for (const fn of [...watchers]) fn();
        },
        watch(fn) {
            watchers.add(fn);
            return () => watchers.delete(fn);
        },
    };
}

export function useValue<T>(v: Value<T>): T {
    const [, again] = useState(0);
    const seen = v.get();
    useLayoutEffect(() => {
        // A child may have set it before we began to watch.
        if (!Object.is(seen, v.get())) again((n) => n + 1);
        return v.watch(() => again((n) => n + 1));
    }, [v]);
    return seen;
}

// An embedded portal may have no storage at all.
export function remembered(key: string): string | null {
    try {
        return localStorage.getItem(`postrider.${key}`);
    } catch {
        return null;
    }
}

export function remember(key: string, text: string | null): void {
    try {
        if (text === null) localStorage.removeItem(`postrider.${key}`);
        else localStorage.setItem(`postrider.${key}`, text);
    } catch {
        // then not
    }
}
