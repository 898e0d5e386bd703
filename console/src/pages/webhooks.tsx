// SPDX-License-Identifier: Apache-2.0
// The endpoints of a workspace and how they are doing.
import { useMemo } from 'preact/hooks';
import { api } from '../lib/api';
import { useLive } from '../lib/live';
import { all, useLoad } from '../lib/load';
import { go, Link, setQuery, useQuery } from '../lib/router';
import type { Attempt, Endpoint, Page } from '../lib/types';
import { attemptFailure, endpointStatus } from '../lib/words';
import { Badge, Card, Empty, ErrorNote, Head, LinkButton, Note, Search, Skeleton, StatusBadge, Time } from '../ui/basic';
import { useWorkspace } from '../workspace';

interface Row {
    endpoint: Endpoint;
    last: Attempt | null;
}

// The list, and the newest attempt of each; beyond the first hundred that would be too many requests.
const LAST_MAX = 100;

async function load(path: string, signal: AbortSignal): Promise<Row[]> {
    const endpoints = await all<Endpoint>(`${path}/endpoint`, {}, signal);
    const newest = await Promise.all(
        endpoints.slice(0, LAST_MAX).map((e) =>
            api.get<Page<Attempt>>(`${path}/attempt/endpoint/${e.id}`, { limit: 1, with_content: false, expanded_statuses: true }, { signal }).then((p) => p.data[0] ?? null),
        ),
    );
    return endpoints.map((endpoint, i) => ({ endpoint, last: newest[i] ?? null }));
}

export function eventTypesText(types: string[] | null): string {
    return types === null ? 'All Events' : types.length <= 2 ? types.join(', ') : `${types[0]} and ${types.length - 1} more`;
}

function LastDelivery({ attempt }: { attempt: Attempt | null }) {
    if (!attempt) return <span class="muted">None yet</span>;
    const good = attempt.status === 0;
    return (
        <span class="status">
            <Badge tone={good ? 'good' : 'bad'}>{good ? String(attempt.responseStatusCode) : attempt.responseStatusCode > 0 ? String(attempt.responseStatusCode) : 'No answer'}</Badge>
            <span class="muted small-text" title={good ? undefined : attemptFailure(attempt)}>
                <Time at={attempt.timestamp} />
            </span>
        </span>
    );
}

export function WebhooksPage() {
    const { base, path, app, rights, id } = useWorkspace();
    const loaded = useLoad(`endpoints ${path}`, (signal) => load(path, signal));
    const search = useQuery().get('q') ?? '';
    useLive(id, (e) => e.kind !== 'message', loaded.reload);
    const rows = useMemo(() => {
        const words = search.toLowerCase().split(/\s+/).filter(Boolean);
        return loaded.data?.filter(({ endpoint: e }) => {
            const text = `${e.name ?? ''} ${e.url} ${e.description} ${e.uid ?? ''} ${(e.eventTypes ?? ['all events']).join(' ')}`.toLowerCase();
            return words.every((w) => text.includes(w));
        });
    }, [loaded.data, search]);
    const failing = loaded.data?.filter((r) => r.endpoint.state.status === 'failing').length ?? 0;
    return (
        <>
            <Head title="Webhooks" crumbs={[{ text: app?.name ?? '…' }, { text: 'Webhooks' }]}>
                {rights.edit && (
                    <LinkButton to={`${base}/webhooks/new`} kind="primary" icon="plus">
                        New Webhook Endpoint
                    </LinkButton>
                )}
            </Head>
            {failing > 0 && <Note tone="warn">{failing === 1 ? 'One endpoint is failing.' : `${failing} endpoints are failing.`} Open it to see why.</Note>}
            {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
            <Card flush>
                {(loaded.data?.length ?? 0) > 0 && (
                    <div class="filters">
                        <Search label="Search endpoints" value={search} onInput={(q) => setQuery({ q })} />
                    </div>
                )}
                {!rows && loaded.loading && <Skeleton rows={5} />}
                {loaded.data?.length === 0 && (
                    <Empty title="No endpoints yet">
                        <p>An endpoint is a URL of yours that receives webhooks: a POST for each event that you choose, signed, and tried again when it fails.</p>
                        {rights.edit && (
                            <p class="muted">Begin with New Webhook Endpoint. To look at payloads first, use the URL of a service such as webhook.site.</p>
                        )}
                    </Empty>
                )}
                {rows && loaded.data!.length > 0 && rows.length === 0 && (
                    <Empty title="No endpoint fits">
                        <p>Nothing has “{search}” in its name, URL or events.</p>
                    </Empty>
                )}
                {rows && rows.length > 0 && (
                    <table class="cards">
                        <thead>
                            <tr>
                                <th scope="col">Endpoint</th>
                                <th scope="col">Events</th>
                                <th scope="col">Health</th>
                                <th scope="col">Last delivery</th>
                            </tr>
                        </thead>
                        <tbody>
                            {rows.map(({ endpoint: e, last }) => (
                                <tr key={e.id} class="clickable" onClick={(ev) => (ev.target as Element).closest('a') || go(`${base}/webhooks/${e.id}`)}>
                                    <td class="main">
                                        <div class="main-cell">
                                            <Link to={`${base}/webhooks/${e.id}`}>{e.name || e.url}</Link>
                                            {e.name && <span class="mono">{e.url}</span>}
                                        </div>
                                    </td>
                                    <td data-label="Events">
                                        <span title={e.eventTypes?.join(', ')}>{eventTypesText(e.eventTypes)}</span>
                                    </td>
                                    <td data-label="Health">
                                        <StatusBadge status={{ ...endpointStatus(e), detail: e.state.status === 'ok' ? '' : endpointStatus(e).detail }} />
                                    </td>
                                    <td data-label="Last delivery">
                                        <LastDelivery attempt={last} />
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
