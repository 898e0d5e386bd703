// SPDX-License-Identifier: Apache-2.0
// One record: its data, its tags, what it was before.
import { useState } from 'preact/hooks';
import { api } from '../lib/api';
import { when } from '../lib/format';
import { useLive } from '../lib/live';
import { useLoad, usePaged } from '../lib/load';
import { loadRecord, recordLabel, type RecordOut, recordTypeName } from '../lib/records';
import { go } from '../lib/router';
import type { Run } from '../lib/runs';
import type { Actor } from '../lib/types';
import { actorName } from '../lib/words';
import { Badge, Button, Card, CopyButton, ErrorNote, Facts, Head, MoreButton, Pending, Skeleton, Time } from '../ui/basic';
import { Confirm } from '../ui/dialog';
import { Data, pretty } from '../ui/json';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';
import { RecordDialog } from './record_form';
import { RunsTable } from './runs_table';

interface Change {
    id: string;
    at: string;
    change: string;
    actor: Actor | null;
    import?: string;
    changes: { path: string; from: unknown; to: unknown }[];
}

const changeWords: Record<string, string> = { created: 'Created', updated: 'Changed', deleted: 'Deleted' };

function short(v: unknown): string {
    const text = v === null || v === undefined ? '–' : typeof v === 'string' ? v : JSON.stringify(v);
    return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

function Tags({ record, where, canEdit, onChange }: { record: RecordOut; where: string; canEdit: boolean; onChange: () => void }) {
    const [text, setText] = useState('');
    const [busy, setBusy] = useState(false);
    const run = async (change: () => Promise<unknown>) => {
        setBusy(true);
        try {
            await change();
            onChange();
        } catch (e) {
            toast.failed(e);
        }
        setBusy(false);
    };
    const add = (event: Event) => {
        event.preventDefault();
        const tag = text.trim();
        if (!tag) return;
        void run(async () => {
            await api.post(`${where}/tag/${encodeURIComponent(tag)}`);
            setText((typed) => (typed === text ? '' : typed));
        });
    };
    return (
        <div class="stack">
            <div class="row tags">
                {record.tags.length === 0 && <span class="muted">None</span>}
                {record.tags.map((tag) => (
                    <span class="row" key={tag}>
                        <Badge tone="plain">{tag}</Badge>
                        {canEdit && <Button kind="quiet" small icon="close" label={`Remove tag ${tag}`} disabled={busy} onClick={() => void run(() => api.delete(`${where}/tag/${encodeURIComponent(tag)}`))} />}
                    </span>
                ))}
            </div>
            {canEdit && (
                <form class="row tag-form" onSubmit={add}>
                    <input aria-label="New tag" placeholder="New tag" value={text} maxLength={128} onInput={(e) => setText(e.currentTarget.value)} />
                    <Button type="submit" small icon="plus" disabled={busy || text.trim() === ''}>
                        Add tag
                    </Button>
                </form>
            )}
        </div>
    );
}

function History({ list }: { list: ReturnType<typeof usePaged<Change>> }) {
    return (
        <Card title="History" flush>
            {list.error !== undefined && <ErrorNote error={list.error} retry={list.refresh} />}
            {!list.items && list.loading && <Skeleton rows={3} />}
            {list.items && list.items.length > 0 && (
                <table class="cards history">
                    <thead>
                        <tr>
                            <th scope="col">When</th>
                            <th scope="col">By</th>
                            <th scope="col">What</th>
                        </tr>
                    </thead>
                    <tbody>
                        {list.items.map((c) => (
                            <tr key={c.id}>
                                <td class="main">
                                    <Time at={c.at} />
                                </td>
                                <td data-label="By">
                                    {actorName(c.actor)}
                                    {c.import && <span class="muted">, from a file</span>}
                                </td>
                                <td data-label="What">
                                    <div>
                                        {changeWords[c.change] ?? c.change}
                                        {c.changes.map((part) => (
                                            <div class="muted small-text" key={part.path}>
                                                {part.path}: {short(part.from)} → {short(part.to)}
                                            </div>
                                        ))}
                                    </div>
                                </td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            )}
            <MoreButton more={list.more} loading={list.loading} error={list.error} onMore={list.loadMore} />
        </Card>
    );
}

// The runs of automations that are about it, while they go on; what they do may change it.
function RecordRuns({ where, record, onNews }: { where: string; record: string; onNews: () => void }) {
    const { id } = useWorkspace();
    const list = usePaged<Run>(`${where}/run`, { limit: 10 });
    useLive(
        id,
        (e) => e.kind === 'run' && e.data.target === record,
        () => {
            list.refresh();
            onNews();
        },
    );
    return (
        <Card title="Automation runs" flush>
            {list.error !== undefined && <ErrorNote error={list.error} retry={list.refresh} />}
            {!list.items && list.loading && <Skeleton rows={2} />}
            {list.items?.length === 0 && <p class="muted padded">No automation has run for this record.</p>}
            {list.items && list.items.length > 0 && <RunsTable runs={list.items} of="record" />}
            <MoreButton more={list.more} loading={list.loading} error={list.error} onMore={list.loadMore} />
        </Card>
    );
}

export function RecordPage({ params }: { params: Record<string, string> }) {
    const { base, path, app, rights } = useWorkspace();
    const type = params.type!;
    const back = `${base}/records/${encodeURIComponent(type)}`;
    const where = `${path}/record/${encodeURIComponent(type)}/${encodeURIComponent(params.record!)}`;
    const loaded = useLoad(where, (signal) => loadRecord(where, signal));
    const history = usePaged<Change>(`${where}/history`, { limit: 50 });
    const [deleting, setDeleting] = useState(false);
    // What was there when the dialog opened: it is saved over that, and over nothing newer.
    const [editing, setEditing] = useState<typeof loaded.data>(undefined);
    const record = loaded.data?.record;
    const crumbs = [{ text: app?.name ?? '…' }, { to: back, text: recordTypeName(type) }, { text: record ? recordLabel(record) : '…' }];
    const again = () => {
        loaded.reload();
        history.refresh();
    };
    if (!loaded.data || !record)
        return (
            <>
                <Head title="Record" crumbs={crumbs} />
                <Pending of={loaded} />
                {loaded.error !== undefined && (history.items?.length ?? 0) > 0 && <History list={history} />}
            </>
        );
    const data = loaded.data.data;
    return (
        <>
            <Head
                title={recordLabel(record)}
                crumbs={crumbs}
                meta={
                    <span class="row">
                        <span class="mono muted">{record.id}</span>
                        <CopyButton text={record.id} label="Copy id" />
                    </span>
                }
            >
                {rights.records && (
                    <>
                        <Button kind="danger" onClick={() => setDeleting(true)}>
                            Delete
                        </Button>
                        <Button kind="primary" icon="edit" onClick={() => setEditing(loaded.data)}>
                            Edit
                        </Button>
                    </>
                )}
            </Head>
            <Card title="Data">
                <Data text={data} label="Data" />
            </Card>
            <Card title="Tags">
                <Tags record={record} where={where} canEdit={rights.records} onChange={again} />
            </Card>
            <Card title="Details">
                <Facts
                    items={[
                        ['Created', when(record.createdAt)],
                        ['Changed', when(record.updatedAt)],
                        ['Version', String(record.version)],
                    ]}
                />
            </Card>
            <RecordRuns where={where} record={record.id} onNews={again} />
            <History list={history} />
            {editing && (
                <RecordDialog
                    title="Edit record"
                    action="Save"
                    initial={pretty(editing.data) ?? editing.data}
                    onClose={() => {
                        setEditing(undefined);
                        again();
                    }}
                    onSave={async (text) => {
                        const body = `{"data":${text},"tags":${JSON.stringify(editing.record.tags)}}`;
                        await api.sendText('PUT', where, body, { headers: { 'If-Match': `"${editing.record.updatedAt}"` } });
                        setEditing(undefined);
                        toast.done('Saved.');
                        again();
                    }}
                />
            )}
            {deleting && (
                <Confirm
                    title="Delete this record?"
                    action="Delete"
                    danger
                    onClose={() => setDeleting(false)}
                    onConfirm={async () => {
                        const from = location.pathname;
                        await api.delete(where);
                        go(back, { force: true, from });
                    }}
                >
                    <p>
                        <strong>{recordLabel(record)}</strong> goes; its history stays. The event of its type is sent.
                    </p>
                </Confirm>
            )}
        </>
    );
}
