// SPDX-License-Identifier: Apache-2.0
// Creating and changing an endpoint. A change sends only what was changed, and only over the version that was shown.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useMemo, useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { all, useLoad } from '../lib/load';
import { go, setLeaveGuard } from '../lib/router';
import type { Endpoint, EndpointHeaders, Profile } from '../lib/types';
import { scheduleWords } from '../lib/words';
import { Button, Card, Check, ErrorNote, Head, SelectField, Skeleton, TextField } from '../ui/basic';
import { Confirm, Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';
import { useEventTypes, useWorkspace } from '../workspace';
import { EventTypePicker } from './event_types';

interface HeaderRow {
    key: number;
    name: string;
    value: string;
    masked: boolean; // the server holds a value that it does not show
}

interface Form {
    name: string;
    url: string;
    description: string;
    eventTypes: string[] | null;
    headers: HeaderRow[];
    profile: string;
    rateLimit: string;
    fifo: boolean;
}

let rowKey = 0;
const emptyForm: Form = { name: '', url: '', description: '', eventTypes: [], headers: [], profile: '', rateLimit: '', fifo: false };

function formOf(e: Endpoint, h: EndpointHeaders): Form {
    return {
        name: e.name ?? '',
        url: e.url,
        description: e.description,
        eventTypes: e.eventTypes,
        headers: Object.entries(h.headers).map(([name, value]) => ({ key: ++rowKey, name, value: h.sensitive.includes(name) ? '' : value, masked: h.sensitive.includes(name) })),
        profile: e.profile ?? '',
        rateLimit: e.rateLimit === null ? '' : String(e.rateLimit),
        fifo: e.fifo,
    };
}

// What can be said before the server is asked.
export function urlProblem(text: string): string | null {
    const url = text.trim();
    if (url === '') return 'Enter the URL that receives the webhooks.';
    if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return 'The URL begins with https://';
    let parsed: URL;
    try {
        parsed = new URL(url);
    } catch {
        return 'This is not a URL, such as https://example.com/webhooks';
    }
    if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') return 'Only https:// URLs receive webhooks.';
    if (parsed.username || parsed.password) return 'No user name or password in the URL: use a custom header.';
    const onThisMachine = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
    if (onThisMachine) return null; // a development server may allow more
    if (parsed.protocol === 'http:') return 'The URL must be HTTPS.';
    if (/^(localhost|127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|0\.0\.0\.0|\[::1?\]|\[f[cde])/i.test(parsed.hostname) || /\.(local|internal|localhost)$/i.test(parsed.hostname))
        return 'The URL must be reachable from the internet.';
    return null;
}

type Problems = Partial<Record<'name' | 'url' | 'eventTypes' | 'headers' | 'rateLimit' | 'profile', string>>;

function check(f: Form): Problems {
    const problems: Problems = {};
    const url = urlProblem(f.url);
    if (url) problems.url = url;
    if (f.eventTypes !== null && f.eventTypes.length === 0) problems.eventTypes = 'Choose All Events, or at least one type.';
    if (f.rateLimit !== '' && !(Number.isInteger(Number(f.rateLimit)) && Number(f.rateLimit) >= 1 && Number(f.rateLimit) <= 65535)) problems.rateLimit = 'A whole number from 1 to 65535, or nothing.';
    const names = f.headers.map((h) => h.name.trim().toLowerCase());
    if (f.headers.some((h) => h.name.trim() === '' && h.value !== '')) problems.headers = 'A header needs a name.';
    if (new Set(names.filter(Boolean)).size !== names.filter(Boolean).length) problems.headers = 'Each header only once.';
    return problems;
}

function problemsOf(error: unknown): Problems {
    if (!(error instanceof ApiError)) return {};
    const out: Problems = {};
    for (const name of ['name', 'url', 'eventTypes', 'headers', 'rateLimit', 'profile'] as const) {
        const found = error.problems.filter((p) => p.loc.includes(name) || (name === 'rateLimit' && p.loc.includes('throttleRate')));
        if (found.length > 0) out[name] = found.map((p) => (name === 'headers' && p.loc.length > 2 ? `${p.loc[p.loc.length - 1]}: ${p.msg}` : p.msg)).join('; ');
    }
    return out;
}

function HeaderRows({ rows, onChange, error }: { rows: HeaderRow[]; onChange: (rows: HeaderRow[]) => void; error: string | undefined }) {
    const change = (key: number, part: Partial<HeaderRow>) => onChange(rows.map((r) => (r.key === key ? { ...r, ...part } : r)));
    return (
        <div class="field" role="group" aria-label="Custom headers">
            <span class="field-label">Custom headers</span>
            <div class="header-rows">
                {rows.map((r, i) => (
                    <div class="header-row" key={r.key}>
                        <input class="mono" aria-label={`Name of header ${i + 1}`} placeholder="Authorization" value={r.name} autocomplete="off" spellcheck={false} readOnly={r.masked} onInput={(e) => change(r.key, { name: e.currentTarget.value })} />
                        <input class="mono" aria-label={`Value of header ${i + 1}`} placeholder={r.masked ? '•••••••• (kept)' : 'Bearer …'} value={r.value} autocomplete="off" spellcheck={false} onInput={(e) => change(r.key, { value: e.currentTarget.value })} />
                        <Button kind="quiet" icon="trash" label={`Remove header ${i + 1}`} onClick={() => onChange(rows.filter((o) => o.key !== r.key))} />
                    </div>
                ))}
            </div>
            {error && <p class="field-error">{error}</p>}
            <div>
                <Button small icon="plus" onClick={() => onChange([...rows, { key: ++rowKey, name: '', value: '', masked: false }])}>
                    Add header
                </Button>
            </div>
            <p class="hint">Sent with every request, for example Authorization. Values are stored encrypted; those that look like secrets are not shown again.</p>
        </div>
    );
}

interface FormProps {
    initial: Form;
    action: string;
    onSave: (form: Form) => Promise<void>;
    onCancel: () => void;
    remove?: ComponentChildren;
}

function EndpointForm({ initial, action, onSave, onCancel, remove }: FormProps) {
    const { app } = useWorkspace();
    const [form, setForm] = useState(initial);
    const [tried, setTried] = useState(false);
    const [urlSeen, setUrlSeen] = useState(false);
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>(null);
    const profiles = useLoad('profiles', (signal) => all<Profile & { id: string }>('/profile', {}, signal));
    const used = form.profile || app?.profile;
    const types = useEventTypes(used);
    const dirty = JSON.stringify(form) !== JSON.stringify(initial);
    useLayoutEffect(() => {
        setLeaveGuard(() => dirty && !busy, () => dirty);
        return () => setLeaveGuard(null);
    }, [dirty, busy]);
    const own = check(form);
    const theirs = problemsOf(error);
    const problem = (name: keyof Problems) => theirs[name] ?? (tried ? own[name] : undefined);
    const change = (part: Partial<Form>) => {
        setForm((f) => ({ ...f, ...part }));
        setError(null);
    };
    const submit = async (event: Event) => {
        event.preventDefault();
        setTried(true);
        if (Object.keys(own).length > 0) {
            requestAnimationFrame(() => document.querySelector<HTMLElement>('[aria-invalid="true"], .field-error')?.scrollIntoView({ block: 'center' }));
            return;
        }
        setBusy(true);
        setError(null);
        try {
            await onSave(form);
        } catch (e) {
            setError(e);
        }
        setBusy(false);
    };
    const profile = profiles.data?.find((p) => p.name === used);
    const rest = error !== null && Object.keys(theirs).length === 0;
    return (
        <form class="form" onSubmit={(e) => void submit(e)} noValidate>
            <Card>
                <div class="stack">
                    <TextField label="Name" value={form.name} onInput={(name) => change({ name })} error={problem('name')} placeholder="Production" hint="What you call this endpoint." />
                    <TextField
                        label="Endpoint URL"
                        type="url"
                        inputMode="url"
                        mono
                        required
                        value={form.url}
                        onInput={(url) => change({ url })}
                        onBlur={() => setUrlSeen(form.url !== '')}
                        error={problem('url') ?? (urlSeen ? own.url : undefined)}
                        placeholder="https://example.com/webhooks"
                        hint={urlSeen && !own.url && !theirs.url ? 'Looks right. The address behind it is checked again at every delivery.' : 'A publicly accessible HTTPS URL that takes POST requests.'}
                    />
                    {types.error !== undefined && <ErrorNote error={types.error} retry={types.reload} />}
                    {types.data ? <EventTypePicker types={types.data} chosen={form.eventTypes} onChange={(eventTypes) => change({ eventTypes })} error={problem('eventTypes') ?? null} /> : <Skeleton rows={12} />}
                </div>
            </Card>
            <Card title="Delivery">
                <div class="stack">
                    <HeaderRows rows={form.headers} onChange={(headers) => change({ headers })} error={problem('headers')} />
                    <div class="pair">
                        <TextField label="Rate limit" optional inputMode="numeric" value={form.rateLimit} onInput={(rateLimit) => change({ rateLimit })} error={problem('rateLimit')} hint="Requests per second; nothing means no limit." />
                        <SelectField
                            label="Profile"
                            value={form.profile}
                            onChange={(p) => change({ profile: p })}
                            hint={profile ? `${scheduleWords(profile.retrySchedule ?? [])}, ${(profile.timeoutMs ?? 0) / 1000} s to answer.` : 'How requests look and are signed.'}
                            options={[{ value: '', text: `As the workspace${app?.profile ? ` (${app.profile})` : ''}` }, ...(profiles.data ?? []).map((p) => ({ value: p.name, text: p.name }))]}
                        />
                    </div>
                    <Check label="Strict order" checked={form.fifo} onChange={(fifo) => change({ fifo })} hint="The next event waits until the one before it is delivered or given up." />
                    <TextField label="Description" optional value={form.description} onInput={(description) => change({ description })} />
                </div>
            </Card>
            {rest && <ErrorNote error={error} />}
            {tried && Object.keys(own).length > 0 && (
                <p class="field-error" role="alert">
                    Not saved: {Object.values(own).join(' ')}
                </p>
            )}
            <div class="form-foot">
                <div class="row">
                    <Button kind="primary" type="submit" busy={busy}>
                        {action}
                    </Button>
                    <Button onClick={onCancel}>Cancel</Button>
                </div>
                {remove}
            </div>
        </form>
    );
}

function common(f: Form) {
    return {
        name: f.name.trim() || null,
        url: f.url.trim(),
        description: f.description,
        eventTypes: f.eventTypes,
        rateLimit: f.rateLimit === '' ? null : Number(f.rateLimit),
        profile: f.profile || null,
        fifo: f.fifo,
    };
}

function filled(rows: HeaderRow[]): Record<string, string> {
    return Object.fromEntries(rows.filter((h) => h.name.trim() !== '').map((h) => [h.name.trim(), h.value]));
}

export function NewEndpointPage() {
    const { base, path, app } = useWorkspace();
    const save = async (form: Form) => {
        const { name, rateLimit, profile, eventTypes, ...rest } = common(form);
        const from = location.pathname;
        const made = await api.post<Endpoint>(`${path}/endpoint`, {
            ...rest,
            ...(name ? { name } : {}),
            ...(eventTypes ? { eventTypes } : {}),
            ...(rateLimit ? { rateLimit } : {}),
            ...(profile ? { profile } : {}),
            headers: filled(form.headers),
        });
        toast.done('The endpoint is ready. Send a test event to try it.');
        go(`${base}/webhooks/${made.id}`, { force: true, from });
    };
    return (
        <>
            <Head title="New Webhook Endpoint" crumbs={[{ text: app?.name ?? '…' }, { to: `${base}/webhooks`, text: 'Webhooks' }, { text: 'New' }]} />
            <EndpointForm initial={emptyForm} action="Create Webhook Endpoint" onSave={save} onCancel={() => go(`${base}/webhooks`)} />
        </>
    );
}

interface Shown {
    endpoint: Endpoint;
    headers: EndpointHeaders;
}

// Only what differs, so that what somebody else changed meanwhile is left alone.
function changed(before: Form, after: Form): Record<string, unknown> {
    const old: Record<string, unknown> = common(before);
    return Object.fromEntries(Object.entries(common(after)).filter(([name, v]) => JSON.stringify(v) !== JSON.stringify(old[name])));
}

function headerChanges(before: Form, after: Form): { headers: Record<string, string>; deleteHeaders: string[] } | null {
    const kept = after.headers.filter((h) => !(h.masked && h.value === ''));
    const old = new Map(before.headers.map((h) => [h.name, h]));
    const headers = Object.fromEntries(Object.entries(filled(kept)).filter(([name, v]) => old.get(name)?.masked !== false || old.get(name)?.value !== v));
    const left = new Set(after.headers.map((h) => h.name.trim()));
    const deleteHeaders = before.headers.map((h) => h.name).filter((name) => !left.has(name));
    return Object.keys(headers).length + deleteHeaders.length > 0 ? { headers, deleteHeaders } : null;
}

function Conflict({ mine, theirs, onClose, onOverwrite, onReload }: { mine: Record<string, unknown>; theirs: Endpoint; onClose: () => void; onOverwrite: () => Promise<void>; onReload: () => void }) {
    const [error, setError] = useState<unknown>(null);
    const show = (v: unknown) => (v === null || v === '' ? 'nothing' : Array.isArray(v) ? v.join(', ') : String(v));
    return (
        <Dialog title="Somebody changed this endpoint meanwhile" onClose={onClose}>
            <div class="dialog-body">
                <p>It was saved elsewhere after you opened it. Yours against what is there now:</p>
                <table>
                    <thead>
                        <tr>
                            <th scope="col">Field</th>
                            <th scope="col">Yours</th>
                            <th scope="col">Now</th>
                        </tr>
                    </thead>
                    <tbody>
                        {Object.entries(mine).map(([name, v]) => (
                            <tr key={name}>
                                <td>{name}</td>
                                <td>{show(v)}</td>
                                <td>{show((theirs as unknown as Record<string, unknown>)[name])}</td>
                            </tr>
                        ))}
                    </tbody>
                </table>
                {error !== null && <ErrorNote error={error} />}
            </div>
            <div class="dialog-foot">
                <Button onClick={onReload}>Discard mine</Button>
                <Button kind="primary" onClick={() => void onOverwrite().catch(setError)}>
                    Save mine
                </Button>
            </div>
        </Dialog>
    );
}

function EditForm({ shown, reload }: { shown: Shown; reload: () => void }) {
    const { base, path, rights } = useWorkspace();
    const { endpoint } = shown;
    const [initial] = useState(() => formOf(endpoint, shown.headers));
    const [removing, setRemoving] = useState(false);
    const [conflict, setConflict] = useState<{ form: Form; theirs: Endpoint } | null>(null);
    const page = `${base}/webhooks/${endpoint.id}`;
    const where = `${path}/endpoint/${endpoint.id}`;

    const store = async (form: Form, over: string) => {
        const fields = changed(initial, form);
        const headers = headerChanges(initial, form);
        if (Object.keys(fields).length > 0) await api.patch(where, fields, { headers: { 'If-Match': `"${over}"` } });
        if (headers) await api.patch(`${where}/headers`, headers);
        toast.done('Saved.');
        go(page, { force: true, from: `${page}/edit` });
    };
    const save = async (form: Form) => {
        try {
            // Not every server knows If-Match: what is there is looked at as well.
            const now = await api.get<Endpoint>(where);
            if (now.updatedAt !== endpoint.updatedAt) setConflict({ form, theirs: now });
            else await store(form, endpoint.updatedAt);
        } catch (e) {
            if (!(e instanceof ApiError) || e.status !== 412) throw e;
            setConflict({ form, theirs: await api.get<Endpoint>(where) });
        }
    };
    return (
        <>
            <EndpointForm
                initial={initial}
                action="Update Webhook Endpoint"
                onSave={save}
                onCancel={() => go(page)}
                remove={
                    rights.edit && (
                        <Button kind="danger" icon="trash" onClick={() => setRemoving(true)}>
                            Delete Endpoint
                        </Button>
                    )
                }
            />
            {conflict && (
                <Conflict
                    mine={changed(initial, conflict.form)}
                    theirs={conflict.theirs}
                    onClose={() => setConflict(null)}
                    onOverwrite={() => store(conflict.form, conflict.theirs.updatedAt)}
                    onReload={() => {
                        setConflict(null);
                        reload();
                    }}
                />
            )}
            {removing && <DeleteDialog endpoint={endpoint} onClose={() => setRemoving(false)} />}
        </>
    );
}

function DeleteDialog({ endpoint, onClose }: { endpoint: Endpoint; onClose: () => void }) {
    const { base, path } = useWorkspace();
    return (
        <Confirm
            title="Delete this endpoint?"
            action="Delete"
            danger
            onClose={onClose}
            onConfirm={async () => {
                const from = location.pathname;
                await api.delete(`${path}/endpoint/${endpoint.id}`);
                toast.done('The endpoint is deleted.');
                go(`${base}/webhooks`, { force: true, from });
            }}
        >
            <p>
                <strong>{endpoint.name || endpoint.url}</strong>
            </p>
            <ul class="plain">
                <li>It receives nothing any more. What still waits for it, retries too, fails.</li>
                <li>Its signing secret and custom headers are gone: an endpoint that you make later has another secret.</li>
                <li>Events and attempts so far stay in the log until they age out.</li>
            </ul>
            <p class="muted">To pause it instead, disable it on its page.</p>
        </Confirm>
    );
}

export function EditEndpointPage({ params }: { params: Record<string, string> }) {
    const { base, path, app } = useWorkspace();
    const loaded = useLoad<Shown>(`edit ${path} ${params.ep}`, async (signal) => {
        const [endpoint, headers] = await Promise.all([
            api.get<Endpoint>(`${path}/endpoint/${params.ep}`, {}, { signal }),
            api.get<EndpointHeaders>(`${path}/endpoint/${params.ep}/headers`, {}, { signal }),
        ]);
        return { endpoint, headers };
    });
    const name = loaded.data?.endpoint.name || loaded.data?.endpoint.url || '…';
    const key = useMemo(() => loaded.data?.endpoint.updatedAt, [loaded.data]);
    return (
        <>
            <Head title="Edit Endpoint" crumbs={[{ text: app?.name ?? '…' }, { to: `${base}/webhooks`, text: 'Webhooks' }, { to: `${base}/webhooks/${params.ep}`, text: name }, { text: 'Edit' }]} />
            {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
            {!loaded.data && loaded.loading && (
                <Card>
                    <Skeleton rows={6} />
                </Card>
            )}
            {loaded.data && <EditForm key={key} shown={loaded.data} reload={loaded.reload} />}
        </>
    );
}
