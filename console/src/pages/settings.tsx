// SPDX-License-Identifier: Apache-2.0
// One's own account: how one signs in, where one is signed in.
import { useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { useLoad } from '../lib/load';
import { ownsEnvironment, session, signOut } from '../lib/session';
import { useValue } from '../lib/store';
import { ThemeChoice } from '../shell';
import { Badge, Button, Card, ErrorNote, Facts, Head, Skeleton, TextField, Time } from '../ui/basic';
import { toast } from '../ui/toast';
import { MembersCard } from './members';
import { TotpCard } from './totp';

interface SessionRow {
    id: string;
    current: boolean;
    ip: string | null;
    userAgent: string | null;
    createdAt: string;
    lastUsedAt: string | null;
}

// "Firefox on Linux" of what a browser says of itself.
function browserName(agent: string | null): string {
    if (!agent) return 'Unknown browser';
    const name = /Edg\//.test(agent) ? 'Edge' : /Firefox\//.test(agent) ? 'Firefox' : /Chrom(e|ium)\//.test(agent) ? 'Chrome' : /Safari\//.test(agent) ? 'Safari' : agent.split(/[ /]/)[0];
    const system = ['Windows', 'Android', 'iPhone', 'iPad', 'Mac OS', 'Linux'].find((s) => agent.includes(s));
    return system ? `${name} on ${system}` : (name ?? 'Unknown browser');
}

function Sessions() {
    const list = useLoad('sessions', (signal) => api.get<{ data: SessionRow[] }>('/console/session/list', {}, { signal }));
    const [busy, setBusy] = useState<string | null>(null);
    const end = async (row: SessionRow) => {
        if (row.current) return signOut();
        setBusy(row.id);
        try {
            await api.delete(`/console/session/${row.id}`);
            list.reload();
        } catch (e) {
            toast.failed(e);
        }
        setBusy(null);
    };
    return (
        <Card title="Where you are signed in" flush>
            {list.error !== undefined && <ErrorNote error={list.error} retry={list.reload} />}
            {!list.data && list.loading && <Skeleton rows={2} />}
            {list.data && (
                <table class="cards">
                    <thead>
                        <tr>
                            <th scope="col">Browser</th>
                            <th scope="col">Address</th>
                            <th scope="col">Last used</th>
                            <th scope="col">
                                <span class="unseen">Actions</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        {list.data.data.map((row) => (
                            <tr key={row.id}>
                                <td>
                                    {browserName(row.userAgent)} {row.current && <Badge tone="good">This one</Badge>}
                                </td>
                                <td data-label="Address">{row.ip ?? '–'}</td>
                                <td data-label="Last used">
                                    <Time at={row.lastUsedAt ?? row.createdAt} />
                                </td>
                                <td class="right">
                                    <Button small busy={busy === row.id} label={row.current ? 'Sign out here' : `End the session of ${browserName(row.userAgent)}`} onClick={() => void end(row)}>
                                        {row.current ? 'Sign out' : 'End'}
                                    </Button>
                                </td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            )}
        </Card>
    );
}

function Password() {
    const [current, setCurrent] = useState('');
    const [next, setNext] = useState('');
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const field = (n: string) => (error instanceof ApiError ? error.field(n) : undefined);
    const wrong = error instanceof ApiError && error.code === 'bad_credentials';
    const save = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setError(null);
        try {
            await api.put('/console/password', { current, new: next }, { quiet: true });
            setCurrent('');
            setNext('');
            toast.done('The password is changed. Your other sessions are ended.');
        } catch (e) {
            setError(e);
        }
        setBusy(false);
    };
    return (
        <Card title="Password">
            <form class="stack form" onSubmit={(e) => void save(e)}>
                <TextField label="Current password" type="password" autocomplete="current-password" value={current} onInput={setCurrent} error={wrong ? 'This is not your password.' : field('current')} required />
                <TextField label="New password" type="password" autocomplete="new-password" value={next} onInput={setNext} error={field('new')} required />
                {error !== null && !wrong && !field('new') && !field('current') && <ErrorNote error={error} />}
                <div>
                    <Button type="submit" busy={busy}>
                        Change password
                    </Button>
                </div>
            </form>
        </Card>
    );
}

export function SettingsPage() {
    const who = useValue(session);
    if (!who) return null;
    return (
        <>
            <Head title="Settings" />
            <Card title="Appearance">
                <ThemeChoice />
            </Card>
            {who.user ? (
                <>
                    <Card title="Account">
                        <Facts
                            items={[
                                ['E-mail', who.user.email],
                                ['Name', who.user.name ?? '–'],
                            ]}
                        />
                    </Card>
                    <Password />
                    <TotpCard />
                    <Sessions />
                    {ownsEnvironment() && <MembersCard />}
                </>
            ) : (
                <Card title="This visit">
                    <div class="stack">
                        <p>You came here by a link of the application that uses these webhooks{who.portal?.readOnly ? ', and may look but not change' : ''}.</p>
                        <div>
                            <Button icon="out" onClick={() => void signOut()}>
                                End this visit
                            </Button>
                        </div>
                    </div>
                </Card>
            )}
        </>
    );
}
