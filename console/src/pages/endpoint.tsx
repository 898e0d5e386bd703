// SPDX-License-Identifier: Apache-2.0
// One endpoint: its events as they come, how it is doing, its settings.
import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { count, milliseconds } from '../lib/format';
import { useLive } from '../lib/live';
import { useLoad, useNow, usePaged } from '../lib/load';
import { go, Link, setQuery, useQuery } from '../lib/router';
import type { Attempt, Endpoint, EndpointHeaders, EndpointMessage, Page } from '../lib/types';
import { actorName, advice, attemptFailure, deliveryStatus, endpointStatus, endpointStory, scheduleWords } from '../lib/words';
import { Badge, Button, Card, Choices, Code, Empty, ErrorNote, Facts, Head, LinkButton, MoreButton, Note, Pending, Skeleton, StatusBadge, Time } from '../ui/basic';
import { type Bucket, bucketsOf, DeliveryChart } from '../ui/chart';
import { Confirm } from '../ui/dialog';
import { toast } from '../ui/toast';
import { useEventTypes, useProfile, useWorkspace } from '../workspace';
import { ClearFilters, IdFilter, TimeFilter, TypeFilter, useTimeSpan } from './filters';
import { RecoverDialog } from './recover';
import { SecretCard } from './secret';
import { TestEventDialog } from './test_event';

type Shown = 'all' | 'sent' | 'failed';

function EmptyEvents({ endpoint, shown, filtered }: { endpoint: Endpoint; shown: Shown; filtered: boolean }) {
    const { id, rights } = useWorkspace();
    if (filtered) return <Empty title="No event fits the filters." />;
    if (shown === 'sent') return <Empty title="Nothing was sent yet." />;
    if (shown === 'failed')
        return (
            <Empty title="Nothing has failed.">
                <p>Events whose last attempt failed appear here.</p>
            </Empty>
        );
    const type = endpoint.eventTypes?.[0] ?? 'contact.created';
    return (
        <Empty title="No events yet">
            <p>Once something happens that this endpoint listens to, it appears here by itself.</p>
            {rights.send && (
                <Code
                    label="The first call"
                    text={`curl ${location.origin}/api/v1/app/${id}/msg \\\n  -H "Authorization: Bearer $TOKEN" \\\n  -H "Content-Type: application/json" \\\n  -d '{"eventType":"${type}","payload":{"hello":"world"}}'`}
                />
            )}
        </Empty>
    );
}

function EventRow({ event, endpoint }: { event: EndpointMessage; endpoint: Endpoint }) {
    const { base } = useWorkspace();
    const now = useNow(1000);
    const to = `${base}/events/${event.id}?endpoint=${endpoint.id}`;
    return (
        <tr class="clickable" onClick={(e) => (e.target as Element).closest('a') || go(to)}>
            <td class="main">
                <div class="main-cell">
                    <Link to={to}>{event.eventType}</Link>
                    <span class="mono">{event.eventUuid}</span>
                </div>
            </td>
            <td data-label="Status">
                <StatusBadge status={deliveryStatus(event, now)} />
            </td>
            <td data-label="By">{actorName(event.actor)}</td>
            <td data-label="When">
                <Time at={event.timestamp} />
            </td>
        </tr>
    );
}

// An event by its id, whatever the other filters say.
async function byId(path: string, ep: string, id: string, signal: AbortSignal): Promise<EndpointMessage[]> {
    const message = await api.get<EndpointMessage>(`${path}/msg/${encodeURIComponent(id)}`, {}, { signal });
    const page = await api.get<Page<EndpointMessage & { id: string }>>(`${path}/msg/${message.id}/endpoint`, { limit: 250 }, { signal });
    const mine = page.data.find((d) => d.id === ep);
    return mine ? [{ ...message, status: mine.status, statusText: mine.statusText, statusReason: mine.statusReason, lastAttemptFailed: mine.lastAttemptFailed, attempted: mine.attempted, nextAttempt: mine.nextAttempt }] : [];
}

function Events({ endpoint }: { endpoint: Endpoint }) {
    const { path, id, app } = useWorkspace();
    const query = useQuery();
    const shown = (['sent', 'failed'].includes(query.get('status') ?? '') ? query.get('status') : 'all') as Shown;
    const type = query.get('type') ?? '';
    const wanted = query.get('id') ?? '';
    const span = useTimeSpan(query);
    const types = useEventTypes(app?.profile);
    const list = usePaged<EndpointMessage>(wanted ? null : `${path}/endpoint/${endpoint.id}/msg`, {
        expanded_statuses: true,
        limit: 50,
        with_content: false,
        status: shown === 'sent' ? 0 : null,
        failing: shown === 'failed' ? true : null,
        event_types: type || null,
        after: span.after,
        before: span.before,
    });
    const one = useLoad(wanted ? `event ${path} ${endpoint.id} ${wanted}` : null, (signal) => byId(path, endpoint.id, wanted, signal));
    useLive(id, (e) => e.kind !== 'endpoint' && (e.data.endpointId === undefined || e.data.endpointId === endpoint.id), wanted ? one.reload : list.refresh);
    const items = wanted ? (one.error !== undefined ? [] : one.data) : list.items;
    const error = wanted ? undefined : list.error;
    const filtered = Boolean(type || wanted || span.after || span.before);
    return (
        <Card title="Events" flush>
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
                <TypeFilter types={types.data} />
                <TimeFilter />
                <IdFilter label="Find by event id" />
                <ClearFilters names={['type', 'time', 'after', 'before', 'id']} />
            </div>
            {error !== undefined && <ErrorNote error={error} retry={list.refresh} />}
            {!items && <Skeleton rows={6} />}
            {items?.length === 0 && error === undefined && <EmptyEvents endpoint={endpoint} shown={shown} filtered={filtered} />}
            {items && items.length > 0 && (
                <table class="cards">
                    <thead>
                        <tr>
                            <th scope="col">Event</th>
                            <th scope="col">Status</th>
                            <th scope="col">Triggered by</th>
                            <th scope="col">When</th>
                        </tr>
                    </thead>
                    <tbody>
                        {items.map((event) => (
                            <EventRow key={event.id} event={event} endpoint={endpoint} />
                        ))}
                    </tbody>
                </table>
            )}
            {!wanted && <MoreButton more={list.more} loading={list.loading} error={list.error} onMore={list.loadMore} />}
        </Card>
    );
}

// As high as what comes instead of it: what is below stays where it is.
function HealthToCome() {
    return (
        <Card title="Health">
            <div class="stack health-to-come" role="status">
                <span class="unseen">Loading…</span>
                <div class="numbers">
                    <div class="skeleton" />
                    <div class="skeleton" />
                </div>
                <div class="skeleton chart" />
                <div class="skeleton legend" />
            </div>
        </Card>
    );
}

// The last attempts, as numbers and over time.
function Health({ attempts, timeline }: { attempts: Attempt[]; timeline: Bucket[] | null | undefined }) {
    const ownBuckets = useMemo(
        () => bucketsOf(attempts.map((a) => ({ at: a.timestamp, ok: a.status === 0, ms: a.responseStatusCode > 0 ? a.responseDurationMs : null }))),
        [attempts],
    );
    const good = attempts.filter((a) => a.status === 0).length;
    const times = attempts.filter((a) => a.responseStatusCode > 0).map((a) => a.responseDurationMs).sort((a, b) => a - b);
    const at = (share: number) => (times.length > 0 ? milliseconds(times[Math.min(Math.floor(times.length * share), times.length - 1)]!) : '–');
    return (
        <Card title="Health">
            {attempts.length === 0 ? (
                <p class="muted">Nothing was attempted yet.</p>
            ) : (
                <div class="stack">
                    <dl class="numbers">
                        <div class="number">
                            <dt>Success rate</dt>
                            <dd>{`${Math.floor((good / attempts.length) * 1000) / 10} %`}</dd>
                        </div>
                        <div class="number">
                            <dt>Attempts</dt>
                            <dd>{attempts.length >= 250 ? `last ${count(attempts.length)}` : count(attempts.length)}</dd>
                        </div>
                        <div class="number">
                            <dt>Median</dt>
                            <dd>{at(0.5)}</dd>
                        </div>
                        <div class="number">
                            <dt>95th percentile</dt>
                            <dd>{at(0.95)}</dd>
                        </div>
                    </dl>
                    <DeliveryChart buckets={timeline ?? ownBuckets} exact={!timeline} />
                </div>
            )}
        </Card>
    );
}

// attempts: the last ones; not there yet, the line about them has its place.
function Story({ endpoint, attempts, reload }: { endpoint: Endpoint; attempts: Attempt[] | undefined; reload: () => void }) {
    const { path, rights } = useWorkspace();
    const [recovering, setRecovering] = useState(false);
    const [busy, setBusy] = useState(false);
    const story = endpointStory(endpoint);
    if (!story) return null;
    const enable = async () => {
        setBusy(true);
        try {
            await api.patch(`${path}/endpoint/${endpoint.id}`, { disabled: false });
            toast.done('The endpoint is enabled.');
            reload();
        } catch (e) {
            toast.failed(e);
        }
        setBusy(false);
    };
    const off = endpoint.state.status === 'disabled';
    const last = attempts?.[0];
    return (
        <Note
            tone={off ? 'warn' : endpoint.state.reason === 'exhausted' ? 'bad' : 'warn'}
            action={
                <div class="row">
                    {off && rights.edit && (
                        <Button small busy={busy} onClick={() => void enable()}>
                            Enable
                        </Button>
                    )}
                    {!off && rights.replay && (
                        <Button small icon="replay" onClick={() => setRecovering(true)}>
                            Recover
                        </Button>
                    )}
                </div>
            }
        >
            <p>{story}</p>
            {!attempts && !off && <p>Last failure: …</p>}
            {last && last.status !== 0 && (
                <p>
                    Last failure: {attemptFailure(last)}. {advice(last)}
                </p>
            )}
            {recovering && <RecoverDialog title="Recover" endpoints={[endpoint]} onClose={() => setRecovering(false)} />}
        </Note>
    );
}

function Details({ endpoint, headers, profile }: { endpoint: Endpoint; headers: EndpointHeaders | undefined; profile: string }) {
    const names = Object.entries(headers?.headers ?? {});
    return (
        <Card title="Details">
            <div class="stack">
                {endpoint.description && <p>{endpoint.description}</p>}
                <Facts
                    items={[
                        [
                            'Events',
                            endpoint.eventTypes === null ? (
                                'All Events'
                            ) : (
                                <span class="row">
                                    {endpoint.eventTypes.map((t) => (
                                        <span class="tag" key={t}>
                                            {t}
                                        </span>
                                    ))}
                                </span>
                            ),
                        ],
                        ...(names.length > 0
                            ? [
                                  [
                                      'Custom headers',
                                      <span class="mono" key="h">
                                          {names.map(([n, v]) => (
                                              <span key={n}>
                                                  {n}: {v}
                                                  <br />
                                              </span>
                                          ))}
                                      </span>,
                                  ] as [string, ComponentChildren],
                              ]
                            : []),
                        ['Retries', scheduleWords(endpoint.effectiveRetrySchedule)],
                        ['Time to answer', `${endpoint.effectiveTimeoutMs / 1000} s`],
                        ['Rate limit', endpoint.rateLimit === null ? 'None' : `${endpoint.rateLimit} per second`],
                        ['Order', endpoint.fifo ? 'Strict' : 'None'],
                        ['Profile', profile],
                        ['Created', <Time at={endpoint.createdAt} live={false} key="c" />],
                        ['Id', <span class="mono" key="i">{endpoint.id}</span>],
                    ]}
                />
            </div>
        </Card>
    );
}

function DisableDialog({ endpoint, onClose, onDone }: { endpoint: Endpoint; onClose: () => void; onDone: () => void }) {
    const { path } = useWorkspace();
    return (
        <Confirm
            title="Disable this endpoint?"
            action="Disable"
            danger
            onClose={onClose}
            onConfirm={async () => {
                await api.patch(`${path}/endpoint/${endpoint.id}`, { disabled: true });
                onDone();
            }}
        >
            <p>It receives nothing until it is enabled again. What waits for it now fails, and can be recovered afterwards; events that happen meanwhile are not queued for it.</p>
        </Confirm>
    );
}

export function EndpointPage({ params }: { params: Record<string, string> }) {
    const { base, path, app, rights, id } = useWorkspace();
    const [testing, setTesting] = useState(false);
    const [disabling, setDisabling] = useState(false);
    const where = `${path}/endpoint/${encodeURIComponent(params.ep!)}`;
    const loaded = useLoad<Endpoint>(where, (signal) => api.get<Endpoint>(where, {}, { signal }));
    const headers = useLoad<EndpointHeaders>(`${where} headers`, (signal) => api.get<EndpointHeaders>(`${where}/headers`, {}, { signal }));
    const endpoint = loaded.data;
    const attempts = useLoad<Page<Attempt>>(endpoint ? `${where} attempts` : null, (signal) => api.get<Page<Attempt>>(`${path}/attempt/endpoint/${endpoint!.id}`, { limit: 250, with_content: false, expanded_statuses: true }, { signal }));
    // Counted by the server, where it counts; a young endpoint is drawn from its attempts, in finer steps.
    const timeline = useLoad<Bucket[] | null>(endpoint && (attempts.data?.data.length ?? 0) >= 250 ? `${where} timeline` : null, async (signal) => {
        try {
            const t = await api.get<{ data: { at: string; success: number; fail: number; meanMs: number | null }[] }>(`${path}/stats/timeline`, { endpoint_id: endpoint!.id }, { signal });
            return t.data.map((d) => ({ start: d.at, success: d.success, fail: d.fail, latencyMs: d.meanMs }));
        } catch (error) {
            if (error instanceof ApiError && error.status === 404) return null;
            throw error;
        }
    });
    const profile = useProfile(endpoint?.effectiveProfile);
    useLive(id, (e) => e.data.endpointId === undefined || e.data.endpointId === endpoint?.id, () => {
        loaded.reload();
        attempts.reload();
    });
    const title = endpoint ? endpoint.name || endpoint.url : params.ep!;
    const crumbs = [{ text: app?.name ?? '…' }, { to: `${base}/webhooks`, text: 'Webhooks' }, { text: title }];
    if (!endpoint)
        return (
            <>
                <Head title={title} crumbs={crumbs} />
                <Pending of={loaded} />
            </>
        );
    const status = endpointStatus(endpoint);
    return (
        <>
            <Head
                title={title}
                crumbs={crumbs}
                meta={
                    <span class="row">
                        <Badge tone={status.tone}>{status.label}</Badge>
                        {endpoint.name && <span class="mono muted">{endpoint.url}</span>}
                    </span>
                }
            >
                {rights.replay && (
                    <Button icon="send" disabled={endpoint.disabled || !profile.data} onClick={() => setTesting(true)}>
                        Send test event
                    </Button>
                )}
                {rights.edit && !endpoint.disabled && <Button onClick={() => setDisabling(true)}>Disable</Button>}
                {rights.edit && (
                    <LinkButton to={`${base}/webhooks/${endpoint.id}/edit`} kind="primary" icon="edit">
                        Edit Endpoint
                    </LinkButton>
                )}
            </Head>
            <Story endpoint={endpoint} attempts={attempts.data?.data ?? (attempts.error === undefined ? undefined : [])} reload={loaded.reload} />
            <div class="columns">
                <div class="stack">
                    {attempts.data || attempts.error !== undefined ? <Health attempts={attempts.data?.data ?? []} timeline={timeline.data} /> : <HealthToCome />}
                    <Events endpoint={endpoint} />
                </div>
                <div class="stack">
                    <SecretCard endpoint={endpoint} profile={profile.data} />
                    <Details endpoint={endpoint} headers={headers.data} profile={endpoint.effectiveProfile} />
                </div>
            </div>
            {testing && profile.data && <TestEventDialog endpoint={endpoint} profile={profile.data} onClose={() => setTesting(false)} />}
            {disabling && (
                <DisableDialog
                    endpoint={endpoint}
                    onClose={() => setDisabling(false)}
                    onDone={() => {
                        setDisabling(false);
                        toast.done('The endpoint is disabled.');
                        loaded.reload();
                    }}
                />
            )}
        </>
    );
}
