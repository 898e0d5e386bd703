// SPDX-License-Identifier: Apache-2.0
// Webhook Logs: every attempt of the workspace, newest first, as they are made.
import { useMemo, useState } from 'preact/hooks';
import { milliseconds } from '../lib/format';
import { useLive } from '../lib/live';
import { all, useLoad, usePaged } from '../lib/load';
import { go, Link, setQuery, useQuery } from '../lib/router';
import type { Attempt, Endpoint } from '../lib/types';
import { attemptFailure, attemptStatus, triggerWords } from '../lib/words';
import { Badge, Button, Card, Choices, Empty, ErrorNote, Head, MoreButton, Skeleton, Time } from '../ui/basic';
import { useEventTypes, useWorkspace } from '../workspace';
import { ReplayButton } from './event';
import { ClearFilters, TimeFilter, TypeFilter, useTimeSpan } from './filters';
import { RecoverDialog } from './recover';

type Shown = 'all' | 'sent' | 'failed';
const answers = [
    { value: '', text: 'Any answer' },
    { value: '200', text: '2xx' },
    { value: '300', text: '3xx' },
    { value: '400', text: '4xx' },
    { value: '500', text: '5xx' },
    { value: '0', text: 'No answer' },
];

function Row({ attempt: a, endpoint, onReplay }: { attempt: Attempt; endpoint: Endpoint | undefined; onReplay: () => void }) {
    const { base } = useWorkspace();
    const to = `${base}/events/${a.msgId}?endpoint=${a.endpointId}`;
    const status = attemptStatus(a);
    return (
        <tr class="clickable" onClick={(e) => (e.target as Element).closest('a, button') || go(to)}>
            <td class="main">
                <div class="main-cell">
                    <Link to={to}>{a.eventType}</Link>
                    {endpoint?.name ? <span class="muted small-text">{endpoint.name}</span> : <span class="mono">{a.url}</span>}
                </div>
            </td>
            <td data-label="Result">
                <span class="status">
                    <Badge tone={status.tone}>{a.responseStatusCode > 0 ? `${status.label} ${a.responseStatusCode}` : status.label}</Badge>
                    {a.status !== 0 && <span class="muted small-text">{attemptFailure(a)}</span>}
                </span>
            </td>
            <td data-label="Attempt">
                <span class="status">
                    <span class="nowrap">{triggerWords(a)}</span>
                    <span class="muted small-text nowrap">{milliseconds(a.responseDurationMs)}</span>
                </span>
            </td>
            <td data-label="When">
                <Time at={a.timestamp} />
            </td>
            <td class="right">{endpoint && !endpoint.disabled && <ReplayButton small msg={a.msgId} endpoint={a.endpointId} onDone={onReplay} />}</td>
        </tr>
    );
}

export function LogsPage() {
    const { path, id, app, rights } = useWorkspace();
    const query = useQuery();
    const [replaying, setReplaying] = useState(false);
    const shown = (['sent', 'failed'].includes(query.get('status') ?? '') ? query.get('status') : 'all') as Shown;
    const endpointId = query.get('endpoint') ?? '';
    const code = query.get('code') ?? '';
    const span = useTimeSpan(query);
    const types = useEventTypes(app?.profile);
    const endpoints = useLoad(`endpoints of ${path}`, (signal) => all<Endpoint>(`${path}/endpoint`, {}, signal));
    const byId = useMemo(() => new Map(endpoints.data?.map((e) => [e.id, e]) ?? []), [endpoints.data]);
    const list = usePaged<Attempt>(`${path}/attempt`, {
        limit: 50,
        with_content: false,
        expanded_statuses: true,
        status: shown === 'sent' ? 0 : shown === 'failed' ? 2 : null,
        status_code_class: code || null,
        event_types: query.get('type'),
        endpoint_id: endpointId || null,
        after: span.after,
        before: span.before,
    });
    useLive(id, (e) => e.kind === 'attempt' && (!endpointId || e.data.endpointId === endpointId), list.refresh);
    const filtered = shown !== 'all' || Boolean(endpointId || code || query.get('type') || query.get('time'));
    return (
        <>
            <Head title="Webhook Logs" crumbs={[{ text: app?.name ?? '…' }, { text: 'Webhook Logs' }]}>
                {rights.replay && (endpoints.data?.length ?? 0) > 0 && (
                    <Button icon="replay" onClick={() => setReplaying(true)}>
                        Recover failed events
                    </Button>
                )}
            </Head>
            <Card flush>
                <div class="filters">
                    <Choices
                        label="Status"
                        value={shown}
                        onChange={(to) => setQuery({ status: to === 'all' ? null : to })}
                        options={[
                            { value: 'all', text: 'All' },
                            { value: 'sent', text: 'Sent' },
                            { value: 'failed', text: 'Failed' },
                        ]}
                    />
                    <select aria-label="Endpoint" value={endpointId} onChange={(e) => setQuery({ endpoint: e.currentTarget.value })}>
                        <option value="">All endpoints</option>
                        {(endpoints.data ?? []).map((e) => (
                            <option key={e.id} value={e.id}>
                                {e.name || e.url}
                            </option>
                        ))}
                    </select>
                    <TypeFilter types={types.data} />
                    <select aria-label="Answer" value={code} onChange={(e) => setQuery({ code: e.currentTarget.value })}>
                        {answers.map((a) => (
                            <option key={a.value} value={a.value}>
                                {a.text}
                            </option>
                        ))}
                    </select>
                    <TimeFilter />
                    <ClearFilters names={['status', 'endpoint', 'type', 'code', 'time', 'after', 'before']} />
                </div>
                {list.error !== undefined && <ErrorNote error={list.error} retry={list.refresh} />}
                {!list.items && list.loading && <Skeleton rows={8} />}
                {list.items?.length === 0 &&
                    (filtered ? (
                        <Empty title="No attempt fits the filters." />
                    ) : (
                        <Empty title="No attempts yet">
                            <p>Every request to one of your endpoints appears here, with what was sent and what was answered.</p>
                        </Empty>
                    ))}
                {list.items && list.items.length > 0 && (
                    <table class="cards">
                        <thead>
                            <tr>
                                <th scope="col">Event</th>
                                <th scope="col">Result</th>
                                <th scope="col">Attempt</th>
                                <th scope="col">When</th>
                                <th scope="col">
                                    <span class="unseen">Actions</span>
                                </th>
                            </tr>
                        </thead>
                        <tbody>
                            {list.items.map((a) => (
                                <Row key={a.id} attempt={a} endpoint={byId.get(a.endpointId)} onReplay={list.refresh} />
                            ))}
                        </tbody>
                    </table>
                )}
                <MoreButton more={list.more} loading={list.loading} error={list.error} onMore={list.loadMore} />
            </Card>
            {replaying && endpoints.data && (
                <RecoverDialog
                    title="Recover failed events"
                    endpoints={endpoints.data}
                    {...(types.data ? { types: types.data } : {})}
                    onClose={() => {
                        setReplaying(false);
                        list.refresh();
                    }}
                />
            )}
        </>
    );
}
