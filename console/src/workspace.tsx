// SPDX-License-Identifier: Apache-2.0
// The workspace that a page is about: its name, its profile, its event types, and what one may do there.
import { createContext, type ComponentChildren } from 'preact';
import { useContext, useMemo } from 'preact/hooks';
import { api } from './lib/api';
import { all, useLoad } from './lib/load';
import type { RecordType } from './lib/records';
import { environment, rights, type Rights, session } from './lib/session';
import { remember, remembered, useValue, value } from './lib/store';
import type { App, EventType, Profile } from './lib/types';

export interface Workspace {
    id: string | null; // null: a page that is about none
    base: string; // of its pages
    path: string; // of its routes
    app: App | undefined;
    error: unknown;
    rights: Rights;
}

const Context = createContext<Workspace>({ id: null, base: '', path: '', app: undefined, error: undefined, rights: rights(null) });

const lookedAt = value(remembered('app')); // by somebody with an account

export function WorkspaceProvider({ app, base, children }: { app: string | null; base: string; children: ComponentChildren }) {
    const who = useValue(session);
    const env = useValue(environment);
    // Not stopped when somebody goes on before its answer: pages that are about no workspace lead back to it.
    const loaded = useLoad(app === null ? null : `app ${app} ${env}`, async () => {
        const found = await api.get<App>(`/app/${encodeURIComponent(app!)}`);
        if (!session.get()?.portal) {
            lookedAt.set(JSON.stringify({ id: found.uid ?? found.id, env, name: found.name, profile: found.profile }));
            remember('app', lookedAt.get());
        }
        return found;
    });
    const workspace = useMemo<Workspace>(
        () => ({
            id: app,
            base,
            path: app === null ? '' : `/app/${encodeURIComponent(app)}`,
            app: loaded.data,
            error: loaded.error,
            rights: rights(app),
        }),
        [app, base, loaded.data, loaded.error, who, env],
    );
    return <Context.Provider value={workspace}>{children}</Context.Provider>;
}

export function useWorkspace(): Workspace {
    return useContext(Context);
}

// The one that was looked at last, for the navigation of pages that are about none.
export function useLastWorkspace(): { id: string; name: string; profile?: string } | null {
    const text = useValue(lookedAt);
    const env = useValue(environment);
    try {
        const last = JSON.parse(text ?? 'null') as { id: string; env: string; name: string; profile?: string } | null;
        return last && last.env === env ? last : null;
    } catch {
        return null;
    }
}

// Of somebody who is a member of one.
export function onlyWorkspace(): { id: string; name: string; profile?: string } | null {
    const mine = session.get()?.memberships.filter((m) => m.environment === environment.get()) ?? [];
    return mine.length === 1 && mine[0]!.app ? mine[0]!.app : null;
}

// Those of the workspace's profile, and those that belong to none.
export function useEventTypes(profile: string | undefined) {
    return useLoad(profile === undefined ? null : `event types ${profile}`, async (signal) => {
        const types = await all<EventType>('/event-type', { with_content: true }, signal);
        return types.filter((t) => !t.profile || t.profile === profile);
    });
}

export function useRecordTypes() {
    const { path, id } = useWorkspace();
    return useLoad(id === null ? null : `record types ${path}`, async (signal) => (await api.get<{ data: RecordType[] }>(`${path}/record-type`, {}, { signal })).data);
}

export function useProfile(name: string | undefined) {
    return useLoad(name === undefined ? null : `profile ${name}`, (signal) => api.get<Profile>(`/profile/${encodeURIComponent(name!)}`, {}, { signal }));
}
