// SPDX-License-Identifier: Apache-2.0
// API keys of the environment: shown once, with rights, an end, and when they were last used.
import { useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { usePaged } from '../lib/load';
import { Button, Card, Check, Code, Empty, ErrorNote, MoreButton, Note, SelectField, Skeleton, TextField, Time } from '../ui/basic';
import { Confirm, Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';

interface ApiKey {
    id: string;
    name: string;
    role: string;
    appId: string | null;
    scopes: string[] | null;
    censoredToken: string;
    createdAt: string;
    expiresAt: string | null;
    lastUsedAt: string | null;
    token?: string;
}

const areas = ['app', 'endpoint', 'message', 'attempt', 'event-type', 'profile'];
const roles = [
    { value: 'owner', text: 'Owner: everything' },
    { value: 'editor', text: 'Editor: endpoints and events' },
    { value: 'viewer', text: 'Viewer: look only' },
];
const lives = [
    { value: '', text: 'Never' },
    { value: '2592000', text: 'In 30 days' },
    { value: '7776000', text: 'In 90 days' },
    { value: '31536000', text: 'In a year' },
];

function NewKey({ onClose, onMade }: { onClose: () => void; onMade: (key: ApiKey) => void }) {
    const { app } = useWorkspace();
    const [name, setName] = useState('');
    const [role, setRole] = useState('editor');
    const [confined, setConfined] = useState(true);
    const [life, setLife] = useState('7776000');
    const [scopes, setScopes] = useState<string[]>([]);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const create = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        try {
            onMade(
                await api.post<ApiKey>('/auth/api-key', {
                    name,
                    role,
                    ...(confined && app ? { appId: app.id } : {}),
                    ...(life ? { expiresIn: Number(life) } : {}),
                    ...(scopes.length > 0 ? { scopes } : {}),
                }),
            );
        } catch (e) {
            setError(e);
            setBusy(false);
        }
    };
    const toggle = (scope: string, on: boolean) => setScopes(on ? [...scopes, scope] : scopes.filter((s) => s !== scope));
    return (
        <Dialog title="New API key" onClose={onClose}>
            <form onSubmit={(e) => void create(e)}>
                <div class="dialog-body">
                    <TextField label="Name" value={name} onInput={setName} hint="What it is for." error={error instanceof ApiError ? error.field('name') : undefined} required autofocus />
                    <SelectField label="Role" value={role} onChange={setRole} options={confined ? roles.filter((r) => r.value !== 'owner') : roles} />
                    <Check label={`Only for ${app?.name ?? 'this workspace'}`} checked={confined} onChange={(on) => (setConfined(on), on && role === 'owner' && setRole('editor'))} />
                    <SelectField label="It ends" value={life} onChange={setLife} options={lives} />
                    <details class="plain">
                        <summary>Scopes</summary>
                        <p class="hint">None chosen means all that the role may do.</p>
                        <div class="scopes">
                            {areas.flatMap((a) => [`${a}:read`, `${a}:write`]).map((s) => (
                                <Check key={s} label={<span class="mono">{s}</span>} checked={scopes.includes(s)} onChange={(on) => toggle(s, on)} />
                            ))}
                        </div>
                    </details>
                    {error !== null && <ErrorNote error={error} />}
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

export function ApiKeysCard() {
    const { app } = useWorkspace();
    const list = usePaged<ApiKey>('/auth/api-key', { limit: 50 });
    const [creating, setCreating] = useState(false);
    const [made, setMade] = useState<ApiKey | null>(null);
    const [revoking, setRevoking] = useState<ApiKey | null>(null);
    return (
        <Card
            title="API keys"
            flush
            actions={
                <Button small icon="plus" onClick={() => setCreating(true)}>
                    New API key
                </Button>
            }
        >
            {made?.token && (
                <div class="card-body stack">
                    <Note tone="good">
                        <p>The key “{made.name}” is ready. Copy it now: it is not shown again.</p>
                    </Note>
                    <Code label="API key" text={made.token} />
                </div>
            )}
            {list.error !== undefined && <ErrorNote error={list.error} retry={list.refresh} />}
            {!list.items && list.loading && <Skeleton rows={3} />}
            {list.items?.length === 0 && (
                <Empty title="No API keys yet">
                    <p>Your application needs one to send events.</p>
                </Empty>
            )}
            {list.items && list.items.length > 0 && (
                <table class="cards">
                    <thead>
                        <tr>
                            <th scope="col">Key</th>
                            <th scope="col">For</th>
                            <th scope="col">Last used</th>
                            <th scope="col">Ends</th>
                            <th scope="col">
                                <span class="unseen">Actions</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        {list.items.map((k) => (
                            <tr key={k.id}>
                                <td class="main">
                                    <div class="main-cell">
                                        <strong>{k.name}</strong>
                                        <span class="mono">{k.censoredToken}</span>
                                    </div>
                                </td>
                                <td data-label="For">
                                    {k.role}, {k.appId === null ? 'the environment' : k.appId === app?.id ? app.name : k.appId}
                                    {k.scopes && <span class="muted small-text"> ({k.scopes.join(', ')})</span>}
                                </td>
                                <td data-label="Last used">{k.lastUsedAt ? <Time at={k.lastUsedAt} /> : <span class="muted">Never</span>}</td>
                                <td data-label="Ends">{k.expiresAt ? <Time at={k.expiresAt} /> : <span class="muted">Never</span>}</td>
                                <td class="right">
                                    <Button small kind="danger" label={`Revoke ${k.name}`} onClick={() => setRevoking(k)}>
                                        Revoke
                                    </Button>
                                </td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            )}
            <MoreButton more={list.more} loading={list.loading} error={list.error} onMore={list.loadMore} />
            {creating && (
                <NewKey
                    onClose={() => setCreating(false)}
                    onMade={(k) => {
                        setCreating(false);
                        setMade(k);
                        list.refresh();
                    }}
                />
            )}
            {revoking && (
                <Confirm
                    title="Revoke this key?"
                    action="Revoke"
                    danger
                    onClose={() => setRevoking(null)}
                    onConfirm={async () => {
                        await api.delete(`/auth/api-key/${revoking.id}`);
                        setRevoking(null);
                        toast.done('The key is revoked.');
                        list.refresh();
                    }}
                >
                    <p>
                        <strong>{revoking.name}</strong> stops working at once. This cannot be undone.
                    </p>
                </Confirm>
            )}
        </Card>
    );
}
