// SPDX-License-Identifier: Apache-2.0
// Where we are: the path says which page, the query holds its filters, so that a link or a reload shows the same.
import type { ComponentChildren } from 'preact';
import { useValue, value } from './store';

const here = value(location.pathname + location.search);

// Asked before leaving a page with unsaved changes; returns whether to stay. kept: whether something would be lost, also while it is
// being saved.
let guard: (() => boolean) | null = null;
let keeps: (() => boolean) | null = null;
export function setLeaveGuard(fn: (() => boolean) | null, kept = fn): void {
    guard = fn;
    keeps = kept;
}
export function unsaved(): boolean {
    return keeps?.() ?? false;
}
addEventListener('beforeunload', (event) => {
    if (guard?.()) event.preventDefault();
});
// Asks, if something would be lost.
export function mayLeave(question = 'Leave this page?'): boolean {
    return !guard?.() || confirm(`${question} What you changed is not saved.`);
}

// The browser has gone back or forward before we are asked: who stays goes to where they were. Entries are numbered to know the way.
const numberOf = (state: unknown) => (state as { at?: number } | null)?.at;
let at = numberOf(history.state) ?? 0;
let returning = false;
history.replaceState({ at }, '');
addEventListener('popstate', (event) => {
    if (returning) {
        returning = false;
        return;
    }
    const to = numberOf(event.state) ?? 0;
    const moved = location.pathname !== here.get().split('?')[0];
    if (moved && !mayLeave()) {
        returning = to !== at;
        if (returning) history.go(at - to);
        else history.pushState({ at }, '', here.get());
        return;
    }
    if (moved) setLeaveGuard(null);
    at = to;
    here.set(location.pathname + location.search);
});

// from: the path that this follows from; who has gone elsewhere while an answer was on its way is not taken back.
export function go(to: string, { replace = false, force = false, from = location.pathname } = {}): void {
    if (from !== location.pathname) return;
    if (!force && !mayLeave()) return;
    const moved = to.split('?')[0] !== location.pathname;
    if (moved) setLeaveGuard(null);
    if (!replace) at++;
    if (replace) history.replaceState({ at }, '', to);
    else history.pushState({ at }, '', to);
    here.set(to);
    if (moved) scrollTo(0, 0);
}

export function usePath(): string {
    return useValue(here).split('?')[0]!;
}

export function useQuery(): URLSearchParams {
    return new URLSearchParams(useValue(here).split('?')[1] ?? '');
}

// Changes parameters of the query in place; an empty value drops its parameter.
export function setQuery(changes: Record<string, string | string[] | null>): void {
    const query = new URLSearchParams(location.search);
    for (const [name, to] of Object.entries(changes)) {
        query.delete(name);
        for (const item of Array.isArray(to) ? to : [to]) if (item) query.append(name, item);
    }
    const text = query.toString();
    go(location.pathname + (text ? `?${text}` : ''), { replace: true, force: true });
}

// "/app/:app/webhooks/:ep" against a path; the parameters, or null.
export function match(pattern: string, path: string): Record<string, string> | null {
    const want = pattern.split('/');
    const got = path.replace(/(.)\/$/, '$1').split('/');
    if (want.length !== got.length) return null;
    const params: Record<string, string> = {};
    for (let i = 0; i < want.length; i++) {
        if (want[i]!.startsWith(':')) {
            try {
                params[want[i]!.slice(1)] = decodeURIComponent(got[i]!);
            } catch {
                return null;
            }
            if (!got[i]) return null;
        } else if (want[i] !== got[i]) {
            return null;
        }
    }
    return params;
}

interface LinkProps {
    to: string;
    class?: string;
    title?: string;
    onClick?: (event: MouseEvent) => void;
    children?: ComponentChildren;
    'aria-current'?: 'page' | undefined;
}

export function Link({ to, onClick, ...rest }: LinkProps) {
    return (
        <a
            href={to}
            onClick={(event) => {
                onClick?.(event);
                if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
                event.preventDefault();
                go(to);
            }}
            {...rest}
        />
    );
}
