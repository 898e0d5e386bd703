// SPDX-License-Identifier: Apache-2.0
// Who may use the console in this environment, or in single workspaces of it.
import { useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { useLoad } from '../lib/load';
import type { Role } from '../lib/session';
import type { App, Page } from '../lib/types';
import { Badge, Button, Card, Code, Empty, ErrorNote, Note, SelectField, Skeleton, TextField, Time } from '../ui/basic';
import { Confirm, Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';

interface Member {
    id: string;
    email: string;
    name: string | null;
    role: Role;
    appId: string | null;
    invited: boolean;
    disabled: boolean;
    totp: boolean;
    lastSignInAt: string | null;
}

const roles = [
    { value: 'owner', text: 'Owner: everything' },
    { value: 'editor', text: 'Editor: endpoints, replay, secrets' },
    { value: 'viewer', text: 'Viewer: look only' },
];

function Invite({ apps, onClose, onDone }: { apps: App[]; onClose: () => void; onDone: (email: string, link: string | null) => void }) {
    const [email, setEmail] = useState('');
    const [role, setRole] = useState('viewer');
    const [app, setApp] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const field = (n: string) => (error instanceof ApiError ? error.field(n) : undefined);
    const invite = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        try {
            const made = await api.post<{ link: string | null }>('/console/member', { email, role, ...(app ? { app } : {}) });
            onDone(email, made.link);
        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };
    return (
        <Dialog title="Invite somebody" onClose={onClose}>
            <form onSubmit={(e) => void invite(e)}>
                <div class="dialog-body">
                    <TextField label="E-mail" type="email" value={email} onInput={setEmail} error={field('email')} required autofocus />
                    <SelectField label="Role" value={role} onChange={setRole} options={roles} />
                    <SelectField label="Where" value={app} onChange={setApp} options={[{ value: '', text: 'All workspaces' }, ...apps.map((a) => ({ value: a.id, text: a.name }))]} />
                    {error !== null && !field('email') && <ErrorNote error={error} />}
                </div>
                <div class="dialog-foot">
                    <Button onClick={onClose}>Cancel</Button>
                    <Button kind="primary" type="submit" busy={busy}>
                        Invite
                    </Button>
                </div>
            </form>
        </Dialog>
    );
}

export function MembersCard() {
    const list = useLoad('members', (signal) => api.get<Page<Member>>('/console/member', { limit: 250 }, { signal }));
    const apps = useLoad('apps of members', (signal) => api.get<Page<App>>('/app', { limit: 250 }, { signal }));
    const [inviting, setInviting] = useState(false);
    const [link, setLink] = useState<{ email: string; link: string | null } | null>(null);
    const [removing, setRemoving] = useState<Member | null>(null);
    const change = (m: Member, role: string) => api.put(`/console/member/${m.id}`, { role }).then(list.reload, toast.failed);
    const nameOf = (id: string) => apps.data?.data.find((a) => a.id === id)?.name ?? id;
    return (
        <Card
            title="Members"
            flush
            actions={
                <Button small icon="plus" onClick={() => setInviting(true)}>
                    Invite
                </Button>
            }
        >
            {link && (
                <div class="card-body stack">
                    <Note tone="good">
                        <p>{link.link ? `Give this link to ${link.email}. It works once.` : `${link.email} gets a mail with a link.`}</p>
                    </Note>
                    {link.link && <Code label="Invitation link" text={link.link} />}
                </div>
            )}
            {list.error !== undefined && <ErrorNote error={list.error} retry={list.reload} />}
            {!list.data && list.loading && <Skeleton rows={3} />}
            {list.data?.data.length === 0 && <Empty title="Nobody yet." />}
            {list.data && list.data.data.length > 0 && (
                <table class="cards">
                    <thead>
                        <tr>
                            <th scope="col">Person</th>
                            <th scope="col">Role</th>
                            <th scope="col">Where</th>
                            <th scope="col">Last sign-in</th>
                            <th scope="col">
                                <span class="unseen">Actions</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        {list.data.data.map((m) => (
                            <tr key={m.id}>
                                <td class="main">
                                    <div class="main-cell">
                                        <strong>{m.name || m.email}</strong>
                                        {m.name && <span class="muted small-text">{m.email}</span>}
                                    </div>
                                </td>
                                <td data-label="Role">
                                    <select aria-label={`Role of ${m.email}`} value={m.role} onChange={(e) => void change(m, e.currentTarget.value)}>
                                        {roles.map((r) => (
                                            <option key={r.value} value={r.value}>
                                                {r.text.split(':')[0]}
                                            </option>
                                        ))}
                                    </select>
                                </td>
                                <td data-label="Where">{m.appId ? nameOf(m.appId) : 'All workspaces'}</td>
                                <td data-label="Last sign-in">{m.invited ? <Badge tone="plain">Invited</Badge> : m.disabled ? <Badge tone="warn">Disabled</Badge> : <Time at={m.lastSignInAt} />}</td>
                                <td class="right">
                                    <Button small kind="danger" label={`Remove ${m.email}`} onClick={() => setRemoving(m)}>
                                        Remove
                                    </Button>
                                </td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            )}
            {inviting && (
                <Invite
                    apps={apps.data?.data ?? []}
                    onClose={() => setInviting(false)}
                    onDone={(email, made) => {
                        setInviting(false);
                        setLink({ email, link: made });
                        list.reload();
                    }}
                />
            )}
            {removing && (
                <Confirm
                    title="Remove this person?"
                    action="Remove"
                    danger
                    onClose={() => setRemoving(null)}
                    onConfirm={async () => {
                        await api.delete(`/console/member/${removing.id}`);
                        setRemoving(null);
                        list.reload();
                    }}
                >
                    <p>
                        <strong>{removing.email}</strong> loses access {removing.appId ? `to ${nameOf(removing.appId)}` : 'to this environment'} at once.
                    </p>
                </Confirm>
            )}
        </Card>
    );
}
