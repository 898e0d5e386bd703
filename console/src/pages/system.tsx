// SPDX-License-Identifier: Apache-2.0
// For the operator: is the server well, what is it busy with, which endpoints make noise.
import { api } from '../lib/api';
import { count, milliseconds } from '../lib/format';
import { useLive } from '../lib/live';
import { useLoad } from '../lib/load';
import { Link } from '../lib/router';
import type { App, Attempt, Endpoint, Page, Task } from '../lib/types';
import { attemptFailure, endpointStatus } from '../lib/words';
import { Badge, Card, Empty, ErrorNote, Facts, Head, Skeleton, StatusBadge, Time } from '../ui/basic';

const APPS_MAX = 40; // newest workspaces that are looked through

interface Noisy {
    app: App;
    endpoint: Endpoint;
    last: Attempt | null;
}

// Endpoints that fail or were disabled, the longest first.
async function findNoisy(signal: AbortSignal): Promise<Noisy[]> {
    const apps = await api.get<Page<App>>('/app', { limit: APPS_MAX, order: 'descending', exclude_apps_with_no_endpoints: true }, { signal });
    const found: Noisy[] = [];
    for (const app of apps.data) {
        const page = await api.get<Page<Endpoint>>(`/app/${app.id}/endpoint`, { limit: 250 }, { signal });
        for (const endpoint of page.data) {
            if (endpoint.state.status === 'ok' || endpoint.state.reason === 'manual') continue;
            const last = await api.get<Page<Attempt>>(`/app/${app.id}/attempt/endpoint/${endpoint.id}`, { limit: 1, status: 2, with_content: false }, { signal });
            found.push({ app, endpoint, last: last.data[0] ?? null });
        }
    }
    return found.sort((a, b) => (a.endpoint.state.since ?? '').localeCompare(b.endpoint.state.since ?? ''));
}

async function measureHealth(signal: AbortSignal): Promise<{ status: string; tookMs: number }> {
    const begun = performance.now();
    const { status } = await api.get<{ status: string }>('/health', {}, { signal });
    return { status, tookMs: performance.now() - begun };
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

// What the server tells of itself, number by number: whatever it may be.
function flatten(value: unknown, prefix = ''): [string, string][] {
    if (typeof value !== 'object' || value === null) return [[prefix, typeof value === 'number' ? count(value) : String(value ?? '–')]];
    if (Array.isArray(value)) return [];
    return Object.entries(value).flatMap(([name, v]) => flatten(v, prefix ? `${prefix}, ${spell(name)}` : spell(name)));
}

// "walBytes" → "Wal bytes"
function spell(name: string): string {
    const words = name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
    return words[0]!.toUpperCase() + words.slice(1);
}

export function SystemPage() {
    const health = useLoad('health', measureHealth);
    const system = useLoad('system', (signal) => api.get<Record<string, unknown>>('/console/system', {}, { signal }).catch(() => null));
    const noisy = useLoad('noisy', findNoisy);
    useLive('', (e) => e.kind === 'endpoint', noisy.reload);
    return (
        <>
            <Head title="System" />
            <Card title="Health">
                {health.error !== undefined && <ErrorNote error={health.error} retry={health.reload} />}
                {health.data && (
                    <Facts
                        items={[
                            ['State', <Badge key="s" tone={health.data.status === 'ok' ? 'good' : 'bad'}>{health.data.status === 'ok' ? 'Well' : health.data.status}</Badge>],
                            ['Answered in', milliseconds(health.data.tookMs)],
                            ...(system.data ? flatten(system.data) : []),
                        ]}
                    />
                )}
                {!health.data && health.loading && <Skeleton rows={1} />}
            </Card>
            <Card title="Noisy endpoints" flush>
                {noisy.error !== undefined && <ErrorNote error={noisy.error} retry={noisy.reload} />}
                {!noisy.data && noisy.loading && <Skeleton rows={4} />}
                {noisy.data?.length === 0 && <Empty title="No endpoint is failing." />}
                {noisy.data && noisy.data.length > 0 && (
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
                            {noisy.data.map(({ app, endpoint, last }) => (
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
                )}
            </Card>
            <Tasks />
        </>
    );
}
