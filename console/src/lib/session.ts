// SPDX-License-Identifier: Apache-2.0
// Who is here and what they may do. One session per browser; the portal of an embedded frame has a token instead of a
// cookie, since browsers keep cookies from frames of other sites.
import { api, ApiError, identify } from './api';
import { go, mayLeave, unsaved } from './router';
import { remember, remembered, value } from './store';
import type { App } from './types';

export type Role = 'owner' | 'editor' | 'viewer';

export interface Membership {
    environment: string;
    environmentName: string | null;
    app: { id: string; uid: string | null; name: string } | null;
    role: Role;
}

export interface Session {
    id: string;
    csrf: string | null;
    user: { id: string; email: string; name: string | null; totp: boolean } | null;
    portal: { appId: string; appUid: string | null; appName: string; readOnly: boolean; capabilities: string[]; featureFlags: string[] } | null;
    memberships: Membership[];
    idleExpiresAt?: string | null;
    expiresAt?: string | null;
}

// undefined: not known yet; null: nobody
export const session = value<Session | null | undefined>(undefined);
// Of a user with several: the environment that is looked at.
export const environment = value<string | null>(null);

const TOKEN_KEY = 'postrider.portal';

function keepToken(token: string | null): void {
    try {
        if (token) sessionStorage.setItem(TOKEN_KEY, token);
        else sessionStorage.removeItem(TOKEN_KEY);
    } catch {
        // for this page only, then
    }
}

function keptToken(): string | null {
    try {
        return sessionStorage.getItem(TOKEN_KEY);
    } catch {
        return null;
    }
}

export function chooseEnvironment(id: string): void {
    identify.environment(id);
    remember('environment', id);
    environment.set(id);
}

export function signedIn(s: Session): void {
    identify.csrf(s.csrf);
    if (s.user) {
        const known = s.memberships.map((m) => m.environment);
        const last = remembered('environment');
        const first = last && known.includes(last) ? last : (known[0] ?? null);
        identify.environment(first);
        environment.set(first);
    }
    session.set(s);
}

export function forget(): void {
    keepToken(null);
    identify.bearer(null);
    identify.csrf(null);
    identify.environment(null);
    session.set(null);
}

identify.signedOut(() => {
    if (!session.get()) return false; // the first answer that said so was enough
    const portal = session.get()?.portal;
    if (!portal && unsaved()) return true;
    forget();
    const back = location.pathname + location.search;
    if (!portal && back !== '/login') go(`/login?back=${encodeURIComponent(back)}`, { replace: true, force: true });
    return false;
});

// Who has signed in again in another tab has another session here, too: its token is asked for.
identify.renew(async () => {
    const mine = session.get();
    if (!mine?.user) return false;
    const now = await api.get<Session>('/console/session', {}, { quiet: true }).catch(() => null);
    if (!now || now.user?.id !== mine.user.id || now.csrf === mine.csrf) return false;
    identify.csrf(now.csrf);
    session.set(now);
    return true;
});

// A token of the portal speaks for itself: what the session route would say is put together from what it may see.
async function portalOfToken(token: string, capabilities: string[] = []): Promise<Session> {
    identify.bearer(token);
    const who = await api.get<{ appId: string; role: string; name: string | null }>('/auth/whoami', {}, { quiet: true });
    const app = await api.get<App>(`/app/${who.appId}`, {}, { quiet: true });
    return {
        id: '',
        csrf: null,
        user: null,
        portal: {
            appId: app.id,
            appUid: app.uid,
            appName: app.name,
            readOnly: who.role === 'portal-read',
            capabilities,
            featureFlags: [],
        },
        memberships: [],
    };
}

export const embedded = window.self !== window.top;

async function exchange(key: string): Promise<Session> {
    if (!embedded) {
        try {
            return await api.post<Session>('/console/session/portal', { key }, { quiet: true });
        } catch (error) {
            if (!(error instanceof ApiError) || error.status !== 404) throw error;
        }
    }
    const made = await api.post<{ token: string; capabilities: string[] }>('/auth/one-time-token', { oneTimeToken: key }, { quiet: true });
    const s = await portalOfToken(made.token, made.capabilities);
    keepToken([made.token, ...made.capabilities].join(' '));
    return s;
}

async function find(): Promise<Session | null> {
    const [token, ...capabilities] = keptToken()?.split(' ') ?? [];
    try {
        if (token && location.pathname.startsWith('/portal')) return await portalOfToken(token, capabilities);
        return await api.get<Session>('/console/session', {}, { quiet: true });
    } catch (error) {
        if (error instanceof ApiError && (error.status === 401 || error.status === 404)) {
            forget();
            return null;
        }
        throw error;
    }
}

// Takes the key from the address, where it must not stay, or finds the session that there is.
export async function begin(): Promise<void> {
    const key = location.pathname.startsWith('/portal') ? /^#key=([\w.-]+)$/.exec(location.hash)?.[1] : undefined;
    if (key) history.replaceState(history.state, '', location.pathname);
    const s = key ? await exchange(key) : await find();
    if (s) signedIn(s);
    else session.set(null);
}

export async function signOut(): Promise<void> {
    if (!mayLeave('Sign out?')) return;
    const portal = session.get()?.portal;
    if (keptToken()) await api.post('/auth/logout', {}, { quiet: true }).catch(() => {});
    else await api.delete('/console/session', { quiet: true }).catch(() => {});
    forget();
    if (!portal) go('/login', { force: true });
}

function roleIn(s: Session, app: string | null): Role | null {
    const rank = { owner: 3, editor: 2, viewer: 1 };
    let best: Role | null = null;
    for (const m of s.memberships) {
        if (m.environment !== environment.get() || (m.app && app !== null && m.app.id !== app && m.app.uid !== app)) continue;
        if (m.app && app === null) continue;
        if (!best || rank[m.role] > rank[best]) best = m.role;
    }
    return best;
}

// What the person may do in a workspace (API.md section 2). The server decides; this only hides what it would refuse.
export interface Rights {
    edit: boolean; // endpoints
    records: boolean;
    automations: boolean; // and their runs and samples
    replay: boolean; // and test events
    reveal: boolean;
    rotate: boolean;
    send: boolean; // messages, profiles
    admin: boolean; // keys, members, audit log
    portal: boolean;
}

export function rights(app: string | null): Rights {
    const s = session.get();
    if (s?.portal) {
        const able = s.portal.capabilities;
        const can = (name: string) => !s.portal!.readOnly && (able.length === 0 || able.includes(name));
        return {
            edit: can('ManageEndpoint'),
            records: can('ManageRecords'),
            automations: can('ManageAutomations'),
            replay: can('CreateAttempts'),
            reveal: ['ViewEndpointSecret', 'ManageEndpointSecret', 'ManageEndpoint'].some(can),
            rotate: ['ManageEndpointSecret', 'ManageEndpoint'].some(can),
            send: false,
            admin: false,
            portal: true,
        };
    }
    const role = s ? roleIn(s, app) : null;
    const edit = role === 'owner' || role === 'editor';
    return { edit, records: edit, automations: edit, replay: edit, reveal: edit, rotate: edit, send: edit, admin: role === 'owner', portal: false };
}

// Of the whole environment, not only of a workspace in it.
export function ownsEnvironment(): boolean {
    const s = session.get();
    return s != null && roleIn(s, null) === 'owner';
}
export function seesEnvironment(): boolean {
    const s = session.get();
    return s != null && roleIn(s, null) !== null;
}
