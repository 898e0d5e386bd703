// SPDX-License-Identifier: Apache-2.0
// One event: who triggered it and when, its data, where it went, every attempt.
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { api } from '../lib/api';
import { when } from '../lib/format';
import { useLive } from '../lib/live';
import { all, useLoad, useNow, usePaged } from '../lib/load';
import { Link, setQuery, useQuery } from '../lib/router';
import type { Attempt, Destination, Message } from '../lib/types';
import { actorKind, actorName, deliveryStatus } from '../lib/words';
import { Badge, Button, Card, CopyButton, Empty, ErrorNote, Facts, Head, MoreButton, Pending, Skeleton, StatusBadge } from '../ui/basic';
import { Data } from '../ui/json';
import { toast } from '../ui/toast';
import { useWorkspace } from '../workspace';
import { AttemptItem } from './attempt';

export function ReplayButton({ msg, endpoint, onDone, small }: { msg: string; endpoint: string; onDone?: () => void; small?: boolean }) {
    const { path, rights } = useWorkspace();
    const [busy, setBusy] = useState(false);
    if (!rights.replay) return null;
    const replay = async (event: MouseEvent) => {
        event.stopPropagation();
        setBusy(true);
        try {
            await api.post(`${path}/msg/${msg}/endpoint/${endpoint}/resend`);
            toast.done('The same payload is being sent once more.');
            onDone?.();
        } catch (e) {
            toast.failed(e);
        }
        setBusy(false);
    };
    return (
        <Button small={small ?? false} icon="replay" busy={busy} onClick={(e) => void replay(e)}>
            Replay
        </Button>
    );
}

function Destinations({ msg, list, chosen, onDone }: { msg: string; list: Destination[]; chosen: string | null; onDone: () => void }) {
    const { base } = useWorkspace();
    const now = useNow(1000);
    if (list.length === 0)
        return (
            <Empty title="It went nowhere">
                <p>No endpoint listened to this type when it happened.</p>
            </Empty>
        );
    return (
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">Endpoint</th>
                    <th scope="col">Status</th>
                    <th scope="col">
                        <span class="unseen">Actions</span>
                    </th>
                </tr>
            </thead>
            <tbody>
                {list.map((d) => (
                    <tr key={d.id} class={d.id === chosen ? 'fresh' : ''}>
                        <td class="main">
                            <div class="main-cell">
                                <Link to={`${base}/webhooks/${d.id}`}>{d.name || d.url || d.id}</Link>
                                {d.name && <span class="mono">{d.url}</span>}
                            </div>
                        </td>
                        <td data-label="Status">
                            <StatusBadge status={deliveryStatus(d, now)} />
                        </td>
                        <td class="right">
                            <ReplayButton small msg={msg} endpoint={d.id} onDone={onDone} />
                        </td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

// The payload byte for byte: parsing it would change it.
async function loadRaw(path: string, signal: AbortSignal): Promise<string | null> {
    const raw = await api.get<{ payload: string }>(path, {}, { signal });
    return raw.payload;
}

export function EventPage({ params }: { params: Record<string, string> }) {
    const { base, path, app, id } = useWorkspace();
    const where = `${path}/msg/${encodeURIComponent(params.msg!)}`;
    const chosen = useQuery().get('endpoint');
    const message = useLoad<Message>(where, (signal) => api.get<Message>(where, {}, { signal }));
    const raw = useLoad<string | null>(`${where} raw`, (signal) => loadRaw(`${where}/raw`, signal));
    const destinations = useLoad<Destination[]>(`${where} endpoints`, (signal) => all<Destination>(`${where}/endpoint`, { expanded_statuses: true }, signal));
    const attempts = usePaged<Attempt>(message.data ? `${path}/attempt/msg/${message.data.id}` : null, { limit: 50, with_content: false, expanded_statuses: true, endpoint_id: chosen });
    const refresh = () => {
        destinations.reload();
        attempts.refresh();
    };
    useLive(id, (e) => e.kind === 'attempt' && (e.data.msgId === undefined || e.data.msgId === message.data?.id), refresh);
    const names = useMemo(() => new Map(destinations.data?.map((d) => [d.id, d.name || d.url]) ?? []), [destinations.data]);
    const m = message.data;
    const from = chosen && names.get(chosen);
    const crumbs = [
        { text: app?.name ?? '…' },
        { to: `${base}/webhooks`, text: 'Webhooks' },
        ...(chosen ? [{ to: `${base}/webhooks/${chosen}`, text: from || '…' }] : []),
        { text: m?.eventType ?? 'Event' },
    ];
    if (!m)
        return (
            <>
                <Head title="Event" crumbs={crumbs} />
                <Pending of={message} />
            </>
        );
    const several = (destinations.data?.length ?? 0) > 1;
    return (
        <>
            <Head
                title={m.eventType}
                crumbs={crumbs}
                meta={
                    <span class="row">
                        <span class="mono muted">{m.id}</span>
                        <CopyButton text={m.id} label="Copy id" />
                    </span>
                }
            />
            <Card title="Event">
                <Facts
                    items={[
                        [
                            'Triggered by',
                            <span key="a">
                                {actorName(m.actor)} {m.actor?.type && <span class="muted">({actorKind(m.actor)})</span>}
                            </span>,
                        ],
                        ['When', when(m.occurredAt)],
                        ['Accepted', when(m.timestamp)],
                        ['Event id', <span class="mono" key="u">{m.eventUuid}</span>],
                        ...(m.eventId && m.eventId !== m.eventUuid ? [['Own id', <span class="mono" key="e">{m.eventId}</span>] as [string, ComponentChildren]] : []),
                        ...(m.tags ? [['Tags', m.tags.join(', ')] as [string, string]] : []),
                        ...(m.channels ? [['Channels', m.channels.join(', ')] as [string, string]] : []),
                    ]}
                />
            </Card>
            <Card title="Deliveries" flush>
                {destinations.error !== undefined && <ErrorNote error={destinations.error} retry={destinations.reload} />}
                {destinations.data ? <Destinations msg={m.id} list={destinations.data} chosen={several ? chosen : null} onDone={refresh} /> : <Skeleton rows={2} />}
            </Card>
            <Card title="Data">
                {raw.data != null ? (
                    <Data text={raw.data} label="Data" />
                ) : raw.loading ? (
                    <Skeleton rows={4} />
                ) : (
                    <p class="muted">
                        <Badge tone="plain">Expired</Badge> The data is no longer kept.
                    </p>
                )}
            </Card>
            <Card
                title="Attempts"
                flush
                actions={
                    several &&
                    chosen && (
                        <Button small onClick={() => setQuery({ endpoint: null })}>
                            Show all endpoints
                        </Button>
                    )
                }
            >
                {attempts.error !== undefined && <ErrorNote error={attempts.error} retry={attempts.refresh} />}
                {!attempts.items && attempts.loading && <Skeleton rows={3} />}
                {attempts.items?.length === 0 && <Empty title="No attempt yet" />}
                {attempts.items && attempts.items.length > 0 && (
                    <ul>
                        {attempts.items.map((a) => (
                            <AttemptItem key={a.id} attempt={a} title={several && !chosen ? names.get(a.endpointId) : undefined} />
                        ))}
                    </ul>
                )}
                <MoreButton more={attempts.more} loading={attempts.loading} error={attempts.error} onMore={attempts.loadMore} />
            </Card>
        </>
    );
}
