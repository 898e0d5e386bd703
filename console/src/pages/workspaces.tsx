// SPDX-License-Identifier: Apache-2.0
// The customers of the operator. Who is a member of single workspaces sees those.
import { useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { all, useLoad, usePaged } from '../lib/load';
import { go, Link, setQuery, useQuery } from '../lib/router';
import { environment, ownsEnvironment, seesEnvironment, session } from '../lib/session';
import { useValue } from '../lib/store';
import type { App, Profile } from '../lib/types';
import { Button, Card, Code, Empty, ErrorNote, Head, MoreButton, Search, SelectField, Skeleton, TextField, Time } from '../ui/basic';
import { Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';

function NewWorkspace({ onClose }: { onClose: () => void }) {
    const [name, setName] = useState('');
    const [uid, setUid] = useState('');
    const [profile, setProfile] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const profiles = useLoad('profiles', (signal) => all<Profile>('/profile', {}, signal));
    const field = (n: string) => (error instanceof ApiError ? error.field(n) : undefined);
    const create = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        try {
            const from = location.pathname;
            const made = await api.post<App>('/app', { name, ...(uid ? { uid } : {}), ...(profile ? { profile } : {}) });
            toast.done('The workspace is ready.');
            go(`/app/${made.id}/webhooks`, { from });
        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };
    return (
        <Dialog title="New workspace" onClose={onClose}>
            <form onSubmit={(e) => void create(e)}>
                <div class="dialog-body">
                    <TextField label="Name" value={name} onInput={setName} error={field('name')} hint="Of your customer." required autofocus />
                    <TextField label="Own id" optional value={uid} onInput={setUid} error={field('uid')} mono hint="Your customer number: it works wherever an id does." />
                    <SelectField
                        label="Profile"
                        value={profile}
                        onChange={setProfile}
                        hint="What its webhooks look like and how they are signed. Its event types come along, and its types of records: contacts with myra."
                        options={[{ value: '', text: 'The default' }, ...(profiles.data ?? []).map((p) => ({ value: p.name, text: p.name }))]}
                    />
                    {error !== null && !field('name') && !field('uid') && <ErrorNote error={error} />}
                </div>
                <div class="dialog-foot">
                    <Button onClick={onClose}>Cancel</Button>
                    <Button kind="primary" type="submit" busy={busy}>
                        Create
                    </Button>
                </div>
            </form>
        </Dialog>
    );
}

// An id or uid that is typed in whole is found even among very many.
async function exactly(text: string, signal: AbortSignal): Promise<App | null> {
    try {
        return await api.get<App>(`/app/${encodeURIComponent(text)}`, {}, { signal });
    } catch (error) {
        if (error instanceof ApiError && error.status < 500 && error.status !== 0) return null;
        throw error;
    }
}

function Rows({ apps }: { apps: App[] }) {
    return (
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">Workspace</th>
                    <th scope="col">Profile</th>
                    <th scope="col">Created</th>
                </tr>
            </thead>
            <tbody>
                {apps.map((a) => (
                    <tr key={a.id} class="clickable" onClick={(e) => (e.target as Element).closest('a') || go(`/app/${a.id}/webhooks`)}>
                        <td class="main">
                            <div class="main-cell">
                                <Link to={`/app/${a.id}/webhooks`}>{a.name}</Link>
                                <span class="mono">{a.uid ?? a.id}</span>
                            </div>
                        </td>
                        <td data-label="Profile">{a.profile ?? ''}</td>
                        <td data-label="Created">
                            <Time at={a.createdAt} live={false} />
                        </td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

function Everybody() {
    const env = useValue(environment);
    const [creating, setCreating] = useState(false);
    const text = useQuery().get('q') ?? '';
    const list = usePaged<App>('/app', { limit: 250, order: 'descending' });
    const exact = useLoad(text ? `app ${env} ${text}` : null, (signal) => exactly(text, signal));
    const word = text.toLowerCase();
    const fits = (list.items ?? []).filter((a) => `${a.name} ${a.uid ?? ''} ${a.id}`.toLowerCase().includes(word));
    const shown = exact.data && !fits.some((a) => a.id === exact.data!.id) ? [exact.data, ...fits] : fits;
    return (
        <>
            <Head title="Workspaces">
                {ownsEnvironment() && (
                    <Button kind="primary" icon="plus" onClick={() => setCreating(true)}>
                        New workspace
                    </Button>
                )}
            </Head>
            {list.error !== undefined && <ErrorNote error={list.error} retry={list.refresh} />}
            <Card flush>
                {(list.items?.length ?? 0) > 0 && (
                    <div class="filters">
                        <Search label="Search workspaces" value={text} onInput={(q) => setQuery({ q })} />
                    </div>
                )}
                {!list.items && list.loading && <Skeleton rows={5} />}
                {list.items?.length === 0 && (
                    <Empty title="No workspaces yet">
                        <p>A workspace is one customer of yours, with endpoints of its own. Make one here, or from your application:</p>
                        <Code label="The first call" text={`curl ${location.origin}/api/v1/app \\\n  -H "Authorization: Bearer $(postrider token create)" \\\n  -H "Content-Type: application/json" \\\n  -d '{"name":"Acme","uid":"acme"}'`} />
                    </Empty>
                )}
                {shown.length > 0 && <Rows apps={shown} />}
                {(list.items?.length ?? 0) > 0 && shown.length === 0 && <Empty title="No workspace fits the search." />}
                <MoreButton more={list.more} loading={list.loading} error={list.error} onMore={list.loadMore} />
            </Card>
            {creating && <NewWorkspace onClose={() => setCreating(false)} />}
        </>
    );
}

function Mine() {
    const who = useValue(session);
    const env = useValue(environment);
    const apps = (who?.memberships ?? []).filter((m) => m.app && m.environment === env).map((m) => m.app!);
    return (
        <>
            <Head title="Workspaces" />
            <Card flush>
                {apps.length === 0 ? (
                    <Empty title="You are in no workspace">
                        <p>Ask an owner to invite you.</p>
                    </Empty>
                ) : (
                    <table class="cards">
                        <tbody>
                            {apps.map((a) => (
                                <tr key={a.id}>
                                    <td class="main">
                                        <div class="main-cell">
                                            <Link to={`/app/${a.id}/webhooks`}>{a.name}</Link>
                                            <span class="mono">{a.uid ?? a.id}</span>
                                        </div>
                                    </td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                )}
            </Card>
        </>
    );
}

export function WorkspacesPage() {
    useValue(session);
    return seesEnvironment() ? <Everybody /> : <Mine />;
}
