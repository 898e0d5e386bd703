// SPDX-License-Identifier: Apache-2.0
// For the operator: is the server well, what is it busy with, which endpoints make noise.
import { useEffect } from 'preact/hooks';
import { api, ApiError } from '../lib/api';
import { bytes, count, duration } from '../lib/format';
import { useLoad } from '../lib/load';
import { Link } from '../lib/router';
import type { App, Attempt, Endpoint, Page, Task } from '../lib/types';
import { attemptFailure, causeWords, endpointStatus } from '../lib/words';
import { Badge, Card, Empty, ErrorNote, Facts, Head, Skeleton, StatusBadge, Time } from '../ui/basic';

const LOOK_MS = 5000;

interface System {
    version: string;
    pendingDeliveries: number;
    oldestPendingSeconds: number;
    deliveriesPerSecond: number;
    messagesAccepted: number;
    deliveriesSucceeded: number;
    deliveriesFailed: number;
    endpointsDisabled: number;
    databaseBytes: number;
    walBytes: number;
    storageFull: boolean;
    errors: Record<string, number>;
    noisyEndpoints: { endpointId: string; appId: string; failingSince: string; nextAttempt: string }[];
}

interface Noisy {
    app: App;
    endpoint: Endpoint;
    last: Attempt | null;
}

// One that was deleted meanwhile is left out.
async function describe(noisy: System['noisyEndpoints'], signal: AbortSignal): Promise<Noisy[]> {
    const found = await Promise.all(
        noisy.map(async (n): Promise<Noisy | null> => {
            try {
                const [app, endpoint, attempts] = await Promise.all([
                    api.get<App>(`/app/${n.appId}`, {}, { signal }),
                    api.get<Endpoint>(`/app/${n.appId}/endpoint/${n.endpointId}`, {}, { signal }),
                    api.get<Page<Attempt>>(`/app/${n.appId}/attempt/endpoint/${n.endpointId}`, { limit: 1, status: 2, with_content: false }, { signal }),
                ]);
                return { app, endpoint, last: attempts.data[0] ?? null };
            } catch (error) {
                if (error instanceof ApiError && error.status === 404) return null;
                throw error;
            }
        }),
    );
    return found.filter((n): n is Noisy => n !== null);
}

function Counts({ system: s }: { system: System }) {
    const errors = Object.entries(s.errors).sort((a, b) => b[1] - a[1]);
    return (
        <>
            <Card title="Health">
                <Facts
                    items={[
                        ['State', <Badge key="s" tone={s.storageFull ? 'bad' : 'good'}>{s.storageFull ? 'The disk is full' : 'Well'}</Badge>],
                        ['Deliveries per second', String(s.deliveriesPerSecond)],
                        ['Waiting deliveries', count(s.pendingDeliveries)],
                        ['The oldest waits', s.pendingDeliveries > 0 ? duration(s.oldestPendingSeconds) : '–'],
                        ['Events accepted since the start', count(s.messagesAccepted)],
                        ['Deliveries that succeeded', count(s.deliveriesSucceeded)],
                        ['Deliveries given up', count(s.deliveriesFailed)],
                        ['Endpoints disabled by themselves', count(s.endpointsDisabled)],
                        ['Database', `${bytes(s.databaseBytes)} and ${bytes(s.walBytes)} of log`],
                        ['Version', s.version],
                    ]}
                />
            </Card>
            {errors.length > 0 && (
                <Card title="Why attempts failed">
                    <Facts items={errors.map(([cause, n]) => [causeWords(cause), count(n)])} />
                </Card>
            )}
        </>
    );
}

function NoisyTable({ noisy }: { noisy: Noisy[] }) {
    if (noisy.length === 0) return <Empty title="No endpoint is failing." />;
    return (
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">Endpoint</th>
                    <th scope="col">Workspace</th>
                    <th scope="col">State</th>
                    <th scope="col">Last failure</th>
                </tr>
            </thead>
            <tbody>
                {noisy.map(({ app, endpoint, last }) => (
                    <tr key={endpoint.id}>
                        <td class="main">
                            <div class="main-cell">
                                <Link to={`/app/${app.id}/webhooks/${endpoint.id}`}>{endpoint.name || endpoint.url}</Link>
                                {endpoint.name && <span class="mono">{endpoint.url}</span>}
                            </div>
                        </td>
                        <td data-label="Workspace">{app.name}</td>
                        <td data-label="State">
                            <StatusBadge status={endpointStatus(endpoint)} />
                        </td>
                        <td data-label="Last failure">{last ? attemptFailure(last) : '–'}</td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

function Tasks() {
    const list = useLoad('tasks', (signal) => api.get<Page<Task>>('/background-task', { limit: 20, order: 'descending' }, { signal }));
    const tones = { running: 'plain', finished: 'good', failed: 'bad' } as const;
    return (
        <Card title="Background tasks" flush>
            {list.error !== undefined && <ErrorNote error={list.error} retry={list.reload} />}
            {!list.data && list.loading && <Skeleton rows={3} />}
            {list.data?.data.length === 0 && <Empty title="No task was started yet." />}
            {list.data && list.data.data.length > 0 && (
                <table class="cards">
                    <thead>
                        <tr>
                            <th scope="col">Task</th>
                            <th scope="col">State</th>
                            <th scope="col">Changed</th>
                        </tr>
                    </thead>
                    <tbody>
                        {list.data.data.map((t) => (
                            <tr key={t.id}>
                                <td class="main">
                                    <div class="main-cell">
                                        <strong>{t.task}</strong>
                                        <span class="mono">{t.id}</span>
                                    </div>
                                </td>
                                <td data-label="State">
                                    <Badge tone={tones[t.status]}>{t.status}</Badge>
                                </td>
                                <td data-label="Changed">
                                    <Time at={t.updatedAt} />
                                </td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            )}
        </Card>
    );
}

export function SystemPage() {
    const system = useLoad('system', (signal) => api.get<System>('/console/system', {}, { signal }));
    const ids = system.data?.noisyEndpoints.map((n) => n.endpointId).join();
    const noisy = useLoad(ids === undefined ? null : `noisy ${ids}`, (signal) => describe(system.data!.noisyEndpoints, signal));
    useEffect(() => {
        const timer = setInterval(() => document.hidden || system.reload(), LOOK_MS);
        return () => clearInterval(timer);
    }, []);
    return (
        <>
            <Head title="System" />
            {system.error !== undefined && <ErrorNote error={system.error} retry={system.reload} />}
            {!system.data && system.loading && (
                <Card title="Health">
                    <Skeleton rows={9} />
                </Card>
            )}
            {system.data && <Counts system={system.data} />}
            <Card title="Noisy endpoints" flush>
                {noisy.error !== undefined && <ErrorNote error={noisy.error} retry={noisy.reload} />}
                {noisy.data ? <NoisyTable noisy={noisy.data} /> : noisy.error === undefined && system.error === undefined && <Skeleton rows={4} />}
            </Card>
            <Tasks />
        </>
    );
}
